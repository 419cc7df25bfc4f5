/* What is done with one queued message by hand: --show, --hold, --release, --remove. A user's own
 * in the system's spool, and whatever there is for root. */
#ifndef AGENT_MANAGE_H
#define AGENT_MANAGE_H

#include <stdio.h>

#include "agent/call.h"
#include "agent/mailq.h"

/* Does to options.entry_id what options.mode says; --show prints. EX_NOINPUT where there is no such
 * message, EX_TEMPFAIL where it is being tried, EX_DATAERR where it is damaged (and can only be
 * removed), EX_IOERR; else as mailq_open_spool. */
bool manage_run(struct call *call, struct error *error);

/* Prints what is known of the entry, and the message: as it is, or with every control character and
 * 8-bit octet escaped where `escape`. With options->json without the message. */
bool manage_show(struct spool *spool, const char *id, const struct mailq_options *options,
                 bool escape, FILE *stream, struct error *error);

/* Holding what is held, and releasing what is not, changes nothing. */
bool manage_mark(struct spool *spool, const char *id, enum record_kind kind, struct error *error);

bool manage_remove(struct spool *spool, const char *id, struct error *error);

#endif

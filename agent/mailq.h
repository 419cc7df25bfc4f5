/* The queue as its owner sees it: mailq, -bp, --queue, -bP. A user sees his own mail, root all that
 * is in the system's spool. */
#ifndef AGENT_MAILQ_H
#define AGENT_MAILQ_H

#include <stdio.h>

#include "agent/call.h"
#include "agent/mailq_report.h"

/* Prints what options.mode and options.json ask for. Where nothing is configured, and where there
 * is no spool yet, the queue is empty. Errors as call_load, call_open_spool and spool_walk_next. */
bool mailq_run(struct call *call, struct error *error);

/* Loads the configuration and opens its spool for looking at it: `found` is false where there is
 * none yet, or no configuration, and then none is made. Errors as call_load and call_open_spool. */
bool mailq_open_spool(struct call *call, bool *found, struct error *error);

struct mailq_options {
    const struct settings_queue *queue;
    bool json;
    int64_t now; /* wall clock, seconds */
};

/* Every entry of `spool` to `stream`, in the order of the directory; memory does not grow with
 * their number. EX_IOERR when it cannot be written. */
bool mailq_list(struct spool *spool, const struct mailq_options *options, FILE *stream,
                struct error *error);

/* How many entries wait. */
bool mailq_count(struct spool *spool, uint64_t *count, struct error *error);

/* What there is to say of an entry that is open. */
struct mailq_item mailq_describe(const struct entry *entry, const struct mailq_options *options);

#endif

/* What is left behind in the log: a line for each submission, and for what befalls the queue. */
#ifndef AGENT_REPORT_H
#define AGENT_REPORT_H

#include <sys/types.h>

#include "agent/mail.h"

/* Writes the one line that tells what became of `mail`. Where the log file could not get it, -v
 * says so on standard output. */
void report_mail(const struct mail *mail, const struct error *outcome);

/* What the line of an attempt at an entry of the queue says besides. */
struct report_attempt {
    const char *status; /* sent, deferred, failed, expired */
    const char *id;
    int64_t age; /* seconds */
    uid_t owner;
};

/* The same for such an attempt. */
void report_attempt(const struct mail *mail, const struct report_attempt *attempt,
                    const struct error *outcome);

/* The same for a recipient of -bs that was refused before there was a message. */
void report_recipient(const struct mail *mail, const char *address, const struct error *outcome);

/* One line about the entry `id` of the queue (NULL: about none) that is about no attempt. */
void report_event(int priority, const char *status, const char *id, const char *sentence);

#endif

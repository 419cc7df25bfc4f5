/* Running the queue: passes over the spool in which each account that has something due gets one
 * connection, and each entry at most one try. */
#ifndef AGENT_RUNNER_H
#define AGENT_RUNNER_H

#include "agent/mail.h"
#include "smtp/submission.h"

/* What -q and --flush ask for (options.run): one pass, or one after the other until a signal. True
 * when the passes were made, whatever became of the mail; what is still waiting is no failure.
 * EX_NOPERM, EX_CONFIG, EX_CANTCREAT, EX_IOERR. */
bool runner_run(struct call *call, struct error *error);

/* Tries what is due of `account` over its connection, which is left for nothing but
 * submission_free: 10 entries, and none is begun after 5 s. What the smarthost has not answered by
 * then is waited for behind the caller's back. Says nothing but in the log. */
void runner_take_along(struct call *call, const struct account *account,
                       struct submission *submission);

/* What is done for the queue once the outcome of a caller's mail is printed and logged, and cannot
 * change any more: over the connection that it left, what is due goes along; one that was queued by
 * -odb is tried in the background. */
void runner_go_on(struct mail *mail);

#endif

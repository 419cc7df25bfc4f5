/* What became of a message as a whole, of what became of it for each recipient: one exit code and
 * one sentence. */
#ifndef SMTP_OUTCOME_H
#define SMTP_OUTCOME_H

#include "smtp/submit.h"

/* The exit code (EX_* of <sysexits.h>) of a submission that nothing is queued of. `attempt` is the
 * error of submit_message, with exit_code EX_OK when the conversation came to its end. */
int outcome_exit_code(const struct envelope *envelope, const struct error *attempt);

/* Appends the sentence for anything but success: who was refused, who must be tried again, with the
 * server's words, and who did get the message where somebody did. */
void outcome_describe(const struct envelope *envelope, const struct error *attempt,
                      const struct submit_report *report, struct text *out);

#endif

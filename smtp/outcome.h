/* What became of a message as a whole, of what became of it for each recipient: one exit code and
 * one sentence. */
#ifndef SMTP_OUTCOME_H
#define SMTP_OUTCOME_H

#include "smtp/submit.h"

/* Judges a submission. `ending` is the error of submission_deliver, with exit_code EX_OK when the
 * conversation came to its end. True, with EX_OK, when everybody has the message or is
 * RECIPIENT_QUEUED. Otherwise the error has the exit code (EX_* of <sysexits.h>) and the sentence:
 * who was refused, who must be tried again, with the server's words, and who is queued or did get
 * the message where somebody did; permanent where a later attempt would not help one of them. */
bool outcome_judge(const struct envelope *envelope, const struct error *ending,
                   const struct submit_report *report, struct error *error);

#endif

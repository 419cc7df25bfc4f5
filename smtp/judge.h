/* What each answer in a transaction means for it and for its recipients. client->reply is the
 * answer; what follows from it is written into the transaction and the envelope. */
#ifndef SMTP_JUDGE_H
#define SMTP_JUDGE_H

#include "smtp/transaction.h"

/* RSET in front of the transaction. */
void judge_reset(struct transaction *transaction);

/* The login that rode in the flight. */
void judge_login(struct transaction *transaction);

void judge_mail(struct transaction *transaction);

/* RCPT, of the next recipient in the batch that has no answer. */
void judge_recipient(struct transaction *transaction);

void judge_data(struct transaction *transaction);

/* The last word on the message. */
void judge_end(struct transaction *transaction);

/* A refusal at `step` ("DATA"), unless there was one before. `blames_flight`: the way of asking may
 * be to blame, not the mail. */
void judge_refusal(struct transaction *transaction, const char *step, bool blames_flight);

/* The step that ends the message, for sentences: "BDAT", "end of DATA". */
const char *judge_end_step(const struct transaction *transaction);

#endif

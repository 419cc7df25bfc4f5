/* --check: what a person runs when mail does not flow. The account is used as for a mail, every
 * step is shown, and at the end stands what is wrong and what to change. */
#ifndef AGENT_CHECK_H
#define AGENT_CHECK_H

#include "agent/mail.h"

/* Loads the configuration of mail->call, goes through the conversation without a mail, and prints
 * what came of it on standard output, with --json for machines. False: mail cannot be sent, and why
 * has been printed (the exit code is the one a submission would have); nothing more is to be said
 * on standard error. */
bool check_run(struct mail *mail, struct error *error);

#endif

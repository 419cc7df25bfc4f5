/* Where an address leads to (-bv), and what the alias file says (-bi, newaliases). No mail is sent.
 */
#ifndef AGENT_NAMES_H
#define AGENT_NAMES_H

#include "agent/mail.h"

/* Prints for each argument where a mail without a header would go by the account that the options
 * choose, a line a target, in the words Sendmail uses. An address that leads nowhere has a line,
 * too, and its error is the one returned; the others are judged all the same. EX_CONFIG and
 * EX_USAGE as mail_choose_account. */
bool names_verify(struct mail *mail, struct error *error);

/* Hands each line of the alias file that is wrong, or that cannot be used here, to `complain`; says
 * with -v how many names it has. EX_CONFIG where something is wrong. */
bool names_check(struct call *call, void (*complain)(void *context, const char *sentence),
                 struct error *error);

#endif

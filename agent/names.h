/* Where an address leads to (-bv), and what the alias file says (-bi, newaliases). No mail is sent.
 */
#ifndef AGENT_NAMES_H
#define AGENT_NAMES_H

#include "agent/call.h"

/* Prints for each argument where its mail would go, a line a target, in the words Sendmail uses. An
 * address that leads nowhere has a line, too, and its error is the one returned; the others are
 * judged all the same. */
bool names_verify(struct call *call, struct error *error);

/* Hands each line of the alias file that is wrong, or that cannot be used here, to `complain`; says
 * with -v how many names it has. EX_CONFIG where something is wrong. */
bool names_check(struct call *call, void (*complain)(void *context, const char *sentence),
                 struct error *error);

#endif

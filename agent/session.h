/* -bs: a local caller speaks SMTP on standard input and output, and each of his messages is handed
 * on while he waits, over one connection to the smarthost. */
#ifndef AGENT_SESSION_H
#define AGENT_SESSION_H

#include "agent/call.h"

/* Runs the session to its end. Sender, recipients and sizes are judged as on the command line, a
 * recipient's and a message's verdict are the smarthost's own, and each message has its line in the
 * log. With a queue a recipient is refused only for good, and what cannot be sent now is queued.
 * Errors as server_run; EX_CONFIG and the like when the configuration cannot be used. */
bool session_run(struct call *call, const char *version, struct error *error);

#endif

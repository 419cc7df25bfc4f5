/* Whether a smarthost is there, proves its name, and takes a login: the conversation up to what
 * would be MAIL. No mail is sent. */
#ifndef AGENT_TRIAL_H
#define AGENT_TRIAL_H

#include "smtp/submit.h"

/* Connects and, where smarthost->sasl.user is set, logs in; then QUIT. `report` tells how far it
 * came. EX_PROTOCOL where no login is offered at all; other errors as submission_deliver before
 * MAIL.
 */
bool trial_run(const struct smarthost *smarthost, const struct trace *trace,
               struct submit_report *report, struct error *error);

#endif

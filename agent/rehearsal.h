/* --dry-run: what would be sent, to whom, through whom, and why it was changed. */
#ifndef AGENT_REHEARSAL_H
#define AGENT_REHEARSAL_H

#include "agent/mail.h"

/* Prints one reason for which the header was changed: for mail->note. */
void rehearsal_note(void *context, const char *sentence);

/* Prints the account, the envelope and the message of a mail that is ready to be submitted, on
 * standard output. Connects nowhere and runs no command. */
bool rehearsal_show(struct mail *mail, struct error *error);

#endif

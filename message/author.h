/* Who wrote a message, by its own header (RFC 5322 sections 3.6.2 and 3.6.6). */
#ifndef MESSAGE_AUTHOR_H
#define MESSAGE_AUTHOR_H

#include "base/text.h"
#include "message/message.h"

/* Appends the canonical form of the first mailbox of From to `address` (of ADDRESS_SIZE bytes); of
 * the first Resent-From where the message is a resent one, since who sends it on is not who wrote
 * it. `domain` is for a bare local part. Nothing is appended where there is no such mailbox, or
 * what stands there is no address. EX_IOERR, EX_OSERR. */
bool author_find(struct message *message, const char *domain, struct text *address,
                 struct error *error);

#endif

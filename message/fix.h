/* Making a caller's header one that servers take (RFC 5322 section 3.6, RFC 6409 section 8): what
 * is missing is added, what is wrong is mended, what must not leave is taken out. */
#ifndef MESSAGE_FIX_H
#define MESSAGE_FIX_H

#include <time.h>

#include "message/envelope.h"
#include "message/message.h"

enum fix_from { FIX_FROM_ADD, FIX_FROM_KEEP, FIX_FROM_REPLACE };

struct fix_options {
    enum fix_from from_header;
    bool add_date, add_message_id, remove_bcc;
    const char *domain; /* for bare local parts, and the right side of Message-ID */
    const char *from;   /* mailbox for From where it is added or replaced: the envelope sender's, or
                           login@domain for the null sender */
    const char *full_name; /* its display name in UTF-8 or any bytes; NULL for none */
    time_t now;
    bool utf8; /* SMTPUTF8 is going to be asked for: raw UTF-8 stays in the header */
    void (*note)(void *context, const char *sentence); /* told why each thing was changed; NULL */
    void *note_context;
};

/* Writes the mended header behind what the store holds and points message->header at it. EX_IOERR,
 * EX_OSERR. */
bool fix_header(struct message *message, const struct fix_options *options, struct error *error);

#endif

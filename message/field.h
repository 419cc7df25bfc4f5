/* The header fields that mean something to a submission agent, in one table. */
#ifndef MESSAGE_FIELD_H
#define MESSAGE_FIELD_H

#include "base/slice.h"

enum field_id {
    FIELD_OTHER,
    FIELD_GARBAGE, /* not a field at all */
    FIELD_FROM,
    FIELD_SENDER,
    FIELD_REPLY_TO,
    FIELD_TO,
    FIELD_CC,
    FIELD_BCC,
    FIELD_DATE,
    FIELD_MESSAGE_ID,
    FIELD_SUBJECT,
    FIELD_RESENT_FROM,
    FIELD_RESENT_SENDER,
    FIELD_RESENT_TO,
    FIELD_RESENT_CC,
    FIELD_RESENT_BCC,
    FIELD_RESENT_DATE,
    FIELD_RESENT_MESSAGE_ID,
    FIELD_RETURN_PATH,
    FIELD_MIME_VERSION,
    FIELD_CONTENT_TYPE,
    FIELD_CONTENT_TRANSFER_ENCODING,
    FIELD_DKIM_SIGNATURE,
    FIELD_COUNT
};

enum field_kind {
    FIELD_UNSTRUCTURED, /* free text: encoded words may stand anywhere (also every unknown field) */
    FIELD_ADDRESSES,    /* an address list: encoded words in phrases and comments */
    FIELD_STRUCTURED    /* tokens: no encoded words outside comments */
};

/* The line limit of RFC 5322 section 2.1.1 bounds a name, too. */
enum { FIELD_NAME_LIMIT = 998 };

/* Splits a field at its colon. False when `field` does not start like one: a name is printable
 * ASCII without blanks and colon, then blanks (a CR counts as one) are tolerated, then comes the
 * colon, after at most FIELD_NAME_LIMIT octets. `value` is everything behind the colon. */
bool field_split(struct slice field, struct slice *name, struct slice *value);

/* By name, ASCII case-insensitively. */
enum field_id field_find(struct slice name);
enum field_kind field_kind(enum field_id id);

/* The name as it is best written: "Message-ID"; "" for FIELD_OTHER and FIELD_GARBAGE. */
const char *field_name(enum field_id id);

/* True for the Resent- ones. */
bool field_is_resent(enum field_id id);

#endif

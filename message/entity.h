/* What the header of a message or of a part says of its body (RFC 2045), and that header written
 * again with what is to be said now. */
#ifndef MESSAGE_ENTITY_H
#define MESSAGE_ENTITY_H

#include "message/encoder.h"
#include "message/message.h"
#include "message/survey.h"

enum { ENTITY_BOUNDARY_LIMIT = 250 }; /* octets; RFC 2046 permits 70 */

/* What Content-Transfer-Encoding says of the body. */
enum entity_encoding {
    ENTITY_SEVEN_BIT, /* also where there is no such field */
    ENTITY_EIGHT_BIT, /* or binary */
    ENTITY_QUOTED_PRINTABLE,
    ENTITY_BASE64,
    ENTITY_UNKNOWN /* x-... */
};

enum entity_kind {
    ENTITY_LEAF,
    ENTITY_MULTIPART,
    ENTITY_MESSAGE, /* message/rfc822, not encoded: a header and a body of its own inside */
    ENTITY_SEALED,  /* signed or encrypted: nothing of the body may change */
    ENTITY_STATUS /* message/partial, message/delivery-status and others that may not be encoded */
};

enum entity_charset {
    ENTITY_CHARSET_GOOD, /* there is one, or none is needed */
    ENTITY_CHARSET_NONE, /* text/... without: a claim of US-ASCII */
    ENTITY_CHARSET_ASCII /* US-ASCII by one of its names */
};

/* Of fields that are there more than once the first counts. */
struct entity {
    bool has_version, has_type, has_encoding;
    enum entity_encoding encoding;
    enum entity_kind kind;
    enum entity_charset charset;
    bool is_markup; /* text/html, text/xml: the text may name its charset itself */
    bool is_digest; /* multipart/digest: its parts are messages unless they say otherwise */
    bool has_dkim;  /* a DKIM-Signature covers header and body */
    char boundary[ENTITY_BOUNDARY_LIMIT + 1]; /* "" where there is none that can be looked for */
};

/* Fills `entity` from the header that stands at `header` in `message`'s store. `in_digest`: a
 * missing type means message/rfc822. EX_IOERR, EX_OSERR. */
bool entity_inspect(struct entity *entity, struct message *message, struct extent header,
                    bool in_digest, struct error *error);

/* True for quoted-printable, base64, and what is unknown. */
bool entity_is_encoded(const struct entity *entity);

/* What a header is to say. NULL, false: as it is. */
struct entity_labels {
    const char *encoding; /* Content-Transfer-Encoding, in place of the old one, else at the end */
    const char *type;     /* Content-Type, added at the end */
    const char *charset;  /* put into Content-Type */
    bool version;         /* MIME-Version added at the end */
    bool mend; /* fields with NULs, lines over 998 octets or, unless `eight_bit`, 8-bit octets are
                  written so that they have none: as fix_header does, in a field of more than
                  HEADER_PIECE '?' for each octet. One whose name starts with a hyphen, and so might
                  become a boundary, is left out; of what is no field the first line is kept */
    bool eight_bit;
    uint64_t encoding_at; /* filled in: where the value of `encoding` stands in the store */
};

/* How a body like `survey` is to be encoded, with the labels for it. */
enum encoder_kind entity_choose(const struct entity *entity, const struct survey *survey,
                                struct entity_labels *labels);

/* The Content-Type of untyped text like `survey`. */
const char *entity_find_type(const struct survey *survey);

/* The charset that text like `survey` should name; NULL where what the entity says may stay. */
const char *entity_find_charset(const struct entity *entity, const struct survey *survey);

/* Writes the header behind what the store holds. EX_IOERR, EX_OSERR. */
bool entity_write(struct message *message, struct extent header, struct entity_labels *labels,
                  struct error *error);

#endif

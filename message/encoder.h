/* A body as quoted-printable or base64 (RFC 2045 section 6), in pieces of any size; also one that
 * is in one of these already, but not as it should be. */
#ifndef MESSAGE_ENCODER_H
#define MESSAGE_ENCODER_H

#include "message/store.h"

enum encoder_kind {
    ENCODER_QUOTED_PRINTABLE,
    ENCODER_BASE64,
    ENCODER_FROM_QUOTED, /* quoted-printable made clean: what an '=' begins means what it meant */
    ENCODER_FROM_BASE64  /* base64 in lines of the right length, without what a decoder skips */
};
enum { ENCODER_LINE_LIMIT = 76, ENCODER_ESCAPE_LIMIT = 64 };

struct encoder {
    enum encoder_kind kind;
    bool guarded; /* set it behind encoder_open: no line starts with a '-', so that none can be
                     taken for a boundary */
    struct store *store; /* gets the encoded lines */
    struct buffer ready; /* encoded, not yet appended */
    size_t column;       /* of the line under way */
    size_t from;   /* how much of "From" the line under way consists of; 5 when it is no more */
    char blank;    /* quoted-printable: a blank that may turn out to be the last of its line */
    bool carriage; /* a CR that may turn out to be the first half of a line end */
    size_t begun;  /* ENCODER_FROM_QUOTED: octets in `escape` */
    char escape[ENCODER_ESCAPE_LIMIT]; /* an '=' and what may belong to it */
    size_t held;                       /* base64: octets short of a full line */
    char line[57];
};

/* Starts a body that goes behind what the store holds. */
void encoder_open(struct encoder *encoder, enum encoder_kind kind, struct store *store);

/* CRLF stays a line end in quoted-printable; blanks before it, "From " at the start of a line and a
 * dot there are encoded. EX_IOERR, EX_OSERR. */
bool encoder_add(struct encoder *encoder, struct slice octets, struct error *error);

/* Ends the last line, which is complete then. */
bool encoder_end(struct encoder *encoder, struct error *error);

void encoder_close(struct encoder *encoder);

/* All of the above for a stretch of `store` itself. */
bool encoder_encode(struct store *store, struct extent extent, enum encoder_kind kind, bool guarded,
                    struct error *error);

#endif

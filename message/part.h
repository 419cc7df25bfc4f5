/* Messages with parts (RFC 2046): each part that a server or the wire cannot carry is encoded, in
 * multiparts and messages within each other down to PART_DEPTH of them; all other octets stay. */
#ifndef MESSAGE_PART_H
#define MESSAGE_PART_H

#include "message/entity.h"

enum { PART_DEPTH = 32 };

/* Why a part that should be encoded goes as it is. */
enum part_obstacle {
    PART_ENCODABLE,
    PART_IS_SEALED,       /* signed or encrypted */
    PART_IS_STATUS,       /* of a type that may not be encoded */
    PART_IS_UNKNOWN,      /* in an encoding not known here */
    PART_HAS_NO_BOUNDARY, /* a multipart that names none, or in which it does not occur */
    PART_IS_TOO_DEEP,
    PART_OBSTACLES
};

struct part_report {
    size_t encoded;
    size_t headers;              /* of parts, mended */
    size_t around;               /* stretches before, between and behind parts, mended */
    size_t left[PART_OBSTACLES]; /* not encoded, though they should be */
};

/* What keeps a body from being encoded. For a multipart or a message it says whether part_fit can
 * look inside. */
enum part_obstacle part_find_obstacle(const struct entity *entity);

/* Makes the parts of a multipart or message/rfc822, `top`, fit for a server (`eight_bit`: it offers
 * 8BITMIME): behind what the store holds stands the new body, if anything was to be changed, and
 * message's facts of the body follow. The message's own header is not touched.
 *
 * A part is encoded as mime_fit encodes a body; its Content-Transfer-Encoding is replaced in place
 * or added. That of multiparts and messages becomes 7bit where all inside does. Fields of parts
 * that do not fit are mended (entity_write). Text around parts, which no reader shows, loses what
 * is beyond 998 octets of a line, and has '?' for NUL and 8-bit octets. A signature by DKIM of a
 * message within this one is not spared: nobody checks it there.
 *
 * Lines are taken as readers take them: a boundary is one with nothing but blanks behind it (up to
 * LINES_PIECE octets), the innermost open one first; a header ends at a blank line, or before the
 * first line that is no field. What is not closed ends with what is around it. EX_IOERR,
 * EX_OSERR. */
bool part_fit(struct message *message, const struct entity *top, bool eight_bit,
              struct part_report *report, struct error *error);

#endif

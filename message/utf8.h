/* Is it UTF-8? Asked of text that comes in pieces, cut anywhere (RFC 3629). */
#ifndef MESSAGE_UTF8_H
#define MESSAGE_UTF8_H

#include "base/slice.h"

struct utf8 {
    unsigned char missing;   /* bytes still due in the character under way */
    unsigned char low, high; /* what the next of them may be */
    bool broken;             /* something was not UTF-8 */
};

/* A zeroed struct stands before the first byte. */

void utf8_add(struct utf8 *utf8, struct slice piece);

/* True when all pieces together were well-formed. */
bool utf8_ended_well(const struct utf8 *utf8);

#endif

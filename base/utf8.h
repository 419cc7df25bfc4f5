/* Is it UTF-8 (RFC 3629: no surrogates, no overlong forms)? Asked of text in one piece, or in many
 * that are cut anywhere. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

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

/* The same of one piece that is all there is. */
bool utf8_is_valid(struct slice text);

/* Cuts the first character off `rest`, which is valid UTF-8 and not empty. */
uint32_t utf8_cut(struct slice *rest);

#endif

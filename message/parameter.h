/* The value of a Content- field: what it says first, and its parameters (RFC 2045 section 5.1). */
#ifndef MESSAGE_PARAMETER_H
#define MESSAGE_PARAMETER_H

#include "base/text.h"

struct parameter {
    struct slice name; /* without the '=' */
    struct slice
        value; /* as written, with quotes; between a ';' and the next nothing else counts */
};

/* What stands before the first ';', without comments and blanks ("text/plain", "8bit"), appended to
 * `out`; the offset behind its last octet. */
size_t parameter_token(struct slice value, struct text *out);

/* The next parameter of `rest` (a whole value at first), cut off it; false when there is none left.
 * What is no parameter is passed over. Comments and folds may stand anywhere between tokens. */
bool parameter_next(struct slice *rest, struct parameter *parameter);

/* The next octet of what a parameter's value means, without quotes, backslashes and folds, cut off
 * `value`; false at its end. `quoted` is false before the first one. */
bool parameter_octet(struct slice *value, bool *quoted, char *octet);

/* All of it, appended to `out`. */
void parameter_meaning(struct slice value, struct text *out);

#endif

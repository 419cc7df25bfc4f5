/* A bounded, always NUL-terminated string under construction. Overflow is sticky: append freely,
 * ask once at the end. What did not fit is cut off, nothing is ever written past the buffer. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include "base/slice.h"

struct text {
    char *bytes;   /* the caller's buffer, bytes[length] == 0 */
    size_t size;   /* of the buffer, at least 1 */
    size_t length; /* used, without the NUL */
    bool overflow; /* something did not fit */
};

enum { TEXT_SHOWN_LIMIT = 256 }; /* no value from outside is shown longer than this */

/* Starts an empty text in the caller's buffer. */
void text_init(struct text *text, char *buffer, size_t size);

void text_add(struct text *text, const char *string);
void text_add_slice(struct text *text, struct slice slice);
void text_add_byte(struct text *text, char byte);
void text_add_format(struct text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Copies as much of `string` as fits; false when that was not all. */
bool text_copy(char *buffer, size_t size, const char *string);

/* Appends bytes from outside so that they are safe to show: printable ASCII stays, backslash
 * becomes \\, everything else \r \n \t or \xHH; at most `limit` bytes of output, then "...".
 * Neither the limit nor an overflow cuts an escape in two. */
void text_add_escaped(struct text *text, struct slice slice, size_t limit);

/* The same between double quotes; one inside becomes \". */
void text_add_quoted(struct text *text, struct slice slice, size_t limit);

struct slice text_slice(const struct text *text);

/* Escapes `slice` into the caller's buffer, at most TEXT_SHOWN_LIMIT bytes, and returns the buffer:
 * for use inside a format's arguments. */
struct text_shown {
    char bytes[TEXT_SHOWN_LIMIT + 4];
};
const char *text_show(struct text_shown *shown, struct slice slice);

#endif

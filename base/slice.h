/* A run of bytes that belongs to somebody else. Never NUL-terminated by promise; bytes from outside
 * travel as slices so that a NUL in them is a byte like any other. */
#ifndef BASE_SLICE_H
#define BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct slice {
    const char *bytes;
    size_t length;
};

struct slice slice_make(const char *bytes, size_t length);

/* The bytes of a NUL-terminated string; NULL gives the empty slice. */
struct slice slice_of(const char *string);

bool slice_equals(struct slice a, struct slice b);

/* ASCII case folding only, in no locale. */
bool slice_equals_nocase(struct slice a, struct slice b);
bool slice_starts_nocase(struct slice s, const char *prefix);

/* What is left from `offset` on; empty when offset is past the end. */
struct slice slice_from(struct slice s, size_t offset);

/* The first `length` bytes, or all when there are fewer. */
struct slice slice_to(struct slice s, size_t length);

/* Without blanks (space, tab, CR, LF) at both ends. */
struct slice slice_trim(struct slice s);

/* Offset of the first `byte`, or s.length when there is none. */
size_t slice_find(struct slice s, char byte);

/* Cuts the next piece before `delimiter` off `rest` (which then starts behind the delimiter).
 * False when `rest` was empty: "a,b" gives a, b; "a," gives a; "" gives nothing. */
bool slice_cut(struct slice *rest, char delimiter, struct slice *piece);

/* Cuts the next run of non-blanks off `rest`; false when only blanks are left. */
bool slice_cut_word(struct slice *rest, struct slice *word);

/* Decimal digits only, no sign, no blanks, value at most `limit`. */
bool slice_parse_number(struct slice s, uint64_t limit, uint64_t *value);

/* True when a byte of s is 0x80 or above. */
bool slice_has_8bit(struct slice s);

/* True when all of s is printable ASCII, spaces included; of nothing as well. */
bool slice_is_printable(struct slice s);

/* How many bytes below 0x80 s starts with. */
size_t slice_count_ascii(struct slice s);

#endif

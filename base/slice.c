/* Runs of bytes. Invariant: nothing outside the slice is ever read, and a NUL ends nothing. */
#include "base/slice.h"

#include <string.h>

#include "base/ascii.h"

struct slice slice_make(const char *bytes, size_t length)
{
    return (struct slice){bytes, length};
}

struct slice slice_of(const char *string)
{
    if (string == NULL)
        return slice_make("", 0);
    return slice_make(string, strlen(string));
}

bool slice_equals(struct slice a, struct slice b)
{
    if (a.length != b.length)
        return false;
    return a.length == 0 || memcmp(a.bytes, b.bytes, a.length) == 0;
}

bool slice_equals_nocase(struct slice a, struct slice b)
{
    if (a.length != b.length)
        return false;
    for (size_t i = 0; i < a.length; i++) {
        if (ascii_lower(a.bytes[i]) != ascii_lower(b.bytes[i]))
            return false;
    }
    return true;
}

bool slice_starts_nocase(struct slice s, const char *prefix)
{
    struct slice start = slice_of(prefix);
    return s.length >= start.length && slice_equals_nocase(slice_to(s, start.length), start);
}

struct slice slice_from(struct slice s, size_t offset)
{
    if (s.length == 0)
        return s;
    if (offset > s.length)
        offset = s.length;
    return slice_make(s.bytes + offset, s.length - offset);
}

struct slice slice_to(struct slice s, size_t length)
{
    return slice_make(s.bytes, length < s.length ? length : s.length);
}

struct slice slice_trim(struct slice s)
{
    while (s.length > 0 && ascii_is_space(s.bytes[0]))
        s = slice_from(s, 1);
    while (s.length > 0 && ascii_is_space(s.bytes[s.length - 1]))
        s.length--;
    return s;
}

size_t slice_find(struct slice s, char byte)
{
    const char *found = s.length > 0 ? memchr(s.bytes, byte, s.length) : NULL;
    return found != NULL ? (size_t)(found - s.bytes) : s.length;
}

bool slice_cut(struct slice *rest, char delimiter, struct slice *piece)
{
    if (rest->length == 0)
        return false;
    size_t end = slice_find(*rest, delimiter);
    *piece = slice_to(*rest, end);
    *rest = slice_from(*rest, end + 1);
    return true;
}

bool slice_cut_word(struct slice *rest, struct slice *word)
{
    size_t start = 0;
    while (start < rest->length && ascii_is_space(rest->bytes[start]))
        start++;
    *rest = slice_from(*rest, start);

    size_t end = 0;
    while (end < rest->length && !ascii_is_space(rest->bytes[end]))
        end++;
    *word = slice_to(*rest, end);
    *rest = slice_from(*rest, end);
    return end > 0;
}

bool slice_parse_number(struct slice s, uint64_t limit, uint64_t *value)
{
    uint64_t number = 0;
    for (size_t i = 0; i < s.length; i++) {
        if (s.bytes[i] < '0' || s.bytes[i] > '9')
            return false;
        uint64_t digit = (uint64_t)(s.bytes[i] - '0');
        if (number > limit / 10 || digit > limit - number * 10)
            return false;
        number = number * 10 + digit;
    }
    if (s.length == 0)
        return false;
    *value = number;
    return true;
}

/* Eight at a time, because whole messages come through. */
size_t slice_count_ascii(struct slice s)
{
    size_t count = 0;
    uint64_t eight;
    while (s.length - count >= sizeof eight) {
        memcpy(&eight, s.bytes + count, sizeof eight);
        if ((eight & UINT64_C(0x8080808080808080)) != 0)
            break;
        count += sizeof eight;
    }
    while (count < s.length && (unsigned char)s.bytes[count] < 0x80)
        count++;
    return count;
}

bool slice_is_printable(struct slice s)
{
    for (size_t i = 0; i < s.length; i++)
        if (!ascii_is_printable(s.bytes[i]))
            return false;
    return true;
}

bool slice_has_8bit(struct slice s)
{
    return slice_count_ascii(s) < s.length;
}

/* Bounded strings. Invariants: length < size, bytes[length] is NUL, and after the first byte that
 * did not fit nothing more is appended, so that a cut text has no holes. */
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static size_t text_room(const struct text *text)
{
    return text->overflow ? 0 : text->size - 1 - text->length;
}

void text_init(struct text *text, char *buffer, size_t size)
{
    *text = (struct text){.bytes = buffer, .size = size};
    buffer[0] = '\0';
}

void text_add(struct text *text, const char *string)
{
    text_add_slice(text, slice_of(string));
}

void text_add_slice(struct text *text, struct slice slice)
{
    size_t room = text_room(text);
    if (slice.length > room)
        text->overflow = true;
    slice = slice_to(slice, room);
    if (slice.length == 0)
        return;
    memcpy(text->bytes + text->length, slice.bytes, slice.length);
    text->length += slice.length;
    text->bytes[text->length] = '\0';
}

bool text_copy(char *buffer, size_t size, const char *string)
{
    struct text text;
    text_init(&text, buffer, size);
    text_add(&text, string);
    return !text.overflow;
}

void text_add_byte(struct text *text, char byte)
{
    text_add_slice(text, slice_make(&byte, 1));
}

void text_add_format(struct text *text, const char *format, ...)
{
    if (text->overflow)
        return;
    size_t room = text_room(text);
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text->bytes + text->length, room + 1, format, arguments);
    va_end(arguments);

    text->overflow = length < 0 || (size_t)length > room;
    if (length > 0)
        text->length += text->overflow ? room : (size_t)length;
    text->bytes[text->length] = '\0';
}

/* Writes what stands for `byte` into `escape` and returns its length. */
static size_t escape_byte(char byte, char quote, char escape[4])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char value = (unsigned char)byte;
    if (value >= 0x20 && value < 0x7f && byte != '\\' && byte != quote) {
        escape[0] = byte;
        return 1;
    }
    escape[0] = '\\';
    escape[1] = byte == '\r' ? 'r' : byte == '\n' ? 'n' : byte == '\t' ? 't' : byte;
    if (escape[1] != byte || byte == '\\' || byte == quote)
        return 2;
    escape[1] = 'x';
    escape[2] = digits[value >> 4];
    escape[3] = digits[value & 0xf];
    return 4;
}

/* `quote` is escaped as well; a backslash when there is no such character. */
static void add_escapes(struct text *text, struct slice slice, size_t limit, char quote)
{
    size_t used = 0;
    for (size_t i = 0; i < slice.length; i++) {
        char escape[4];
        size_t length = escape_byte(slice.bytes[i], quote, escape);
        if (length > limit - used) {
            text_add(text, "...");
            return;
        }
        /* Half an escape would change its meaning. */
        if (length > text_room(text)) {
            text->overflow = true;
            return;
        }
        text_add_slice(text, slice_make(escape, length));
        used += length;
    }
}

void text_add_escaped(struct text *text, struct slice slice, size_t limit)
{
    add_escapes(text, slice, limit, '\\');
}

void text_add_quoted(struct text *text, struct slice slice, size_t limit)
{
    text_add_byte(text, '"');
    add_escapes(text, slice, limit, '"');
    text_add_byte(text, '"');
}

struct slice text_slice(const struct text *text)
{
    return slice_make(text->bytes, text->length);
}

const char *text_show(struct text_shown *shown, struct slice slice)
{
    struct text text;
    text_init(&text, shown->bytes, sizeof shown->bytes);
    text_add_escaped(&text, slice, TEXT_SHOWN_LIMIT);
    return shown->bytes;
}

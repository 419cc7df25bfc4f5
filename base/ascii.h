/* Classes of characters in ASCII, in no locale; no byte of 0x80 or above belongs to any. */
#ifndef BASE_ASCII_H
#define BASE_ASCII_H

#include <stdbool.h>

/* A space or a tab: what RFC 5234 calls WSP. */
static inline bool ascii_is_blank(char byte)
{
    return byte == ' ' || byte == '\t';
}

/* A blank, or one half of a line end. */
static inline bool ascii_is_space(char byte)
{
    return ascii_is_blank(byte) || byte == '\r' || byte == '\n';
}

static inline bool ascii_is_control(char byte)
{
    return (unsigned char)byte < 0x20 || byte == 0x7f;
}

/* What stands for itself on paper; a space too. */
static inline bool ascii_is_printable(char byte)
{
    return byte >= ' ' && byte < 0x7f;
}

static inline char ascii_lower(char byte)
{
    return byte >= 'A' && byte <= 'Z' ? (char)(byte - 'A' + 'a') : byte;
}

#endif

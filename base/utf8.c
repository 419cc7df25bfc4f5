/* A checker for UTF-8 in pieces (RFC 3629 section 4). Invariant: between two bytes the state says
 * how many continuation bytes are due and in which range the next one lies; only the first
 * continuation byte has a range narrower than 80-BF. */
#include "base/utf8.h"

static void start_character(struct utf8 *utf8, unsigned char first)
{
    utf8->low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    utf8->high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (first >= 0xc2 && first <= 0xdf)
        utf8->missing = 1;
    else if (first >= 0xe0 && first <= 0xef)
        utf8->missing = 2;
    else if (first >= 0xf0 && first <= 0xf4)
        utf8->missing = 3;
    else
        utf8->broken = true;
}

static void continue_character(struct utf8 *utf8, unsigned char next)
{
    utf8->broken = next < utf8->low || next > utf8->high;
    utf8->missing--;
    utf8->low = 0x80;
    utf8->high = 0xbf;
}

void utf8_add(struct utf8 *utf8, struct slice piece)
{
    while (!utf8->broken) {
        if (utf8->missing == 0)
            piece = slice_from(piece, slice_count_ascii(piece));
        if (piece.length == 0)
            return;
        unsigned char byte = (unsigned char)piece.bytes[0];
        if (utf8->missing == 0)
            start_character(utf8, byte);
        else
            continue_character(utf8, byte);
        piece = slice_from(piece, 1);
    }
}

bool utf8_ended_well(const struct utf8 *utf8)
{
    return !utf8->broken && utf8->missing == 0;
}

bool utf8_is_valid(struct slice text)
{
    struct utf8 utf8 = {0};
    utf8_add(&utf8, text);
    return utf8_ended_well(&utf8);
}

uint32_t utf8_cut(struct slice *rest)
{
    unsigned char lead = (unsigned char)rest->bytes[0];
    size_t more = lead < 0x80 ? 0 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
    uint32_t character = more == 0 ? lead : lead & (0x3fu >> more);
    for (size_t i = 1; i <= more; i++)
        character = character << 6 | ((unsigned char)rest->bytes[i] & 0x3f);
    *rest = slice_from(*rest, more + 1);
    return character;
}

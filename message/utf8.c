/* A checker for UTF-8 in pieces (RFC 3629 section 4). Invariant: between two bytes the state says
 * how many continuation bytes are due and in which range the next one lies; only the first
 * continuation byte has a range narrower than 80-BF. */
#include "message/utf8.h"

static void start_character(struct utf8 *utf8, unsigned char first)
{
    utf8->low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    utf8->high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (first < 0x80)
        utf8->missing = 0;
    else if (first >= 0xc2 && first <= 0xdf)
        utf8->missing = 1;
    else if (first >= 0xe0 && first <= 0xef)
        utf8->missing = 2;
    else if (first >= 0xf0 && first <= 0xf4)
        utf8->missing = 3;
    else
        utf8->broken = true;
}

void utf8_add(struct utf8 *utf8, struct slice piece)
{
    for (size_t i = 0; i < piece.length && !utf8->broken; i++) {
        unsigned char byte = (unsigned char)piece.bytes[i];
        if (utf8->missing == 0) {
            if (byte >= 0x80)
                start_character(utf8, byte);
            continue;
        }
        utf8->broken = byte < utf8->low || byte > utf8->high;
        utf8->missing--;
        utf8->low = 0x80;
        utf8->high = 0xbf;
    }
}

bool utf8_ended_well(const struct utf8 *utf8)
{
    return !utf8->broken && utf8->missing == 0;
}

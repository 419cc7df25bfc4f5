/* The end of a message, octet by octet. Invariant: the message ends at LINE-END "." LINE-END and
 * nowhere else, wherever the octets are cut into pieces. */
#include "smtp/framing.h"

static void take_one(struct slice *rest)
{
    *rest = slice_from(*rest, 1);
}

/* One octet behind the dot that starts a line: part of the end, or the line goes on. */
static void judge_dot(struct framing *framing, struct slice *rest)
{
    bool behind_cr = framing->place == FRAMING_BEHIND_DOT_CR;
    char byte = rest->bytes[0];
    if (byte == '\n' && (behind_cr || framing->line_feed_only)) {
        framing->ended = true;
        take_one(rest);
    } else if (byte == '\r' && !behind_cr && !framing->line_feed_only) {
        framing->place = FRAMING_BEHIND_DOT_CR;
        take_one(rest);
    } else {
        framing->mixed = framing->mixed || behind_cr;
        framing->place = FRAMING_IN_LINE;
    }
}

/* Takes the dot at the start of a line, and the end of the message where it stands for that. */
static void take_dot(struct framing *framing, struct slice *rest)
{
    while (rest->length > 0 && !framing->ended) {
        bool starts = framing->place == FRAMING_LINE_START && rest->bytes[0] == '.';
        if (starts) {
            framing->place = FRAMING_BEHIND_DOT;
            take_one(rest);
        } else if (framing->place == FRAMING_BEHIND_DOT ||
                   framing->place == FRAMING_BEHIND_DOT_CR) {
            judge_dot(framing, rest);
        } else {
            return;
        }
    }
}

static bool is_line_byte(char byte)
{
    return byte == '\r' || byte == '\n';
}

/* Where a CR or LF leads to. */
static enum framing_place behind_line_byte(struct framing *framing, char byte)
{
    bool behind_cr = framing->place == FRAMING_BEHIND_CR;
    if (byte == '\n' && behind_cr != framing->line_feed_only)
        return FRAMING_LINE_START;
    if (byte == '\r' && !framing->line_feed_only) {
        framing->mixed = framing->mixed || behind_cr;
        return FRAMING_BEHIND_CR;
    }
    framing->mixed = true;
    return FRAMING_IN_LINE;
}

/* Steps over a run without line ends, or over one CR or LF; how many octets that was. */
static size_t step(struct framing *framing, struct slice octets)
{
    size_t run = 0;
    while (run < octets.length && !is_line_byte(octets.bytes[run]))
        run++;
    if (run == 0) {
        framing->place = behind_line_byte(framing, octets.bytes[0]);
        return 1;
    }
    framing->mixed = framing->mixed || framing->place == FRAMING_BEHIND_CR;
    framing->place = FRAMING_IN_LINE;
    return run;
}

struct slice framing_next(struct framing *framing, struct slice *rest)
{
    size_t length = 0;
    take_dot(framing, rest);
    if (framing->ended)
        return slice_to(*rest, 0);
    while (length < rest->length &&
           !(framing->place == FRAMING_LINE_START && rest->bytes[length] == '.'))
        length += step(framing, slice_from(*rest, length));
    struct slice piece = slice_to(*rest, length);
    *rest = slice_from(*rest, length);
    return piece;
}

void framing_look(struct framing *framing, struct slice octets)
{
    while (octets.length > 0)
        octets = slice_from(octets, step(framing, octets));
}

void framing_look_last(struct framing *framing)
{
    framing->mixed = framing->mixed || framing->place == FRAMING_BEHIND_CR;
}

/* Where a message ends that a caller sends: behind DATA by a lone dot (RFC 5321 section 4.5.2),
 * behind BDAT by count (RFC 3030). The session has one line end, CRLF or LF alone, and a message in
 * it has no other CR or LF: what other programs could take for the end of a message, or for a line
 * of it, is found and never taken for either. */
#ifndef SMTP_FRAMING_H
#define SMTP_FRAMING_H

#include "base/slice.h"

enum framing_place {
    FRAMING_LINE_START,
    FRAMING_BEHIND_DOT,    /* the first octet of a line, left out */
    FRAMING_BEHIND_DOT_CR, /* and a CR behind it, which may begin the end */
    FRAMING_BEHIND_CR,
    FRAMING_IN_LINE
};

/* Starts as {.line_feed_only = ...}, behind the line end of the command. */
struct framing {
    bool line_feed_only; /* LF is the line end, else CRLF */
    bool ended;          /* the lone dot and its line end were seen */
    bool mixed;          /* there was a CR or LF that is no part of a line end: refuse it */
    enum framing_place place;
};

/* DATA: cuts the next octets of the message off `rest`, without the dots that were added. Empty
 * when `rest` is used up or the message has ended, and `rest` then starts behind its end. */
struct slice framing_next(struct framing *framing, struct slice *rest);

/* BDAT: looks at the next octets of the message, which dots mean nothing to. */
void framing_look(struct framing *framing, struct slice octets);

/* BDAT: behind the last of them. */
void framing_look_last(struct framing *framing);

#endif

/* A server's reply (RFC 5321 section 4.2) and its incremental parser with hard caps. */
#ifndef SMTP_REPLY_H
#define SMTP_REPLY_H

#include "base/error.h"
#include "smtp/mask.h"

enum {
    REPLY_LINE_LIMIT = 4096, /* octets with line end */
    REPLY_LINES_LIMIT = 1000,
    REPLY_TOTAL_LIMIT = 128 * 1024,
    REPLY_TEXT_SIZE = 16 * 1024,
    REPLY_WORDS_SIZE = 1024
};

struct reply {
    int code;                           /* 200 to 599; 0 before the first line */
    char enhanced[ERROR_ENHANCED_SIZE]; /* "5.1.1" of the first line (RFC 2034), "" without one */
    size_t lines, octets;               /* read so far */
    const struct mask *mask;            /* hides secrets wherever the text is shown */
    size_t length;                      /* of text */
    char text[REPLY_TEXT_SIZE];         /* what stands behind the codes, as received, to be parsed
                                           and not shown; a '\n' behind each line; lines that do
                                           not fit are left out; NUL-terminated */
};

enum reply_status { REPLY_MORE, REPLY_COMPLETE, REPLY_BROKEN };

/* An empty reply, before the first octet. */
void reply_start(struct reply *reply);

/* Takes the complete lines of one reply off the start of `input`; `used` is how many octets that
 * were. `mask` must outlive the reply. REPLY_BROKEN: EX_PROTOCOL, "the server breaks the protocol:
 * ...". */
enum reply_status reply_take(struct reply *reply, struct slice input, const struct mask *mask,
                             size_t *used, struct error *error);

/* The first digit of its code. */
int reply_class(const struct reply *reply);

/* True when the reply has this enhanced status, whatever its class: ".3.4" for 5.3.4 and 4.3.4. */
bool reply_has_detail(const struct reply *reply, const char *detail);

/* The length of the enhanced status of `class` that `text` starts with ("5.1.1"), 0 without one. */
size_t reply_enhanced_length(struct slice text, int class);

/* Appends the reply on one line, masked and unescaped: "550 5.1.1 no such user", the lines joined
 * by blanks and the status of the first not repeated. */
void reply_words(const struct reply *reply, struct text *out);

/* The same escaped, bounded to TEXT_SHOWN_LIMIT; returns shown's bytes. */
const char *reply_show(const struct reply *reply, struct text_shown *shown);

#endif

/* Replies as -bs gives them to a local caller (RFC 5321 section 4.2, RFC 2034). Whatever the words
 * hold, what is appended is one legal reply: lines of 512 octets at most, in printable ASCII, each
 * with the code and the status, the words broken at blanks. What is not printable becomes \xHH, a
 * line end a blank. */
#ifndef SMTP_ANSWER_H
#define SMTP_ANSWER_H

#include "base/buffer.h"
#include "base/error.h"

/* Where a failure came up: the same one is said with another code there. */
/* Octets of the longest answer. */
enum { ANSWER_ROOM = 16 * 1024 };

enum answer_step { ANSWER_MAIL, ANSWER_RCPT, ANSWER_MESSAGE, ANSWER_DELIVERY };

/* Appends a reply; `enhanced` "" for one that has no status. */
void answer_add(struct buffer *out, int code, const char *enhanced, struct slice words);

/* Appends one line of a reply of several, as it is: for EHLO. */
void answer_add_line(struct buffer *out, int code, bool last, const char *line);

/* Appends 250 with a server's own words, "250 2.1.5 Ok" in one or more lines; where they are empty
 * with `ours`. The status is theirs where they begin with one of class 2, else `enhanced`. */
void answer_add_success(struct buffer *out, struct slice words, const char *enhanced,
                        const char *ours);

/* Appends what `error` is to the caller. Its reply code stands where it agrees with what the error
 * says of the mail: 5xx is a verdict on it and the error permanent, or 4xx and it is not; 421 would
 * end our session and becomes 451. Else the exit code decides: only an error that is permanent, or
 * bad data (EX_USAGE, EX_DATAERR), is 5xx. An enhanced status without a reply code, where it agrees
 * with that, stands. */
void answer_add_error(struct buffer *out, const struct error *error, enum answer_step step);

/* Fills `error` with a refusal of ours, which answer_add_error passes as it is: EX_USAGE, permanent
 * for 5xx. */
bool answer_refuse(struct error *error, int code, const char *enhanced, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif

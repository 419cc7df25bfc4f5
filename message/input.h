/* Reading the message a caller writes: any mix of line ends becomes CRLF, a header is told from the
 * body, and the body's facts are noted in passing. */
#ifndef MESSAGE_INPUT_H
#define MESSAGE_INPUT_H

#include "message/message.h"

enum { INPUT_HEADER_LIMIT = 8 * 1024 * 1024 };

struct input_options {
    bool dot_ends;      /* a lone dot ends the message (a terminal without -i) */
    bool drop_last_dot; /* a lone dot that is the very last line is dropped (no -i, no terminal) */
    uint64_t max_size;  /* octets on the wire, 0: no limit */
};

/* A message on its way in. */
struct input;

/* A message that is handed in piece by piece, into `message`; NULL without memory. LF, CR*LF are
 * one line end. A bare CR ends a line in the body and is a space in the header, unless the whole
 * input has no LF: then CR is its line end. A leading mbox "From " line is dropped. Without a
 * header the whole input is body. Where the input is cut makes no difference. */
struct input *input_open(struct message *message, const struct input_options *options,
                         struct error *error);

/* The next piece. EX_DATAERR (permanent) for a header over INPUT_HEADER_LIMIT or a message over
 * max_size, and what store_append fails with; after a failure every further piece is thrown away
 * with the same error. */
bool input_add(struct input *input, struct slice bytes, struct error *error);

/* True behind a lone dot that ends the message: what comes now is thrown away. */
bool input_is_over(const struct input *input);

/* Completes the message and frees `input`. Errors as input_add, which they repeat. */
bool input_end(struct input *input, struct error *error);

/* Frees `input`; the message is only good for message_free. NULL is harmless. */
void input_abandon(struct input *input);

/* Reads `fd` to its end (or to the lone dot) into `message`. On a failure the rest of the input is
 * still read and thrown away: EX_NOINPUT when it cannot be read, else as input_add. */
bool input_read(struct message *message, int fd, const struct input_options *options,
                struct error *error);

#endif

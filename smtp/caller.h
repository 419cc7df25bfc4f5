/* The two descriptors of a local caller: what he says comes in through a buffer of fixed size, what
 * is said to him goes out when there is nothing more of his to be read without waiting. */
#ifndef SMTP_CALLER_H
#define SMTP_CALLER_H

#include "base/buffer.h"
#include "base/error.h"

enum {
    CALLER_LINE_LIMIT = 2048, /* octets of a command with its line end (RFC 5321 4.5.3.1.4 and what
                                 the extensions add) */
    CALLER_BUFFER_SIZE = 64 * 1024
};

/* What a caller ends his lines with, fixed by the first of them. */
enum caller_line_end { CALLER_UNKNOWN, CALLER_CRLF, CALLER_LF };

enum caller_status {
    CALLER_MORE,      /* something new is there */
    CALLER_LINE,      /* a line is there */
    CALLER_LONG_LINE, /* a line over CALLER_LINE_LIMIT was read and thrown away */
    CALLER_ENDED,     /* the end of his input */
    CALLER_SILENT,    /* nothing came for as long as is waited */
    CALLER_FAILED     /* cannot be read; error says why */
};

struct caller {
    /* To be filled in. */
    int input, output;  /* may be the same */
    int64_t rest, idle; /* milliseconds of silence until `resting`, until CALLER_SILENT */
    void (*resting)(void *context); /* called once in a silence; NULL: nothing is */
    void *context;

    /* Zeroed at the start. */
    enum caller_line_end line_end;
    bool gone;           /* he cannot be written to; what is said to him is dropped */
    struct error reason; /* why */
    bool rested;
    bool long_line;     /* in a line over the limit */
    struct buffer said; /* not yet written */
    size_t start, end;  /* of what is not consumed in `bytes` */
    char bytes[CALLER_BUFFER_SIZE];
};

/* Received and not consumed. Valid until the next call that reads. */
struct slice caller_input(const struct caller *caller);
void caller_consume(struct caller *caller, size_t length);

/* Writes what is to be said, waits and reads: any status but the two of lines. EX_NOINPUT. */
enum caller_status caller_fill(struct caller *caller, struct error *error);

/* Takes the next line, without its line end: any status but CALLER_MORE. In a session of CRLF a
 * line may hold LF, and CR in any. What is no whole line at the end of the input is no line. */
enum caller_status caller_take_line(struct caller *caller, struct slice *line, struct error *error);

/* Writes what is to be said, for as long as `idle` at most. */
void caller_flush(struct caller *caller);

/* Reads and throws away what he is still writing, until he pauses, for `rest` at most: he must not
 * die of SIGPIPE before he has read the last reply. */
void caller_discard(struct caller *caller);

void caller_free(struct caller *caller);

#endif

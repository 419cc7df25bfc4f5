/* The transcript of a conversation for -v, with timings. Secrets never enter it: a line that
 * carries one is announced by its verb alone, and a reply that repeats one has it masked before it
 * gets here. */
#ifndef SMTP_TRACE_H
#define SMTP_TRACE_H

#include <stdint.h>

#include "base/slice.h"

struct trace {
    void (*line)(void *context, const char *line); /* NULL: no transcript */
    void *context;
    int64_t started; /* clock_now() at the start */
};

/* ">>> EHLO client.example", escaped, with the milliseconds since the start in front. */
void trace_sent(const struct trace *trace, struct slice line);
/* "<<< 250 ..." */
void trace_received(const struct trace *trace, struct slice line);
/* "*** connected to 192.0.2.1:587"; what the format brings in from outside must have been escaped
 */
void trace_note(const struct trace *trace, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif

/* Work that may block or misbehave, in a child process with a deadline and bounded output. The only
 * place that forks. */
#ifndef BASE_CHILD_H
#define BASE_CHILD_H

#include <sys/types.h>

#include "base/buffer.h"
#include "base/error.h"

struct child {
    pid_t pid;  /* 0 when there is none */
    int output; /* readable end of the child's output, non-blocking: may be polled */
};

/* Runs `body(argument, output)` in a child in its own process group; what it returns is the child's
 * exit status. The child inherits 0-2 and the write end `output`; it must not return to the
 * caller's code otherwise. */
bool child_start(struct child *child, int (*body)(void *argument, int output), void *argument,
                 struct error *error);

/* Reads what is there without waiting. `ended` becomes true at the end of the output. More than
 * `limit` bytes in `output` in all is an error (EX_SOFTWARE). */
bool child_read(struct child *child, size_t limit, struct buffer *output, bool *ended,
                struct error *error);

/* Reads until the child has ended, to the deadline or to an interrupt (EX_TEMPFAIL both), then
 * reaps; `status` as wait(2). The child is gone afterwards in every case, and with it what it left
 * behind in its group. */
bool child_finish(struct child *child, int64_t deadline, size_t limit, struct buffer *output,
                  int *status, struct error *error);

/* Kills the child's process group, reaps it and closes the output. Harmless when there is none. */
void child_stop(struct child *child);

#endif

/* Child processes: for work that may block or misbehave, with a deadline and bounded output; and
 * for work of our own that goes on beside us or behind us. The only place that forks. */
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

/* --- work of our own ------------------------------------------------------------------------- */

/* Goes on with `body(argument)` in a child of our group, with our descriptors; what it returns is
 * the exit status. Interrupts are not held there, secrets are zeroes (base/vault.h), and it gets
 * SIGTERM when this process dies. Its number, or -1 with EX_OSERR. */
pid_t child_begin(int (*body)(void *argument), void *argument, struct error *error);

/* Waits for its end and reaps it; the status as wait(2). An interrupt of this process is passed on
 * to it, as SIGTERM. */
int child_await(pid_t pid);

/* Goes on with `body(argument)` in a process that nobody waits for: in a session of its own, with
 * /dev/null for 0-2, with no other descriptor than `kept` (-1: none). True here, at once. EX_OSERR.
 */
bool child_detach(int (*body)(void *argument), void *argument, int kept, struct error *error);

/* The same in a process that has all our descriptors but 0-2, and is waited for, but no longer than
 * `patience` milliseconds, nor beyond an interrupt: then it is left behind. */
bool child_leave(int (*body)(void *argument), void *argument, int64_t patience,
                 struct error *error);

#endif

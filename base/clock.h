/* Time: monotonic milliseconds for deadlines, wall-clock seconds for people. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Milliseconds of a clock that never jumps; only differences mean something. */
int64_t clock_now(void);

/* The point in time `milliseconds` from now. */
int64_t clock_deadline(int64_t milliseconds);

/* Milliseconds left until `deadline`, 0 when it has passed, at most INT_MAX: made for poll(2). */
int clock_remaining(int64_t deadline);

/* Seconds since the epoch. */
time_t clock_wall(void);

#endif

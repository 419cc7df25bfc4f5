/* When to try again: arithmetic on wall-clock seconds and random numbers, nothing else. Clocks
 * jump: a time that makes no sense never delays mail and never ends it. */
#ifndef QUEUE_BACKOFF_H
#define QUEUE_BACKOFF_H

#include <stdbool.h>
#include <stdint.h>

enum { BACKOFF_TRIES_MIN = 5 }; /* failed tries, really made, before anything expires */

struct backoff_options {
    int64_t first, cap; /* milliseconds: the first wait, and the longest */
    int64_t lifetime;   /* milliseconds */
};

/* When to try again after `failures` failures in a row (at least 1), the last one `now`. The wait
 * doubles from `first` on and is drawn by `random`, any number, from half of that to three halves,
 * so that many machines that failed together come back apart; it is never longer than `cap`. */
int64_t backoff_next(const struct backoff_options *options, unsigned failures, int64_t now,
                     uint32_t random);

/* True when `next` has come, or is further away than `cap` (the clock was set back). */
bool backoff_is_due(const struct backoff_options *options, int64_t next, int64_t now);

/* True when what was queued at `created` has lived longer than `lifetime` and was tried in vain at
 * least BACKOFF_TRIES_MIN times. A birth in the future is one just now. */
bool backoff_is_expired(const struct backoff_options *options, int64_t created, unsigned tries,
                        int64_t now);

#endif

/* When to try again. Invariant: whatever the clock, the options and the counters say, no wait is
 * shorter than a second or longer than the cap, and no arithmetic overflows.
 *
 * A wait is drawn evenly from a window three times as long at its end as at its beginning, [1/2,
 * 3/2] of its nominal length. Machines know nothing of each other, so that each one's draw is
 * independent; among such draws the even one has the least busiest second, from whichever round on
 * they are in step. tests/bench/machines shows it. */
#include "queue/backoff.h"

enum { MILLISECONDS = 1000 };

/* Options are believed no more than clocks. */
static int64_t whole_seconds(int64_t milliseconds)
{
    return milliseconds < MILLISECONDS ? 1 : milliseconds / MILLISECONDS;
}

/* The longest nominal wait: its window ends at the cap. */
static int64_t longest(int64_t cap)
{
    int64_t most = cap - cap / 3;
    return most < 1 ? 1 : most;
}

static int64_t nominal_wait(const struct backoff_options *options, unsigned failures)
{
    int64_t most = longest(whole_seconds(options->cap));
    int64_t wait = whole_seconds(options->first);

    for (; failures > 1 && wait < most; failures--)
        wait *= 2;
    return wait < most ? wait : most;
}

/* The `random`th part of 2^32 of `span`, which is below 2^62. */
static int64_t fraction(int64_t span, uint32_t random)
{
    uint64_t high = (uint64_t)span >> 32, low = (uint64_t)span & UINT32_MAX;
    return (int64_t)(high * random + (low * random >> 32));
}

int64_t backoff_next(const struct backoff_options *options, unsigned failures, int64_t now,
                     uint32_t random)
{
    int64_t nominal = nominal_wait(options, failures);
    int64_t wait = nominal - nominal / 2 + fraction(nominal, random);

    return now > INT64_MAX - wait ? INT64_MAX : now + wait;
}

/* From an earlier time to a later one: no two are too far apart for it. */
static uint64_t distance(int64_t earlier, int64_t later)
{
    return (uint64_t)later - (uint64_t)earlier;
}

bool backoff_is_due(const struct backoff_options *options, int64_t next, int64_t now)
{
    return next <= now || distance(now, next) > (uint64_t)whole_seconds(options->cap);
}

bool backoff_is_expired(const struct backoff_options *options, int64_t created, unsigned tries,
                        int64_t now)
{
    uint64_t lifetime = options->lifetime < 0 ? 0 : (uint64_t)options->lifetime / MILLISECONDS;
    return tries >= BACKOFF_TRIES_MIN && created < now && distance(created, now) > lifetime;
}

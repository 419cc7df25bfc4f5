/* The only place that reads clocks. Deadlines are CLOCK_MONOTONIC: setting the date moves none. */
#include "base/clock.h"

#include <limits.h>

int64_t clock_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_deadline(int64_t milliseconds)
{
    int64_t now = clock_now();
    return milliseconds > INT64_MAX - now ? INT64_MAX : now + milliseconds;
}

int clock_remaining(int64_t deadline)
{
    int64_t now = clock_now();
    if (deadline <= now)
        return 0;
    return deadline - now > INT_MAX ? INT_MAX : (int)(deadline - now);
}

time_t clock_wall(void)
{
    return time(NULL);
}

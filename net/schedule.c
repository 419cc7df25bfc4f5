/* RFC 8305 for the addresses of a lane; the next port joins after a stretch of silence, the next
 * host when its share of the time has come. All of it is a function of the states: nothing is kept.
 */
#include "net/schedule.h"

enum { ADDRESS_DELAY = 250 };

size_t schedule_count(const struct host *host)
{
    return host->known ? host->lane_count * host->resolve.count : 0;
}

struct candidate *schedule_lane(const struct host *host, size_t lane)
{
    return host->candidates + lane * host->resolve.count;
}

static bool lane_is_lost(const struct host *host, size_t lane)
{
    for (size_t i = 0; i < host->resolve.count; i++)
        if (schedule_lane(host, lane)[i].state != LOST)
            return false;
    return true;
}

bool schedule_is_lost(const struct host *host)
{
    if (!host->known)
        return host->state == NAMELESS;
    for (size_t lane = 0; lane < host->lane_count; lane++)
        if (!lane_is_lost(host, lane))
            return false;
    return true;
}

static int64_t after(int64_t start, int64_t delay)
{
    return start == SCHEDULE_NEVER ? SCHEDULE_NEVER : start + delay;
}

int64_t schedule_host(const struct dial_options *options, const struct host *hosts, size_t count,
                      size_t index)
{
    if (index == 0 || schedule_is_lost(&hosts[index - 1]))
        return 0;
    return after(hosts[index - 1].started, options->connect_timeout / (int64_t)count);
}

static int64_t lane_due(const struct dial_options *options, const struct host *host, size_t lane)
{
    if (lane == 0 || lane_is_lost(host, lane - 1))
        return 0;
    return after(host->lane_started[lane - 1], options->fallback_delay);
}

int64_t schedule_candidate(const struct dial_options *options, const struct host *host, size_t lane,
                           size_t index)
{
    const struct candidate *before = index > 0 ? &schedule_lane(host, lane)[index - 1] : NULL;
    int64_t due = lane_due(options, host, lane);
    if (before == NULL || before->state == LOST)
        return due;
    int64_t behind = before->state == WAITING ? SCHEDULE_NEVER : before->started + ADDRESS_DELAY;
    return behind > due ? behind : due;
}

/* Who runs in the race of net/dial.c, and when each may start. A host has a lane a port, a lane a
 * candidate an address; each follows what became of the one before it. */
#ifndef NET_SCHEDULE_H
#define NET_SCHEDULE_H

#include "net/places.h"
#include "net/reasons.h"

#define SCHEDULE_NEVER INT64_MAX

enum candidate_state { WAITING, CONNECTING, SILENT, LOST };

struct candidate {
    enum candidate_state state;
    uint16_t port;
    const struct resolve_address *address;
    const struct host *host;
    int64_t started, connected;
    size_t slot; /* in what is polled */
    struct stream stream;
    struct error reason; /* why it is LOST */
    enum reasons_kind kind;
};

enum host_state { UNSTARTED, RESOLVING, RESOLVED, NAMELESS };

struct host {
    enum host_state state;
    const struct place *place;
    const char *name; /* of the place */
    size_t lane_count;
    bool known; /* the addresses are there, also while UNSTARTED */
    int64_t started;
    int64_t resolve_ms; /* how long the look-up took */
    size_t slot;
    struct resolve resolve;
    int64_t lane_started[DIAL_PORTS_MAX];
    struct candidate *candidates; /* lane after lane, each of resolve.count */
    struct error reason;          /* why it is NAMELESS */
};

/* How many candidates there are: none before the addresses are known. */
size_t schedule_count(const struct host *host);

/* The candidates of a lane, each an address. */
struct candidate *schedule_lane(const struct host *host, size_t lane);

/* True when nothing of the host can win any more. */
bool schedule_is_lost(const struct host *host);

/* When the look-up of the host `index` of `count` may start; 0 is at once, SCHEDULE_NEVER not
 * before something happens. */
int64_t schedule_host(const struct dial_options *options, const struct host *hosts, size_t count,
                      size_t index);

/* The same for a candidate that is WAITING: no earlier than its lane, and behind its neighbour. */
int64_t schedule_candidate(const struct dial_options *options, const struct host *host, size_t lane,
                           size_t index);

#endif

/* Which hosts there are to race: those configured, and those that SRV records name. */
#ifndef NET_PLACES_H
#define NET_PLACES_H

#include "base/arena.h"
#include "net/dial.h"
#include "net/service.h"

enum { PLACES_MAX = DIAL_HOSTS_MAX * SERVICE_TARGETS_MAX };

struct place {
    const char *host;           /* for srv: without a target, the domain */
    const uint16_t *ports;      /* 0 at the end */
    bool hearsay;               /* as of dial_peer */
    const struct error *reason; /* why it cannot be used; NULL: it can */
};

struct places {
    struct place places[PLACES_MAX]; /* in the order to try them */
    size_t count;
};

/* Looks up what `options` asks for, until `deadline`: each srv: has its share of the time, so that
 * a DNS which does not answer leaves some to the hosts behind it. What it finds lives in `arena`.
 * False when memory ran out. */
bool places_find(const struct dial_options *options, int64_t deadline, struct arena *arena,
                 struct places *places, struct error *error);

/* The domain of "srv:DOMAIN"; NULL for another host. */
const char *places_domain(const char *host);

#endif

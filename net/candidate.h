/* Who is in the race of net/dial.h: hosts, and each of their addresses on each of their ports. When
 * they start, and what becomes of them, is dial's. */
#ifndef NET_CANDIDATE_H
#define NET_CANDIDATE_H

#include "base/arena.h"
#include "base/text.h"
#include "net/dial.h"
#include "net/places.h"
#include "net/reasons.h"

#define CANDIDATE_NEVER INT64_MAX

enum { CANDIDATE_SHOWN_SIZE = TEXT_SHOWN_LIMIT + DIAL_ADDRESS_SIZE + 8 };

enum candidate_state { CANDIDATE_WAITING, CANDIDATE_CONNECTING, CANDIDATE_SILENT, CANDIDATE_LOST };

/* One address on one port. */
struct candidate {
    enum candidate_state state;
    uint16_t port;
    const struct resolve_address *address;
    const struct candidate_host *host;
    int64_t started, connected;
    size_t slot;          /* in what is polled */
    struct stream stream; /* open just while it is CONNECTING or SILENT */
    struct error reason;  /* why it is LOST */
    enum reasons_kind kind;
};

enum candidate_host_state {
    CANDIDATE_HOST_UNSTARTED,
    CANDIDATE_HOST_RESOLVING,
    CANDIDATE_HOST_RESOLVED,
    CANDIDATE_HOST_NAMELESS
};

struct candidate_host {
    enum candidate_host_state state;
    const struct place *place;
    const char *name;  /* of the place */
    size_t lane_count; /* a lane is a port */
    bool known;        /* the addresses are there, also while UNSTARTED */
    int64_t started;
    int64_t resolve_ms; /* how long the look-up took */
    size_t slot;        /* in what is polled */
    struct resolve resolve;
    int64_t lane_started[DIAL_PORTS_MAX];
    struct candidate *candidates; /* lane after lane, each of resolve.count */
    struct error reason;          /* why it is NAMELESS */
};

/* The candidates of a host whose addresses were found, all WAITING. EX_OSERR. */
bool candidate_make(struct candidate_host *host, struct arena *arena, struct error *error);

/* 0 as long as the addresses are not known. */
size_t candidate_count(const struct candidate_host *host);

/* The first of resolve.count candidates. */
struct candidate *candidate_lane(const struct candidate_host *host, size_t lane);

bool candidate_is_racing(const struct candidate *candidate);
bool candidate_lane_is_lost(const struct candidate_host *host, size_t lane);
bool candidate_host_is_lost(const struct candidate_host *host);

/* Appends "mail.example (192.0.2.1:587)", CANDIDATE_SHOWN_SIZE at most; what `whose` holds. */
const char *candidate_show(const struct candidate *candidate, struct text *whose);

/* For the transcript. */
void candidate_tell(const struct dial_greeter *greeter, const struct candidate *candidate,
                    const char *news);

/* For the watcher: what became of it; `reason` NULL: it greeted. */
void candidate_report(const struct dial_greeter *greeter, const struct candidate *candidate,
                      const struct error *reason);

/* For the watcher: what became of the look-up. */
void candidate_report_host(const struct dial_greeter *greeter, const struct candidate_host *host);

#endif

/* What a runner remembers of smarthosts that could not be reached: kept per smarthost, so that a
 * dead one costs one connection a pass however much mail waits for it. It lives in the spool's file
 * `state`, whose time is the runner's stamp; whatever cannot be read there is forgotten. */
#ifndef QUEUE_OUTAGE_H
#define QUEUE_OUTAGE_H

#include "base/arena.h"
#include "queue/backoff.h"
#include "queue/spool.h"

enum { OUTAGE_MAX = 64 };

struct outage {
    const char *smarthost;           /* its account's name and hosts: what is one smarthost */
    unsigned failures;               /* connections in a row that came to nothing */
    int64_t next;                    /* wall clock, seconds */
    int64_t last[BACKOFF_TRIES_MIN]; /* the last failures, newest first; 0: none */
    const char *reason;              /* of the last one, printable */
};

struct outages {
    struct outage list[OUTAGE_MAX];
    size_t count;
    struct arena arena; /* owns the strings */
};

/* Reads them. Never fails: what is damaged is as if it had not been there. */
void outages_read(struct outages *outages, struct spool *spool);

/* NULL when nothing is known against it. */
const struct outage *outages_find(const struct outages *outages, const char *smarthost);

/* Files a connection that failed `now`, and one that did not. The smarthost that was tried longest
 * ago gives way where there is no room. */
void outages_failed(struct outages *outages, const char *smarthost,
                    const struct backoff_options *options, int64_t now, uint32_t random,
                    const char *reason);
void outages_mended(struct outages *outages, const char *smarthost);

/* How many of the failures fell into the life of what was queued at `created`: attempts that were
 * made for it as well; at most BACKOFF_TRIES_MIN. */
unsigned outage_tries_since(const struct outage *outage, int64_t created, int64_t now);

/* Writes them, and so leaves the stamp. EX_IOERR. */
bool outages_write(const struct outages *outages, struct spool *spool, struct error *error);

void outages_free(struct outages *outages);

#endif

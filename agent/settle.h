/* What became of an attempt, made durable: the entry is taken out, or its journal goes on, and
 * whoever is to know is told. */
#ifndef AGENT_SETTLE_H
#define AGENT_SETTLE_H

#include "agent/load.h"
#include "agent/notice.h"
#include "queue/outage.h"

enum { SETTLE_ASIDE_MAX = 1000 };

struct settle {
    struct call *call;
    const struct outages *outages; /* what the runner knows of smarthosts; NULL: nothing */
    struct notice notice;
    size_t aside;      /* moved to damaged/, of which a pass does a bounded number */
    bool full;         /* no more are moved there in this pass */
    bool records_only; /* entries are taken out of the queue by root's runner alone */
    bool broken;       /* the spool took no outcome: what is sent now may be sent again */
};

/* What became of a try at `load`, by the error of submission_deliver. `over`: it is the
 * connection's, and says nothing of this entry. `smarthost` is the name of its outage. */
void settle_try(struct settle *settle, struct load *load, const struct error *ending, bool over,
                const char *smarthost);

/* Gives it up where it has lived and was tried long enough; `reason` is that of the last attempt.
 * True where it did. */
bool settle_expire(struct settle *settle, struct load *load, const char *smarthost,
                   const char *reason);

/* Finishes what was begun with an entry that has nobody left to be sent to. */
void settle_finish(struct settle *settle, struct load *load);

/* Queues the summaries, and finishes what they tell of. */
void settle_summarise(struct settle *settle);

/* Moves what cannot be an entry out of the way, and says so in the log: of SETTLE_ASIDE_MAX in a
 * pass at most, lest somebody fills the log with them. */
void settle_set_aside(struct settle *settle, const char *id, const struct error *error);

#endif

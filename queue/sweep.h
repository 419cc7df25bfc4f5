/* Sweeping the spool at a given time: spool_sweep with a clock of its own. */
#ifndef QUEUE_SWEEP_H
#define QUEUE_SWEEP_H

#include "queue/spool.h"

/* As spool_sweep, at `now` (wall clock, seconds). */
struct sweep {
    time_t now;
    size_t most;
    void (*removed)(void *context, const char *id); /* NULL */
    void *context;
};

bool sweep_run(struct spool *spool, const struct sweep *sweep, struct error *error);

#endif

/* One pass over the queue: each entry at most one try, each account at most one connection. */
#ifndef AGENT_PASS_H
#define AGENT_PASS_H

#include "agent/runner.h"

struct pass_options {
    const struct options_run *run; /* which entries, and whether they must be due */
    bool keeps_house; /* it is a runner's: it leaves the stamp, files outages, and sweeps */
    bool waits;       /* for what can be tried within the next minute */
    size_t tries;     /* entries tried at most; 0: all */
    size_t looks;     /* entries looked at, at most; 0: all */
    int64_t deadline; /* nothing is begun after it; 0: none */
    const struct account *account; /* NULL: all; else only this one, */
    struct submission *submission; /* over this connection */
    bool own;                      /* only entries of this user's own */
    size_t hand, hands; /* of so many processes at the same work this is the one: 0 of 1 */
    void (*proven)(void *context); /* told once, when a first message got through; NULL */
    void *context;
};

/* Makes it; the spool is open, interrupts are held. True whatever became of the mail, and also
 * where an interrupt ended it early; else errors as spool_walk_open, EX_OSERR. */
bool pass_run(struct call *call, const struct pass_options *options, struct error *error);

#endif

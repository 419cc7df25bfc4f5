/* A run's share of the queue: so many names at once that memory stays constant, in an order in
 * which no owner waits behind all of another's. */
#ifndef AGENT_ROUND_H
#define AGENT_ROUND_H

#include "queue/spool.h"

enum { ROUND_LIMIT = 65536 };

struct round_name {
    char id[SPOOL_ID_LENGTH]; /* without its NUL */
    uid_t owner;
    uint32_t mark; /* the caller's, 0 at first */
    struct timespec changed;
};

struct round {
    struct round_name *names;
    size_t count, capacity;
};

/* Takes the next names of the walk, at most `limit` of them, and puts them into turns. None are
 * left where count is 0. Errors as spool_walk_next; EX_OSERR. */
bool round_fill(struct round *round, struct spool_walk *walk, size_t limit, struct error *error);

/* Puts those that it has into turns: the first of every owner, then the second of every owner, and
 * so on; their marks are 0 then. An owner's first is the one that was left alone for longest. Which
 * owner comes first depends on `random`, any number; for 0 it is the one with the lowest uid. */
void round_take_turns(struct round *round, uint32_t random);

/* Adds one name of the caller's. False without memory. */
bool round_add(struct round *round, const struct round_name *name);

/* Begins with what was number `first`; what was before it comes last. */
void round_rotate(struct round *round, size_t first);

void round_free(struct round *round);

#endif

/* What each owner has in the system's spool. Who makes his files larger once they are in it takes
 * more than his share; of that, no more than the share counts for the others. */
#ifndef QUEUE_SHARES_H
#define QUEUE_SHARES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct shares_owner {
    uid_t uid;
    uint64_t octets; /* 0: nobody's place */
};

/* A zeroed one is empty. Its memory grows with the number of owners, not of files. */
struct shares {
    struct shares_owner *places;
    size_t count, capacity;
    bool failed; /* there was no memory: it is not complete */
};

void shares_add(struct shares *shares, uid_t uid, uint64_t octets);

/* The sum, in which nobody but root has more than `most`. */
uint64_t shares_sum(const struct shares *shares, uint64_t most);

void shares_free(struct shares *shares);

#endif

/* The records of an entry's file, as they are read one after the other and appended durably. */
#ifndef QUEUE_JOURNAL_H
#define QUEUE_JOURNAL_H

#include "queue/record.h"

struct journal {
    int fd;        /* the caller's; its position is neither used nor moved */
    uint64_t end;  /* behind the last record read or appended */
    bool torn;     /* what stands behind it was never synced as a whole, and is to be cut off */
    bool broken;   /* a sync failed: nobody knows what is on the disk, and it will not be told */
    uint64_t left; /* octets of the file behind `end`, as far as they were not read */
    struct buffer window; /* of the file, from before `end` on, */
    size_t start;         /* which is here in it */
};

/* The records of `fd` from `offset` on, in a file of `size` octets. */
void journal_open(struct journal *journal, int fd, uint64_t offset, uint64_t size);

/* The next record, as record_next; `payload` is good until the next call. A file that ends sooner
 * than `size` said is one that was cut off. False when it cannot be read: EX_IOERR, EX_OSERR. */
bool journal_next(struct journal *journal, enum record_found *found, enum record_kind *kind,
                  struct slice *payload, struct error *error);

/* Writes whole records at `end`, when all before was read, and syncs them. What is torn there is
 * cut off first, and that is synced too. False with EX_IOERR when they are not known to be on the
 * disk; they are then cut off again. After a sync that failed nothing is appended any more: the
 * next one could succeed without having written what this one lost. */
bool journal_append(struct journal *journal, struct slice records, struct error *error);

/* Frees the memory. */
void journal_free(struct journal *journal);

#endif

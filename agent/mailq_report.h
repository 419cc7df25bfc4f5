/* What a listing of the queue says of one entry, whoever reads it. */
#ifndef AGENT_MAILQ_REPORT_H
#define AGENT_MAILQ_REPORT_H

#include "base/buffer.h"
#include "queue/entry.h"

enum mailq_state {
    MAILQ_WAITING,
    MAILQ_IN_HAND, /* somebody tries it just now */
    MAILQ_HELD,
    MAILQ_FAILED, /* for good, and kept for a while */
    MAILQ_DAMAGED /* it lies in the queue, and is no entry or not a sound one */
};

struct mailq_item {
    enum mailq_state state;
    const char *id;
    uid_t owner;
    uint64_t size;             /* octets of the message; of a damaged one those of the file */
    int64_t now;               /* wall clock, seconds */
    int64_t next;              /* when it is tried again; 0: with the next run */
    const struct entry *entry; /* NULL where it is damaged */
    const char *problem;       /* and what is wrong with it; printable */
};

#endif

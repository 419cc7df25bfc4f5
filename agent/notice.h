/* Reports that queued mail failed for good: who gets them, and how many. */
#ifndef AGENT_NOTICE_H
#define AGENT_NOTICE_H

#include "agent/load.h"

enum {
    NOTICE_REPORTS_MAX = 10,   /* in one pass; what comes after them is told of in a summary */
    NOTICE_SUMMARIES_MAX = 10, /* in one pass: as many are told anything by them */
    NOTICE_SUMMARY_MAX = 1000 /* entries in the summaries of one pass; the rest wait for the next */
};

struct notice_item {
    char id[SPOOL_ID_SIZE];
    const char *to, *account, *line;
    bool told;
};

struct notice {
    struct call *call;
    unsigned reports, summaries;
    bool full;                 /* the spool takes no more of them in this pass */
    char last[SPOOL_ID_SIZE];  /* the report queued last */
    struct notice_item *items; /* for the summaries */
    size_t count;
    struct arena arena;
};

enum notice_end {
    NOTICE_NOBODY,  /* nobody is to be told */
    NOTICE_QUEUED,  /* a report is in the queue */
    NOTICE_LATER,   /* it comes into a summary, or the next pass sees to it */
    NOTICE_DAMAGED, /* its message is not what was queued */
    NOTICE_FAILED
};

/* Sees to it that those are told who are to know of the recipients of `load` that were refused. */
enum notice_end notice_send(struct notice *notice, struct load *load, bool expired,
                            struct error *error);

/* After NOTICE_QUEUED: takes that report out of the queue, where nobody is to know that it was
 * written. */
void notice_take_back(struct notice *notice);

/* Queues the summaries: one for each who is told anything, and no more than NOTICE_SUMMARIES_MAX.
 * Each item is `told` where its summary is in the queue. */
bool notice_summarise(struct notice *notice, struct error *error);

void notice_free(struct notice *notice);

#endif

/* The recipients still to be offered, over all transactions and connections of a submission. Each
 * transaction offers some from the head; those it could not settle come back to the head. */
#ifndef SMTP_BATCH_H
#define SMTP_BATCH_H

#include "message/envelope.h"

struct batch {
    uint32_t *waiting;  /* indices into the envelope; those to be offered are [first..count) */
    uint32_t *accepted; /* room for those of one transaction */
    uint32_t *again;    /* likewise, to be offered once more */
    size_t first, count;
    size_t limit; /* at most so many in the next transaction */
};

/* Takes up every recipient whose state is in `states`, a set of bits 1 << RECIPIENT_*. */
bool batch_open(struct batch *batch, const struct envelope *envelope, unsigned states,
                struct error *error);

size_t batch_left(const struct batch *batch);

/* The first `offered` have been offered; of these, `again` stand in batch->again to be offered once
 * more, before all others. */
void batch_advance(struct batch *batch, size_t offered, size_t again);

/* The first `offered` have been offered in vain: nobody got the message. They stay, but for those
 * that were refused for good. */
void batch_keep(struct batch *batch, size_t offered, const struct envelope *envelope);

void batch_close(struct batch *batch);

#endif

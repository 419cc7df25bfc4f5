/* The queue of recipients: one array of indices, used up from its head. Invariant: who comes back
 * takes a place that was freed in front, so the array never grows. */
#include "smtp/batch.h"

#include <stdlib.h>
#include <string.h>

bool batch_open(struct batch *batch, const struct envelope *envelope, unsigned states,
                struct error *error)
{
    uint32_t *rows = calloc(envelope->count + 1, 3 * sizeof *rows);
    *batch = (struct batch){.limit = SIZE_MAX};
    if (rows == NULL)
        return error_set_memory(error);
    batch->waiting = rows;
    batch->accepted = rows + envelope->count;
    batch->again = batch->accepted + envelope->count;
    for (size_t i = 0; i < envelope->count; i++)
        if ((states >> envelope->recipients[i].state & 1) != 0)
            batch->waiting[batch->count++] = (uint32_t)i;
    return true;
}

size_t batch_left(const struct batch *batch)
{
    return batch->count - batch->first;
}

void batch_advance(struct batch *batch, size_t offered, size_t again)
{
    batch->first += offered - again;
    memcpy(batch->waiting + batch->first, batch->again, again * sizeof *batch->again);
}

void batch_keep(struct batch *batch, size_t offered, const struct envelope *envelope)
{
    size_t to = batch->first + offered;
    for (size_t from = to; from-- > batch->first;) {
        uint32_t recipient = batch->waiting[from];
        if (envelope->recipients[recipient].state != RECIPIENT_REFUSED)
            batch->waiting[--to] = recipient;
    }
    batch->first = to;
}

void batch_close(struct batch *batch)
{
    free(batch->waiting);
    *batch = (struct batch){0};
}

/* A table by uid with open places, at most half full. */
#include "queue/shares.h"

#include <stdlib.h>

enum { FIRST = 64 };

static uint64_t add(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

/* The place of a uid, or the one where it would be. */
static struct shares_owner *find(const struct shares *shares, uid_t uid)
{
    size_t place = (size_t)((uint32_t)uid * UINT32_C(2654435761)) % shares->capacity;
    while (shares->places[place].octets != 0 && shares->places[place].uid != uid)
        place = (place + 1) % shares->capacity;
    return &shares->places[place];
}

static bool grow(struct shares *shares)
{
    struct shares larger = {.count = shares->count,
                            .capacity = shares->capacity == 0 ? FIRST : 2 * shares->capacity};
    larger.places = calloc(larger.capacity, sizeof *larger.places);
    if (larger.places == NULL)
        return false;
    for (size_t i = 0; i < shares->capacity; i++)
        if (shares->places[i].octets != 0)
            *find(&larger, shares->places[i].uid) = shares->places[i];
    free(shares->places);
    *shares = larger;
    return true;
}

void shares_add(struct shares *shares, uid_t uid, uint64_t octets)
{
    shares->failed = shares->failed || (2 * shares->count >= shares->capacity && !grow(shares));
    if (shares->failed || octets == 0)
        return;
    struct shares_owner *owner = find(shares, uid);
    shares->count += owner->octets == 0;
    *owner = (struct shares_owner){uid, add(owner->octets, octets)};
}

uint64_t shares_sum(const struct shares *shares, uint64_t most)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < shares->capacity; i++) {
        const struct shares_owner *owner = &shares->places[i];
        bool over = owner->uid != 0 && owner->octets > most;
        sum = add(sum, over ? most : owner->octets);
    }
    return sum;
}

void shares_free(struct shares *shares)
{
    free(shares->places);
    *shares = (struct shares){0};
}

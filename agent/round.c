/* The turns are made by two sorts: by owner, in which each name finds its place among its owner's,
 * and by that place. What was tried in vain comes behind whatever was not since, and no owner is
 * always the first: so a message at which a smarthost breaks off does not keep back the others. */
#include "agent/round.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"

enum { ROUND_FIRST = 256 };

static bool grow(struct round *round)
{
    size_t capacity = round->capacity == 0 ? ROUND_FIRST : 2 * round->capacity;
    struct round_name *names = realloc(round->names, capacity * sizeof *names);
    if (names == NULL)
        return false;
    round->names = names;
    round->capacity = capacity;
    return true;
}

static int compare(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

static int by_owner(const void *left, const void *right)
{
    const struct round_name *a = left, *b = right;
    int order = compare(a->owner, b->owner);
    if (order == 0)
        order = (a->changed.tv_sec > b->changed.tv_sec) - (a->changed.tv_sec < b->changed.tv_sec);
    return order != 0 ? order : compare(a->changed.tv_nsec, b->changed.tv_nsec);
}

/* A place of its own for each owner, as an odd factor loses nothing. */
static uint32_t shuffle(uid_t owner, uint32_t random)
{
    return (owner + 1) * (2 * random + 1);
}

static int by_turn(const void *left, const void *right, void *random)
{
    const struct round_name *a = left, *b = right;
    const uint32_t *number = random;
    if (a->mark != b->mark)
        return compare(a->mark, b->mark);
    return compare(shuffle(a->owner, *number), shuffle(b->owner, *number));
}

void round_take_turns(struct round *round, uint32_t random)
{
    struct round_name *names = round->names;
    if (round->count == 0)
        return;
    qsort(names, round->count, sizeof *names, by_owner);
    names[0].mark = 0;
    for (size_t i = 1; i < round->count; i++)
        names[i].mark = names[i].owner == names[i - 1].owner ? names[i - 1].mark + 1 : 0;
    qsort_r(names, round->count, sizeof *names, by_turn, &random);
    for (size_t i = 0; i < round->count; i++)
        names[i].mark = 0;
}

bool round_add(struct round *round, const struct round_name *name)
{
    if (round->count == round->capacity && !grow(round))
        return false;
    round->names[round->count++] = *name;
    return true;
}

bool round_fill(struct round *round, struct spool_walk *walk, size_t limit, struct error *error)
{
    struct spool_name found;
    uint32_t random = 0;
    if (getrandom(&random, sizeof random, GRND_NONBLOCK) < 0)
        random = (uint32_t)clock_now();
    error->exit_code = EX_OK;
    round->count = 0;
    while (round->count < limit && spool_walk_next(walk, &found, error)) {
        struct round_name name = {.owner = found.owner, .changed = found.changed};
        memcpy(name.id, found.id, sizeof name.id);
        if (!round_add(round, &name))
            return error_set_memory(error);
    }
    round_take_turns(round, random);
    return error->exit_code == EX_OK;
}

static void reverse(struct round_name *names, size_t count)
{
    for (size_t i = 0; i < count / 2; i++) {
        struct round_name kept = names[i];
        names[i] = names[count - 1 - i];
        names[count - 1 - i] = kept;
    }
}

void round_rotate(struct round *round, size_t first)
{
    if (first == 0 || first >= round->count)
        return;
    reverse(round->names, first);
    reverse(round->names + first, round->count - first);
    reverse(round->names, round->count);
}

void round_free(struct round *round)
{
    free(round->names);
    *round = (struct round){0};
}

/* An open hash table. Invariant: it is at most half full, so that every search ends soon. */
#include "base/table.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_SIZE = 32 };

/* FNV-1a with its high bits folded in. */
static uint32_t hash(const char *key)
{
    uint64_t value = 0xcbf29ce484222325u;
    for (; *key != '\0'; key++)
        value = (value ^ (unsigned char)*key) * 0x100000001b3u;
    return (uint32_t)(value ^ value >> 32);
}

/* The slot of `key`, or the free one where it belongs. */
static struct table_slot *find_slot(const struct table *table, const char *key, uint32_t hashed)
{
    size_t mask = table->size - 1, place = hashed & mask;
    struct table_slot *slot = &table->slots[place];
    while (slot->key != NULL && (slot->hash != hashed || strcmp(slot->key, key) != 0)) {
        place = (place + 1) & mask;
        slot = &table->slots[place];
    }
    return slot;
}

bool table_find(const struct table *table, const char *key, uint32_t *value)
{
    if (table->count == 0)
        return false;
    const struct table_slot *slot = find_slot(table, key, hash(key));
    if (slot->key != NULL)
        *value = slot->value;
    return slot->key != NULL;
}

static bool grow(struct table *table)
{
    struct table larger = {.size = table->size > 0 ? 2 * table->size : FIRST_SIZE,
                           .count = table->count};
    larger.slots = calloc(larger.size, sizeof *larger.slots);
    if (larger.slots == NULL)
        return false;
    for (size_t i = 0; i < table->size; i++) {
        const struct table_slot *slot = &table->slots[i];
        if (slot->key != NULL)
            *find_slot(&larger, slot->key, slot->hash) = *slot;
    }
    free(table->slots);
    *table = larger;
    return true;
}

bool table_add(struct table *table, const char *key, uint32_t value)
{
    if (2 * (table->count + 1) > table->size && !grow(table))
        return false;
    uint32_t hashed = hash(key);
    *find_slot(table, key, hashed) = (struct table_slot){key, hashed, value};
    table->count++;
    return true;
}

/* Those behind it move up where their search would end at the gap (Knuth 6.4, algorithm R). */
static void close_gap(struct table *table, size_t gap)
{
    size_t mask = table->size - 1;
    for (size_t place = (gap + 1) & mask; table->slots[place].key != NULL;
         place = (place + 1) & mask) {
        size_t home = table->slots[place].hash & mask;
        if (((place - home) & mask) < ((place - gap) & mask))
            continue;
        table->slots[gap] = table->slots[place];
        gap = place;
    }
    table->slots[gap].key = NULL;
}

void table_remove(struct table *table, const char *key)
{
    if (table->count == 0)
        return;
    struct table_slot *slot = find_slot(table, key, hash(key));
    if (slot->key == NULL)
        return;
    close_gap(table, (size_t)(slot - table->slots));
    table->count--;
}

void table_free(struct table *table)
{
    free(table->slots);
    *table = (struct table){0};
}

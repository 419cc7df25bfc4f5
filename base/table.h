/* From strings to numbers in constant time. The strings stay their owner's. */
#ifndef BASE_TABLE_H
#define BASE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct table_slot {
    const char *key; /* NULL: free */
    uint32_t hash, value;
};

struct table {
    struct table_slot *slots;
    size_t size, count; /* of the slots, a power of two or 0; of those in use */
};

/* A zeroed struct is an empty table. */

/* False when nothing is filed under `key`. */
bool table_find(const struct table *table, const char *key, uint32_t *value);

/* Files `value` under `key`, which must not be in the table yet and must live as long as it. False
 * when memory ran out. */
bool table_add(struct table *table, const char *key, uint32_t value);

/* Takes out what is filed under `key`; harmless where nothing is. */
void table_remove(struct table *table, const char *key);

/* Frees the memory and leaves an empty table. */
void table_free(struct table *table);

#endif

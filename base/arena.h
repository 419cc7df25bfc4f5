/* Memory that lives as long as one mail (or one configuration) and is freed at once. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/slice.h"

struct arena_block;

struct arena {
    struct arena_block *blocks; /* newest first; a zeroed arena is an empty one */
};

/* `size` zeroed bytes, aligned for any object; NULL when memory ran out. */
void *arena_allocate(struct arena *arena, size_t size);

/* A NUL-terminated copy; NULL when memory ran out. A NUL inside the slice is copied as it is. */
char *arena_copy(struct arena *arena, struct slice slice);

char *arena_format(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Frees everything; the arena is empty again. */
void arena_free(struct arena *arena);

#endif

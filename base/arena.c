/* Memory freed at once. Invariant: in each block the bytes from `used` on are zero and nobody's. */
#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_SIZE = 16 * 1024 };

struct arena_block {
    struct arena_block *next;
    size_t used, size; /* of `bytes` */
    max_align_t bytes[];
};

static struct arena_block *add_block(struct arena *arena, size_t size)
{
    if (size < BLOCK_SIZE)
        size = BLOCK_SIZE;
    struct arena_block *block = calloc(1, sizeof *block + size);
    if (block == NULL)
        return NULL;
    block->size = size;
    block->next = arena->blocks;
    arena->blocks = block;
    return block;
}

void *arena_allocate(struct arena *arena, size_t size)
{
    if (size > SIZE_MAX / 2)
        return NULL;
    /* Whole units keep the next object aligned; no object of size 0 shares its address. */
    size_t unit = sizeof(max_align_t);
    size = size == 0 ? unit : (size + unit - 1) / unit * unit;

    struct arena_block *block = arena->blocks;
    if (block == NULL || size > block->size - block->used)
        block = add_block(arena, size);
    if (block == NULL)
        return NULL;
    void *object = (char *)block->bytes + block->used;
    block->used += size;
    return object;
}

char *arena_copy(struct arena *arena, struct slice slice)
{
    if (slice.length == SIZE_MAX)
        return NULL;
    char *copy = arena_allocate(arena, slice.length + 1);
    if (copy != NULL && slice.length > 0)
        memcpy(copy, slice.bytes, slice.length);
    return copy;
}

char *arena_format(struct arena *arena, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    char *string = NULL;
    int length = vsnprintf(NULL, 0, format, arguments);
    if (length >= 0)
        string = arena_allocate(arena, (size_t)length + 1);
    if (string != NULL)
        vsnprintf(string, (size_t)length + 1, format, again);
    va_end(again);
    va_end(arguments);
    return string;
}

void arena_free(struct arena *arena)
{
    while (arena->blocks != NULL) {
        struct arena_block *block = arena->blocks;
        arena->blocks = block->next;
        free(block);
    }
}

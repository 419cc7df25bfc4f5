/* Lines out of a store. Invariant: the block's octets from `used` to `filled`, followed by the
 * stretch `left`, are what has not been handed out; each is moved once at most for every block. */
#include "message/lines.h"

#include <stdlib.h>
#include <string.h>

bool lines_open(struct lines *lines, struct store *store, struct extent extent, struct error *error)
{
    *lines = (struct lines){.store = store, .left = extent, .block = malloc(LINES_PIECE)};
    return lines->block != NULL || error_set_memory(error);
}

static bool load(struct lines *lines, struct error *error)
{
    size_t kept = lines->filled - lines->used;
    struct slice octets;
    memmove(lines->block, lines->block + lines->used, kept);
    lines->used = 0;
    lines->filled = kept;
    if (!store_read_next(lines->store, &lines->left, lines->block + kept, LINES_PIECE - kept,
                         &octets, error))
        return false;
    lines->filled += octets.length;
    return true;
}

bool lines_next(struct lines *lines, struct lines_piece *piece, struct error *error)
{
    struct slice loaded = slice_make(lines->block + lines->used, lines->filled - lines->used);
    size_t length = slice_find(loaded, '\n');
    if (length == loaded.length && loaded.length < LINES_PIECE && lines->left.length > 0) {
        if (!load(lines, error))
            return false;
        loaded = slice_make(lines->block, lines->filled);
        length = slice_find(loaded, '\n');
    }
    piece->ends = length < loaded.length;
    piece->octets = slice_to(loaded, length + 1);
    piece->offset = lines->left.offset - loaded.length;
    piece->starts_line = !lines->inside;
    lines->inside = !piece->ends;
    lines->used += piece->octets.length;
    return true;
}

void lines_close(struct lines *lines)
{
    free(lines->block);
    lines->block = NULL;
}

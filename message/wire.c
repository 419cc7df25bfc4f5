/* A message as the octets that follow DATA or BDAT (RFC 5321 section 4.5.2, RFC 3030).
 *
 * The octets are handed out where they were loaded, never copied again: a dot that starts a line is
 * the last octet of one slice and the first of the next, and so goes out twice. */
#include "message/wire.h"

#include <string.h>

enum { BLOCK_SIZE = 64 * 1024 };

static const struct slice blank_line = {"\r\n", 2};
static const struct slice final_dot = {".\r\n", 3};

void wire_open(struct wire *wire, struct message *message, bool dots)
{
    *wire = (struct wire){.message = message, .dots = dots, .line_start = true};
}

/* Copies octets of `extent`, which starts at `start` in the message, if the position is in it. */
static bool load_from(struct wire *wire, struct extent extent, uint64_t start, struct error *error)
{
    struct buffer *block = &wire->block;
    uint64_t offset = wire->position - start;
    size_t size = BLOCK_SIZE - block->length;

    if (wire->position < start || offset >= extent.length)
        return true;
    if (extent.length - offset < size)
        size = (size_t)(extent.length - offset);
    if (!store_read(&wire->message->store, extent.offset + offset, block->bytes + block->length,
                    size, error))
        return false;
    block->length += size;
    wire->position += size;
    return true;
}

/* Fills the block with the next octets of the message, none at its end. */
static bool load_block(struct wire *wire, struct error *error)
{
    const struct message *message = wire->message;
    uint64_t header_end = message->header.length, body_start = header_end + blank_line.length;
    struct buffer *block = &wire->block;

    wire->used = 0;
    buffer_clear(block);
    if (!buffer_reserve(block, BLOCK_SIZE))
        return error_set_memory(error);
    if (!load_from(wire, message->header, 0, error))
        return false;
    if (wire->position == header_end && block->length + blank_line.length <= BLOCK_SIZE) {
        buffer_add(block, blank_line);
        wire->position = body_start;
    }
    return load_from(wire, message->body, body_start, error);
}

/* How many octets of `rest` can go out at once, and how many of them are then done with. */
static size_t next_stretch(const struct wire *wire, struct slice rest, size_t *done)
{
    const char *at = rest.bytes, *end = rest.bytes + rest.length;

    if (wire->line_start && *at == '.') {
        *done = 0;
        return 1;
    }
    while ((at = memchr(at, '\n', (size_t)(end - at))) != NULL && ++at < end) {
        if (*at == '.') {
            *done = (size_t)(at - rest.bytes);
            return *done + 1;
        }
    }
    *done = rest.length;
    return rest.length;
}

bool wire_next(struct wire *wire, struct slice *octets, struct error *error)
{
    struct slice rest;
    size_t done;

    if (wire->used == wire->block.length && !load_block(wire, error))
        return false;
    rest = slice_from(buffer_slice(&wire->block), wire->used);
    if (rest.length == 0) {
        *octets = slice_to(final_dot, wire->dots && !wire->ended ? final_dot.length : 0);
        wire->ended = true;
        return true;
    }
    done = rest.length;
    if (wire->dots)
        rest.length = next_stretch(wire, rest, &done);
    wire->used += done;
    wire->line_start = done == rest.length && rest.bytes[done - 1] == '\n';
    *octets = rest;
    return true;
}

bool wire_is_last(const struct wire *wire)
{
    bool used_up = wire->used == wire->block.length;

    return wire->dots ? wire->ended : used_up && wire->position == message_size(wire->message);
}

void wire_close(struct wire *wire)
{
    buffer_free(&wire->block);
}

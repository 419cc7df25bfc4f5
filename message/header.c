/* Walking the fields of a stored header (RFC 5322 section 2.2).
 *
 * Invariant: the window's bytes from `used` on, followed by the stretch `left` of the store, are
 * the fields not yet handed out. Every byte is looked at once and moved at most once, so the walk
 * is linear in the header, whatever its fields are like. */
#include "message/header.h"

#include <string.h>

enum { LOAD_SIZE = HEADER_PIECE / 2 };

void header_open(struct header_scanner *scanner, struct message *message)
{
    *scanner = (struct header_scanner){.store = &message->store, .left = message->header};
}

static bool load_more(struct header_scanner *scanner, struct error *error)
{
    struct buffer *window = &scanner->window;
    size_t size = scanner->left.length < LOAD_SIZE ? (size_t)scanner->left.length : LOAD_SIZE;

    if (scanner->used > 0) {
        window->length -= scanner->used;
        memmove(window->bytes, window->bytes + scanner->used, window->length);
        scanner->used = 0;
    }
    if (!buffer_reserve(window, size))
        return error_set_memory(error);
    if (!store_read(scanner->store, scanner->left.offset, window->bytes + window->length, size,
                    error))
        return false;
    window->length += size;
    scanner->left.offset += size;
    scanner->left.length -= size;
    return true;
}

/* Finds the end of the first field of `loaded`; false when more must be loaded to know it. `length`
 * is how far there is nothing left to find, and at last the field's length. */
static bool find_end(struct slice loaded, bool all_loaded, size_t *length)
{
    for (;;) {
        const char *start = loaded.bytes + *length;
        const char *feed = memchr(start, '\n', loaded.length - *length);

        if (feed == NULL) {
            *length = loaded.length;
            return all_loaded;
        }
        *length = (size_t)(feed - loaded.bytes);
        if (*length + 1 == loaded.length && !all_loaded)
            return false;
        *length += 1;
        if (*length == loaded.length || (feed[1] != ' ' && feed[1] != '\t'))
            return true;
    }
}

static struct slice without_line_end(struct slice value)
{
    if (value.length >= 2 && memcmp(value.bytes + value.length - 2, "\r\n", 2) == 0)
        value.length -= 2;
    return value;
}

static void describe(struct slice raw, struct header_field *field)
{
    *field = (struct header_field){.id = FIELD_GARBAGE, .value = raw, .raw = raw};
    if (field_split(raw, &field->name, &field->value))
        field->id = field_find(field->name);
    field->value = without_line_end(field->value);
}

/* Hands out the window's next `length` bytes; `whole`: a field ends with them. */
static void hand_out(struct header_scanner *scanner, size_t length, bool whole,
                     struct header_field *field)
{
    struct slice raw = slice_to(slice_from(buffer_slice(&scanner->window), scanner->used), length);
    if (scanner->inside)
        *field = (struct header_field){.id = scanner->id, .raw = raw, .continued = true};
    else
        describe(raw, field);
    scanner->id = field->id;
    scanner->inside = !whole;
    scanner->used += length;
}

bool header_next(struct header_scanner *scanner, struct header_field *field, bool *found,
                 struct error *error)
{
    size_t length = 0;

    for (;;) {
        struct slice loaded = slice_from(buffer_slice(&scanner->window), scanner->used);
        bool all_loaded = scanner->left.length == 0;

        bool whole = loaded.length > 0 && find_end(loaded, all_loaded, &length);
        *found = whole || (scanner->in_pieces && loaded.length >= LOAD_SIZE);
        if (*found) {
            hand_out(scanner, length, whole, field);
            return true;
        }
        if (all_loaded)
            return true;
        if (!load_more(scanner, error))
            return false;
    }
}

bool header_says_nothing(const struct header_field *field)
{
    bool list = field_kind(field->id) == FIELD_ADDRESSES;
    for (size_t i = 0; i < field->value.length; i++) {
        char byte = field->value.bytes[i];
        if (byte != '\0' && strchr(list ? " \t\r\n," : " \t\r\n", byte) == NULL)
            return false;
    }
    return true;
}

void header_close(struct header_scanner *scanner)
{
    buffer_free(&scanner->window);
}

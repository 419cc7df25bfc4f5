/* A growing run of bytes. Invariant: length <= capacity; capacity at least doubles, so that
 * appending is linear in all. */
#include "base/buffer.h"

#include <stdlib.h>
#include <string.h>

enum { SMALLEST_CAPACITY = 256 };

bool buffer_reserve(struct buffer *buffer, size_t more)
{
    if (buffer->failed)
        return false;
    if (more <= buffer->capacity - buffer->length)
        return true;
    if (more > SIZE_MAX / 2 - buffer->length) {
        buffer->failed = true;
        return false;
    }

    size_t capacity = buffer->length + more;
    if (capacity < SMALLEST_CAPACITY)
        capacity = SMALLEST_CAPACITY;
    if (capacity < buffer->capacity * 2)
        capacity = buffer->capacity * 2;
    char *bytes = realloc(buffer->bytes, capacity);
    if (bytes == NULL) {
        buffer->failed = true;
        return false;
    }
    buffer->bytes = bytes;
    buffer->capacity = capacity;
    return true;
}

bool buffer_add(struct buffer *buffer, struct slice slice)
{
    if (!buffer_reserve(buffer, slice.length))
        return false;
    if (slice.length > 0)
        memcpy(buffer->bytes + buffer->length, slice.bytes, slice.length);
    buffer->length += slice.length;
    return true;
}

bool buffer_add_string(struct buffer *buffer, const char *string)
{
    return buffer_add(buffer, slice_of(string));
}

bool buffer_add_byte(struct buffer *buffer, char byte)
{
    return buffer_add(buffer, slice_make(&byte, 1));
}

struct slice buffer_slice(const struct buffer *buffer)
{
    return slice_make(buffer->length > 0 ? buffer->bytes : "", buffer->length);
}

void buffer_clear(struct buffer *buffer)
{
    buffer->length = 0;
    buffer->failed = false;
}

void buffer_free(struct buffer *buffer)
{
    free(buffer->bytes);
    *buffer = (struct buffer){0};
}

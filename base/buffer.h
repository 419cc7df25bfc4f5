/* A growing run of bytes on the heap. Failure to grow is sticky: append freely, ask once. */
#ifndef BASE_BUFFER_H
#define BASE_BUFFER_H

#include "base/slice.h"

struct buffer {
    char *bytes;
    size_t length;   /* used */
    size_t capacity; /* allocated */
    bool failed;     /* memory ran out: what was appended since is lost */
};

/* A zeroed struct is an empty buffer. */

/* Makes room for `more` bytes behind the used ones; false (and failed set) when memory ran out. */
bool buffer_reserve(struct buffer *buffer, size_t more);

/* Each appends; false when the buffer is (or was already) failed. */
bool buffer_add(struct buffer *buffer, struct slice slice);
bool buffer_add_string(struct buffer *buffer, const char *string);
bool buffer_add_byte(struct buffer *buffer, char byte);

struct slice buffer_slice(const struct buffer *buffer);

/* Empties it and keeps the memory. */
void buffer_clear(struct buffer *buffer);

/* Frees the memory and leaves an empty buffer. */
void buffer_free(struct buffer *buffer);

#endif

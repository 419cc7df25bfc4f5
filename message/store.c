/* Bytes kept once: in memory while they are few, else in an unnamed file.
 *
 * Invariant: the store's bytes are the `written` bytes of the file behind the `reserved` ones,
 * followed by those in `memory`, and the file's position stands at the end of the former. Reading
 * never moves it. Only a file in `place` has reserved ones. */
#include "message/store.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"

/* Appends below this size are gathered, once there is a file. */
enum { WRITE_SIZE = 64 * 1024, COPY_SIZE = 16 * 1024 };

void store_init(struct store *store, const char *directory)
{
    *store = (struct store){.directory = directory, .fd = -1};
}

static int open_in_directory(struct store *store, struct error *error)
{
    if (store->directory == NULL) {
        const char *temporary = getenv("TMPDIR");
        struct error ignored;
        int fd = -1;

        if (temporary != NULL && temporary[0] == '/')
            fd = file_open_unnamed(temporary, &ignored);
        store->directory = fd >= 0 ? temporary : "/var/tmp";
        if (fd >= 0)
            return fd;
    }
    return file_open_unnamed(store->directory, error);
}

static int open_in_place(struct store *store)
{
    const struct store_place *place = store->place;
    struct error ignored;
    int fd = place != NULL ? place->open(place->context, &ignored) : -1;

    if (fd < 0)
        return -1;
    if (lseek(fd, (off_t)place->reserved, SEEK_SET) >= 0) {
        store->reserved = place->reserved;
        return fd;
    }
    close(fd);
    return -1;
}

static bool open_file(struct store *store, struct error *error)
{
    store->fd = open_in_place(store);
    if (store->fd < 0)
        store->fd = open_in_directory(store, error);
    return store->fd >= 0 || error_add_context(error, "message: cannot be kept");
}

static bool copy_written(struct store *store, int fd, struct error *error)
{
    char bytes[COPY_SIZE];
    struct extent left = {0, store->written};
    struct slice octets = {0};

    while (left.length > 0)
        if (!store_read_next(store, &left, bytes, sizeof bytes, &octets, error) ||
            !file_write_all(fd, octets, error))
            return false;
    return true;
}

/* What can no longer grow in its place can still be sent. */
static bool leave_place(struct store *store, struct slice bytes, struct error *error)
{
    struct error other;
    int fd = open_in_directory(store, &other);

    if (fd < 0)
        return false;
    if (!copy_written(store, fd, &other) || !file_write_all(fd, bytes, &other)) {
        *error = other;
        close(fd);
        return false;
    }
    close(store->fd);
    store->fd = fd;
    store->reserved = 0;
    return true;
}

static bool write_bytes(struct store *store, struct slice bytes, struct error *error)
{
    struct text_shown shown;

    if (!file_write_all(store->fd, bytes, error) &&
        (store->reserved == 0 || !leave_place(store, bytes, error))) {
        error_add_advice(error, "make room, or set TMPDIR (root's is not taken)");
        return error_add_context(error, "message: cannot be kept in %s",
                                 text_show(&shown, slice_of(store->directory)));
    }
    store->written += bytes.length;
    return true;
}

static bool flush(struct store *store, struct error *error)
{
    if (!write_bytes(store, buffer_slice(&store->memory), error))
        return false;
    buffer_clear(&store->memory);
    return true;
}

static bool gather(struct store *store, struct slice bytes, struct error *error)
{
    return buffer_add(&store->memory, bytes) || error_set_memory(error);
}

bool store_append(struct store *store, struct slice bytes, struct error *error)
{
    size_t limit = store->fd < 0 ? STORE_MEMORY_LIMIT : WRITE_SIZE;

    if (bytes.length <= limit && store->memory.length <= limit - bytes.length)
        return gather(store, bytes, error);
    if (store->fd < 0 && !open_file(store, error))
        return false;
    if (!flush(store, error))
        return false;
    if (bytes.length >= WRITE_SIZE)
        return write_bytes(store, bytes, error);
    return gather(store, bytes, error);
}

uint64_t store_size(const struct store *store)
{
    return store->written + store->memory.length;
}

bool store_read(struct store *store, uint64_t offset, char *bytes, size_t size, struct error *error)
{
    size_t in_file = 0;

    if (offset < store->written)
        in_file = store->written - offset < size ? (size_t)(store->written - offset) : size;
    if (in_file > 0 && !file_read_at(store->fd, bytes, in_file, store->reserved + offset, error))
        return error_add_context(error, "message: cannot be read again");
    if (in_file < size)
        memcpy(bytes + in_file, store->memory.bytes + (offset + in_file - store->written),
               size - in_file);
    return true;
}

bool store_read_next(struct store *store, struct extent *left, char *bytes, size_t size,
                     struct slice *octets, struct error *error)
{
    if (left->length < size)
        size = (size_t)left->length;
    if (!store_read(store, left->offset, bytes, size, error))
        return false;
    left->offset += size;
    left->length -= size;
    *octets = slice_make(bytes, size);
    return true;
}

bool store_change(struct store *store, uint64_t offset, char octet, struct error *error)
{
    if (offset >= store->written) {
        store->memory.bytes[offset - store->written] = octet;
        return true;
    }
    if (pwrite(store->fd, &octet, 1, (off_t)(store->reserved + offset)) == 1)
        return true;
    return error_set_errno(error, EX_IOERR, "message: cannot be kept");
}

void store_free(struct store *store)
{
    if (store->fd >= 0)
        close(store->fd);
    buffer_free(&store->memory);
    *store = (struct store){.place = store->place, .directory = store->directory, .fd = -1};
}

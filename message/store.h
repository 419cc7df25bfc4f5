/* Bytes kept once and replayed: appended in order, in memory up to STORE_MEMORY_LIMIT, beyond that
 * in an unnamed file. Memory does not grow with the message. */
#ifndef MESSAGE_STORE_H
#define MESSAGE_STORE_H

#include "base/buffer.h"
#include "base/error.h"

enum { STORE_MEMORY_LIMIT = 256 * 1024 };

/* A stretch of a store. */
struct extent {
    uint64_t offset, length;
};

/* A better place for the file than a directory for temporary ones, as long as it can be had. */
struct store_place {
    /* An unnamed file for reading and writing, or -1. */
    int (*open)(void *context, struct error *error);
    void *context;
    uint64_t reserved; /* octets in front, at least 1, left to whoever takes the file over */
};

struct store {
    const struct store_place *place; /* NULL, or where the file is made if it can be, */
    const char *directory;           /* else here; NULL: TMPDIR if it serves, /var/tmp */
    struct buffer memory;            /* the bytes while fd is -1, else those not yet written */
    int fd;                          /* the unnamed file, -1 while all is in memory */
    uint64_t reserved; /* octets in front of them in the file: 0, unless it is in `place` */
    uint64_t written;  /* bytes in the file */
};

/* An empty store, without a place. */
void store_init(struct store *store, const char *directory);

/* Appends. EX_IOERR when the disk is full or the write failed, EX_CANTCREAT when there is no place
 * for the file, EX_OSERR without memory. After a failure the store is only good for store_free. */
bool store_append(struct store *store, struct slice bytes, struct error *error);

/* Bytes appended so far. */
uint64_t store_size(const struct store *store);

/* Copies `size` bytes from `offset` on into `bytes`; the stretch must have been appended. */
bool store_read(struct store *store, uint64_t offset, char *bytes, size_t size,
                struct error *error);

/* Copies the next octets of `left`, at most `size` of them, into `bytes` and cuts them off it;
 * `octets` is what was copied, empty at the end. */
bool store_read_next(struct store *store, struct extent *left, char *bytes, size_t size,
                     struct slice *octets, struct error *error);

/* Writes another octet over the appended one at `offset`. EX_IOERR. */
bool store_change(struct store *store, uint64_t offset, char octet, struct error *error);

/* Leaves an empty store with the same place and directory; harmless twice. */
void store_free(struct store *store);

#endif

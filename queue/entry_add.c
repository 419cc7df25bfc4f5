/* How an entry is born: written as a whole, synced, given its place.
 *
 * Invariant: the file has no name that a runner looks at before everything in it is on the disk,
 * and nothing in front of its journal is written to afterwards. */
#include "queue/entry.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/checksum.h"
#include "base/file.h"

enum { BLOCK_SIZE = 256 * 1024, PIECES = 4 };

/* An entry on its way into the spool. */
struct birth {
    struct spool *spool;
    struct message *message;
    int fd;
    struct record_envelope about;
    struct record_preamble preamble;
    struct buffer records;
};

/* The new entry cannot be "written": errno says why. */
static bool fail(const struct birth *birth, const char *what, struct error *error)
{
    bool full = errno == ENOSPC || errno == EDQUOT;
    struct text_shown shown;
    error_set_errno(error, EX_IOERR, "queue: the message cannot be %s in %s", what,
                    text_show(&shown, slice_of(birth->spool->options->directory)));
    return full ? error_add_advice(error, "make room there") : false;
}

/* Writes all of the pieces, which are used up, one behind the other. */
static bool write_pieces(const struct birth *birth, struct iovec *pieces, int count,
                         uint64_t offset, struct error *error)
{
    while (count > 0) {
        ssize_t written = pwritev(birth->fd, pieces, count, (off_t)offset);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return fail(birth, "written", error);
        offset += (uint64_t)written;
        for (; count > 0 && (size_t)written >= pieces->iov_len; pieces++, count--)
            written -= (ssize_t)pieces->iov_len;
        if (count > 0) {
            pieces->iov_base = (char *)pieces->iov_base + written;
            pieces->iov_len -= (size_t)written;
        }
    }
    return true;
}

/* A stretch of a buffer, which has no address where it is empty. */
static struct iovec stretch(const struct buffer *buffer, struct extent extent)
{
    char *start = extent.length > 0 ? buffer->bytes + extent.offset : NULL;
    return (struct iovec){.iov_base = start, .iov_len = (size_t)extent.length};
}

static struct iovec all_of(const struct buffer *buffer)
{
    return stretch(buffer, (struct extent){0, buffer->length});
}

static void sum(struct birth *birth, struct slice octets)
{
    birth->preamble.checksum = checksum_add(birth->preamble.checksum, octets);
}

/* What could not be read again must not be promised. */
static bool check_envelope(const struct birth *birth, struct error *error)
{
    struct slice rest = buffer_slice(&birth->records), payload = {0};
    struct record_envelope about;
    struct envelope envelope = {0};
    enum record_kind kind;
    record_next(&rest, &kind, &payload);
    bool good = record_get_envelope(payload, &about, &envelope, error);
    if (!good && error->exit_code == EX_DATAERR) {
        error->exit_code = EX_SOFTWARE;
        error_add_context(error, "queue: this cannot be kept");
    }
    envelope_free(&envelope);
    return good;
}

static bool put_envelope(struct birth *birth, const struct envelope *envelope, struct error *error)
{
    return record_put_envelope(&birth->records, &birth->about, envelope, error) &&
           check_envelope(birth, error);
}

/* A message that is in memory, all of it: one write. */
static bool write_memory(struct birth *birth, struct error *error)
{
    const struct store *store = &birth->message->store;
    char preamble[RECORD_PREAMBLE];
    struct iovec pieces[PIECES] = {{preamble, sizeof preamble},
                                   stretch(&store->memory, birth->message->header),
                                   stretch(&store->memory, birth->message->body),
                                   all_of(&birth->records)};
    for (int i = 1; i <= 2; i++)
        sum(birth, slice_make(pieces[i].iov_base, pieces[i].iov_len));
    record_put_preamble(preamble, &birth->preamble);
    return write_pieces(birth, pieces, PIECES, 0, error);
}

/* Copies a stretch of the store to `offset`, which moves on. */
static bool copy_stretch(struct birth *birth, struct extent left, uint64_t *offset, char *block,
                         struct error *error)
{
    struct slice octets;
    while (left.length > 0) {
        if (!store_read_next(&birth->message->store, &left, block, BLOCK_SIZE, &octets, error))
            return false;
        struct iovec one = {block, octets.length};
        sum(birth, octets);
        if (!write_pieces(birth, &one, 1, *offset, error))
            return false;
        *offset += octets.length;
    }
    return true;
}

static bool write_preamble(struct birth *birth, struct error *error)
{
    char preamble[RECORD_PREAMBLE];
    record_put_preamble(preamble, &birth->preamble);
    struct iovec one = {preamble, sizeof preamble};
    return write_pieces(birth, &one, 1, 0, error);
}

/* A message that is in a file elsewhere. */
static bool write_copy(struct birth *birth, struct error *error)
{
    uint64_t offset = RECORD_PREAMBLE;
    struct iovec records = all_of(&birth->records);
    char *block = malloc(BLOCK_SIZE);
    if (block == NULL)
        return error_set_memory(error);
    bool good = copy_stretch(birth, birth->message->header, &offset, block, error) &&
                copy_stretch(birth, birth->message->body, &offset, block, error) &&
                write_pieces(birth, &records, 1, offset, error) && write_preamble(birth, error);
    free(block);
    return good;
}

static bool sum_store(struct birth *birth, struct error *error)
{
    struct store *store = &birth->message->store;
    struct extent left = {0, store_size(store)};
    struct slice octets;
    char *block = malloc(BLOCK_SIZE);
    if (block == NULL)
        return error_set_memory(error);
    bool good = true;
    while (good && left.length > 0) {
        good = store_read_next(store, &left, block, BLOCK_SIZE, &octets, error);
        if (good)
            sum(birth, octets);
    }
    free(block);
    return good;
}

/* A message whose file is in the spool already: what is missing around it. */
static bool complete(struct birth *birth, struct error *error)
{
    const struct store *store = &birth->message->store;
    struct iovec pieces[] = {all_of(&store->memory), all_of(&birth->records)};
    return sum_store(birth, error) &&
           write_pieces(birth, pieces, 2, RECORD_PREAMBLE + store->written, error) &&
           write_preamble(birth, error);
}

/* The one sync of the file; what comes of it is final. */
static bool commit(const struct birth *birth, char id[SPOOL_ID_SIZE], struct error *error)
{
    if (fsync(birth->fd) != 0)
        return fail(birth, "synced", error);
    return spool_commit(birth->spool, birth->fd, id, error);
}

/* Whether the store's file is one of this spool, worth keeping, and has not been used yet. */
static bool is_in_place(const struct spool *spool, const struct message *message)
{
    const struct store *store = &message->store;
    char reserved[RECORD_PREAMBLE];
    static const char untouched[RECORD_PREAMBLE];
    struct error ignored;
    if (store->fd < 0 || store->place != &spool->place || store->reserved != RECORD_PREAMBLE)
        return false;
    return store_size(store) - message->header.length - message->body.length <=
               ENTRY_UNUSED_LIMIT &&
           file_read_at(store->fd, reserved, sizeof reserved, 0, &ignored) &&
           memcmp(reserved, untouched, sizeof reserved) == 0;
}

static bool add_in_place(struct birth *birth, const struct envelope *envelope,
                         char id[SPOOL_ID_SIZE], struct error *error)
{
    struct message *message = birth->message;
    birth->fd = message->store.fd;
    birth->about.header = message->header;
    birth->about.body = message->body;
    birth->preamble.length = store_size(&message->store);
    if (!put_envelope(birth, envelope, error) || !complete(birth, error) ||
        !commit(birth, id, error))
        return false;
    /* The store keeps the descriptor, which is not to keep runners away. */
    flock(birth->fd, LOCK_UN);
    return true;
}

static bool add_copy(struct birth *birth, const struct envelope *envelope, char id[SPOOL_ID_SIZE],
                     struct error *error)
{
    struct message *message = birth->message;
    uint64_t header = message->header.length, body = message->body.length;
    birth->about.header = (struct extent){0, header};
    birth->about.body = (struct extent){header, body};
    birth->preamble.length = header + body;
    if (!put_envelope(birth, envelope, error))
        return false;
    birth->fd = spool_create(birth->spool, error);
    if (birth->fd < 0)
        return false;
    bool good = message->store.fd < 0 ? write_memory(birth, error) : write_copy(birth, error);
    good = good && commit(birth, id, error);
    close(birth->fd);
    return good;
}

static void mark_queued(struct envelope *envelope)
{
    for (size_t i = 0; i < envelope->count; i++) {
        struct recipient *recipient = &envelope->recipients[i];
        if (recipient->state == RECIPIENT_PENDING || recipient->state == RECIPIENT_DEFERRED)
            recipient->state = RECIPIENT_QUEUED;
    }
}

bool entry_add(struct spool *spool, struct message *message, struct envelope *envelope,
               const struct record_envelope *about, char id[SPOOL_ID_SIZE], struct error *error)
{
    struct birth birth = {.spool = spool, .message = message, .fd = -1, .about = *about};
    bool good = is_in_place(spool, message) ? add_in_place(&birth, envelope, id, error)
                                            : add_copy(&birth, envelope, id, error);
    buffer_free(&birth.records);
    if (good)
        mark_queued(envelope);
    return good;
}

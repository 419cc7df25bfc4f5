/* The records of an entry's file.
 *
 * Invariants: nothing before `end` is ever written to. While records are read the window has the
 * octets of the file from `end` on, as many as were needed. */
#include "queue/journal.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { READ_SIZE = 16 * 1024 };

void journal_open(struct journal *journal, int fd, uint64_t offset, uint64_t size)
{
    *journal = (struct journal){.fd = fd, .end = offset, .left = size > offset ? size - offset : 0};
}

/* What of the window is not used up. */
static struct slice seen(const struct journal *journal)
{
    return slice_from(buffer_slice(&journal->window), journal->start);
}

static ssize_t read_some(const struct journal *journal, char *bytes, size_t size)
{
    uint64_t offset = journal->end + seen(journal).length;
    ssize_t count;
    do {
        count = pread(journal->fd, bytes, size, (off_t)offset);
    } while (count < 0 && errno == EINTR);
    return count;
}

/* Makes room for `want` octets behind `start`. */
static bool make_room(struct journal *journal, size_t want)
{
    struct slice kept = seen(journal);
    if (journal->start > 0)
        memmove(journal->window.bytes, kept.bytes, kept.length);
    journal->window.length = kept.length;
    journal->start = 0;
    return buffer_reserve(&journal->window, want - kept.length);
}

/* Reads until `want` octets are seen, or the file ends. */
static bool see(struct journal *journal, uint64_t want, struct error *error)
{
    if (want < READ_SIZE)
        want = READ_SIZE;
    if (want > journal->left)
        want = journal->left;
    if (!make_room(journal, (size_t)want))
        return error_set_memory(error);
    while (journal->window.length < want) {
        ssize_t count = read_some(journal, journal->window.bytes + journal->window.length,
                                  (size_t)want - journal->window.length);
        if (count < 0)
            return error_set_errno(error, EX_IOERR, "cannot be read");
        if (count == 0)
            journal->left = want = journal->window.length;
        journal->window.length += (size_t)count;
    }
    return true;
}

bool journal_next(struct journal *journal, enum record_found *found, enum record_kind *kind,
                  struct slice *payload, struct error *error)
{
    if (seen(journal).length < RECORD_HEAD && seen(journal).length < journal->left &&
        !see(journal, RECORD_HEAD, error))
        return false;
    size_t span = record_span(seen(journal), journal->left);
    if (seen(journal).length < span && !see(journal, span, error))
        return false;
    struct slice rest = slice_to(seen(journal), span);
    size_t before = rest.length;
    *found = record_next(&rest, kind, payload);
    journal->torn = *found == RECORD_TORN;
    journal->start += before - rest.length;
    journal->end += before - rest.length;
    journal->left -= before - rest.length;
    return true;
}

/* Leaves nothing behind `end`. */
static bool cut(struct journal *journal, struct error *error)
{
    if (ftruncate(journal->fd, (off_t)journal->end) != 0)
        return error_set_errno(error, EX_IOERR, "cannot be cut off");
    journal->torn = false;
    return true;
}

static bool sync_data(struct journal *journal, struct error *error)
{
    if (fdatasync(journal->fd) == 0)
        return true;
    journal->broken = true;
    return error_set_errno(error, EX_IOERR, "cannot be synced");
}

static bool write_records(struct journal *journal, struct slice records, struct error *error)
{
    uint64_t offset = journal->end;
    while (records.length > 0) {
        ssize_t count = pwrite(journal->fd, records.bytes, records.length, (off_t)offset);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return error_set_errno(error, EX_IOERR, "cannot be written");
        records = slice_from(records, (size_t)count);
        offset += (uint64_t)count;
    }
    return true;
}

bool journal_append(struct journal *journal, struct slice records, struct error *error)
{
    struct error ignored;
    if (journal->broken)
        return error_set(error, EX_IOERR, "cannot be synced: it failed before");
    /* Else a shorter record might, after a power loss, be followed by what is left of the tear. */
    if (journal->torn && (!cut(journal, error) || !sync_data(journal, error)))
        return false;
    journal->torn = true;
    if (!write_records(journal, records, error) || !sync_data(journal, error)) {
        cut(journal, &ignored);
        return false;
    }
    journal->torn = false;
    journal->end += records.length;
    return true;
}

void journal_free(struct journal *journal)
{
    buffer_free(&journal->window);
}

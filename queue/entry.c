/* One entry of the queue: opened and read, and what happens to it written down. How it is born is
 * queue/entry_add.c.
 *
 * Invariants: an entry is taken from its file as a whole or not at all; entry->settled is what the
 * journal says of each recipient, and changes only with it. */
#include "queue/entry.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/checksum.h"
#include "base/clock.h"
#include "base/file.h"
#include "message/input.h"

enum {
    BLOCK_SIZE = 64 * 1024,
    /* Beyond this much of a journal, the words of a reply are no longer news. */
    JOURNAL_CHATTY = 8 * 1024 * 1024
};

/* No journal is larger. */
#define JOURNAL_LIMIT (UINT64_C(1) << 29)

/* --- reading --------------------------------------------------------------------------------- */

static void settle(struct entry *entry, size_t recipient)
{
    const struct recipient *from = &entry->envelope.recipients[recipient];
    struct entry_settled *settled = &entry->settled[recipient];
    settled->state = from->state;
    settled->reply_code = from->reply_code;
    settled->reply = from->reply;
    settled->reports = entry->reports;
}

static void note_try(struct entry *entry, const struct record_try *what, const char *reason)
{
    entry->tries += what->counted;
    entry->last_try = what->when;
    entry->next_try = what->next;
    entry->reason = reason;
}

static void note_mark(struct entry *entry, enum record_kind kind)
{
    if (kind == RECORD_REPORTED) {
        entry->reports++;
        return;
    }
    entry->held = kind == RECORD_HOLD;
    if (kind == RECORD_RELEASE)
        entry->next_try = 0;
}

static bool replay_try(struct entry *entry, struct slice payload, struct error *error)
{
    struct record_try what;
    size_t count;
    if (!record_get_try(payload, &what, &entry->envelope, entry->changed, &count, error))
        return false;
    note_try(entry, &what, what.reason);
    for (size_t i = 0; i < count; i++)
        settle(entry, entry->changed[i]);
    return true;
}

static bool replay(struct entry *entry, enum record_kind kind, struct slice payload,
                   struct error *error)
{
    int64_t when;
    if (kind == RECORD_TRY)
        return replay_try(entry, payload, error);
    if (kind == RECORD_ENVELOPE)
        return error_set(error, EX_DATAERR, "damaged: it has a second envelope");
    if (!record_get_mark(payload, &when, error))
        return false;
    note_mark(entry, kind);
    return true;
}

static bool fits(const struct entry *entry, struct extent extent)
{
    uint64_t length = entry->preamble.length;
    return extent.offset <= length && extent.length <= length - extent.offset;
}

/* The stretches of the message must be in the message part, and most of it. */
static bool check_stretches(struct entry *entry, struct error *error)
{
    struct extent header = entry->about.header, body = entry->about.body;
    uint64_t length = entry->preamble.length;
    bool good = fits(entry, header) && fits(entry, body) && header.length <= length - body.length &&
                length - body.length - header.length <= ENTRY_UNUSED_LIMIT;
    if (!good)
        return error_set(error, EX_DATAERR, "damaged: its message is not where it should be");
    entry->size = message_size(&(struct message){.header = header, .body = body});
    return true;
}

static bool take_envelope(struct entry *entry, struct error *error)
{
    enum record_found found;
    enum record_kind kind = RECORD_HOLD;
    struct slice payload;
    if (!journal_next(&entry->journal, &found, &kind, &payload, error))
        return false;
    if (found != RECORD_FOUND || kind != RECORD_ENVELOPE)
        return error_set(error, EX_DATAERR, "damaged: its envelope is not whole");
    if (!record_get_envelope(payload, &entry->about, &entry->envelope, error) ||
        !check_stretches(entry, error))
        return false;
    entry->next_try = entry->about.next;
    entry->reason = entry->about.reason;
    entry->settled = calloc(entry->envelope.count, sizeof *entry->settled);
    entry->changed = calloc(entry->envelope.count, sizeof *entry->changed);
    if (entry->settled == NULL || entry->changed == NULL)
        return error_set_memory(error);
    for (size_t i = 0; i < entry->envelope.count; i++)
        settle(entry, i);
    return true;
}

static bool take_journal(struct entry *entry, struct error *error)
{
    enum record_found found = RECORD_FOUND;
    enum record_kind kind = RECORD_HOLD;
    struct slice payload = {0};
    for (;;) {
        if (!journal_next(&entry->journal, &found, &kind, &payload, error))
            return false;
        if (found == RECORD_WRONG)
            return error_set(error, EX_DATAERR,
                             "damaged: its journal is not what was written at octet %llu",
                             (unsigned long long)entry->journal.end);
        if (found != RECORD_FOUND)
            return true;
        if (!replay(entry, kind, payload, error))
            return false;
    }
}

static bool take_preamble(struct entry *entry, uint64_t size, struct error *error)
{
    char bytes[RECORD_PREAMBLE];
    if (size < RECORD_PREAMBLE)
        return error_set(error, EX_DATAERR, "damaged: it is shorter than any entry");
    if (!file_read_at(entry->fd, bytes, sizeof bytes, 0, error) ||
        !record_get_preamble(bytes, &entry->preamble, error))
        return false;
    if (entry->preamble.length > size - RECORD_PREAMBLE)
        return error_set(error, EX_DATAERR, "damaged: it ends within its message");
    uint64_t start = RECORD_PREAMBLE + entry->preamble.length;
    if (size - start > JOURNAL_LIMIT)
        return error_set(error, EX_DATAERR, "damaged: no journal is as large as its");
    journal_open(&entry->journal, entry->fd, start, size);
    return true;
}

static bool take_entry(struct entry *entry, uint64_t size, struct error *error)
{
    bool good = take_preamble(entry, size, error) && take_envelope(entry, error) &&
                take_journal(entry, error);
    journal_free(&entry->journal);
    return good || error_add_context(error, "queue: %s", entry->id);
}

enum spool_opened entry_open(struct spool *spool, enum spool_folder folder, const char *id,
                             bool claim, struct entry *entry, struct error *error)
{
    struct stat status;
    *entry = (struct entry){.spool = spool, .folder = folder, .fd = -1};
    enum spool_opened opened =
        spool_open_entry(spool, folder, id, claim, &entry->fd, &status, error);
    if (opened != SPOOL_OPENED)
        return opened;
    text_copy(entry->id, sizeof entry->id, id);
    entry->owner = status.st_uid;
    if (take_entry(entry, (uint64_t)status.st_size, error))
        return SPOOL_OPENED;
    entry_close(entry);
    return error->exit_code == EX_DATAERR ? SPOOL_FOREIGN : SPOOL_FAILURE;
}

void entry_close(struct entry *entry)
{
    if (entry->fd >= 0)
        close(entry->fd);
    entry->fd = -1;
    journal_free(&entry->journal);
    free(entry->settled);
    free(entry->changed);
    entry->settled = NULL;
    entry->changed = NULL;
    envelope_free(&entry->envelope);
}

/* --- the message ----------------------------------------------------------------------------- */

struct reading {
    struct entry *entry;
    struct input *input;
    uint32_t sum;
    char block[BLOCK_SIZE];
};

/* Reads a stretch of the message part: for its checksum, to hand it on, or both. */
static bool read_stretch(struct reading *reading, struct extent extent, bool add, bool sum,
                         struct error *error)
{
    uint64_t offset = RECORD_PREAMBLE + extent.offset;
    for (uint64_t left = extent.length; left > 0;) {
        size_t size = left < BLOCK_SIZE ? (size_t)left : BLOCK_SIZE;
        struct slice octets = slice_make(reading->block, size);
        if (!file_read_at(reading->entry->fd, reading->block, size, offset, error))
            return false;
        if (sum)
            reading->sum = checksum_add(reading->sum, octets);
        if (add && !input_add(reading->input, octets, error))
            return false;
        offset += size;
        left -= size;
    }
    return true;
}

/* Whether header and body, in this order, are all of the message part: then it is read once. */
static bool is_compact(const struct entry *entry)
{
    struct extent header = entry->about.header, body = entry->about.body;
    return header.offset == 0 && body.offset == header.length &&
           body.offset + body.length == entry->preamble.length;
}

static bool read_parts(struct reading *reading, struct error *error)
{
    struct entry *entry = reading->entry;
    bool compact = is_compact(entry);
    struct extent whole = {0, entry->preamble.length};
    if (!compact && !read_stretch(reading, whole, false, true, error))
        return false;
    return read_stretch(reading, entry->about.header, true, compact, error) &&
           input_add(reading->input, slice_of("\r\n"), error) &&
           read_stretch(reading, entry->about.body, true, compact, error);
}

static bool read_message(struct reading *reading, struct error *error)
{
    bool good = read_parts(reading, error);
    if (good && reading->sum != reading->entry->preamble.checksum)
        good = error_set(error, EX_DATAERR, "damaged: its message is not what was written");
    if (good)
        return input_end(reading->input, error);
    input_abandon(reading->input);
    return false;
}

bool entry_read_message(struct entry *entry, struct message *message, struct error *error)
{
    const struct input_options options = {0};
    struct reading *reading = malloc(sizeof *reading);
    if (reading == NULL)
        return error_set_memory(error);
    reading->entry = entry;
    reading->sum = 0;
    reading->input = input_open(message, &options, error);
    bool good = reading->input != NULL && read_message(reading, error);
    free(reading);
    return good || error_add_context(error, "queue: %s", entry->id);
}

/* --- writing --------------------------------------------------------------------------------- */

static bool append(struct entry *entry, const struct buffer *records, struct error *error)
{
    uint64_t start = RECORD_PREAMBLE + entry->preamble.length;
    if (entry->journal.end - start > JOURNAL_LIMIT - records->length)
        error_set(error, EX_IOERR, "its journal is full");
    else if (journal_append(&entry->journal, buffer_slice(records), error))
        return true;
    return error_add_context(error, "queue: %s: the outcome", entry->id);
}

static bool says_other(const struct entry *entry, const char *reply, const char *other)
{
    uint64_t journal = entry->journal.end - RECORD_PREAMBLE - entry->preamble.length;
    if (reply == other || journal > JOURNAL_CHATTY)
        return false;
    return reply == NULL || other == NULL || strcmp(reply, other) != 0;
}

/* Whether a recipient has an outcome that the journal does not have. */
static bool is_news(const struct entry *entry, size_t recipient)
{
    const struct recipient *now = &entry->envelope.recipients[recipient];
    const struct entry_settled *settled = &entry->settled[recipient];
    if (recipient_is_final(settled->state) ||
        (!recipient_is_final(now->state) && now->state != RECIPIENT_DEFERRED))
        return false;
    return now->state != settled->state || now->reply_code != settled->reply_code ||
           says_other(entry, now->reply, settled->reply);
}

/* How many recipients have news; their numbers are entry->changed. */
static size_t find_news(struct entry *entry)
{
    size_t count = 0;
    for (size_t i = 0; i < entry->envelope.count; i++)
        if (is_news(entry, i))
            entry->changed[count++] = (uint32_t)i;
    return count;
}

static bool keep_reason(struct entry *entry, const char *reason, const char **kept,
                        struct error *error)
{
    *kept = reason != NULL ? arena_copy(&entry->envelope.arena, slice_of(reason)) : NULL;
    return reason == NULL || *kept != NULL || error_set_memory(error);
}

bool entry_record_try(struct entry *entry, const struct record_try *what, struct error *error)
{
    struct buffer records = {0};
    const char *reason;
    size_t count = find_news(entry);
    bool good = keep_reason(entry, what->reason, &reason, error) &&
                record_put_try(&records, what, &entry->envelope, entry->changed, count, error) &&
                append(entry, &records, error);
    if (good)
        note_try(entry, what, reason);
    for (size_t i = 0; good && i < count; i++)
        settle(entry, entry->changed[i]);
    buffer_free(&records);
    return good;
}

bool entry_record_mark(struct entry *entry, enum record_kind kind, struct error *error)
{
    struct buffer records = {0};
    bool good =
        record_put_mark(&records, kind, clock_wall(), error) && append(entry, &records, error);
    if (good)
        note_mark(entry, kind);
    buffer_free(&records);
    return good;
}

/* --- asking ---------------------------------------------------------------------------------- */

bool entry_is_unfinished(const struct entry *entry)
{
    for (size_t i = 0; i < entry->envelope.count; i++)
        if (!recipient_is_final(entry->envelope.recipients[i].state))
            return true;
    return false;
}

bool entry_is_told(const struct entry *entry, size_t recipient)
{
    const struct entry_settled *settled = entry->settled;
    return settled != NULL && settled[recipient].state == RECIPIENT_REFUSED &&
           settled[recipient].reports < entry->reports;
}

bool entry_owes_report(const struct entry *entry)
{
    for (size_t i = 0; i < entry->envelope.count; i++)
        if (entry->envelope.recipients[i].state == RECIPIENT_REFUSED && !entry_is_told(entry, i))
            return true;
    return false;
}

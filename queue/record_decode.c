/* Bytes to values: an entry's file as somebody else may have written it, or half of it.
 *
 * Invariants: nothing outside a slice is read; what a length asks for is held against what is there
 * before anything is allocated; memory is a small multiple of the bytes. */
#include <endian.h>
#include <string.h>

#include "base/ascii.h"
#include "base/checksum.h"
#include "message/address.h"
#include "queue/record_format.h"

enum {
    RECORD_LARGEST = RECORD_HEAD + RECORD_LIMIT + RECORD_TAIL,
    REPLY_CODE_MAX = 999,
    NOTIFY_MAX = DSN_NEVER | DSN_SUCCESS | DSN_FAILURE | DSN_DELAY
};

static uint32_t number_at(const char *bytes)
{
    uint32_t value;
    memcpy(&value, bytes, sizeof value);
    return le32toh(value);
}

/* --- the preamble ---------------------------------------------------------------------------- */

bool record_get_preamble(const char bytes[RECORD_PREAMBLE], struct record_preamble *preamble,
                         struct error *error)
{
    uint32_t version = number_at(bytes + RECORD_VERSION_AT);
    if (memcmp(bytes, RECORD_MAGIC, sizeof RECORD_MAGIC - 1) != 0)
        return error_set(error, EX_DATAERR, "no entry of a queue");
    if (number_at(bytes + RECORD_OWN_SUM_AT) !=
        checksum_add(0, slice_make(bytes, RECORD_OWN_SUM_AT)))
        return error_set(error, EX_DATAERR, "damaged: the first %d octets are not what was written",
                         RECORD_PREAMBLE);
    if (version != RECORD_VERSION)
        return error_set(error, EX_DATAERR, "in format version %lu, and only %d is known here",
                         (unsigned long)version, RECORD_VERSION);
    memcpy(&preamble->length, bytes + RECORD_LENGTH_AT, sizeof preamble->length);
    preamble->length = le64toh(preamble->length);
    preamble->checksum = number_at(bytes + RECORD_SUM_AT);
    return true;
}

/* --- records --------------------------------------------------------------------------------- */

struct head {
    uint32_t kind, length, checksum;
};

/* False when it cannot be the head of a record. */
static bool read_head(struct slice start, struct head *head)
{
    const char *bytes = start.bytes;
    if (number_at(bytes + 12) != checksum_add(0, slice_make(bytes, 12)))
        return false;
    *head = (struct head){number_at(bytes), number_at(bytes + 4), number_at(bytes + 8)};
    return head->kind >= RECORD_ENVELOPE && head->kind <= RECORD_REPORTED &&
           head->length <= RECORD_LIMIT;
}

static bool is_zero(struct slice bytes)
{
    return bytes.length == 0 ||
           (bytes.bytes[0] == 0 && memcmp(bytes.bytes, bytes.bytes + 1, bytes.length - 1) == 0);
}

size_t record_span(struct slice start, uint64_t left)
{
    struct head head;
    uint64_t most = RECORD_LARGEST;
    if (left < RECORD_HEAD)
        return (size_t)left;
    if (read_head(start, &head))
        most = (uint64_t)RECORD_HEAD + head.length + RECORD_TAIL;
    /* One more octet shows whether it is the last. */
    return left > most ? (size_t)most + 1 : (size_t)left;
}

/* Whether zeroes took the place of the end mark, or of the end of it. */
static bool is_lost(struct slice tail)
{
    size_t same = 0;
    while (same < tail.length && tail.bytes[same] == RECORD_END_MARK[same])
        same++;
    return same < tail.length && is_zero(slice_from(tail, same));
}

/* What a record is whose head is right and whose end is there. */
static enum record_found judge(struct slice payload, uint32_t checksum, bool is_last)
{
    struct slice tail = slice_make(payload.bytes + payload.length, RECORD_TAIL);
    if (is_last && is_lost(tail))
        return RECORD_TORN;
    if (!slice_equals(tail, slice_of(RECORD_END_MARK)) || checksum_add(0, payload) != checksum)
        return RECORD_WRONG;
    return RECORD_FOUND;
}

enum record_found record_next(struct slice *rest, enum record_kind *kind, struct slice *payload)
{
    struct head head;
    if (rest->length == 0)
        return RECORD_END;
    if (rest->length < RECORD_HEAD)
        return RECORD_TORN;
    if (!read_head(*rest, &head))
        return rest->length <= RECORD_LARGEST && is_zero(slice_from(*rest, RECORD_HEAD))
                   ? RECORD_TORN
                   : RECORD_WRONG;
    size_t whole = RECORD_HEAD + (size_t)head.length + RECORD_TAIL;
    if (rest->length < whole)
        return RECORD_TORN;
    *kind = (enum record_kind)head.kind;
    *payload = slice_make(rest->bytes + RECORD_HEAD, head.length);
    enum record_found found = judge(*payload, head.checksum, rest->length == whole);
    if (found == RECORD_FOUND)
        *rest = slice_from(*rest, whole);
    return found;
}

/* --- the parts of a payload ------------------------------------------------------------------ */

struct reader {
    struct slice rest;
    bool bad;            /* it ended too early, or a value was none */
    struct arena *arena; /* where strings go */
    bool no_memory;
};

static struct slice take(struct reader *reader, size_t size)
{
    reader->bad = reader->bad || reader->rest.length < size;
    struct slice taken = slice_to(reader->rest, reader->bad ? 0 : size);
    reader->rest = slice_from(reader->rest, taken.length);
    return taken;
}

static uint64_t take_number(struct reader *reader, size_t size, uint64_t most)
{
    uint64_t value = 0;
    struct slice taken = take(reader, size);
    for (size_t i = taken.length; i > 0; i--)
        value = value << 8 | (unsigned char)taken.bytes[i - 1];
    reader->bad = reader->bad || value > most;
    return reader->bad ? 0 : value;
}

static int64_t take_time(struct reader *reader)
{
    return (int64_t)take_number(reader, 8, RECORD_TIME_MAX);
}

static struct extent take_extent(struct reader *reader)
{
    struct extent extent;
    extent.offset = take_number(reader, 8, UINT64_MAX);
    extent.length = take_number(reader, 8, UINT64_MAX);
    return extent;
}

/* Of a string its bytes; those of NULL are NULL. */
static struct slice take_length(struct reader *reader, uint64_t length, size_t most)
{
    if (length == 0)
        return slice_make(NULL, 0);
    reader->bad = reader->bad || length - 1 > most;
    return take(reader, (size_t)(length - 1));
}

/* A copy of a string that take_length gave. */
static const char *keep(struct reader *reader, struct slice text)
{
    if (text.bytes == NULL || reader->bad)
        return NULL;
    const char *copy = arena_copy(reader->arena, text);
    reader->no_memory = reader->no_memory || copy == NULL;
    return copy;
}

static struct slice take_string(struct reader *reader)
{
    return take_length(reader, take_number(reader, 2, UINT16_MAX), RECORD_STRING_MAX);
}

static const char *take_sentence(struct reader *reader)
{
    struct slice text =
        take_length(reader, take_number(reader, 2, UINT16_MAX), RECORD_SENTENCE_MAX);
    reader->bad = reader->bad || !slice_is_printable(text);
    return keep(reader, text);
}

/* One that may be the same as `before`, which it then becomes. `check` says what it must be. */
static const char *take_shared(struct reader *reader, const char **before,
                               bool (*check)(struct slice text))
{
    uint64_t length = take_number(reader, 2, UINT16_MAX);
    if (length == RECORD_SAME) {
        reader->bad = reader->bad || *before == NULL;
        return *before;
    }
    struct slice text = take_length(reader, length, RECORD_SENTENCE_MAX);
    reader->bad = reader->bad || (text.bytes != NULL && !check(text));
    *before = keep(reader, text);
    return *before;
}

/* False with an error for what the reader stumbled over; `what` is the record's name. */
static bool report(const struct reader *reader, const char *what, struct error *error)
{
    if (reader->no_memory)
        return error_set_memory(error);
    if (reader->bad)
        return error_set(error, EX_DATAERR, "damaged: %s cannot be what was written", what);
    return true;
}

/* --- the envelope ---------------------------------------------------------------------------- */

static bool is_original(struct slice text)
{
    struct error ignored;
    return dsn_check_original(text, true, &ignored);
}

static bool is_envelope_id(struct slice text)
{
    struct error ignored;
    return dsn_check_id(text, &ignored);
}

static bool is_notify(unsigned notify)
{
    return (notify & DSN_NEVER) == 0 || notify == DSN_NEVER;
}

/* The name of an account is the user's to choose, but it is one line. */
static bool is_name(struct slice text)
{
    for (size_t i = 0; i < text.length; i++)
        if (ascii_is_control(text.bytes[i]))
            return false;
    return true;
}

/* What address_canonical makes of it must be itself. */
static bool is_address(struct slice text)
{
    struct address_mailbox mailbox;
    struct slice rest = text;
    struct error ignored;
    struct text canonical;
    char bytes[ADDRESS_SIZE];
    bool found, needs_utf8;
    if (!address_next(&rest, &mailbox, &found, &ignored) || !found || mailbox.domain.length == 0)
        return false;
    text_init(&canonical, bytes, sizeof bytes);
    return address_canonical(&mailbox, NULL, &canonical, &needs_utf8, &ignored) &&
           slice_equals(text_slice(&canonical), text);
}

static void take_outcome(struct reader *reader, struct recipient *recipient, const char **reply)
{
    recipient->state = (unsigned char)take_number(reader, 1, RECIPIENT_REFUSED);
    recipient->reply_code = (short)take_number(reader, 2, REPLY_CODE_MAX);
    recipient->reply = take_shared(reader, reply, slice_is_printable);
}

/* Adds `recipient`, whose address is not kept yet. */
static bool add_recipient(struct envelope *envelope, struct slice address,
                          const struct recipient *recipient, struct error *error)
{
    char bytes[ADDRESS_SIZE];
    struct text_shown shown;
    size_t place = envelope->count;
    if (!is_address(address))
        return error_set(error, EX_DATAERR, "damaged: recipient \"%s\" is no address",
                         text_show(&shown, address));
    struct text string;
    text_init(&string, bytes, sizeof bytes);
    text_add_slice(&string, address);
    if (!envelope_add(envelope, bytes, error))
        return false;
    if (envelope->count == place)
        return error_set(error, EX_DATAERR, "damaged: recipient \"%s\" is there twice",
                         text_show(&shown, address));
    const char *kept = envelope->recipients[place].address;
    envelope->recipients[place] = *recipient;
    envelope->recipients[place].address = kept;
    return true;
}

static bool take_recipients(struct reader *reader, struct envelope *envelope, struct error *error)
{
    const char *original = NULL, *reply = NULL;
    uint64_t count = take_number(reader, 4, RECORD_RECIPIENTS_MAX);
    for (uint64_t i = 0; i < count; i++) {
        struct recipient recipient = {0};
        struct slice address = take_string(reader);
        recipient.original = take_shared(reader, &original, is_original);
        recipient.notify = (unsigned char)take_number(reader, 1, NOTIFY_MAX);
        take_outcome(reader, &recipient, &reply);
        reader->bad =
            reader->bad || !is_notify(recipient.notify) ||
            (recipient.state != RECIPIENT_PENDING && recipient.state != RECIPIENT_DEFERRED);
        if (!report(reader, "its envelope", error) ||
            !add_recipient(envelope, address, &recipient, error))
            return false;
    }
    return true;
}

static bool take_sender(struct reader *reader, struct envelope *envelope, struct error *error)
{
    struct slice sender = take_string(reader);
    struct text_shown shown;
    if (!report(reader, "its envelope", error))
        return false;
    if (sender.bytes == NULL || (sender.length > 0 && !is_address(sender)))
        return error_set(error, EX_DATAERR, "damaged: sender \"%s\" is no address",
                         text_show(&shown, sender));
    const char *copy = keep(reader, sender);
    return copy != NULL ? envelope_set_sender(envelope, copy, error) : error_set_memory(error);
}

bool record_get_envelope(struct slice payload, struct record_envelope *what,
                         struct envelope *envelope, struct error *error)
{
    struct reader reader = {.rest = payload, .arena = &envelope->arena};
    const char *nothing_before = NULL;
    *what = (struct record_envelope){0};
    what->created = take_time(&reader);
    what->next = take_time(&reader);
    what->header = take_extent(&reader);
    what->body = take_extent(&reader);
    what->report = take_number(&reader, 1, true) != 0;
    envelope->returned = (enum dsn_return)take_number(&reader, 1, DSN_RETURN_HEADERS);
    what->account = take_shared(&reader, &nothing_before, is_name);
    what->reason = take_sentence(&reader);
    nothing_before = NULL;
    envelope->id = take_shared(&reader, &nothing_before, is_envelope_id);
    if (!take_sender(&reader, envelope, error) || !take_recipients(&reader, envelope, error))
        return false;
    reader.bad = reader.bad || reader.rest.length > 0 || envelope->count == 0;
    return report(&reader, "its envelope", error);
}

/* --- the journal ----------------------------------------------------------------------------- */

/* Files one outcome of an attempt, that of a recipient behind the one `before`; returns its number.
 */
static uint32_t file_outcome(struct reader *reader, struct envelope *envelope,
                             const uint32_t *before, const char **reply)
{
    struct recipient outcome = {0};
    uint32_t number = (uint32_t)take_number(reader, 4, UINT32_MAX);
    take_outcome(reader, &outcome, reply);
    reader->bad = reader->bad || number >= envelope->count ||
                  (before != NULL && number <= *before) || outcome.state == RECIPIENT_PENDING ||
                  recipient_is_final(envelope->recipients[number].state);
    if (reader->bad)
        return 0;
    envelope->recipients[number].state = outcome.state;
    envelope->recipients[number].reply_code = outcome.reply_code;
    envelope->recipients[number].reply = outcome.reply;
    return number;
}

bool record_get_try(struct slice payload, struct record_try *what, struct envelope *envelope,
                    uint32_t *changed, size_t *count, struct error *error)
{
    struct reader reader = {.rest = payload, .arena = &envelope->arena};
    const char *reply = NULL;
    *what = (struct record_try){0};
    what->when = take_time(&reader);
    what->next = take_time(&reader);
    what->counted = take_number(&reader, 1, true) != 0;
    what->reason = take_sentence(&reader);
    *count = (size_t)take_number(&reader, 4, envelope->count);
    for (size_t i = 0; i < *count && !reader.bad; i++)
        changed[i] = file_outcome(&reader, envelope, i > 0 ? &changed[i - 1] : NULL, &reply);
    reader.bad = reader.bad || reader.rest.length > 0;
    return report(&reader, "an attempt in its journal", error);
}

bool record_get_mark(struct slice payload, int64_t *when, struct error *error)
{
    struct reader reader = {.rest = payload};
    *when = take_time(&reader);
    reader.bad = reader.bad || reader.rest.length > 0;
    return report(&reader, "a mark in its journal", error);
}

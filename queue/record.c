/* Values to bytes: the preamble and the records of an entry's file, and how records are framed.
 *
 * Invariant: whatever is put here is taken back by queue/record_decode.c; what it would not take is
 * made so, or not put at all. */
#include "queue/record.h"

#include <endian.h>
#include <string.h>

#include "base/ascii.h"
#include "base/checksum.h"
#include "queue/record_format.h"

static void place_32(char *bytes, uint32_t value)
{
    value = htole32(value);
    memcpy(bytes, &value, sizeof value);
}

void record_put_preamble(char bytes[RECORD_PREAMBLE], const struct record_preamble *preamble)
{
    uint64_t length = htole64(preamble->length);
    memset(bytes, 0, RECORD_PREAMBLE);
    memcpy(bytes, RECORD_MAGIC, sizeof RECORD_MAGIC - 1);
    place_32(bytes + RECORD_VERSION_AT, RECORD_VERSION);
    place_32(bytes + RECORD_SUM_AT, preamble->checksum);
    memcpy(bytes + RECORD_LENGTH_AT, &length, sizeof length);
    place_32(bytes + RECORD_OWN_SUM_AT, checksum_add(0, slice_make(bytes, RECORD_OWN_SUM_AT)));
}

/* The parts of a payload. */

static void put_8(struct buffer *out, unsigned value)
{
    buffer_add_byte(out, (char)value);
}

static void put_16(struct buffer *out, unsigned value)
{
    uint16_t little = htole16((uint16_t)value);
    buffer_add(out, slice_make((const char *)&little, sizeof little));
}

static void put_32(struct buffer *out, uint32_t value)
{
    value = htole32(value);
    buffer_add(out, slice_make((const char *)&value, sizeof value));
}

static void put_64(struct buffer *out, uint64_t value)
{
    value = htole64(value);
    buffer_add(out, slice_make((const char *)&value, sizeof value));
}

/* A clock that is out of its mind must not make an entry that is one. */
static void put_time(struct buffer *out, int64_t seconds)
{
    if (seconds < 0)
        seconds = 0;
    put_64(out, seconds > RECORD_TIME_MAX ? RECORD_TIME_MAX : (uint64_t)seconds);
}

static void put_extent(struct buffer *out, struct extent extent)
{
    put_64(out, extent.offset);
    put_64(out, extent.length);
}

/* One more than the length, so that there is a way to say NULL. One that is too long is put so that
 * it is not taken back, since a part of it would be something else. */
static void put_string(struct buffer *out, const char *string)
{
    struct slice text = slice_to(slice_of(string), RECORD_STRING_MAX + 1);
    put_16(out, string == NULL ? 0 : (unsigned)text.length + 1);
    buffer_add(out, text);
}

/* One that is for people's eyes only: it is mended rather than refused. */
static void put_sentence(struct buffer *out, const char *sentence)
{
    struct slice text = slice_to(slice_of(sentence), RECORD_SENTENCE_MAX);
    put_16(out, sentence == NULL ? 0 : (unsigned)text.length + 1);
    for (size_t i = 0; i < text.length; i++)
        buffer_add_byte(out, ascii_is_printable(text.bytes[i]) ? text.bytes[i] : '?');
}

/* Puts `string` by `put`, or just that it is the same as the one `before` it. */
static void put_shared(struct buffer *out, const char *string, const char **before,
                       void (*put)(struct buffer *, const char *))
{
    bool both = string != NULL && *before != NULL;
    if (both && (string == *before || strcmp(string, *before) == 0))
        put_16(out, RECORD_SAME);
    else
        put(out, string);
    *before = string;
}

/* An outcome: what there is of it in both kinds of records. */
static void put_outcome(struct buffer *out, const struct recipient *recipient, size_t *replies,
                        const char **before)
{
    size_t start = out->length;
    put_8(out, recipient->state);
    put_16(out, (unsigned)recipient->reply_code);
    put_shared(out, *replies < RECORD_REPLIES_LIMIT ? recipient->reply : NULL, before,
               put_sentence);
    *replies += out->length - start;
}

/* Records. Each begins with a head of zeroes that is filled in when the payload is complete. */

static size_t begin(struct buffer *out)
{
    static const char head[RECORD_HEAD];
    size_t start = out->length;
    buffer_add(out, slice_make(head, sizeof head));
    return start;
}

static bool complete(struct buffer *out, size_t start, enum record_kind kind, struct error *error)
{
    size_t length = out->length - start - RECORD_HEAD;
    if (!out->failed && length > RECORD_LIMIT) {
        out->length = start;
        return error_set(error, EX_OSERR, "queue: more than one entry can hold");
    }
    if (!buffer_add(out, slice_make(RECORD_END_MARK, RECORD_TAIL))) {
        out->length = start;
        return error_set_memory(error);
    }
    char *head = out->bytes + start;
    place_32(head, kind);
    place_32(head + 4, (uint32_t)length);
    place_32(head + 8, checksum_add(0, slice_make(head + RECORD_HEAD, length)));
    place_32(head + 12, checksum_add(0, slice_make(head, 12)));
    return true;
}

static bool is_due(const struct recipient *recipient)
{
    return recipient->state == RECIPIENT_PENDING || recipient->state == RECIPIENT_DEFERRED;
}

static void put_recipients(struct buffer *out, const struct envelope *envelope)
{
    const char *original = NULL, *reply = NULL;
    size_t replies = 0;
    for (size_t i = 0; i < envelope->count; i++) {
        const struct recipient *recipient = &envelope->recipients[i];
        if (!is_due(recipient))
            continue;
        put_string(out, recipient->address);
        put_shared(out, recipient->original, &original, put_string);
        put_8(out, recipient->notify);
        put_outcome(out, recipient, &replies, &reply);
    }
}

bool record_put_envelope(struct buffer *out, const struct record_envelope *what,
                         const struct envelope *envelope, struct error *error)
{
    size_t count =
        envelope_count(envelope, RECIPIENT_PENDING) + envelope_count(envelope, RECIPIENT_DEFERRED);
    if (count > RECORD_RECIPIENTS_MAX)
        return error_set(error, EX_OSERR, "queue: %zu recipients are more than one entry can have",
                         count);
    size_t start = begin(out);
    put_time(out, what->created);
    put_time(out, what->next);
    put_extent(out, what->header);
    put_extent(out, what->body);
    put_8(out, what->report);
    put_8(out, envelope->returned);
    put_string(out, what->account);
    put_sentence(out, what->reason);
    put_string(out, envelope->id);
    put_string(out, envelope->sender);
    put_32(out, (uint32_t)count);
    put_recipients(out, envelope);
    return complete(out, start, RECORD_ENVELOPE, error);
}

bool record_put_try(struct buffer *out, const struct record_try *what,
                    const struct envelope *envelope, const uint32_t *changed, size_t count,
                    struct error *error)
{
    const char *reply = NULL;
    size_t replies = 0, start = begin(out);
    put_time(out, what->when);
    put_time(out, what->next);
    put_8(out, what->counted);
    put_sentence(out, what->reason);
    put_32(out, (uint32_t)count);
    for (size_t i = 0; i < count; i++) {
        put_32(out, changed[i]);
        put_outcome(out, &envelope->recipients[changed[i]], &replies, &reply);
    }
    return complete(out, start, RECORD_TRY, error);
}

bool record_put_mark(struct buffer *out, enum record_kind kind, int64_t when, struct error *error)
{
    size_t start = begin(out);
    put_time(out, when);
    return complete(out, start, kind, error);
}

/* Property: whatever an entry says, its report is a message of three parts that a reader of its own
 * finds where RFC 6522 has them: printable ASCII in lines of at most 998 octets, each field of the
 * header there once and as it should be, a group of fields of RFC 3464 for each recipient that is
 * to be told of and none more, and the original's fields, as far as they are such, octet by octet.
 *
 * The input is divided by NULs: what is said of the report, then each recipient in four pieces, of
 * which the last is its code and what was asked for; behind a piece that is empty the header. */
#include "tests/fuzz/fuzz.h"

#include <stdio.h>

#include "message/address.h"
#include "message/header.h"
#include "queue/bounce.h"

enum { RECIPIENTS_MOST = 60, PARTS = 3 };

struct trial {
    struct entry entry;
    struct bounce_options options;
    struct message original, message;
    struct arena arena;
    struct error error;
    size_t told;
};

static const char *cut(struct trial *trial, struct slice *rest)
{
    struct slice piece = {0};
    slice_cut(rest, '\0', &piece);
    const char *copied = arena_copy(&trial->arena, piece);
    demand(copied != NULL);
    return copied;
}

static const char *or_none(const char *string)
{
    return string[0] == '\0' ? NULL : string;
}

/* Each has an address of its own, as the format of entries sees to. */
static void add_recipient(struct trial *trial, const char *address, struct slice *rest)
{
    struct envelope *envelope = &trial->entry.envelope;
    size_t before = envelope->count;
    const char *original = cut(trial, rest), *reply = cut(trial, rest);
    const unsigned char *facts = (const unsigned char *)cut(trial, rest);
    demand(envelope_add(envelope, address, &trial->error));
    if (envelope->count == before)
        return;
    struct recipient *recipient = &envelope->recipients[before];
    unsigned code = facts[0], choice = code == 0 ? 0 : facts[1];
    recipient->state = choice % 4 == 3 ? RECIPIENT_DEFERRED : RECIPIENT_REFUSED;
    recipient->notify = choice / 4 % 16;
    recipient->reply_code = (short)(code == 0 ? 0 : 400 + code % 160);
    recipient->original = or_none(original);
    recipient->reply = or_none(reply);
    trial->told += recipient->state == RECIPIENT_REFUSED &&
                   (recipient->notify == 0 || (recipient->notify & DSN_FAILURE) != 0);
}

/* The rest, in lines that end as they must. */
static void set_header(struct trial *trial, struct slice rest)
{
    struct buffer header = {0};
    struct slice line;
    while (slice_cut(&rest, '\n', &line)) {
        if (line.length == 0)
            continue;
        for (size_t i = 0; i < line.length; i++)
            buffer_add_byte(&header, line.bytes[i] == '\r' ? '?' : line.bytes[i]);
        buffer_add_string(&header, "\r\n");
    }
    demand(store_append(&trial->original.store, buffer_slice(&header), &trial->error));
    trial->original.header = (struct extent){0, header.length};
    trial->original.body = (struct extent){header.length, 0};
    buffer_free(&header);
}

static void begin(struct trial *trial, struct slice input)
{
    const char *address;
    memcpy(trial->entry.id, "0123456789abcDEF", SPOOL_ID_SIZE);
    message_init(&trial->original, NULL);
    message_init(&trial->message, NULL);
    trial->entry.about.created = 1795000000;
    trial->entry.last_try = input.length % 2 == 0 ? 0 : 1795435100;
    trial->options = (struct bounce_options){.now = 1795435200, .expired = input.length % 3 == 0};
    trial->options.host = cut(trial, &input);
    trial->options.from = cut(trial, &input);
    trial->options.to = cut(trial, &input);
    trial->options.remote = or_none(cut(trial, &input));
    trial->entry.reason = or_none(cut(trial, &input));
    trial->entry.envelope.id = or_none(cut(trial, &input));
    text_copy(trial->original.message_id, sizeof trial->original.message_id, cut(trial, &input));
    demand(envelope_set_sender(&trial->entry.envelope, "alice@example.com", &trial->error));
    while ((address = cut(trial, &input))[0] != '\0' &&
           trial->entry.envelope.count < RECIPIENTS_MOST)
        add_recipient(trial, address, &input);
    set_header(trial, input);
}

static void end(struct trial *trial)
{
    message_free(&trial->original);
    message_free(&trial->message);
    trial->entry.envelope.id = NULL;
    envelope_free(&trial->entry.envelope);
    arena_free(&trial->arena);
}

/* --- reading it again ------------------------------------------------------------------------- */

static void read_extent(struct message *message, struct extent extent, struct buffer *out)
{
    struct error error;
    demand(buffer_reserve(out, extent.length + 1));
    demand(store_read(&message->store, extent.offset, out->bytes, extent.length, &error));
    out->length = extent.length;
}

/* `high` octets may stand in one line alone, "To: ". */
static void check_lines(struct slice text, bool high)
{
    struct slice line;
    demand(text.length == 0 || text.bytes[text.length - 1] == '\n');
    while (slice_cut(&text, '\n', &line)) {
        demand(line.length >= 1 && line.length <= 999 && line.bytes[line.length - 1] == '\r');
        bool to = high && memcmp(line.bytes, "To: ", 4) == 0;
        for (size_t i = 0; i < line.length - 1; i++)
            demand((line.bytes[i] >= ' ' && line.bytes[i] <= '~') || line.bytes[i] == '\t' ||
                   (to && (unsigned char)line.bytes[i] >= 0x80));
    }
}

/* The fields of this name in lines that are one field each or its continuation; `value` is that of
 * the last one, its first line. */
static size_t count_fields(struct slice fields, const char *name, struct slice *value)
{
    struct slice line;
    size_t count = 0;
    while (slice_cut(&fields, '\n', &line)) {
        size_t colon = slice_find(line, ':');
        demand(colon > 0 && (colon < line.length || line.bytes[0] == ' '));
        if (line.bytes[0] == ' ' || !slice_equals_nocase(slice_to(line, colon), slice_of(name)))
            continue;
        count++;
        *value = slice_trim(slice_from(line, colon + 1));
    }
    return count;
}

static void check_header(const struct trial *trial, struct slice header, struct slice *boundary)
{
    static const char *const once[] = {"Date",         "From",        "To",
                                       "Subject",      "Message-ID",  "Auto-Submitted",
                                       "MIME-Version", "Content-Type"};
    struct slice value = {0}, line;
    size_t fields = 0, references = count_fields(header, "References", &value);
    demand(references <= 1 && count_fields(header, "In-Reply-To", &value) == references);
    for (size_t i = 0; i < sizeof once / sizeof once[0]; i++) {
        demand(count_fields(header, once[i], &value) == 1);
        demand(value.length > 0);
    }
    demand(slice_starts_nocase(value, "multipart/report; report-type=delivery-status"));
    struct slice rest = header;
    while (slice_cut(&rest, '\n', &line)) {
        fields += line.bytes[0] != ' ';
        if (slice_starts_nocase(line, " boundary=\""))
            *boundary = slice_to(slice_from(line, 11), slice_find(slice_from(line, 11), '"'));
    }
    demand(fields == sizeof once / sizeof once[0] + 2 * references);
    demand(boundary->length >= 20 && boundary->length <= 70);
    demand(count_fields(header, "To", &value) == 1);
    demand(trial->message.header_8bit == slice_has_8bit(header));
}

/* Each part from behind its boundary's line, without the line end in front of the next. */
static void split(struct slice body, struct slice boundary, struct slice parts[PARTS])
{
    struct slice rest = body, line;
    size_t count = 0, start = 0;
    bool closed = false;
    while (slice_cut(&rest, '\n', &line)) {
        size_t at = (size_t)(line.bytes - body.bytes);
        struct slice words = slice_to(line, line.length - 1);
        demand(!closed);
        if (!slice_equals(slice_to(words, 2), slice_of("--")) ||
            !slice_equals(slice_to(slice_from(words, 2), boundary.length), boundary))
            continue;
        struct slice behind = slice_from(words, 2 + boundary.length);
        closed = slice_equals(behind, slice_of("--"));
        demand(closed || behind.length == 0);
        demand(count <= PARTS && closed == (count == PARTS));
        if (count > 0)
            parts[count - 1] = slice_to(slice_from(body, start), at - start - 2);
        start = at + line.length + 1;
        count++;
    }
    demand(closed);
}

/* What stands in front of the first blank line, and what behind it. */
static struct slice cut_paragraph(struct slice *rest)
{
    const char *found = memmem(rest->bytes, rest->length, "\r\n\r\n", 4);
    size_t length = found == NULL ? rest->length : (size_t)(found - rest->bytes) + 2;
    struct slice paragraph = slice_to(*rest, length);
    *rest = slice_from(*rest, length + 2);
    return paragraph;
}

static void check_status(struct slice status)
{
    struct slice piece;
    uint64_t number;
    size_t count = 0;
    demand(status.bytes[0] == '4' || status.bytes[0] == '5');
    while (slice_cut(&status, '.', &piece)) {
        demand(slice_parse_number(piece, 999, &number));
        count++;
    }
    demand(count == 3);
}

static void check_group(struct slice group)
{
    struct slice value = {0};
    demand(count_fields(group, "Original-Recipient", &value) <= 1);
    demand(count_fields(group, "Diagnostic-Code", &value) <= 1);
    demand(count_fields(group, "Remote-MTA", &value) <= 1);
    demand(count_fields(group, "Action", &value) == 1);
    demand(slice_equals(value, slice_of("failed")));
    demand(count_fields(group, "Status", &value) == 1);
    check_status(value);
    demand(count_fields(group, "Final-Recipient", &value) == 1);
    demand(slice_starts_nocase(value, "rfc822;") || slice_starts_nocase(value, "utf-8;"));
    demand(slice_find(value, ';') + 1 < value.length);
}

static void check_fields(const struct trial *trial, struct slice part)
{
    struct slice rest = part, value = {0};
    struct slice header = cut_paragraph(&rest), whole = cut_paragraph(&rest);
    size_t groups = 0;
    demand(count_fields(header, "Content-Type", &value) == 1);
    demand(slice_equals(value, slice_of("message/delivery-status")));
    demand(count_fields(whole, "Reporting-MTA", &value) == 1);
    demand(slice_starts_nocase(value, "dns;"));
    demand(count_fields(whole, "Final-Recipient", &value) == 0);
    demand(count_fields(whole, "Arrival-Date", &value) == 1);
    demand(count_fields(whole, "Original-Envelope-Id", &value) ==
           (trial->entry.envelope.id != NULL));
    while (rest.length > 0) {
        check_group(cut_paragraph(&rest));
        groups++;
    }
    demand(groups == trial->told);
}

static int hex_value(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    demand(digit >= 'A' && digit <= 'F');
    return digit - 'A' + 10;
}

static void decode(struct slice text, struct buffer *out)
{
    for (size_t i = 0; i < text.length; i++) {
        if (text.bytes[i] != '=') {
            buffer_add_byte(out, text.bytes[i]);
            continue;
        }
        demand(text.length - i >= 3);
        if (text.bytes[i + 1] != '\r')
            buffer_add_byte(
                out, (char)(hex_value(text.bytes[i + 1]) * 16 + hex_value(text.bytes[i + 2])));
        i += 2;
    }
}

/* What is no field, and one that starts like a boundary, are not brought back. (None here is longer
 * than what is.) */
static void check_original(struct trial *trial, struct slice part)
{
    struct buffer expected = {0}, found = {0};
    struct header_scanner scanner;
    struct header_field field;
    struct slice rest = part, value = {0};
    struct slice header = cut_paragraph(&rest);
    bool more = true;
    demand(count_fields(header, "Content-Type", &value) == 1);
    demand(slice_equals(value, slice_of("text/rfc822-headers")));
    if (count_fields(header, "Content-Transfer-Encoding", &value) == 1)
        decode(rest, &found);
    else
        buffer_add(&found, rest);
    header_open(&scanner, &trial->original);
    while (header_next(&scanner, &field, &more, &trial->error) && more)
        if (field.id != FIELD_GARBAGE && field.name.bytes[0] != '-')
            buffer_add(&expected, field.raw);
    header_close(&scanner);
    demand(slice_equals(buffer_slice(&expected), buffer_slice(&found)));
    buffer_free(&expected);
    buffer_free(&found);
}

static void check(struct trial *trial)
{
    struct buffer header = {0}, body = {0};
    struct slice boundary = {0}, parts[PARTS];
    read_extent(&trial->message, trial->message.header, &header);
    read_extent(&trial->message, trial->message.body, &body);
    check_lines(buffer_slice(&header), trial->message.header_8bit);
    check_lines(buffer_slice(&body), false);
    demand(!trial->message.body_8bit && trial->message.body_longest_line <= 998);
    check_header(trial, buffer_slice(&header), &boundary);
    split(buffer_slice(&body), boundary, parts);
    struct slice value = {0}, rest = parts[0];
    demand(count_fields(cut_paragraph(&rest), "Content-Type", &value) == 1);
    demand(slice_starts_nocase(value, "text/plain"));
    check_fields(trial, parts[1]);
    check_original(trial, parts[2]);
    buffer_free(&header);
    buffer_free(&body);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct trial trial = {.entry = {.fd = -1}};
    if (size > 12 * 1024)
        return 0;
    begin(&trial, slice_make((const char *)bytes, size));
    bool due = trial.told > 0 && trial.options.to[0] != '\0';
    demand(bounce_write(&trial.entry, &trial.original, &trial.options, &trial.message,
                        &trial.error) == due);
    if (due)
        check(&trial);
    else
        demand(trial.error.exit_code == EX_OK);
    end(&trial);
    return 0;
}

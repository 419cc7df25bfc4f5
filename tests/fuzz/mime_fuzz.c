/* Property: a message made fit for a server has the parts it had, each of the same octets once
 * decoded; the wire can carry its body, but for those stretches that stay as they are: what is
 * signed or encrypted, of a type that may not be encoded or in an encoding not known, a multipart
 * without a boundary that occurs, and one in more than PART_DEPTH others; and the message's facts
 * say what it is like. Read by a decoder of its own, which holds the message in memory and descends
 * into it. */
#include "tests/fuzz/fuzz.h"

#include "message/field.h"
#include "message/input.h"
#include "message/mime.h"
#include "message/part.h"

/* A body being read: a position, and the multiparts that are open. */
struct reader {
    struct message *message;
    uint64_t base; /* of `body` in the store */
    struct slice body;
    size_t at;
    const char *boundaries[PART_DEPTH];
    bool closed[PART_DEPTH];
    size_t depth;
    struct buffer leaves; /* decoded, each behind a mark */
    size_t count;
    char *excused; /* an octet for each of the body: 1 where it may stay unfit for the wire */
};

static struct slice line_at(const struct reader *reader)
{
    struct slice rest = slice_from(reader->body, reader->at);
    return slice_to(rest, slice_find(rest, '\n') + 1);
}

/* How many multiparts are open up to the one whose boundary the line is; 0 for other lines. */
static size_t find_owner(const struct reader *reader, struct slice line, bool *last)
{
    while (line.length > 0 && strchr(" \t\r\n", line.bytes[line.length - 1]) != NULL &&
           line.bytes[line.length - 1] != '\0')
        line.length--;
    if (line.length < 2 || memcmp(line.bytes, "--", 2) != 0)
        return 0;
    for (size_t i = reader->depth; i > 0; i--) {
        struct slice boundary = slice_of(reader->boundaries[i - 1]);
        struct slice rest = slice_from(line, 2);
        if (reader->closed[i - 1] || boundary.length == 0 ||
            !slice_equals(slice_to(rest, boundary.length), boundary))
            continue;
        rest = slice_from(rest, boundary.length);
        *last = rest.length > 0;
        if (rest.length == 0 || slice_equals(rest, slice_of("--")))
            return i;
    }
    return 0;
}

/* Goes on to the next boundary, or the end; what lies before it, without the line end that belongs
 * to it. */
static struct slice read_text(struct reader *reader)
{
    size_t start = reader->at, end;
    bool last;
    while (reader->at < reader->body.length && find_owner(reader, line_at(reader), &last) == 0)
        reader->at += line_at(reader).length;
    end = reader->at;
    if (end < reader->body.length && end >= start + 2)
        end -= 2;
    return slice_from(slice_to(reader->body, end), start);
}

static int hex_value(char digit)
{
    const char *digits = "0123456789ABCDEFabcdef", *found = strchr(digits, digit);
    if (found == NULL || digit == '\0')
        return -1;
    return (int)(found - digits) - (found - digits > 15 ? 6 : 0);
}

static void decode_quoted(struct buffer *out, struct slice text)
{
    for (size_t i = 0; i < text.length; i++) {
        struct slice rest = slice_from(text, i + 1);
        size_t blanks = 0;
        if (text.bytes[i] != '=') {
            demand(buffer_add_byte(out, text.bytes[i]));
            continue;
        }
        if (rest.length >= 2 && hex_value(rest.bytes[0]) >= 0 && hex_value(rest.bytes[1]) >= 0) {
            demand(buffer_add_byte(
                out, (char)(hex_value(rest.bytes[0]) * 16 + hex_value(rest.bytes[1]))));
            i += 2;
            continue;
        }
        while (blanks < rest.length && (rest.bytes[blanks] == ' ' || rest.bytes[blanks] == '\t'))
            blanks++;
        bool soft = blanks == rest.length || rest.bytes[blanks] == '\r';
        if (soft && blanks + 3 <= ENCODER_ESCAPE_LIMIT - 1)
            i += blanks + (blanks < rest.length ? 2 : 0);
        else
            demand(buffer_add_byte(out, '='));
    }
}

static void decode_base64(struct buffer *out, struct slice text)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t bits = 0;
    size_t count = 0;
    for (size_t i = 0; i < text.length; i++) {
        const char *found = memchr(alphabet, text.bytes[i], 64);
        if (found == NULL)
            continue;
        bits = bits << 6 | (uint32_t)(found - alphabet);
        if (++count % 4 == 0) {
            char three[] = {(char)(bits >> 16), (char)(bits >> 8), (char)bits};
            demand(buffer_add(out, slice_make(three, 3)));
            bits = 0;
        }
    }
    if (count % 4 >= 2)
        demand(buffer_add_byte(out, (char)(count % 4 == 2 ? bits >> 4 : bits >> 10)));
    if (count % 4 == 3)
        demand(buffer_add_byte(out, (char)(bits >> 2)));
}

/* What part_fit has to leave as it is, for a reason that the entity itself names. */
static bool is_obstructed(const struct reader *reader, const struct entity *entity)
{
    bool composite = entity->kind == ENTITY_MULTIPART || entity->kind == ENTITY_MESSAGE;
    return part_find_obstacle(entity) != PART_ENCODABLE ||
           (composite && reader->depth == PART_DEPTH);
}

static void excuse(struct reader *reader, size_t start, size_t end)
{
    memset(reader->excused + start, 1, end - start);
}

static void add_leaf(struct reader *reader, const struct entity *entity, struct slice text)
{
    struct buffer *leaves = &reader->leaves;
    bool opaque = entity->kind != ENTITY_LEAF;
    reader->count++;
    demand(buffer_add_string(leaves, "\n\n\nleaf\n\n\n"));
    if (!opaque && entity->encoding == ENTITY_QUOTED_PRINTABLE)
        decode_quoted(leaves, text);
    else if (!opaque && entity->encoding == ENTITY_BASE64)
        decode_base64(leaves, text);
    else
        demand(buffer_add(leaves, text));
}

static bool is_header_line(struct slice line, bool first, bool in_message)
{
    struct slice name, value;
    if (line.bytes[0] == ' ' || line.bytes[0] == '\t')
        return !first;
    if (first && in_message &&
        (slice_equals(slice_to(line, 5), slice_of("From ")) ||
         slice_equals(slice_to(line, 6), slice_of(">From "))))
        return true;
    return field_split(line, &name, &value);
}

static struct extent read_header(struct reader *reader, bool in_message, bool *cut)
{
    size_t start = reader->at, length = 0;
    bool last;
    *cut = false;
    while (reader->at < reader->body.length) {
        struct slice line = line_at(reader);
        *cut = find_owner(reader, line, &last) > 0;
        bool blank = slice_equals(line, slice_of("\r\n"));
        if (!*cut && blank)
            reader->at += line.length;
        if (*cut || blank || !is_header_line(line, length == 0, in_message))
            break;
        reader->at += line.length;
        length += line.length;
    }
    *cut = *cut || reader->at == reader->body.length;
    return (struct extent){reader->base + start, length};
}

static void read_entity(struct reader *reader, const struct entity *entity);

/* Reads a header and what belongs to it. */
static void read_part(struct reader *reader, bool in_digest, bool in_message)
{
    struct entity entity;
    struct error error;
    bool cut;
    size_t start = reader->at;
    struct extent header = read_header(reader, in_message, &cut);
    demand(entity_inspect(&entity, reader->message, header, in_digest, &error));
    /* A multipart without a boundary to look for: the header that should have one stays as well. */
    if (part_find_obstacle(&entity) == PART_HAS_NO_BOUNDARY)
        excuse(reader, start, reader->at);
    if (cut)
        entity.kind = ENTITY_LEAF;
    read_entity(reader, &entity);
}

static void read_multipart(struct reader *reader, const struct entity *entity)
{
    size_t level = reader->depth++;
    size_t start = reader->at;
    bool last = false, begun = false;
    reader->boundaries[level] = entity->boundary;
    reader->closed[level] = false;
    struct slice text = read_text(reader);
    while (reader->at < reader->body.length &&
           find_owner(reader, line_at(reader), &last) == level + 1) {
        begun = true;
        reader->at += line_at(reader).length;
        if (last) {
            reader->closed[level] = true;
            read_text(reader);
            break;
        }
        read_part(reader, entity->is_digest, false);
    }
    reader->depth--;
    demand(start <= reader->at);
    if (begun)
        return;
    excuse(reader, start, reader->at);
    add_leaf(reader, entity, text);
}

static void read_entity(struct reader *reader, const struct entity *entity)
{
    bool opaque = is_obstructed(reader, entity);
    size_t start = reader->at;
    if (entity->kind == ENTITY_MULTIPART && !opaque) {
        read_multipart(reader, entity);
    } else if (entity->kind == ENTITY_MESSAGE && !opaque) {
        reader->boundaries[reader->depth++] = "";
        read_part(reader, false, true);
        reader->depth--;
    } else {
        add_leaf(reader, entity, read_text(reader));
        if (opaque)
            excuse(reader, start, reader->at);
    }
}

static void read_message(struct reader *reader, struct message *message, struct buffer *body)
{
    struct error error;
    struct entity top;
    size_t size = (size_t)message->body.length;
    demand(buffer_reserve(body, size + 1));
    demand(store_read(&message->store, message->body.offset, body->bytes, size, &error));
    body->length = size;
    *reader = (struct reader){.message = message, .base = message->body.offset};
    reader->body = buffer_slice(body);
    reader->excused = calloc(size + 1, 1);
    demand(reader->excused != NULL);
    demand(entity_inspect(&top, message, message->header, false, &error));
    if (top.kind != ENTITY_SEALED && top.has_dkim)
        top.kind = ENTITY_SEALED;
    read_entity(reader, &top);
}

/* No bare CR or LF anywhere; and but for what is excused, no NUL, no line over 998 octets, and
 * nothing but ASCII where the server takes nothing else. */
static void check_lines(const struct reader *reader, bool ascii)
{
    struct slice octets = reader->body;
    size_t start = 0;
    for (size_t i = 0; i < octets.length; i++) {
        char octet = octets.bytes[i];
        bool fits = octet != '\0' && (!ascii || (unsigned char)octet < 0x80);
        demand(octet != '\n' && (fits || reader->excused[i]));
        if (octet != '\r')
            continue;
        demand(i + 1 < octets.length && octets.bytes[i + 1] == '\n');
        demand(i - start <= 998 || reader->excused[start]);
        start = ++i + 1;
    }
    demand(start == octets.length);
}

static void check_facts(struct message *message, struct slice body)
{
    struct slice rest = body, line;
    size_t longest = 0;
    while (slice_cut(&rest, '\n', &line))
        longest = line.length > longest ? line.length : longest;
    demand(message->body_8bit == slice_has_8bit(body));
    demand(message->body_nul == (slice_find(body, '\0') < body.length));
    demand(longest <= message->body_longest_line + 1);
}

static void fit(struct message *message, bool eight_bit)
{
    struct buffer before_body = {0}, after_body = {0};
    struct reader before, after;
    struct mime_facts facts;
    struct error error;
    char note_bytes[MIME_NOTE_SIZE];
    struct text note;
    text_init(&note, note_bytes, sizeof note_bytes);
    demand(mime_label(message, &facts, NULL, &error));
    read_message(&before, message, &before_body);
    demand(mime_fit(message, &facts, eight_bit, &note, &error));
    demand(!note.overflow);
    read_message(&after, message, &after_body);

    check_lines(&after, !eight_bit);
    check_facts(message, after.body);
    demand(before.count == after.count);
    demand(slice_equals(buffer_slice(&before.leaves), buffer_slice(&after.leaves)));
    buffer_free(&before.leaves);
    buffer_free(&after.leaves);
    free(before.excused);
    free(after.excused);
    buffer_free(&before_body);
    buffer_free(&after_body);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (size < 1)
        return 0;
    struct error error;
    struct message message;
    struct input_options how = {0};
    int fd = memfd_create("input", MFD_CLOEXEC);
    demand(fd >= 0 && write(fd, bytes + 1, size - 1) == (ssize_t)size - 1);
    demand(lseek(fd, 0, SEEK_SET) == 0);

    message_init(&message, NULL);
    demand(input_read(&message, fd, &how, &error));
    fit(&message, bytes[0] & 1);
    message_free(&message);
    close(fd);
    return 0;
}

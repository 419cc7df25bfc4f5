/* Property: the fields that a scanner hands out are the header, octet by octet, each from a line
 * that starts with no blank to the last line that continues it; with pieces allowed none is longer
 * than HEADER_PIECE, and a field is the same field. What a Content- field's parameters mean is
 * never more than what is written, nor from outside of it.
 *
 * An octet 1 stands for the octet before it, 256 times as often as the octet behind it says: so
 * fields come to the borders of what is loaded at once. */
#include "tests/fuzz/fuzz.h"

#include "message/header.h"
#include "message/parameter.h"

enum { HEADER_MOST = 512 * 1024 };

/* Canonical: CRLF behind each line, none of them blank, the first one no continuation. */
static void expand(struct slice input, struct buffer *header)
{
    bool start = true;
    for (size_t i = 0; i < input.length && header->length < HEADER_MOST; i++) {
        char octet = input.bytes[i];
        size_t times = 1;
        if (octet == 1 && i > 0 && i + 1 < input.length) {
            octet = input.bytes[i - 1];
            times = (unsigned char)input.bytes[++i] * 256u;
        }
        if (octet == '\r' || (start && (octet == '\n' || octet == '\0')) ||
            (header->length == 0 && (octet == ' ' || octet == '\t')))
            continue;
        start = octet == '\n';
        for (; !start && times > 0; times--)
            buffer_add_byte(header, octet);
        if (start)
            buffer_add_string(header, "\r\n");
    }
    if (!start)
        buffer_add_string(header, "\r\n");
    demand(!header->failed);
}

static bool is_blank(char octet)
{
    return octet == ' ' || octet == '\t';
}

static bool is_inside(struct slice part, struct slice whole)
{
    return part.length == 0 ||
           (part.bytes >= whole.bytes && part.bytes + part.length <= whole.bytes + whole.length);
}

static void check_parameters(struct slice value)
{
    struct slice rest = value;
    struct parameter parameter;
    size_t before = rest.length + 1;
    char bytes[8192];
    struct text out;
    text_init(&out, bytes, sizeof bytes);
    demand(parameter_token(value, &out) <= value.length && out.length <= value.length);
    while (parameter_next(&rest, &parameter)) {
        struct slice left = parameter.value;
        size_t count = 0;
        bool quoted = false;
        char octet;
        demand(rest.length < before && parameter.name.length > 0);
        before = rest.length;
        demand(is_inside(parameter.name, value) && is_inside(parameter.value, value));
        text_init(&out, bytes, sizeof bytes);
        parameter_meaning(parameter.value, &out);
        while (parameter_octet(&left, &quoted, &octet)) {
            demand(count >= out.length || out.bytes[count] == octet);
            count++;
        }
        demand(count <= parameter.value.length && (out.overflow || count == out.length));
    }
}

static void check_field(const struct header_field *field)
{
    struct slice raw = field->raw, name, value;
    demand(raw.length >= 2 && raw.bytes[raw.length - 2] == '\r');
    demand(raw.bytes[raw.length - 1] == '\n');
    for (size_t i = 0; i + 1 < raw.length; i++)
        demand(raw.bytes[i] != '\n' || is_blank(raw.bytes[i + 1]));
    demand(is_inside(field->name, raw) && is_inside(field->value, raw));
    demand((field->id == FIELD_GARBAGE) == !field_split(raw, &name, &value));
    if (field->id == FIELD_GARBAGE)
        return;
    demand(slice_equals(name, field->name) && name.length > 0 && name.bytes == raw.bytes);
    for (size_t i = 0; i < name.length; i++)
        demand(name.bytes[i] > ' ' && name.bytes[i] < 0x7f && name.bytes[i] != ':');
    demand(field->id == FIELD_OTHER || slice_equals_nocase(name, slice_of(field_name(field->id))));
    if (field->value.length < 8192)
        check_parameters(field->value);
}

/* Both walks at once. */
static void check(struct message *message, struct slice header)
{
    struct header_scanner scanner, in_pieces;
    struct header_field field, piece;
    struct error error;
    size_t at = 0;
    bool found;
    header_open(&scanner, message);
    header_open(&in_pieces, message);
    in_pieces.in_pieces = true;
    while (header_next(&scanner, &field, &found, &error) && found) {
        demand(slice_equals(field.raw, slice_to(slice_from(header, at), field.raw.length)));
        demand(at + field.raw.length == header.length ||
               !is_blank(header.bytes[at + field.raw.length]));
        check_field(&field);
        size_t taken = 0;
        do {
            demand(header_next(&in_pieces, &piece, &found, &error) && found);
            demand(piece.continued == (taken > 0) && piece.id == field.id);
            demand(piece.raw.length > 0 && piece.raw.length <= HEADER_PIECE);
            demand(
                slice_equals(piece.raw, slice_to(slice_from(field.raw, taken), piece.raw.length)));
            taken += piece.raw.length;
        } while (taken < field.raw.length);
        at += taken;
    }
    demand(!found && at == header.length);
    demand(header_next(&in_pieces, &piece, &found, &error) && !found);
    header_close(&scanner);
    header_close(&in_pieces);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct buffer header = {0};
    struct message message;
    struct error error;
    expand(slice_make((const char *)bytes, size), &header);
    message_init(&message, NULL);
    demand(store_append(&message.store, buffer_slice(&header), &error));
    message.header.length = header.length;
    check(&message, buffer_slice(&header));
    message_free(&message);
    buffer_free(&header);
    return 0;
}

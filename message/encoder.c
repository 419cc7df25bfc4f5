/* Transfer encodings of a body (RFC 2045 sections 6.7 and 6.8).
 *
 * Invariant: no line is longer than 76 octets, and what is held back between two calls is at most
 * one blank and one CR, or an '=' with the blanks behind it, or less than one line of base64. A
 * line of quoted-printable ends after 75 octets at the latest, so that there is always room for the
 * '=' of a soft line break. */
#include "message/encoder.h"

#include <stdlib.h>
#include <string.h>

#include "base/ascii.h"
#include "base/codec.h"

enum {
    BLOCK_SIZE = 64 * 1024,
    READY_SIZE = 32 * 1024,
    SLICE_SIZE = 8 * 1024,
    NOT_FROM = 5,
    ESCAPE_SIZE = 3
};

void encoder_open(struct encoder *encoder, enum encoder_kind kind, struct store *store)
{
    *encoder = (struct encoder){.kind = kind, .store = store};
}

static bool flush(struct encoder *encoder, struct error *error)
{
    if (encoder->ready.failed)
        return error_set_memory(error);
    if (!store_append(encoder->store, buffer_slice(&encoder->ready), error))
        return false;
    buffer_clear(&encoder->ready);
    return true;
}

static void put_soft_break(struct encoder *encoder)
{
    buffer_add_string(&encoder->ready, "=\r\n");
    encoder->column = encoder->from = 0;
}

/* A unit is an octet that stands for itself, or one as =XX; it is never divided. */
static void put_unit(struct encoder *encoder, const char *unit, size_t length)
{
    if (encoder->column + length >= ENCODER_LINE_LIMIT)
        put_soft_break(encoder);
    buffer_add(&encoder->ready, slice_make(unit, length));
    encoder->column += length;
}

static void put_escaped(struct encoder *encoder, char octet)
{
    static const char digits[] = "0123456789ABCDEF";
    unsigned char byte = (unsigned char)octet;
    const char unit[] = {'=', digits[byte >> 4], digits[byte & 15]};
    put_unit(encoder, unit, sizeof unit);
    encoder->from = NOT_FROM;
}

static void put_plain(struct encoder *encoder, char octet)
{
    put_unit(encoder, &octet, 1);
    bool more = encoder->from < strlen("From") && octet == "From"[encoder->from];
    encoder->from = more ? encoder->from + 1 : NOT_FROM;
}

/* Hands on the blank and the CR that were held back, now that what follows is no line end. */
static void put_held(struct encoder *encoder)
{
    if (encoder->blank != 0 && (encoder->carriage || encoder->from == strlen("From")))
        put_escaped(encoder, encoder->blank);
    else if (encoder->blank != 0)
        put_plain(encoder, encoder->blank);
    if (encoder->carriage)
        put_escaped(encoder, '\r');
    encoder->blank = 0;
    encoder->carriage = false;
}

static void end_line(struct encoder *encoder)
{
    if (encoder->blank != 0)
        put_escaped(encoder, encoder->blank);
    encoder->blank = 0;
    encoder->carriage = false;
    buffer_add_string(&encoder->ready, "\r\n");
    encoder->column = encoder->from = 0;
}

static bool stands_for_itself(char octet)
{
    return octet > ' ' && octet < 0x7f && octet != '=';
}

/* A dot at the start of a line could be taken for the end of a message, a hyphen for a boundary. */
static bool may_be_taken(const struct encoder *encoder, char octet)
{
    bool starts_line = encoder->column == 0 || encoder->column + 1 >= ENCODER_LINE_LIMIT;
    return starts_line && (octet == '.' || (octet == '-' && encoder->guarded));
}

static void quote_octet(struct encoder *encoder, char octet)
{
    if (octet == '\n' && encoder->carriage) {
        end_line(encoder);
        return;
    }
    if (octet == '\r' && !encoder->carriage) {
        encoder->carriage = true;
        return;
    }
    put_held(encoder);
    if (octet == ' ' || octet == '\t')
        encoder->blank = octet;
    else if (octet == '\r')
        encoder->carriage = true;
    else if (stands_for_itself(octet) && !may_be_taken(encoder, octet))
        put_plain(encoder, octet);
    else
        put_escaped(encoder, octet);
}

/* Takes what needs no thought in one go, since nearly all of a body is like that. */
static size_t quote_run(struct encoder *encoder, struct slice octets)
{
    size_t length = 0;
    if (encoder->blank != 0 || encoder->carriage || encoder->from != NOT_FROM || encoder->begun > 0)
        return 0;
    octets = slice_to(octets, ENCODER_LINE_LIMIT - 1 - encoder->column);
    while (length < octets.length &&
           (stands_for_itself(octets.bytes[length]) || octets.bytes[length] == ' '))
        length++;
    while (length > 0 && octets.bytes[length - 1] == ' ')
        length--;
    buffer_add(&encoder->ready, slice_to(octets, length));
    encoder->column += length;
    return length;
}

static bool is_hex(char octet)
{
    char lower = ascii_lower(octet);
    return (octet >= '0' && octet <= '9') || (lower >= 'a' && lower <= 'f');
}

/* Whether an '=' and what follows, of which all but the last octet has been asked for before, can
 * still be an escaped octet, or a soft line break. */
static bool may_be_escape(const char *octets, size_t length)
{
    char last = octets[length - 1], before = octets[length - 2];
    if (before == '\r')
        return last == '\n';
    if (is_hex(before))
        return is_hex(last);
    return ascii_is_blank(last) || last == '\r' || (before == '=' && is_hex(last));
}

/* Hands on the escape begun, if it is whole. */
static void put_escape(struct encoder *encoder)
{
    char last = encoder->escape[encoder->begun - 1];
    if (last == '\n') {
        put_soft_break(encoder);
        encoder->begun = 0;
    } else if (encoder->begun == ESCAPE_SIZE && is_hex(last)) {
        put_unit(encoder, encoder->escape, ESCAPE_SIZE);
        encoder->from = NOT_FROM;
        encoder->begun = 0;
    }
}

/* An '=' that turned out to begin nothing stands for itself. */
static void put_stray(struct encoder *encoder)
{
    if (encoder->begun > 0)
        put_escaped(encoder, '=');
    for (size_t i = 1; i < encoder->begun; i++)
        quote_octet(encoder, encoder->escape[i]);
    encoder->begun = 0;
}

static void clean_octet(struct encoder *encoder, char octet)
{
    if (encoder->begun > 0) {
        encoder->escape[encoder->begun] = octet;
        if (encoder->begun + 1 < sizeof encoder->escape &&
            may_be_escape(encoder->escape, encoder->begun + 1)) {
            encoder->begun++;
            put_escape(encoder);
            return;
        }
        put_stray(encoder);
    }
    if (octet != '=') {
        quote_octet(encoder, octet);
        return;
    }
    put_held(encoder);
    encoder->escape[encoder->begun++] = octet;
}

static void add_quoted(struct encoder *encoder, struct slice octets)
{
    for (size_t i = 0; i < octets.length;) {
        i += quote_run(encoder, slice_from(octets, i));
        if (i == octets.length)
            return;
        if (encoder->kind == ENCODER_FROM_QUOTED)
            clean_octet(encoder, octets.bytes[i++]);
        else
            quote_octet(encoder, octets.bytes[i++]);
    }
}

static void put_base64_line(struct encoder *encoder)
{
    char storage[ENCODER_LINE_LIMIT + 1];
    struct text line;
    text_init(&line, storage, sizeof storage);
    codec_base64_encode(&line, slice_make(encoder->line, encoder->held));
    buffer_add(&encoder->ready, text_slice(&line));
    buffer_add_string(&encoder->ready, "\r\n");
    encoder->held = 0;
}

static void add_base64(struct encoder *encoder, struct slice octets)
{
    while (octets.length > 0) {
        struct slice taken = slice_to(octets, sizeof encoder->line - encoder->held);
        memcpy(encoder->line + encoder->held, taken.bytes, taken.length);
        encoder->held += taken.length;
        octets = slice_from(octets, taken.length);
        if (encoder->held == sizeof encoder->line)
            put_base64_line(encoder);
    }
}

/* What a decoder skips is left out, for the wire may not carry it. */
static void wrap_base64(struct encoder *encoder, struct slice octets)
{
    for (size_t i = 0; i < octets.length; i++) {
        if (!codec_is_base64(octets.bytes[i]))
            continue;
        buffer_add_byte(&encoder->ready, octets.bytes[i]);
        if (++encoder->column == ENCODER_LINE_LIMIT)
            end_line(encoder);
    }
}

bool encoder_add(struct encoder *encoder, struct slice octets, struct error *error)
{
    while (octets.length > 0) {
        struct slice some = slice_to(octets, SLICE_SIZE);
        octets = slice_from(octets, some.length);
        if (encoder->kind == ENCODER_BASE64)
            add_base64(encoder, some);
        else if (encoder->kind == ENCODER_FROM_BASE64)
            wrap_base64(encoder, some);
        else
            add_quoted(encoder, some);
        if (encoder->ready.length >= READY_SIZE && !flush(encoder, error))
            return false;
    }
    return true;
}

bool encoder_end(struct encoder *encoder, struct error *error)
{
    if (encoder->held > 0)
        put_base64_line(encoder);
    put_stray(encoder);
    if (encoder->blank != 0 || encoder->carriage)
        put_held(encoder);
    if (encoder->column > 0 && encoder->kind == ENCODER_FROM_BASE64)
        end_line(encoder);
    else if (encoder->column > 0)
        put_soft_break(encoder);
    return flush(encoder, error);
}

void encoder_close(struct encoder *encoder)
{
    buffer_free(&encoder->ready);
}

static bool encode_stretch(struct encoder *encoder, struct extent left, struct error *error)
{
    char *block = malloc(BLOCK_SIZE);
    struct slice octets = {0};
    bool done = block != NULL || error_set_memory(error);
    while (done && left.length > 0)
        done = store_read_next(encoder->store, &left, block, BLOCK_SIZE, &octets, error) &&
               encoder_add(encoder, octets, error);
    free(block);
    return done && encoder_end(encoder, error);
}

bool encoder_encode(struct store *store, struct extent extent, enum encoder_kind kind, bool guarded,
                    struct error *error)
{
    struct encoder encoder;
    encoder_open(&encoder, kind, store);
    encoder.guarded = guarded;
    bool done = encode_stretch(&encoder, extent, error);
    encoder_close(&encoder);
    return done;
}

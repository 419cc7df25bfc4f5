/* Labelling and encoding bodies (RFC 2045, RFC 6152). Invariant: the stretches of the store that
 * message->header and message->body point at are complete at all times; new ones are written behind
 * them and pointed at when they are whole. */
#include "message/mime.h"

#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "message/address.h"
#include "message/encoder.h"
#include "message/header.h"

enum { BLOCK_SIZE = 64 * 1024, TOKEN_SIZE = 128, QUOTED_SHARE = 3 };

/* What stands before the first ';', without comments and blanks: "text/plain", "8bit". */
static struct slice find_token(struct slice value, struct text *out)
{
    struct address_token token = address_next_token(&value);
    while (token.kind == ADDRESS_ATOM || token.kind == ADDRESS_BLANK ||
           token.kind == ADDRESS_COMMENT) {
        if (token.kind == ADDRESS_ATOM)
            text_add_slice(out, token.span);
        token = address_next_token(&value);
    }
    return text_slice(out);
}

static bool is_one_of(struct slice token, const char *const *names)
{
    for (; *names != NULL; names++) {
        if (slice_equals_nocase(token, slice_of(*names)))
            return true;
    }
    return false;
}

static void inspect_type(struct mime_facts *facts, struct slice type)
{
    static const char *const sealed[] = {"multipart/signed", "multipart/encrypted",
                                         "application/pkcs7-mime", "application/x-pkcs7-mime",
                                         NULL};
    facts->has_type = true;
    facts->is_signed = facts->is_signed || is_one_of(type, sealed);
    facts->is_multipart = facts->is_multipart || slice_starts_nocase(type, "multipart/") ||
                          slice_starts_nocase(type, "message/");
}

static enum mime_encoding find_encoding(struct slice token)
{
    static const struct {
        const char *name;
        enum mime_encoding encoding;
    } rows[] = {
        {"", MIME_SEVEN_BIT},     {"7bit", MIME_SEVEN_BIT},
        {"8bit", MIME_EIGHT_BIT}, {"binary", MIME_EIGHT_BIT},
        {"base64", MIME_BASE64},  {"quoted-printable", MIME_QUOTED_PRINTABLE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (slice_equals_nocase(token, slice_of(rows[i].name)))
            return rows[i].encoding;
    return MIME_UNKNOWN;
}

static void inspect_field(struct mime_facts *facts, const struct header_field *field)
{
    char storage[TOKEN_SIZE];
    struct text token;
    text_init(&token, storage, sizeof storage);
    if (field->continued)
        return;
    if (field->id == FIELD_MIME_VERSION)
        facts->has_version = true;
    else if (field->id == FIELD_DKIM_SIGNATURE)
        facts->is_signed = true;
    else if (field->id == FIELD_CONTENT_TYPE)
        inspect_type(facts, find_token(field->value, &token));
    else if (field->id == FIELD_CONTENT_TRANSFER_ENCODING)
        facts->encoding = find_encoding(find_token(field->value, &token));
}

static bool inspect(struct message *message, struct mime_facts *facts, struct error *error)
{
    struct header_scanner scanner;
    struct header_field field;
    bool found = true, done = true;

    *facts = (struct mime_facts){0};
    header_open(&scanner, message);
    scanner.in_pieces = true;
    while ((done = header_next(&scanner, &field, &found, error)) && found)
        inspect_field(facts, &field);
    header_close(&scanner);
    return done;
}

/* A walk over the body, block by block. */
struct survey {
    struct utf8 utf8;
    uint64_t to_quote; /* octets that quoted-printable cannot show as they are */
};

static void survey_block(struct survey *survey, struct slice block)
{
    utf8_add(&survey->utf8, block);
    for (size_t i = 0; i < block.length; i++) {
        char octet = block.bytes[i];
        bool plain = octet >= ' ' && octet < 0x7f && octet != '=';
        survey->to_quote += !plain && octet != '\t' && octet != '\r' && octet != '\n';
    }
}

/* Hands the body to the encoder, or to the survey where there is none. */
static bool walk_body(struct message *message, struct survey *survey, struct encoder *encoder,
                      struct error *error)
{
    struct extent left = message->body;
    char *block = malloc(BLOCK_SIZE);
    bool done = block != NULL || error_set_memory(error);

    while (done && left.length > 0) {
        size_t size = left.length < BLOCK_SIZE ? (size_t)left.length : BLOCK_SIZE;
        done = store_read(&message->store, left.offset, block, size, error);
        if (done && encoder != NULL)
            done = encoder_add(encoder, slice_make(block, size), error);
        else if (done)
            survey_block(survey, slice_make(block, size));
        left.offset += size;
        left.length -= size;
    }
    free(block);
    return done;
}

static bool append(struct message *message, const char *line, struct error *error)
{
    return store_append(&message->store, slice_of(line), error);
}

static bool copy_header(struct message *message, bool with_encoding, struct error *error)
{
    struct header_scanner scanner;
    struct header_field field;
    bool found = true, done = true;

    header_open(&scanner, message);
    scanner.in_pieces = true;
    while (done && (done = header_next(&scanner, &field, &found, error)) && found) {
        if (with_encoding || field.id != FIELD_CONTENT_TRANSFER_ENCODING)
            done = store_append(&message->store, field.raw, error);
    }
    header_close(&scanner);
    return done;
}

/* The header with what is missing at its end; `encoding` NULL leaves that field as it is. */
static bool write_header(struct message *message, struct mime_facts *facts, bool is_utf8,
                         const char *encoding, struct error *error)
{
    uint64_t start = store_size(&message->store);
    const char *type = is_utf8 ? "Content-Type: text/plain; charset=utf-8\r\n"
                               : "Content-Type: text/plain; charset=unknown-8bit\r\n";
    bool done = copy_header(message, encoding == NULL, error);

    if (!facts->has_version)
        done = done && append(message, "MIME-Version: 1.0\r\n", error);
    if (!facts->has_type)
        done = done && append(message, type, error);
    if (encoding != NULL)
        done = done && append(message, "Content-Transfer-Encoding: ", error) &&
               append(message, encoding, error) && append(message, "\r\n", error);
    if (!done)
        return false;
    message->header = (struct extent){start, store_size(&message->store) - start};
    facts->has_version = facts->has_type = true;
    return true;
}

static bool is_encoded(const struct mime_facts *facts)
{
    return facts->encoding != MIME_SEVEN_BIT && facts->encoding != MIME_EIGHT_BIT;
}

bool mime_label(struct message *message, struct mime_facts *facts, struct text *note,
                struct error *error)
{
    struct survey survey = {0};
    if (!inspect(message, facts, error))
        return false;
    bool eight_bit =
        message->body_8bit && facts->encoding == MIME_SEVEN_BIT && !facts->is_multipart;
    bool untyped = !facts->has_type && (message->body_8bit || message->body_nul);

    if (facts->is_signed || is_encoded(facts) || (!eight_bit && !untyped))
        return true;
    if (untyped && !walk_body(message, &survey, NULL, error))
        return false;
    if (!write_header(message, facts, utf8_ended_well(&survey.utf8), eight_bit ? "8bit" : NULL,
                      error))
        return false;
    if (eight_bit)
        facts->encoding = MIME_EIGHT_BIT;
    if (note != NULL)
        text_add_format(note, "%s added: the body has 8-bit text or NUL octets and no such label",
                        !untyped    ? "Content-Transfer-Encoding"
                        : eight_bit ? "Content-Type and Content-Transfer-Encoding"
                                    : "Content-Type");
    return true;
}

static bool encode_body(struct message *message, enum encoder_kind kind, struct error *error)
{
    struct encoder encoder;
    uint64_t start = store_size(&message->store);

    encoder_open(&encoder, kind, &message->store);
    bool done = walk_body(message, NULL, &encoder, error) && encoder_end(&encoder, error);
    encoder_close(&encoder);
    if (!done)
        return false;
    message->body = (struct extent){start, store_size(&message->store) - start};
    message->body_8bit = message->body_nul = false;
    if (message->body_longest_line > ENCODER_LINE_LIMIT || kind != ENCODER_QUOTED_PRINTABLE)
        message->body_longest_line = ENCODER_LINE_LIMIT;
    return true;
}

/* A body that says of itself how it is encoded stays so, and its header as it is. */
static bool clean(struct message *message, const struct mime_facts *facts, struct error *error)
{
    bool base64 = facts->encoding == MIME_BASE64;
    return encode_body(message, base64 ? ENCODER_FROM_BASE64 : ENCODER_FROM_QUOTED, error);
}

static bool convert(struct message *message, struct mime_facts *facts, struct error *error)
{
    struct survey survey = {0};
    if (!walk_body(message, &survey, NULL, error))
        return false;

    bool dense = survey.to_quote > message->body.length / QUOTED_SHARE || message->body_nul;
    if (!encode_body(message, dense ? ENCODER_BASE64 : ENCODER_QUOTED_PRINTABLE, error) ||
        !write_header(message, facts, utf8_ended_well(&survey.utf8),
                      dense ? "base64" : "quoted-printable", error))
        return false;
    facts->encoding = dense ? MIME_BASE64 : MIME_QUOTED_PRINTABLE;
    return true;
}

/* What keeps the body from going as it stands, in words; nothing where nothing does. */
static void find_reasons(const struct message *message, bool eight_bit, struct text *out)
{
    const struct {
        bool found;
        const char *words;
    } reasons[] = {
        {message->body_nul, "NUL octets"},
        {message->body_longest_line > MIME_LONGEST_LINE, "lines over 998 octets"},
        {message->body_8bit && !eight_bit, "8-bit octets, which the server does not take"},
    };
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        if (reasons[i].found)
            text_add_format(out, "%s%s", out->length > 0 ? " and " : "", reasons[i].words);
}

/* Why a body that should be encoded goes as it is; NULL where it can be encoded. */
static const char *find_obstacle(const struct mime_facts *facts)
{
    if (facts->is_signed)
        return "a signature would break";
    if (facts->is_multipart)
        return "it has parts";
    return facts->encoding == MIME_UNKNOWN ? "its encoding is not known here" : NULL;
}

bool mime_fit(struct message *message, struct mime_facts *facts, bool eight_bit, struct text *note,
              struct error *error)
{
    char reasons_bytes[MIME_NOTE_SIZE];
    struct text reasons;
    const char *obstacle = find_obstacle(facts);

    text_init(&reasons, reasons_bytes, sizeof reasons_bytes);
    find_reasons(message, eight_bit, &reasons);
    if (reasons.length == 0)
        return true;
    if (obstacle != NULL) {
        text_add_format(note, "body not encoded, though it has %s: %s", reasons_bytes, obstacle);
        return true;
    }
    text_add_format(note, "body encoded%s: it has %s", is_encoded(facts) ? " anew" : "",
                    reasons_bytes);
    return is_encoded(facts) ? clean(message, facts, error) : convert(message, facts, error);
}

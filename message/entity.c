/* MIME fields read and written (RFC 2045, RFC 2046). Invariant: a field that nothing is asked of is
 * copied octet by octet, and the order of the fields stays. Memory does not grow with the header:
 * long fields come in pieces. */
#include "message/entity.h"

#include <string.h>

#include "message/header.h"
#include "message/parameter.h"
#include "message/rewrite.h"

enum { TOKEN_SIZE = 128 };

/* --- what it says ----------------------------------------------------------------------------- */

static bool is_one_of(struct slice token, const char *const *names)
{
    for (; *names != NULL; names++) {
        if (slice_equals_nocase(token, slice_of(*names)))
            return true;
    }
    return false;
}

static enum entity_kind find_kind(struct slice type)
{
    static const char *const sealed[] = {"multipart/signed",
                                         "multipart/encrypted",
                                         "application/pkcs7-mime",
                                         "application/x-pkcs7-mime",
                                         "application/pgp",
                                         "application/pgp-encrypted",
                                         "application/pgp-signature",
                                         "application/pkcs7-signature",
                                         NULL};
    static const char *const messages[] = {"message/rfc822", "message/news", NULL};
    if (is_one_of(type, sealed))
        return ENTITY_SEALED;
    if (is_one_of(type, messages))
        return ENTITY_MESSAGE;
    if (slice_starts_nocase(type, "multipart/"))
        return ENTITY_MULTIPART;
    /* RFC 6532 lets those of message/global be encoded. */
    if (slice_starts_nocase(type, "message/") && !slice_starts_nocase(type, "message/global"))
        return ENTITY_STATUS;
    return ENTITY_LEAF;
}

static enum entity_encoding find_encoding(struct slice token)
{
    static const struct {
        const char *name;
        enum entity_encoding encoding;
    } rows[] = {
        {"", ENTITY_SEVEN_BIT},     {"7bit", ENTITY_SEVEN_BIT},
        {"8bit", ENTITY_EIGHT_BIT}, {"binary", ENTITY_EIGHT_BIT},
        {"base64", ENTITY_BASE64},  {"quoted-printable", ENTITY_QUOTED_PRINTABLE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (slice_equals_nocase(token, slice_of(rows[i].name)))
            return rows[i].encoding;
    return ENTITY_UNKNOWN;
}

/* The first parameter of that name; false when there is none. */
static bool find_parameter(struct slice value, const char *name, struct slice *found)
{
    struct parameter parameter;
    while (parameter_next(&value, &parameter)) {
        *found = parameter.value;
        if (slice_equals_nocase(parameter.name, slice_of(name)))
            return true;
    }
    return false;
}

static enum entity_charset find_charset(struct slice value)
{
    static const char *const ascii[] = {"us-ascii", "ascii", "ansi_x3.4-1968", NULL};
    char storage[TOKEN_SIZE];
    struct text charset;
    struct slice written;
    if (!find_parameter(value, "charset", &written))
        return ENTITY_CHARSET_NONE;
    text_init(&charset, storage, sizeof storage);
    parameter_meaning(written, &charset);
    return is_one_of(text_slice(&charset), ascii) ? ENTITY_CHARSET_ASCII : ENTITY_CHARSET_GOOD;
}

static void find_boundary(struct entity *entity, struct slice value)
{
    struct slice written;
    struct text boundary;
    text_init(&boundary, entity->boundary, sizeof entity->boundary);
    if (!find_parameter(value, "boundary", &written))
        return;
    parameter_meaning(written, &boundary);
    while (boundary.length > 0 && boundary.bytes[boundary.length - 1] == ' ')
        boundary.bytes[--boundary.length] = '\0';
    if (boundary.overflow || !slice_is_printable(text_slice(&boundary)))
        text_init(&boundary, entity->boundary, sizeof entity->boundary);
}

static void inspect_type(struct entity *entity, struct slice value)
{
    static const char *const markup[] = {"text/html", "text/xml", NULL};
    char storage[TOKEN_SIZE];
    struct text token;
    text_init(&token, storage, sizeof storage);
    parameter_token(value, &token);
    struct slice type = text_slice(&token);
    entity->kind = find_kind(type);
    entity->is_markup = is_one_of(type, markup);
    entity->is_digest = slice_equals_nocase(type, slice_of("multipart/digest"));
    if (slice_starts_nocase(type, "text/"))
        entity->charset = find_charset(value);
    if (entity->kind == ENTITY_MULTIPART)
        find_boundary(entity, value);
}

static void inspect_field(struct entity *entity, const struct header_field *field)
{
    char storage[TOKEN_SIZE];
    struct text token;
    if (field->continued)
        return;
    if (field->id == FIELD_MIME_VERSION)
        entity->has_version = true;
    else if (field->id == FIELD_DKIM_SIGNATURE)
        entity->has_dkim = true;
    if (field->id == FIELD_CONTENT_TYPE && !entity->has_type) {
        entity->has_type = true;
        inspect_type(entity, field->value);
    }
    if (field->id != FIELD_CONTENT_TRANSFER_ENCODING || entity->has_encoding)
        return;
    text_init(&token, storage, sizeof storage);
    parameter_token(field->value, &token);
    entity->has_encoding = true;
    entity->encoding = find_encoding(text_slice(&token));
}

static void open_extent(struct header_scanner *scanner, struct message *message,
                        struct extent header)
{
    header_open(scanner, message);
    scanner->left = header;
    scanner->in_pieces = true;
}

bool entity_inspect(struct entity *entity, struct message *message, struct extent header,
                    bool in_digest, struct error *error)
{
    struct header_scanner scanner;
    struct header_field field;
    bool found = true, done = true;

    *entity = (struct entity){.kind = ENTITY_LEAF};
    open_extent(&scanner, message, header);
    while ((done = header_next(&scanner, &field, &found, error)) && found)
        inspect_field(entity, &field);
    header_close(&scanner);
    if (!entity->has_type && in_digest)
        entity->kind = ENTITY_MESSAGE;
    bool one_message = entity->kind == ENTITY_MESSAGE || entity->kind == ENTITY_STATUS;
    if (one_message && entity_is_encoded(entity))
        entity->kind = ENTITY_LEAF;
    return done;
}

bool entity_is_encoded(const struct entity *entity)
{
    return entity->encoding != ENTITY_SEVEN_BIT && entity->encoding != ENTITY_EIGHT_BIT;
}

/* --- what it is to say ------------------------------------------------------------------------ */

const char *entity_find_type(const struct survey *survey)
{
    return utf8_ended_well(&survey->utf8) ? "text/plain; charset=utf-8"
                                          : "text/plain; charset=unknown-8bit";
}

const char *entity_find_charset(const struct entity *entity, const struct survey *survey)
{
    bool utf8 = utf8_ended_well(&survey->utf8);
    bool named_inside = entity->is_markup && entity->charset == ENTITY_CHARSET_NONE && !utf8;
    if (entity->charset == ENTITY_CHARSET_GOOD || !survey->has_8bit || named_inside)
        return NULL;
    return utf8 ? "utf-8" : "unknown-8bit";
}

enum encoder_kind entity_choose(const struct entity *entity, const struct survey *survey,
                                struct entity_labels *labels)
{
    bool dense = survey_is_dense(survey);
    if (entity->encoding == ENTITY_BASE64)
        return ENCODER_FROM_BASE64;
    if (entity->encoding == ENTITY_QUOTED_PRINTABLE)
        return ENCODER_FROM_QUOTED;
    labels->encoding = dense ? "base64" : "quoted-printable";
    labels->charset = entity_find_charset(entity, survey);
    if (!entity->has_type)
        labels->type = entity_find_type(survey);
    return dense ? ENCODER_BASE64 : ENCODER_QUOTED_PRINTABLE;
}

/* What becomes of the field under way. */
enum fate { FATE_COPY, FATE_FOLD, FATE_DROP };

struct writer {
    struct message *message;
    struct entity_labels *labels;
    struct error *error;
    enum fate fate;
    bool has_type, has_encoding; /* written */
    struct fold fold;            /* open while the fate is FATE_FOLD */
};

static bool append(struct writer *writer, const char *string)
{
    return store_append(&writer->message->store, slice_of(string), writer->error);
}

static bool add_field(struct writer *writer, const char *name, const char *value)
{
    return append(writer, name) && append(writer, ": ") && append(writer, value) &&
           append(writer, "\r\n");
}

static bool write_encoding(struct writer *writer)
{
    uint64_t end;
    writer->has_encoding = true;
    if (!add_field(writer, "Content-Transfer-Encoding", writer->labels->encoding))
        return false;
    end = store_size(&writer->message->store);
    writer->labels->encoding_at = end - strlen(writer->labels->encoding) - strlen("\r\n");
    return true;
}

static void start_fold(struct writer *writer, const struct header_field *field)
{
    writer->fate = FATE_FOLD;
    fold_open(&writer->fold, &writer->message->store, writer->labels->eight_bit, writer->error);
    fold_begin(&writer->fold, field->name, rewrite_kind(field->id, field->name));
}

static bool end_field(struct writer *writer)
{
    enum fate fate = writer->fate;
    writer->fate = FATE_COPY;
    if (fate != FATE_FOLD)
        return true;
    fold_end(&writer->fold);
    return fold_close(&writer->fold);
}

static void rewrite(struct writer *writer, const struct header_field *field, struct slice value)
{
    struct rewrite rewrite = {.fold = &writer->fold, .utf8 = writer->labels->eight_bit};
    rewrite_value(&rewrite, field->id, field->name, value);
    rewrite_free(&rewrite);
}

static void write_charset(struct writer *writer, const struct header_field *field)
{
    char storage[TOKEN_SIZE];
    struct text type;
    struct slice value = field->value, old;
    size_t start, end;
    text_init(&type, storage, sizeof storage);
    bool found = find_parameter(value, "charset", &old);
    start = end = parameter_token(value, &type);
    if (found) {
        start = (size_t)(old.bytes - value.bytes);
        end = start + old.length;
    }
    start_fold(writer, field);
    rewrite(writer, field, slice_to(value, start));
    fold_add(&writer->fold, slice_of(found ? "" : "; charset="));
    fold_add(&writer->fold, slice_of(writer->labels->charset));
    rewrite(writer, field, slice_from(value, end));
}

/* Of a field in pieces (`whole` is false) nobody knows yet what is to come. */
static bool is_clean(const struct entity_labels *labels, struct slice raw, bool whole)
{
    struct survey survey = {0};
    survey_add(&survey, raw);
    return whole && survey_fits(&survey, labels->eight_bit);
}

/* Of what is no field, a mailbox's "From " line, the first line is kept. */
static bool mend_garbage(struct writer *writer, struct slice raw)
{
    char bytes[SURVEY_LINE_LIMIT];
    struct slice line = slice_to(raw, slice_find(raw, '\r'));
    writer->fate = FATE_DROP;
    line = survey_cut_line(line, writer->labels->eight_bit, bytes);
    return store_append(&writer->message->store, line, writer->error) && append(writer, "\r\n");
}

static bool mend(struct writer *writer, const struct header_field *field, bool whole)
{
    size_t start = (size_t)(field->value.bytes - field->raw.bytes);
    if (field->id == FIELD_GARBAGE)
        return mend_garbage(writer, field->raw);
    if (field->name.bytes[0] == '-') {
        writer->fate = FATE_DROP;
        return true;
    }
    start_fold(writer, field);
    if (whole && slice_find(field->raw, '\0') == field->raw.length)
        rewrite(writer, field, field->value);
    else
        fold_add(&writer->fold, slice_from(field->raw, start));
    return true;
}

static bool write_piece(struct writer *writer, const struct header_field *field)
{
    if (writer->fate == FATE_COPY)
        return store_append(&writer->message->store, field->raw, writer->error);
    if (writer->fate == FATE_FOLD)
        fold_add(&writer->fold, field->raw);
    return true;
}

static bool write_field(struct writer *writer, const struct header_field *field, bool whole)
{
    const struct entity_labels *labels = writer->labels;
    bool is_type = field->id == FIELD_CONTENT_TYPE && !writer->has_type;
    if (!end_field(writer))
        return false;
    writer->has_type = writer->has_type || is_type;
    if (field->id == FIELD_CONTENT_TRANSFER_ENCODING && labels->encoding != NULL) {
        writer->fate = FATE_DROP;
        return writer->has_encoding || write_encoding(writer);
    }
    if (is_type && labels->charset != NULL && whole) {
        write_charset(writer, field);
        return true;
    }
    if (labels->mend && !is_clean(labels, field->raw, whole))
        return mend(writer, field, whole);
    return write_piece(writer, field);
}

static bool write_fields(struct writer *writer, struct extent header)
{
    struct header_scanner scanner;
    struct header_field field;
    bool found = true, done = true;
    open_extent(&scanner, writer->message, header);
    while (done && (done = header_next(&scanner, &field, &found, writer->error)) && found) {
        if (field.continued)
            done = write_piece(writer, &field);
        else
            done = write_field(writer, &field, !scanner.inside);
    }
    header_close(&scanner);
    return end_field(writer) && done;
}

bool entity_write(struct message *message, struct extent header, struct entity_labels *labels,
                  struct error *error)
{
    struct writer writer = {.message = message, .labels = labels, .error = error};
    return write_fields(&writer, header) &&
           (!labels->version || add_field(&writer, "MIME-Version", "1.0")) &&
           (labels->type == NULL || add_field(&writer, "Content-Type", labels->type)) &&
           (labels->encoding == NULL || writer.has_encoding || write_encoding(&writer));
}

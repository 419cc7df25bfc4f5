/* Goal: what a header says of its body is read as MIME readers read it, and it is written again
 * with just what is asked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/text.h"
#include "message/entity.h"

enum { HEADER_SIZE = 4096 };

static void load(struct message *message, const char *header)
{
    struct error error;
    message_init(message, NULL);
    assert_true(store_append(&message->store, slice_of(header), &error));
    message->header = (struct extent){0, strlen(header)};
}

static void inspect(const char *header, bool in_digest, struct entity *entity)
{
    struct message message;
    struct error error;
    load(&message, header);
    assert_true(entity_inspect(entity, &message, message.header, in_digest, &error));
    message_free(&message);
}

static void reads_types(void **state)
{
    static const struct {
        const char *value; /* of Content-Type; NULL: there is none */
        enum entity_kind kind;
        enum entity_charset charset;
        bool is_markup, is_digest;
        const char *boundary;
    } rows[] = {
        {NULL, ENTITY_LEAF, ENTITY_CHARSET_GOOD, false, false, ""},
        {"image/png", ENTITY_LEAF, ENTITY_CHARSET_GOOD, false, false, ""},
        {"text/plain", ENTITY_LEAF, ENTITY_CHARSET_NONE, false, false, ""},
        {"Text/Plain; charset=utf-8", ENTITY_LEAF, ENTITY_CHARSET_GOOD, false, false, ""},
        {"text/plain; format=flowed; charset=\"US-ASCII\"", ENTITY_LEAF, ENTITY_CHARSET_ASCII,
         false, false, ""},
        {"text/plain (a; b) ; (c) charset = ascii", ENTITY_LEAF, ENTITY_CHARSET_ASCII, false, false,
         ""},
        {"text/html", ENTITY_LEAF, ENTITY_CHARSET_NONE, true, false, ""},
        {"multipart/mixed; boundary=\"a b:c\"", ENTITY_MULTIPART, ENTITY_CHARSET_GOOD, false, false,
         "a b:c"},
        {"multipart/mixed; boundary=\"a\\\"b  \"", ENTITY_MULTIPART, ENTITY_CHARSET_GOOD, false,
         false, "a\"b"},
        {"multipart/mixed;\r\n\tboundary=x", ENTITY_MULTIPART, ENTITY_CHARSET_GOOD, false, false,
         "x"},
        {"multipart/mixed", ENTITY_MULTIPART, ENTITY_CHARSET_GOOD, false, false, ""},
        {"multipart/mixed; boundary=\"\xc3\xa4\"", ENTITY_MULTIPART, ENTITY_CHARSET_GOOD, false,
         false, ""},
        {"multipart/digest; boundary=x", ENTITY_MULTIPART, ENTITY_CHARSET_GOOD, false, true, "x"},
        {"multipart/signed; boundary=x", ENTITY_SEALED, ENTITY_CHARSET_GOOD, false, false, ""},
        {"application/pkcs7-mime", ENTITY_SEALED, ENTITY_CHARSET_GOOD, false, false, ""},
        {"message/rfc822", ENTITY_MESSAGE, ENTITY_CHARSET_GOOD, false, false, ""},
        {"message/partial; id=x", ENTITY_STATUS, ENTITY_CHARSET_GOOD, false, false, ""},
        {"message/global", ENTITY_LEAF, ENTITY_CHARSET_GOOD, false, false, ""},
        {"text/plain\r\nContent-Type: text/html", ENTITY_LEAF, ENTITY_CHARSET_NONE, false, false,
         ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char bytes[HEADER_SIZE];
        struct text header;
        struct entity entity;
        text_init(&header, bytes, sizeof bytes);
        if (rows[i].value != NULL)
            text_add_format(&header, "Content-Type: %s\r\n", rows[i].value);
        text_add(&header, "Subject: x\r\n");
        inspect(bytes, false, &entity);
        print_message("    %s\n", bytes);
        assert_int_equal(entity.has_type, rows[i].value != NULL);
        assert_int_equal(entity.kind, rows[i].kind);
        assert_int_equal(entity.charset, rows[i].charset);
        assert_int_equal(entity.is_markup, rows[i].is_markup);
        assert_int_equal(entity.is_digest, rows[i].is_digest);
        assert_string_equal(entity.boundary, rows[i].boundary);
    }
}

static void reads_encodings(void **state)
{
    static const struct {
        const char *header;
        bool in_digest;
        enum entity_encoding encoding;
        enum entity_kind kind;
        bool is_encoded;
    } rows[] = {
        {"Subject: x\r\n", false, ENTITY_SEVEN_BIT, ENTITY_LEAF, false},
        {"Subject: x\r\n", true, ENTITY_SEVEN_BIT, ENTITY_MESSAGE, false},
        {"Content-Type: text/plain\r\n", true, ENTITY_SEVEN_BIT, ENTITY_LEAF, false},
        {"Content-Transfer-Encoding: 8BIT\r\n", false, ENTITY_EIGHT_BIT, ENTITY_LEAF, false},
        {"Content-Transfer-Encoding: binary\r\n", false, ENTITY_EIGHT_BIT, ENTITY_LEAF, false},
        {"Content-Transfer-Encoding: Base64 (x)\r\n", false, ENTITY_BASE64, ENTITY_LEAF, true},
        {"Content-Transfer-Encoding: quoted-printable\r\n", false, ENTITY_QUOTED_PRINTABLE,
         ENTITY_LEAF, true},
        {"Content-Transfer-Encoding: x-uuencode\r\n", false, ENTITY_UNKNOWN, ENTITY_LEAF, true},
        /* An encoded message is octets, not a header and a body. */
        {"Content-Transfer-Encoding: base64\r\nContent-Type: message/rfc822\r\n", false,
         ENTITY_BASE64, ENTITY_LEAF, true},
        {"Content-Transfer-Encoding: 8bit\r\nContent-Transfer-Encoding: base64\r\n", false,
         ENTITY_EIGHT_BIT, ENTITY_LEAF, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct entity entity;
        inspect(rows[i].header, rows[i].in_digest, &entity);
        print_message("    %s\n", rows[i].header);
        assert_int_equal(entity.encoding, rows[i].encoding);
        assert_int_equal(entity.kind, rows[i].kind);
        assert_int_equal(entity_is_encoded(&entity), rows[i].is_encoded);
    }
}

static void chooses_an_encoding(void **state)
{
    static const struct {
        const char *header, *body;
        enum encoder_kind kind;
        const char *encoding, *type, *charset; /* labels; NULL: as it is */
    } rows[] = {
        {"Subject: x\r\n", "gr\xc3\xbc\xc3\x9f gott, und dies ist eine Zeile\r\n",
         ENCODER_QUOTED_PRINTABLE, "quoted-printable", "text/plain; charset=utf-8", NULL},
        {"Subject: x\r\n", "gr\xfc\xdf gott, und dies ist eine Zeile\r\n", ENCODER_QUOTED_PRINTABLE,
         "quoted-printable", "text/plain; charset=unknown-8bit", NULL},
        {"Content-Type: text/plain; charset=latin1\r\n", "gr\xfc\xdf gott, und noch mehr\r\n",
         ENCODER_QUOTED_PRINTABLE, "quoted-printable", NULL, NULL},
        {"Content-Type: text/html\r\n", "gr\xfc\xdf gott, und noch mehr\r\n",
         ENCODER_QUOTED_PRINTABLE, "quoted-printable", NULL, NULL},
        {"Content-Type: text/plain\r\n", "\xc3\xbc\xc3\x9f\r\n", ENCODER_BASE64, "base64", NULL,
         "utf-8"},
        {"Content-Transfer-Encoding: base64\r\n", "\xff", ENCODER_FROM_BASE64, NULL, NULL, NULL},
        {"Content-Transfer-Encoding: quoted-printable\r\n", "\xff", ENCODER_FROM_QUOTED, NULL, NULL,
         NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *wanted[] = {rows[i].encoding, rows[i].type, rows[i].charset};
        struct entity entity;
        struct survey survey = {0};
        struct entity_labels labels = {.encoding = NULL};
        inspect(rows[i].header, false, &entity);
        survey_add(&survey, slice_of(rows[i].body));
        print_message("    row %zu\n", i);
        assert_int_equal(entity_choose(&entity, &survey, &labels), rows[i].kind);
        const char *got[] = {labels.encoding, labels.type, labels.charset};
        for (size_t j = 0; j < 3; j++) {
            assert_int_equal(got[j] == NULL, wanted[j] == NULL);
            if (wanted[j] != NULL)
                assert_string_equal(got[j], wanted[j]);
        }
    }
}

static void writes_labels(void **state)
{
    static const struct {
        const char *header;
        struct entity_labels labels;
        const char *written;
    } rows[] = {
        {"A:  b \r\n c\r\nx: y\r\n", {.encoding = NULL}, "A:  b \r\n c\r\nx: y\r\n"},
        {"A: b\r\n",
         {.encoding = "base64", .type = "text/plain; charset=utf-8", .version = true},
         "A: b\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
         "Content-Transfer-Encoding: base64\r\n"},
        {"Content-Transfer-Encoding: 8bit\r\nA: b\r\nContent-Transfer-Encoding: 7bit\r\n",
         {.encoding = "base64"},
         "Content-Transfer-Encoding: base64\r\nA: b\r\n"},
        {"Content-Type: text/plain; charset=us-ascii; x=y\r\nA: b\r\n",
         {.charset = "utf-8"},
         "Content-Type: text/plain; charset=utf-8; x=y\r\nA: b\r\n"},
        {"Content-Type: text/plain\r\n",
         {.charset = "utf-8"},
         "Content-Type: text/plain; charset=utf-8\r\n"},
        {"-a: \xff\r\nA: b\r\n", {.mend = true}, "A: b\r\n"},
        {"-a: b\r\n", {.mend = true}, "-a: b\r\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char bytes[HEADER_SIZE] = "";
        struct message message;
        struct entity_labels labels = rows[i].labels;
        struct error error;
        load(&message, rows[i].header);
        uint64_t start = message.header.length;
        assert_true(entity_write(&message, message.header, &labels, &error));
        size_t length = (size_t)(store_size(&message.store) - start);
        assert_true(length < sizeof bytes);
        assert_true(store_read(&message.store, start, bytes, length, &error));
        assert_string_equal(bytes, rows[i].written);
        if (labels.encoding != NULL)
            assert_memory_equal(bytes + (labels.encoding_at - start), labels.encoding,
                                strlen(labels.encoding));
        message_free(&message);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_types),
        cmocka_unit_test(reads_encodings),
        cmocka_unit_test(chooses_an_encoding),
        cmocka_unit_test(writes_labels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

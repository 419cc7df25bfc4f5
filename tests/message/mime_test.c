/* Goal: a body goes as it is where it can, is encoded without loss where it cannot, and is labelled
 * as what it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "message/header.h"
#include "message/mime.h"
#include "tests/message/decode.h"

static void note_facts(struct message *message, struct slice body)
{
    struct slice rest = body, line;
    message->body_8bit = slice_has_8bit(body);
    message->body_nul = slice_find(body, '\0') < body.length;
    while (slice_cut(&rest, '\n', &line)) {
        if (line.length > message->body_longest_line + 1)
            message->body_longest_line = line.length - 1;
    }
}

static void load(struct message *message, const char *header, struct slice body)
{
    struct error error = {0};
    message_init(message, NULL);
    assert_true(store_append(&message->store, slice_of(header), &error));
    assert_true(store_append(&message->store, body, &error));
    message->header = (struct extent){0, strlen(header)};
    message->body = (struct extent){strlen(header), body.length};
    note_facts(message, body);
}

static void read_extent(struct message *message, struct extent extent, struct buffer *out)
{
    struct error error = {0};
    size_t length = (size_t)extent.length;
    buffer_clear(out);
    assert_true(buffer_reserve(out, length + 1));
    assert_true(store_read(&message->store, extent.offset, out->bytes, length, &error));
    out->length = length;
    out->bytes[length] = '\0';
}

static void assert_header(struct message *message, const char *expected)
{
    struct buffer header = {0};
    read_extent(message, message->header, &header);
    assert_string_equal(header.bytes, expected);
    buffer_free(&header);
}

/* Labels and fits; what was noted. */
static void fit(struct message *message, bool eight_bit, char note_bytes[MIME_NOTE_SIZE])
{
    struct mime_facts facts;
    struct error error = {0};
    struct text note;
    text_init(&note, note_bytes, MIME_NOTE_SIZE);
    assert_true(mime_label(message, &facts, NULL, &error));
    assert_true(mime_fit(message, &facts, eight_bit, &note, &error));
    assert_false(note.overflow);
}

/* A body that is written anew instead, which is no obstacle. */
static const char anew[] = " anew";

static void expect_note(const char *note, const char *reason, const char *obstacle)
{
    char expected[MIME_NOTE_SIZE] = "";
    struct text text;
    text_init(&text, expected, sizeof expected);
    if (reason != NULL && (obstacle == NULL || obstacle == anew))
        text_add_format(&text, "body encoded%s: it has %s", obstacle == anew ? anew : "", reason);
    else if (reason != NULL)
        text_add_format(&text, "body not encoded, though it has %s: %s", reason, obstacle);
    assert_string_equal(note, expected);
}

#define WIDE "8-bit octets, which the server does not take"
#define LONG "lines over 998 octets"

static void headers_are_judged(void **state)
{
    static const char no_boundary[] = "it has no boundary that can be found";
    static const char is_status[] = "its type forbids it", is_signed[] = "a signature would break";
    static const char is_unknown[] = "its encoding is not known here";
    static const struct {
        const char *header;
        const char *obstacle; /* to encoding; NULL: none */
    } rows[] = {
        {"", NULL},
        {"Content-Type: text/html; charset=utf-8\r\n", NULL},
        {"Content-Type: application/octet-stream\r\n", NULL},
        {"Content-Transfer-Encoding: 8BIT\r\n", NULL},
        {"content-transfer-encoding:\r\n (x) binary (y)\r\n", NULL},
        {"Content-Transfer-Encoding: Quoted-Printable\r\n", anew},
        {"Content-Transfer-Encoding: base64 (x)\r\n", anew},
        {"Content-Transfer-Encoding: x-uuencode\r\n", is_unknown},
        {"Content-Type: multipart/mixed\r\n", no_boundary},
        {"Content-Type: multipart/mixed; boundary=\"\"\r\n", no_boundary},
        {"Content-Type: MESSAGE/partial\r\n", is_status},
        {"Content-Type: message/delivery-status\r\n", is_status},
        {"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: x-u\r\n", is_unknown},
        {"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n", anew},
        {"Content-Type: message/global\r\n", NULL},
        {"Content-Type: (c) multipart / signed; boundary=x\r\n", is_signed},
        {"Content-Type: multipart/encrypted\r\n", is_signed},
        {"Content-Type: application/pkcs7-mime; smime-type=signed-data\r\n", is_signed},
        {"DKIM-Signature: v=1\r\n", is_signed},
    };
    static char long_line[1001 + 2];
    (void)state;
    memset(long_line, 'x', 1001);
    memcpy(long_line + 999, "\r\n", 2);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct {
            struct slice body;
            const char *with, *without; /* 8BITMIME: the reason to encode */
        } bodies[] = {
            {slice_of("plain\r\n"), NULL, NULL},
            {slice_of("\xc3\xbc\r\n"), NULL, WIDE},
            {slice_make("a\0b\r\n", 5), "NUL octets", "NUL octets"},
            {slice_make("\xc3\0b\r\n", 5), "NUL octets", "NUL octets and " WIDE},
            {slice_make(long_line, 1001), LONG, LONG},
            {slice_make(long_line + 1, 1000), NULL, NULL},
        };
        for (size_t j = 0; j < sizeof bodies / sizeof bodies[0]; j++) {
            struct message message;
            char note[MIME_NOTE_SIZE];
            load(&message, rows[i].header, bodies[j].body);
            fit(&message, true, note);
            expect_note(note, bodies[j].with, rows[i].obstacle);
            message_free(&message);

            load(&message, rows[i].header, bodies[j].body);
            fit(&message, false, note);
            expect_note(note, bodies[j].without, rows[i].obstacle);
            message_free(&message);
        }
    }
}

#define VERSION   "MIME-Version: 1.0\r\n"
#define TEXT      "Content-Type: text/plain; charset=utf-8\r\n"
#define UNKNOWN   "Content-Type: text/plain; charset=unknown-8bit\r\n"
#define EIGHT     "Content-Transfer-Encoding: 8bit\r\n"
#define QUOTED    "Content-Transfer-Encoding: quoted-printable\r\n"
#define BASE64    "Content-Transfer-Encoding: base64\r\n"
#define LATIN     "Content-Type: text/plain; charset=iso-8859-1\r\n"
#define MULTIPART "Content-Type: multipart/mixed; boundary=x\r\n"

static void bodies_are_labelled(void **state)
{
    static const struct {
        const char *before;
        struct slice body;
        const char *after;
    } rows[] = {
        {"X: y\r\n", {"plain\r\n", 7}, "X: y\r\n"},
        {"X: y\r\n", {"\xc3\xbc\r\n", 4}, "X: y\r\n" VERSION TEXT EIGHT},
        {"X: y\r\n", {"\xfc\r\n", 3}, "X: y\r\n" VERSION UNKNOWN EIGHT},
        {"X: y\r\n", {"a\0\r\n", 4}, "X: y\r\n" VERSION TEXT},
        {VERSION, {"\xc3\xbc\r\n", 4}, VERSION TEXT EIGHT},
        {LATIN, {"\xfc\r\n", 3}, LATIN VERSION EIGHT},
        {LATIN EIGHT, {"\xfc\r\n", 3}, LATIN EIGHT},
        {"Content-Transfer-Encoding: 7bit\r\n" LATIN, {"\xfc\r\n", 3}, EIGHT LATIN VERSION},
        {VERSION "Content-Type: text/plain\r\n" EIGHT, {"\xc3\xbc\r\n", 4}, VERSION TEXT EIGHT},
        {VERSION "Content-Type: text/plain\r\n" EIGHT, {"\xfc\r\n", 3}, VERSION UNKNOWN EIGHT},
        {VERSION "Content-Type: text/plain\r\n",
         {"plain\r\n", 7},
         VERSION "Content-Type: text/plain\r\n"},
        {VERSION EIGHT "Content-Type: Text/X;\r\n format=flowed (charset=a)\r\n",
         {"\xc3\xbc\r\n", 4},
         VERSION EIGHT "Content-Type: Text/X; charset=utf-8;\r\n format=flowed (charset=a)\r\n"},
        {VERSION EIGHT "Content-Type: text/plain; charset = \"US-ascii\" (x); a=b\r\n",
         {"\xc3\xbc\r\n", 4},
         VERSION EIGHT "Content-Type: text/plain; charset = utf-8 (x); a=b\r\n"},
        {VERSION EIGHT "Content-Type: text/html\r\n",
         {"\xc3\xbc\r\n", 4},
         VERSION EIGHT "Content-Type: text/html; charset=utf-8\r\n"},
        {VERSION EIGHT "Content-Type: text/html\r\n",
         {"\xfc\r\n", 3},
         VERSION EIGHT "Content-Type: text/html\r\n"},
        {VERSION EIGHT "Content-Type: text/html; charset=ascii\r\n",
         {"\xfc\r\n", 3},
         VERSION EIGHT "Content-Type: text/html; charset=unknown-8bit\r\n"},
        {VERSION EIGHT "Content-Type: application/x; charset=ascii\r\n",
         {"\xfc\r\n", 3},
         VERSION EIGHT "Content-Type: application/x; charset=ascii\r\n"},
        {MULTIPART, {"\xfc\r\n", 3}, MULTIPART},
        {"DKIM-Signature: x\r\n", {"\xfc\r\n", 3}, "DKIM-Signature: x\r\n"},
        {BASE64, {"\xfc\r\n", 3}, BASE64},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct message message;
        struct mime_facts facts;
        struct error error = {0};
        load(&message, rows[i].before, rows[i].body);
        assert_true(mime_label(&message, &facts, NULL, &error));
        assert_header(&message, rows[i].after);
        assert_true(mime_label(&message, &facts, NULL, &error));
        assert_header(&message, rows[i].after);
        message_free(&message);
    }
}

static void bodies_are_converted(void **state)
{
    static const struct {
        const char *before;
        struct slice body;
        const char *after, *encoded;
    } rows[] = {
        {"X: y\r\n",
         {"Gr\xc3\xbc\xc3\x9f an alle, From \r\n.\r\n", 26},
         "X: y\r\n" VERSION TEXT QUOTED,
         "Gr=C3=BC=C3=9F an alle, From=20\r\n=2E\r\n"},
        {"X: y\r\n",
         {"caf\xe9 au lait\r\n", 14},
         "X: y\r\n" VERSION UNKNOWN QUOTED,
         "caf=E9 au lait\r\n"},
        {"X: y\r\n", {"a\0b\r\n", 5}, "X: y\r\n" VERSION TEXT BASE64, "YQBiDQo=\r\n"},
        {"X: y\r\n", {"\xfc\xfc\r\n", 4}, "X: y\r\n" VERSION UNKNOWN BASE64, "/PwNCg==\r\n"},
        {QUOTED "X: y\r\n",
         {"caf\xe9=20a\0 =3D\r\n", 15},
         QUOTED "X: y\r\n" VERSION,
         "caf=E9=20a=00 =3D\r\n"},
        {VERSION QUOTED, {"caf\xe9 =  \r\nx\r\n", 13}, VERSION QUOTED, "caf=E9 =\r\nx\r\n"},
        {"X: y\r\n" BASE64,
         {"QUJD\0\r\nRA==\xe9\r\n", 14},
         "X: y\r\n" BASE64 VERSION,
         "QUJDRA==\r\n"},
        {EIGHT LATIN "X: y\r\n",
         {"caf\xe9 au lait\r\n", 14},
         QUOTED LATIN "X: y\r\n" VERSION,
         "caf=E9 au lait\r\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct message message;
        struct buffer body = {0};
        char note[MIME_NOTE_SIZE];
        load(&message, rows[i].before, rows[i].body);
        fit(&message, false, note);
        assert_header(&message, rows[i].after);
        read_extent(&message, message.body, &body);
        assert_string_equal(body.bytes, rows[i].encoded);
        assert_false(message.body_8bit || message.body_nul);
        assert_true(message.body_longest_line <= 76);
        fit(&message, false, note);
        assert_string_equal(note, "");
        assert_header(&message, rows[i].after);
        buffer_free(&body);
        message_free(&message);
    }
}

static void large_bodies_survive(void **state)
{
    static const char *const pieces[] = {"some text of no account ", "\xc3\xbc", "\r\n",
                                         "\xe2\x82\xac"};
    struct buffer body = {0}, encoded = {0}, decoded = {0};
    struct message message;
    char note[MIME_NOTE_SIZE];
    (void)state;
    srand(1);
    while (body.length < 700000)
        buffer_add_string(&body, pieces[rand() % 4]);
    buffer_add_string(&body, "\r\n");
    load(&message, "X: y\r\n", buffer_slice(&body));
    fit(&message, false, note);
    assert_header(&message, "X: y\r\n" VERSION TEXT QUOTED);
    read_extent(&message, message.body, &encoded);
    decode_body(&decoded, buffer_slice(&encoded), false);
    assert_true(slice_equals(buffer_slice(&decoded), buffer_slice(&body)));
    message_free(&message);
    buffer_free(&body);
    buffer_free(&encoded);
    buffer_free(&decoded);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_are_judged),
        cmocka_unit_test(bodies_are_labelled),
        cmocka_unit_test(bodies_are_converted),
        cmocka_unit_test(large_bodies_survive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

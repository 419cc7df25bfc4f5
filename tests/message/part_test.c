/* Goal: of a message with parts those that cannot be carried are encoded, whatever they lie in, and
 * everything else stays as it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "message/mime.h"
#include "message/part.h"
#include "tests/message/decode.h"

/* Makes octets of a text: LF is CRLF, \v is NUL, ~ is a line of 999 octets, ^ the same in
 * quoted-printable, | one of 998, ` 999 blanks. */
static void expand(const char *text, struct buffer *out)
{
    for (; *text != '\0'; text++) {
        if (*text == '\n')
            buffer_add_string(out, "\r\n");
        else if (*text == '\v')
            buffer_add_byte(out, '\0');
        else if (strchr("~^|`", *text) == NULL)
            buffer_add_byte(out, *text);
        size_t length = strchr("~^|`", *text) == NULL ? 0 : *text == '|' ? 998 : 999;
        for (size_t i = 1; i <= length; i++) {
            buffer_add_byte(out, *text == '`' ? ' ' : 'x');
            if (*text == '^' && i % 75 == 0)
                buffer_add_string(out, "=\r\n");
        }
    }
}

static void load(struct message *message, struct slice octets)
{
    struct error error = {0};
    struct survey survey = {0};
    const char *blank = memmem(octets.bytes, octets.length, "\r\n\r\n", 4);
    size_t header = (size_t)(blank - octets.bytes) + 2;
    assert_non_null(blank);
    message_init(message, NULL);
    assert_true(store_append(&message->store, octets, &error));
    message->header = (struct extent){0, header};
    message->body = (struct extent){header + 2, octets.length - header - 2};
    assert_true(survey_extent(&survey, &message->store, message->body, &error));
    message->body_8bit = survey.has_8bit;
    message->body_nul = survey.has_nul;
    message->body_longest_line = (size_t)survey_longest(&survey);
}

static void read_back(struct message *message, struct buffer *out)
{
    struct error error = {0};
    const struct extent pieces[] = {message->header, message->body};
    for (size_t i = 0; i < 2; i++) {
        size_t length = (size_t)pieces[i].length;
        assert_true(buffer_reserve(out, length + 3));
        assert_true(store_read(&message->store, pieces[i].offset, out->bytes + out->length, length,
                               &error));
        out->length += length;
        if (i == 0)
            buffer_add_string(out, "\r\n");
    }
}

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

static void assert_facts(struct message *message)
{
    struct survey survey = {0};
    struct error error = {0};
    assert_true(survey_extent(&survey, &message->store, message->body, &error));
    assert_int_equal(message->body_8bit, survey.has_8bit);
    assert_int_equal(message->body_nul, survey.has_nul);
    assert_int_equal(message->body_longest_line, survey_longest(&survey));
}

struct row {
    const char *before, *after; /* NULL: as before */
    const char *note;
    bool eight_bit;
};

static void check_row(const struct row *row)
{
    struct buffer before = {0}, after = {0}, out = {0};
    struct message message;
    char note[MIME_NOTE_SIZE];
    expand(row->before, &before);
    expand(row->after != NULL ? row->after : row->before, &after);
    load(&message, buffer_slice(&before));
    fit(&message, row->eight_bit, note);
    read_back(&message, &out);
    buffer_add_byte(&out, '\0');
    buffer_add_byte(&after, '\0');
    if (out.length != after.length || memcmp(out.bytes, after.bytes, out.length) != 0)
        assert_string_equal(out.bytes, after.bytes);
    assert_int_equal(out.length, after.length);
    assert_string_equal(note, row->note);
    assert_facts(&message);
    /* What has been made fit is left alone. */
    if (strstr(note, "not encoded") == NULL) {
        fit(&message, row->eight_bit, note);
        assert_string_equal(note, "");
    }
    message_free(&message);
    buffer_free(&before);
    buffer_free(&after);
    buffer_free(&out);
}

#define VERSION   "MIME-Version: 1.0\n"
#define MIXED     VERSION "Content-Type: multipart/mixed; boundary=b\n"
#define TEXT      "Content-Type: text/plain; charset=utf-8\n"
#define EIGHT     "Content-Transfer-Encoding: 8bit\n"
#define SEVEN     "Content-Transfer-Encoding: 7bit\n"
#define QUOTED    "Content-Transfer-Encoding: quoted-printable\n"
#define BASE64    "Content-Transfer-Encoding: base64\n"
#define WIDE      "8-bit octets, which the server does not take"
#define ONE_PART  "1 part encoded: the body has "
#define NUL_PARTS "Content-Type: application/octet-stream\n"

static const struct row rows[] = {
    /* A header that its own first boundary ends: what follows are parts, no preamble. */
    {MIXED "\n--b\nContent-Type: multipart/mixed; boundary=c\n--c\n" TEXT
           "\n\xc3\xb6\n--c--\n--b--\n",
     MIXED "\n--b\nContent-Type: multipart/mixed; boundary=c\n\n--c\n" TEXT BASE64
           "\nw7Y=\n--c--\n--b--\n",
     ONE_PART WIDE "; 1 gap between parts made fit for the wire", false},
    /* What fits stays, also where a sibling does not. */
    {MIXED "\npreamble\n--b\n\nplain\n--b\n" TEXT EIGHT "\nplain\n--b--\nepilogue\n", NULL, "",
     false},
    {MIXED "\n--b\n" TEXT "\ngr\xc3\xbcn, \xc3\xb6 and so on\n--b--\n", NULL, "", true},
    {MIXED EIGHT "X: y\n\npreamble\n--b\nX: \n y\n" TEXT EIGHT
                 "Y: z\n\nsome gr\xc3\xbcn \n--b  \nContent-Type: image/png\n" BASE64
                 "\nQUJD\n--b\n\n plain\n\n--b-- \nepilogue\n",
     MIXED SEVEN "X: y\n\npreamble\n--b\nX: \n y\n" TEXT QUOTED
                 "Y: z\n\nsome gr=C3=BCn=20\n--b  \nContent-Type: image/png\n" BASE64
                 "\nQUJD\n--b\n\n plain\n\n--b-- \nepilogue\n",
     ONE_PART WIDE, false},
    /* Parts without type, without charset, without header; dense, with NULs, with long lines. */
    {MIXED "\n--b\n\ncaf\xc3\xa9 au lait\n--b\nX: y\n\ncaf\xe9 au lait\n--b\n"
           "Content-Type: text/plain\n\ncaf\xe9 au lait\n--b--\n",
     MIXED "\n--b\n" TEXT QUOTED "\ncaf=C3=A9 au lait\n--b\nX: y\n"
           "Content-Type: text/plain; charset=unknown-8bit\n" QUOTED "\ncaf=E9 au lait\n--b\n"
           "Content-Type: text/plain; charset=unknown-8bit\n" QUOTED "\ncaf=E9 au lait\n--b--\n",
     "3 parts encoded: the body has " WIDE, false},
    {MIXED "\n--b\nno header, caf\xc3\xa9\n--b--\n",
     MIXED "\n--b\n" TEXT QUOTED "\nno header, caf=C3=A9\n--b--\n", ONE_PART WIDE, false},
    {MIXED "\n--b\n" TEXT "\n\xe2\x82\xac\xe2\x82\xac\n--b\n" NUL_PARTS "\na\vb\n\n--b--\n",
     MIXED "\n--b\n" TEXT BASE64 "\n4oKs4oKs\n--b\n" NUL_PARTS BASE64 "\nYQBiDQo=\n--b--\n",
     "2 parts encoded: the body has NUL octets and " WIDE, false},
    {MIXED "\n--b\n" TEXT "\n\xe2\x82\xac\xe2\x82\xac\n--b\n" NUL_PARTS "\na\vb\n--b\n\n~\n--b--\n",
     MIXED "\n--b\n" TEXT "\n\xe2\x82\xac\xe2\x82\xac\n--b\n" NUL_PARTS BASE64
           "\nYQBi\n--b\n" TEXT QUOTED "\n^\n--b--\n",
     "2 parts encoded: the body has NUL octets and lines over 998 octets", true},
    /* Unclean ones. */
    {MIXED "\n--b\n" QUOTED "\ncaf=C3=A9 caf\xc3\xa9 = \nx=\n--b\n" BASE64
           "\nQUJD\xa0QU\nJD\n--b--\n",
     MIXED "\n--b\n" QUOTED "\ncaf=C3=A9 caf=C3=A9 =\nx=\n--b\n" BASE64 "\nQUJDQUJD\n--b--\n",
     "2 parts encoded: the body has " WIDE, false},
    /* Encoded lines are no boundaries. */
    {VERSION
     "Content-Type: multipart/mixed; boundary=\"=C3=A9\"\n\n--=C3=A9\n\n--\xc3\xa9\n--=C3=A9--\n",
     VERSION "Content-Type: multipart/mixed; boundary=\"=C3=A9\"\n\n--=C3=A9\n" TEXT QUOTED
             "\n=2D-=C3=A9\n--=C3=A9--\n",
     ONE_PART WIDE, false},
    {VERSION
     "Content-Type: multipart/mixed; boundary=\"=C3=A9\"\n\n--=C3=A9\n\nlong text\n--\xc3\xa9\n"
     "--=C3=A9--\n",
     VERSION "Content-Type: multipart/mixed; boundary=\"=C3=A9\"\n\n--=C3=A9\n" TEXT QUOTED
             "\nlong text\n=2D-=C3=A9\n--=C3=A9--\n",
     ONE_PART WIDE, false},
    /* Nested, labels corrected up to the top. */
    {MIXED EIGHT
     "\n--b\nContent-Type: MULTIPART/Alternative (x);\n boundary = (c) \"b b\" ; x=y\n" EIGHT
     "\n--b b\n" TEXT EIGHT "\nthe caf\xc3\xa9\n--b b--\n--b\nContent-Type: message/rfc822\n" EIGHT
     "\nSubject: x\n\ncaf\xc3\xa9 au lait\n--b--\n",
     MIXED SEVEN
     "\n--b\nContent-Type: MULTIPART/Alternative (x);\n boundary = (c) \"b b\" ; x=y\n" SEVEN
     "\n--b b\n" TEXT QUOTED "\nthe caf=C3=A9\n--b b--\n--b\nContent-Type: message/rfc822\n" SEVEN
     "\nSubject: x\n" VERSION TEXT QUOTED "\ncaf=C3=A9 au lait\n--b--\n",
     "2 parts encoded: the body has " WIDE, false},
    /* A message with a mailbox line in a message; its parts in it. */
    {VERSION "Content-Type: message/rfc822\n\nFrom me@x Mon\nSubject: x\n" MIXED
             "\n--b\nContent-Type: message/rfc822\n\nDKIM-Signature: v=1\n\nthe caf\xc3\xa9\n--b\n"
             "Content-Type: message/rfc822\n\n\nthe caf\xc3\xa9\n--b--\n",
     VERSION "Content-Type: message/rfc822\n\nFrom me@x Mon\nSubject: x\n" MIXED
             "\n--b\nContent-Type: message/rfc822\n\nDKIM-Signature: v=1\n" VERSION TEXT QUOTED
             "\nthe caf=C3=A9\n--b\nContent-Type: message/rfc822\n\n" VERSION TEXT QUOTED
             "\nthe caf=C3=A9\n--b--\n",
     "2 parts encoded: the body has " WIDE, false},
    /* Parts of a digest are messages. */
    {VERSION "Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: x\n\nthe "
             "caf\xc3\xa9\n--b\n" TEXT "\nthe caf\xc3\xa9\n--b--\n",
     VERSION "Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: x\n" VERSION TEXT QUOTED
             "\nthe caf=C3=A9\n--b\n" TEXT QUOTED "\nthe caf=C3=A9\n--b--\n",
     "2 parts encoded: the body has " WIDE, false},
    /* What must not be touched is not, and the labels around it stay true. */
    {MIXED EIGHT "\n--b\nContent-Type: multipart/signed; boundary=c\n" EIGHT "\n--c\n" TEXT
                 "\ncaf\xc3\xa9\n--c\n\nsignature\n--c--\n--b\n"
                 "Content-Type: multipart/mixed; boundary=d\n" EIGHT "\n--d\n" TEXT
                 "\nthe caf\xc3\xa9\n--d--\n--b--\n",
     MIXED EIGHT "\n--b\nContent-Type: multipart/signed; boundary=c\n" EIGHT "\n--c\n" TEXT
                 "\ncaf\xc3\xa9\n--c\n\nsignature\n--c--\n--b\n"
                 "Content-Type: multipart/mixed; boundary=d\n" SEVEN "\n--d\n" TEXT QUOTED
                 "\nthe caf=C3=A9\n--d--\n--b--\n",
     ONE_PART WIDE "; 1 part not encoded: a signature would break", false},
    {MIXED
     "\n--b\nContent-Type: multipart/mixed; boundary=d\n" EIGHT
     "\n--d\nContent-Type: application/pkcs7-mime\n\n\xc3\n--d\nContent-Type: message/partial\n"
     "\n\xc3\n--d\n" TEXT "Content-Transfer-Encoding: x-y\n\n\xc3\n--d\n"
     "Content-Type: multipart/mixed\n\n\xc3\n--d--\n--b--\n",
     NULL,
     "1 part not encoded, though the body has " WIDE
     ": a signature would break; 1 part not encoded: its type forbids it; 1 part not encoded: its "
     "encoding is not known here; 1 part not encoded: it has no boundary that can be found",
     false},
    /* Boundaries: one a prefix of another, not closed, closed by what is around, never there. */
    {MIXED
     "\n--b\nContent-Type: multipart/mixed; boundary=bb\n\n--bb\n\nthe caf\xc3\xa9\n--bbb\n--b b\n"
     "--b\n\nplain\n--bb\nthe caf\xc3\xa9\n",
     MIXED "\n--b\nContent-Type: multipart/mixed; boundary=bb\n\n--bb\n" TEXT QUOTED
           "\nthe caf=C3=A9\n=2D-bbb\n=2D-b b\n--b\n" TEXT QUOTED
           "\nplain\n=2D-bb\nthe caf=C3=A9\n",
     "2 parts encoded: the body has " WIDE, false},
    {MIXED "\n--b\n" TEXT "\n\xe2\x82\xac\n", MIXED "\n--b\n" TEXT BASE64 "\n4oKsDQo=\n",
     ONE_PART WIDE, false},
    {MIXED EIGHT "\nthe caf\xc3\xa9\n--c\n", NULL,
     "1 part not encoded, though the body has " WIDE ": it has no boundary that can be found",
     false},
    {MIXED "\n--b`\n\nx\n--b--`\n", MIXED "\n--b\n\nx\n--b--\n",
     "2 gaps between parts made fit for the wire", false},
    /* Around parts. */
    {MIXED "\nthe caf\xc3\xa9 \v\n--\xc3\n--b\n\nx\n--b--\n~\n--b\n\xc3\n",
     MIXED "\nthe caf?? ?\n?-?\n--b\n\nx\n--b--\n|\n--b\n?\n",
     "2 gaps between parts made fit for the wire", false},
    /* Headers of parts. */
    {MIXED
     "\n--b\nContent-Disposition: attachment;\n filename=\"\xc3\xbc.pdf\"\n"
     "Content-Description: \xc3\xbc\nX: \xff\nContent-ID: <\xc3@b>\nY: z\n\nplain\n--b\n"
     "Content-Type: message/rfc822\n\nSubject: \xc3\xbc\nTo: J\xc3\xb6rg <a@b>\n\nplain\n--b\n"
     "-x: \xc3\nY: \xc3\v\n\n--b--\n",
     MIXED
     "\n--b\nContent-Disposition: attachment;\n filename*=utf-8''%C3%BC.pdf\n"
     "Content-Description: =?utf-8?B?w7w=?=\nX: =?unknown-8bit?B?/w==?=\nContent-ID: <?@b>\nY: z\n"
     "\nplain\n--b\nContent-Type: message/rfc822\n\nSubject: =?utf-8?B?w7w=?=\n"
     "To: =?utf-8?Q?J=C3=B6rg?= <a@b>\n\nplain\n--b\nY: ? \n\n--b--\n",
     "3 headers of parts made fit for the wire", false},
    {MIXED "\n--b\nX: \xc3\xbc\nContent-Type: multipart/mixed; boundary=c\n\n--c\n\nthe "
           "caf\xc3\xa9\n--b--\n",
     MIXED
     "\n--b\nX: =?utf-8?B?w7w=?=\nContent-Type: multipart/mixed; boundary=c\n\n--c\n" TEXT QUOTED
     "\nthe caf=C3=A9\n--b--\n",
     ONE_PART WIDE "; 1 header of parts made fit for the wire", false},
    /* MIME-Version, and a wrong encoding of a multipart, which readers ignore. */
    {"Content-Type: multipart/mixed; boundary=b\n" BASE64 "\n--b\n\nthe caf\xc3\xa9\n--b--\n",
     "Content-Type: multipart/mixed; boundary=b\n" BASE64 VERSION "\n--b\n" TEXT QUOTED
     "\nthe caf=C3=A9\n--b--\n",
     ONE_PART WIDE, false},
};

static void messages_by_example(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        check_row(&rows[i]);
}

/* A message of multiparts in each other. */
static void nest(struct buffer *out, size_t depth)
{
    char line[100];
    for (size_t i = 0; i < depth; i++) {
        snprintf(line, sizeof line,
                 "Content-Type: multipart/mixed; boundary=n%zun\r\n\r\n--n%zun\r\n", i, i);
        buffer_add_string(out, line);
    }
    buffer_add_string(out, "Content-Type: text/plain; charset=utf-8\r\n\r\nthe caf\xc3\xa9\r\n");
    for (size_t i = depth; i-- > 0;) {
        snprintf(line, sizeof line, "--n%zun--\r\n", i);
        buffer_add_string(out, line);
    }
}

static void depth_is_bounded(void **state)
{
    static const struct {
        size_t depth;
        const char *note;
    } cases[] = {
        {PART_DEPTH, ONE_PART WIDE},
        {PART_DEPTH + 1, "1 part not encoded, though the body has " WIDE ": it lies too deep"},
        {20000, "1 part not encoded, though the body has " WIDE ": it lies too deep"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buffer octets = {0};
        struct message message;
        char note[MIME_NOTE_SIZE];
        nest(&octets, cases[i].depth);
        load(&message, buffer_slice(&octets));
        fit(&message, false, note);
        assert_string_equal(note, cases[i].note);
        assert_facts(&message);
        message_free(&message);
        buffer_free(&octets);
    }
}

static void very_many_parts_are_all_encoded(void **state)
{
    enum { PARTS = 100000 };
    struct buffer octets = {0}, out = {0};
    struct message message;
    char note[MIME_NOTE_SIZE];
    size_t found = 0;
    (void)state;
    buffer_add_string(&octets, "Content-Type: multipart/mixed; boundary=b\r\n\r\n");
    for (size_t i = 0; i < PARTS; i++)
        buffer_add_string(&octets, "--b\r\n\r\nthe caf\xc3\xa9\r\n");
    load(&message, buffer_slice(&octets));
    fit(&message, false, note);
    assert_string_equal(note, "100000 parts encoded: the body has " WIDE);
    read_back(&message, &out);
    struct slice rest = buffer_slice(&out), line;
    while (slice_cut(&rest, '\n', &line))
        found += slice_equals(line, slice_of("the caf=C3=A9\r"));
    assert_int_equal(found, PARTS);
    assert_facts(&message);
    message_free(&message);
    buffer_free(&octets);
    buffer_free(&out);
}

/* A header field longer than what is looked at in one piece. */
static void a_huge_field_is_bounded(void **state)
{
    struct buffer octets = {0};
    struct message message;
    char note[MIME_NOTE_SIZE];
    (void)state;
    buffer_add_string(&octets, "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nX: ");
    for (size_t i = 0; i < 100000; i++)
        buffer_add_string(&octets, "\xc3\xbc x");
    buffer_add_string(&octets, "\r\n\r\nplain\r\n--b--\r\n");
    load(&message, buffer_slice(&octets));
    fit(&message, false, note);
    assert_string_equal(note, "1 header of parts made fit for the wire");
    assert_facts(&message);
    assert_false(message.body_8bit);
    assert_true(message.body_longest_line <= 998);
    message_free(&message);
    buffer_free(&octets);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_by_example),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(very_many_parts_are_all_encoded),
        cmocka_unit_test(a_huge_field_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Goal: a caller's header becomes one that servers take, nothing in it can harm a line or start a
 * field, and what need not change does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "message/fix.h"
#include "message/header.h"
#include "tests/message/decode.h"

#define COMPLETE                                                                                   \
    "From: a@b.example\r\nDate: Mon, 23 Nov 2026 12:00:00 +0000\r\nMessage-ID: <1@b.example>\r\n"

static char last_notes[8192];

static void collect_note(void *context, const char *sentence)
{
    struct text *notes = context;
    assert_non_null(sentence);
    assert_null(strchr(sentence, '\n'));
    assert_in_range(strlen(sentence), 1, 1023);
    text_add(notes, sentence);
    text_add(notes, "\n");
}

static void load(struct message *message, struct slice header)
{
    struct error error = {0};
    message_init(message, NULL);
    message->header = (struct extent){0, header.length};
    assert_true(store_append(&message->store, header, &error));
    message->header_8bit = slice_has_8bit(header);
}

static void read_header(struct message *message, struct buffer *out)
{
    struct error error = {0};
    size_t length = (size_t)message->header.length;
    buffer_clear(out);
    assert_true(buffer_reserve(out, length + 1));
    assert_true(store_read(&message->store, message->header.offset, out->bytes, length, &error));
    out->length = length;
    out->bytes[length] = '\0';
}

static void fix(struct slice header, struct fix_options options, struct buffer *out)
{
    struct message message;
    struct error error = {0};
    struct text notes;
    text_init(&notes, last_notes, sizeof last_notes);
    options.note = collect_note;
    options.note_context = &notes;
    load(&message, header);
    assert_true(fix_header(&message, &options, &error));
    read_header(&message, out);
    assert_int_equal(message.header_8bit, slice_has_8bit(buffer_slice(out)));
    assert_int_equal(slice_find(buffer_slice(out), '\0'), out->length);
    message_free(&message);
}

static struct fix_options plain_options(void)
{
    return (struct fix_options){.add_date = true,
                                .add_message_id = true,
                                .remove_bcc = true,
                                .domain = "example.com",
                                .from = "me@example.com",
                                .now = 1795435200};
}

struct row {
    const char *before, *after, *note;
};

static void check_rows(const struct row *rows, size_t count, const struct fix_options *options)
{
    struct buffer out = {0};
    for (size_t i = 0; i < count; i++) {
        fix(slice_of(rows[i].before), *options, &out);
        assert_string_equal(out.bytes, rows[i].after);
        if (rows[i].note == NULL)
            assert_string_equal(last_notes, "");
        else
            assert_non_null(strstr(last_notes, rows[i].note));
    }
    buffer_free(&out);
}

static void fields_are_mended(void **state)
{
    static const struct row rows[] = {
        /* what is right stays as it is, odd folds and unknown fields included */
        {"", "", NULL},
        {"X-A:b\r\nx-a:  c \r\n\td\r\nSubject:\r\n", "X-A:b\r\nx-a:  c \r\n\td\r\nSubject:\r\n",
         NULL},
        {"To: A <a@b.example>,\r\n  \"x, y\" <c@d.example> (z)\r\n",
         "To: A <a@b.example>,\r\n  \"x, y\" <c@d.example> (z)\r\n", NULL},
        {"To : a@b.example\r\n", "To: a@b.example\r\n", NULL},
        /* bare local parts */
        {"From: root (Cron Daemon)\r\nTo: root\r\n",
         "From: root@example.com (Cron Daemon)\r\nTo: root@example.com\r\n",
         "From completed: an address had no domain"},
        {"Cc: Root <root>, joe,\r\n bob@x.example, \"a b\" (c)\r\n",
         "Cc: Root <root@example.com>, joe@example.com,\r\n bob@x.example, \"a b\"@example.com "
         "(c)\r\n",
         "Cc completed"},
        {"Reply-To: <root>\r\nSender: root\r\nResent-To: root\r\n",
         "Reply-To: <root@example.com>\r\nSender: root@example.com\r\n"
         "Resent-To: root@example.com\r\n",
         "Resent-To completed"},
        {"To: friends: joe, ann@x.example;, <@r.example:b@c.example>\r\n",
         "To: friends: joe@example.com, ann@x.example;, <@r.example:b@c.example>\r\n",
         "To completed"},
        {"To: undisclosed-recipients:;\r\n", "To: undisclosed-recipients:;\r\n", NULL},
        {"To: x@M\xc3\xbcnchen.example\r\n", "To: x@xn--mnchen-3ya.example\r\n", "To completed"},
        {"To: a b c <\r\n", "To: a b c <\r\n", "To left as it is: no address list"},
        {"To: \xc3\xbc b <\r\n", "To: =?utf-8?Q?=C3=BC_b?= <\r\n", "To left as it is"},
        /* repeated fields */
        {"To: a@b.example\r\nX: y\r\nTo: joe, \r\nTO:  c@d.example\r\n",
         "To: a@b.example,\r\n joe@example.com,\r\n c@d.example\r\nX: y\r\n",
         "To merged: there were 3 of it"},
        {"Cc:\r\nCc: a@b.example\r\n", "Cc: a@b.example\r\n", "Cc removed: it was empty"},
        {"Subject: 1\r\nsubject: 2\r\nFrom: a@b.example\r\nFrom: c@d.example\r\n",
         "Subject: 1\r\nFrom: a@b.example\r\n", "From removed: it is there more than once"},
        {"Received: 1\r\nReceived: 2\r\n", "Received: 1\r\nReceived: 2\r\n", NULL},
        /* recipients that are not to be seen */
        {"Bcc: x@y.example\r\nTo: a@b.example\r\nBCC:\r\n z@y.example\r\nResent-Bcc: q\r\n",
         "To: a@b.example\r\n", "Bcc removed: nobody else is to see it"},
        {"To:\r\nBcc: x@y.example\r\n", "To: undisclosed-recipients:;\r\n", "To added"},
        {"To: ,\r\n ,\r\nCc: a@b.example\r\n", "Cc: a@b.example\r\n", "To removed: it was empty"},
        {"Return-Path: <x@y.example>\r\n", "", "Return-Path removed"},
        {"no field\r\nX: y\r\n", "X: y\r\n", "A line removed: it was no header field"},
        /* 8-bit text */
        {"Subject: Gr\xc3\xbc\xc3\x9f"
         "e an alle\r\n",
         "Subject: =?utf-8?B?R3LDvMOfZQ==?= an alle\r\n", "Subject encoded"},
        {"Subject: caf\xe9\r\n", "Subject: =?unknown-8bit?Q?caf=E9?=\r\n", "Subject encoded"},
        {"From: J\xc3\xbcrgen M. <j@x.example>\r\n",
         "From: =?utf-8?Q?J=C3=BCrgen_M=2E?= <j@x.example>\r\n", "From encoded"},
        {"From: \"J\xc3\xbcrgen \\\"X\\\"\"<j@x.example>\r\n",
         "From: =?utf-8?Q?J=C3=BCrgen_=22X=22?= <j@x.example>\r\n", "From encoded"},
        {"From: j@x.example (J\xc3\xbcrgen (\xc3\xb6) y)\r\n",
         "From: j@x.example (=?utf-8?Q?J=C3=BCrgen?= (=?utf-8?B?w7Y=?=) y)\r\n", "From encoded"},
        {"To: \xc3\xbc@x.example\r\n", "To: =?utf-8?B?w7w=?=@x.example\r\n", "To encoded"},
        {"Content-Disposition: attachment; filename=\"\xc3\xbcx.pdf\"\r\n",
         "Content-Disposition: attachment; filename*=utf-8''%C3%BCx.pdf\r\n",
         "Content-Disposition encoded"},
        {"Date: Mon, 23 Nov 2026 12:00:00 +0000 (M\xc3\xa4rz)\r\n",
         "Date: Mon, 23 Nov 2026 12:00:00 +0000 (=?utf-8?Q?M=C3=A4rz?=)\r\n", "Date encoded"},
    };
    struct fix_options options = plain_options();
    (void)state;
    options.add_date = options.add_message_id = false;
    options.from_header = FIX_FROM_KEEP;
    check_rows(rows, sizeof rows / sizeof rows[0], &options);
}

static void utf8_stays_where_it_may(void **state)
{
    static const struct row rows[] = {
        {"Subject: Gr\xc3\xbc\xc3\x9f"
         "e\r\nTo: \xc3\xbc <\xc3\xbc@x.example> (\xc3\xbc)\r\n",
         "Subject: Gr\xc3\xbc\xc3\x9f"
         "e\r\nTo: \xc3\xbc <\xc3\xbc@x.example> (\xc3\xbc)\r\n",
         NULL},
        {"Subject: \xc3\xbc x\xff\r\n", "Subject: \xc3\xbc =?unknown-8bit?Q?x=FF?=\r\n",
         "Subject encoded"},
    };
    struct fix_options options = plain_options();
    (void)state;
    options.add_date = options.add_message_id = false;
    options.from_header = FIX_FROM_KEEP;
    options.utf8 = true;
    check_rows(rows, sizeof rows / sizeof rows[0], &options);
}

static void bcc_can_be_kept(void **state)
{
    static const struct row rows[] = {
        {COMPLETE "To:\r\nBcc: joe\r\n", COMPLETE "Bcc: joe@example.com\r\n", "Bcc completed"},
    };
    struct fix_options options = plain_options();
    (void)state;
    options.remove_bcc = false;
    check_rows(rows, sizeof rows / sizeof rows[0], &options);
}

static void from_is_added(void **state)
{
    static const struct {
        const char *name, *from;
    } rows[] = {
        {NULL, "me@example.com"},
        {"", "me@example.com"},
        {" \r\n ", "me@example.com"},
        {"Joe User", "Joe User <me@example.com>"},
        {"Joe Q. User", "\"Joe Q. User\" <me@example.com>"},
        {"a\"b\\c, d", "\"a\\\"b\\\\c, d\" <me@example.com>"},
        {"x\r\nBcc: y@z.example", "\"x  Bcc: y@z.example\" <me@example.com>"},
        {"J\xc3\xbcrgen\nX", "=?utf-8?Q?J=C3=BCrgen_X?= <me@example.com>"},
        {"caf\xe9", "=?unknown-8bit?Q?caf=E9?= <me@example.com>"},
    };
    struct buffer out = {0};
    (void)state;
    setenv("TZ", "UTC0", 1);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fix_options options = plain_options();
        char expected[256];
        options.full_name = rows[i].name;
        options.add_message_id = false;
        fix(slice_of("Subject: x\r\nFrom: \r\n"), options, &out);
        snprintf(expected, sizeof expected,
                 "Subject: x\r\nFrom: %s\r\nDate: Mon, 23 Nov 2026 12:00:00 +0000\r\n",
                 rows[i].from);
        assert_string_equal(out.bytes, expected);
        assert_non_null(strstr(last_notes, "From added: the message had none\n"));
        assert_non_null(strstr(last_notes, "Date added: the message had none\n"));
    }
    buffer_free(&out);
}

static void from_is_replaced(void **state)
{
    static const struct row rows[] = {
        {"From: Joe <joe@x.example>\r\n",
         "From: Joe <me@example.com>\r\nReply-To: Joe <joe@x.example>\r\n",
         "From replaced by me@example.com"},
        {"From: root (Cron Daemon)\r\n",
         "From: me@example.com (Cron Daemon)\r\nReply-To: root@example.com (Cron Daemon)\r\n",
         "Reply-To added"},
        {"From: joe@x.example, ann@x.example\r\n",
         "From: Full Name <me@example.com>\r\nReply-To: joe@x.example, ann@x.example\r\n",
         "Reply-To added"},
        {"From: Joe <@a.example:joe@x.example>\r\nReply-To: z@x.example\r\n",
         "From: Joe <me@example.com>\r\nReply-To: z@x.example\r\n", "From replaced"},
        {"From: J\xc3\xbc <j@x.example>\r\nReply-To: z@x.example\r\n",
         "From: =?utf-8?B?SsO8?= <me@example.com>\r\nReply-To: z@x.example\r\n", "From replaced"},
        {"From: Me <me@EXAMPLE.com>\r\n", "From: Me <me@EXAMPLE.com>\r\n", NULL},
        {"From: a b <\r\n", "From: Full Name <me@example.com>\r\n", "From replaced"},
    };
    struct fix_options options = plain_options();
    (void)state;
    options.from_header = FIX_FROM_REPLACE;
    options.full_name = "Full Name";
    options.add_date = options.add_message_id = false;
    check_rows(rows, sizeof rows / sizeof rows[0], &options);
}

static void resent_blocks_are_completed(void **state)
{
    struct fix_options options = plain_options();
    struct buffer out = {0};
    (void)state;
    setenv("TZ", "UTC0", 1);
    options.add_message_id = false;
    fix(slice_of("X: y\r\nResent-To: joe\r\n" COMPLETE), options, &out);
    assert_string_equal(out.bytes, "Resent-From: me@example.com\r\n"
                                   "Resent-Date: Mon, 23 Nov 2026 12:00:00 +0000\r\n"
                                   "X: y\r\nResent-To: joe@example.com\r\n" COMPLETE);
    fix(slice_of("X: y\r\nResent-To:\r\nResent-Date: \r\n" COMPLETE), options, &out);
    assert_string_equal(out.bytes, "X: y\r\n" COMPLETE);
    options.add_message_id = true;
    fix(slice_of("Resent-From: a@b.example\r\nResent-Date: x\r\n" COMPLETE), options, &out);
    assert_memory_equal(out.bytes, "Resent-Message-ID: <", 20);
    assert_null(strstr(out.bytes + 20, "Resent-Message-ID: "));
    buffer_free(&out);
}

static void message_id_is_known(void **state)
{
    struct fix_options options = plain_options();
    struct message message;
    struct error error = {0};
    struct buffer out = {0};
    (void)state;
    load(&message, slice_of("Message-ID: \r\n <a@b>\r\n"));
    assert_true(fix_header(&message, &options, &error));
    assert_string_equal(message.message_id, "<a@b>");
    message_free(&message);

    load(&message, slice_of("Message-ID: <\\@b>\r\n"));
    assert_true(fix_header(&message, &options, &error));
    assert_string_equal(message.message_id, "<\\@b>");
    message_free(&message);

    load(&message, slice_of("Subject: x\r\n"));
    assert_true(fix_header(&message, &options, &error));
    read_header(&message, &out);
    assert_int_equal(strlen(message.message_id), 1 + 24 + strlen("@example.com>"));
    assert_non_null(strstr(out.bytes, message.message_id));
    message_free(&message);
    buffer_free(&out);
}

/* Every line in the limit, CRLF only, ASCII only, and each line a field or a fold. */
static void assert_clean(struct slice header, bool ascii)
{
    while (header.length > 0) {
        const char *end = memmem(header.bytes, header.length, "\r\n", 2);
        assert_non_null(end);
        struct slice line = slice_to(header, (size_t)(end - header.bytes));
        header = slice_from(header, line.length + 2);
        assert_in_range(line.length, 2, 998);
        assert_true(slice_trim(line).length > 0);
        assert_int_equal(slice_find(line, '\r'), line.length);
        assert_int_equal(slice_find(line, '\n'), line.length);
        assert_int_equal(slice_find(line, '\0'), line.length);
        assert_false(ascii && slice_has_8bit(line));
        if (line.bytes[0] != ' ' && line.bytes[0] != '\t')
            assert_true(slice_find(line, ':') < line.length);
        assert_false(slice_starts_nocase(line, "Bcc:"));
    }
}

static void long_lines_are_folded(void **state)
{
    static const struct {
        const char *start, *repeated;
        size_t times;
        bool exact; /* unfolding gives the value back */
    } rows[] = {
        {"Subject: ", "word ", 500, true},
        {"Subject:", "x", 990, true},
        {"Subject:", "x", 991, false},
        {"Subject: ", "longword", 1000, false},
        {"X-Blank: a", " ", 3000, false},
        {"To: ", "a@b.example, ", 1000, true},
        {"To: ", "a@b.example,", 1000, false},
        {"To: ", "joe,", 3000, false},
        {"To: \"", "a,b;", 1000, false},
        {"To: (", "a,b;", 1000, false},
        {"References: ", "<a@b> ", 900, true},
        {"References: ", "<a@b>", 900, false},
        {"Content-Type: a/b; ", "x=y;", 900, false},
        {"Message-ID: ", "x", 5000, false},
        {"From: ", "\xc3\xbc ", 900, false},
        {"From: ", "\xc3\xbc", 900, false},
        {"Subject: ", "\xe2\x82\xac", 900, false},
        {"Subject: ", "\xff", 2000, false},
        {"To: ", "(", 5000, false},
        {"To: ", "\"\\", 5000, false},
        {"To: ", "<", 5000, false},
        {"To: ", ":;", 5000, false},
        {"X: ", "\r\n ", 2000, false},
        {"X: ", "\\\"", 2000, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fix_options options = plain_options();
        struct buffer in = {0}, out = {0}, unfolded = {0};
        options.add_date = options.add_message_id = false;
        options.from_header = FIX_FROM_KEEP;
        buffer_add_string(&in, rows[i].start);
        for (size_t j = 0; j < rows[i].times; j++)
            buffer_add_string(&in, rows[i].repeated);
        buffer_add_string(&in, "\r\n");
        fix(buffer_slice(&in), options, &out);
        assert_clean(buffer_slice(&out), true);
        if (rows[i].exact) {
            decode_text(&unfolded, slice_to(buffer_slice(&out), out.length - 2));
            assert_true(
                slice_equals(buffer_slice(&unfolded), slice_to(buffer_slice(&in), in.length - 2)));
        }
        options.utf8 = true;
        fix(buffer_slice(&in), options, &out);
        assert_clean(buffer_slice(&out), false);
        assert_true(utf8_is_valid(buffer_slice(&out)));
        buffer_free(&in);
        buffer_free(&out);
        buffer_free(&unfolded);
    }
}

static void add_junk(struct buffer *out, size_t wanted)
{
    static const char *const pieces[] = {"a@b.example", "root",
                                         ",",           ";",
                                         ":",           "<",
                                         ">",           "(",
                                         ")",           "\"",
                                         "\\",          " ",
                                         "\t",          "@",
                                         ".",           "\r\n ",
                                         "\r\n\t",      "=?utf-8?Q?x?=",
                                         "=",           "?",
                                         "\xc3\xbc",    "\xe2\x82\xac",
                                         "\xff",        "word",
                                         "=?",          "?=",
                                         "[1.2.3.4]",   "x=y",
                                         "1",           "--"};
    while (out->length < wanted) {
        if (rand() % 30 == 0)
            buffer_add_byte(out, '\0');
        else if (rand() % 300 == 0)
            for (size_t i = 0; i < 1200; i++)
                buffer_add_byte(out, "xy ,\xc3"[wanted % 5]);
        else
            buffer_add_string(out, pieces[(size_t)rand() % (sizeof pieces / sizeof pieces[0])]);
    }
}

static void random_junk_comes_out_clean(void **state)
{
    static const char *const names[] = {
        "From",      "To",         "Cc",           "Bcc",        "Subject",
        "Date",      "Message-ID", "Reply-To",     "Sender",     "X-Any",
        "Resent-To", "Resent-Bcc", "Content-Type", "References", "Content-Disposition",
        "Received"};
    (void)state;
    srand(5322);
    for (size_t i = 0; i < 3000; i++) {
        struct fix_options options = plain_options();
        struct buffer in = {0}, out = {0};
        for (int fields = rand() % 6; fields >= 0; fields--) {
            buffer_add_string(&in, names[(size_t)rand() % (sizeof names / sizeof names[0])]);
            buffer_add_byte(&in, ':');
            add_junk(&in, in.length + (size_t)rand() % (i % 10 == 0 ? 4000 : 60));
            buffer_add_string(&in, "\r\n");
        }
        options.from_header = (enum fix_from)(rand() % 3);
        options.utf8 = rand() % 3 == 0;
        fix(buffer_slice(&in), options, &out);
        assert_clean(buffer_slice(&out), !options.utf8);
        if (options.utf8)
            assert_true(utf8_is_valid(buffer_slice(&out)));
        buffer_free(&in);
        buffer_free(&out);
    }
}

static void encoded_text_reads_as_it_was(void **state)
{
    static const char *const pieces[] = {
        "a", " ", "  ", "\t",  "word", "\xc3\xbc",         "\xe2\x82\xac",
        "=", "?", "_",  "(x)", "\"",   "\xf0\x9f\x93\xa7", "longer"};
    const size_t name = strlen("Subject:");
    struct fix_options options = plain_options();
    (void)state;
    srand(2047);
    options.add_date = options.add_message_id = false;
    options.from_header = FIX_FROM_KEEP;
    for (size_t i = 0; i < 3000; i++) {
        struct buffer in = {0}, out = {0}, decoded = {0};
        bool valid = rand() % 4 != 0;
        buffer_add_string(&in, "Subject:");
        for (int j = rand() % 60; j >= 0; j--)
            buffer_add_string(&in, pieces[(size_t)rand() % (sizeof pieces / sizeof pieces[0])]);
        buffer_add_string(&in, valid ? "\r\n" : "\xff\r\n");
        fix(buffer_slice(&in), options, &out);
        assert_clean(buffer_slice(&out), true);
        decode_text(&decoded, slice_from(slice_to(buffer_slice(&out), out.length - 2), name));
        assert_true(slice_equals(buffer_slice(&decoded),
                                 slice_from(slice_to(buffer_slice(&in), in.length - 2), name)));
        buffer_free(&in);
        buffer_free(&out);
        buffer_free(&decoded);
    }
}

static void many_fields_are_no_burden(void **state)
{
    struct buffer in = {0}, out = {0};
    (void)state;
    for (size_t i = 0; i < 100000; i++)
        buffer_add_string(&in, i % 2 == 0 ? "To: joe\r\n" : "bad \xff line\r\n");
    fix(buffer_slice(&in), plain_options(), &out);
    assert_clean(buffer_slice(&out), true);
    assert_non_null(strstr(last_notes, "Further changes are not listed\n"));
    buffer_free(&in);
    buffer_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_mended),
        cmocka_unit_test(utf8_stays_where_it_may),
        cmocka_unit_test(bcc_can_be_kept),
        cmocka_unit_test(from_is_added),
        cmocka_unit_test(from_is_replaced),
        cmocka_unit_test(resent_blocks_are_completed),
        cmocka_unit_test(message_id_is_known),
        cmocka_unit_test(long_lines_are_folded),
        cmocka_unit_test(random_junk_comes_out_clean),
        cmocka_unit_test(encoded_text_reads_as_it_was),
        cmocka_unit_test(many_fields_are_no_burden),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

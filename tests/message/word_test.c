/* Goal: encoded words stay in their limits, divide no character, and say what the text said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "message/word.h"
#include "tests/message/decode.h"

static void text_by_example(void **state)
{
    static const struct {
        const char *text, *encoded;
        bool utf8;
    } rows[] = {
        {"", "", false},
        {" plain  text ", " plain  text ", false},
        {" gr\xc3\xbcn", " =?utf-8?Q?gr=C3=BCn?=", false},
        {" gr\xc3\xbcn", " gr\xc3\xbcn", true},
        {" gr\xff ", " =?unknown-8bit?Q?gr=FF?= ", true},
        {" a bc\xc3\xbc  d=e\r\n\tfg\xc3\xbc h", " a =?utf-8?Q?bc=C3=BC__d=3De=09fg=C3=BC?= h",
         false},
        {" \xe2\x82\xac\xe2\x82\xac", " =?utf-8?B?4oKs4oKs?=", false},
        {" =?utf-8?Q?x?= ab\xc3\xbc =?utf-8?Q?y?= z",
         " =?utf-8?Q?x?= =?utf-8?Q?_ab=C3=BC_?= =?utf-8?Q?y?= z", false},
        {" =?utf-8?Q?x?= z ab\xc3\xbc z =?utf-8?Q?y?=",
         " =?utf-8?Q?x?= z =?utf-8?Q?ab=C3=BC?= z =?utf-8?Q?y?=", false},
        {" =?\xc3\xbc"
         "abc?x?y?=",
         " =?utf-8?Q?=3D=3F=C3=BCabc=3Fx=3Fy=3F=3D?=", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buffer out = {0};
        word_add_text(&out, slice_of(rows[i].text), rows[i].utf8, 8);
        buffer_add_byte(&out, '\0');
        assert_string_equal(out.bytes, rows[i].encoded);
        buffer_free(&out);
    }
}

static bool stands_in(char byte, enum word_place place)
{
    static const char *const forbidden[] = {"", "\"#$%&'(),.:;<>@[\\]^`{|}~", "()\"\\"};
    return byte > ' ' && byte < 0x7f && strchr(forbidden[place], byte) == NULL;
}

static void assert_lines(struct slice encoded, enum word_place place, size_t column)
{
    struct slice line;
    while (slice_cut(&encoded, '\n', &line)) {
        struct slice word = slice_trim(line);
        assert_true(word.length <= 75);
        assert_true(column + line.length <= 77 || column > 36);
        for (size_t i = 0; i < word.length; i++)
            assert_true(stands_in(word.bytes[i], place));
        column = 0;
    }
}

static void every_text_survives_in_every_place(void **state)
{
    static const char *const pieces[] = {"a",
                                         " ",
                                         "_",
                                         "=",
                                         "?",
                                         "(",
                                         ")",
                                         "\\",
                                         "\"",
                                         ",",
                                         "<",
                                         "\xc3\xbc",
                                         "\xe2\x82\xac",
                                         "\xf0\x9f\x93\xa7",
                                         "\t",
                                         "longer",
                                         "\x7f",
                                         "0",
                                         "."};
    (void)state;
    srand(2047);
    for (size_t i = 0; i < 3000; i++) {
        struct buffer text = {0}, out = {0}, decoded = {0};
        enum word_place place = (enum word_place)(rand() % 3);
        size_t column = (size_t)rand() % 100;
        for (int j = rand() % 120; j >= 0; j--)
            buffer_add_string(&text, pieces[(size_t)rand() % (sizeof pieces / sizeof pieces[0])]);
        if (rand() % 3 == 0)
            buffer_add_byte(&text, '\xff');
        word_encode(&out, buffer_slice(&text), place, column);
        assert_lines(buffer_slice(&out), place, column);
        decode_text(&decoded, buffer_slice(&out));
        assert_true(slice_equals(buffer_slice(&decoded), buffer_slice(&text)));
        buffer_free(&text);
        buffer_free(&out);
        buffer_free(&decoded);
    }
}

static void a_full_line_is_folded_first(void **state)
{
    struct buffer out = {0};
    (void)state;
    buffer_add_string(&out, "x ");
    word_encode(&out, slice_of("\xc3\xbc"), WORD_IN_TEXT, 70);
    buffer_add_byte(&out, '\0');
    assert_string_equal(out.bytes, "x\r\n =?utf-8?B?w7w=?=");
    buffer_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_by_example),
        cmocka_unit_test(every_text_survives_in_every_place),
        cmocka_unit_test(a_full_line_is_folded_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

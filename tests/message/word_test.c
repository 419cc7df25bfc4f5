/* Goal: encoded words stay in their limits, divide no character, and say what the text said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "message/word.h"
#include "tests/message/decode.h"

/* A field with a name of `name` octets under way. */
struct field {
    struct store store;
    struct fold fold;
    struct error error;
    size_t name;
};

static void begin(struct field *field, size_t name)
{
    static char filled[100];
    memset(filled, 'X', sizeof filled);
    *field = (struct field){.name = name};
    store_init(&field->store, NULL);
    fold_open(&field->fold, &field->store, true, &field->error);
    fold_begin(&field->fold, slice_make(filled, name), FIELD_UNSTRUCTURED);
}

/* Appends the field's value. */
static void end(struct field *field, struct buffer *value)
{
    fold_end(&field->fold);
    assert_true(fold_close(&field->fold));
    size_t start = field->name + 1, size = (size_t)store_size(&field->store);
    assert_true(size >= start + 2);
    size -= start + 2;
    assert_true(buffer_reserve(value, size + 1));
    assert_true(store_read(&field->store, start, value->bytes, size, &field->error));
    value->length = size;
    value->bytes[size] = '\0';
    store_free(&field->store);
}

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
        struct field field;
        begin(&field, 7);
        assert_int_equal(word_add_text(&field.fold, slice_of(rows[i].text), rows[i].utf8),
                         strcmp(rows[i].text, rows[i].encoded) != 0);
        end(&field, &out);
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
        size_t column = 1 + (size_t)rand() % 99;
        struct field field;
        for (int j = rand() % 120; j >= 0; j--)
            buffer_add_string(&text, pieces[(size_t)rand() % (sizeof pieces / sizeof pieces[0])]);
        if (rand() % 3 == 0)
            buffer_add_byte(&text, '\xff');
        begin(&field, column - 1);
        word_encode(&field.fold, buffer_slice(&text), place);
        end(&field, &out);
        assert_lines(buffer_slice(&out), place, column);
        decode_text(&decoded, buffer_slice(&out));
        assert_true(slice_equals(buffer_slice(&decoded), buffer_slice(&text)));
        buffer_free(&text);
        buffer_free(&out);
        buffer_free(&decoded);
    }
}

static void long_texts_are_divided_between_characters(void **state)
{
    static const char *const texts[] = {"\xe2\x82\xac", "a\xc3\xbc", "\xf0\x9f\x93\xa7", "\x80"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct buffer text = {0}, out = {0}, decoded = {0};
        struct field field;
        while (text.length < 3 * WORD_STRETCH)
            buffer_add_string(&text, texts[i]);
        begin(&field, 8);
        word_encode(&field.fold, buffer_slice(&text), WORD_IN_PHRASE);
        end(&field, &out);
        assert_lines(buffer_slice(&out), WORD_IN_PHRASE, 9);
        decode_text(&decoded, buffer_slice(&out));
        assert_true(slice_equals(buffer_slice(&decoded), buffer_slice(&text)));
        bool valid = utf8_is_valid(buffer_slice(&text));
        buffer_add_byte(&out, '\0');
        assert_int_equal(strstr(out.bytes, "unknown-8bit") == NULL, valid);
        buffer_free(&text);
        buffer_free(&out);
        buffer_free(&decoded);
    }
}

static void a_full_line_is_folded_first(void **state)
{
    struct buffer out = {0};
    struct field field;
    (void)state;
    begin(&field, 70);
    fold_add(&field.fold, slice_of("x "));
    word_encode(&field.fold, slice_of("\xc3\xbc"), WORD_IN_TEXT);
    end(&field, &out);
    assert_string_equal(out.bytes, "x\r\n =?utf-8?B?w7w=?=");
    buffer_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_by_example),
        cmocka_unit_test(every_text_survives_in_every_place),
        cmocka_unit_test(long_texts_are_divided_between_characters),
        cmocka_unit_test(a_full_line_is_folded_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

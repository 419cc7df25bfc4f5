/* Goal: nothing is written past the buffer, overflow sticks, escapes are whole and bounded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"

#define COUNT(array)   (sizeof(array) / sizeof(array)[0])
#define BYTES(literal) slice_make(literal, sizeof(literal) - 1)

static void adding(void **state)
{
    (void)state;
    char buffer[32];
    struct text text;
    text_init(&text, buffer, sizeof buffer);
    assert_string_equal(buffer, "");
    text_add(&text, "one");
    text_add_byte(&text, ' ');
    text_add_slice(&text, slice_of("two"));
    text_add_format(&text, " %d", 3);
    text_add(&text, NULL);
    text_add_slice(&text, slice_make(NULL, 0));
    assert_string_equal(buffer, "one two 3");
    assert_int_equal(text.length, 9);
    assert_false(text.overflow);
    assert_true(slice_equals(text_slice(&text), slice_of("one two 3")));
}

static void overflow_cuts_and_sticks(void **state)
{
    (void)state;
    char guarded[9] = "........!";
    struct text text;
    text_init(&text, guarded, 8);
    text_add(&text, "1234567");
    assert_false(text.overflow);
    text_add(&text, "");
    assert_false(text.overflow);
    text_add_byte(&text, '8');
    assert_true(text.overflow);
    assert_string_equal(guarded, "1234567");

    text_init(&text, guarded, 8);
    text_add(&text, "12345");
    text_add(&text, "abcdef");
    assert_string_equal(guarded, "12345ab");
    text_init(&text, guarded, 8);
    text_add_format(&text, "%s", "1234567");
    assert_false(text.overflow);
    text_init(&text, guarded, 8);
    text_add_format(&text, "%s", "12345678");
    assert_true(text.overflow);
    assert_string_equal(guarded, "1234567");
    text_init(&text, guarded, 8);
    text_add_escaped(&text, BYTES("12345\r6"), 100);
    assert_false(!text.overflow);
    assert_string_equal(guarded, "12345\\r");
    assert_int_equal(guarded[8], '!');
}

static void nothing_follows_an_overflow(void **state)
{
    (void)state;
    char buffer[4];
    struct text text;
    text_init(&text, buffer, sizeof buffer);
    text_add_escaped(&text, BYTES("a\001"), 100);
    assert_true(text.overflow);
    text_add(&text, "b");
    text_add_format(&text, "c");
    text_add_byte(&text, 'd');
    text_add_escaped(&text, BYTES("e"), 100);
    assert_string_equal(buffer, "a");

    char smallest[1];
    text_init(&text, smallest, sizeof smallest);
    text_add(&text, "");
    assert_false(text.overflow);
    text_add(&text, "a");
    assert_true(text.overflow);
    assert_string_equal(smallest, "");
}

static void copying(void **state)
{
    (void)state;
    char buffer[4] = "xxx";
    assert_true(text_copy(buffer, sizeof buffer, ""));
    assert_string_equal(buffer, "");
    assert_true(text_copy(buffer, sizeof buffer, "abc"));
    assert_string_equal(buffer, "abc");
    assert_false(text_copy(buffer, sizeof buffer, "abcd"));
    assert_string_equal(buffer, "abc");
}

static void escaping(void **state)
{
    (void)state;
    static const struct {
        struct slice input;
        size_t limit;
        const char *escaped, *quoted;
    } cases[] = {
        {{"", 0}, 10, "", "\"\""},
        {{"a b", 3}, 10, "a b", "\"a b\""},
        {{"a\\b", 3}, 10, "a\\\\b", "\"a\\\\b\""},
        {{"\"", 1}, 10, "\"", "\"\\\"\""},
        {{"\r\n\t", 3}, 10, "\\r\\n\\t", "\"\\r\\n\\t\""},
        {{"\0\033\177\377", 4}, 16, "\\x00\\x1b\\x7f\\xff", "\"\\x00\\x1b\\x7f\\xff\""},
        {{"abcd", 4}, 4, "abcd", "\"abcd\""},
        {{"abcde", 5}, 4, "abcd...", "\"abcd...\""},
        {{"abc\001", 4}, 6, "abc...", "\"abc...\""},
        {{"abc\001", 4}, 7, "abc\\x01", "\"abc\\x01\""},
        {{"a", 1}, 0, "...", "\"...\""},
        {{"", 0}, 0, "", "\"\""},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char buffer[64];
        struct text text;
        text_init(&text, buffer, sizeof buffer);
        text_add_escaped(&text, cases[i].input, cases[i].limit);
        assert_string_equal(buffer, cases[i].escaped);
        text_init(&text, buffer, sizeof buffer);
        text_add_quoted(&text, cases[i].input, cases[i].limit);
        assert_string_equal(buffer, cases[i].quoted);
    }
}

static void every_byte_is_shown_printable(void **state)
{
    (void)state;
    for (int value = 0; value < 256; value++) {
        char byte = (char)value;
        struct text_shown shown;
        text_show(&shown, slice_make(&byte, 1));
        assert_int_not_equal(strlen(shown.bytes), 0);
        for (const char *c = shown.bytes; *c != '\0'; c++)
            assert_in_range((unsigned char)*c, 0x20, 0x7e);
    }
}

static void showing_is_bounded(void **state)
{
    (void)state;
    char input[1000];
    struct text_shown shown;
    memset(input, 'a', sizeof input);
    assert_ptr_equal(text_show(&shown, slice_make(input, sizeof input)), shown.bytes);
    assert_int_equal(strlen(shown.bytes), TEXT_SHOWN_LIMIT + 3);
    text_show(&shown, slice_make(input, TEXT_SHOWN_LIMIT));
    assert_int_equal(strlen(shown.bytes), TEXT_SHOWN_LIMIT);
    memset(input, '\001', sizeof input);
    text_show(&shown, slice_make(input, sizeof input));
    assert_int_equal(strlen(shown.bytes), TEXT_SHOWN_LIMIT + 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(adding),
        cmocka_unit_test(overflow_cuts_and_sticks),
        cmocka_unit_test(nothing_follows_an_overflow),
        cmocka_unit_test(copying),
        cmocka_unit_test(escaping),
        cmocka_unit_test(every_byte_is_shown_printable),
        cmocka_unit_test(showing_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

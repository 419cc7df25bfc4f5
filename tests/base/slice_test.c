/* Goal: cutting, comparing and judging runs of bytes, at the ends above all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/slice.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* A literal with NULs inside. */
#define BYTES(literal) slice_make(literal, sizeof(literal) - 1)

static void assert_slice(struct slice s, const char *expected)
{
    assert_int_equal(s.length, strlen(expected));
    if (s.length > 0)
        assert_memory_equal(s.bytes, expected, s.length);
}

static void making_and_comparing(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        bool equal, equal_nocase;
    } cases[] = {
        {"", "", true, true},        {"a", "", false, false},        {"Mail", "mail", false, true},
        {"a", "a", true, true},      {"[", "{", false, false},       {"@", "`", false, false},
        {"ab", "abc", false, false}, {"\304", "\344", false, false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct slice a = slice_of(cases[i].a), b = slice_of(cases[i].b);
        assert_int_equal(slice_equals(a, b), cases[i].equal);
        assert_int_equal(slice_equals_nocase(a, b), cases[i].equal_nocase);
    }
    assert_int_equal(slice_of(NULL).length, 0);
    assert_true(slice_equals(slice_of(NULL), slice_make(NULL, 0)));
    assert_false(slice_equals(BYTES("a\0b"), BYTES("a\0c")));
}

static void prefixes(void **state)
{
    (void)state;
    assert_true(slice_starts_nocase(slice_of("SIZE=10"), "size="));
    assert_true(slice_starts_nocase(slice_of("x"), ""));
    assert_true(slice_starts_nocase(slice_make(NULL, 0), ""));
    assert_false(slice_starts_nocase(slice_of("SIZ"), "size"));
}

static void parts(void **state)
{
    (void)state;
    struct slice s = slice_of("abc");
    assert_slice(slice_from(s, 0), "abc");
    assert_slice(slice_from(s, 2), "c");
    assert_slice(slice_from(s, 3), "");
    assert_slice(slice_from(s, SIZE_MAX), "");
    assert_slice(slice_from(slice_make(NULL, 0), 1), "");
    assert_slice(slice_to(s, 0), "");
    assert_slice(slice_to(s, 2), "ab");
    assert_slice(slice_to(s, 9), "abc");
    assert_int_equal(slice_find(s, 'a'), 0);
    assert_int_equal(slice_find(s, 'c'), 2);
    assert_int_equal(slice_find(s, 'x'), 3);
    assert_int_equal(slice_find(slice_make(NULL, 0), 'x'), 0);
    assert_int_equal(slice_find(BYTES("a\0b"), '\0'), 1);
}

static void trimming(void **state)
{
    (void)state;
    assert_slice(slice_trim(slice_of(" \t\r\n a b \r\n")), "a b");
    assert_slice(slice_trim(slice_of(" \t")), "");
    assert_slice(slice_trim(slice_of("")), "");
    assert_slice(slice_trim(slice_of("\va\f")), "\va\f");
}

static void cutting_at_a_delimiter(void **state)
{
    (void)state;
    static const struct {
        const char *input, *pieces[4];
    } cases[] = {
        {"", {NULL}},        {"a", {"a", NULL}},      {"a,b", {"a", "b", NULL}},
        {"a,", {"a", NULL}}, {",a", {"", "a", NULL}}, {"a,,b", {"a", "", "b", NULL}},
        {",", {"", NULL}},   {",,", {"", "", NULL}},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct slice rest = slice_of(cases[i].input), piece;
        for (size_t j = 0; cases[i].pieces[j] != NULL; j++) {
            assert_true(slice_cut(&rest, ',', &piece));
            assert_slice(piece, cases[i].pieces[j]);
        }
        assert_false(slice_cut(&rest, ',', &piece));
    }
}

static void cutting_words(void **state)
{
    (void)state;
    struct slice rest = slice_of("  AUTH \tPLAIN\r\nLOGIN "), word;
    assert_true(slice_cut_word(&rest, &word));
    assert_slice(word, "AUTH");
    assert_true(slice_cut_word(&rest, &word));
    assert_slice(word, "PLAIN");
    assert_true(slice_cut_word(&rest, &word));
    assert_slice(word, "LOGIN");
    assert_false(slice_cut_word(&rest, &word));
    assert_int_equal(rest.length, 0);
    rest = slice_make(NULL, 0);
    assert_false(slice_cut_word(&rest, &word));
}

static void numbers(void **state)
{
    (void)state;
    static const struct {
        const char *input;
        uint64_t limit;
        bool good;
        uint64_t value;
    } cases[] = {
        {"0", 10, true, 0},
        {"10", 10, true, 10},
        {"11", 10, false, 0},
        {"007", 7, true, 7},
        {"", 10, false, 0},
        {" 1", 10, false, 0},
        {"+1", 10, false, 0},
        {"-1", 10, false, 0},
        {"1a", 1000, false, 0},
        {"1", 0, false, 0},
        {"0", 0, true, 0},
        {"18446744073709551615", UINT64_MAX, true, UINT64_MAX},
        {"18446744073709551616", UINT64_MAX, false, 0},
        {"99999999999999999999999999", UINT64_MAX, false, 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint64_t value = 42;
        bool good = slice_parse_number(slice_of(cases[i].input), cases[i].limit, &value);
        assert_int_equal(good, cases[i].good);
        assert_true(value == (good ? cases[i].value : 42));
    }
}

static void eight_bit_is_found_anywhere(void **state)
{
    (void)state;
    char bytes[40];
    for (size_t length = 0; length <= sizeof bytes; length++) {
        memset(bytes, 'a', sizeof bytes);
        assert_false(slice_has_8bit(slice_make(bytes, length)));
        assert_int_equal(slice_count_ascii(slice_make(bytes, length)), length);
        for (size_t i = 0; i < length; i++) {
            bytes[i] = '\x80';
            assert_true(slice_has_8bit(slice_make(bytes, length)));
            assert_int_equal(slice_count_ascii(slice_make(bytes, length)), i);
            bytes[i] = 'a';
        }
    }
    assert_false(slice_has_8bit(slice_make(NULL, 0)));
}

static void tells_what_can_be_printed(void **state)
{
    (void)state;
    assert_true(slice_is_printable(slice_make(NULL, 0)));
    for (int byte = 0; byte < 256; byte++) {
        char bytes[] = {'a', (char)byte};
        assert_int_equal(slice_is_printable(slice_make(bytes, 2)), byte >= 0x20 && byte <= 0x7e);
        assert_true(slice_is_printable(slice_make(bytes, 1)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(making_and_comparing),
        cmocka_unit_test(prefixes),
        cmocka_unit_test(parts),
        cmocka_unit_test(trimming),
        cmocka_unit_test(cutting_at_a_delimiter),
        cmocka_unit_test(cutting_words),
        cmocka_unit_test(numbers),
        cmocka_unit_test(tells_what_can_be_printed),
        cmocka_unit_test(eight_bit_is_found_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

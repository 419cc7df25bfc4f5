/* Goal: Base64 as in RFC 4648, and a decoder that takes nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/codec.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static void both_ways(void **state)
{
    (void)state;
    static const struct {
        struct slice plain;
        const char *encoded;
    } cases[] = {
        {{"", 0}, ""},
        {{"f", 1}, "Zg=="},
        {{"fo", 2}, "Zm8="},
        {{"foo", 3}, "Zm9v"},
        {{"foob", 4}, "Zm9vYg=="},
        {{"fooba", 5}, "Zm9vYmE="},
        {{"foobar", 6}, "Zm9vYmFy"},
        {{"\0user\0pass", 10}, "AHVzZXIAcGFzcw=="},
        {{"\373\377\376", 3}, "+//+"},
        {{"\377", 1}, "/w=="},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char buffer[32];
        struct text text;
        text_init(&text, buffer, sizeof buffer);
        codec_base64_encode(&text, cases[i].plain);
        assert_string_equal(buffer, cases[i].encoded);

        text_init(&text, buffer, sizeof buffer);
        assert_true(codec_base64_decode(&text, slice_of(cases[i].encoded)));
        assert_true(slice_equals(text_slice(&text), cases[i].plain));
    }
}

static void every_byte_survives(void **state)
{
    (void)state;
    char bytes[257], encoded[512], decoded[512];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)i;
    for (size_t length = 0; length <= sizeof bytes; length++) {
        struct text text, back;
        text_init(&text, encoded, sizeof encoded);
        codec_base64_encode(&text, slice_make(bytes, length));
        assert_int_equal(text.length, (length + 2) / 3 * 4);
        text_init(&back, decoded, sizeof decoded);
        assert_true(codec_base64_decode(&back, text_slice(&text)));
        assert_true(slice_equals(text_slice(&back), slice_make(bytes, length)));
    }
}

static void strangers_are_refused(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "Z",    "Zg",   "Zg=",   "Zh==",   "Zm9=", "Zg==Zg==", "Zg=v",  "=",       "====",
        "A===", " Zg=", "Zm9v ", "Zm9v\n", "Zm 9", "Zm-_",     "Zm9v=", "Zm\3429", "Zm9vZg==\n",
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char buffer[32];
        struct text text;
        text_init(&text, buffer, sizeof buffer);
        assert_false(codec_base64_decode(&text, slice_of(cases[i])));
    }
    char buffer[32];
    struct text text;
    text_init(&text, buffer, sizeof buffer);
    assert_false(codec_base64_decode(&text, slice_make("Zm\0v", 4)));
}

static void too_small_a_text_overflows(void **state)
{
    (void)state;
    char buffer[4];
    struct text text;
    text_init(&text, buffer, sizeof buffer);
    codec_base64_encode(&text, slice_of("foo"));
    assert_true(text.overflow);
    text_init(&text, buffer, sizeof buffer);
    assert_true(codec_base64_decode(&text, slice_of("Zm9v")));
    text_init(&text, buffer, sizeof buffer);
    assert_false(codec_base64_decode(&text, slice_of("Zm9vYg==")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_ways),
        cmocka_unit_test(every_byte_survives),
        cmocka_unit_test(strangers_are_refused),
        cmocka_unit_test(too_small_a_text_overflows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Goal: domains become the ASCII form the DNS knows, or are refused with the reason. */
#include "message/idna.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    const char *domain, *ascii;
} good[] = {
    {"example.com", "example.com"},
    {"EXAMPLE.Com", "example.com"},
    {"example.com.", "example.com"},
    {"localhost", "localhost"},
    {"_dmarc.a-b.example", "_dmarc.a-b.example"},
    {"trailing-.example", "trailing-.example"},
    {"XN--Bcher-KVA.example", "xn--bcher-kva.example"},
    {"b\xc3\xbc"
     "cher.example",
     "xn--bcher-kva.example"},
    {"B\xc3\xbc"
     "CHER.Example",
     "xn--bcher-kva.example"},
    {"a\xe3\x80\x82"
     "b\xef\xbc\x8e"
     "c\xef\xbd\xa1"
     "d",
     "a.b.c.d"},
    {"\xf0\x9f\x92\xa9.example", "xn--ls8h.example"},
    {"\xc3\x9f.example", "xn--zca.example"},
};

static void test_good(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        char bytes[512];
        struct text out;
        struct error error;
        text_init(&out, bytes, sizeof bytes);
        assert_true(idna_to_ascii(slice_of(good[i].domain), &out, &error));
        assert_string_equal(bytes, good[i].ascii);
    }
}

/* RFC 3492 section 7.1 without (S), whose ASCII no host name has; letters lower-cased as here. */
static const struct {
    const char *ascii;
    uint32_t points[44];
} samples[] = {
    {"egbpdaj6bu4bxfgehfvwxn", /* (A) Arabic (Egyptian) */
     {0x0644, 0x064A, 0x0647, 0x0645, 0x0627, 0x0628, 0x062A, 0x0643, 0x0644, 0x0645, 0x0648,
      0x0634, 0x0639, 0x0631, 0x0628, 0x064A, 0x061F}},
    {"ihqwcrb4cv8a8dqg056pqjye", /* (B) Chinese (simplified) */
     {0x4ED6, 0x4EEC, 0x4E3A, 0x4EC0, 0x4E48, 0x4E0D, 0x8BF4, 0x4E2D, 0x6587}},
    {"ihqwctvzc91f659drss3x8bo0yb", /* (C) Chinese (traditional) */
     {0x4ED6, 0x5011, 0x7232, 0x4EC0, 0x9EBD, 0x4E0D, 0x8AAA, 0x4E2D, 0x6587}},
    {"proprostnemluvesky-uyb24dma41a", /* (D) Czech */
     {0x0050, 0x0072, 0x006F, 0x010D, 0x0070, 0x0072, 0x006F, 0x0073, 0x0074, 0x011B, 0x006E,
      0x0065, 0x006D, 0x006C, 0x0075, 0x0076, 0x00ED, 0x010D, 0x0065, 0x0073, 0x006B, 0x0079}},
    {"4dbcagdahymbxekheh6e0a7fei0b", /* (E) Hebrew */
     {0x05DC, 0x05DE, 0x05D4, 0x05D4, 0x05DD, 0x05E4, 0x05E9, 0x05D5, 0x05D8, 0x05DC, 0x05D0,
      0x05DE, 0x05D3, 0x05D1, 0x05E8, 0x05D9, 0x05DD, 0x05E2, 0x05D1, 0x05E8, 0x05D9, 0x05EA}},
    {"i1baa7eci9glrd9b2ae1bj0hfcgg6iyaf8o0a1dig0cd", /* (F) Hindi (Devanagari) */
     {0x092F, 0x0939, 0x0932, 0x094B, 0x0917, 0x0939, 0x093F, 0x0928, 0x094D, 0x0926,
      0x0940, 0x0915, 0x094D, 0x092F, 0x094B, 0x0902, 0x0928, 0x0939, 0x0940, 0x0902,
      0x092C, 0x094B, 0x0932, 0x0938, 0x0915, 0x0924, 0x0947, 0x0939, 0x0948, 0x0902}},
    {"n8jok5ay5dzabd5bym9f0cm5685rrjetr6pdxa", /* (G) Japanese */
     {0x306A, 0x305C, 0x307F, 0x3093, 0x306A, 0x65E5, 0x672C, 0x8A9E, 0x3092, 0x8A71, 0x3057,
      0x3066, 0x304F, 0x308C, 0x306A, 0x3044, 0x306E, 0x304B}},
    {"b1abfaaepdrnnbgefbadotcwatmq2g4l", /* (I) Russian */
     {0x043F, 0x043E, 0x0447, 0x0435, 0x043C, 0x0443, 0x0436, 0x0435, 0x043E, 0x043D,
      0x0438, 0x043D, 0x0435, 0x0433, 0x043E, 0x0432, 0x043E, 0x0440, 0x044F, 0x0442,
      0x043F, 0x043E, 0x0440, 0x0443, 0x0441, 0x0441, 0x043A, 0x0438}},
    {"porqunopuedensimplementehablarenespaol-fmd56a", /* (J) Spanish */
     {0x0050, 0x006F, 0x0072, 0x0071, 0x0075, 0x00E9, 0x006E, 0x006F, 0x0070, 0x0075,
      0x0065, 0x0064, 0x0065, 0x006E, 0x0073, 0x0069, 0x006D, 0x0070, 0x006C, 0x0065,
      0x006D, 0x0065, 0x006E, 0x0074, 0x0065, 0x0068, 0x0061, 0x0062, 0x006C, 0x0061,
      0x0072, 0x0065, 0x006E, 0x0045, 0x0073, 0x0070, 0x0061, 0x00F1, 0x006F, 0x006C}},
    {"tisaohkhngthchnitingvit-kjcr8268qyxafd2f1b9g", /* (K) Vietnamese */
     {0x0054, 0x1EA1, 0x0069, 0x0073, 0x0061, 0x006F, 0x0068, 0x1ECD, 0x006B, 0x0068, 0x00F4,
      0x006E, 0x0067, 0x0074, 0x0068, 0x1EC3, 0x0063, 0x0068, 0x1EC9, 0x006E, 0x00F3, 0x0069,
      0x0074, 0x0069, 0x1EBF, 0x006E, 0x0067, 0x0056, 0x0069, 0x1EC7, 0x0074}},
    {"3b-ww4c5e180e575a65lsy2b", /* (L) */
     {0x0033, 0x5E74, 0x0042, 0x7D44, 0x91D1, 0x516B, 0x5148, 0x751F}},
    {"-with-super-monkeys-pc58ag80a8qai00g7n9n", /* (M) */
     {0x5B89, 0x5BA4, 0x5948, 0x7F8E, 0x6075, 0x002D, 0x0077, 0x0069,
      0x0074, 0x0068, 0x002D, 0x0053, 0x0055, 0x0050, 0x0045, 0x0052,
      0x002D, 0x004D, 0x004F, 0x004E, 0x004B, 0x0045, 0x0059, 0x0053}},
    {"hello-another-way--fc4qua05auwb3674vfr0b", /* (N) */
     {0x0048, 0x0065, 0x006C, 0x006C, 0x006F, 0x002D, 0x0041, 0x006E, 0x006F,
      0x0074, 0x0068, 0x0065, 0x0072, 0x002D, 0x0057, 0x0061, 0x0079, 0x002D,
      0x305D, 0x308C, 0x305E, 0x308C, 0x306E, 0x5834, 0x6240}},
    {"2-u9tlzr9756bt3uc0v", /* (O) */
     {0x3072, 0x3068, 0x3064, 0x5C4B, 0x6839, 0x306E, 0x4E0B, 0x0032}},
    {"majikoi5-783gue6qz075azm5e", /* (P) */
     {0x004D, 0x0061, 0x006A, 0x0069, 0x3067, 0x004B, 0x006F, 0x0069, 0x3059, 0x308B, 0x0035,
      0x79D2, 0x524D}},
    {"de-jg4avhby1noc0d", /* (Q) */
     {0x30D1, 0x30D5, 0x30A3, 0x30FC, 0x0064, 0x0065, 0x30EB, 0x30F3, 0x30D0}},
    {"d9juau41awczczp", /* (R) */
     {0x305D, 0x306E, 0x30B9, 0x30D4, 0x30FC, 0x30C9, 0x3067}},
};

static void add_utf8(struct text *out, uint32_t point)
{
    if (point < 0x80) {
        text_add_byte(out, (char)point);
    } else if (point < 0x800) {
        text_add_byte(out, (char)(0xC0 | point >> 6));
        text_add_byte(out, (char)(0x80 | (point & 0x3F)));
    } else {
        text_add_byte(out, (char)(0xE0 | point >> 12));
        text_add_byte(out, (char)(0x80 | (point >> 6 & 0x3F)));
        text_add_byte(out, (char)(0x80 | (point & 0x3F)));
    }
}

static void test_samples(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        char domain[256], ascii[256], expected[256];
        struct text in, out, want;
        struct error error;
        text_init(&in, domain, sizeof domain);
        text_init(&out, ascii, sizeof ascii);
        text_init(&want, expected, sizeof expected);
        for (size_t j = 0; samples[i].points[j] != 0; j++)
            add_utf8(&in, samples[i].points[j]);
        text_add_format(&want, "xn--%s", samples[i].ascii);
        assert_true(idna_to_ascii(text_slice(&in), &out, &error));
        assert_string_equal(ascii, expected);
    }
}

#define LABEL_63 "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk"

static const struct {
    const char *domain, *words;
} bad[] = {
    {"", "empty"},
    {".", "empty label"},
    {"a..b", "empty label"},
    {".a", "empty label"},
    {"a..", "empty label"},
    {"a\xe3\x80\x82\xe3\x80\x82"
     "b",
     "empty label"},
    {"-a.example", "starts with \"-\""},
    {"a b.example", "U+0020"},
    {"a!b", "\"!\""},
    {"a\x01", "U+0001"},
    {"a\"b", "\"\"\""},
    {"a\xe2\x80\x8b.example", "U+200B"},
    {"\xc2\x85.example", "U+0085"},
    {"b\xfc"
     "cher.example",
     "not UTF-8"},
    {"\xed\xa0\x80.example", "not UTF-8"},
    {"\xc0\xaf.example", "not UTF-8"},
    {LABEL_63 "x.example", "over 63"},
    {LABEL_63 "\xc3\xbc", "over 63"},
    {"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefg\xc3\xbc", "over 63"},
    {LABEL_63 "." LABEL_63 "." LABEL_63 "." LABEL_63, "over 253"},
};

static void test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char bytes[512];
        struct text out;
        struct error error;
        text_init(&out, bytes, sizeof bytes);
        assert_false(idna_to_ascii(slice_of(bad[i].domain), &out, &error));
        assert_int_equal(error.exit_code, EX_USAGE);
        assert_true(error.permanent);
        if (strstr(error.sentence, bad[i].words) == NULL)
            fail_msg("\"%s\": %s", bad[i].domain, error.sentence);
    }
}

static void test_longest(void **state)
{
    (void)state;
    const char *domain = LABEL_63 "." LABEL_63 "." LABEL_63
                                  ".abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghi";
    char bytes[512];
    struct text out;
    struct error error;
    assert_int_equal(strlen(domain), 253);
    text_init(&out, bytes, sizeof bytes);
    assert_true(idna_to_ascii(slice_of(domain), &out, &error));
    assert_string_equal(bytes, domain);
}

static void test_nul(void **state)
{
    (void)state;
    char bytes[512];
    struct text out;
    struct error error;
    text_init(&out, bytes, sizeof bytes);
    assert_false(idna_to_ascii(slice_make("a\0b", 3), &out, &error));
    assert_non_null(strstr(error.sentence, "U+0000"));
}

/* What is there already stays, and a small buffer overflows without harm. */
static void test_appends(void **state)
{
    (void)state;
    char bytes[8];
    struct text out;
    struct error error;
    text_init(&out, bytes, sizeof bytes);
    text_add(&out, "x@");
    assert_true(idna_to_ascii(slice_of("a.b"), &out, &error));
    assert_string_equal(bytes, "x@a.b");
    assert_true(idna_to_ascii(slice_of("long.example"), &out, &error));
    assert_true(out.overflow);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good), cmocka_unit_test(test_samples),
        cmocka_unit_test(test_bad),  cmocka_unit_test(test_longest),
        cmocka_unit_test(test_nul),  cmocka_unit_test(test_appends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Goal: the parameters of delivery reports are what RFC 3461 says, since they go to the wire as
 * they stand. */
#include "message/dsn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_notify(void **state)
{
    static const struct {
        const char *value, *wire; /* NULL: refused */
    } cases[] = {
        {"never", "NEVER"},
        {"success", "SUCCESS"},
        {"Failure,DELAY", "FAILURE,DELAY"},
        {"delay,success,failure,delay", "SUCCESS,FAILURE,DELAY"},
        {"", NULL},
        {"sometimes", NULL},
        {"never,delay", NULL},
        {"delay,", NULL},
        {",delay", NULL},
        {"delay success", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct error error = {0};
        unsigned char notify;
        char bytes[64];
        struct text out;
        text_init(&out, bytes, sizeof bytes);
        bool taken = dsn_parse_notify(slice_of(cases[i].value), &notify, &error);
        assert_int_equal(taken, cases[i].wire != NULL);
        if (!taken) {
            assert_int_equal(error.exit_code, EX_USAGE);
            continue;
        }
        dsn_add_notify(&out, notify);
        assert_string_equal(bytes, cases[i].wire);
    }
}

static void test_return(void **state)
{
    struct error error;
    enum dsn_return what = DSN_RETURN_UNSET;
    (void)state;
    assert_true(dsn_parse_return(slice_of("FULL"), &what, &error));
    assert_int_equal(what, DSN_RETURN_FULL);
    assert_true(dsn_parse_return(slice_of("hdrs"), &what, &error));
    assert_int_equal(what, DSN_RETURN_HEADERS);
    assert_false(dsn_parse_return(slice_of("all"), &what, &error));
    assert_int_equal(error.exit_code, EX_USAGE);
    assert_string_equal(error.sentence, "takes full or hdrs");
}

#define TEN     "0123456789"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

static void test_id(void **state)
{
    static const struct {
        const char *value;
        bool good;
    } cases[] = {
        {"a", true},          {"a+2Bb", true},  {"+20", true},       {HUNDRED, true},
        {HUNDRED "1", false}, {"", false},      {"a b", false},      {"a=b", false},
        {"a+2b", false},      {"a+2", false},   {"a+", false},       {"a\r\nRCPT", false},
        {"\xc3\xbc", false},  {"a\x7f", false}, {"a+0D+0Ab", false}, {"+00", false},
        {"+1F", false},       {"+7F", false},   {"+C3+BC", true},    {"+7E", true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct error error;
        assert_int_equal(dsn_check_id(slice_of(cases[i].value), &error), cases[i].good);
    }
}

static void test_original(void **state)
{
    static const struct {
        const char *value;
        bool good, good_utf8;
    } cases[] = {
        {"rfc822;bob@example.com", true, true},
        {"rfc822;a+2Bb@example.com", true, true},
        {"utf-8;\xc3\xbc@example.com", false, true},
        {"bob@example.com", false, false},
        {";bob@example.com", false, false},
        {"rfc822;", false, false},
        {"rfc822;a b", false, false},
        {"rfc822;a+zz", false, false},
        {"rfc822;a+0D+0Ab", false, false},
        {"rfc822;" HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED, false, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct error error;
        struct slice value = slice_of(cases[i].value);
        assert_int_equal(dsn_check_original(value, false, &error), cases[i].good);
        assert_int_equal(dsn_check_original(value, true, &error), cases[i].good_utf8);
    }
}

static void test_add_original(void **state)
{
    char bytes[128];
    struct text out;
    struct error error;
    (void)state;
    text_init(&out, bytes, sizeof bytes);
    dsn_add_original(&out, "\"a b=+\"@example.com");
    assert_string_equal(bytes, "rfc822;\"a+20b+3D+2B\"@example.com");
    assert_true(dsn_check_original(text_slice(&out), false, &error));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_notify),       cmocka_unit_test(test_return),
        cmocka_unit_test(test_id),           cmocka_unit_test(test_original),
        cmocka_unit_test(test_add_original),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

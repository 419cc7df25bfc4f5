/* Goal: a mistyped word finds the one that was meant, and nothing far-fetched is proposed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/suggest.h"

static void test_table(void **state)
{
    static const struct {
        const char *typed, *nearest;
    } rows[] = {
        {"timout", "timeout"},
        {"tiemout", "timeout"},
        {"Timeout", "timeout"},
        {"timeouts", "timeout"},
        {"hots", "host"},
        {"usre", "user"},
        {"use", "user"},
        {"password-file", "password_file"},
        {"passwd_file", "password_file"},
        {"connect_timout", "connect_timeout"},
        {"xyz", ""},
        {"proxy", ""},
        {"", ""},
        {"verylongwordthatnobodymeantforanythingofours", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct suggest suggest;
        suggest_start(&suggest, slice_of(rows[i].typed));
        suggest_offer_words(&suggest, "host port user password password_file timeout "
                                      "connect_timeout");
        suggest_offer(&suggest, slice_of("averyverylongwordthatisnotlookedatatallinhere"));
        assert_true(slice_equals(suggest.nearest, slice_of(rows[i].nearest)));
    }
}

static void test_words(void **state)
{
    struct suggest suggest;
    struct error error;
    (void)state;
    suggest_start(&suggest, slice_of("fiel"));
    error_set(&error, EX_USAGE, "unknown");
    assert_false(suggest_add(&suggest, "--", &error));
    assert_string_equal(error.sentence, "unknown");
    suggest_offer(&suggest, slice_of("file"));
    assert_false(suggest_add(&suggest, "--", &error));
    assert_string_equal(error.sentence, "unknown; did you mean \"--file\"?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Goal: each errno of a failed connection has words of its own, and a list of reasons has the exit
 * code that they have in common. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "net/reasons.h"

static void test_connect(void **state)
{
    static const struct {
        int reason, exit_code;
        const char *words;
    } rows[] = {
        {ECONNREFUSED, EX_TEMPFAIL, "connection refused"},
        {ETIMEDOUT, EX_TEMPFAIL, "timed out"},
        {ENETUNREACH, EX_TEMPFAIL, "network unreachable"},
        {EHOSTUNREACH, EX_TEMPFAIL, "host unreachable"},
        {EACCES, EX_TEMPFAIL, "SELinux/AppArmor"},
        {EPERM, EX_TEMPFAIL, "firewall"},
        {EMFILE, EX_OSERR, "too many open files"},
        {EADDRNOTAVAIL, EX_TEMPFAIL, "no address"},
        {EAFNOSUPPORT, EX_TEMPFAIL, "kind of address"},
        {EPROTO, EX_TEMPFAIL, "cannot connect: Protocol error"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct error error = {0};

        assert_false(reasons_connect(rows[i].reason, &error));
        assert_non_null(strstr(error.sentence, rows[i].words));
        assert_int_equal(error.exit_code, rows[i].exit_code);
    }
}

static void test_exit_code_in_common(void **state)
{
    static const struct {
        int first, second, expected;
    } rows[] = {
        {EX_TEMPFAIL, EX_TEMPFAIL, EX_TEMPFAIL}, {EX_UNAVAILABLE, EX_UNAVAILABLE, EX_UNAVAILABLE},
        {EX_PROTOCOL, EX_PROTOCOL, EX_PROTOCOL}, {EX_PROTOCOL, EX_UNAVAILABLE, EX_TEMPFAIL},
        {EX_NOHOST, EX_TEMPFAIL, EX_TEMPFAIL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct error first, second, error = {0};
        struct reasons reasons;

        error_set(&first, rows[i].first, "one");
        error_set(&second, rows[i].second, "two");
        reasons_init(&reasons);
        reasons_add_address(&reasons, "192.0.2.1:587", false, &first);
        reasons_add_address(&reasons, "192.0.2.1:2525", true, &second);
        assert_false(reasons_report(&reasons, &error));
        assert_int_equal(error.exit_code, rows[i].expected);
        assert_string_equal(error.sentence, "connect: no smarthost could be used: "
                                            "192.0.2.1:587 one; 192.0.2.1:2525 two");
    }
}

/* Who greeted and was given up needs no address in front, and alone no list at all. */
static void test_rejected(void **state)
{
    struct error rejected, refused, error = {0};
    struct reasons reasons;

    (void)state;
    error_set(&rejected, EX_UNAVAILABLE, "greeting: refused by mail.example (192.0.2.1:465): 554");
    rejected.reply_code = 554;
    error_set(&refused, EX_UNAVAILABLE, "greeting: 554 no");
    reasons_init(&reasons);
    reasons_add_rejected(&reasons, &rejected);
    assert_false(reasons_report(&reasons, &error));
    assert_string_equal(error.sentence, rejected.sentence);
    assert_int_equal(error.exit_code, EX_UNAVAILABLE);
    assert_int_equal(error.reply_code, 554);

    reasons_add_address(&reasons, "192.0.2.2:465", false, &refused);
    assert_false(reasons_report(&reasons, &error));
    assert_string_equal(error.sentence, "connect: no smarthost could be used: greeting: refused by "
                                        "mail.example (192.0.2.1:465): 554; "
                                        "192.0.2.2:465 greeting: 554 no");
    assert_int_equal(error.exit_code, EX_TEMPFAIL);
}

/* The last address still shows when an earlier reason is long. */
static void test_long_reasons_are_cut(void **state)
{
    struct error reason, error = {0};
    struct reasons reasons;
    char words[1000];

    (void)state;
    memset(words, 'x', sizeof(words));
    words[sizeof(words) - 1] = '\0';
    error_set(&reason, EX_TEMPFAIL, "%s", words);
    reasons_init(&reasons);
    for (int i = 0; i < 4; i++)
        reasons_add_address(&reasons, "192.0.2.1:587", false, &reason);
    reasons_add_address(&reasons, "192.0.2.9:2525", false, &reason);
    assert_false(reasons_report(&reasons, &error));
    assert_non_null(strstr(error.sentence, "; 192.0.2.9:2525 xxx"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_connect),
        cmocka_unit_test(test_exit_code_in_common),
        cmocka_unit_test(test_rejected),
        cmocka_unit_test(test_long_reasons_are_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Goal: each errno of a failed connection has words of its own, and a list of reasons has the exit
 * code that they have in common. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fnmatch.h>
#include <string.h>

#include "net/reasons.h"

static void test_connect(void **state)
{
    static const struct {
        int reason, exit_code;
        enum reasons_kind kind;
        const char *words;
    } rows[] = {
        {ECONNREFUSED, EX_TEMPFAIL, REASONS_CLOSED, "connection refused"},
        {ETIMEDOUT, EX_TEMPFAIL, REASONS_UNANSWERED, "timed out"},
        {ENETUNREACH, EX_TEMPFAIL, REASONS_FAILED, "network unreachable"},
        {EHOSTUNREACH, EX_TEMPFAIL, REASONS_FAILED, "host unreachable"},
        {EACCES, EX_NOPERM, REASONS_FAILED, "SELinux/AppArmor"},
        {EPERM, EX_NOPERM, REASONS_FAILED, "firewall"},
        {EMFILE, EX_OSERR, REASONS_FAILED, "too many open files"},
        {EADDRNOTAVAIL, EX_TEMPFAIL, REASONS_FAILED, "no address"},
        {EAFNOSUPPORT, EX_TEMPFAIL, REASONS_FAILED, "kind of address"},
        {EPROTO, EX_TEMPFAIL, REASONS_FAILED, "cannot connect: Protocol error"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct error error = {0};

        assert_int_equal(reasons_connect(rows[i].reason, &error), rows[i].kind);
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
        {EX_NOHOST, EX_TEMPFAIL, EX_TEMPFAIL},   {EX_NOPERM, EX_NOPERM, EX_NOPERM},
        {EX_NOPERM, EX_TEMPFAIL, EX_TEMPFAIL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct error first, second, error = {0};
        struct reasons reasons;

        error_set(&first, rows[i].first, "one");
        error_set(&second, rows[i].second, "two");
        reasons_init(&reasons);
        reasons_add(&reasons, REASONS_FAILED, "mx (192.0.2.1:587)", &first);
        reasons_add(&reasons, REASONS_UNANSWERED, "mx (192.0.2.1:2525)", &second);
        assert_false(reasons_report(&reasons, NULL, &error));
        assert_int_equal(error.exit_code, rows[i].expected);
        assert_string_equal(error.sentence, "connect: no smarthost could be used: "
                                            "mx (192.0.2.1:587): one; mx (192.0.2.1:2525): two");
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
    reasons_add(&reasons, REASONS_REJECTED, NULL, &rejected);
    assert_false(reasons_report(&reasons, NULL, &error));
    assert_string_equal(error.sentence, rejected.sentence);
    assert_int_equal(error.exit_code, EX_UNAVAILABLE);
    assert_int_equal(error.reply_code, 554);

    reasons_add(&reasons, REASONS_FAILED, "mx (192.0.2.2:465)", &refused);
    assert_false(reasons_report(&reasons, NULL, &error));
    assert_string_equal(error.sentence, "connect: no smarthost could be used: greeting: refused by "
                                        "mail.example (192.0.2.1:465): 554; "
                                        "mx (192.0.2.2:465): greeting: 554 no");
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
        reasons_add(&reasons, REASONS_FAILED, "mx (192.0.2.1:587)", &reason);
    reasons_add(&reasons, REASONS_FAILED, "mx (192.0.2.9:2525)", &reason);
    assert_false(reasons_report(&reasons, NULL, &error));
    assert_non_null(strstr(error.sentence, "; mx (192.0.2.9:2525): xxx"));
}

/* A fingerprint at its end is there to be pasted. */
static void test_a_sole_reason_is_whole(void **state)
{
    struct error reason, error = {0};
    struct reasons reasons;
    char words[600];

    (void)state;
    memset(words, 'x', sizeof(words));
    words[sizeof(words) - 1] = '\0';
    error_set(&reason, EX_NOPERM, "%s sha256:01ef", words);
    reasons_init(&reasons);
    reasons_add(&reasons, REASONS_FAILED, "mx (192.0.2.1:465)", &reason);
    assert_false(reasons_report(&reasons, NULL, &error));
    assert_non_null(strstr(error.sentence, "connect: mx (192.0.2.1:465): xxx"));
    assert_non_null(strstr(error.sentence, "x sha256:01ef"));
}

/* What all servers said is what was said. */
static void test_reply_code_in_common(void **state)
{
    static const struct {
        int first, second, expected;
    } rows[] = {{554, 554, 554}, {421, 421, 421}, {554, 550, 0}, {421, 0, 0}, {0, 554, 0}};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct error first, second, error = {0};
        struct reasons reasons;

        error_set(&first, EX_TEMPFAIL, "one");
        error_set(&second, EX_TEMPFAIL, "two");
        first.reply_code = rows[i].first;
        second.reply_code = rows[i].second;
        reasons_init(&reasons);
        reasons_add(&reasons, REASONS_FAILED, "mx (192.0.2.1:587)", &first);
        assert_false(reasons_report(&reasons, NULL, &error));
        assert_int_equal(error.reply_code, rows[i].first);
        reasons_add(&reasons, REASONS_FAILED, "mx (192.0.2.2:587)", &second);
        assert_false(reasons_report(&reasons, NULL, &error));
        assert_int_equal(error.reply_code, rows[i].expected);
    }
}

static void test_advice(void **state)
{
    static const struct {
        size_t count;
        enum reasons_kind kinds[3];
        const char *mute_advice, *sentence;
    } rows[] = {
        {1, {REASONS_CLOSED}, "talk", "connect: mx: no; check host and port"},
        {1, {REASONS_FAILED}, "talk", "connect: mx: no"},
        {1, {REASONS_NAMELESS}, "talk", "mx: no"},
        {1, {REASONS_MUTE}, "talk", "connect: mx: no; talk"},
        {1, {REASONS_MUTE}, NULL, "connect: mx: no"},
        {1,
         {REASONS_UNANSWERED},
         "talk",
         "connect: mx: no; a firewall may drop outgoing connections to these ports"},
        {2, {REASONS_CLOSED, REASONS_FAILED}, "talk", "*no; mx: no"},
        {2, {REASONS_CLOSED, REASONS_NAMELESS}, "talk", "*no; check host and port"},
        {3, {REASONS_CLOSED, REASONS_MUTE, REASONS_UNANSWERED}, "talk", "*no; talk"},
        {2, {REASONS_UNANSWERED, REASONS_UNANSWERED}, "talk", "*no; a firewall may drop *"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct error reason, error = {0};
        struct reasons reasons;

        error_set(&reason, EX_TEMPFAIL, "no");
        reasons_init(&reasons);
        for (size_t j = 0; j < rows[i].count; j++)
            reasons_add(&reasons, rows[i].kinds[j], "mx", &reason);
        assert_false(reasons_report(&reasons, rows[i].mute_advice, &error));
        if (fnmatch(rows[i].sentence, error.sentence, 0) != 0)
            fail_msg("row %zu: %s", i, error.sentence);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_connect),
        cmocka_unit_test(test_exit_code_in_common),
        cmocka_unit_test(test_rejected),
        cmocka_unit_test(test_long_reasons_are_cut),
        cmocka_unit_test(test_a_sole_reason_is_whole),
        cmocka_unit_test(test_reply_code_in_common),
        cmocka_unit_test(test_advice),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

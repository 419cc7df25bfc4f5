/* Goal: every mixture of outcomes has the exit code of the contract, and a sentence naming
 * everybody. */
#include "smtp/outcome.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { ACCEPTED = 'a', REFUSED = 'r', DEFERRED = 'd', PENDING = 'p', QUEUED = 'q' };

/* One recipient a letter of `states`: r1@example.com, r2@example.com ... */
static void fill(struct envelope *envelope, const char *states)
{
    struct error error;
    for (size_t i = 0; states[i] != '\0'; i++) {
        char address[32];
        struct text text;
        text_init(&text, address, sizeof address);
        text_add_format(&text, "r%zu@example.com", i + 1);
        assert_true(envelope_add(envelope, address, &error));
        if (states[i] == ACCEPTED)
            assert_true(envelope_set_outcome(envelope, i, RECIPIENT_ACCEPTED, 250,
                                             slice_of("250 2.1.5 ok"), &error));
        if (states[i] == REFUSED)
            assert_true(envelope_set_outcome(envelope, i, RECIPIENT_REFUSED, 550,
                                             slice_of("550 5.1.1 nobody"), &error));
        if (states[i] == DEFERRED)
            assert_true(envelope_set_outcome(envelope, i, RECIPIENT_DEFERRED, 451,
                                             slice_of("451 4.3.0 later"), &error));
        if (states[i] == QUEUED) /* what was said before stays with it */
            assert_true(envelope_set_outcome(envelope, i, RECIPIENT_QUEUED, 451,
                                             slice_of("451 4.3.0 later"), &error));
    }
}

static void test_exit_codes(void **state)
{
    (void)state;
    static const struct {
        const char *states;
        int ending;
        bool permanent;
        int expected;
        bool expected_permanent;
    } table[] = {
        {"a", EX_OK, false, EX_OK, false},
        {"aaa", EX_OK, false, EX_OK, false},
        {"r", EX_OK, false, EX_NOUSER, true},
        {"rr", EX_OK, false, EX_NOUSER, true},
        {"ra", EX_OK, false, EX_UNAVAILABLE, true},
        {"rd", EX_OK, false, EX_UNAVAILABLE, true},
        {"rad", EX_OK, false, EX_UNAVAILABLE, true},
        {"d", EX_OK, false, EX_TEMPFAIL, false},
        {"da", EX_OK, false, EX_TEMPFAIL, false},
        {"p", EX_NOHOST, false, EX_NOHOST, false},
        {"p", EX_TEMPFAIL, false, EX_TEMPFAIL, false},
        {"p", EX_PROTOCOL, false, EX_PROTOCOL, false},
        {"p", EX_NOPERM, false, EX_NOPERM, false},
        {"p", EX_CONFIG, false, EX_CONFIG, false},
        {"p", EX_DATAERR, true, EX_DATAERR, true},
        {"pp", EX_UNAVAILABLE, true, EX_UNAVAILABLE, true},
        {"ap", EX_PROTOCOL, false, EX_TEMPFAIL, false},
        {"ap", EX_UNAVAILABLE, true, EX_UNAVAILABLE, true},
        {"rp", EX_TEMPFAIL, false, EX_UNAVAILABLE, true},
        {"rap", EX_TEMPFAIL, false, EX_UNAVAILABLE, true},
        {"q", EX_OK, false, EX_OK, false},
        {"q", EX_TEMPFAIL, false, EX_OK, false},
        {"qq", EX_NOPERM, false, EX_OK, false},
        {"qa", EX_OK, false, EX_OK, false},
        {"aq", EX_PROTOCOL, false, EX_OK, false},
        {"qr", EX_OK, false, EX_UNAVAILABLE, true},
        {"qr", EX_TEMPFAIL, false, EX_UNAVAILABLE, true},
        {"qra", EX_OK, false, EX_UNAVAILABLE, true},
        {"qd", EX_OK, false, EX_TEMPFAIL, false},
        {"qp", EX_PROTOCOL, false, EX_TEMPFAIL, false},
        {"ad", EX_TEMPFAIL, false, EX_TEMPFAIL, false},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct envelope envelope = {0};
        struct error ending = {.exit_code = table[i].ending, .permanent = table[i].permanent};
        struct error error;
        struct submit_report report = {0};
        fill(&envelope, table[i].states);
        bool good = outcome_judge(&envelope, &ending, &report, &error);
        assert_int_equal(good, table[i].expected == EX_OK);
        if (error.exit_code != table[i].expected)
            fail_msg("%s, %d: %d", table[i].states, table[i].ending, error.exit_code);
        assert_int_equal(error.permanent, table[i].expected_permanent);
        envelope_free(&envelope);
    }
}

static void expect_sentence(const char *states, const struct error *ending, const char *expected)
{
    struct envelope envelope = {0};
    struct submit_report report = {.host = "mail\x1b.example", .address = "192.0.2.1:587"};
    struct error error;
    fill(&envelope, states);
    assert_false(outcome_judge(&envelope, ending, &report, &error));
    assert_string_equal(error.sentence, expected);
    assert_int_equal(error.reply_code, ending->reply_code);
    assert_string_equal(error.enhanced, ending->enhanced);
    envelope_free(&envelope);
}

static void test_sentences(void **state)
{
    (void)state;
    const struct error none = {.exit_code = EX_OK};
    const struct error cut = {.exit_code = EX_TEMPFAIL,
                              .reply_code = 421,
                              .enhanced = "4.3.2",
                              .sentence = "DATA: connection lost"};
    expect_sentence("r", &none,
                    "RCPT TO: mail\\x1b.example (192.0.2.1:587) refused <r1@example.com> "
                    "(550 5.1.1 nobody)");
    expect_sentence("rda", &none,
                    "RCPT TO: mail\\x1b.example (192.0.2.1:587) refused <r1@example.com> "
                    "(550 5.1.1 nobody); put off <r2@example.com> (451 4.3.0 later); "
                    "took the message for <r3@example.com>");
    expect_sentence(
        "aaaaaaar", &none,
        "RCPT TO: mail\\x1b.example (192.0.2.1:587) refused <r8@example.com> (550 5.1.1 "
        "nobody); took the message for <r1@example.com>, <r2@example.com>, "
        "<r3@example.com>, <r4@example.com>, <r5@example.com> and 2 more");
    expect_sentence("rq", &none,
                    "RCPT TO: mail\\x1b.example (192.0.2.1:587) refused <r1@example.com> "
                    "(550 5.1.1 nobody); queued for <r2@example.com>");
    expect_sentence("rqa", &cut,
                    "DATA: connection lost; refused <r1@example.com> (550 5.1.1 nobody); "
                    "queued for <r2@example.com>; took the message for <r3@example.com>");
    expect_sentence("pp", &cut, "DATA: connection lost");
    expect_sentence("ap", &cut,
                    "DATA: connection lost; did not get to <r2@example.com>; "
                    "took the message for <r1@example.com>");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exit_codes),
        cmocka_unit_test(test_sentences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

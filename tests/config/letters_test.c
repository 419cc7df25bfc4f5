/* Goal: what Sendmail's options take as a letter or a word is taken as Sendmail and Exim take it,
 * and what neither knows is a usage error that names what there is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "config/letters.h"

static void check(const char *argument, bool taken, const char *words, const struct error *error)
{
    if (taken != (words == NULL))
        fail_msg("\"%s\" is %s", argument, taken ? "taken" : error->sentence);
    if (taken || words == NULL)
        return;
    assert_int_equal(error->exit_code, EX_USAGE);
    if (strstr(error->sentence, words) == NULL)
        fail_msg("\"%s\": %s", argument, error->sentence);
}

static void takes_modes(void **state)
{
    static const struct {
        const char *argument;
        enum options_mode mode;
        const char *words; /* in the error; NULL: it is taken */
    } rows[] = {
        {"m", OPTIONS_SEND, NULL},          {"s", OPTIONS_SESSION, NULL},
        {"v", OPTIONS_VERIFY, NULL},        {"i", OPTIONS_ALIASES, NULL},
        {"p", OPTIONS_LIST, NULL},          {"P", OPTIONS_COUNT, NULL},
        {"d", OPTIONS_SEND, "no daemon"},   {"D", OPTIONS_SEND, "no daemon"},
        {"h", OPTIONS_SEND, "status"},      {"t", OPTIONS_SEND, "nothing to test"},
        {"z", OPTIONS_SEND, "compiled"},    {"C", OPTIONS_SEND, "whenever it is used"},
        {"S", OPTIONS_SEND, "-bs"},         {"q", OPTIONS_SEND, "-odq"},
        {"a", OPTIONS_SEND, "ARPANET"},     {"x", OPTIONS_SEND, "m, s, v, i, p or P"},
        {"", OPTIONS_SEND, "unknown mode"}, {"mm", OPTIONS_SEND, "unknown mode"},
        {"\x1b", OPTIONS_SEND, "-b\\x1b"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        enum options_mode mode = OPTIONS_SEND;
        struct error error;
        check(rows[i].argument, letters_parse_mode(rows[i].argument, &mode, &error), rows[i].words,
              &error);
        assert_int_equal(mode, rows[i].mode);
    }
}

static void takes_runs(void **state)
{
    static const struct {
        const char *argument;
        struct options_run run;
        const char *words; /* in the error; NULL: it is taken */
    } rows[] = {
        {"", {0}, NULL},
        {"30m", {.interval = 1800000}, NULL},
        {"30", {.interval = 1800000}, NULL},
        {"1s", {.interval = 1000}, NULL},
        {"366d", {.interval = 31622400000}, NULL},
        {"1h30", {.interval = 5400000}, NULL},
        {"f", {0}, NULL},
        {"ff", {.all = true}, NULL},
        {"p1m", {.interval = 60000}, NULL},
        {"Rx@y", {.match = OPTIONS_MATCH_RECIPIENT, .all = true}, NULL},
        {"Gname", {0}, NULL},
        {"366d1s", {0}, "of a year at most"},
        {"1m1", {.interval = 120000}, NULL},
        {"1x", {0}, "is no time"},
        {"9223372036854775807w", {0}, "is no time"},
        {"99999999999999999999999", {0}, "is no time"},
        {"I", {0}, "needs what to look for"},
        {"IABC", {0}, "16 letters"},
        {"!Rx", {0}, "all but what matches"},
        {"x", {0}, "-qx"},
        {"\n", {0}, "-q\\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct error error;
        struct options_run run = {0};
        check(rows[i].argument, letters_parse_run(rows[i].argument, &run, &error), rows[i].words,
              &error);
        if (rows[i].words != NULL)
            continue;
        assert_int_equal(run.interval, rows[i].run.interval);
        assert_int_equal(run.match, rows[i].run.match);
        assert_int_equal(run.all, rows[i].run.all);
    }
}

static void takes_error_modes(void **state)
{
    static const struct {
        const char *argument;
        bool quiet;
        const char *words;
    } rows[] = {
        {"m", false, NULL},
        {"e", false, NULL},
        {"p", false, NULL},
        {"w", false, NULL},
        {"q", true, NULL},
        {"quiet", true, NULL},
        {"", false, "takes e, m, p, q or w"},
        {"x", false, "takes e, m, p, q or w"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bool quiet = false;
        struct error error;
        check(rows[i].argument, letters_parse_error_mode(rows[i].argument, &quiet, &error),
              rows[i].words, &error);
        assert_int_equal(quiet, rows[i].quiet);
    }
}

static void takes_deliveries(void **state)
{
    static const struct {
        const char *argument;
        enum options_delivery delivery;
        const char *words;
    } rows[] = {
        {"b", OPTIONS_DELIVERY_BACKGROUND, NULL},
        {"background", OPTIONS_DELIVERY_BACKGROUND, NULL},
        {"i", OPTIONS_DELIVERY_INTERACTIVE, NULL},
        {"f", OPTIONS_DELIVERY_INTERACTIVE, NULL},
        {"q", OPTIONS_DELIVERY_QUEUE, NULL},
        {"d", OPTIONS_DELIVERY_DEFERRED, NULL},
        {"", OPTIONS_DELIVERY_BACKGROUND, "takes b, d, f, i or q"},
        {"x", OPTIONS_DELIVERY_BACKGROUND, "takes b, d, f, i or q"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        enum options_delivery delivery = OPTIONS_DELIVERY_BACKGROUND;
        struct error error;
        check(rows[i].argument, letters_parse_delivery(rows[i].argument, &delivery, &error),
              rows[i].words, &error);
        assert_int_equal(delivery, rows[i].delivery);
    }
}

static void checks_options(void **state)
{
    static const struct {
        const char *argument, *words;
    } rows[] = {
        {"7", NULL},
        {"m", NULL},
        {"Adir", NULL},
        {"Mrvalue", NULL},
        {"X/log", NULL},
        {"", "as in -oi"},
        {"A", "-oA takes its"},
        {"Mr", "-oMr takes its"},
        {"Q", "-oQ"},
        {"X", "not behind it"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct error error;
        check(rows[i].argument, letters_check_option(rows[i].argument, &error), rows[i].words,
              &error);
    }
}

static void checks_tags(void **state)
{
    static const struct {
        const char *argument, *words;
    } rows[] = {
        {"cron", NULL},
        {"~!x", NULL},
        {"12345678901234567890123456789012", NULL},
        {"123456789012345678901234567890123", "1 to 32"},
        {"", "1 to 32"},
        {"a b", "without blanks"},
        {"a\x7f", "printable"},
        {"\xc3\xa4", "ASCII"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct error error;
        check(rows[i].argument, letters_check_tag(rows[i].argument, &error), rows[i].words, &error);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_modes),       cmocka_unit_test(takes_runs),
        cmocka_unit_test(takes_error_modes), cmocka_unit_test(takes_deliveries),
        cmocka_unit_test(checks_options),    cmocka_unit_test(checks_tags),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

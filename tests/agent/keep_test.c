/* Goal: what is queued, and what is not, for every mode, -od option, age of the runner's stamp and
 * kind of failure, is what sendmail.ini(5) says. */
#include "agent/keep.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { NOW = 1800000000, HOUR = 3600, DAY = 24 * HOUR };

/* In this order: none, -odb, -odi, -odq, -odd. */
enum { DELIVERIES = OPTIONS_DELIVERY_DEFERRED + 1 };

static void test_ways(void **state)
{
    (void)state;
    static const enum keep_way nothing[DELIVERIES] = {KEEP_NOTHING, KEEP_NOTHING, KEEP_NOTHING,
                                                      KEEP_NOTHING, KEEP_NOTHING},
                               all[DELIVERIES] = {KEEP_ALL, KEEP_ALL, KEEP_ALL, KEEP_ALL, KEEP_ALL},
                               as_asked[DELIVERIES] = {KEEP_FAILED, KEEP_BEHIND, KEEP_FAILED,
                                                       KEEP_ALL, KEEP_ALL};
    static const struct {
        enum settings_queue_mode mode;
        time_t stamp;
        const enum keep_way *ways;
    } table[] = {
        {SETTINGS_QUEUE_ON_FAILURE, 0, as_asked},
        {SETTINGS_QUEUE_ON_FAILURE, NOW, as_asked},
        {SETTINGS_QUEUE_ALWAYS, 0, all},
        {SETTINGS_QUEUE_ALWAYS, NOW, all},
        {SETTINGS_QUEUE_NEVER, 0, nothing},
        {SETTINGS_QUEUE_NEVER, NOW, nothing},
        {SETTINGS_QUEUE_AUTO, 0, nothing},
        {SETTINGS_QUEUE_AUTO, NOW, as_asked},
        {SETTINGS_QUEUE_AUTO, NOW - DAY + 1, as_asked},
        {SETTINGS_QUEUE_AUTO, NOW - DAY, nothing},
        /* A clock that was set back a little, and one that had been wrong. */
        {SETTINGS_QUEUE_AUTO, NOW + HOUR, as_asked},
        {SETTINGS_QUEUE_AUTO, NOW + DAY, nothing},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        for (int delivery = 0; delivery < DELIVERIES; delivery++)
            if (keep_choose(table[i].mode, (enum options_delivery)delivery, table[i].stamp, NOW) !=
                table[i].ways[delivery])
                fail_msg("row %zu, delivery %d", i, delivery);
}

static void test_failures(void **state)
{
    (void)state;
    static const struct {
        int exit_code;
        bool permanent;
        bool later;
    } table[] = {
        {EX_OK, false, true}, /* the end of a conversation in which somebody was put off */
        {EX_USAGE, false, false},
        {EX_DATAERR, true, false},
        {EX_DATAERR, false, false},
        {EX_NOINPUT, false, false},
        {EX_NOHOST, false, true},
        {EX_UNAVAILABLE, true, false}, /* 5xx to MAIL, DATA or the end */
        {EX_UNAVAILABLE, false, true}, /* 5xx before MAIL */
        {EX_SOFTWARE, false, true},
        {EX_OSERR, false, true},
        {EX_IOERR, false, true},
        {EX_TEMPFAIL, false, true},
        {EX_PROTOCOL, false, true},
        {EX_NOPERM, false, true},
        {EX_CONFIG, false, false},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct error ending = {.exit_code = table[i].exit_code, .permanent = table[i].permanent};
        struct keep keep = {.way = KEEP_FAILED};
        if (keep_is_for_later(&ending) != table[i].later ||
            keep_wants(&keep, &ending) != table[i].later)
            fail_msg("row %zu: exit code %d", i, table[i].exit_code);
        keep.way = KEEP_NOTHING;
        assert_false(keep_wants(&keep, &ending));
        keep.way = KEEP_ALL;
        assert_true(keep_wants(&keep, &ending));
        keep.way = KEEP_BEHIND;
        assert_true(keep_wants(&keep, &ending));
        keep = (struct keep){.way = KEEP_FAILED, .owed = true};
        assert_true(keep_wants(&keep, &ending));
    }
}

static void test_untried(void **state)
{
    (void)state;
    static const struct {
        enum keep_way way;
        bool untried;
    } table[] = {
        {KEEP_NOTHING, false}, {KEEP_FAILED, false}, {KEEP_ALL, true}, {KEEP_BEHIND, true}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct keep keep = {.way = table[i].way};
        assert_int_equal(keep_is_untried(&keep), table[i].untried);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ways),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_untried),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Goal: waits double to the cap and no further, spread evenly over their window, whatever options,
 * counters and clocks say; a clock that jumps neither delays mail nor ends it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <limits.h>

#include "queue/backoff.h"

#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])
#define DAY         INT64_C(86400)

static const struct backoff_options usual = {
    .first = 300 * 1000, .cap = 4 * 3600 * 1000, .lifetime = 5 * DAY * 1000};

static void waits_double_to_the_cap(void **state)
{
    static const struct {
        int64_t first, cap; /* milliseconds */
        unsigned failures;
        int64_t shortest, longest; /* seconds */
    } rows[] = {
        {300000, 14400000, 1, 150, 449},
        {300000, 14400000, 2, 300, 899},
        {300000, 14400000, 3, 600, 1799},
        {300000, 14400000, 4, 1200, 3599},
        {300000, 14400000, 5, 2400, 7199},
        {300000, 14400000, 6, 4800, 14399},
        {300000, 14400000, 7, 4800, 14399},
        {300000, 14400000, UINT_MAX, 4800, 14399},
        {300000, 14400000, 0, 150, 449},
        {300000, 300000, 1, 100, 299},
        {300000, 60000, 1, 20, 59},
        {301000, 14400000, 1, 151, 451},
        {1000, 2000, 1, 1, 1},
        {1000, 3000, 2, 1, 2},
        {1, 1, 1, 1, 1},
        {0, 0, 1, 1, 1},
        {-5, -5, 9, 1, 1},
        {INT64_MIN, INT64_MIN, UINT_MAX, 1, 1},
        {INT64_MAX, 300000, 1, 100, 299},
        {300000, INT64_MAX, 1, 150, 449},
        {INT64_MAX, INT64_MAX, UINT_MAX, INT64_C(3074457345618259), INT64_C(9223372035423120)},
    };
    static const int64_t times[] = {0, 1795435200, -1, -5000000000, INT64_MIN};
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct backoff_options options = {rows[i].first, rows[i].cap, 0};
        for (size_t j = 0; j < COUNT(times); j++) {
            int64_t now = times[j];
            int64_t soon = backoff_next(&options, rows[i].failures, now, 0);
            int64_t late = backoff_next(&options, rows[i].failures, now, UINT32_MAX);
            assert_int_equal(soon - now, rows[i].shortest);
            assert_int_equal(late - now, rows[i].longest);
            assert_false(backoff_is_due(&options, late, now));
        }
    }
}

static void waits_end_with_time_itself(void **state)
{
    (void)state;
    assert_int_equal(backoff_next(&usual, 1, INT64_MAX, 0), INT64_MAX);
    assert_int_equal(backoff_next(&usual, 9, INT64_MAX - 4799, 0), INT64_MAX);
    assert_int_equal(backoff_next(&usual, 9, INT64_MAX - 4801, 0), INT64_MAX - 1);
}

static void every_second_of_the_window_is_as_likely(void **state)
{
    unsigned times[300] = {0};
    (void)state;
    for (uint64_t random = 0; random <= UINT32_MAX; random += 14316) {
        int64_t wait = backoff_next(&usual, 1, 1000, (uint32_t)random) - 1000;
        assert_in_range(wait, 150, 449);
        times[wait - 150]++;
    }
    for (size_t i = 0; i < COUNT(times); i++)
        assert_in_range(times[i], 1000, 1001);
}

static void is_due_when_it_has_come_or_never_would(void **state)
{
    static const struct {
        int64_t next, now;
        bool due;
    } rows[] = {
        {1000, 1000, true},
        {1000, 1001, true},
        {1001, 1000, false},
        {0, 1795435200, true},
        {15400, 1000, false},
        {15401, 1000, true}, /* the clock was set back */
        {1795435200, 0, true},
        {INT64_MAX, 1795435200, true},
        {INT64_MAX, INT64_MIN, true},
        {INT64_MIN, INT64_MAX, true},
        {INT64_MAX, INT64_MAX - 1, false},
        {-1, -2, false},
        {-1, -14401, false},
        {-1, -14402, true},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_int_equal(backoff_is_due(&usual, rows[i].next, rows[i].now), rows[i].due);
}

static void expires_old_and_tried(void **state)
{
    static const struct {
        int64_t lifetime; /* milliseconds */
        int64_t created;
        unsigned tries;
        int64_t now;
        bool expired;
    } rows[] = {
        {5 * DAY * 1000, 1000, 5, 1000 + 5 * DAY, false},
        {5 * DAY * 1000, 1000, 5, 1001 + 5 * DAY, true},
        {5 * DAY * 1000, 1000, 4, 1001 + 5 * DAY, false},
        {5 * DAY * 1000, 1000, 0, INT64_MAX, false},
        {5 * DAY * 1000, 1000, UINT_MAX, INT64_MAX, true},
        {5 * DAY * 1000, INT64_MIN, 5, INT64_MAX, true},
        {5 * DAY * 1000, INT64_MAX, 5, INT64_MIN, false},
        {5 * DAY * 1000, 1795435200, 99, 0, false}, /* born in the future */
        {0, 1000, 5, 1000, false},
        {0, 1000, 5, 1001, true},
        {-1, 1000, 5, 1001, true},
        {INT64_MIN, 1000, 5, 1001, true},
        {INT64_MAX, 0, 5, INT64_C(9223372036854775), false},
        {INT64_MAX, 0, 5, INT64_C(9223372036854776), true},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct backoff_options options = usual;
        options.lifetime = rows[i].lifetime;
        assert_int_equal(backoff_is_expired(&options, rows[i].created, rows[i].tries, rows[i].now),
                         rows[i].expired);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waits_double_to_the_cap),
        cmocka_unit_test(waits_end_with_time_itself),
        cmocka_unit_test(every_second_of_the_window_is_as_likely),
        cmocka_unit_test(is_due_when_it_has_come_or_never_would),
        cmocka_unit_test(expires_old_and_tried),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

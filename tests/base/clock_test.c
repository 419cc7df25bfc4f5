/* Goal: deadlines count down, never below 0 and never beyond what poll(2) takes. */
#include <limits.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"

static void now_does_not_go_back(void **state)
{
    (void)state;
    int64_t before = clock_now();
    poll(NULL, 0, 5);
    int64_t after = clock_now();
    assert_true(after >= before + 4);
}

static void deadlines(void **state)
{
    (void)state;
    int remaining = clock_remaining(clock_deadline(60000));
    assert_in_range(remaining, 1, 60000);
    assert_int_equal(clock_remaining(clock_deadline(0)), 0);
    assert_int_equal(clock_remaining(clock_deadline(-1000)), 0);
    assert_int_equal(clock_remaining(INT64_MIN), 0);
    assert_int_equal(clock_remaining(INT64_MAX), INT_MAX);
    assert_true(clock_deadline(INT64_MAX) == INT64_MAX);
}

static void wall_clock_is_of_this_century(void **state)
{
    (void)state;
    assert_true(clock_wall() > 1600000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(now_does_not_go_back),
        cmocka_unit_test(deadlines),
        cmocka_unit_test(wall_clock_is_of_this_century),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

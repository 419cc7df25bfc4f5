/* Goal: each owner's files add up, and what one takes beyond his share is nobody's loss. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "queue/shares.h"

static void nothing(void **state)
{
    (void)state;
    struct shares shares = {0};
    assert_int_equal(shares_sum(&shares, 10), 0);
    shares_add(&shares, 7, 0);
    assert_int_equal(shares_sum(&shares, 10), 0);
    shares_free(&shares);
    shares_free(&shares);
}

static void more_than_a_share_does_not_count(void **state)
{
    (void)state;
    struct shares shares = {0};
    shares_add(&shares, 7, 6);
    shares_add(&shares, 8, 3);
    assert_int_equal(shares_sum(&shares, 10), 9);
    shares_add(&shares, 7, 6);
    assert_int_equal(shares_sum(&shares, 10), 13);
    assert_int_equal(shares_sum(&shares, UINT64_MAX), 15);
    shares_free(&shares);
}

static void root_has_no_share(void **state)
{
    (void)state;
    struct shares shares = {0};
    shares_add(&shares, 0, 100);
    assert_int_equal(shares_sum(&shares, 10), 100);
    shares_free(&shares);
}

static void many_owners(void **state)
{
    (void)state;
    struct shares shares = {0};
    for (uid_t uid = 0; uid < 5000; uid++)
        for (int times = 0; times < 2; times++)
            shares_add(&shares, uid * 65536 + 1, 2);
    assert_int_equal(shares.count, 5000);
    assert_int_equal(shares_sum(&shares, 10), 20000);
    assert_int_equal(shares_sum(&shares, 3), 15000);
    assert_false(shares.failed);
    shares_free(&shares);
}

static void sums_do_not_overflow(void **state)
{
    (void)state;
    struct shares shares = {0};
    shares_add(&shares, 7, UINT64_MAX);
    shares_add(&shares, 7, UINT64_MAX);
    shares_add(&shares, 8, UINT64_MAX);
    assert_true(shares_sum(&shares, UINT64_MAX) == UINT64_MAX);
    shares_free(&shares);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing),
        cmocka_unit_test(more_than_a_share_does_not_count),
        cmocka_unit_test(root_has_no_share),
        cmocka_unit_test(many_owners),
        cmocka_unit_test(sums_do_not_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

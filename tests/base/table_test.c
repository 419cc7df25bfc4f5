/* Goal: what is filed is found under its own key and no other, however many there are. */
#include "base/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

enum { MANY = 10000, KEY_SIZE = 16 };

static void test_empty(void **state)
{
    (void)state;
    struct table table = {0};
    uint32_t value = 7;
    assert_false(table_find(&table, "", &value));
    assert_false(table_find(&table, "a", &value));
    assert_int_equal(value, 7);
    table_free(&table);
}

static void test_many(void **state)
{
    (void)state;
    static char keys[MANY][KEY_SIZE];
    struct table table = {0};
    uint32_t value;
    for (uint32_t i = 0; i < MANY; i++) {
        snprintf(keys[i], KEY_SIZE, "%u", (unsigned)i);
        assert_false(table_find(&table, keys[i], &value));
        assert_true(table_add(&table, keys[i], i));
    }
    assert_int_equal(table.count, MANY);
    for (uint32_t i = 0; i < MANY; i++) {
        char same[KEY_SIZE];
        snprintf(same, KEY_SIZE, "%u", (unsigned)i);
        assert_true(table_find(&table, same, &value));
        assert_int_equal(value, i);
    }
    assert_false(table_find(&table, "10000", &value));
    assert_false(table_find(&table, "", &value));
    table_free(&table);
    assert_int_equal(table.count, 0);
    assert_false(table_find(&table, "1", &value));
}

/* What stands behind the gap in the same run of slots is found all the same. */
static void test_remove(void **state)
{
    (void)state;
    static char keys[MANY][KEY_SIZE];
    struct table table = {0};
    uint32_t value;
    table_remove(&table, "0");
    for (uint32_t i = 0; i < MANY; i++) {
        snprintf(keys[i], KEY_SIZE, "%u", (unsigned)i);
        assert_true(table_add(&table, keys[i], i));
    }
    for (uint32_t i = 0; i < MANY; i += 3)
        table_remove(&table, keys[i]);
    table_remove(&table, "10000");
    assert_int_equal(table.count, MANY - (MANY + 2) / 3);
    for (uint32_t i = 0; i < MANY; i++) {
        assert_int_equal(table_find(&table, keys[i], &value), i % 3 != 0);
        if (i % 3 == 0)
            assert_true(table_add(&table, keys[i], 2 * i));
    }
    for (uint32_t i = 0; i < MANY; i++) {
        assert_true(table_find(&table, keys[i], &value));
        assert_int_equal(value, i % 3 == 0 ? 2 * i : i);
    }
    table_free(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

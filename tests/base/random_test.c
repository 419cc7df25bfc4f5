/* Goal: letters are of the alphabet, as many as asked for, none of them favoured, and no two draws
 * are alike; every bit of a number comes up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/random.h"

static void letters(void **state)
{
    enum { COUNT = 62000, EACH = COUNT / 62, SPREAD = 190 /* six deviations */ };
    static char drawn[COUNT + 1], again[COUNT + 1];
    unsigned seen[256] = {0};
    (void)state;
    drawn[COUNT] = '!';
    assert_true(random_letters(drawn, COUNT));
    assert_int_equal(drawn[COUNT], '!');
    drawn[COUNT] = '\0';
    assert_int_equal(strspn(drawn, random_alphabet), COUNT);
    for (size_t i = 0; i < COUNT; i++)
        seen[(unsigned char)drawn[i]]++;
    for (const char *letter = random_alphabet; *letter != '\0'; letter++)
        assert_in_range(seen[(unsigned char)*letter], EACH - SPREAD, EACH + SPREAD);
    assert_true(random_letters(again, COUNT));
    assert_memory_not_equal(drawn, again, COUNT);
}

static void no_letters(void **state)
{
    char untouched = '!';
    (void)state;
    assert_true(random_letters(&untouched, 0));
    assert_int_equal(untouched, '!');
}

static void numbers(void **state)
{
    uint32_t set = 0, clear = 0;
    (void)state;
    for (int i = 0; i < 256; i++) {
        uint32_t number = random_number();
        set |= number;
        clear |= ~number;
    }
    assert_int_equal(set, UINT32_MAX);
    assert_int_equal(clear, UINT32_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(letters),
        cmocka_unit_test(no_letters),
        cmocka_unit_test(numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

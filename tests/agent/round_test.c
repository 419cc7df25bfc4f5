/* Goal: nobody's entries stand behind all of another's, and none is lost or doubled. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "agent/round.h"

/* "abb": three names, the first of owner a. */
static void fill(struct round *round, const char *owners)
{
    *round = (struct round){0};
    for (size_t i = 0; owners[i] != '\0'; i++) {
        struct round_name name = {.owner = (uid_t)owners[i], .mark = 7};
        char id[SPOOL_ID_SIZE];
        snprintf(id, sizeof id, "%016u", (unsigned)i);
        memcpy(name.id, id, sizeof name.id);
        assert_true(round_add(round, &name));
    }
}

static void assert_owners(const struct round *round, const char *owners)
{
    assert_int_equal(round->count, strlen(owners));
    for (size_t i = 0; i < round->count; i++)
        assert_int_equal(round->names[i].owner, (uid_t)owners[i]);
}

static void test_turns(void **state)
{
    static const char *const cases[][2] = {
        {"", ""},
        {"a", "a"},
        {"aaa", "aaa"},
        {"aaab", "abaa"},
        {"aaaabbc", "abcabaa"},
        {"cba", "abc"},
        {"bbbbba", "abbbbb"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct round round;
        fill(&round, cases[i][0]);
        round_take_turns(&round, 0);
        assert_owners(&round, cases[i][1]);
        for (size_t k = 0; k < round.count; k++)
            assert_int_equal(round.names[k].mark, 0);
        round_free(&round);
    }
}

/* "5a1a" is two names of one owner, of the times 5 and 1; what comes first is named by its time. */
static void test_oldest_first(void **state)
{
    static const char *const cases[][2] = {
        {"1a2a3a", "123"},
        {"3a1a2a", "123"},
        {"3a1b2a", "213"},
        {"9a8a1b7b", "8197"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct round round = {0};
        for (const char *at = cases[i][0]; *at != '\0'; at += 2) {
            /* The order holds within a second, too. */
            struct round_name name = {.owner = (uid_t)at[1], .changed = {1, at[0]}};
            assert_true(round_add(&round, &name));
        }
        round_take_turns(&round, 0);
        for (size_t k = 0; k < round.count; k++)
            assert_int_equal(round.names[k].changed.tv_nsec, cases[i][1][k]);
        round_free(&round);
    }
}

/* Each of two owners is the first now and then. */
static void test_no_owner_is_always_first(void **state)
{
    int first[2] = {0};
    (void)state;
    for (uint32_t random = 0; random < 64; random++) {
        struct round round;
        fill(&round, "aabb");
        round_take_turns(&round, random * 0x9e3779b9);
        first[round.names[0].owner - 'a']++;
        assert_int_not_equal(round.names[0].owner, round.names[1].owner);
        round_free(&round);
    }
    assert_in_range(first[0], 16, 48);
}

static void test_all_are_there(void **state)
{
    enum { COUNT = 5000 };
    struct round round = {0};
    unsigned char seen[COUNT] = {0};
    (void)state;
    for (int i = 0; i < COUNT; i++) {
        struct round_name name = {.owner = (uid_t)(i * 31 % 17)};
        char id[SPOOL_ID_SIZE];
        snprintf(id, sizeof id, "%016d", i);
        memcpy(name.id, id, sizeof name.id);
        assert_true(round_add(&round, &name));
    }
    round_take_turns(&round, 4711);
    assert_int_equal(round.count, COUNT);
    for (int i = 0; i < COUNT; i++) {
        int number = 0;
        for (size_t k = 0; k < SPOOL_ID_LENGTH; k++)
            number = number * 10 + (round.names[i].id[k] - '0');
        assert_int_equal(seen[number]++, 0);
    }
    round_free(&round);
}

static void test_rotate(void **state)
{
    static const struct {
        size_t first;
        const char *then;
    } cases[] = {{0, "abcde"}, {1, "bcdea"}, {3, "deabc"},
                 {4, "eabcd"}, {5, "abcde"}, {9, "abcde"}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct round round;
        fill(&round, "abcde");
        round_rotate(&round, cases[i].first);
        assert_owners(&round, cases[i].then);
        round_free(&round);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_turns),
        cmocka_unit_test(test_oldest_first),
        cmocka_unit_test(test_no_owner_is_always_first),
        cmocka_unit_test(test_all_are_there),
        cmocka_unit_test(test_rotate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

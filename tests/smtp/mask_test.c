/* Goal: a secret never gets through in full, nor a piece of it that says something. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "smtp/mask.h"

static void hides_secrets(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out;
    } rows[] = {
        {"nothing here", "nothing here"},
        {"", ""},
        {"hunter2", "***"},
        {"bad password \"hunter2\"!", "bad password \"***\"!"},
        {"hunter2hunter2", "******"},
        {"hunter2, hunter2", "***, ***"},
        {"hunter", "hunter"},
        {"hhunter2", "h***"},
        {"line AGFuZHJld0B2ZXJ5LmxvbmcuZXhhbXBsZQ== refused", "line *** refused"},
        {"cut AGFuZHJld0B2ZXJ5Lm", "cut ***"},
        {"cut AGFuZHJld0B2ZXJ5, more", "cut ***, more"},
        {"short AGFuZHJ", "short AGFuZHJ"},
        {"the middle ZXJ5LmxvbmcuZX!", "the middle ***!"},
        {"the end xvbmcuZXhhbXBsZQ==", "the end ***"},
        {"8 of it ZHJld0B2 7 of it ZHJld0B", "8 of it *** 7 of it ZHJld0B"},
        {"wrapped AGFuZHJld0B2ZXJ5 LmxvbmcuZXhhbXBsZQ==", "wrapped *** ***"},
        {"two pieces that touch AGFuZHJlZXhhbXBs", "two pieces that touch ******"},
        {"one that overlaps hunter2AGFuZHJl", "one that overlaps ******"},
    };
    struct mask mask = {0};
    assert_true(mask_add(&mask, slice_of("hunter2")));
    assert_true(mask_add(&mask, slice_of("")));
    assert_true(mask_add(&mask, slice_of("AGFuZHJld0B2ZXJ5LmxvbmcuZXhhbXBsZQ==")));
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char bytes[256];
        struct text out;
        text_init(&out, bytes, sizeof bytes);
        mask_write(&mask, slice_of(rows[i].in), &out);
        assert_string_equal(bytes, rows[i].out);
    }
    mask_wipe(&mask);
    assert_int_equal(mask.count, 0);
}

static void takes_so_many(void **state)
{
    (void)state;
    struct mask mask = {0};
    for (size_t i = 0; i < MASK_SECRETS_MAX; i++) {
        assert_int_equal(mask.count, i);
        assert_true(mask_add(&mask, slice_make("secrets of all lengths", i + 1)));
    }
    assert_false(mask_add(&mask, slice_of("one more")));
    mask_wipe(&mask);
}

static void takes_each_once(void **state)
{
    (void)state;
    struct mask mask = {0};
    for (int i = 0; i < 2 * MASK_SECRETS_MAX; i++)
        assert_true(mask_add(&mask, slice_of("secret")));
    assert_int_equal(mask.count, 1);
    mask_wipe(&mask);
}

/* What was added first stays; what is forgotten makes room. */
static void forgets(void **state)
{
    (void)state;
    struct mask mask = {0};
    char bytes[64];
    struct text shown;
    assert_true(mask_add(&mask, slice_of("password")) && mask_add(&mask, slice_of("one-time")));
    mask_forget(&mask, 1);
    mask_forget(&mask, 5);
    assert_int_equal(mask.count, 1);
    text_init(&shown, bytes, sizeof bytes);
    mask_write(&mask, slice_of("password one-time"), &shown);
    assert_string_equal(bytes, "*** one-time");
    mask_wipe(&mask);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hides_secrets),
        cmocka_unit_test(takes_so_many),
        cmocka_unit_test(takes_each_once),
        cmocka_unit_test(forgets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

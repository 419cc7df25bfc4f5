/* Goal: memory of an arena is zeroed, aligned, apart from the rest, and gone at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"

static void memory_is_zeroed_aligned_and_apart(void **state)
{
    (void)state;
    struct arena arena = {0};
    static const size_t sizes[] = {1, 0, 7, 16, 4000, 20000, 3, 100000, 5};
    unsigned char *objects[500];
    for (size_t i = 0; i < 500; i++) {
        size_t size = sizes[i % 9];
        objects[i] = arena_allocate(&arena, size);
        assert_non_null(objects[i]);
        assert_int_equal((uintptr_t)objects[i] % _Alignof(max_align_t), 0);
        for (size_t j = 0; j < size; j++)
            assert_int_equal(objects[i][j], 0);
        memset(objects[i], (int)(i % 255) + 1, size);
    }
    for (size_t i = 0; i < 500; i++) {
        for (size_t j = 0; j < sizes[i % 9]; j++)
            assert_int_equal(objects[i][j], i % 255 + 1);
    }
    arena_free(&arena);
    assert_null(arena.blocks);
    arena_free(&arena);
}

static void copies_end_in_nul(void **state)
{
    (void)state;
    struct arena arena = {0};
    const char source[] = "abcdef";
    char *copy = arena_copy(&arena, slice_make(source, 3));
    assert_string_equal(copy, "abc");
    assert_string_equal(arena_copy(&arena, slice_make(NULL, 0)), "");
    copy = arena_copy(&arena, slice_make("a\0b", 3));
    assert_memory_equal(copy, "a\0b", 4);
    arena_free(&arena);
}

static void formats(void **state)
{
    (void)state;
    struct arena arena = {0};
    assert_string_equal(arena_format(&arena, "%s:%d", "mail", 587), "mail:587");
    assert_string_equal(arena_format(&arena, "%s", ""), "");
    char *padded = arena_format(&arena, "%50000d", 1);
    assert_int_equal(strlen(padded), 50000);
    arena_free(&arena);
}

static void impossible_sizes_are_null(void **state)
{
    (void)state;
    struct arena arena = {0};
    assert_null(arena_allocate(&arena, SIZE_MAX));
    assert_null(arena_allocate(&arena, SIZE_MAX / 2 + 1));
    assert_null(arena_copy(&arena, slice_make("", SIZE_MAX)));
    assert_non_null(arena_allocate(&arena, 1));
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_zeroed_aligned_and_apart),
        cmocka_unit_test(copies_end_in_nul),
        cmocka_unit_test(formats),
        cmocka_unit_test(impossible_sizes_are_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

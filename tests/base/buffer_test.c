/* Goal: a buffer grows without losing a byte, and its failure sticks. */
#include "base/buffer.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void growing(void **state)
{
    (void)state;
    struct buffer buffer = {0};
    assert_int_equal(buffer_slice(&buffer).length, 0);
    assert_non_null(buffer_slice(&buffer).bytes);
    for (size_t i = 0; i < 10000; i++)
        assert_true(buffer_add_byte(&buffer, (char)(i % 251)));
    assert_true(buffer_add_string(&buffer, "end"));
    assert_true(buffer_add(&buffer, slice_make(NULL, 0)));
    assert_true(buffer_add_string(&buffer, NULL));
    assert_int_equal(buffer.length, 10003);
    assert_true(buffer.capacity >= buffer.length);
    for (size_t i = 0; i < 10000; i++)
        assert_int_equal(buffer.bytes[i], (char)(i % 251));
    assert_true(slice_equals(slice_from(buffer_slice(&buffer), 10000), slice_of("end")));
    buffer_free(&buffer);
    assert_null(buffer.bytes);
    assert_int_equal(buffer.capacity, 0);
}

static void reserved_room_is_writable(void **state)
{
    (void)state;
    struct buffer buffer = {0};
    assert_true(buffer_reserve(&buffer, 1000));
    assert_int_equal(buffer.length, 0);
    for (size_t i = 0; i < 1000; i++)
        buffer.bytes[i] = 'a';
    const char *before = buffer.bytes;
    assert_true(buffer_reserve(&buffer, 1000));
    assert_ptr_equal(buffer.bytes, before);
    assert_true(buffer_reserve(&buffer, 0));
    buffer_free(&buffer);
    buffer_free(&buffer);
}

static void clearing_keeps_the_memory(void **state)
{
    (void)state;
    struct buffer buffer = {0};
    buffer_add_string(&buffer, "something");
    size_t capacity = buffer.capacity;
    buffer_clear(&buffer);
    assert_int_equal(buffer.length, 0);
    assert_int_equal(buffer.capacity, capacity);
    buffer_add_string(&buffer, "else");
    assert_true(slice_equals(buffer_slice(&buffer), slice_of("else")));
    buffer_free(&buffer);
}

static void failure_sticks(void **state)
{
    (void)state;
    struct buffer buffer = {0};
    assert_true(buffer_add_string(&buffer, "kept"));
    assert_false(buffer_reserve(&buffer, SIZE_MAX));
    assert_true(buffer.failed);
    assert_false(buffer_add_string(&buffer, "lost"));
    assert_false(buffer_add_byte(&buffer, 'x'));
    assert_true(slice_equals(buffer_slice(&buffer), slice_of("kept")));
    buffer_clear(&buffer);
    assert_true(buffer_add_string(&buffer, "again"));
    buffer_free(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(growing),
        cmocka_unit_test(reserved_room_is_writable),
        cmocka_unit_test(clearing_keeps_the_memory),
        cmocka_unit_test(failure_sticks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

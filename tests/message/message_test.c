/* Goal: an empty message is empty, and the size on the wire counts the blank line always, and
 * is held against a limit. */
#include "message/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_size(void **state)
{
    static const struct {
        uint64_t header, body, size;
    } cases[] = {
        {0, 0, 2},
        {10, 0, 12},
        {0, 7, 9},
        {10, 7, 19},
        {8, UINT64_C(0x100000000), UINT64_C(0x10000000a)},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct message message;

        message_init(&message, NULL);
        message.header.length = cases[i].header;
        message.body.length = cases[i].body;
        assert_int_equal(message_size(&message), cases[i].size);
        message_free(&message);
    }
}

static void test_check_size(void **state)
{
    struct error error;

    (void)state;
    assert_true(message_check_size(UINT64_MAX, 0, &error));
    assert_true(message_check_size(1000, 1000, &error));
    assert_false(message_check_size(1001, 1000, &error));
    assert_int_equal(error.exit_code, EX_DATAERR);
    assert_true(error.permanent);
    assert_string_equal(error.sentence,
                        "message: larger than the 1000 octets that max_size allows");
    assert_false(message_check_size(UINT64_MAX, 3 << 19, &error));
    assert_string_equal(error.sentence, "message: larger than the 1572864 octets (1.5 MiB) that "
                                        "max_size allows");
}

static void test_free_leaves_an_empty_message(void **state)
{
    static const struct store_place place = {.reserved = 1};
    struct message message;
    struct error error;

    (void)state;
    message_init(&message, &place);
    assert_true(store_append(&message.store, slice_of("Subject: x\r\n"), &error));
    message.header.length = 12;
    message.body_8bit = true;
    message_free(&message);
    assert_int_equal(message_size(&message), 2);
    assert_int_equal(store_size(&message.store), 0);
    assert_false(message.body_8bit);
    assert_string_equal(message.message_id, "");
    assert_ptr_equal(message.store.place, &place);
    message_free(&message);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_size),
        cmocka_unit_test(test_check_size),
        cmocka_unit_test(test_free_leaves_an_empty_message),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

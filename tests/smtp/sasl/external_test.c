/* Goal: EXTERNAL says whom to be, or nothing, in one response. */
#include "smtp/sasl/sasl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_response(void **state)
{
    (void)state;
    static const char *const users[] = {"fred@example.com", "", NULL};
    for (size_t i = 0; i < sizeof users / sizeof users[0]; i++) {
        const struct sasl_options options = {.user = users[i]};
        struct sasl_exchange exchange = {.options = &options};
        struct error error;
        char buffer[64];
        struct text response;
        text_init(&response, buffer, sizeof buffer);
        assert_true(sasl_external.respond(&exchange, slice_of(""), &response, &error));
        assert_string_equal(buffer, users[i] == NULL ? "" : users[i]);
        exchange.round = 1;
        assert_false(sasl_external.respond(&exchange, slice_of("more"), &response, &error));
        assert_int_equal(error.exit_code, EX_PROTOCOL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_response)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Goal: PLAIN says what RFC 4616 says, in one response, and nothing when asked for more. */
#include "smtp/sasl/sasl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_response(void **state)
{
    (void)state;
    static struct sasl_secret secret = {.bytes = "tanstaaftanstaaf", .length = 16};
    const struct sasl_options options = {.user = "tim", .secret = &secret};
    struct sasl_exchange exchange = {.options = &options};
    struct error error;
    char buffer[64];
    struct text response;
    text_init(&response, buffer, sizeof buffer);
    assert_true(sasl_plain.respond(&exchange, slice_of(""), &response, &error));
    /* The example of RFC 4616 section 4. */
    assert_int_equal(response.length, 21);
    assert_memory_equal(buffer, "\0tim\0tanstaaftanstaaf", 21);

    exchange.round = 1;
    assert_false(sasl_plain.respond(&exchange, slice_of("more"), &response, &error));
    assert_int_equal(error.exit_code, EX_PROTOCOL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_response)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

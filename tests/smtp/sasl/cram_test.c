/* Goal: CRAM-MD5 answers as RFC 2195 says, once, and never an empty challenge. */
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
    assert_false(sasl_cram_md5.client_first);
    text_init(&response, buffer, sizeof buffer);
    assert_false(sasl_cram_md5.respond(&exchange, slice_of(""), &response, &error));
    assert_int_equal(error.exit_code, EX_PROTOCOL);
    /* The example of RFC 2195 section 2. */
    assert_true(sasl_cram_md5.respond(
        &exchange, slice_of("<1896.697170952@postoffice.reston.mci.net>"), &response, &error));
    assert_string_equal(buffer, "tim b913a602c7eda7a495b4e6e7334d3890");

    exchange.round = 1;
    assert_false(sasl_cram_md5.respond(&exchange, slice_of("<more>"), &response, &error));
    assert_int_equal(error.exit_code, EX_PROTOCOL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_response)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

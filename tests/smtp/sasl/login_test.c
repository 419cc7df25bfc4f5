/* Goal: LOGIN answers the first question with the user and the second with the password, whatever
 * the server's wording, and a third not at all. */
#include "smtp/sasl/sasl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_rounds(void **state)
{
    (void)state;
    static struct sasl_secret secret = {.bytes = "p w", .length = 3};
    static const char *const answers[] = {"alice", "p w"};
    static const char *const questions[] = {"User Name", "", "again?"};
    const struct sasl_options options = {.user = "alice", .secret = &secret};
    struct sasl_exchange exchange = {.options = &options};
    struct error error;
    char buffer[64];
    struct text response;
    assert_false(sasl_login.client_first);
    for (exchange.round = 0; exchange.round < 2; exchange.round++) {
        text_init(&response, buffer, sizeof buffer);
        assert_true(
            sasl_login.respond(&exchange, slice_of(questions[exchange.round]), &response, &error));
        assert_string_equal(buffer, answers[exchange.round]);
    }
    assert_false(sasl_login.respond(&exchange, slice_of(questions[2]), &response, &error));
    assert_int_equal(error.exit_code, EX_PROTOCOL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rounds)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Goal: what OpenSSL's error queue holds becomes a sentence with the right exit code and advice,
 * and the queue is empty afterwards. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "tls/failure.h"

static void test_situations(void **state)
{
    (void)state;
    static const struct {
        int reason;
        struct failure_situation situation;
        int exit_code;
        const char *words;
    } rows[] = {
        {SSL_R_WRONG_VERSION_NUMBER, {false, false}, EX_PROTOCOL, "speaks no TLS on this port"},
        {SSL_R_WRONG_VERSION_NUMBER, {false, false}, EX_PROTOCOL, "use tls = starttls"},
        {SSL_R_UNSUPPORTED_PROTOCOL, {true, true}, EX_PROTOCOL, "TLS"},
        {SSL_R_UNEXPECTED_EOF_WHILE_READING, {true, true}, EX_TEMPFAIL, "the connection was cut"},
        {SSL_R_NO_CIPHERS_AVAILABLE, {false, true}, EX_CONFIG, "this machine's policy"},
        {SSL_AD_REASON_OFFSET + SSL_AD_HANDSHAKE_FAILURE, {false, true}, EX_PROTOCOL, "in common"},
        {SSL_AD_REASON_OFFSET + SSL_AD_HANDSHAKE_FAILURE, {true, true}, EX_NOPERM, "(tls_cert and"},
        {SSL_AD_REASON_OFFSET + SSL_AD_ACCESS_DENIED, {true, true}, EX_NOPERM, "denies us access"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct error error = {.exit_code = EX_OK};
        ERR_raise(ERR_LIB_SSL, rows[i].reason);
        assert_false(failure_explain(&rows[i].situation, &error));
        if (error.exit_code != rows[i].exit_code || strstr(error.sentence, rows[i].words) == NULL)
            fail_msg("row %zu: %d %s", i, error.exit_code, error.sentence);
        assert_int_equal(ERR_peek_error(), 0);
    }
}

static void test_config(void **state)
{
    (void)state;
    struct error error = {.exit_code = EX_OK};
    ERR_raise(ERR_LIB_SSL, SSL_R_NO_CIPHER_MATCH);
    assert_false(failure_set_config(&error, "the thing \x1b[31m"));
    assert_int_equal(error.exit_code, EX_CONFIG);
    assert_non_null(strstr(error.sentence, "TLS: the thing "));
    assert_null(strchr(error.sentence, 0x1b));
    assert_int_equal(ERR_peek_error(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_situations),
        cmocka_unit_test(test_config),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

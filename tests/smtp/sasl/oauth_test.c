/* Goal: a token is said as RFC 7628 and its elder say, the server's reasons against it are read
 * whatever they look like, and shown without harm. */
#include "smtp/sasl/sasl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#define TOKEN "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg=="

static struct sasl_secret secret;
static struct sasl_options options = {.user = "user@example.com", .secret = &secret};
static struct sasl_exchange exchange;
static char said[SASL_RESPONSE_SIZE];
static struct error error;

static void begin(const struct sasl_mechanism *mechanism, const char *token)
{
    const struct sasl_channel channel = {
        .encrypted = true, .host = "server.example.com", .port = 587};
    secret.length = strlen(token);
    secret.bytes = token;
    sasl_begin(&exchange, mechanism, &options, &channel);
}

static bool hear(const char *challenge)
{
    struct text response;
    text_init(&response, said, sizeof said);
    return sasl_respond(&exchange, slice_of(challenge), &response, &error);
}

/* RFC 7628 section 4.1, as section 4.3 repeats it for SMTP. */
static void says_the_token(void **state)
{
    (void)state;
    begin(&sasl_oauthbearer, TOKEN);
    assert_true(hear(""));
    assert_string_equal(said, "n,a=user@example.com,\1host=server.example.com\1port=587\1"
                              "auth=Bearer " TOKEN "\1\1");
    assert_true(hear("{\"status\":\"invalid_token\"}"));
    assert_string_equal(said, "\1");
    assert_false(hear("more"));
    assert_int_equal(error.exit_code, EX_PROTOCOL);
    sasl_end(&exchange);

    begin(&sasl_xoauth2, TOKEN);
    assert_true(hear(""));
    assert_string_equal(said, "user=user@example.com\1auth=Bearer " TOKEN "\1\1");
    assert_true(hear("{}"));
    assert_string_equal(said, "");
    assert_false(hear(""));
    sasl_end(&exchange);

    options.user = "a,b=c";
    begin(&sasl_oauthbearer, TOKEN);
    assert_true(hear(""));
    assert_memory_equal(said, "n,a=a=2Cb=3Dc,\1", 15);
    sasl_end(&exchange);
    options.user = "user@example.com";
}

static void takes_8_kib_and_nothing_that_ends_the_field(void **state)
{
    (void)state;
    static const struct sasl_mechanism *const mechanisms[] = {&sasl_oauthbearer, &sasl_xoauth2};
    static const char *const bad[] = {"", "a b", "a\1b", "a\nb", "t\xc3\xa4"};
    static char longest[SASL_SECRET_SIZE];
    memset(longest, 't', sizeof longest - 1);
    for (size_t i = 0; i < 2; i++) {
        begin(mechanisms[i], longest);
        assert_true(hear(""));
        assert_non_null(strstr(said, longest));
        sasl_end(&exchange);
        for (size_t j = 0; j < sizeof bad / sizeof bad[0]; j++) {
            begin(mechanisms[i], bad[j]);
            assert_false(hear(""));
            assert_int_equal(error.exit_code, EX_CONFIG);
            sasl_end(&exchange);
        }
    }
}

static void reads_the_reasons(void **state)
{
    (void)state;
    static const struct {
        const char *json, *shown;
    } rows[] = {
        {"{\"status\":\"invalid_token\",\"scope\":\"example_scope\",\"openid-configuration\":"
         "\"https://example.com/.well-known/openid-configuration\"}",
         "; its reasons: status invalid_token, scope example_scope"},
        {"{\"status\":\"401\",\"schemes\":\"bearer mac\",\"scope\":\"https://mail.google.com/\"}",
         "; its reasons: status 401, schemes bearer mac, scope https://mail.google.com/"},
        {" { \"status\" : 400 , \"scope\":\"a\\/b\" } ", "; its reasons: status 400, scope a/b"},
        {"{\"status\":\"\\u0041\\\"\\\\\\n\"}", "; its reasons: status \\\\u0041\"\\\\\\n"},
        {"{\"status\":\"\x1b[31m\"}", "; its reasons: status \\x1b[31m"},
        {"{\"x\":{\"status\":\"1\"}}", "; its reasons: {\"x\":{\"status\":\"1\"}}"},
        {"{\"status\":\"400\",\"x\":[1,2],\"scope\":\"s\"}", "; its reasons: status 400"},
        {"{\"status\":\"400", "; its reasons: {\"status\":\"400"},
        {"{\"status\":\"\\", "; its reasons: {\"status\":\"\\\\"},
        {"{\"status\":\"\",\"scope\":null}", "; its reasons: scope null"},
        {"no JSON\r\n", "; its reasons: no JSON\\r\\n"},
        {"{}", "; its reasons: {}"},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        begin(&sasl_xoauth2, TOKEN);
        assert_true(hear(""));
        assert_true(hear(rows[i].json));
        error_set(&error, EX_NOPERM, "AUTH");
        sasl_explain(&exchange, slice_of("no"), &error);
        assert_string_equal(error.sentence + 4, rows[i].shown);
        sasl_end(&exchange);
    }
}

static void shows_no_more_than_fits(void **state)
{
    (void)state;
    static char json[4000];
    memset(json, 'x', sizeof json - 1);
    memcpy(json, "{\"status\":\"", 11);
    begin(&sasl_xoauth2, TOKEN);
    assert_true(hear("") && hear(json));
    error_set(&error, EX_NOPERM, "AUTH");
    sasl_explain(&exchange, slice_of(""), &error);
    assert_true(strlen(error.sentence) < 200);
    sasl_end(&exchange);

    memcpy(json + sizeof json - 3, "\"}", 2);
    begin(&sasl_xoauth2, TOKEN);
    assert_true(hear("") && hear(json));
    error_set(&error, EX_NOPERM, "AUTH");
    sasl_explain(&exchange, slice_of(""), &error);
    assert_true(strlen(error.sentence) < 200);
    sasl_end(&exchange);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_the_token),
        cmocka_unit_test(takes_8_kib_and_nothing_that_ends_the_field),
        cmocka_unit_test(reads_the_reasons),
        cmocka_unit_test(shows_no_more_than_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

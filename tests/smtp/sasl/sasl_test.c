/* Goal: the right mechanism is chosen for the channel, and each says what its specification wants.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "smtp/sasl/sasl.h"

static const struct sasl_channel tls = {.encrypted = true};
static const struct sasl_channel clear_low = {.loopback = true, .privileged_port = true};
static const struct sasl_channel clear_high = {.loopback = true};
static const struct sasl_channel clear_far = {.privileged_port = true};

static void chooses(void **state)
{
    (void)state;
    static const struct {
        const char *configured, *offered;
        const struct sasl_channel *channel;
        const char *chosen; /* NULL: refused */
        const char *words;  /* in the error */
    } rows[] = {
        {"auto", "PLAIN LOGIN", &tls, "PLAIN", NULL},
        {"auto", "LOGIN PLAIN", &tls, "PLAIN", NULL},
        {"auto", "login", &tls, "LOGIN", NULL},
        {"auto", "XOAUTH2 GSSAPI", &tls, NULL, "XOAUTH2 GSSAPI"},
        {"auto", "", &tls, NULL, "see auth"},
        {"auto", "PLAINER", &tls, NULL, "PLAINER"},
        {"auto", "PLAIN LOGIN", &clear_low, NULL, "auth = plain"},
        {"plain", "PLAIN LOGIN", &clear_low, "PLAIN", NULL},
        {"login", "PLAIN LOGIN", &clear_low, "LOGIN", NULL},
        {"plain", "PLAIN LOGIN", &clear_high, NULL, "below 1024"},
        {"plain", "PLAIN LOGIN", &clear_far, NULL, "this machine"},
        {"login", "PLAIN LOGIN", &tls, "LOGIN", NULL},
        {"Login", "PLAIN login", &tls, "LOGIN", NULL},
        {"login", "PLAIN", &tls, NULL, "LOGIN is not offered by the server, which offers PLAIN"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sasl_options options = {.mechanism = rows[i].configured, .user = "u"};
        struct error error = {0};
        const struct sasl_mechanism *chosen =
            sasl_choose(&options, slice_of(rows[i].offered), rows[i].channel, &error);
        if (rows[i].chosen != NULL) {
            assert_non_null(chosen);
            assert_string_equal(chosen->name, rows[i].chosen);
        } else {
            assert_null(chosen);
            assert_int_equal(error.exit_code, EX_NOPERM);
            assert_false(error.permanent);
            assert_non_null(strstr(error.sentence, rows[i].words));
        }
    }
}

static void does_not_know_every_name(void **state)
{
    (void)state;
    static const char *const names[] = {"scram-sha-256", ""};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct sasl_options options = {.mechanism = names[i], .user = "u"};
        struct error error = {0};
        assert_null(sasl_choose(&options, slice_of("SCRAM-SHA-256 PLAIN"), &tls, &error));
        assert_int_equal(error.exit_code, EX_CONFIG);
        assert_non_null(strstr(error.sentence, "not available in this version"));
    }
}

/* Runs one round and compares what the mechanism says; NULL: it refuses. */
static void expect_response(struct sasl_exchange *exchange, const char *challenge,
                            const char *expected, size_t length)
{
    char bytes[SASL_RESPONSE_SIZE];
    struct text response;
    struct error error = {0};
    text_init(&response, bytes, sizeof bytes);
    bool responded = sasl_respond(exchange, slice_of(challenge), &response, &error);
    assert_int_equal(responded, expected != NULL);
    if (expected == NULL) {
        assert_int_equal(error.exit_code, EX_PROTOCOL);
        return;
    }
    assert_int_equal(response.length, length);
    assert_memory_equal(response.bytes, expected, length);
}

static void responds(void **state)
{
    (void)state;
    static const struct sasl_secret secret = {.bytes = "p\xc3\xa4ss;#\"", .length = 8};
    struct sasl_options options = {.mechanism = "auto", .user = "me@x", .secret = &secret};
    struct sasl_exchange exchange;
    struct error error;

    sasl_begin(&exchange, &sasl_plain, &options, &tls);
    expect_response(&exchange, "", "\0me@x\0p\xc3\xa4ss;#\"", 14);
    expect_response(&exchange, "more", NULL, 0);
    assert_true(sasl_conclude(&exchange, &error));
    sasl_end(&exchange);
    sasl_end(&exchange);

    sasl_begin(&exchange, &sasl_login, &options, &tls);
    expect_response(&exchange, "User Name", "me@x", 4);
    expect_response(&exchange, "whatever", "p\xc3\xa4ss;#\"", 8);
    expect_response(&exchange, "and now?", NULL, 0);
    sasl_end(&exchange);
}

static void refuses_what_is_too_long(void **state)
{
    (void)state;
    static struct sasl_secret secret;
    static char user[SASL_RESPONSE_SIZE];
    char bytes[SASL_RESPONSE_SIZE];
    struct text response;
    struct error error;
    struct sasl_exchange exchange;
    memset(user, 'u', sizeof user - 1);
    struct sasl_options options = {.mechanism = "auto", .user = user, .secret = &secret};
    sasl_begin(&exchange, &sasl_plain, &options, &tls);
    text_init(&response, bytes, sizeof bytes);
    assert_false(sasl_respond(&exchange, slice_of(""), &response, &error));
    assert_int_equal(error.exit_code, EX_CONFIG);
    sasl_end(&exchange);
}

static void wipes(void **state)
{
    (void)state;
    static const struct sasl_secret empty;
    struct sasl_secret secret = {.bytes = "hunter2", .length = 7};
    sasl_wipe(&secret);
    assert_memory_equal(&secret, &empty, sizeof secret);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chooses),  cmocka_unit_test(does_not_know_every_name),
        cmocka_unit_test(responds), cmocka_unit_test(refuses_what_is_too_long),
        cmocka_unit_test(wipes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

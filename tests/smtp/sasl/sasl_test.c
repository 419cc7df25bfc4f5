/* Goal: the right mechanism is chosen for the channel, and each says what its specification wants.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/vault.h"
#include "smtp/sasl/sasl.h"
#include "tests/smtp/sasl/binding.h"

static const struct sasl_channel tls = {.encrypted = true};
static const struct sasl_channel bound = {.encrypted = true};
static const struct sasl_channel certified = {.encrypted = true, .client_certificate = true};
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
        {"auto", "CRAM-MD5 LOGIN", &tls, "LOGIN", NULL},
        {"auto", "CRAM-MD5", &tls, "CRAM-MD5", NULL},
        {"auto", "PLAIN SCRAM-SHA-1", &tls, "SCRAM-SHA-1", NULL},
        {"auto", "SCRAM-SHA-1 SCRAM-SHA-256", &tls, "SCRAM-SHA-256", NULL},
        {"auto", "SCRAM-SHA-256 scram-sha-512", &tls, "SCRAM-SHA-512", NULL},
        {"auto", "SCRAM-SHA-1-PLUS PLAIN", &tls, "PLAIN", NULL},
        {"auto", "SCRAM-SHA-512 SCRAM-SHA-1-PLUS", &bound, "SCRAM-SHA-1-PLUS", NULL},
        {"auto", "SCRAM-SHA-256-PLUS SCRAM-SHA-512-PLUS", &bound, "SCRAM-SHA-512-PLUS", NULL},
        {"scram-sha-256", "SCRAM-SHA-256-PLUS SCRAM-SHA-256", &bound, "SCRAM-SHA-256", NULL},
        {"scram-sha-256-plus", "SCRAM-SHA-256-PLUS", &bound, "SCRAM-SHA-256-PLUS", NULL},
        {"scram-sha-256-plus", "SCRAM-SHA-256-PLUS", &tls, NULL, "cannot be bound"},
        {"scram-sha-256-plus", "SCRAM-SHA-256", &bound, NULL, "not offered"},
        {"auto", "SCRAM-SHA-1", &clear_high, "SCRAM-SHA-1", NULL},
        {"auto", "SCRAM-SHA-1 PLAIN", &clear_far, NULL, "in clear"},
        {"scram-sha-1-plus", "SCRAM-SHA-1-PLUS", &clear_low, NULL, "cannot be bound"},
        {"auto", "CRAM-MD5", &clear_low, NULL, "only when auth names it"},
        {"cram-md5", "CRAM-MD5", &clear_high, "CRAM-MD5", NULL},
        {"cram-md5", "CRAM-MD5", &clear_far, NULL, "in clear"},
        {"auto", "EXTERNAL", &tls, NULL, "offers only EXTERNAL; set tls_cert and tls_key"},
        {"auto", "EXTERNAL", &certified, "EXTERNAL", NULL},
        {"auto", "EXTERNAL PLAIN", &certified, "PLAIN", NULL},
        {"external", "EXTERNAL PLAIN", &certified, "EXTERNAL", NULL},
        {"auto", "OAUTHBEARER XOAUTH2", &tls, NULL,
         "offers only OAUTHBEARER XOAUTH2; an OAuth token is used when auth names the mechanism"},
        {"oauthbearer", "OAUTHBEARER XOAUTH2", &tls, "OAUTHBEARER", NULL},
        {"xoauth2", "OAUTHBEARER XOAUTH2", &tls, "XOAUTH2", NULL},
        {"xoauth2", "XOAUTH2", &clear_low, NULL, "only for connections with TLS"},
        {"oauthbearer", "OAUTHBEARER", &clear_low, NULL, "only for connections with TLS"},
        {"auto", "XOAUTH2 GSSAPI", &tls, NULL, "XOAUTH2 GSSAPI; an OAuth token"},
        {"auto", "GSSAPI NTLM", &tls, NULL, "offers no mechanism of ours, only GSSAPI NTLM"},
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
        struct sasl_channel channel = *rows[i].channel;
        channel.offered = slice_of(rows[i].offered);
        bindings_available = rows[i].channel == &bound;
        const struct sasl_mechanism *chosen = sasl_choose(&options, &channel, &error);
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
    static const struct {
        const char *name, *words;
    } rows[] = {
        {"scram-md5", "not available in this version"},
        {"", "not available in this version"},
        {"external", "needs tls_cert"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sasl_options options = {.mechanism = rows[i].name, .user = "u"};
        struct sasl_channel channel = tls;
        struct error error = {0};
        channel.offered = slice_of("SCRAM-MD5 EXTERNAL PLAIN");
        assert_null(sasl_choose(&options, &channel, &error));
        assert_int_equal(error.exit_code, EX_CONFIG);
        assert_non_null(strstr(error.sentence, rows[i].words));
    }
}

/* Without a secret the certificate is all there is; and what SCRAM cannot say, PLAIN can. */
static void looks_at_what_there_is(void **state)
{
    (void)state;
    static struct sasl_secret nothing, latin = {.bytes = "p\xc2\xaa", .length = 3},
                                       good = {.bytes = "p\xc3\xa4", .length = 3};
    static const struct {
        struct sasl_secret *secret;
        const struct sasl_channel *channel;
        const char *offered, *chosen;
    } rows[] = {
        {&nothing, &certified, "EXTERNAL PLAIN SCRAM-SHA-256", "EXTERNAL"},
        {&good, &certified, "EXTERNAL PLAIN SCRAM-SHA-256", "SCRAM-SHA-256"},
        {&latin, &tls, "EXTERNAL PLAIN SCRAM-SHA-256", "PLAIN"},
        /* Its own refusal is the clear one. */
        {&latin, &tls, "SCRAM-SHA-256", "SCRAM-SHA-256"},
    };
    bindings_available = 0;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sasl_options options = {.mechanism = "auto", .user = "u", .secret = rows[i].secret};
        struct sasl_channel channel = *rows[i].channel;
        struct error error;
        channel.offered = slice_of(rows[i].offered);
        const struct sasl_mechanism *chosen = sasl_choose(&options, &channel, &error);
        assert_non_null(chosen);
        assert_string_equal(chosen->name, rows[i].chosen);
    }
}

static void knows_who_is_asked_for(void **state)
{
    (void)state;
    static const struct {
        const char *mechanism, *user;
        bool asked;
    } rows[] = {{"auto", NULL, false}, {"auto", "", false},      {"auto", "u", true},
                {"off", "u", false},   {"external", NULL, true}, {"external", "u", true},
                {"plain", NULL, false}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sasl_options options = {.mechanism = rows[i].mechanism, .user = rows[i].user};
        assert_int_equal(sasl_is_asked(&options), rows[i].asked);
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
    static struct sasl_secret secret = {.bytes = "p\xc3\xa4ss;#\"", .length = 8};
    struct sasl_options options = {.mechanism = "auto", .user = "me@x", .secret = &secret};
    struct sasl_exchange exchange;
    struct error error;

    sasl_begin(&exchange, &sasl_plain, &options, &tls);
    expect_response(&exchange, "", "\0me@x\0p\xc3\xa4ss;#\"", 14);
    expect_response(&exchange, "more", NULL, 0);
    assert_true(sasl_conclude(&exchange, slice_of(""), &error));
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
    static struct sasl_secret empty;
    struct sasl_secret secret = {.bytes = vault_copy(slice_of("hunter2")), .length = 7};
    assert_non_null(secret.bytes);
    sasl_wipe(&secret);
    sasl_wipe(&secret);
    assert_memory_equal(&secret, &empty, sizeof secret);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chooses),
        cmocka_unit_test(does_not_know_every_name),
        cmocka_unit_test(responds),
        cmocka_unit_test(refuses_what_is_too_long),
        cmocka_unit_test(wipes),
        cmocka_unit_test(looks_at_what_there_is),
        cmocka_unit_test(knows_who_is_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

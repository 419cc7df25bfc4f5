/* Goal: a login says what RFC 4954 wants, tells a refusal from a failure, and shows the secret to
 * nobody but the server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "smtp/authenticate.h"
#include "tests/support/peer.h"

/* "hunter2 is it" in base64 is aHVudGVyMiBpcyBpdA==; with user me, PLAIN is
 * AG1lAGh1bnRlcjIgaXMgaXQ= */
static struct sasl_secret secret = {.bytes = "hunter2 is it", .length = 13};

static char transcript[16 * 1024];

static void keep(void *context, const char *line)
{
    size_t used = strlen(transcript);
    (void)context;
    snprintf(transcript + used, sizeof transcript - used, "%s\n", line);
}

static const struct trace trace = {.line = keep};

static const struct row {
    const char *mechanism, *offered, *replies;
    int exit_code;     /* EX_OK: logged in */
    const char *lines; /* what the server heard behind EHLO */
    const char *words; /* in the error */
} rows[] = {
    {"plain", "AUTH PLAIN", "235 in\n", EX_OK, "AUTH PLAIN AG1lAGh1bnRlcjIgaXMgaXQ=\n", ""},
    {"login", "AUTH LOGIN", "334 VXNlcm5hbWU6\n334 UGFzc3dvcmQ6\n235 in\n", EX_OK,
     "AUTH LOGIN\nbWU=\naHVudGVyMiBpcyBpdA==\n", ""},
    {"login", "AUTH=LOGIN", "334 \n334 eA==\n235 in\n", EX_OK,
     "AUTH LOGIN\nbWU=\naHVudGVyMiBpcyBpdA==\n", ""},
    {"plain", "AUTH PLAIN", "535 5.7.8 bad credentials\n", EX_NOPERM,
     "AUTH PLAIN AG1lAGh1bnRlcjIgaXMgaXQ=\n",
     "AUTH PLAIN: refused by mail.example (192.0.2.1:25): 535 5.7.8 bad credentials; check user "
     "and its password"},
    {"plain", "AUTH PLAIN", "501 what is AG1lAGh1bnRlcjIgaXMgaXQ=?\n", EX_NOPERM,
     "AUTH PLAIN AG1lAGh1bnRlcjIgaXMgaXQ=\n", "501 what is ***?"},
    {"plain", "AUTH PLAIN", "535 not \"hunter2 is it\" nor aHVudGVyMiBpcyBpdA==\n", EX_NOPERM,
     "AUTH PLAIN AG1lAGh1bnRlcjIgaXMgaXQ=\n", "535 not \"***\" nor ***"},
    {"plain", "AUTH PLAIN", "hunter2 is it\n", EX_PROTOCOL, "AUTH PLAIN AG1lAGh1bnRlcjIgaXMgaXQ=\n",
     "no SMTP reply: \"***\""},
    {"plain", "AUTH PLAIN", "454 4.7.0 too many logins\n", EX_TEMPFAIL,
     "AUTH PLAIN AG1lAGh1bnRlcjIgaXMgaXQ=\n", "454 4.7.0 too many logins"},
    {"plain", "AUTH PLAIN", "421 bye\n", EX_TEMPFAIL, "AUTH PLAIN AG1lAGh1bnRlcjIgaXMgaXQ=\n",
     "421 bye"},
    {"plain", "AUTH PLAIN", "534 5.7.14 stronger\n", EX_NOPERM,
     "AUTH PLAIN AG1lAGh1bnRlcjIgaXMgaXQ=\n", "see auth"},
    {"plain", "AUTH PLAIN", "534 5.7.9 Application-specific password required\n", EX_NOPERM,
     "AUTH PLAIN AG1lAGh1bnRlcjIgaXMgaXQ=\n",
     "required; make an app password at the provider and use it as the password"},
    {"plain", "AUTH PLAIN", "535 5.7.139 SmtpClientAuthentication is disabled\n", EX_NOPERM,
     "AUTH PLAIN AG1lAGh1bnRlcjIgaXMgaXQ=\n",
     "disabled; the provider has switched off password login (SMTP AUTH)"},
    {"plain", "AUTH PLAIN", "538 5.7.11 encrypt\n", EX_NOPERM,
     "AUTH PLAIN AG1lAGh1bnRlcjIgaXMgaXQ=\n", "538"},
    {"plain", "AUTH PLAIN", "250 hm\n", EX_PROTOCOL, "AUTH PLAIN AG1lAGh1bnRlcjIgaXMgaXQ=\n",
     "unexpected answer"},
    {"plain", "AUTH PLAIN", "close", EX_TEMPFAIL, "AUTH PLAIN AG1lAGh1bnRlcjIgaXMgaXQ=\n",
     "some servers do so on wrong credentials"},
    {"plain", "AUTH PLAIN", "334 bW9yZQ==\n501 cancelled\n", EX_PROTOCOL,
     "AUTH PLAIN AG1lAGh1bnRlcjIgaXMgaXQ=\n*\n", "asks for more"},
    {"plain", "AUTH PLAIN", "334 more!\n501 cancelled\n", EX_PROTOCOL,
     "AUTH PLAIN AG1lAGh1bnRlcjIgaXMgaXQ=\n*\n",
     "AUTH PLAIN: mail.example (192.0.2.1:25): the challenge is not base64"},
    {"login", "AUTH LOGIN", "334 Username!\n535 no\n", EX_NOPERM, "AUTH LOGIN\nbWU=\n", "535 no"},
    {"login", "AUTH LOGIN", "334 \n334 \n535 5.7.8 aHVudGVyMiBpcyBpdA==\n", EX_NOPERM,
     "AUTH LOGIN\nbWU=\naHVudGVyMiBpcyBpdA==\n", "535 5.7.8 ***"},
    {"plain", "AUTH LOGIN", "", EX_NOPERM, "", "PLAIN is not offered by the server, which offers"},
    {"plain", "SIZE", "", EX_NOPERM, "", "no login is offered"},
    {"cram-md5", "AUTH CRAM-MD5", "334 PHg+\n235 in\n", EX_OK,
     "AUTH CRAM-MD5\nbWUgZWVjMWRhYTUwY2VmZDYxNGRjYzQ1NWY3N2Y1ZTJhZDA=\n", ""},
    {"cram-md5", "AUTH CRAM-MD5", "334 \n501 cancelled\n", EX_PROTOCOL, "AUTH CRAM-MD5\n*\n",
     "AUTH CRAM-MD5: mail.example (192.0.2.1:25): the challenge is empty"},
    {"cram-md5", "AUTH CRAM-MD5", "close", EX_TEMPFAIL, "AUTH CRAM-MD5\n",
     "AUTH CRAM-MD5: mail.example (192.0.2.1:25): connection closed by the server"},
    {"cram-md5", "AUTH CRAM-MD5", "454 4.7.0 later\n", EX_TEMPFAIL, "AUTH CRAM-MD5\n", "454"},
    {"external", "AUTH EXTERNAL", "", EX_CONFIG, "", "needs tls_cert"},
    {"xoauth2", "AUTH XOAUTH2", "", EX_NOPERM, "", "only for connections with TLS"},
    {"auto", "AUTH PLAIN", "", EX_NOPERM, "", "in clear"},
};

static void open_client(struct client *client, const struct smarthost *smarthost, struct peer *peer,
                        const char *const *scripts)
{
    struct error error;
    client_init(client, smarthost, NULL, &trace);
    stream_init(&client->stream, peer_pair(peer, scripts), smarthost->timeout);
    client->peer = (struct dial_peer){
        .host = "mail.example", .port = 25, .address = "192.0.2.1:25", .loopback = true};
    assert_true(client_begin(client, &error));
}

static bool log_in(struct client *client, struct error *error)
{
    const struct sasl_mechanism *mechanism = NULL;
    return authenticate_choose(client, &mechanism, error) &&
           authenticate_run(client, mechanism, error);
}

static void run_row(const struct row *row)
{
    char script[1024];
    const char *scripts[] = {script, NULL};
    struct smarthost smarthost = {
        .tls_mode = SMARTHOST_CLEAR,
        .sasl = {.mechanism = row->mechanism, .user = "me", .secret = &secret},
        .helo = "client.example",
        .timeout = 20000,
    };
    struct peer peer;
    struct client client;
    struct error error = {0};
    transcript[0] = '\0';
    snprintf(script, sizeof script, "220 mx\n250-mx/250 %s\n%s", row->offered, row->replies);
    open_client(&client, &smarthost, &peer, scripts);
    assert_int_equal(log_in(&client, &error), row->exit_code == EX_OK);
    assert_int_equal(client.logged_in, row->exit_code == EX_OK);
    client_close(&client, false);
    client_free(&client);
    peer_join(&peer);

    assert_string_equal(strchr(peer.lines.bytes, '\n') + 1, row->lines);
    assert_int_equal(error.exit_code, row->exit_code);
    assert_false(error.permanent);
    assert_non_null(strstr(error.sentence, row->words));
    assert_null(strstr(transcript, "hunter2"));
    assert_null(strstr(transcript, "AG1lAGh1"));
    assert_null(strstr(transcript, "aHVudGVy"));
    peer_free(&peer);
}

static void logs_in(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        run_row(&rows[i]);
}

/* An initial response that would make the line longer than every server takes is sent when asked
 * for, and never rides in a flight. */
static void keeps_lines_short(void **state)
{
    (void)state;
    const char *scripts[] = {"220 mx\n250-mx/250 AUTH PLAIN\n334 \n235 in\n", NULL};
    char bytes[376];
    struct sasl_secret token = {.bytes = bytes};
    struct smarthost smarthost = {
        .tls_mode = SMARTHOST_CLEAR,
        .sasl = {.mechanism = "plain", .user = "me", .secret = &token},
        .helo = "client.example",
        .timeout = 20000,
    };
    struct peer peer;
    struct client client;
    struct error error;
    /* "AUTH PLAIN " and 4 * ((4 + n + 2) / 3) and CRLF */
    for (token.length = 360; token.length <= 375; token.length++) {
        size_t line = 11 + (token.length + 4 + 2) / 3 * 4 + 2;
        memset(bytes, 't', token.length);
        open_client(&client, &smarthost, &peer,
                    (const char *const[]){"220 mx\n250-mx/250 AUTH PLAIN\n", NULL});
        assert_int_equal(authenticate_can_ride(&client, &sasl_plain), line <= 512);
        client_close(&client, true);
        client_free(&client);
        peer_join(&peer);
        peer_free(&peer);
    }
    open_client(&client, &smarthost, &peer, scripts);
    assert_true(log_in(&client, &error));
    client_close(&client, true);
    client_free(&client);
    peer_join(&peer);
    assert_string_equal(peer.heard.bytes, "EHLO AUTH + QUIT");
    peer_free(&peer);
}

static const struct scram_row {
    const char *replies;
    int exit_code;
    const char *verbs; /* what the server heard behind EHLO */
    const char *words;
} scram_rows[] = {
    {"close", EX_TEMPFAIL, "AUTH", "some servers do so on wrong credentials"},
    {"334 cj14\n501 no\n", EX_PROTOCOL, "AUTH *", "first message is not SCRAM"},
    {"334 !\n501 no\n", EX_PROTOCOL, "AUTH *", "the challenge is not base64"},
    {"334 ZT11bmtub3duLXVzZXI=\n535 no\n", EX_NOPERM, "AUTH *",
     "AUTH SCRAM-SHA-256: mail.example (192.0.2.1:25): refused by the server: unknown-user"},
    {"235 in\n", EX_NOPERM, "AUTH", "does not prove"},
    {"235 2.7.0 dj14\n", EX_NOPERM, "AUTH", "does not prove"},
    {"535 5.7.8 no\n", EX_NOPERM, "AUTH", "535 5.7.8 no; check user and its password"},
    {"535 5.7.8 ZT1pbnZhbGlkLXByb29m\n", EX_NOPERM, "AUTH", "refused by the server: invalid-proof"},
    {"454 4.7.0 later\n", EX_TEMPFAIL, "AUTH", "454 4.7.0 later"},
    {"421 bye\n", EX_TEMPFAIL, "AUTH", "421 bye"},
};

/* Two sides prove who they are: the login holds only when both did. */
static void believes_no_unproved_server(void **state)
{
    (void)state;
    struct smarthost smarthost = {
        .tls_mode = SMARTHOST_CLEAR,
        .sasl = {.mechanism = "auto", .user = "me", .secret = &secret},
        .helo = "client.example",
        .timeout = 20000,
    };
    for (size_t i = 0; i < sizeof scram_rows / sizeof scram_rows[0]; i++) {
        const struct scram_row *row = &scram_rows[i];
        char script[256], heard[64];
        const char *scripts[] = {script, NULL};
        struct peer peer;
        struct client client;
        struct error error = {0};
        snprintf(script, sizeof script, "220 mx\n250-mx/250 AUTH SCRAM-SHA-256\n%s", row->replies);
        snprintf(heard, sizeof heard, "EHLO %s", row->verbs);
        open_client(&client, &smarthost, &peer, scripts);
        assert_false(log_in(&client, &error));
        assert_false(client.logged_in);
        assert_int_equal(client.mask.count, 4); /* what serves only once is not hidden for ever */
        client_close(&client, false);
        client_free(&client);
        peer_join(&peer);
        assert_int_equal(error.exit_code, row->exit_code);
        if (strstr(error.sentence, row->words) == NULL)
            fail_msg("%s", error.sentence);
        assert_memory_equal(peer.heard.bytes, heard, strlen("EHLO AUTH"));
        peer_free(&peer);
    }
}

/* A certificate is no secret, and a token can be got anew: what the server says tells. */
static void logs_in_without_a_password(void **state)
{
    (void)state;
    static const struct {
        const struct sasl_mechanism *mechanism;
        const char *user, *replies, *lines;
        int exit_code;
        bool renews;
        const char *words;
    } cases[] = {
        {&sasl_external, NULL, "235 in\n", "AUTH EXTERNAL =\n", EX_OK, false, ""},
        {&sasl_external, "me", "235 in\n", "AUTH EXTERNAL bWU=\n", EX_OK, false, ""},
        {&sasl_external, "me", "535 for=me\n", "AUTH EXTERNAL bWU=\n", EX_NOPERM, false,
         "535 for=me; check tls_cert and user"},
        {&sasl_xoauth2, "me", "535 no\n", NULL, EX_CONFIG, false, "no OAuth token"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char script[256];
        const char *scripts[] = {script, NULL};
        struct smarthost smarthost = {
            .tls_mode = SMARTHOST_CLEAR,
            .sasl = {.mechanism = "auto", .user = cases[i].user, .secret = &secret},
            .helo = "client.example",
            .timeout = 20000,
        };
        struct peer peer;
        struct client client;
        struct error error = {0};
        snprintf(script, sizeof script, "220 mx\n250 mx\n%s", cases[i].replies);
        open_client(&client, &smarthost, &peer, scripts);
        assert_int_equal(authenticate_run(&client, cases[i].mechanism, &error),
                         cases[i].exit_code == EX_OK);
        assert_int_equal(authenticate_may_renew(&client, cases[i].mechanism), cases[i].renews);
        client_close(&client, false);
        client_free(&client);
        peer_join(&peer);
        assert_int_equal(error.exit_code, cases[i].exit_code);
        assert_non_null(strstr(error.sentence, cases[i].words));
        if (cases[i].lines != NULL)
            assert_string_equal(strchr(peer.lines.bytes, '\n') + 1, cases[i].lines);
        peer_free(&peer);
    }
}

/* After a 535 a newer token takes the place of the old one, on the same connection. */
static void renews_a_token(void **state)
{
    (void)state;
    static struct sasl_secret token = {.bytes = "old-token", .length = 9};
    const char *scripts[] = {"220 mx\n250 mx\n334 e30=\n535 no\n334 e30=\n454 later\n235 in\n",
                             NULL};
    struct smarthost smarthost = {
        .tls_mode = SMARTHOST_CLEAR,
        .sasl = {.mechanism = "xoauth2", .user = "me", .secret = &token},
        .helo = "client.example",
        .timeout = 20000,
    };
    struct peer peer;
    struct client client;
    struct error error = {0};
    open_client(&client, &smarthost, &peer, scripts);
    assert_false(authenticate_run(&client, &sasl_xoauth2, &error));
    assert_true(authenticate_may_renew(&client, &sasl_xoauth2));
    assert_false(authenticate_may_renew(&client, &sasl_plain));
    token = (struct sasl_secret){.bytes = "newer-token", .length = 11};
    assert_false(authenticate_run(&client, &sasl_xoauth2, &error));
    assert_int_equal(error.exit_code, EX_TEMPFAIL);
    assert_false(authenticate_may_renew(&client, &sasl_xoauth2));
    assert_true(authenticate_run(&client, &sasl_xoauth2, &error));
    assert_true(client.logged_in);
    client_close(&client, true);
    client_free(&client);
    peer_join(&peer);
    peer_free(&peer);
}

static void needs_no_login(void **state)
{
    (void)state;
    static const struct sasl_options without[] = {
        {.mechanism = "auto"},
        {.mechanism = "auto", .user = ""},
        {.mechanism = "off", .user = "me"},
    };
    for (size_t i = 0; i < sizeof without / sizeof without[0]; i++) {
        struct smarthost smarthost = {.sasl = without[i]};
        struct client client;
        struct error error;
        const struct sasl_mechanism *mechanism = &sasl_plain;
        client_init(&client, &smarthost, NULL, &trace);
        assert_true(authenticate_choose(&client, &mechanism, &error));
        assert_null(mechanism);
    }
}

static void needs_a_secret(void **state)
{
    (void)state;
    struct smarthost smarthost = {.sasl = {.mechanism = "auto", .user = "me"}};
    struct client client;
    struct error error;
    const struct sasl_mechanism *mechanism;
    client_init(&client, &smarthost, NULL, &trace);
    assert_false(authenticate_choose(&client, &mechanism, &error));
    assert_int_equal(error.exit_code, EX_CONFIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logs_in),
        cmocka_unit_test(keeps_lines_short),
        cmocka_unit_test(believes_no_unproved_server),
        cmocka_unit_test(logs_in_without_a_password),
        cmocka_unit_test(renews_a_token),
        cmocka_unit_test(needs_no_login),
        cmocka_unit_test(needs_a_secret),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

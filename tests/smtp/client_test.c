/* Goal: the way from the greeting to the capabilities that count, in clear and up to the handshake,
 * with a sentence for everything that can go wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "smtp/client.h"
#include "tests/support/peer.h"

static const struct trace no_trace;

static const struct row {
    const char *name;
    enum smarthost_tls mode;
    bool far; /* the peer is not this machine */
    const char *script;
    int exit_code; /* EX_OK: ready for MAIL */
    const char *heard;
    const char *words;
} rows[] = {
    {"hello", SMARTHOST_CLEAR, false, "220 mx\n250-mx/250 PIPELINING\n", EX_OK, "EHLO", ""},
    {"an old server", SMARTHOST_CLEAR, false, "220 mx\n502 what\n250 mx\n", EX_OK, "EHLO HELO", ""},
    {"a closed server", SMARTHOST_CLEAR, false, "220 mx\n550 no\n550 no\n", EX_UNAVAILABLE,
     "EHLO HELO", "HELO: refused by mail.example (192.0.2.1:25): 550 no"},
    {"EHLO 4xx", SMARTHOST_CLEAR, false, "220 mx\n421 bye\n", EX_TEMPFAIL, "EHLO", "EHLO: refused"},
    {"EHLO 5xx where TLS is due", SMARTHOST_STARTTLS, true, "220 mx\n502 what\n", EX_UNAVAILABLE,
     "EHLO", "EHLO: refused by mail.example (192.0.2.1:25): 502 what"},
    {"EHLO cut", SMARTHOST_CLEAR, false, "220 mx\nclose", EX_TEMPFAIL, "EHLO",
     "EHLO: mail.example (192.0.2.1:25): connection closed by the server"},
    {"EHLO silent", SMARTHOST_CLEAR, false, "220 mx\nsilent\n", EX_TEMPFAIL, "EHLO",
     "EHLO: mail.example (192.0.2.1:25): no answer within"},
    {"garbage", SMARTHOST_CLEAR, false, "220 mx\nhello\n", EX_PROTOCOL, "EHLO",
     "the server breaks the protocol"},
    {"greeting 554", SMARTHOST_CLEAR, false, "554 5.3.2 no\n", EX_UNAVAILABLE, "",
     "greeting: refused"},
    {"in clear to another machine", SMARTHOST_CLEAR, true, "220 mx\n", EX_CONFIG, "",
     "tls = none is only for a server on this machine"},
    {"no STARTTLS", SMARTHOST_STARTTLS, true, "220 mx\n250-mx/250 SIZE\n", EX_PROTOCOL, "EHLO",
     "STARTTLS: mail.example (192.0.2.1:25): not offered; use a submission port (587), or"},
    {"no STARTTLS on this machine", SMARTHOST_STARTTLS, false, "220 mx\n250-mx/250 SIZE\n",
     EX_PROTOCOL, "EHLO", "not offered"},
    {"STARTTLS 454", SMARTHOST_STARTTLS, true, "220 mx\n250-mx/250 starttls\n454 4.7.0 no\n",
     EX_TEMPFAIL, "EHLO STARTTLS",
     "STARTTLS: refused by mail.example (192.0.2.1:25): 454 4.7.0 no"},
    {"STARTTLS 250", SMARTHOST_STARTTLS, true, "220 mx\n250-mx/250 STARTTLS\n250 ok\n", EX_PROTOCOL,
     "EHLO STARTTLS", "unexpected answer"},
    {"an injected reply", SMARTHOST_STARTTLS, true,
     "220 mx\n250-mx/250 STARTTLS\n220 go/250 AUTH PLAIN\n", EX_PROTOCOL, "EHLO STARTTLS",
     "an attack, or a broken server"},
};

static void run_row(const struct row *row)
{
    const char *scripts[] = {row->script, NULL};
    struct smarthost smarthost = {.tls_mode = row->mode,
                                  .helo = "client.example",
                                  .timeout = strstr(row->script, "silent") ? 500 : 20000};
    struct peer peer;
    struct client client;
    struct error error = {0};
    client_init(&client, &smarthost, NULL, &no_trace);
    stream_init(&client.stream, peer_pair(&peer, scripts), smarthost.timeout);
    client.peer = (struct dial_peer){
        .host = "mail.example", .port = 25, .address = "192.0.2.1:25", .loopback = !row->far};
    bool begun = client_begin(&client, &error);
    client_close(&client, false);
    client_free(&client);
    peer_join(&peer);

    print_message("    %s\n", row->name);
    assert_int_equal(begun, row->exit_code == EX_OK);
    assert_int_equal(error.exit_code, row->exit_code);
    assert_false(error.permanent);
    assert_non_null(strstr(error.sentence, row->words));
    assert_string_equal(peer.heard.bytes, row->heard);
    peer_free(&peer);
}

static void begins(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        run_row(&rows[i]);
}

/* What a greeter makes of what one end of a pair wrote. */
static enum dial_verdict judge(enum smarthost_tls mode, const char *greeting, bool closed,
                               struct error *error)
{
    struct smarthost smarthost = {.tls_mode = mode, .timeout = 200};
    struct client client;
    struct stream stream;
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
    client_init(&client, &smarthost, NULL, &no_trace);
    stream_init(&stream, ends[0], 200);
    struct dial_greeter greeter = client_greeter(&client);
    assert_true(greeter.begin(greeter.context, &stream, "mail.example", error));
    assert_int_equal(write(ends[1], greeting, strlen(greeting)), strlen(greeting));
    if (closed)
        shutdown(ends[1], SHUT_WR);
    enum dial_verdict verdict = greeter.judge(greeter.context, &stream, error);
    if (verdict == DIAL_WON)
        assert_int_equal(stream_input(&stream).length, strlen(greeting));
    stream_close(&stream);
    close(ends[1]);
    return verdict;
}

static void judges_greetings(void **state)
{
    (void)state;
    static const struct {
        const char *greeting;
        bool closed;
        enum dial_verdict verdict;
        int exit_code;
        const char *words;
    } greetings[] = {
        {"220 mx ready\r\n", false, DIAL_WON, 0, NULL},
        {"220-mx\r\n220 ready\r\n", false, DIAL_WON, 0, NULL},
        {"220 mx\r\n", true, DIAL_WON, 0, NULL},
        {"220-mx\r\n", false, DIAL_WAIT, 0, NULL},
        {"2", false, DIAL_WAIT, 0, NULL},
        {"", true, DIAL_LOST, EX_TEMPFAIL, "closed by the server"},
        {"220-mx\r\n", true, DIAL_LOST, EX_TEMPFAIL, "closed by the server"},
        {"421 busy\r\n", false, DIAL_LOST, EX_TEMPFAIL, "greeting: 421 busy"},
        {"554 5.7.1 no\r\n", false, DIAL_LOST, EX_UNAVAILABLE, "554 5.7.1 no"},
        {"250 ok\r\n", false, DIAL_LOST, EX_PROTOCOL, "250 ok"},
        {"SSH-2.0-OpenSSH\r\n", false, DIAL_LOST, EX_PROTOCOL, "SSH-2.0-OpenSSH"},
        {"\x15\x03\x01", false, DIAL_LOST, EX_PROTOCOL, "TLS on the wrong port"},
    };
    for (size_t i = 0; i < sizeof greetings / sizeof greetings[0]; i++) {
        struct error error = {0};
        assert_int_equal(
            judge(SMARTHOST_STARTTLS, greetings[i].greeting, greetings[i].closed, &error),
            greetings[i].verdict);
        if (greetings[i].verdict != DIAL_LOST)
            continue;
        assert_int_equal(error.exit_code, greetings[i].exit_code);
        assert_non_null(strstr(error.sentence, greetings[i].words));
    }
}

/* Each reply code becomes the exit code of the contract. */
static void classifies_refusals(void **state)
{
    (void)state;
    static const struct {
        const char *reply;
        int exit_code;
        bool permanent; /* as a verdict on the message */
    } refusals[] = {
        {"421 x", EX_TEMPFAIL, false},         {"450 4.2.1 x", EX_TEMPFAIL, false},
        {"454 4.7.0 x", EX_TEMPFAIL, false},   {"552 5.3.4 x", EX_DATAERR, true},
        {"552 5.2.2 x", EX_UNAVAILABLE, true}, {"552 x", EX_UNAVAILABLE, true},
        {"550 5.7.1 x", EX_UNAVAILABLE, true}, {"554 x", EX_UNAVAILABLE, true},
        {"500 x", EX_UNAVAILABLE, true},       {"530 5.7.0 x", EX_NOPERM, false},
        {"534 x", EX_NOPERM, false},           {"538 x", EX_NOPERM, false},
        {"250 x", EX_PROTOCOL, false},         {"354 x", EX_PROTOCOL, false},
    };
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        struct smarthost smarthost = {0};
        struct client client;
        struct error error, ignored;
        char line[64];
        size_t used;
        client_init(&client, &smarthost, NULL, &no_trace);
        client.peer = (struct dial_peer){.host = "mail.example", .address = "192.0.2.1:25"};
        snprintf(line, sizeof line, "%s\r\n", refusals[i].reply);
        reply_start(&client.reply);
        assert_int_equal(reply_take(&client.reply, slice_of(line), &client.mask, &used, &ignored),
                         REPLY_COMPLETE);
        assert_false(client_refused(&client, "STEP", true, &error));
        assert_int_equal(error.exit_code, refusals[i].exit_code);
        assert_int_equal(error.permanent, refusals[i].permanent);
        assert_int_equal(error.reply_code, client.reply.code);
        assert_string_equal(error.enhanced, client.reply.enhanced);
        assert_false(client_refused(&client, "STEP", false, &error));
        assert_false(error.permanent);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(begins),
        cmocka_unit_test(judges_greetings),
        cmocka_unit_test(classifies_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

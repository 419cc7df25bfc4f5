/* Goal: whatever a server answers, each recipient gets the outcome it deserves, nobody gets the
 * message who was not accepted, and no reply is taken for the answer to another command. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "smtp/authenticate.h"
#include "smtp/transaction.h"
#include "tests/smtp/given.h"
#include "tests/support/peer.h"

enum { RECIPIENTS_MAX = 6, SCRIPT_SIZE = 4096, LARGE = 1400000 /* octets */ };

static const struct trace silent_trace;
static struct sasl_secret secret = {.bytes = "hunter2", .length = 7};

static const char small_body[] = "hello\r\n.dot\r\n";

struct row {
    const char *name;
    const char *keywords; /* of EHLO, divided by '/' */
    const char *replies;  /* to what follows EHLO */
    int recipients;
    bool login, plain, big;
    enum transaction_end end;
    int exit_code; /* where it failed */
    bool permanent;
    const char *states; /* of the recipients: P A D R */
    const char *heard;  /* behind EHLO */
};

#define PIPE "/250-PIPELINING"
#define BOTH "/250-PIPELINING/250-CHUNKING"

static const struct row rows[] = {
    /* In plain steps. */
    {"plain steps", "", "250 ok\n250 ok\n354 go\n250 2.0.0 queued as 1\n", 1, false, false, false,
     TRANSACTION_DONE, 0, false, "A", "MAIL RCPT DATA ."},
    {"one of two refused", "", "250 ok\n550 5.1.1 no\n250 ok\n354 go\n250 ok\n", 2, false, false,
     false, TRANSACTION_DONE, 0, false, "RA", "MAIL RCPT RCPT DATA ."},
    {"one put off", "", "250 ok\n250 ok\n451 4.7.1 greylisted\n354 go\n250 ok\n", 2, false, false,
     false, TRANSACTION_DONE, 0, false, "AD", "MAIL RCPT RCPT DATA ."},
    {"all refused", "", "250 ok\n550 no\n553 no\n", 2, false, false, false, TRANSACTION_DONE, 0,
     false, "RR", "MAIL RCPT RCPT"},
    {"251 and 252 accept", "", "250 ok\n251 will forward\n252 will try\n354 go\n250 ok\n", 2, false,
     false, false, TRANSACTION_DONE, 0, false, "AA", "MAIL RCPT RCPT DATA ."},
    {"MAIL 5xx", "", "550 5.7.1 not you\n", 2, false, false, false, TRANSACTION_FAILED,
     EX_UNAVAILABLE, true, "PP", "MAIL"},
    {"MAIL 4xx", "", "451 4.3.0 later\n", 1, false, false, false, TRANSACTION_FAILED, EX_TEMPFAIL,
     false, "P", "MAIL"},
    {"MAIL 530", "", "530 5.7.0 login first\n", 1, false, false, false, TRANSACTION_FAILED,
     EX_NOPERM, false, "P", "MAIL"},
    {"MAIL 552 5.3.4", "", "552 5.3.4 too big\n", 1, false, false, false, TRANSACTION_FAILED,
     EX_DATAERR, true, "P", "MAIL"},
    {"MAIL 354", "", "354 what\n", 1, false, false, false, TRANSACTION_FAILED, EX_PROTOCOL, false,
     "P", "MAIL"},
    {"RCPT 530", "", "250 ok\n530 5.7.0 login first\n", 2, false, false, false, TRANSACTION_FAILED,
     EX_NOPERM, false, "PP", "MAIL RCPT"},
    {"DATA 5xx", "", "250 ok\n250 ok\n554 5.5.1 no\n", 1, false, false, false, TRANSACTION_FAILED,
     EX_UNAVAILABLE, true, "P", "MAIL RCPT DATA"},
    {"DATA 250", "", "250 ok\n250 ok\n250 ok\n", 1, false, false, false, TRANSACTION_FAILED,
     EX_PROTOCOL, false, "P", "MAIL RCPT DATA"},
    {"the end 5xx", "", "250 ok\n250 ok\n550 no\n354 go\n554 5.6.0 spam\n", 2, false, false, false,
     TRANSACTION_FAILED, EX_UNAVAILABLE, true, "PR", "MAIL RCPT RCPT DATA ."},
    {"the end 4xx", "", "250 ok\n250 ok\n354 go\n451 4.3.0 later\n", 1, false, false, false,
     TRANSACTION_FAILED, EX_TEMPFAIL, false, "P", "MAIL RCPT DATA ."},
    {"cut at the end", "", "250 ok\n250 ok\n354 go\nclose", 1, false, false, false,
     TRANSACTION_FAILED, EX_TEMPFAIL, false, "P", "MAIL RCPT DATA ."},
    {"cut at RCPT", "", "250 ok\n250 ok\nclose", 2, false, false, false, TRANSACTION_FAILED,
     EX_TEMPFAIL, false, "PP", "MAIL RCPT RCPT"},
    {"garbage", "", "250 ok\nI am not a server\n", 1, false, false, false, TRANSACTION_FAILED,
     EX_PROTOCOL, false, "P", "MAIL RCPT"},
    {"silence", "", "250 ok\nsilent\n", 1, false, false, false, TRANSACTION_FAILED, EX_TEMPFAIL,
     false, "P", "MAIL RCPT"},
    {"told to be plain", BOTH, "250 ok\n250 ok\n354 go\n250 ok\n", 1, false, true, false,
     TRANSACTION_DONE, 0, false, "A", "MAIL RCPT DATA ."},
    {"452 after an accepted one", "", "250 ok\n250 ok\n452 4.5.3 enough\n354 go\n250 ok\n", 3,
     false, false, false, TRANSACTION_DONE, 0, false, "ADP", "MAIL RCPT RCPT DATA ."},
    {"452 before any", "", "250 ok\n452 4.3.1 full\n250 ok\n354 go\n250 ok\n", 2, false, false,
     false, TRANSACTION_DONE, 0, false, "DA", "MAIL RCPT RCPT DATA ."},
    {"452 4.2.2 after an accepted one", "",
     "250 ok\n250 ok\n452 4.2.2 full\n250 ok\n354 go\n250 ok\n", 3, false, false, false,
     TRANSACTION_DONE, 0, false, "ADA", "MAIL RCPT RCPT RCPT DATA ."},
    {"552 after an accepted one", "", "250 ok\n250 ok\n552 enough\n354 go\n250 ok\n", 3, false,
     false, false, TRANSACTION_DONE, 0, false, "ADP", "MAIL RCPT RCPT DATA ."},
    {"552 5.2.2 after an accepted one", "",
     "250 ok\n250 ok\n552 5.2.2 full\n250 ok\n354 go\n250 ok\n", 3, false, false, false,
     TRANSACTION_DONE, 0, false, "ARA", "MAIL RCPT RCPT RCPT DATA ."},
    {"552 before any", "", "250 ok\n552 full\n250 ok\n354 go\n250 ok\n", 2, false, false, false,
     TRANSACTION_DONE, 0, false, "RA", "MAIL RCPT RCPT DATA ."},
    {"an early no", "", "250 ok\n250 ok\n354 go\nearly 552 5.3.4 too big\n", 1, false, false, true,
     TRANSACTION_FAILED, EX_DATAERR, true, "P", "MAIL RCPT DATA"},

    /* PIPELINING, DATA in the flight. */
    {"a flight", PIPE, "250 ok\n250 ok\n550 no\n354 go\n250 ok\n", 2, false, false, false,
     TRANSACTION_DONE, 0, false, "AR", "MAIL RCPT RCPT DATA . QUIT"},
    {"a flight with login", PIPE, "235 in\n250 ok\n250 ok\n354 go\n250 ok\n", 1, true, false, false,
     TRANSACTION_DONE, 0, false, "A", "AUTH MAIL RCPT DATA . QUIT"},
    {"login refused", PIPE, "535 5.7.8 no\n530 no\n530 no\n530 no\n", 1, true, false, false,
     TRANSACTION_FAILED, EX_NOPERM, false, "P", "AUTH MAIL RCPT DATA"},
    {"login put off", PIPE, "454 4.7.0 too many logins\n530 no\n503 no\n503 no\n", 1, true, false,
     false, TRANSACTION_FAILED, EX_TEMPFAIL, false, "P", "AUTH MAIL RCPT DATA"},
    {"login refused, then cut", PIPE, "535 5.7.8 no\nclose", 1, true, false, false,
     TRANSACTION_FAILED, EX_NOPERM, false, "P", "AUTH MAIL"},
    {"login refused but 354", PIPE, "535 5.7.8 no\n250 ok\n250 ok\n354 go\n", 1, true, false, false,
     TRANSACTION_FAILED, EX_NOPERM, false, "P", "AUTH MAIL RCPT DATA"},
    {"MAIL refused", PIPE, "550 5.7.1 no\n503 no\n554 no\n503 no\n", 2, false, false, false,
     TRANSACTION_FAILED, EX_UNAVAILABLE, true, "PP", "MAIL RCPT RCPT DATA"},
    {"MAIL refused but 354", PIPE, "550 5.7.1 no\n250 ok\n354 go\n", 1, false, false, false,
     TRANSACTION_FAILED, EX_UNAVAILABLE, true, "P", "MAIL RCPT DATA"},
    {"all refused, DATA 503", PIPE, "250 ok\n550 no\n550 no\n503 no\n", 2, false, false, false,
     TRANSACTION_DONE, 0, false, "RR", "MAIL RCPT RCPT DATA"},
    {"all refused, DATA 354", PIPE, "250 ok\n550 no\n354 go\n554 no recipients\n", 1, false, false,
     false, TRANSACTION_DONE, 0, false, "R", "MAIL RCPT DATA ."},
    {"all refused, the dot 250", PIPE, "250 ok\n550 no\n354 go\n250 ok\n", 1, false, false, false,
     TRANSACTION_DONE, 0, false, "R", "MAIL RCPT DATA ."},
    {"all refused, cut at DATA", PIPE, "250 ok\n550 no\nclose", 1, false, false, false,
     TRANSACTION_DONE, 0, false, "R", "MAIL RCPT DATA"},
    {"AUTH 503 in a flight", PIPE, "503 no\n503 no\n503 no\n503 no\n", 1, true, false, false,
     TRANSACTION_PLAIN, EX_NOPERM, false, "P", "AUTH MAIL RCPT DATA"},
    {"AUTH 334 in a flight", PIPE, "334 \n501 no\n503 no\n503 no\n", 1, true, false, false,
     TRANSACTION_PLAIN, EX_PROTOCOL, false, "P", "AUTH + RCPT DATA"},
    {"AUTH 334 in a flight, and the chunk taken", BOTH, "334 \n250 ok\n250 ok\n250 ok\n", 1, true,
     false, false, TRANSACTION_FAILED, EX_PROTOCOL, false, "P", "AUTH + RCPT BDAT QUIT"},
    {"MAIL 501 in a flight", PIPE, "501 no\n503 no\n503 no\n", 1, false, false, false,
     TRANSACTION_PLAIN, EX_UNAVAILABLE, true, "P", "MAIL RCPT DATA"},
    {"RCPT 503 in a flight", PIPE, "250 ok\n503 no\n503 no\n", 1, false, false, false,
     TRANSACTION_PLAIN, EX_UNAVAILABLE, true, "P", "MAIL RCPT DATA"},
    {"RCPT 501 in a flight", PIPE, "250 ok\n501 no\n503 no\n", 1, false, false, false,
     TRANSACTION_DONE, 0, false, "R", "MAIL RCPT DATA"},
    {"RCPT 503 beside an accepted one", PIPE, "250 ok\n250 ok\n503 no\n354 go\n250 ok\n", 2, false,
     false, false, TRANSACTION_DONE, 0, false, "AP", "MAIL RCPT RCPT DATA ."},
    {"DATA 554 in a flight", PIPE, "250 ok\n250 ok\n554 no\n", 1, false, false, false,
     TRANSACTION_PLAIN, EX_UNAVAILABLE, true, "P", "MAIL RCPT DATA"},
    {"DATA 550 in a flight", PIPE, "250 ok\n250 ok\n550 no\n", 1, false, false, false,
     TRANSACTION_FAILED, EX_UNAVAILABLE, true, "P", "MAIL RCPT DATA"},
    {"554 to the end is no trouble of the flight", PIPE, "250 ok\n250 ok\n354 go\n554 spam\n", 1,
     false, false, false, TRANSACTION_FAILED, EX_UNAVAILABLE, true, "P", "MAIL RCPT DATA . QUIT"},
    {"a flight cut", PIPE, "250 ok\nclose", 1, false, false, false, TRANSACTION_PLAIN, EX_TEMPFAIL,
     false, "P", "MAIL RCPT"},
    {"a flight cut with 452", PIPE, "250 ok\n250 ok\n452 enough\nclose", 3, false, false, false,
     TRANSACTION_PLAIN, EX_TEMPFAIL, false, "PDP", "MAIL RCPT RCPT RCPT"},
    {"silence in a flight", PIPE, "250 ok\nsilent\nsilent\n", 1, false, false, false,
     TRANSACTION_FAILED, EX_TEMPFAIL, false, "P", "MAIL RCPT DATA"},
    {"cut after the dot", PIPE, "250 ok\n250 ok\n354 go\nclose", 1, false, false, false,
     TRANSACTION_FAILED, EX_TEMPFAIL, false, "P", "MAIL RCPT DATA ."},
    {"452 in a flight", PIPE, "250 ok\n250 ok\n452 4.5.3 no\n452 4.5.3 no\n354 go\n250 ok\n", 3,
     false, false, false, TRANSACTION_DONE, 0, false, "ADD", "MAIL RCPT RCPT RCPT DATA ."},
    {"RCPTMAX", PIPE "/250-LIMITS RCPTMAX=2", "250 ok\n250 ok\n250 ok\n354 go\n250 ok\n", 3, false,
     false, false, TRANSACTION_DONE, 0, false, "AAP", "MAIL RCPT RCPT DATA ."},

    /* CHUNKING. */
    {"all in one flight", BOTH, "235 in\n250 ok\n250 ok\n550 no\n250 ok\n", 2, true, false, false,
     TRANSACTION_DONE, 0, false, "AR", "AUTH MAIL RCPT RCPT BDAT QUIT"},
    {"login refused, BDAT 530", BOTH, "535 no\n530 no\n530 no\n530 no\n", 1, true, false, false,
     TRANSACTION_FAILED, EX_NOPERM, false, "P", "AUTH MAIL RCPT BDAT QUIT"},
    {"login refused, BDAT 250", BOTH, "535 no\n250 ok\n250 ok\n250 ok\n", 1, true, false, false,
     TRANSACTION_DONE, 0, false, "A", "AUTH MAIL RCPT BDAT QUIT"},
    {"login refused, BDAT 250 for one", BOTH, "535 no\n250 ok\n250 ok\n550 no\n250 ok\n", 2, true,
     false, false, TRANSACTION_FAILED, EX_NOPERM, false, "AP", "AUTH MAIL RCPT RCPT BDAT QUIT"},
    {"all refused, BDAT 503", BOTH, "250 ok\n550 no\n503 no\n", 1, false, false, false,
     TRANSACTION_DONE, 0, false, "R", "MAIL RCPT BDAT QUIT"},
    {"all refused, BDAT 250", BOTH, "250 ok\n550 no\n250 ok\n", 1, false, false, false,
     TRANSACTION_DONE, 0, false, "R", "MAIL RCPT BDAT QUIT"},
    {"BDAT 554 in the flight", BOTH, "250 ok\n250 ok\n554 no\n", 1, false, false, false,
     TRANSACTION_PLAIN, EX_UNAVAILABLE, true, "P", "MAIL RCPT BDAT QUIT"},
    {"BDAT 502", BOTH, "250 ok\n250 ok\n502 unknown\n", 1, false, false, false, TRANSACTION_PLAIN,
     EX_UNAVAILABLE, true, "P", "MAIL RCPT BDAT QUIT"},
    {"BDAT 552", BOTH, "250 ok\n250 ok\n552 5.3.4 too big\n", 1, false, false, false,
     TRANSACTION_FAILED, EX_DATAERR, true, "P", "MAIL RCPT BDAT QUIT"},
    {"BDAT 451", BOTH, "250 ok\n250 ok\n451 later\n", 1, false, false, false, TRANSACTION_FAILED,
     EX_TEMPFAIL, false, "P", "MAIL RCPT BDAT QUIT"},
    {"the chunk rode, cut", BOTH, "250 ok\n250 ok\nclose", 1, false, false, false,
     TRANSACTION_PLAIN, EX_TEMPFAIL, false, "P", "MAIL RCPT BDAT"},
    {"a large one", BOTH, "250 ok\n250 ok\n550 no\n250 ok\n", 2, false, false, true,
     TRANSACTION_DONE, 0, false, "AR", "MAIL RCPT RCPT BDAT QUIT"},
    {"a large one to nobody", BOTH, "250 ok\n550 no\n", 1, false, false, true, TRANSACTION_DONE, 0,
     false, "R", "MAIL RCPT"},
    {"a large one, 554", BOTH, "250 ok\n250 ok\n554 spam\n", 1, false, false, true,
     TRANSACTION_FAILED, EX_UNAVAILABLE, true, "P", "MAIL RCPT BDAT QUIT"},
    {"a large one, 503", BOTH, "250 ok\n250 ok\n503 what\n", 1, false, false, true,
     TRANSACTION_PLAIN, EX_UNAVAILABLE, true, "P", "MAIL RCPT BDAT QUIT"},
    {"a large one, cut", BOTH, "250 ok\n250 ok\nclose", 1, false, false, true, TRANSACTION_FAILED,
     EX_TEMPFAIL, false, "P", "MAIL RCPT BDAT"},
    {"CHUNKING without PIPELINING", "/250-CHUNKING", "250 ok\n250 ok\n250 ok\n", 1, false, false,
     false, TRANSACTION_DONE, 0, false, "A", "MAIL RCPT BDAT"},
};

static void make_envelope(struct envelope *envelope, int recipients)
{
    static const char *const addresses[RECIPIENTS_MAX] = {"a@x", "b@x", "c@x", "d@x", "e@x", "f@x"};
    struct error error;
    *envelope = (struct envelope){.sender = "me@x"};
    for (int i = 0; i < recipients; i++)
        assert_true(envelope_add(envelope, addresses[i], &error));
}

static void expect_states(const struct envelope *envelope, const char *expected)
{
    static const char letters[] = "PADR";
    char states[RECIPIENTS_MAX + 1] = "";
    for (size_t i = 0; i < envelope->count; i++)
        states[i] = letters[envelope->recipients[i].state];
    assert_string_equal(states, expected);
}

/* A connection to a peer that has just answered EHLO. */
static void open_client(struct client *client, const struct smarthost *smarthost, struct peer *peer,
                        const char *const *scripts)
{
    struct error error;
    client_init(client, smarthost, NULL, &silent_trace);
    stream_init(&client->stream, peer_pair(peer, scripts), smarthost->timeout);
    client->peer = (struct dial_peer){
        .host = "mail.example", .port = 25, .address = "192.0.2.1:25", .loopback = true};
    assert_true(client_begin(client, &error));
}

static void run_row(const struct row *row)
{
    char script[SCRIPT_SIZE];
    const char *scripts[] = {script, NULL};
    struct smarthost smarthost = {
        .tls_mode = SMARTHOST_CLEAR,
        .sasl = {.mechanism = "plain", .user = row->login ? "me" : NULL, .secret = &secret},
        .helo = "client.example",
        .timeout = strstr(row->replies, "silent") ? 500 : 20000,
        .pipelining = true,
        .chunking = true,
    };
    struct peer peer;
    struct client client;
    struct message message;
    struct envelope envelope;
    struct batch batch;
    struct error error = {0};
    const struct sasl_mechanism *login = NULL;
    snprintf(script, sizeof script, "220 mx\n250-mx%s/250-SIZE/250 AUTH PLAIN\n%s", row->keywords,
             row->replies);
    given_message(&message, small_body, row->big ? LARGE : 0);
    make_envelope(&envelope, row->recipients);
    assert_true(batch_open(&batch, &envelope, 1 << RECIPIENT_PENDING, &error));
    open_client(&client, &smarthost, &peer, scripts);
    client.plain = row->plain;
    assert_true(authenticate_choose(&client, &login, &error));

    struct transaction transaction = {
        .client = &client,
        .message = &message,
        .envelope = &envelope,
        .batch = &batch,
        .login = login,
        .last = true,
    };
    enum transaction_end end = transaction_run(&transaction, &error);
    client_close(&client, false); /* a QUIT that is heard rode with the transaction */
    client_free(&client);
    peer_join(&peer);

    char heard[SCRIPT_SIZE];
    snprintf(heard, sizeof heard, "EHLO %s", row->heard);
    print_message("    %s\n", row->name);
    assert_int_equal(end, row->end);
    if (end != TRANSACTION_DONE) {
        assert_int_equal(error.exit_code, row->exit_code);
        assert_int_equal(error.permanent, row->permanent);
        assert_non_null(strstr(error.sentence, "mail.example (192.0.2.1:25)"));
        assert_null(strstr(error.sentence, "hunter2"));
    }
    expect_states(&envelope, row->states);
    assert_string_equal(peer.heard.bytes, heard);

    batch_close(&batch);
    message_free(&message);
    envelope_free(&envelope);
    peer_free(&peer);
}

static void judges(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        run_row(&rows[i]);
}

/* In two halves: the login rides with the first, the message goes to those who were accepted. */
static void runs_in_two_halves(void **state)
{
    (void)state;
    static const char script[] =
        "220 mx\n250-mx/250-PIPELINING/250-CHUNKING/250-SIZE/250 AUTH PLAIN\n235 in\n250 ok\n"
        "550 no\n250 ok\n250 ok\n";
    const char *scripts[] = {script, NULL};
    struct smarthost smarthost = {
        .tls_mode = SMARTHOST_CLEAR,
        .sasl = {.mechanism = "plain", .user = "me", .secret = &secret},
        .helo = "client.example",
        .timeout = 20000,
        .pipelining = true,
        .chunking = true,
    };
    struct peer peer;
    struct client client;
    struct message message;
    struct envelope envelope;
    struct batch batch;
    struct error error = {0};
    const struct sasl_mechanism *login;
    given_message(&message, small_body, 0);
    make_envelope(&envelope, 1);
    open_client(&client, &smarthost, &peer, scripts);
    assert_true(authenticate_choose(&client, &login, &error));
    struct transaction transaction = {
        .client = &client, .envelope = &envelope, .login = login, .last = true};
    for (size_t i = 0; i < 2; i++) {
        assert_true(batch_open(&batch, &envelope, 1 << RECIPIENT_PENDING, &error));
        assert_int_equal(transaction_offer(&transaction, &batch, &error), TRANSACTION_DONE);
        assert_true(transaction.opened);
        assert_int_equal(transaction.accepted, i);
        batch_close(&batch);
        if (i == 0)
            assert_true(envelope_add(&envelope, "b@x", &error));
    }
    assert_int_equal(envelope.recipients[0].state, RECIPIENT_REFUSED);
    assert_int_equal(envelope.recipients[1].state, RECIPIENT_OFFERED);

    transaction.message = &message;
    assert_true(batch_open(&batch, &envelope, 1 << RECIPIENT_OFFERED, &error));
    assert_int_equal(transaction_deliver(&transaction, &batch, &error), TRANSACTION_DONE);
    assert_true(transaction.delivered);
    expect_states(&envelope, "RA");
    client_close(&client, false);
    client_free(&client);
    peer_join(&peer);
    assert_string_equal(peer.heard.bytes, "EHLO AUTH MAIL RCPT RCPT BDAT");
    batch_close(&batch);
    message_free(&message);
    envelope_free(&envelope);
    peer_free(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(judges),
        cmocka_unit_test(runs_in_two_halves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

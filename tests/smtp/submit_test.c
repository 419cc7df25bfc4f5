/* Goal: an attempt finds its way over connections: candidates, the second try in plain steps, the
 * recipients that must wait for the next transaction; and what cannot be carried is not sent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "smtp/submission.h"
#include "tests/smtp/given.h"
#include "tests/support/peer.h"

enum { RECIPIENTS_MAX = 8, SCRIPTS_MAX = 4 };

#define HELLO "220 mx\n250-mx/250-8BITMIME/250 SIZE\n"
#define PIPE  "220 mx\n250-mx/250-8BITMIME/250 PIPELINING\n"
#define BOTH  "220 mx\n250-mx/250-8BITMIME/250-PIPELINING/250 CHUNKING\n"
#define ONE   "250 ok\n250 ok\n354 go\n250 ok\n"

struct row {
    const char *name;
    const char *scripts[SCRIPTS_MAX];
    int recipients;
    const char *body;
    bool utf8, no_pipelining, no_chunking;
    int exit_code; /* EX_OK: the attempt came to its end */
    bool permanent;
    const char *states;
    const char *heard;
    const char *words; /* in the error, or in the notes */
};

static const struct row rows[] = {
    {"one", {HELLO ONE}, 1, "x\r\n", .states = "A", .heard = "EHLO MAIL RCPT DATA . QUIT"},
    {"pipelining = no",
     {BOTH "250 ok\n250 ok\n250 ok\n"},
     1,
     "x\r\n",
     .no_pipelining = true,
     .states = "A",
     .heard = "EHLO MAIL RCPT BDAT QUIT"},
    {"chunking = no",
     {BOTH ONE},
     1,
     "x\r\n",
     .no_chunking = true,
     .states = "A",
     .heard = "EHLO MAIL RCPT DATA . QUIT"},
    {"all refused",
     {HELLO "250 ok\n550 5.1.1 no\n"},
     1,
     "x\r\n",
     .states = "R",
     .heard = "EHLO MAIL RCPT QUIT"},
    {"EHLO refused for now",
     {"220 mx\n421 4.3.2 busy\n"},
     1,
     "x\r\n",
     .exit_code = EX_TEMPFAIL,
     .states = "P",
     .heard = "EHLO QUIT",
     .words = "EHLO: refused by 127.0.0.1 (127.0.0.1:"},
    {"MAIL refused for now",
     {HELLO "451 4.3.0 no\n", HELLO ONE},
     1,
     "x\r\n",
     .exit_code = EX_TEMPFAIL,
     .states = "P",
     .heard = "EHLO MAIL QUIT",
     .words = "MAIL FROM:<me@x>: refu"},
    {"the flight is refused",
     {BOTH "250 ok\n503 no\n503 no\n", BOTH ONE},
     1,
     "x\r\n",
     .states = "A",
     .heard = "EHLO MAIL RCPT BDAT QUIT | EHLO MAIL RCPT DATA . QUIT",
     .words = "pipelining = no or chunking = no"},
    {"the flight is cut",
     {PIPE "250 ok\nclose", PIPE ONE},
     1,
     "x\r\n",
     .states = "A",
     .heard = "EHLO MAIL RCPT | EHLO MAIL RCPT DATA . QUIT",
     .words = "plain steps"},
    {"the flight is cut behind its chunk",
     {BOTH "250 ok\n250 ok\nclose", BOTH ONE},
     1,
     "x\r\n",
     .states = "A",
     .heard = "EHLO MAIL RCPT BDAT | EHLO MAIL RCPT DATA . QUIT",
     .words = "possible duplicate"},
    {"the flight is cut, its chunk behind it",
     {BOTH "close", BOTH ONE},
     1,
     "x\r\n",
     .states = "A",
     .heard = "EHLO MAIL | EHLO MAIL RCPT DATA . QUIT",
     .words = "possible duplicate"},
    {"plain steps are tried once",
     {PIPE "503 no\n503 no\n503 no\n", PIPE "503 5.5.1 no\n", PIPE ONE},
     1,
     "x\r\n",
     .exit_code = EX_UNAVAILABLE,
     .permanent = true,
     .states = "P",
     .heard = "EHLO MAIL RCPT DATA QUIT | EHLO MAIL QUIT",
     .words = "503 5.5.1 no"},
    {"plain steps for the pending only",
     {PIPE "250 ok\n550 no\n250 ok\n554 no\n", PIPE ONE},
     2,
     "x\r\n",
     .states = "RA",
     .heard = "EHLO MAIL RCPT RCPT DATA QUIT | EHLO MAIL RCPT DATA . QUIT"},
    {"the next transaction",
     {HELLO "250 ok\n250 ok\n452 4.5.3 no\n354 go\n250 ok\n" ONE ONE},
     3,
     "x\r\n",
     .states = "AAA",
     .heard = "EHLO MAIL RCPT RCPT DATA . MAIL RCPT DATA . MAIL RCPT DATA . QUIT"},
    {"the next transactions in flights",
     {PIPE "250 ok\n250 ok\n452 no\n452 no\n354 go\n250 ok\n" ONE ONE},
     3,
     "x\r\n",
     .states = "AAA",
     .heard = "EHLO MAIL RCPT RCPT RCPT DATA . MAIL RCPT DATA . MAIL RCPT DATA . QUIT"},
    {"after a QUIT that came too early",
     {BOTH "250 ok\n250 ok\n452 no\n250 ok\n", BOTH "250 ok\n250 ok\n250 ok\n"},
     2,
     "x\r\n",
     .states = "AA",
     .heard = "EHLO MAIL RCPT RCPT BDAT QUIT | EHLO MAIL RCPT BDAT QUIT"},
    {"a transaction that accepts nobody",
     {HELLO "250 ok\n250 ok\n452 no\n354 go\n250 ok\n250 ok\n452 4.5.3 still no\n"},
     4,
     "x\r\n",
     .states = "ADDD",
     .heard = "EHLO MAIL RCPT RCPT DATA . MAIL RCPT QUIT"},
    {"a transaction that refuses everybody",
     {"220 mx\n250-mx/250 LIMITS RCPTMAX=2\n250 ok\n550 no\n550 no\n250 reset\n" ONE},
     3,
     "x\r\n",
     .states = "RRA",
     .heard = "EHLO MAIL RCPT RCPT RSET MAIL RCPT DATA . QUIT"},
    {"a flight that refuses everybody",
     {"220 mx\n250-mx/250-PIPELINING/250-CHUNKING/250 LIMITS RCPTMAX=1\n250 ok\n550 no\n503 no\n"
      "250 reset\n250 ok\n250 ok\n250 ok\n"},
     2,
     "x\r\n",
     .states = "RA",
     .heard = "EHLO MAIL RCPT BDAT RSET MAIL RCPT BDAT QUIT"},
    {"RSET is refused",
     {"220 mx\n250-mx/250 LIMITS RCPTMAX=1\n250 ok\n550 no\n500 what\n",
      "220 mx\n250-mx/250 LIMITS RCPTMAX=1\n" ONE},
     2,
     "x\r\n",
     .states = "RA",
     .heard = "EHLO MAIL RCPT RSET QUIT | EHLO MAIL RCPT DATA . QUIT"},
    {"a transaction that puts off one and refuses one",
     {"220 mx\n250-mx/250 LIMITS RCPTMAX=2\n250 ok\n550 no\n451 later\n"},
     3,
     "x\r\n",
     .states = "RDD",
     .heard = "EHLO MAIL RCPT RCPT QUIT"},
    {"RCPTMAX and MAILMAX",
     {"220 mx\n250-mx/250 LIMITS RCPTMAX=1 MAILMAX=2\n" ONE ONE,
      "220 mx\n250-mx/250 LIMITS RCPTMAX=1 MAILMAX=2\n" ONE},
     3,
     "x\r\n",
     .states = "AAA",
     .heard = "EHLO MAIL RCPT DATA . MAIL RCPT DATA . QUIT | EHLO MAIL RCPT DATA . QUIT"},
    {"hung up after some 452",
     {PIPE "250 ok\n250 ok\n452 no\nclose", PIPE ONE ONE ONE},
     3,
     "x\r\n",
     .states = "AAA",
     .heard = "EHLO MAIL RCPT RCPT RCPT | EHLO MAIL RCPT DATA . MAIL RCPT DATA . MAIL RCPT DATA . "
              "QUIT"},
    {"cut in the second transaction",
     {HELLO "250 ok\n250 ok\n452 no\n354 go\n250 ok\nclose"},
     2,
     "x\r\n",
     .exit_code = EX_TEMPFAIL,
     .states = "AD",
     .heard = "EHLO MAIL RCPT RCPT DATA . MAIL",
     .words = "MAIL FROM: 127.0.0.1 (127.0.0.1:"},
    {"SIZE",
     {"220 mx\n250-mx/250 SIZE 10\n"},
     1,
     "x\r\n",
     .exit_code = EX_DATAERR,
     .permanent = true,
     .states = "P",
     .heard = "EHLO QUIT",
     .words = "octets, the server takes at most 10"},
    {"SMTPUTF8",
     {HELLO},
     1,
     "x\r\n",
     .utf8 = true,
     .exit_code = EX_DATAERR,
     .permanent = true,
     .states = "P",
     .heard = "EHLO QUIT",
     .words = "needs SMTPUTF8, which the server does not offer; "},
    {"8BITMIME",
     {HELLO ONE},
     1,
     "\xc3\xa4\r\n",
     .states = "A",
     .heard = "EHLO MAIL RCPT DATA . QUIT",
     .words = ""},
    {"no 8BITMIME",
     {"220 mx\n250 mx\n" ONE},
     1,
     "\xc3\xa4\r\n",
     .states = "A",
     .heard = "EHLO MAIL RCPT DATA . QUIT",
     .words = "body encoded: it has 8-bit octets, which the server does not take"},
    {"cut after the dot",
     {PIPE "250 ok\n250 ok\n354 go\nclose", PIPE ONE},
     1,
     "x\r\n",
     .exit_code = EX_TEMPFAIL,
     .states = "P",
     .heard = "EHLO MAIL RCPT DATA .",
     .words = "possible duplicate"},
};

static const struct trace no_trace;

static void make_envelope(struct envelope *envelope, int recipients)
{
    struct error error;
    *envelope = (struct envelope){.sender = "me@x"};
    for (int i = 0; i < recipients; i++) {
        char address[16];
        snprintf(address, sizeof address, "r%d@x", i);
        assert_true(envelope_add(envelope, address, &error));
    }
}

static void expect_states(const struct envelope *envelope, const char *expected)
{
    char states[RECIPIENTS_MAX + 1] = "";
    for (size_t i = 0; i < envelope->count; i++)
        states[i] = "PADR"[envelope->recipients[i].state];
    assert_string_equal(states, expected);
}

/* One message, and nothing after it. */
static bool submit(const struct smarthost *smarthost, struct message *message,
                   struct envelope *envelope, struct submit_report *report, struct error *error)
{
    submit_begin_report(report, smarthost);
    struct submission *submission = submission_create(smarthost, &no_trace, error);
    bool ended =
        submission != NULL && submission_deliver_last(submission, message, envelope, report, error);
    submission_free(submission);
    return ended;
}

static void run_row(const struct row *row)
{
    struct peer peer;
    struct message message;
    struct envelope envelope;
    struct submit_report report;
    struct error error = {0};
    peer_listen(&peer, row->scripts);
    struct smarthost smarthost = given_smarthost(peer.port);
    smarthost.pipelining = !row->no_pipelining;
    smarthost.chunking = !row->no_chunking;
    given_message(&message, row->body, 0);
    make_envelope(&envelope, row->recipients);
    if (row->utf8)
        assert_true(envelope_set_sender(&envelope, "\xc3\xa4@x", &error));

    bool ended = submit(&smarthost, &message, &envelope, &report, &error);
    peer_join(&peer);
    print_message("    %s\n", row->name);
    assert_string_equal(peer.heard.bytes, row->heard);
    assert_int_equal(ended, row->exit_code == EX_OK);
    assert_int_equal(error.exit_code, row->exit_code);
    assert_int_equal(error.permanent && !ended, row->permanent);
    expect_states(&envelope, row->states);
    if (row->words != NULL)
        assert_non_null(strstr(ended ? report.notes : error.sentence, row->words));
    assert_string_equal(report.host, "127.0.0.1");
    assert_int_equal(report.port, peer.port);

    message_free(&message);
    envelope_free(&envelope);
    peer_free(&peer);
}

static void submits(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        run_row(&rows[i]);
}

/* Two ports: what the first says before MAIL lets the second have its turn, or not. */
static void moves_on(void **state)
{
    (void)state;
    static const struct {
        const char *first;
        bool delivered;
    } cases[] = {
        {"220 mx\n421 busy\n", true},
        {"220 mx\nclose", true},
        {"554 go away\n", true},
        {"421 busy\n", true},
        {"hello\n", true},
        {"220 mx\nsilent\n", true},
        {HELLO "451 later\n", false},
        {HELLO "550 never\n", false},
        {"220 mx\n500 what\n500 no\n", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct peer first, second;
        struct message message;
        struct envelope envelope;
        struct submit_report report;
        struct error error = {0};
        peer_listen(&first, (const char *const[]){cases[i].first, NULL});
        peer_listen(&second, (const char *const[]){HELLO ONE, NULL});
        struct smarthost smarthost = given_smarthost(first.port);
        smarthost.dial.ports[1] = second.port;
        if (strstr(cases[i].first, "silent") != NULL)
            smarthost.timeout = 500;
        given_message(&message, "x\r\n", 0);
        make_envelope(&envelope, 1);
        assert_int_equal(submit(&smarthost, &message, &envelope, &report, &error),
                         cases[i].delivered);
        expect_states(&envelope, cases[i].delivered ? "A" : "P");
        peer_join(&first);
        peer_join(&second);
        peer_free(&first);
        peer_free(&second);
        message_free(&message);
        envelope_free(&envelope);
    }
}

/* Both ports fail: the error has both reasons. */
static void reports_every_reason(void **state)
{
    (void)state;
    struct peer first, second;
    struct message message;
    struct envelope envelope;
    struct submit_report report;
    struct error error = {0};
    peer_listen(&first, (const char *const[]){"220 mx\n421 4.3.2 busy\n", NULL});
    peer_listen(&second, (const char *const[]){"220 mx\n454 4.7.0 hungry\n", NULL});
    struct smarthost smarthost = given_smarthost(first.port);
    smarthost.dial.ports[1] = second.port;
    given_message(&message, "x\r\n", 0);
    make_envelope(&envelope, 1);
    assert_false(submit(&smarthost, &message, &envelope, &report, &error));
    assert_int_equal(error.exit_code, EX_TEMPFAIL);
    assert_non_null(strstr(error.sentence, "421 4.3.2 busy"));
    assert_non_null(strstr(error.sentence, "454 4.7.0 hungry"));
    assert_int_equal(report.connections, 2);
    peer_join(&first);
    peer_join(&second);
    peer_free(&first);
    peer_free(&second);
    message_free(&message);
    envelope_free(&envelope);
}

/* The commands to the letter, and the message as it arrives. */
static void speaks_to_the_letter(void **state)
{
    (void)state;
    static const struct {
        const char *script, *lines, *body, *reply;
    } cases[] = {
        {"220 mx\n250-mx/250-8BITMIME/250 SIZE 1000\n" ONE,
         "EHLO client.example\nMAIL FROM:<me@x> SIZE=25 BODY=8BITMIME\nRCPT "
         "TO:<r0@x>\nDATA\nQUIT\n",
         "\r\n..\r\n..\xc3\xa4\r\n.\r\n", "250 ok"},
        {BOTH "250 ok\n250 ok\n250 2.0.0 queued\\1\n",
         "EHLO client.example\nMAIL FROM:<me@x> BODY=8BITMIME\nRCPT TO:<r0@x>\nBDAT 999 "
         "LAST\nQUIT\n",
         "\r\n.\r\n.\xc3\xa4\r\n", "250 2.0.0 queued\\1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct peer peer;
        struct message message;
        struct envelope envelope;
        struct submit_report report;
        struct error error = {0};
        peer_listen(&peer, (const char *const[]){cases[i].script, NULL});
        struct smarthost smarthost = given_smarthost(peer.port);
        given_message(&message, ".\r\n.\xc3\xa4\r\n", 0);
        make_envelope(&envelope, 1);
        assert_true(submit(&smarthost, &message, &envelope, &report, &error));
        peer_join(&peer);

        char lines[512];
        struct text expected;
        struct slice template = slice_of(cases[i].lines), line;
        text_init(&expected, lines, sizeof lines);
        while (slice_cut(&template, '\n', &line)) {
            if (slice_starts_nocase(line, "MAIL FROM:<me@x> SIZE="))
                text_add_format(&expected, "MAIL FROM:<me@x> SIZE=%llu BODY=8BITMIME\n",
                                (unsigned long long)report.size);
            else if (slice_starts_nocase(line, "BDAT"))
                text_add_format(&expected, "BDAT %llu LAST\n", (unsigned long long)report.size);
            else
                text_add_format(&expected, "%.*s\n", (int)line.length, line.bytes);
        }
        assert_string_equal(peer.lines.bytes, lines);
        size_t tail = strlen(cases[i].body);
        assert_true(peer.body.length > tail);
        assert_memory_equal(peer.body.bytes + peer.body.length - tail, cases[i].body, tail);
        assert_string_equal(report.reply, cases[i].reply);
        peer_free(&peer);
        message_free(&message);
        envelope_free(&envelope);
    }
}

/* Ten thousand recipients, more than the window holds, in one transaction. */
static void takes_many_recipients(void **state)
{
    (void)state;
    enum { COUNT = 10000 };
    struct peer peer;
    struct message message;
    struct envelope envelope;
    struct submit_report report;
    struct error error = {0};
    struct buffer script = {0};
    buffer_add_string(&script, PIPE "250 ok\n");
    for (int i = 0; i < COUNT; i++)
        buffer_add_string(&script, i % 1000 == 999 ? "550 5.1.1 no\n" : "250 2.1.5 ok\n");
    buffer_add_string(&script, "354 go\n250 ok\n");
    buffer_add_byte(&script, '\0');
    peer_listen(&peer, (const char *const[]){script.bytes, NULL});
    struct smarthost smarthost = given_smarthost(peer.port);
    given_message(&message, "x\r\n", 0);
    make_envelope(&envelope, COUNT);
    assert_true(submit(&smarthost, &message, &envelope, &report, &error));
    assert_int_equal(envelope_count(&envelope, RECIPIENT_ACCEPTED), COUNT - 10);
    assert_int_equal(envelope_count(&envelope, RECIPIENT_REFUSED), 10);
    assert_int_equal(envelope.recipients[999].state, RECIPIENT_REFUSED);
    assert_string_equal(envelope.recipients[999].reply, "550 5.1.1 no");
    assert_int_equal(report.connections, 1);
    peer_join(&peer);
    peer_free(&peer);
    buffer_free(&script);
    message_free(&message);
    envelope_free(&envelope);
}

/* Nothing to do is done without a connection. */
static void needs_a_recipient(void **state)
{
    (void)state;
    struct smarthost smarthost = given_smarthost(1);
    struct message message;
    struct envelope envelope;
    struct submit_report report;
    struct error error = {0};
    given_message(&message, "x\r\n", 0);
    make_envelope(&envelope, 0);
    assert_true(submit(&smarthost, &message, &envelope, &report, &error));
    assert_int_equal(report.connections, 0);
    message_free(&message);
    envelope_free(&envelope);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(submits),
        cmocka_unit_test(moves_on),
        cmocka_unit_test(reports_every_reason),
        cmocka_unit_test(speaks_to_the_letter),
        cmocka_unit_test(takes_many_recipients),
        cmocka_unit_test(needs_a_recipient),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Goal: messages share a connection, each recipient gets the server's own verdict before the
 * message is there, and whatever becomes of the connection meanwhile, who was promised the message
 * gets it, and gets it once. */
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

enum { STATES_SIZE = 128 };

#define HELLO "220 mx\n250-mx/250-8BITMIME/250 SIZE 1000\n"
#define PIPE  "220 mx\n250-mx/250-8BITMIME/250 PIPELINING\n"
#define BOTH  "220 mx\n250-mx/250-8BITMIME/250-PIPELINING/250 CHUNKING\n"
#define RCPT  "250 ok\n250 ok\n"
#define DATA  "354 go\n250 ok\n"
#define ONE   RCPT DATA
#define CHUNK RCPT "250 ok\n"

/* The steps, a letter each:
 *   m  another message, with an envelope of its own    +  one more recipient in it
 *   o  offer    d  deliver    l  deliver the last one   O D  these fail
 *   r  reset    z  rest       b  bind   x  leave
 *   .  wait until the server has ended one connection more
 * After each of o d l O D the recipients' states (P A D R O) are written down. */
struct row {
    const char *name, *steps, *states;
    int exit_code, reply_code; /* of the last failure; 0 where there is none */
    int connections;           /* made for the last message; -1: not looked at */
    const char *words;         /* in the last failure, or in the last notes; "": no notes */
    const char *heard;
    const char *first, *second, *third; /* scripts */
};

static const struct row rows[] = {
    /* Whole messages. */
    {"two in plain steps", "m+dm+d", "A A ", 0, 0, -1, NULL,
     "EHLO MAIL RCPT DATA . MAIL RCPT DATA . QUIT", HELLO ONE ONE, NULL, NULL},
    {"two in flights", "m+dm+d", "A A ", 0, 0, -1, NULL,
     "EHLO MAIL RCPT DATA . MAIL RCPT DATA . QUIT", PIPE ONE ONE, NULL, NULL},
    {"two in chunks", "m+dm+d", "A A ", 0, 0, -1, NULL, "EHLO MAIL RCPT BDAT MAIL RCPT BDAT QUIT",
     BOTH CHUNK CHUNK, NULL, NULL},
    {"QUIT rides with the last", "m+dm+l", "A A ", 0, 0, -1, NULL,
     "EHLO MAIL RCPT BDAT MAIL RCPT BDAT QUIT", BOTH CHUNK CHUNK, NULL, NULL},
    {"left to somebody else: no goodbye", "m+dx", "A ", 0, 0, -1, NULL, "EHLO MAIL RCPT DATA .",
     HELLO ONE, NULL, NULL},
    {"bound, and the connection is there", "m+dbm+d", "A A ", 0, 0, 0, NULL,
     "EHLO MAIL RCPT DATA . MAIL RCPT DATA . QUIT", HELLO ONE ONE, NULL, NULL},
    {"bound, and the connection was closed", "m+dbm+D", "A P ", EX_TEMPFAIL, 0, 0,
     "there is to be no other", "EHLO MAIL RCPT DATA . MAIL", HELLO ONE "close", NULL, NULL},
    {"nobody", "md", " ", 0, 0, -1, NULL, "", HELLO, NULL, NULL},
    {"refused at its end, and the next", "m+Dm+d", "P A ", EX_UNAVAILABLE, 550, -1, NULL,
     "EHLO MAIL RCPT DATA . RSET MAIL RCPT DATA . QUIT",
     HELLO RCPT "354 go\n550 5.7.1 spam\n250 reset\n" ONE, NULL, NULL},
    {"everybody refused, and the next", "m+dm+d", "R A ", 0, 0, -1, NULL,
     "EHLO MAIL RCPT BDAT RSET MAIL RCPT BDAT QUIT",
     BOTH "250 ok\n550 no\n503 no\n250 reset\n" CHUNK, NULL, NULL},
    {"the sender refused, and the next", "m+Dm+d", "P A ", EX_UNAVAILABLE, 550, -1, NULL,
     "EHLO MAIL MAIL RCPT DATA . QUIT", HELLO "550 5.7.1 not you\n" ONE, NULL, NULL},
    {"RSET is refused", "m+dm+d", "R A ", 0, 0, 1, NULL,
     "EHLO MAIL RCPT RSET QUIT | EHLO MAIL RCPT DATA . QUIT", HELLO "250 ok\n550 no\n500 what\n",
     HELLO ONE, NULL},
    {"MAILMAX", "m+dm+d", "A A ", 0, 0, 1, NULL,
     "EHLO MAIL RCPT DATA . QUIT | EHLO MAIL RCPT DATA . QUIT",
     "220 mx\n250-mx/250 LIMITS MAILMAX=1\n" ONE, HELLO ONE, NULL},
    {"rest", "m+dzm+d", "A A ", 0, 0, 1, NULL,
     "EHLO MAIL RCPT DATA . QUIT | EHLO MAIL RCPT DATA . QUIT", HELLO ONE, HELLO ONE, NULL},

    /* The server closes between messages. */
    {"closed between two", "m+d.m+d", "A A ", 0, 0, 1, "",
     "EHLO MAIL RCPT DATA . | EHLO MAIL RCPT DATA . QUIT", HELLO RCPT "354 go\nlast 250 ok",
     HELLO ONE, NULL},
    {"421 between two", "m+d.m+d", "A A ", 0, 0, 1, "",
     "EHLO MAIL RCPT DATA . | EHLO MAIL RCPT DATA . QUIT",
     HELLO RCPT "354 go\nlast 250 ok/421 4.4.2 idle", HELLO ONE, NULL},
    {"closed between two, as the second finds out", "m+dm+d", "A A ", 0, 0, 1, NULL,
     "EHLO MAIL RCPT DATA . MAIL | EHLO MAIL RCPT DATA . QUIT", HELLO ONE "close", HELLO ONE, NULL},
    {"closed between two, as the second flight finds out", "m+dm+d", "A A ", 0, 0, 1, NULL,
     "EHLO MAIL RCPT DATA . MAIL | EHLO MAIL RCPT DATA . QUIT", PIPE ONE "close", PIPE ONE, NULL},
    {"421 between two, as the second finds out", "m+dm+d", "A A ", 0, 0, 1, NULL,
     "EHLO MAIL RCPT DATA . MAIL | EHLO MAIL RCPT DATA . QUIT", HELLO ONE "last 421 4.4.2 idle",
     HELLO ONE, NULL},
    {"421 to the first of all", "m+D", "P ", EX_TEMPFAIL, 421, 1, NULL, "EHLO MAIL QUIT",
     HELLO "421 4.3.2 busy\n", HELLO ONE, NULL},
    {"two messages, the second is cut", "m+dm+D", "A P ", EX_TEMPFAIL, 0, -1, NULL,
     "EHLO MAIL RCPT DATA . MAIL RCPT", HELLO ONE "250 ok\nclose", HELLO ONE, NULL},

    /* In two halves. */
    {"offered in plain steps", "m+o+od", "O OO AA ", 0, 0, 1, NULL,
     "EHLO MAIL RCPT RCPT DATA . QUIT", HELLO RCPT "250 ok\n" DATA, NULL, NULL},
    {"offered in flights", "m+o+od", "O OO AA ", 0, 0, -1, NULL, "EHLO MAIL RCPT RCPT DATA . QUIT",
     PIPE RCPT "250 ok\n" DATA, NULL, NULL},
    {"offered, then a chunk", "m+o+od", "O OO AA ", 0, 0, -1, NULL, "EHLO MAIL RCPT RCPT BDAT QUIT",
     BOTH RCPT "250 ok\n250 ok\n", NULL, NULL},
    {"offered, the last one", "m+ol", "O A ", 0, 0, -1, NULL, "EHLO MAIL RCPT BDAT QUIT",
     BOTH RCPT "250 ok\n", NULL, NULL},
    {"offered twice over", "m+odm+od", "O A O A ", 0, 0, -1, NULL,
     "EHLO MAIL RCPT BDAT MAIL RCPT BDAT QUIT", BOTH CHUNK CHUNK, NULL, NULL},
    {"offered to several at once", "m+++od", "ORD ARD ", 0, 0, -1, NULL,
     "EHLO MAIL RCPT RCPT RCPT DATA . QUIT", PIPE "250 ok\n250 ok\n550 5.1.1 no\n451 later\n" DATA,
     NULL, NULL},
    {"one refused, then delivered to the rest", "m+o+o+od", "R RO ROD RAD ", 0, 0, -1, NULL,
     "EHLO MAIL RCPT RCPT RCPT DATA . QUIT", HELLO "250 ok\n550 5.1.1 no\n250 ok\n451 later\n" DATA,
     NULL, NULL},
    {"everybody refused, then reset", "m+orm+od", "R O A ", 0, 0, -1, NULL,
     "EHLO MAIL RCPT RSET MAIL RCPT DATA . QUIT", HELLO "250 ok\n550 5.1.1 no\n250 reset\n" ONE,
     NULL, NULL},
    {"everybody refused, then delivered to nobody", "m+odm+od", "R R O A ", 0, 0, -1, NULL,
     "EHLO MAIL RCPT RSET MAIL RCPT DATA . QUIT", HELLO "250 ok\n550 5.1.1 no\n250 reset\n" ONE,
     NULL, NULL},
    {"reset", "m+orm+od", "O O A ", 0, 0, -1, NULL, "EHLO MAIL RCPT RSET MAIL RCPT DATA . QUIT",
     PIPE RCPT "250 reset\n" ONE, NULL, NULL},
    {"reset, and the server is gone", "m+orm+od", "O O A ", 0, 0, 1, NULL,
     "EHLO MAIL RCPT RSET | EHLO MAIL RCPT DATA . QUIT", PIPE RCPT "close", PIPE ONE, NULL},
    {"refused at its end", "m+oDm+d", "O P A ", EX_UNAVAILABLE, 554, -1, NULL,
     "EHLO MAIL RCPT DATA . RSET MAIL RCPT DATA . QUIT",
     HELLO RCPT "354 go\n554 5.6.0 spam\n250 reset\n" ONE, NULL, NULL},
    {"DATA refused", "m+oDm+d", "O P A ", EX_UNAVAILABLE, 554, -1, NULL,
     "EHLO MAIL RCPT DATA RSET MAIL RCPT DATA . QUIT", PIPE RCPT "554 5.5.1 no\n250 reset\n" ONE,
     NULL, NULL},
    {"BDAT unknown", "m+od", "O A ", 0, 0, 2, "plain steps",
     "EHLO MAIL RCPT BDAT QUIT | EHLO MAIL RCPT DATA . QUIT", BOTH RCPT "502 what\n", BOTH ONE,
     NULL},

    /* MAIL, and what keeps everybody from being offered. */
    {"MAIL refused, and again", "m+Om+od", "P O A ", EX_UNAVAILABLE, 550, -1, "",
     "EHLO MAIL RCPT MAIL RCPT DATA . QUIT", PIPE "550 5.7.1 no\n503 no\n" ONE, NULL, NULL},
    {"MAIL put off", "m+Ood", "P O A ", EX_TEMPFAIL, 451, 1, NULL,
     "EHLO MAIL MAIL RCPT DATA . QUIT", HELLO "451 4.3.0 later\n" ONE, NULL, NULL},
    {"the flight refused", "m+od", "O A ", 0, 0, 2, "plain steps",
     "EHLO MAIL RCPT QUIT | EHLO MAIL RCPT DATA . QUIT", PIPE "250 ok\n503 no\n", PIPE ONE, NULL},
    {"the flight cut", "m+od", "O A ", 0, 0, 2, "plain steps",
     "EHLO MAIL RCPT | EHLO MAIL RCPT DATA . QUIT", PIPE "250 ok\nclose", PIPE ONE, NULL},
    {"busy at EHLO", "m+O", "P ", EX_TEMPFAIL, 421, 1, "EHLO: refused by", "EHLO QUIT",
     "220 mx\n421 4.3.2 busy\n", NULL, NULL},
    {"a login is asked for at RCPT", "m+Orm+od", "P O A ", EX_NOPERM, 530, -1, NULL,
     "EHLO MAIL RCPT RSET MAIL RCPT DATA . QUIT", HELLO "250 ok\n530 5.7.0 login\n250 reset\n" ONE,
     NULL, NULL},
    {"closed between message and offer", "m+d.m+od", "A O A ", 0, 0, 1, "",
     "EHLO MAIL RCPT DATA . | EHLO MAIL RCPT DATA . QUIT", HELLO RCPT "354 go\nlast 250 ok",
     HELLO ONE, NULL},
    {"closed between message and offer, as MAIL finds out", "m+dm+od", "A O A ", 0, 0, 1, NULL,
     "EHLO MAIL RCPT DATA . MAIL | EHLO MAIL RCPT DATA . QUIT", PIPE ONE "close", PIPE ONE, NULL},

    /* Recipients over a limit. */
    {"RCPTMAX", "m++o+od", "RO ROD RAD ", 0, 0, -1, NULL, "EHLO MAIL RCPT RCPT DATA . QUIT",
     "220 mx\n250-mx/250 LIMITS RCPTMAX=2\n250 ok\n550 no\n250 ok\n" DATA, NULL, NULL},
    {"452", "m+++od", "ODD ADD ", 0, 0, -1, NULL, "EHLO MAIL RCPT RCPT RCPT DATA . QUIT",
     PIPE "250 ok\n250 ok\n452 4.5.3 enough\n552 enough\n" DATA, NULL, NULL},

    /* The server is gone in between. */
    {"421 at RCPT", "m+O", "P ", EX_TEMPFAIL, 421, 1, NULL, "EHLO MAIL RCPT",
     HELLO "250 ok\nlast 421 4.3.2 shutting down", HELLO ONE, NULL},
    {"421 at the second RCPT, delivered to the first", "m+o+Od", "O OP AP ", EX_TEMPFAIL, 421, 2,
     NULL, "EHLO MAIL RCPT RCPT | EHLO MAIL RCPT DATA . QUIT",
     HELLO RCPT "last 421 4.3.2 shutting down", HELLO ONE, NULL},
    {"cut at the second RCPT, delivered to the first", "m+o+Od", "O OP AP ", EX_TEMPFAIL, 0, 2,
     NULL, "EHLO MAIL RCPT RCPT | EHLO MAIL RCPT DATA . QUIT", PIPE RCPT "close", PIPE ONE, NULL},
    {"closed between two recipients", "m+o.+od", "O OO AA ", 0, 0, 2, NULL,
     "EHLO MAIL RCPT | EHLO MAIL RCPT RCPT DATA . QUIT", PIPE "250 ok\nlast 250 ok",
     PIPE RCPT "250 ok\n" DATA, NULL},
    {"closed between two recipients, and nobody is there", "m+o.+Od", "O OP AP ", EX_TEMPFAIL, 421,
     2, NULL, "EHLO MAIL RCPT | | EHLO MAIL RCPT DATA . QUIT", PIPE "250 ok\nlast 250 ok",
     "421 busy\n", PIPE ONE},
    {"closed between offer and message", "m+o.d", "O A ", 0, 0, 2, "",
     "EHLO MAIL RCPT | EHLO MAIL RCPT BDAT QUIT", PIPE "250 ok\nlast 250 ok", BOTH CHUNK, NULL},
    {"421 between offer and message", "m+o.d", "O A ", 0, 0, 2, NULL,
     "EHLO MAIL RCPT | EHLO MAIL RCPT DATA . QUIT", HELLO "250 ok\nlast 250 ok/421 4.4.2 idle",
     HELLO ONE, NULL},
    {"closed between offer and message, as DATA finds out", "m+od", "O A ", 0, 0, 2, NULL,
     "EHLO MAIL RCPT DATA | EHLO MAIL RCPT DATA . QUIT", HELLO RCPT "close", HELLO ONE, NULL},
    {"421 between offer and message, as DATA finds out", "m+od", "O A ", 0, 0, 2, NULL,
     "EHLO MAIL RCPT DATA | EHLO MAIL RCPT DATA . QUIT", HELLO RCPT "last 421 4.4.2 idle",
     HELLO ONE, NULL},
    {"rest between offer and message", "m+ozd", "O A ", 0, 0, 2, NULL,
     "EHLO MAIL RCPT QUIT | EHLO MAIL RCPT DATA . QUIT", HELLO RCPT, HELLO ONE, NULL},
    {"another verdict on the new connection", "m+o+od", "O OO RA ", 0, 0, 2, NULL,
     "EHLO MAIL RCPT RCPT DATA | EHLO MAIL RCPT RCPT DATA . QUIT", HELLO RCPT "250 ok\nclose",
     HELLO "250 ok\n550 5.1.1 no\n250 ok\n" DATA, NULL},
    {"cut after the message: nobody knows", "m+oD", "O P ", EX_TEMPFAIL, 0, 1, "possible duplicate",
     "EHLO MAIL RCPT DATA .", HELLO RCPT "354 go\nclose", HELLO ONE, NULL},
    {"cut after the chunk: nobody knows", "m+oD", "O P ", EX_TEMPFAIL, 0, 1, "possible duplicate",
     "EHLO MAIL RCPT BDAT", BOTH RCPT "close", HELLO ONE, NULL},

    /* What cannot be carried. */
};

static const struct trace no_trace;

/* A submission and the message at hand. */
struct test {
    struct peer peer;
    struct smarthost smarthost;
    struct submission *submission;
    struct submission_promise promise;
    struct message message;
    struct envelope envelope;
    struct submit_report report;
    struct error error, failure; /* the last one, and the last that was a failure */
};

static void open_test(struct test *test, const char *const *scripts)
{
    *test = (struct test){0};
    peer_listen(&test->peer, scripts);
    test->smarthost = given_smarthost(test->peer.port);
    test->submission = submission_create(&test->smarthost, &no_trace, &test->error);
    assert_non_null(test->submission);
    message_init(&test->message, NULL);
}

static void drop_message(struct test *test)
{
    message_free(&test->message);
    envelope_free(&test->envelope);
}

static void begin_message(struct test *test)
{
    drop_message(test);
    given_message(&test->message, "hello\r\n", 0);
    test->envelope = (struct envelope){.sender = "me@x"};
    submit_begin_report(&test->report, &test->smarthost);
}

static void add_recipient(struct test *test)
{
    char address[16];
    snprintf(address, sizeof address, "r%zu@x", test->envelope.count);
    assert_true(envelope_add(&test->envelope, address, &test->error));
}

static bool offer(struct test *test)
{
    return submission_offer(test->submission, &test->envelope, &test->promise, &test->report,
                            &test->error);
}

static bool deliver(struct test *test)
{
    return submission_deliver(test->submission, &test->message, &test->envelope, &test->report,
                              &test->error);
}

static void end_conversation(struct test *test)
{
    submission_free(test->submission);
    peer_join(&test->peer);
}

static void close_test(struct test *test)
{
    peer_free(&test->peer);
    drop_message(test);
}

static void expect(struct test *test, bool passed, bool expected, struct text *states)
{
    for (size_t i = 0; i < test->envelope.count; i++)
        text_add_byte(states, "PADRO"[test->envelope.recipients[i].state]);
    text_add_byte(states, ' ');
    assert_int_equal(passed, expected);
    if (passed)
        assert_int_equal(test->error.exit_code, EX_OK);
    else
        test->failure = test->error;
}

static void step(struct test *test, char letter, int *ended, struct text *states)
{
    switch (letter) {
    case 'm':
        begin_message(test);
        break;
    case '+':
        add_recipient(test);
        break;
    case 'o':
    case 'O':
        expect(test, offer(test), letter == 'o', states);
        break;
    case 'd':
    case 'D':
        expect(test, deliver(test), letter == 'd', states);
        break;
    case 'l':
        expect(test,
               submission_deliver_last(test->submission, &test->message, &test->envelope,
                                       &test->report, &test->error),
               true, states);
        break;
    case 'r':
        submission_reset(test->submission);
        break;
    case 'z':
        submission_rest(test->submission);
        break;
    case 'b':
        submission_bind(test->submission);
        break;
    case 'x':
        submission_leave(test->submission);
        break;
    default:
        peer_wait(&test->peer, ++*ended);
        break;
    }
}

static void run_row(const struct row *row)
{
    struct test test;
    char states_bytes[STATES_SIZE];
    struct text states;
    int ended = 0;
    text_init(&states, states_bytes, sizeof states_bytes);
    print_message("    %s\n", row->name);
    const char *scripts[] = {row->first, row->second, row->third, NULL};
    open_test(&test, scripts);
    for (const char *letter = row->steps; *letter != '\0'; letter++)
        step(&test, *letter, &ended, &states);
    end_conversation(&test);

    assert_string_equal(states_bytes, row->states);
    assert_string_equal(test.peer.heard.bytes, row->heard);
    assert_int_equal(test.failure.exit_code, row->exit_code);
    assert_int_equal(test.failure.reply_code, row->reply_code);
    assert_int_equal(test.failure.permanent, row->exit_code == EX_UNAVAILABLE);
    if (row->connections >= 0)
        assert_int_equal(test.report.connections, row->connections);
    if (row->words != NULL && row->words[0] == '\0')
        assert_string_equal(test.report.notes, "");
    else if (row->words != NULL)
        assert_non_null(
            strstr(row->exit_code != 0 ? test.failure.sentence : test.report.notes, row->words));
    assert_false(test.report.doubtful);
    close_test(&test);
}

static void submits(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        run_row(&rows[i]);
}

/* The server's words are kept for who is to hear them. */
static void keeps_verdicts(void **state)
{
    (void)state;
    static const char *const replies[] = {
        "250 2.1.5 fine", "550 5.1.1 no such user", "452 4.2.2 mailbox full",
        ("452 4.5.3 too many recipients: the server takes no more "
         "at once")};
    static const short codes[] = {250, 550, 452, 452};
    struct test test;
    open_test(&test, (const char *const[]){"220 mx\n250-mx/250 LIMITS RCPTMAX=3\n250 ok\n250 2.1.5 "
                                           "fine\n550 5.1.1 no such user\n452 4.2.2 mailbox full\n",
                                           NULL});
    begin_message(&test);
    for (size_t i = 0; i < 4; i++) {
        add_recipient(&test);
        assert_true(offer(&test));
        assert_string_equal(test.envelope.recipients[i].reply, replies[i]);
        assert_int_equal(test.envelope.recipients[i].reply_code, codes[i]);
    }
    end_conversation(&test);
    close_test(&test);
}

/* The refused MAIL is the error, with all that can be handed on. */
static void hands_on_refused_mail(void **state)
{
    (void)state;
    struct test test;
    open_test(&test, (const char *const[]){PIPE "553 5.1.8 no such sender\n503 5.5.1 no\n", NULL});
    begin_message(&test);
    add_recipient(&test);
    assert_false(offer(&test));
    assert_int_equal(test.error.reply_code, 553);
    assert_string_equal(test.error.enhanced, "5.1.8");
    assert_true(test.error.permanent);
    assert_non_null(strstr(test.error.sentence, "MAIL FROM:<me@x>: refused by 127.0.0.1"));
    end_conversation(&test);
    close_test(&test);
}

/* A chunk that rode on a held connection which was cut: sent anew, but it may be there already. */
static void tells_of_doubt(void **state)
{
    (void)state;
    struct test test;
    open_test(&test, (const char *const[]){BOTH CHUNK "close", BOTH CHUNK, NULL});
    for (int i = 0; i < 2; i++) {
        begin_message(&test);
        add_recipient(&test);
        assert_true(deliver(&test));
        assert_int_equal(test.report.doubtful, i == 1);
    }
    end_conversation(&test);
    assert_string_equal(test.peer.heard.bytes,
                        "EHLO MAIL RCPT BDAT MAIL | EHLO MAIL RCPT BDAT QUIT");
    close_test(&test);
}

/* What is said of a message that is not there yet, and of one that is. */
static void says_what_was_promised(void **state)
{
    (void)state;
    struct test test;
    open_test(&test, (const char *const[]){"220 mx\n250-mx/250-SIZE/250-SMTPUTF8/250-DSN/250 "
                                           "8BITMIME\n" ONE ONE ONE,
                                           NULL});
    test.promise = (struct submission_promise){.size = 77, .smtputf8 = true};
    begin_message(&test);
    add_recipient(&test);
    test.envelope.id = "abc";
    test.envelope.recipients[0].notify = DSN_NEVER;
    assert_true(offer(&test));
    assert_true(deliver(&test));

    test.promise = (struct submission_promise){0};
    begin_message(&test);
    add_recipient(&test);
    test.envelope.recipients[0].original = "rfc822;a@b"; /* nobody asked for reports */
    assert_true(offer(&test));
    assert_true(deliver(&test));

    begin_message(&test);
    add_recipient(&test);
    test.envelope.returned = DSN_RETURN_HEADERS;
    test.envelope.recipients[0].original = "rfc822;a@b";
    assert_true(deliver(&test));
    end_conversation(&test);
    assert_string_equal(test.peer.lines.bytes,
                        "EHLO client.example\n"
                        "MAIL FROM:<me@x> SIZE=77 BODY=8BITMIME SMTPUTF8 ENVID=abc\n"
                        "RCPT TO:<r0@x> NOTIFY=NEVER\nDATA\n"
                        "MAIL FROM:<me@x> BODY=8BITMIME\nRCPT TO:<r0@x>\nDATA\n"
                        "MAIL FROM:<me@x> SIZE=21 RET=HDRS\n"
                        "RCPT TO:<r0@x> ORCPT=rfc822;a@b\nDATA\nQUIT\n");
    close_test(&test);
}

/* What cannot be carried is not offered, or not sent; the connection stays. */
static void refuses_what_cannot_be_carried(void **state)
{
    (void)state;
    static const struct {
        const char *keywords, *words;
        struct submission_promise promise;
        bool utf8, offered;
        const char *heard, *status;
    } cases[] = {
        {"250 SIZE 100",
         "octets, the server takes at most 100",
         {101, false},
         false,
         false,
         "EHLO QUIT",
         "5.3.4"},
        {"250 SIZE 10",
         "octets, the server takes at most 10",
         {9, false},
         false,
         true,
         "EHLO MAIL RCPT RSET QUIT",
         "5.3.4"},
        {"250 SMTPUTF8", "was not asked for", {0, false}, true, false, "EHLO QUIT", "5.6.7"},
        {"250 SIZE",
         "which the server does not offer",
         {0, true},
         true,
         false,
         "EHLO QUIT",
         "5.6.7"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct test test;
        char script[128];
        snprintf(script, sizeof script, "220 mx\n250-mx/%s\n250 ok\n250 ok\n250 reset\n",
                 cases[i].keywords);
        open_test(&test, (const char *const[]){script, NULL});
        test.promise = cases[i].promise;
        begin_message(&test);
        add_recipient(&test);
        if (cases[i].utf8)
            assert_true(envelope_set_sender(&test.envelope, "\xc3\xa4@x", &test.error));
        assert_int_equal(offer(&test), cases[i].offered);
        if (cases[i].offered)
            assert_false(deliver(&test));
        assert_int_equal(test.error.exit_code, EX_DATAERR);
        assert_true(test.error.permanent);
        assert_non_null(strstr(test.error.sentence, cases[i].words));
        assert_string_equal(test.error.enhanced, cases[i].status);
        assert_int_equal(test.envelope.recipients[0].state, RECIPIENT_PENDING);
        end_conversation(&test);
        assert_string_equal(test.peer.heard.bytes, cases[i].heard);
        close_test(&test);
    }
}

/* A recipient who needs SMTPUTF8 in vain does not keep the others from their message. */
static void spares_the_others(void **state)
{
    (void)state;
    struct test test;
    open_test(&test, (const char *const[]){HELLO RCPT "250 ok\n" DATA, NULL});
    test.promise.smtputf8 = true;
    begin_message(&test);
    add_recipient(&test);
    assert_true(offer(&test));
    assert_true(envelope_add(&test.envelope, "\xc3\xa4@x", &test.error));
    test.envelope.needs_utf8 = true;
    assert_false(offer(&test));
    assert_int_equal(test.error.exit_code, EX_DATAERR);
    assert_true(envelope_set_outcome(&test.envelope, 1, RECIPIENT_REFUSED, 553, slice_of("553 no"),
                                     &test.error));
    add_recipient(&test);
    assert_true(offer(&test));
    assert_true(deliver(&test));
    assert_int_equal(envelope_count(&test.envelope, RECIPIENT_ACCEPTED), 2);
    end_conversation(&test);
    assert_string_equal(test.peer.heard.bytes, "EHLO MAIL RCPT RCPT DATA . QUIT");
    close_test(&test);
}

/* Where reports are not offered, nothing is said of them but to the one who asked. */
static void notes_missing_reports(void **state)
{
    (void)state;
    struct test test;
    open_test(&test, (const char *const[]){HELLO RCPT "250 ok\n" DATA, NULL});
    begin_message(&test);
    for (size_t i = 0; i < 2; i++) {
        add_recipient(&test);
        test.envelope.recipients[i].notify = DSN_SUCCESS;
        test.envelope.recipients[i].original = "rfc822;a@b";
        assert_true(offer(&test));
    }
    assert_true(deliver(&test));
    assert_string_equal(
        test.report.notes,
        "delivery reports were asked for, but the server does not offer them (DSN)");
    end_conversation(&test);
    assert_null(strstr(test.peer.lines.bytes, "NOTIFY"));
    assert_null(strstr(test.peer.lines.bytes, "ORCPT"));
    close_test(&test);
}

/* The report of a message tells of the connection that served it, whoever made it. */
static void reports_a_held_connection(void **state)
{
    (void)state;
    struct test test;
    open_test(&test, (const char *const[]){BOTH CHUNK CHUNK, NULL});
    for (int i = 0; i < 2; i++) {
        begin_message(&test);
        add_recipient(&test);
        assert_true(deliver(&test));
        assert_int_equal(test.report.connections, i == 0);
        assert_string_equal(test.report.host, "127.0.0.1");
        assert_true(test.report.address[0] != '\0');
        assert_int_equal(test.report.port, test.peer.port);
        assert_string_equal(test.report.reply, "250 ok");
        assert_true(test.report.size > 0);
    }
    end_conversation(&test);
    close_test(&test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(submits),
        cmocka_unit_test(keeps_verdicts),
        cmocka_unit_test(hands_on_refused_mail),
        cmocka_unit_test(tells_of_doubt),
        cmocka_unit_test(says_what_was_promised),
        cmocka_unit_test(refuses_what_cannot_be_carried),
        cmocka_unit_test(spares_the_others),
        cmocka_unit_test(notes_missing_reports),
        cmocka_unit_test(reports_a_held_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

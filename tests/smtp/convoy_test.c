/* Goal: many messages share a connection, several under way at once, and whatever the server says
 * or leaves out, each gets the outcome that is its own: nobody gets another's sender or recipients,
 * what may have been taken is called doubtful, and what cannot have been is sent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/interrupt.h"
#include "smtp/convoy.h"
#include "tests/smtp/given.h"
#include "tests/support/peer.h"

enum { MESSAGES_MAX = 1000, RECIPIENTS_MAX = 120 };

#define HELLO "220 mx\n250-mx/250-8BITMIME/250 SIZE 1000000\n"
#define PIPE  "220 mx\n250-mx/250-8BITMIME/250 PIPELINING\n"
#define BOTH  "220 mx\n250-mx/250-8BITMIME/250-PIPELINING/250 CHUNKING\n"
#define RCPT  "250 ok\n250 ok\n"
#define DATA  "354 go\n250 ok\n"
#define ONE   RCPT DATA
#define CHUNK RCPT "250 ok\n"     /* MAIL RCPT BDAT */
#define NEXT  "250 reset\n" CHUNK /* RSET MAIL RCPT BDAT */

/* What became of a message: states of its recipients, and how it ended: "." it came to its end,
 * t temporary, p permanent, ? doubtful, ! the convoy is over. */
struct row {
    const char *name;
    const char *recipients; /* a digit a message */
    size_t depth;
    const char *outcomes;               /* "A. AR. P?" */
    const char *heard;                  /* "*": and more */
    const char *first, *second, *third; /* scripts */
    int exit_code;                      /* of the convoy; 0: it came to its end */
};

static const struct row rows[] = {
    /* One after the other. */
    {"no message", "", 8, "", "", HELLO, NULL, NULL, 0},
    {"plain steps", "11", 8, "A. A. ", "EHLO MAIL RCPT DATA . MAIL RCPT DATA . QUIT", HELLO ONE ONE,
     NULL, NULL, 0},
    {"depth 1", "11", 1, "A. A. ", "EHLO MAIL RCPT BDAT MAIL RCPT BDAT QUIT", BOTH CHUNK CHUNK,
     NULL, NULL, 0},

    /* Whole transactions. */
    {"three in chunks", "111", 8, "A. A. A. ",
     "EHLO MAIL RCPT BDAT MAIL RCPT BDAT RSET MAIL RCPT BDAT QUIT", BOTH CHUNK CHUNK NEXT, NULL,
     NULL, 0},
    {"four, two at a time", "1111", 2, "A. A. A. A. ",
     "EHLO MAIL RCPT BDAT MAIL RCPT BDAT RSET MAIL RCPT BDAT RSET MAIL RCPT BDAT QUIT",
     BOTH CHUNK CHUNK NEXT NEXT, NULL, NULL, 0},
    {"the first is refused: the next goes by itself too", "111", 8, "R. A. A. ",
     "EHLO MAIL RCPT BDAT RSET MAIL RCPT BDAT MAIL RCPT BDAT QUIT",
     BOTH "250 ok\n550 no\n503 no\n250 reset\n" CHUNK CHUNK, NULL, NULL, 0},
    {"mixed recipients", "131", 8, "A. ADR. A. ",
     "EHLO MAIL RCPT BDAT MAIL RCPT RCPT RCPT BDAT RSET MAIL RCPT BDAT QUIT",
     BOTH CHUNK "250 ok\n250 ok\n450 later\n550 no\n250 ok\n" NEXT, NULL, NULL, 0},
    {"all recipients refused", "1121", 8, "A. A. RR. A. ",
     "EHLO MAIL RCPT BDAT MAIL RCPT BDAT RSET MAIL RCPT RCPT BDAT RSET MAIL RCPT BDAT QUIT",
     BOTH CHUNK CHUNK "250 reset\n250 ok\n550 no\n550 no\n503 no\n" NEXT, NULL, NULL, 0},
    {"the last is refused: it is reset", "11", 8, "A. R. ",
     "EHLO MAIL RCPT BDAT MAIL RCPT BDAT RSET QUIT", BOTH CHUNK "250 ok\n550 no\n503 no\n250 ok\n",
     NULL, NULL, 0},
    {"MAIL refused", "1111", 8, "A. A. Pp A. ",
     "EHLO MAIL RCPT BDAT MAIL RCPT BDAT RSET MAIL RCPT BDAT RSET MAIL RCPT BDAT QUIT",
     BOTH CHUNK CHUNK "250 reset\n553 not you\n503 no\n503 no\n" NEXT, NULL, NULL, 0},
    {"MAIL 554 is no fault of the flight", "111", 8, "A. Pp A. ",
     "EHLO MAIL RCPT BDAT MAIL RCPT BDAT RSET MAIL RCPT BDAT QUIT",
     BOTH CHUNK "554 no\n503 no\n503 no\n" NEXT, NULL, NULL, 0},
    {"MAIL put off", "111", 8, "A. Pt A. ",
     "EHLO MAIL RCPT BDAT MAIL RCPT BDAT RSET MAIL RCPT BDAT QUIT",
     BOTH CHUNK "451 later\n503 no\n503 no\n" NEXT, NULL, NULL, 0},
    {"BDAT refused", "111", 8, "A. Pp A. ",
     "EHLO MAIL RCPT BDAT MAIL RCPT BDAT RSET MAIL RCPT BDAT QUIT",
     BOTH CHUNK RCPT "554 5.7.1 spam\n" NEXT, NULL, NULL, 0},
    {"BDAT put off", "111", 8, "A. Pt A. ",
     "EHLO MAIL RCPT BDAT MAIL RCPT BDAT RSET MAIL RCPT BDAT QUIT",
     BOTH CHUNK RCPT "451 later\n" NEXT, NULL, NULL, 0},
    {"MAIL refused, and the message taken all the same", "111", 8, "A. A. A. ",
     "EHLO MAIL RCPT BDAT MAIL RCPT BDAT RSET MAIL RCPT BDAT QUIT",
     BOTH CHUNK "553 no\n250 ok\n250 ok\n" NEXT, NULL, NULL, 0},
    {"too many recipients: the rest by itself, in its turn", "121", 8, "A. AA. A. ",
     "EHLO MAIL RCPT BDAT MAIL RCPT RCPT BDAT RSET MAIL RCPT BDAT MAIL RCPT BDAT QUIT",
     BOTH CHUNK "250 ok\n250 ok\n452 4.5.3 enough\n250 ok\n" NEXT CHUNK, NULL, NULL, 0},
    {"the flight blamed: by itself, in its turn", "111", 8, "A. A. A. ",
     "EHLO MAIL RCPT BDAT MAIL RCPT BDAT RSET MAIL RCPT BDAT MAIL RCPT BDAT QUIT",
     BOTH CHUNK "503 what\n503 what\n503 what\n" NEXT CHUNK, NULL, NULL, 0},
    {"RCPTMAX", "121", 8, "A. AA. A. ",
     "EHLO MAIL RCPT BDAT MAIL RCPT BDAT MAIL RCPT BDAT MAIL RCPT BDAT QUIT",
     "220 mx\n250-mx/250-PIPELINING/250-LIMITS RCPTMAX=1/250 CHUNKING\n" CHUNK CHUNK CHUNK CHUNK,
     NULL, NULL, 0},
    {"MAILMAX", "11111", 8, "A. A. A. A. A. ",
     "EHLO MAIL RCPT BDAT MAIL RCPT BDAT QUIT | EHLO MAIL RCPT BDAT MAIL RCPT BDAT QUIT | EHLO "
     "MAIL RCPT BDAT QUIT",
     "220 mx\n250-mx/250-PIPELINING/250-LIMITS MAILMAX=2/250 CHUNKING\n" CHUNK CHUNK,
     "220 mx\n250-mx/250-PIPELINING/250-LIMITS MAILMAX=2/250 CHUNKING\n" CHUNK CHUNK, BOTH CHUNK,
     0},

    /* Sent away by a 421: what came behind it has not been taken. */
    {"421 to MAIL: on another connection", "1111", 8, "A. A. A. A. ",
     "EHLO MAIL RCPT BDAT MAIL RCPT BDAT RSET MAIL | EHLO MAIL RCPT BDAT MAIL RCPT BDAT QUIT",
     BOTH CHUNK CHUNK "250 reset\nlast 421 enough", BOTH CHUNK CHUNK, NULL, 0},
    {"421 to RSET", "1111", 8, "A. A. A. A. ",
     "EHLO MAIL RCPT BDAT MAIL RCPT BDAT RSET | EHLO MAIL RCPT BDAT MAIL RCPT BDAT QUIT",
     BOTH CHUNK CHUNK "last 421 enough", BOTH CHUNK CHUNK, NULL, 0},
    {"421 to RCPT", "111", 8, "A. A. A. ",
     "EHLO MAIL RCPT BDAT MAIL RCPT | EHLO MAIL RCPT BDAT MAIL RCPT BDAT QUIT",
     BOTH CHUNK "250 ok\nlast 421 enough", BOTH CHUNK CHUNK, NULL, 0},
    {"421 to RCPT behind one accepted", "121", 8, "A. AA. A. ",
     "EHLO MAIL RCPT BDAT MAIL RCPT RCPT | EHLO MAIL RCPT RCPT BDAT MAIL RCPT BDAT QUIT",
     BOTH CHUNK "250 ok\n250 ok\nlast 421 enough", BOTH "250 ok\n" CHUNK CHUNK, NULL, 0},
    {"421 to BDAT: put off, the rest on another connection", "111", 8, "A. Pt A. ",
     "EHLO MAIL RCPT BDAT MAIL RCPT BDAT | EHLO MAIL RCPT BDAT QUIT",
     BOTH CHUNK RCPT "last 421 enough", BOTH CHUNK, NULL, 0},
    {"421, and none of the next connection either", "1111", 8, "A. A. Pt! Pt! ",
     "EHLO MAIL RCPT BDAT MAIL RCPT BDAT RSET |", BOTH CHUNK CHUNK "last 421 enough", "421 busy\n",
     NULL, EX_TEMPFAIL},
    {"421 each time: as long as one gets through", "111", 8, "A. A. A. ",
     "EHLO MAIL RCPT BDAT MAIL | EHLO MAIL RCPT BDAT MAIL | EHLO MAIL RCPT BDAT QUIT",
     BOTH CHUNK "last 421 one only", BOTH CHUNK "last 421 one only", BOTH CHUNK, 0},

    /* A cut: what was said to its end is doubtful. */
    {"cut at RSET", "1111", 8, "A. A. P? P? ", "EHLO MAIL RCPT BDAT MAIL RCPT BDAT RSET",
     BOTH CHUNK CHUNK "close", HELLO, NULL, 0},
    {"cut at MAIL", "111", 8, "A. P? P? ", "EHLO MAIL RCPT BDAT MAIL", BOTH CHUNK "close", HELLO,
     NULL, 0},
    {"cut at RCPT", "111", 8, "A. P? P? ", "EHLO MAIL RCPT BDAT MAIL RCPT",
     BOTH CHUNK "250 ok\nclose", HELLO, NULL, 0},
    {"cut at BDAT", "111", 8, "A. P? P? ", "EHLO MAIL RCPT BDAT MAIL RCPT BDAT",
     BOTH CHUNK RCPT "close", HELLO, NULL, 0},
    {"cut, and the ones behind on another connection", "1111", 2, "A. P? P? A. ",
     "EHLO MAIL RCPT BDAT MAIL | EHLO MAIL RCPT BDAT QUIT", BOTH CHUNK "close", BOTH CHUNK, NULL,
     0},
    {"cut after a refusal of all: not doubtful", "111", 8, "A. R. P? ",
     "EHLO MAIL RCPT BDAT MAIL RCPT BDAT RSET", BOTH CHUNK "250 ok\n550 no\n503 no\nclose", HELLO,
     NULL, 0},
    {"cut behind MAIL refused: not doubtful", "111", 8, "A. Pp P? ",
     "EHLO MAIL RCPT BDAT MAIL RCPT", BOTH CHUNK "550 no\nclose", HELLO, NULL, 0},
    {"cut, and nobody is there any more", "1111", 2, "A. P? P? Pt! ", "EHLO MAIL RCPT BDAT MAIL |",
     BOTH CHUNK "close", "421 busy\n", NULL, EX_TEMPFAIL},

    /* Answers that cannot be what they seem. The connection is closed at once. */
    {"RSET refused: was the last one taken?", "111", 8, "A. P? P? ",
     "EHLO MAIL RCPT BDAT MAIL RCPT BDAT *",
     BOTH CHUNK CHUNK "502 what\n503 nested\n250 ok\n250 ok\n", NULL, NULL, 0},
    {"RSET refused: nothing behind it is believed", "1111", 8, "A. Pp P? P? ",
     "EHLO MAIL RCPT BDAT MAIL RCPT BDAT RSET*",
     BOTH CHUNK RCPT "550 spam\n502 what\n503 nested\n250 ok\n250 ok\n" NEXT, NULL, NULL, 0},
    {"an extra reply hides a refusal", "1111", 8, "A. P? P? P? ",
     "EHLO MAIL RCPT BDAT MAIL RCPT BDAT *", BOTH CHUNK "250 ok\n250 ok/250 extra\n554 no\n" NEXT,
     NULL, NULL, 0},
    {"an extra reply hides a refusal, the rest on another connection", "1111", 2, "A. P? P? A. ",
     "EHLO MAIL RCPT BDAT MAIL RCPT BDAT *", BOTH CHUNK "250 ok\n250 ok/250 extra\n554 no\n" NEXT,
     BOTH CHUNK, NULL, 0},
    {"an extra reply that hides nothing is found in the end", "1111", 3, "A. A. A. A. ",
     "EHLO MAIL RCPT BDAT MAIL RCPT BDAT RSET MAIL RCPT BDAT RSET MAIL RCPT BDAT QUIT",
     BOTH CHUNK "250 ok\n250 ok/250 extra\n250 ok\n" NEXT NEXT, NULL, NULL, 0},
    {"garbage", "1111", 8, "A. A. P? P? ", "EHLO MAIL RCPT BDAT MAIL RCPT BDAT RSET MAIL*",
     BOTH CHUNK CHUNK "250 reset\nI am no server\n250 ok\n250 ok\n" NEXT, NULL, NULL, 0},
    {"said between two messages", "111", 8, "A. A. A. ", "EHLO MAIL RCPT BDAT*",
     BOTH RCPT "250 ok/250 extra\n", BOTH CHUNK CHUNK, NULL, 0},

    /* The next envelope in the flight that ends a message. */
    {"three behind dots", "111", 8, "A. A. A. ",
     "EHLO MAIL RCPT DATA . MAIL RCPT DATA . MAIL RCPT DATA . QUIT", PIPE ONE ONE ONE, NULL, NULL,
     0},
    {"mixed recipients behind dots", "131", 8, "A. ADR. A. ",
     "EHLO MAIL RCPT DATA . MAIL RCPT RCPT RCPT DATA . MAIL RCPT DATA . QUIT",
     PIPE ONE "250 ok\n250 ok\n450 later\n550 no\n" DATA ONE, NULL, NULL, 0},
    {"all recipients refused, and DATA", "1121", 8, "A. A. RR. A. ",
     "EHLO MAIL RCPT DATA . MAIL RCPT DATA . MAIL RCPT RCPT DATA RSET MAIL RCPT DATA . QUIT",
     PIPE ONE ONE "250 ok\n550 no\n550 no\n503 no\n250 reset\n" ONE, NULL, NULL, 0},
    {"all recipients refused, and 354", "1121", 8, "A. A. RR. A. ",
     "EHLO MAIL RCPT DATA . MAIL RCPT DATA . MAIL RCPT RCPT DATA . MAIL RCPT DATA . QUIT",
     PIPE ONE ONE "250 ok\n550 no\n550 no\n354 go\n554 nobody\n" ONE, NULL, NULL, 0},
    {"MAIL refused behind a dot", "1111", 8, "A. A. Pp A. ",
     "EHLO MAIL RCPT DATA . MAIL RCPT DATA . MAIL RCPT DATA MAIL RCPT DATA . QUIT",
     PIPE ONE ONE "553 no\n503 no\n503 no\n" ONE, NULL, NULL, 0},
    {"MAIL refused, and 354", "111", 8, "A. Pp A. ",
     "EHLO MAIL RCPT DATA . MAIL RCPT DATA | EHLO MAIL RCPT DATA . QUIT",
     PIPE ONE "553 no\n250 ok\n354 go\n", PIPE ONE, NULL, 0},
    {"the end refused", "1111", 8, "A. Pp A. A. ",
     "EHLO MAIL RCPT DATA . MAIL RCPT DATA . MAIL RCPT DATA . MAIL RCPT DATA . QUIT",
     PIPE ONE RCPT "354 go\n554 spam\n" ONE ONE, NULL, NULL, 0},
    {"DATA put off", "111", 8, "A. Pt A. ",
     "EHLO MAIL RCPT DATA . MAIL RCPT DATA RSET MAIL RCPT DATA . QUIT",
     PIPE ONE RCPT "451 later\n250 reset\n" ONE, NULL, NULL, 0},
    {"421 to the end", "111", 8, "A. Pt A. ",
     "EHLO MAIL RCPT DATA . MAIL RCPT DATA . | EHLO MAIL RCPT DATA . QUIT",
     PIPE ONE RCPT "354 go\nlast 421 enough", PIPE ONE, NULL, 0},
    {"421 to the MAIL behind", "111", 8, "A. A. A. ",
     "EHLO MAIL RCPT DATA . MAIL RCPT DATA . MAIL | EHLO MAIL RCPT DATA . QUIT",
     PIPE ONE ONE "last 421 enough", PIPE ONE, NULL, 0},
    {"421 to DATA", "111", 8, "A. A. A. ",
     "EHLO MAIL RCPT DATA . MAIL RCPT DATA | EHLO MAIL RCPT DATA . MAIL RCPT DATA . QUIT",
     PIPE ONE RCPT "last 421 enough", PIPE ONE ONE, NULL, 0},
    {"cut behind the dot: the next is not doubtful", "111", 8, "A. P? A. ",
     "EHLO MAIL RCPT DATA . MAIL RCPT DATA . | EHLO MAIL RCPT DATA . QUIT",
     PIPE ONE RCPT "354 go\nclose", PIPE ONE, NULL, 0},
    {"cut at MAIL behind the dot", "111", 8, "A. A. A. ",
     "EHLO MAIL RCPT DATA . MAIL RCPT DATA . MAIL | EHLO MAIL RCPT DATA . QUIT",
     PIPE ONE ONE "close", PIPE ONE, NULL, 0},
    {"cut at DATA", "111", 8, "A. A. A. ",
     "EHLO MAIL RCPT DATA . MAIL RCPT DATA | EHLO MAIL RCPT DATA . MAIL RCPT DATA . QUIT",
     PIPE ONE RCPT "close", PIPE ONE ONE, NULL, 0},
    {"an extra reply where 354 is due", "111", 8, "A. Pt A. ",
     "EHLO MAIL RCPT DATA . MAIL RCPT DATA | EHLO MAIL RCPT DATA . QUIT",
     PIPE ONE "250 ok\n250 ok/250 extra\n354 go\n", PIPE ONE, NULL, 0},

    /* No connection, or none that takes mail. */
    {"the first connection is refused", "11", 8, "Pt! ", "", "421 busy\n", NULL, NULL, EX_TEMPFAIL},
    {"the first is sent away at RCPT", "11", 8, "Pt! ", "EHLO MAIL RCPT",
     HELLO "250 ok\nlast 421 busy", NULL, NULL, EX_TEMPFAIL},
    {"the first is cut at its end", "11", 8, "P?! ", "EHLO MAIL RCPT DATA .",
     HELLO RCPT "354 go\nclose", NULL, NULL, EX_TEMPFAIL},
};

static const struct trace no_trace;

/* One message as its owner keeps it. */
struct mail {
    struct message message;
    struct envelope envelope;
    struct submit_report report;
    struct convoy_item item;
};

struct test {
    struct peer peer;
    struct smarthost smarthost;
    struct submission *submission;
    const char *recipients; /* of each message; NULL: one */
    size_t messages, handed, done, held, most_held;
    size_t stop_at;         /* done says stop at that one; 0: never */
    size_t interrupt_at;    /* SIGTERM comes when that many are handed out; 0: never */
    size_t interrupt_after; /* likewise, done */
    size_t octets;          /* of a body */
    struct mail mails[MESSAGES_MAX];
    struct text outcomes;
    char outcomes_bytes[8 * MESSAGES_MAX];
    struct error error;
};

static struct convoy_item *next(void *context)
{
    struct test *test = context;
    if (test->handed == test->messages)
        return NULL;
    size_t number = test->handed++;
    int recipients = test->recipients != NULL ? test->recipients[number] - '0' : 1;
    struct mail *mail = &test->mails[number];
    char address[32];
    given_message(&mail->message, "hello\r\n", test->octets);
    snprintf(address, sizeof address, "s%zu@x", number);
    assert_true(envelope_set_sender(&mail->envelope, address, &test->error));
    for (int i = 0; i < recipients; i++) {
        snprintf(address, sizeof address, "m%zu.r%d@x", number, i);
        assert_true(envelope_add(&mail->envelope, address, &test->error));
    }
    submit_begin_report(&mail->report, &test->smarthost);
    mail->item = (struct convoy_item){
        .message = &mail->message, .envelope = &mail->envelope, .report = &mail->report};
    test->held++;
    if (test->handed == test->interrupt_at)
        raise(SIGTERM);
    test->most_held = test->held > test->most_held ? test->held : test->most_held;
    return &mail->item;
}

static char letter_of(const struct error *ending)
{
    if (ending->exit_code == EX_OK)
        return '.';
    if (strstr(ending->sentence, "possible duplicate") != NULL)
        return '?';
    return ending->permanent ? 'p' : 't';
}

static bool done(void *context, struct convoy_item *item, const struct error *ending)
{
    struct test *test = context;
    struct mail *mail = &test->mails[test->done++];
    assert_ptr_equal(item, &mail->item);
    for (size_t i = 0; i < mail->envelope.count; i++)
        text_add_byte(&test->outcomes, "PADRO"[mail->envelope.recipients[i].state]);
    text_add_byte(&test->outcomes, letter_of(ending));
    text_add(&test->outcomes, item->over ? "! " : " ");
    message_free(&mail->message);
    envelope_free(&mail->envelope);
    test->held--;
    if (test->done == test->interrupt_after)
        raise(SIGTERM);
    return test->done != test->stop_at;
}

static struct test *open_test(const char *const *scripts)
{
    struct test *test = calloc(1, sizeof *test);
    assert_non_null(test);
    peer_listen(&test->peer, scripts);
    test->smarthost = given_smarthost(test->peer.port);
    test->submission = submission_create(&test->smarthost, &no_trace, &test->error);
    assert_non_null(test->submission);
    text_init(&test->outcomes, test->outcomes_bytes, sizeof test->outcomes_bytes);
    return test;
}

static bool run_convoy(struct test *test, size_t messages, unsigned depth)
{
    struct convoy convoy = {.context = test, .depth = depth, .next = next, .done = done};
    test->messages = messages;
    bool good = convoy_run(test->submission, &convoy, &test->error);
    assert_int_equal(test->done, test->handed);
    assert_true(test->most_held <= depth);
    assert_int_equal(good, test->error.exit_code == EX_OK);
    return good;
}

static void close_test(struct test *test)
{
    peer_free(&test->peer);
    free(test);
}

static void end_conversation(struct test *test)
{
    submission_free(test->submission);
    peer_join(&test->peer);
}

static void run_row(const struct row *row)
{
    const char *scripts[] = {row->first, row->second, row->third, NULL};
    struct test *test = open_test(scripts);
    print_message("    %s\n", row->name);
    test->recipients = row->recipients;
    run_convoy(test, strlen(row->recipients), (unsigned)row->depth);
    end_conversation(test);
    assert_string_equal(test->outcomes_bytes, row->outcomes);
    assert_int_equal(test->error.exit_code, row->exit_code);
    size_t star = strcspn(row->heard, "*");
    assert_int_equal(strncmp(test->peer.heard.bytes, row->heard, star), 0);
    if (row->heard[star] == '\0')
        assert_string_equal(test->peer.heard.bytes, row->heard);
    close_test(test);
}

static void conveys(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        run_row(&rows[i]);
}

/* A script for many messages, each taken. */
static char *long_script(const char *hello, const char *first, const char *then, size_t messages)
{
    struct buffer script = {0};
    buffer_add_string(&script, hello);
    for (size_t i = 0; i < messages; i++)
        buffer_add_string(&script, i < 2 ? first : then);
    assert_true(buffer_add_byte(&script, '\0'));
    return script.bytes;
}

/* Each sender with his own recipient, whatever the depth. */
static void expect_pairs(const char *lines, size_t messages)
{
    size_t sender = 0, recipient = 0;
    struct slice rest = slice_of(lines), line;
    while (slice_cut(&rest, '\n', &line)) {
        char expected[64];
        bool is_mail = slice_starts_nocase(line, "MAIL FROM:");
        if (!is_mail && !slice_starts_nocase(line, "RCPT TO:"))
            continue;
        if (is_mail)
            snprintf(expected, sizeof expected, "MAIL FROM:<s%zu@x>", sender++);
        else
            snprintf(expected, sizeof expected, "RCPT TO:<m%zu.r0@x>", recipient++);
        assert_true(slice_starts_nocase(line, expected));
        assert_true(sender == recipient || (is_mail && sender == recipient + 1));
    }
    assert_int_equal(recipient, messages);
}

static void conveys_a_thousand(void **state)
{
    (void)state;
    static const unsigned depths[] = {1, 2, 8, 128};
    for (size_t i = 0; i < 8; i++) {
        bool chunking = i >= 4;
        char *script = chunking ? long_script(BOTH, CHUNK, depths[i - 4] > 1 ? NEXT : CHUNK, 1000)
                                : long_script(PIPE, ONE, ONE, 1000);
        struct test *test = open_test((const char *const[]){script, NULL});
        assert_true(run_convoy(test, 1000, depths[i % 4]));
        end_conversation(test);
        expect_pairs(test->peer.lines.bytes, 1000);
        assert_int_equal(strlen(test->outcomes_bytes), strlen("A. ") * 1000);
        close_test(test);
        free(script);
    }
}

/* However the answers are cut into pieces. */
static void reads_octet_by_octet(void **state)
{
    (void)state;
    static const struct {
        const char *script, *outcomes;
    } cases[] = {
        {BOTH CHUNK CHUNK NEXT "250 reset\n250 ok\n550 no\n503 no\n" NEXT, "A. A. A. R. A. "},
        {BOTH CHUNK CHUNK "250 reset\n" RCPT "550 no\n" NEXT "last 421 enough", "A. A. Pp A. Pt! "},
        {PIPE ONE ONE "250 ok\n550 no\n503 no\n250 reset\n" ONE ONE, "A. A. R. A. A. "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct test *test = open_test((const char *const[]){cases[i].script, NULL});
        atomic_store(&test->peer.dribbles, true);
        if (strstr(cases[i].outcomes, "!") != NULL) {
            /* Nobody listens any more when the connection is to be replaced. */
            test->smarthost.dial.connect_timeout = 200;
        }
        run_convoy(test, 5, 8);
        end_conversation(test);
        assert_string_equal(test->outcomes_bytes, cases[i].outcomes);
        close_test(test);
    }
}

/* Silence ends everything: it would be the same on another connection. */
static void gives_up_in_silence(void **state)
{
    (void)state;
    static const struct {
        const char *script, *outcomes;
    } cases[] = {
        {BOTH CHUNK CHUNK "silent\nsilent\nsilent\nsilent\n", "A. A. P?! "},
        {BOTH CHUNK "silent\nsilent\nsilent\nsilent\nsilent\nsilent\nsilent\n", "A. P?! P?! "},
        {PIPE ONE RCPT "silent\n", "A. Pt! "},
        {PIPE ONE "silent\nsilent\nsilent\n", "A. Pt! "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct test *test = open_test((const char *const[]){cases[i].script, NULL});
        test->smarthost.timeout = 100;
        assert_false(run_convoy(test, 3, 8));
        assert_non_null(strstr(test->error.sentence, "no answer within"));
        assert_string_equal(test->outcomes_bytes, cases[i].outcomes);
        end_conversation(test);
        close_test(test);
    }
}

/* No more are asked for, and those under way come to their end. */
static void stops_when_told(void **state)
{
    (void)state;
    struct test *test = open_test((const char *const[]){BOTH CHUNK CHUNK NEXT NEXT, NULL});
    test->stop_at = 2;
    assert_true(run_convoy(test, 1000, 3));
    assert_string_equal(test->outcomes_bytes, "A. A. A. A. ");
    end_conversation(test);
    close_test(test);
}

/* A large one goes by itself, when those before it are done; a login that fails ends it all. */
static void goes_the_slow_way(void **state)
{
    (void)state;
    struct test *test = open_test((const char *const[]){BOTH CHUNK CHUNK CHUNK, NULL});
    test->octets = (size_t)2 * 1024 * 1024;
    assert_true(run_convoy(test, 3, 8));
    assert_string_equal(test->outcomes_bytes, "A. A. A. ");
    end_conversation(test);
    assert_string_equal(test->peer.heard.bytes,
                        "EHLO MAIL RCPT BDAT MAIL RCPT BDAT MAIL RCPT BDAT QUIT");
    close_test(test);
}

static void cannot_log_in(void **state)
{
    (void)state;
    static struct sasl_secret secret = {.bytes = "hunter2", .length = 7};
    struct test *test = open_test((const char *const[]){
        "220 mx\n250-mx/250-PIPELINING/250 AUTH PLAIN\n535 no\n503 no\n503 no\n503 no\n", NULL});
    test->smarthost.sasl =
        (struct sasl_options){.mechanism = "plain", .user = "me", .secret = &secret};
    assert_false(run_convoy(test, 3, 8));
    assert_int_equal(test->error.exit_code, EX_NOPERM);
    assert_string_equal(test->outcomes_bytes, "Pt! ");
    end_conversation(test);
    close_test(test);
}

/* What the server cannot carry is found before it is said, and keeps nobody from going on. */
static void spares_what_is_too_large(void **state)
{
    (void)state;
    struct test *test = open_test((const char *const[]){
        "220 mx\n250-mx/250-PIPELINING/250-CHUNKING/250 SIZE 100\n" CHUNK CHUNK, NULL});
    struct convoy convoy = {.context = test, .depth = 8, .next = next, .done = done};
    test->messages = 1;
    assert_true(convoy_run(test->submission, &convoy, &test->error));
    test->octets = 200;
    test->messages = 2;
    assert_true(convoy_run(test->submission, &convoy, &test->error));
    test->octets = 0;
    test->messages = 3;
    assert_true(convoy_run(test->submission, &convoy, &test->error));
    assert_string_equal(test->outcomes_bytes, "A. Pp A. ");
    end_conversation(test);
    close_test(test);
}

/* In a process of its own: 0 where all went as expected. */
static int run_interrupted(const char *script, size_t at, size_t after, const char *outcomes)
{
    struct error error;
    struct test *test = open_test((const char *const[]){script, NULL});
    test->interrupt_at = at;
    test->interrupt_after = after;
    if (!interrupt_hold(&error))
        return 1;
    if (run_convoy(test, 1000, 8))
        return 2;
    end_conversation(test);
    if (strcmp(test->outcomes_bytes, outcomes) != 0)
        return 3;
    return strstr(test->error.sentence, "interrupted by SIGTERM") != NULL ? 0 : 4;
}

/* What was said to its end comes to its end, and nothing else is begun. */
static void stops_at_an_interrupt(void **state)
{
    (void)state;
    static const struct {
        const char *script;
        size_t at, after;
        const char *outcomes;
    } cases[] = {
        {BOTH CHUNK CHUNK NEXT, 4, 0, "A. A. A. Pt! "},
        {BOTH CHUNK CHUNK NEXT NEXT, 0, 1, "A. "},
        {BOTH CHUNK CHUNK NEXT NEXT NEXT NEXT NEXT NEXT NEXT, 0, 2, "A. A. A. A. A. A. A. A. A. "},
        {PIPE ONE ONE ONE, 3, 0, "A. A. Pt! "},
        {PIPE ONE ONE ONE, 0, 2, "A. A. Pt! "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int status = 0;
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
            _exit(run_interrupted(cases[i].script, cases[i].at, cases[i].after, cases[i].outcomes));
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conveys),
        cmocka_unit_test(conveys_a_thousand),
        cmocka_unit_test(reads_octet_by_octet),
        cmocka_unit_test(gives_up_in_silence),
        cmocka_unit_test(stops_when_told),
        cmocka_unit_test(goes_the_slow_way),
        cmocka_unit_test(cannot_log_in),
        cmocka_unit_test(stops_at_an_interrupt),
        cmocka_unit_test(spares_what_is_too_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

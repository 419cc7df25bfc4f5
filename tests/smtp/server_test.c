/* Goal: a local caller gets one legal reply to each command, in order; what he says becomes exactly
 * one message for each that he framed, whatever the message holds and wherever the input is cut
 * into pieces; and no session lasts for ever. */
#include "smtp/server.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/smtp/served.h"

#define GREETING  "220 here.example ESMTP sendmail\n"
#define BEGIN     "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n"
#define BEGUN     "250 2.1.0 sender taken\n250 2.1.5 recipient taken\n"
#define BEGUN_LOG "mail a@b;rcpt c@d;"
#define GO_ON     "354 the message now, and a dot on a line of its own behind it\n"
#define TAKEN     "250 2.0.0 message taken\n"
#define MIXED     "550 5.6.11 the message has a CR or LF that is no part of a CRLF\n"
#define CHUNK     "250 2.0.0 chunk taken\n"
#define BYE       "221 2.0.0 bye\n"
#define QUIT      "QUIT\r\n"

struct row {
    const char *input;
    const char *output; /* behind the greeting, without CR */
    const char *log;    /* of the callbacks */
};

static void assert_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct served served;
        serve(&served, slice_of(rows[i].input), SERVE_WHOLE);
        assert_string_equal(served_output(&served) + strlen(GREETING), rows[i].output);
        assert_string_equal(served_log(&served), rows[i].log);
        assert_int_equal(served.error.exit_code, EX_OK);
        served_free(&served);
    }
}

#define ASSERT_ROWS(rows) assert_rows(rows, sizeof(rows) / sizeof(rows)[0])

static void commands_are_answered(void **state)
{
    static const struct row rows[] = {
        {"", "", ""},
        {"QUIT", "", ""}, /* no whole line */
        {QUIT, BYE, ""},
        {"quit \t\r\nNOOP\r\n", BYE, ""},
        {"EHLO [192.0.2.1]\r\n" QUIT,
         "250-here.example\n250-SIZE 1000000\n250-PIPELINING\n250-8BITMIME\n250-SMTPUTF8\n"
         "250-CHUNKING\n250-DSN\n250-ENHANCEDSTATUSCODES\n250 HELP\n" BYE,
         ""},
        {"HELO \xff garbage !\r\n" QUIT, "250 here.example\n" BYE, ""},
        {"HELO\r\n" QUIT, "501 5.5.4 HELO takes a name\n" BYE, ""},
        {"NOOP with words\r\nnOoP\r\n", "250 2.0.0 nothing done\n250 2.0.0 nothing done\n", ""},
        {"VRFY root\r\n", "252 2.0.0 not known before it is tried\n", ""},
        {"EXPN list\r\nSTARTTLS\r\nAUTH PLAIN =\r\n",
         "502 5.5.1 not offered here\n502 5.5.1 not offered here\n502 5.5.1 not offered here\n",
         ""},
        {"HELP\r\n",
         "214 2.0.0 sendmail 0.1: HELO EHLO MAIL RCPT DATA BDAT RSET NOOP VRFY HELP QUIT\n", ""},
        {"RSET\r\nRSET now\r\n", "250 2.0.0 reset\n501 5.5.4 this command takes no argument\n", ""},
        {"\r\nGET / HTTP/1.1\r\nMAILFROM:<a@b>\r\n",
         "500 5.5.2 no such command; HELP names them\n500 5.5.2 no such command; HELP names them\n"
         "500 5.5.2 no such command; HELP names them\n",
         ""},
        {"NOOP \a\r\nNOOP \x7f\r\nNOOP\tx\r\n",
         "500 5.5.2 a control character in a command\n"
         "500 5.5.2 a control character in a command\n250 2.0.0 nothing done\n",
         ""},
    };
    (void)state;
    ASSERT_ROWS(rows);
}

static void order_is_kept(void **state)
{
    static const struct row rows[] = {
        {"RCPT TO:<a@b>\r\nDATA\r\n", "503 5.5.1 MAIL first\n503 5.5.1 MAIL first\n", ""},
        {"MAIL FROM:<a@b>\r\nMAIL FROM:<c@d>\r\nRSET\r\nMAIL FROM:<e@f>\r\n",
         "250 2.1.0 sender taken\n503 5.5.1 a transaction is open; RSET ends it\n250 2.0.0 reset\n"
         "250 2.1.0 sender taken\n",
         "mail a@b;reset;mail e@f;reset;"},
        {"MAIL FROM:<a@b>\r\nHELO x\r\nDATA\r\n",
         "250 2.1.0 sender taken\n250 here.example\n503 5.5.1 MAIL first\n", "mail a@b;reset;"},
        {"MAIL FROM:<a@b>\r\nDATA\r\nRCPT TO:<refused@x>\r\nDATA\r\n",
         "250 2.1.0 sender taken\n554 5.5.1 no valid recipients\n550 5.1.1 no such user\n"
         "554 5.5.1 no valid recipients\n",
         "mail a@b;rcpt refused@x;reset;"},
        {"MAIL FROM:<denied@x>\r\nRCPT TO:<c@d>\r\nDATA\r\n" BEGIN QUIT,
         "550 5.7.1 sender: not yours\n503 5.5.1 MAIL first\n503 5.5.1 MAIL first\n" BEGUN BYE,
         "mail denied@x;reset;" BEGUN_LOG "reset;"},
        {BEGIN "DATA now\r\nDATA\r\n.\r\n",
         BEGUN "501 5.5.4 this command takes no argument\n" GO_ON TAKEN,
         BEGUN_LOG "message;deliver [][];reset;"},
    };
    (void)state;
    ASSERT_ROWS(rows);
}

static void messages_are_delivered(void **state)
{
    static const struct row rows[] = {
        {BEGIN "DATA\r\nA: b\r\n\r\nc\r\n.\r\n" QUIT, BEGUN GO_ON TAKEN BYE,
         BEGUN_LOG "message;deliver [A: b\r\n][c\r\n];reset;"},
        /* several in a session, one refused at its end */
        {BEGIN
         "DATA\r\n\r\n1\r\n.\r\nMAIL FROM:<fails@x>\r\nRCPT TO:<c@d>\r\nDATA\r\n\r\n2\r\n.\r\n"
         "MAIL FROM:<queued@x>\r\nRCPT TO:<words@x>\r\nDATA\r\n\r\n3\r\n.\r\n",
         BEGUN GO_ON TAKEN "250 2.1.0 sender taken\n250 2.1.5 recipient taken\n" GO_ON
                           "554 5.7.1 this is spam\n250 2.1.0 sender taken\n"
                           "250 2.1.99 words@x, why not\n" GO_ON "250 2.6.0 queued as ABC\n",
         BEGUN_LOG
         "message;deliver [][1\r\n];reset;mail fails@x;rcpt c@d;message;deliver [][2\r\n];"
         "reset;mail queued@x;rcpt words@x;message;deliver [][3\r\n];reset;"},
        /* dots */
        {BEGIN "DATA\r\nA: b\r\n\r\n..\r\n...\r\n.c\r\nd.\r\n.\r\n", BEGUN GO_ON TAKEN,
         BEGUN_LOG "message;deliver [A: b\r\n][.\r\n..\r\nc\r\nd.\r\n];reset;"},
        /* what looks like commands is none */
        {BEGIN "DATA\r\n\r\nQUIT\r\n. \r\nRSET\r\n.\r\nNOOP\r\n",
         BEGUN GO_ON TAKEN "250 2.0.0 nothing done\n",
         BEGUN_LOG "message;deliver [][QUIT\r\n \r\nRSET\r\n];reset;"},
        /* chunks */
        {BEGIN "BDAT 6 LAST\r\n\r\n.\r\nx" QUIT, BEGUN TAKEN BYE,
         BEGUN_LOG "message;deliver [][.\r\nx\r\n];reset;"},
        {BEGIN "bdat 3\r\nA: BDAT 5\r\nb\r\n\r\nBDAT 6 last\r\nQUIT\r\nBDAT 0\r\n",
         BEGUN CHUNK CHUNK TAKEN "503 5.5.1 MAIL first\n",
         BEGUN_LOG "message;deliver [A: b\r\n][QUIT\r\n];reset;"},
        {BEGIN "BDAT 0\r\nBDAT 1\r\nxBDAT 0 LAST\r\n", BEGUN CHUNK CHUNK TAKEN,
         BEGUN_LOG "message;deliver [][x\r\n];reset;"},
        {BEGIN "BDAT 0 LAST\r\n", BEGUN TAKEN, BEGUN_LOG "message;deliver [][];reset;"},
        /* LF alone */
        {"MAIL FROM:<a@b>\nRCPT TO:<c@d>\nDATA\nA: b\n\n..c\n.\nQUIT\n", BEGUN GO_ON TAKEN BYE,
         BEGUN_LOG "message;deliver [A: b\r\n][.c\r\n];reset;"},
        {"MAIL FROM:<a@b>\nRCPT TO:<c@d>\nBDAT 5 LAST\nA: b\nQUIT\n", BEGUN TAKEN BYE,
         BEGUN_LOG "message;deliver [A: b\r\n][];reset;"},
    };
    (void)state;
    ASSERT_ROWS(rows);
}

static void nothing_is_smuggled(void **state)
{
    static const struct row rows[] = {
        /* ends that are none */
        {BEGIN "DATA\r\nx\n.\nMAIL FROM:<e@f>\r\n.\r\n" QUIT, BEGUN GO_ON MIXED BYE,
         BEGUN_LOG "message;reset;"},
        {BEGIN "DATA\r\nx\n.\r\nMAIL FROM:<e@f>\r\n.\r\n" QUIT, BEGUN GO_ON MIXED BYE,
         BEGUN_LOG "message;reset;"},
        {BEGIN "DATA\r\nx\r\n.\nMAIL FROM:<e@f>\r\n.\r\n" QUIT, BEGUN GO_ON MIXED BYE,
         BEGUN_LOG "message;reset;"},
        {BEGIN "DATA\r\nx\r.\r\nMAIL FROM:<e@f>\r\n.\r\n" QUIT, BEGUN GO_ON MIXED BYE,
         BEGUN_LOG "message;reset;"},
        {BEGIN "DATA\r\nx\r\n.\rMAIL FROM:<e@f>\r\n.\r\n" QUIT, BEGUN GO_ON MIXED BYE,
         BEGUN_LOG "message;reset;"},
        {BEGIN "DATA\r\nx\r\n.\r\r\nMAIL FROM:<e@f>\r\n.\r\n" QUIT, BEGUN GO_ON MIXED BYE,
         BEGUN_LOG "message;reset;"},
        {BEGIN "DATA\r\nx\r\r\n.\r\n" QUIT, BEGUN GO_ON MIXED BYE, BEGUN_LOG "message;reset;"},
        {BEGIN "DATA\r\nx\n\r.\r\n.\r\n" QUIT, BEGUN GO_ON MIXED BYE, BEGUN_LOG "message;reset;"},
        {BEGIN "DATA\r\n.\n.\r\n.\r\n" QUIT, BEGUN GO_ON MIXED BYE, BEGUN_LOG "message;reset;"},
        {BEGIN "DATA\r\n\n.\n\r\n.\r\n" QUIT, BEGUN GO_ON MIXED BYE, BEGUN_LOG "message;reset;"},
        /* in a command */
        {"NOOP\nRSET\r\nNOOP\rRSET\nQUIT\n",
         "250 2.0.0 nothing done\n500 5.5.2 a control character in a command\n"
         "500 5.5.2 a control character in a command\n" BYE,
         ""},
        {"NOOP\r\nNOOP\nRSET\r\nNOOP\rRSET\r\n\rNOOP\r\n\nNOOP\r\nNOOP\r\r\n" QUIT,
         "250 2.0.0 nothing done\n500 5.5.2 a control character in a command\n"
         "500 5.5.2 a control character in a command\n500 5.5.2 a control character in a command\n"
         "500 5.5.2 a control character in a command\n500 5.5.2 a control character in a "
         "command\n" BYE,
         ""},
        /* a session of LF */
        {"MAIL FROM:<a@b>\nRCPT TO:<c@d>\nDATA\nx\r\n.\r\nMAIL FROM:<e@f>\n.\nQUIT\n",
         BEGUN GO_ON "550 5.6.11 the message has a CR, and the session began with LF alone\n" BYE,
         BEGUN_LOG "message;reset;"},
        {"MAIL FROM:<a@b>\nRCPT TO:<c@d>\nDATA\n.\r\n.\nQUIT\n",
         BEGUN GO_ON "550 5.6.11 the message has a CR, and the session began with LF alone\n" BYE,
         BEGUN_LOG "message;reset;"},
        /* chunks */
        {BEGIN "BDAT 2 LAST\r\nx\n" QUIT, BEGUN MIXED BYE, BEGUN_LOG "message;reset;"},
        {BEGIN "BDAT 2 LAST\r\nx\r" QUIT, BEGUN MIXED BYE, BEGUN_LOG "message;reset;"},
        {BEGIN "BDAT 2\r\nx\rBDAT 2 LAST\r\n\ny" QUIT, BEGUN CHUNK TAKEN BYE,
         BEGUN_LOG "message;deliver [][x\r\ny\r\n];reset;"},
        {BEGIN "BDAT 2\r\nx\rBDAT 2 LAST\r\ny\n" QUIT, BEGUN CHUNK MIXED BYE,
         BEGUN_LOG "message;reset;"},
        {BEGIN "BDAT 2\r\n\nyBDAT 2\r\nzzBDAT 0 LAST\r\n" QUIT, BEGUN MIXED MIXED MIXED BYE,
         BEGUN_LOG "message;reset;"},
    };
    (void)state;
    ASSERT_ROWS(rows);
}

/* A chunk that was refused must never leave a message that looks whole. */
static void refused_chunks_are_swallowed(void **state)
{
    static const struct row rows[] = {
        {"BDAT 6\r\nQUIT\r\nBDAT 6 LAST\r\nQUIT\r\nNOOP\r\n",
         "503 5.5.1 MAIL first\n503 5.5.1 MAIL first\n250 2.0.0 nothing done\n", ""},
        {"MAIL FROM:<a@b>\r\nBDAT 6\r\nQUIT\r\nRCPT TO:<c@d>\r\nBDAT 1 LAST\r\nx",
         "250 2.1.0 sender taken\n554 5.5.1 no valid recipients\n503 5.5.1 the message has begun\n"
         "554 5.5.1 no valid recipients\n",
         "mail a@b;reset;"},
        {"MAIL FROM:<a@b>\r\nBDAT 1\r\n\nRSET\r\n" BEGIN "BDAT 1 LAST\r\nx",
         "250 2.1.0 sender taken\n554 5.5.1 no valid recipients\n250 2.0.0 reset\n" BEGUN TAKEN,
         "mail a@b;reset;" BEGUN_LOG "message;deliver [][x\r\n];reset;"},
        {BEGIN "BDAT 6 FIRST\r\nQUIT\r\nBDAT 1 LAST\r\nx" QUIT,
         BEGUN "501 5.5.4 BDAT takes a number of octets, and LAST or nothing\n"
               "501 5.5.4 BDAT takes a number of octets, and LAST or nothing\n" BYE,
         BEGUN_LOG "message;reset;"},
        {BEGIN "BDAT 1\r\nxBDAT 6 LAST x\r\nQUIT\r\nBDAT 0 LAST\r\n" QUIT,
         BEGUN CHUNK "501 5.5.4 BDAT takes a number of octets, and LAST or nothing\n"
                     "501 5.5.4 BDAT takes a number of octets, and LAST or nothing\n" BYE,
         BEGUN_LOG "message;reset;"},
        {BEGIN "BDAT 1\r\nxDATA\r\nMAIL FROM:<e@f>\r\nBDAT 0 LAST\r\n",
         BEGUN CHUNK "503 5.5.1 the message began with BDAT\n"
                     "503 5.5.1 a transaction is open; RSET ends it\n" TAKEN,
         BEGUN_LOG "message;deliver [][x\r\n];reset;"},
        {"MAIL FROM:<nodisk@x>\r\nRCPT TO:<c@d>\r\nBDAT 1\r\nxBDAT 1 LAST\r\nxNOOP\r\n",
         BEGUN "452 4.3.1 message: cannot be kept\n452 4.3.1 message: cannot be kept\n"
               "250 2.0.0 nothing done\n",
         "mail nodisk@x;rcpt c@d;message;reset;"},
        {"MAIL FROM:<nodisk@x>\r\nRCPT TO:<c@d>\r\nDATA\r\nNOOP\r\n",
         BEGUN "452 4.3.1 message: cannot be kept\n250 2.0.0 nothing done\n",
         "mail nodisk@x;rcpt c@d;message;reset;"},
    };
    (void)state;
    ASSERT_ROWS(rows);
}

static void arguments_are_parsed(void **state)
{
    static const struct row rows[] = {
        {"MAIL FROM:<>\r\nRCPT TO:<Postmaster>\r\n", BEGUN, "mail ;rcpt Postmaster;reset;"},
        {"MAIL FROM: <a@b>\r\nRCPT TO: < c@d >\r\n", BEGUN, BEGUN_LOG "reset;"},
        {"mail from:a@b\r\nrcpt to : c@d  \r\n", BEGUN, BEGUN_LOG "reset;"},
        {"MAIL FROM:<@x,@y:a@b>\r\nRCPT TO:<@x:c@d>\r\n", BEGUN, BEGUN_LOG "reset;"},
        {"MAIL FROM:<\"a> \\\"<:\"@b>\r\nRCPT TO:\"c d\"@d\r\n", BEGUN,
         "mail \"a> \\\"<:\"@b;rcpt \"c d\"@d;reset;"},
        {"MAIL FROM:<a@b> SIZE=1000000 body=8bitmime smtputf8 RET=HDRS ENVID=x+2By AUTH=<>\r\n"
         "RCPT TO:<\xc3\xa4@d> NOTIFY=success,DELAY ORCPT=rfc822;c+2Bx@d\r\n",
         BEGUN,
         "mail a@b size=1000000 8bit utf8 ret=2 id=x+2By;"
         "rcpt \xc3\xa4@d notify=10 original=rfc822;c+2Bx@d;reset;"},
        {"MAIL FROM:<a@b> BODY=7BIT AUTH=x+40y\r\nRCPT TO:<c@d> NOTIFY=NEVER\r\n", BEGUN,
         "mail a@b;rcpt c@d notify=1;reset;"},
        {"MAIL FROM:<a@b> SIZE=1000001\r\n",
         "552 5.3.4 message: larger than the 1000000 octets that max_size allows\n", ""},
        {"MAIL FROM:\r\nMAIL\r\nMAIL a@b\r\nMAIL FROM <a@b>\r\nMAIL FROM:<a@b\r\nMAIL "
         "FROM:<a@b>x\r\n"
         "MAIL FROM:<a<b>\r\nMAIL FROM:a>b\r\nMAIL FROM:<@a>\r\nMAIL FROM:<\"a@b>\r\n",
         "501 5.5.4 an address in <> belongs here\n501 5.5.4 FROM:<address> belongs here\n"
         "501 5.5.4 FROM:<address> belongs here\n501 5.5.4 FROM:<address> belongs here\n"
         "501 5.5.4 an address and its closing > belong here\n"
         "501 5.5.4 an address and its closing > belong here\n"
         "501 5.5.4 an address and its closing > belong here\n"
         "501 5.5.4 an address in <> belongs here\n501 5.5.4 an address without a local part\n"
         "501 5.5.4 an address and its closing > belong here\n",
         ""},
        {"MAIL FROM:<a@b> SIZE=\r\nMAIL FROM:<a@b> SIZE=1x\r\nMAIL FROM:<a@b> SIZE\r\n"
         "MAIL FROM:<a@b> SIZE=99999999999999999999\r\nMAIL FROM:<a@b> BODY=BINARYMIME\r\n"
         "MAIL FROM:<a@b> SMTPUTF8=1\r\nMAIL FROM:<a@b> RET=ALL\r\nMAIL FROM:<a@b> AUTH=\r\n"
         "MAIL FROM:<a@b> SIZE=1 size=1\r\nMAIL FROM:<a@b> BY=3\r\nMAIL FROM:<a@b> \xff=3\r\n",
         "501 5.5.4 SIZE takes a number of octets\n501 5.5.4 SIZE takes a number of octets\n"
         "501 5.5.4 SIZE takes a value\n501 5.5.4 SIZE takes a number of octets\n"
         "501 5.5.4 BODY takes 7BIT or 8BITMIME\n501 5.5.4 SMTPUTF8 takes no value\n"
         "501 5.5.4 RET takes full or hdrs\n501 5.5.4 AUTH takes an address or <>\n"
         "501 5.5.4 SIZE is given twice\n555 5.5.4 parameter BY is not known\n"
         "555 5.5.4 parameter \\xff is not known\n",
         ""},
        {"MAIL FROM:<a@b>\r\nRCPT TO:<>\r\nRCPT TO:<c@d> NOTIFY=NEVER,DELAY\r\n"
         "RCPT TO:<c@d> SIZE=3\r\nRCPT TO:<\xc3\xa4@d>\r\nRCPT FROM:<c@d>\r\n",
         "250 2.1.0 sender taken\n501 5.1.3 a recipient cannot be empty\n"
         "501 5.5.4 NOTIFY takes never, or some of success,failure,delay\n"
         "555 5.5.4 parameter SIZE is not known\n"
         "553 5.6.7 the address is not ASCII, and MAIL had no SMTPUTF8\n"
         "501 5.5.4 TO:<address> belongs here\n",
         "mail a@b;reset;"},
        {"MAIL FROM:<\xc3\xa4@b>\r\nMAIL FROM:<\xc3@b> SMTPUTF8\r\n",
         "553 5.6.7 the address is not ASCII, and MAIL had no SMTPUTF8\n"
         "553 5.6.7 the address is no UTF-8\n",
         ""},
    };
    (void)state;
    ASSERT_ROWS(rows);
}

/* A NUL is content in a message, and none of a command. */
static void nul_octets(void **state)
{
    static const char input[] = "NOOP \0\r\n" BEGIN "DATA\r\n\r\na\0b\r\n.\r\n" QUIT;
    struct served served;
    (void)state;
    serve(&served, slice_make(input, sizeof input - 1), SERVE_WHOLE);
    assert_string_equal(served_output(&served), GREETING
                        "500 5.5.2 a control character in a command\n" BEGUN GO_ON TAKEN BYE);
    assert_string_equal(served_log(&served), BEGUN_LOG "message;deliver [][a\\0b\r\n];reset;");
    served_free(&served);
}

static const char *const pieces[] = {
    "EHLO x\r\n" BEGIN "DATA\r\nA: b\r\n\r\n..c\r\n.\r\n" BEGIN
    "BDAT 4\r\n\r\nx\rBDAT 3 LAST\r\n\n.y" QUIT,
    "EHLO x\n"
    "MAIL FROM:<a@b>\nRCPT TO:<c@d>\nDATA\nA: b\n\n..c\n.\nNOOP\nQUIT\n",
    BEGIN "DATA\r\nx\r\n.\rx\n.\r\r\n.\n.\r\nNOOP\r\nno\nop\r\n.\r\n" BEGIN "DATA\r\n.x\r\n.",
    "MAIL FROM:<a@b>\r\nRCPT TO:<refused@d>\r\nBDAT 7 x\r\nQUIT\r\n\rBDAT 1 LAST\r\nx\r\n\r\n" QUIT,
};

static void assert_same(struct served *one, struct served *other)
{
    assert_string_equal(served_output(one), served_output(other));
    assert_string_equal(served_log(one), served_log(other));
    assert_int_equal(one->error.exit_code, other->error.exit_code);
}

static void the_cut_makes_no_difference(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        struct slice input = slice_of(pieces[i]);
        struct served whole, cut;
        serve(&whole, input, SERVE_WHOLE);
        serve(&cut, input, SERVE_BYTES);
        assert_same(&whole, &cut);
        served_free(&cut);
        for (size_t first = 1; first < input.length; first++) {
            serve(&cut, input, (int)first);
            assert_same(&whole, &cut);
            served_free(&cut);
        }
        served_free(&whole);
    }
}

/* Lines about the limit, for each line end and where the first line is the long one. */
static void long_lines_are_answered_once(void **state)
{
    static const struct {
        const char *before, *end;
        size_t length;
        bool taken;
    } rows[] = {
        {"", "\r\n", 2046, true},
        {"", "\r\n", 2047, false},
        {"", "\n", 2047, true},
        {"", "\n", 2048, false},
        {"NOOP\r\n", "\r\n", 2046, true},
        {"NOOP\r\n", "\r\n", 2047, false},
        {"NOOP\r\n", "\r\n", 200000, false},
        {"", "\n", 70000, false},
        {"", "\r\n", 70000, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buffer input = {0};
        struct served served;
        buffer_add_string(&input, rows[i].before);
        for (size_t j = 0; j < rows[i].length; j++)
            buffer_add_byte(&input, "NOOP "[j < 5 ? j : 4]);
        buffer_add_string(&input, rows[i].end);
        buffer_add_string(&input, "QUIT");
        buffer_add_string(&input, rows[i].end);
        serve(&served, buffer_slice(&input), SERVE_WHOLE);
        const char *output = served_output(&served) + strlen(GREETING);
        if (rows[i].before[0] != '\0')
            output += strlen("250 2.0.0 nothing done\n");
        assert_string_equal(output, rows[i].taken
                                        ? "250 2.0.0 nothing done\n" BYE
                                        : "500 5.5.6 a command has 2048 octets at most\n" BYE);
        served_free(&served);
        buffer_free(&input);
    }
}

static void add_times(struct buffer *out, size_t times, const char *string)
{
    while (times-- > 0)
        buffer_add_string(out, string);
    assert_false(out->failed);
}

/* The replies of a session end in these, and it fails so. */
static void assert_hung_up(const struct buffer *input, const char *last, int exit_code,
                           const char *log_end)
{
    struct served served;
    serve(&served, buffer_slice(input), SERVE_WHOLE);
    const char *output = served_output(&served), *log = served_log(&served);
    assert_true(strlen(output) > strlen(last));
    assert_string_equal(output + strlen(output) - strlen(last), last);
    assert_int_equal(served.error.exit_code, exit_code);
    assert_true(strlen(log) >= strlen(log_end));
    assert_string_equal(log + strlen(log) - strlen(log_end), log_end);
    served_free(&served);
}

static void errors_are_counted(void **state)
{
    struct buffer input = {0};
    (void)state;
    add_times(&input, 100, "WHAT\r\n");
    buffer_add_string(&input, QUIT);
    assert_hung_up(
        &input,
        "500 5.5.2 no such command; HELP names them\n421 4.7.0 too many errors, the last "
        "one: no such command; HELP names them\n",
        EX_PROTOCOL, "");
    buffer_clear(&input);
    add_times(&input, 99, "WHAT\r\n");
    buffer_add_string(&input, QUIT);
    assert_hung_up(&input, BYE, EX_OK, "");
    /* What only follows from a verdict is no error of the caller's. */
    buffer_clear(&input);
    buffer_add_string(&input, "MAIL FROM:<denied@x>\r\n");
    add_times(&input, 150, "RCPT TO:<c@d>\r\n");
    buffer_add_string(&input, "MAIL FROM:<a@b>\r\n");
    add_times(&input, 150, "RCPT TO:<refused@d>\r\n");
    add_times(&input, 150, "DATA\r\n");
    buffer_add_string(&input, QUIT);
    assert_hung_up(&input, BYE, EX_OK, "reset;");
    buffer_free(&input);
}

static void recipients_are_counted(void **state)
{
    struct buffer input = {0};
    (void)state;
    buffer_add_string(&input, "MAIL FROM:<a@b>\r\n");
    add_times(&input, SERVER_RECIPIENTS_LIMIT, "RCPT TO:<c@d>\r\n");
    buffer_add_string(&input, QUIT);
    assert_hung_up(&input, "250 2.1.5 recipient taken\n" BYE, EX_OK, "rcpt c@d;reset;");
    buffer_clear(&input);
    buffer_add_string(&input, "MAIL FROM:<a@b>\r\n");
    add_times(&input, SERVER_RECIPIENTS_LIMIT + 1, "RCPT TO:<c@d>\r\n");
    buffer_add_string(&input, "DATA\r\nx\r\n.\r\n");
    assert_hung_up(&input, "421 4.5.3 more than 10000 recipients in one message\n", EX_PROTOCOL,
                   "rcpt c@d;reset;");
    buffer_free(&input);
}

static void cut_inside_a_message(void **state)
{
    static const char *const inputs[] = {
        BEGIN "DATA\r\n",       BEGIN "DATA\r\nx\r\n.",    BEGIN "DATA\r\nx\r\n.\r",
        BEGIN "DATA\r\nx\n.\n", BEGIN "BDAT 3 LAST\r\nxx", BEGIN "BDAT 1\r\nxBDAT 2 LAST\r\nx",
    };
    struct buffer input = {0};
    (void)state;
    for (size_t i = 0; i < sizeof inputs / sizeof inputs[0]; i++) {
        buffer_clear(&input);
        buffer_add_string(&input, inputs[i]);
        assert_hung_up(&input, "421 4.4.2 the input ended inside the message; nothing was sent\n",
                       EX_IOERR, BEGUN_LOG "message;reset;");
    }
    /* Between the chunks it ended between two commands, but inside the message. */
    buffer_clear(&input);
    buffer_add_string(&input, BEGIN "BDAT 1\r\nx");
    assert_hung_up(&input, "421 4.4.2 the input ended inside the message; nothing was sent\n",
                   EX_IOERR, BEGUN_LOG "message;reset;");
    buffer_clear(&input);
    buffer_add_string(&input, "BDAT 99999999999999999999 LAST\r\nQUIT\r\n");
    assert_hung_up(&input,
                   "501 5.5.4 BDAT takes a number of octets, and LAST or nothing\n"
                   "421 4.5.0 BDAT without count: where the message ends is not known\n",
                   EX_PROTOCOL, "");
    buffer_free(&input);
}

/* A message over the limits is refused at its end; the session goes on. */
static void large_messages(void **state)
{
    struct buffer input = {0};
    (void)state;
    buffer_add_string(&input, BEGIN "DATA\r\n\r\n");
    add_times(&input, 99990, "12345678\r\n");
    buffer_add_string(&input, ".\r\n" QUIT);
    assert_hung_up(&input, TAKEN BYE, EX_OK, "reset;");
    buffer_clear(&input);
    buffer_add_string(&input, BEGIN "DATA\r\n\r\n");
    add_times(&input, 200000, "12345678\r\n");
    buffer_add_string(&input, ".\r\n" QUIT);
    assert_hung_up(&input,
                   GO_ON
                   "552 5.3.4 message: larger than the 1000000 octets that max_size allows\n" BYE,
                   EX_OK, BEGUN_LOG "message;reset;");
    buffer_clear(&input);
    buffer_add_string(&input, BEGIN "BDAT 2000000\r\n");
    add_times(&input, 200000, "12345678\r\n");
    buffer_add_string(&input, "BDAT 1 LAST\r\nx" QUIT);
    assert_hung_up(&input,
                   "552 5.3.4 message: larger than the 1000000 octets that max_size allows\n"
                   "552 5.3.4 message: larger than the 1000000 octets that max_size allows\n" BYE,
                   EX_OK, BEGUN_LOG "message;reset;");
    buffer_free(&input);
}

static void settings_that_cannot_be_loaded(void **state)
{
    struct served served;
    (void)state;
    serve_options(&served, slice_of("EHLO x\r\nMAIL FROM:<a@b>\r\n"), SERVE_WHOLE,
                  &(struct serve_options){.open_fails = true});
    assert_string_equal(served_output(&served), GREETING "421 4.3.5 config.ini: line 3: what?\n");
    assert_string_equal(served_log(&served), "");
    assert_int_equal(served.error.exit_code, EX_CONFIG);
    assert_string_equal(served.error.sentence, "config.ini: line 3: what?");
    served_free(&served);
}

static void silence(void **state)
{
    static const struct serve_options options = {.rest = 400, .idle = 600, .stays_open = true};
    struct served served;
    (void)state;
    serve_options(&served, slice_of("MAIL FROM:<a@b>\r\n"), SERVE_WHOLE, &options);
    assert_string_equal(served_output(&served),
                        GREETING "250 2.1.0 sender taken\n421 4.4.2 no command for too long\n");
    assert_string_equal(served_log(&served), "mail a@b;rest;reset;");
    assert_int_equal(served.error.exit_code, EX_TEMPFAIL);
    served_free(&served);
    serve_options(&served, slice_of(BEGIN "DATA\r\nx\r\n"), SERVE_WHOLE, &options);
    assert_string_equal(served_output(&served), GREETING BEGUN GO_ON
                        "421 4.4.2 no input inside the message for too long; nothing was sent\n");
    assert_string_equal(served_log(&served), BEGUN_LOG "message;rest;reset;");
    assert_int_equal(served.error.exit_code, EX_TEMPFAIL);
    served_free(&served);
}

/* Nobody reads the replies: what was begun is finished, and then it is over. */
static void a_caller_who_is_gone(void **state)
{
    struct served served;
    (void)state;
    serve_options(&served, slice_of(BEGIN "DATA\r\n\r\nx\r\n.\r\nNOOP\r\n"),
                  sizeof BEGIN "DATA\r\n" - 1, &(struct serve_options){.leaves = "354 "});
    assert_string_equal(served_log(&served), BEGUN_LOG "message;deliver [][x\r\n];reset;");
    assert_int_equal(served.error.exit_code, EX_IOERR);
    served_free(&served);
}

/* Nobody reads, nobody closes. */
static void a_caller_who_does_not_read(void **state)
{
    static const char full[4096];
    int ends[2], input = open("/dev/null", O_RDONLY);
    struct server_callbacks callbacks = {.open = served_open, .reset = served_reset};
    struct served served = {.options = &(struct serve_options){.open_fails = false}};
    struct server_options options = {.input = input, .host = "x", .version = "0.1", .idle = 10};
    struct error error;
    (void)state;
    assert_int_equal(pipe(ends), 0);
    assert_true(fcntl(ends[1], F_SETPIPE_SZ, sizeof full) >= 0);
    assert_int_equal(fcntl(ends[1], F_SETFL, O_NONBLOCK), 0);
    while (write(ends[1], full, sizeof full) > 0)
        continue;
    assert_int_equal(fcntl(ends[1], F_SETFL, 0), 0);
    options.output = ends[1];
    callbacks.context = &served;
    assert_false(server_run(&options, &callbacks, &error));
    assert_int_equal(error.exit_code, EX_IOERR);
    assert_string_equal(error.sentence, "standard output: nobody reads it");
    close(ends[0]);
    close(ends[1]);
    close(input);
}

static void the_network_is_turned_away(void **state)
{
    int null = open("/dev/null", O_RDWR), network = socket(AF_INET, SOCK_STREAM, 0);
    int output = memfd_create("output", MFD_CLOEXEC);
    struct server_callbacks callbacks = {0};
    struct server_options options = {
        .input = network, .output = output, .host = "here.example", .version = "0.1"};
    char reply[100] = "";
    struct error error;
    (void)state;
    assert_false(server_run(&options, &callbacks, &error));
    assert_int_equal(error.exit_code, EX_USAGE);
    assert_true(pread(output, reply, sizeof reply - 1, 0) > 0);
    assert_string_equal(reply, "554 5.7.1 no mail is taken from the network here\r\n");
    options = (struct server_options){.input = null, .output = network, .host = "here.example"};
    assert_false(server_run(&options, &callbacks, &error));
    assert_int_equal(error.exit_code, EX_USAGE);
    close(null);
    close(network);
    close(output);
}

static void input_that_cannot_be_read(void **state)
{
    int directory = open("/", O_RDONLY | O_DIRECTORY);
    struct served served;
    (void)state;
    assert_true(directory >= 0);
    serve_descriptor(&served, directory);
    assert_string_equal(served_output(&served),
                        GREETING "421 4.4.2 standard input: Is a directory\n");
    assert_int_equal(served.error.exit_code, EX_NOINPUT);
    served_free(&served);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_are_answered),
        cmocka_unit_test(order_is_kept),
        cmocka_unit_test(messages_are_delivered),
        cmocka_unit_test(nothing_is_smuggled),
        cmocka_unit_test(refused_chunks_are_swallowed),
        cmocka_unit_test(arguments_are_parsed),
        cmocka_unit_test(nul_octets),
        cmocka_unit_test(the_cut_makes_no_difference),
        cmocka_unit_test(long_lines_are_answered_once),
        cmocka_unit_test(errors_are_counted),
        cmocka_unit_test(recipients_are_counted),
        cmocka_unit_test(cut_inside_a_message),
        cmocka_unit_test(large_messages),
        cmocka_unit_test(settings_that_cannot_be_loaded),
        cmocka_unit_test(silence),
        cmocka_unit_test(a_caller_who_is_gone),
        cmocka_unit_test(a_caller_who_does_not_read),
        cmocka_unit_test(the_network_is_turned_away),
        cmocka_unit_test(input_that_cannot_be_read),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

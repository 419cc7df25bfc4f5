/* Goal: what is said to a local caller is one legal reply, whatever the words; and it is 5xx only
 * for a verdict on this very mail. */
#include "smtp/answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"

static void assert_said(struct buffer *out, const char *expected)
{
    assert_true(buffer_add_byte(out, '\0'));
    assert_string_equal(out->bytes, expected);
    buffer_free(out);
}

static void errors(void **state)
{
    enum { OTHER = 99 };
    static const struct {
        int exit_code;
        bool permanent;
        int reply_code;
        const char *enhanced, *sentence;
        enum answer_step step;
        const char *expected;
    } rows[] = {
        /* a server's verdict */
        {EX_NOUSER, true, 550, "5.1.1", "no such user", ANSWER_RCPT, "550 5.1.1 no such user"},
        {EX_NOUSER, true, 550, "5.1.1", "550 5.1.1 no such user", ANSWER_RCPT,
         "550 5.1.1 no such user"},
        {EX_NOUSER, true, 550, "", "550 5.1.1 no such user", ANSWER_RCPT, "550 5.1.1 no such user"},
        {EX_NOUSER, true, 550, "", "no such user", ANSWER_RCPT, "550 5.0.0 no such user"},
        {EX_NOUSER, true, 550, "4.1.1", "x", ANSWER_RCPT, "550 5.0.0 x"},
        {EX_NOUSER, true, 550, "5.1", "x", ANSWER_RCPT, "550 5.0.0 x"},
        {EX_UNAVAILABLE, true, 554, "5.7.1", "551 5.1.1 x", ANSWER_DELIVERY,
         "554 5.7.1 551 5.1.1 x"},
        {EX_TEMPFAIL, false, 450, "4.2.0", "greylisted", ANSWER_RCPT, "450 4.2.0 greylisted"},
        {EX_TEMPFAIL, false, 450, "5.2.0", "x", ANSWER_RCPT, "450 4.0.0 x"},
        {EX_TEMPFAIL, false, 421, "4.3.2", "421 4.3.2 busy", ANSWER_RCPT, "451 4.3.2 busy"},
        /* a code that is no verdict on the mail, or says something else than the error */
        {EX_NOPERM, false, 535, "5.7.8", "login refused", ANSWER_MAIL, "451 4.3.5 login refused"},
        {EX_TEMPFAIL, false, 550, "5.1.1", "x", ANSWER_RCPT, "451 4.4.1 x"},
        {EX_NOUSER, true, 450, "4.1.1", "x", ANSWER_RCPT, "550 5.1.1 x"},
        {EX_PROTOCOL, false, 250, "2.0.0", "x", ANSWER_DELIVERY, "451 4.3.5 x"},
        {EX_PROTOCOL, false, 354, "", "x", ANSWER_DELIVERY, "451 4.3.5 x"},
        {EX_UNAVAILABLE, true, 600, "", "x", ANSWER_DELIVERY, "554 5.0.0 x"},
        {EX_UNAVAILABLE, true, 5000, "", "x", ANSWER_DELIVERY, "554 5.0.0 x"},
        {EX_TEMPFAIL, false, -421, "", "x", ANSWER_DELIVERY, "451 4.4.1 x"},
        /* exit codes */
        {EX_USAGE, false, 0, "", "x", ANSWER_MAIL, "553 5.1.7 x"},
        {EX_USAGE, false, 0, "", "x", ANSWER_RCPT, "553 5.1.3 x"},
        {EX_USAGE, true, 0, "", "x", ANSWER_DELIVERY, "554 5.6.0 x"},
        {EX_DATAERR, true, 0, "", "x", ANSWER_MAIL, "552 5.3.4 x"},
        {EX_DATAERR, true, 0, "", "x", ANSWER_RCPT, "553 5.1.3 x"},
        {EX_DATAERR, true, 0, "", "x", ANSWER_MESSAGE, "552 5.3.4 x"},
        {EX_DATAERR, false, 0, "", "x", ANSWER_DELIVERY, "554 5.6.0 x"},
        {EX_NOUSER, true, 0, "", "x", ANSWER_RCPT, "550 5.1.1 x"},
        /* a status without a reply is ours, and says more than the exit code */
        {EX_DATAERR, true, 0, "5.3.4", "x", ANSWER_RCPT, "552 5.3.4 x"},
        {EX_DATAERR, true, 0, "5.3.4", "x", ANSWER_DELIVERY, "552 5.3.4 x"},
        {EX_DATAERR, true, 0, "5.6.7", "x", ANSWER_RCPT, "553 5.6.7 x"},
        {EX_DATAERR, true, 0, "4.3.1", "x", ANSWER_RCPT, "553 5.1.3 x"},
        {EX_TEMPFAIL, false, 0, "5.3.4", "x", ANSWER_RCPT, "451 4.4.1 x"},
        {EX_NOUSER, false, 0, "", "x", ANSWER_RCPT, "451 4.3.0 x"},
        {EX_UNAVAILABLE, true, 0, "", "x", ANSWER_RCPT, "554 5.0.0 x"},
        {EX_UNAVAILABLE, false, 0, "", "x", ANSWER_RCPT, "451 4.3.0 x"},
        {EX_TEMPFAIL, false, 0, "", "x", ANSWER_RCPT, "451 4.4.1 x"},
        {EX_CONFIG, false, 0, "", "x", ANSWER_RCPT, "451 4.3.5 x"},
        {EX_NOPERM, false, 0, "", "x", ANSWER_RCPT, "451 4.3.5 x"},
        {EX_NOPERM, true, 0, "", "x", ANSWER_MAIL, "550 5.7.1 x"},
        {EX_NOHOST, false, 0, "", "x", ANSWER_RCPT, "451 4.3.5 x"},
        {EX_PROTOCOL, false, 0, "", "x", ANSWER_RCPT, "451 4.3.5 x"},
        {EX_OSERR, false, 0, "", "x", ANSWER_MESSAGE, "452 4.3.1 x"},
        {EX_IOERR, false, 0, "", "x", ANSWER_MESSAGE, "452 4.3.1 x"},
        {EX_CANTCREAT, false, 0, "", "x", ANSWER_MESSAGE, "452 4.3.1 x"},
        {EX_SOFTWARE, false, 0, "", "x", ANSWER_MESSAGE, "451 4.3.0 x"},
        {OTHER, false, 0, "", "", ANSWER_MESSAGE, "451 4.3.0"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buffer out = {0};
        struct error error;
        char expected[100];
        struct text text;
        error_set(&error, rows[i].exit_code, "%s", rows[i].sentence);
        error.permanent = rows[i].permanent;
        error.reply_code = rows[i].reply_code;
        text_copy(error.enhanced, sizeof error.enhanced, rows[i].enhanced);
        text_init(&text, expected, sizeof expected);
        text_add_format(&text, "%s\r\n", rows[i].expected);
        answer_add_error(&out, &error, rows[i].step);
        assert_said(&out, expected);
    }
}

static void successes(void **state)
{
    static const struct {
        const char *words, *expected;
    } rows[] = {
        {"", "250 2.1.5 taken\r\n"},
        {"250", "250 2.1.5 taken\r\n"},
        {"250 Ok", "250 2.1.5 Ok\r\n"},
        {"250 2.0.0 Ok: queued as ABC", "250 2.0.0 Ok: queued as ABC\r\n"},
        {"250-2.0.0 Ok:\r\n queued\n\tas ABC \r\n", "250 2.0.0 Ok: queued as ABC\r\n"},
        {"251 2.1.9 forwarded", "250 2.1.9 forwarded\r\n"},
        {"250 5.0.0 odd", "250 2.1.5 5.0.0 odd\r\n"},
        {"250OK", "250 2.1.5 250OK\r\n"},
        {"999 x", "250 2.1.5 999 x\r\n"},
        {"Ok\r\n550 5.1.1 no\r\n", "250 2.1.5 Ok 550 5.1.1 no\r\n"},
        {"250 a\\b\x1b[2J\xc3\xa9\x7f", "250 2.1.5 a\\b\\x1b[2J\\xc3\\xa9\\x7f\r\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buffer out = {0};
        answer_add_success(&out, slice_of(rows[i].words), "2.1.5", "taken");
        assert_said(&out, rows[i].expected);
    }
}

/* Every line is of one reply, at most 512 octets long, and the words are all there. */
static void assert_lines(const char *words, const char *enhanced, size_t lines)
{
    struct buffer out = {0};
    struct slice rest, line;
    size_t count = 0, start = strlen("451-") + strlen(enhanced), length = 0;
    start += enhanced[0] != '\0';
    answer_add(&out, 451, enhanced, slice_of(words));
    rest = buffer_slice(&out);
    while (slice_cut(&rest, '\n', &line)) {
        assert_true(line.length + 1 <= 512);
        assert_memory_equal(line.bytes, rest.length > 0 ? "451-" : "451 ", 4);
        assert_memory_equal(line.bytes + 4, enhanced, strlen(enhanced));
        assert_int_equal(line.bytes[line.length - 1], '\r');
        line = slice_to(slice_from(line, start), line.length - start - 1);
        while (words[length] == ' ')
            length++;
        assert_memory_equal(line.bytes, words + length, line.length);
        length += line.length;
        count++;
    }
    assert_int_equal(length, strlen(words));
    assert_int_equal(count, lines);
    buffer_free(&out);
}

static void long_words(void **state)
{
    char words[2048];
    (void)state;
    memset(words, 'x', sizeof words);
    words[512 - 12] = '\0';
    assert_lines(words, "4.3.0", 1);
    words[512 - 12] = 'x';
    words[512 - 11] = '\0';
    assert_lines(words, "4.3.0", 2);
    assert_lines(words, "", 1);
    words[512 - 11] = 'x';
    words[sizeof words - 1] = '\0';
    assert_lines(words, "4.3.0", 5);
    for (size_t i = 100; i < sizeof words - 1; i += 100)
        words[i] = ' ';
    assert_lines(words, "4.3.0", 5);
    words[500] = 'x';
    words[501] = ' ';
    assert_lines(words, "4.3.0", 5);
}

static void refusals(void **state)
{
    struct buffer out = {0};
    struct error error;
    (void)state;
    assert_false(answer_refuse(&error, 555, "5.5.4", "parameter %s", "\x01X"));
    assert_int_equal(error.exit_code, EX_USAGE);
    assert_true(error.permanent);
    answer_add_error(&out, &error, ANSWER_MAIL);
    assert_said(&out, "555 5.5.4 parameter X\r\n");
    assert_false(answer_refuse(&error, 450, "4.7.1", "later"));
    assert_false(error.permanent);
    out = (struct buffer){0};
    answer_add_error(&out, &error, ANSWER_MAIL);
    assert_said(&out, "450 4.7.1 later\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors),
        cmocka_unit_test(successes),
        cmocka_unit_test(long_words),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

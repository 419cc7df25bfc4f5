/* Goal: what a server offers is found in any case and any order, and nothing it does not offer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "smtp/capability.h"

static void parses(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        struct capability expected;
    } rows[] = {
        {"", {0}},
        {"PIPELINING\n", {0}}, /* a server's name */
        {"mx\n\n  \nXYZZY\n", {0}},
        {"mx\nPIPELINING\n8BITMIME\nSMTPUTF8\nCHUNKING\nENHANCEDSTATUSCODES\nSTARTTLS\nDSN\n",
         {.pipelining = true,
          .eight_bit = true,
          .smtputf8 = true,
          .chunking = true,
          .starttls = true,
          .dsn = true}},
        {"mx\npipelining\nStartTLS\n", {.pipelining = true, .starttls = true}},
        {"mx\nPIPELININGS\nXPIPELINING\n", {0}},
        {"mx\nSIZE\n", {.size = true}},
        {"mx\nSIZE 0\n", {.size = true}},
        {"mx\nSize 35882577 \n", {.size = true, .size_limit = 35882577}},
        {"mx\nSIZE lots\n", {.size = true}},
        {"mx\nSIZE 99999999999999999999999\n", {.size = true}},
        {"mx\nAUTH PLAIN LOGIN\n", {.auth = true, .mechanisms = "PLAIN LOGIN"}},
        {"mx\nAUTH\n", {.auth = true}},
        {"mx\nAUTH=PLAIN LOGIN\n", {.auth = true, .mechanisms = "PLAIN LOGIN"}},
        {"mx\nauth plain\nAUTH=LOGIN\n", {.auth = true, .mechanisms = "plain LOGIN"}},
        {"mx\nLIMITS RCPTMAX=100 mailmax=5 RCPTDOMAINMAX=1\n",
         {.rcpt_limit = 100, .mail_limit = 5}},
        {"mx\nLIMITS RCPTMAX RCPTMAX= MAILMAX=-1\n", {0}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct capability got;
        capability_parse(&got, slice_of(rows[i].text));
        const struct capability *expected = &rows[i].expected;
        assert_int_equal(got.pipelining, expected->pipelining);
        assert_int_equal(got.size, expected->size);
        assert_int_equal(got.eight_bit, expected->eight_bit);
        assert_int_equal(got.smtputf8, expected->smtputf8);
        assert_int_equal(got.chunking, expected->chunking);
        assert_int_equal(got.starttls, expected->starttls);
        assert_int_equal(got.dsn, expected->dsn);
        assert_int_equal(got.auth, expected->auth);
        assert_int_equal(got.size_limit, expected->size_limit);
        assert_int_equal(got.rcpt_limit, expected->rcpt_limit);
        assert_int_equal(got.mail_limit, expected->mail_limit);
        assert_string_equal(got.mechanisms, expected->mechanisms);
    }
}

/* More mechanisms than there is room for: whole names only. */
static void bounds_mechanisms(void **state)
{
    (void)state;
    char bytes[2 * CAPABILITY_MECHANISMS_SIZE];
    struct text text;
    struct capability got;
    text_init(&text, bytes, sizeof bytes);
    text_add(&text, "mx\nAUTH");
    for (int i = 0; i < 150; i++)
        text_add(&text, " MECHANISM");
    text_add(&text, "\n");
    assert_false(text.overflow);
    capability_parse(&got, text_slice(&text));

    struct slice rest = slice_of(got.mechanisms), word;
    assert_true(rest.length > CAPABILITY_MECHANISMS_SIZE - 12);
    while (slice_cut_word(&rest, &word))
        assert_true(slice_equals(word, slice_of("MECHANISM")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses),
        cmocka_unit_test(bounds_mechanisms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

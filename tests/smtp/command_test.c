/* Goal: each command is built as the RFCs want it, and no address or name gets out of its place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "smtp/command.h"

static void builds_mail(void **state)
{
    (void)state;
    static const struct {
        struct command_mail mail;
        const char *line;
    } rows[] = {
        {{.sender = ""}, "MAIL FROM:<>"},
        {{.sender = "a@b.example"}, "MAIL FROM:<a@b.example>"},
        {{.sender = "a@b", .has_size = true, .size = 0}, "MAIL FROM:<a@b> SIZE=0"},
        {{.sender = "a@b", .has_size = true, .size = 5000000000, .eight_bit = true},
         "MAIL FROM:<a@b> SIZE=5000000000 BODY=8BITMIME"},
        {{.sender = "\xc3\xa4@b", .smtputf8 = true}, "MAIL FROM:<\xc3\xa4@b> SMTPUTF8"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char bytes[COMMAND_SIZE];
        struct text line;
        struct error error;
        text_init(&line, bytes, sizeof bytes);
        assert_true(command_mail(&line, &rows[i].mail, &error));
        assert_string_equal(bytes, rows[i].line);
    }
}

static void guards_addresses(void **state)
{
    (void)state;
    static const struct {
        const char *address;
        bool utf8, good;
    } rows[] = {
        {"a@b", false, true},
        {"\"a b\"@c", false, true},
        {"\"a\\\"b>\"@c", false, true},
        {"a@[IPv6:::1]", false, true},
        {"\xc3\xa4@b", true, true},
        {"\xc3\xa4@b", false, false},
        {"a@b> SIZE=1", false, false},
        {"a@b>", false, false},
        {"<a@b", false, false},
        {"a b@c", false, false},
        {"a@b\r\nRCPT TO:<c@d>", false, false},
        {"a@b\n", false, false},
        {"\"a\nb\"@c", false, false},
        {"\"a\\\nb\"@c", false, false},
        {"a\tb@c", false, false},
        {"a\x7f@c", false, false},
        {"\"a@b> SIZE=1", false, false},
        {"a\\\"@b", false, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char bytes[COMMAND_SIZE], expected[COMMAND_SIZE];
        struct text line, text;
        struct error error = {0};
        text_init(&line, bytes, sizeof bytes);
        struct command_rcpt rcpt = {.address = rows[i].address, .smtputf8 = rows[i].utf8};
        assert_int_equal(command_rcpt(&line, &rcpt, &error), rows[i].good);
        if (!rows[i].good) {
            assert_int_equal(error.exit_code, EX_USAGE);
            continue;
        }
        text_init(&text, expected, sizeof expected);
        text_add_format(&text, "RCPT TO:<%s>", rows[i].address);
        assert_string_equal(bytes, expected);
    }
}

static void refuses_long_lines(void **state)
{
    (void)state;
    char address[COMMAND_SIZE + 1], bytes[COMMAND_SIZE];
    struct command_rcpt rcpt = {.address = address};
    struct text line;
    struct error error;
    memset(address, 'a', sizeof address - 1);
    address[sizeof address - 1] = '\0';
    text_init(&line, bytes, sizeof bytes);
    assert_false(command_rcpt(&line, &rcpt, &error));
    assert_int_equal(error.exit_code, EX_USAGE);
}

static void knows_hello_names(void **state)
{
    (void)state;
    static const char *const good[] = {"a", "mail.example.com", "[192.0.2.1]", "[IPv6:2001:db8::1]",
                                       "xn--bcher-kva.example"};
    static const char *const bad[] = {"",    "a b", "a\r\n",   "-a",     ".a",        "a_b",
                                      "[]",  "[a",  "a@b",     "a:b",    "b\xc3\xbc", "[a b]",
                                      "a<b", "a]",  "[[::1]]", "a\x01b", "["};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(command_is_hello_name(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(command_is_hello_name(bad[i]));
}

static void builds_the_rest(void **state)
{
    (void)state;
    char bytes[COMMAND_SIZE];
    struct text line;
    struct error error;
    text_init(&line, bytes, sizeof bytes);
    assert_true(command_hello(&line, "EHLO", "[192.0.2.1]", &error));
    assert_string_equal(bytes, "EHLO [192.0.2.1]");
    assert_false(command_hello(&line, "EHLO", "a\r\nMAIL", &error));
    command_bdat(&line, UINT64_C(18446744073709551615));
    assert_string_equal(bytes, "BDAT 18446744073709551615 LAST");
}

static void looks_at_every_line(void **state)
{
    (void)state;
    struct error error;
    assert_true(command_check(slice_of("QUIT"), false, &error));
    assert_true(command_check(slice_of("x\xc3\xa4"), true, &error));
    assert_false(command_check(slice_of("x\xc3\xa4"), false, &error));
    assert_false(command_check(slice_of("a\rb"), true, &error));
    assert_false(command_check(slice_of("a\nb"), true, &error));
    assert_false(command_check(slice_make("a\0b", 3), true, &error));
    assert_int_equal(error.exit_code, EX_SOFTWARE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(builds_mail),        cmocka_unit_test(guards_addresses),
        cmocka_unit_test(refuses_long_lines), cmocka_unit_test(knows_hello_names),
        cmocka_unit_test(builds_the_rest),    cmocka_unit_test(looks_at_every_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

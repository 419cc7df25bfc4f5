/* Goal: each command is built as the RFCs want it, and no address or name gets out of its place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "message/address.h"
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
        {{.sender = "a@b", .returned = DSN_RETURN_FULL}, "MAIL FROM:<a@b> RET=FULL"},
        {{.sender = "a@b", .returned = DSN_RETURN_HEADERS, .id = "x+2By"},
         "MAIL FROM:<a@b> RET=HDRS ENVID=x+2By"},
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

static void builds_rcpt(void **state)
{
    (void)state;
    static const struct {
        struct command_rcpt rcpt;
        const char *line;
    } rows[] = {
        {{.address = "a@b"}, "RCPT TO:<a@b>"},
        {{.address = "a@b", .notify = DSN_NEVER}, "RCPT TO:<a@b> NOTIFY=NEVER"},
        {{.address = "a@b", .notify = DSN_DELAY | DSN_SUCCESS, .original = "rfc822;c@d"},
         "RCPT TO:<a@b> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;c@d"},
        {{.address = "a@b", .smtputf8 = true, .original = "utf-8;\xc3\xa4@d"},
         "RCPT TO:<a@b> ORCPT=utf-8;\xc3\xa4@d"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char bytes[COMMAND_SIZE];
        struct text line;
        struct error error;
        text_init(&line, bytes, sizeof bytes);
        assert_true(command_rcpt(&line, &rows[i].rcpt, &error));
        assert_string_equal(bytes, rows[i].line);
    }
}

static void guards_values(void **state)
{
    (void)state;
    static const char *const bad[] = {"a b",  "a NOTIFY=NEVER", "a=b",     "a\r\nRCPT TO:<c@d>",
                                      "a\tb", "a\x7f",          "\xc3\xa4"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char bytes[COMMAND_SIZE];
        struct text line;
        struct error error = {0};
        struct command_mail mail = {.sender = "a@b", .id = bad[i]};
        struct command_rcpt rcpt = {.address = "a@b", .original = bad[i]};
        text_init(&line, bytes, sizeof bytes);
        assert_false(command_mail(&line, &mail, &error));
        assert_int_equal(error.exit_code, EX_USAGE);
        error.exit_code = EX_OK;
        assert_false(command_rcpt(&line, &rcpt, &error));
        assert_int_equal(error.exit_code, EX_USAGE);
    }
}

/* The longest of everything fits one line. */
static void holds_the_longest(void **state)
{
    (void)state;
    char address[ADDRESS_SIZE], original[DSN_ORIGINAL_LIMIT + 1], id[DSN_ID_LIMIT + 1];
    char bytes[COMMAND_SIZE];
    struct text line;
    struct error error;
    memset(address, 'a', sizeof address);
    memset(original, 'o', sizeof original);
    memset(id, 'i', sizeof id);
    address[sizeof address - 1] = original[sizeof original - 1] = id[sizeof id - 1] = '\0';
    struct command_mail mail = {.sender = address,
                                .has_size = true,
                                .size = UINT64_MAX,
                                .eight_bit = true,
                                .smtputf8 = true,
                                .returned = DSN_RETURN_FULL,
                                .id = id};
    struct command_rcpt rcpt = {
        .address = address, .notify = DSN_SUCCESS | DSN_FAILURE | DSN_DELAY, .original = original};
    text_init(&line, bytes, sizeof bytes);
    assert_true(command_mail(&line, &mail, &error));
    assert_true(command_rcpt(&line, &rcpt, &error));
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
        cmocka_unit_test(builds_mail),         cmocka_unit_test(builds_rcpt),
        cmocka_unit_test(guards_values),       cmocka_unit_test(holds_the_longest),
        cmocka_unit_test(guards_addresses),    cmocka_unit_test(refuses_long_lines),
        cmocka_unit_test(knows_hello_names),   cmocka_unit_test(builds_the_rest),
        cmocka_unit_test(looks_at_every_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

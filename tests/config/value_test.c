/* Goal: each type of value takes what people write and refuses what it might misread, in words that
 * do not repeat it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <syslog.h>

#include "config/value.h"

static struct error error;

static void test_boolean(void **state)
{
    bool result = false;
    (void)state;
    assert_true(value_boolean(slice_of("yes"), &result, &error) && result);
    assert_true(value_boolean(slice_of("no"), &result, &error) && !result);
    assert_false(value_boolean(slice_of("true"), &result, &error));
    assert_string_equal(error.sentence, "must be yes or no");
    assert_int_equal(error.exit_code, EX_CONFIG);
}

static void test_choice(void **state)
{
    unsigned result;
    (void)state;
    assert_true(value_choice(slice_of("c"), "a b c", &result, &error) && result == 2);
    assert_false(value_choice(slice_of("statrtls"), "starttls implicit none", &result, &error));
    assert_string_equal(error.sentence,
                        "must be starttls, implicit or none; did you mean \"starttls\"?");
    assert_false(value_choice(slice_of("a b"), "a b", &result, &error));
}

static void test_duration(void **state)
{
    static const struct {
        const char *value;
        int64_t milliseconds; /* -1: refused */
    } rows[] = {
        {"250ms", 250},
        {"30s", 30000},
        {"5m", 300000},
        {"4h", 14400000},
        {"5d", 432000000},
        {"0ms", 0},
        {"30", -1},
        {"s", -1},
        {"", -1},
        {"-5s", -1},
        {"5 m", -1},
        {"1.5s", -1},
        {"5M", -1},
        {"1h30m", -1},
        {"0x5s", -1},
        {"6d", -1},
        {"99999999999999999999d", -1},
        {"9223372036854775807d", -1},
    };
    (void)state;
    struct value_range range = {0, 432000000};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t result = -1;
        bool done = value_duration(slice_of(rows[i].value), range, &result, &error);
        assert_int_equal(done ? result : -1, rows[i].milliseconds);
    }
    range = (struct value_range){1000, 3600000};
    int64_t result;
    assert_false(value_duration(slice_of("2h"), range, &result, &error));
    assert_string_equal(error.sentence, "out of range, which is 1s to 1h");
    range = (struct value_range){10, 90000};
    assert_false(value_duration(slice_of("0s"), range, &result, &error));
    assert_string_equal(error.sentence, "out of range, which is 10ms to 90s");
}

static void test_size(void **state)
{
    uint64_t result;
    struct value_range range = {1, 1LL << 40};
    (void)state;
    assert_true(value_size(slice_of("1000"), range, &result, &error) && result == 1000);
    assert_true(value_size(slice_of("64K"), range, &result, &error) && result == 65536);
    assert_true(value_size(slice_of("50M"), range, &result, &error) && result == 52428800);
    assert_true(value_size(slice_of("1G"), range, &result, &error) && result == 1073741824);
    assert_false(value_size(slice_of("50MB"), range, &result, &error));
    assert_false(value_size(slice_of("50m"), range, &result, &error));
    assert_false(value_size(slice_of("2T"), range, &result, &error));
    assert_string_equal(error.sentence, "out of range, which is 1 to 1T");
}

static void test_ports(void **state)
{
    uint16_t ports[4];
    (void)state;
    assert_true(value_ports(slice_of(" 587  2525 "), 3, ports, &error));
    assert_true(ports[0] == 587 && ports[1] == 2525 && ports[2] == 0);
    assert_true(value_ports(slice_of("1 2 65535"), 3, ports, &error));
    assert_true(ports[2] == 65535 && ports[3] == 0);
    assert_false(value_ports(slice_of("1 2 3 4"), 3, ports, &error));
    assert_string_equal(error.sentence, "more than 3 ports");
    assert_false(value_ports(slice_of("0"), 3, ports, &error));
    assert_false(value_ports(slice_of("65536"), 3, ports, &error));
    assert_false(value_ports(slice_of("587,2525"), 3, ports, &error));
    assert_false(value_ports(slice_of("smtp"), 3, ports, &error));
}

static void test_hosts(void **state)
{
    static const struct {
        const char *value, *first, *sentence;
    } rows[] = {
        {"smtp.example.com", "smtp.example.com", NULL},
        {"SMTP.Example.COM other", "smtp.example.com", NULL},
        {"smtp.example.com.", "smtp.example.com", NULL},
        {"192.0.2.1", "192.0.2.1", NULL},
        {"2001:db8::1", "2001:db8::1", NULL},
        {"[2001:db8::1]", "[2001:db8::1]", NULL},
        {"fe80::1%eth0", "fe80::1%eth0", NULL},
        {"m\xc3\xbcller.example", "xn--mller-kva.example", NULL},
        {"localhost", "localhost", NULL},
        {"smtp.example.com:587", NULL,
         "must be names or addresses; a port is written as port = 587"},
        {"smtp://example.com", NULL, "must be names or addresses; a port is written as port = 587"},
        {"srv:example.com", "srv:example.com", NULL},
        {"SRV:Example.com", "srv:example.com", NULL},
        {"srv:m\xc3\xbcller.Example.", "srv:xn--mller-kva.example", NULL},
        {"srv:", NULL, "must be srv: and a domain, as in srv:example.com"},
        {"srv:192.0.2.1", NULL, "must be srv: and a domain, as in srv:example.com"},
        {"srv:a:587", NULL, "must be srv: and a domain, as in srv:example.com"},
        {"a,b", NULL, "must be names or addresses with blanks between them"},
        {"a, b", NULL, "must be names or addresses with blanks between them"},
        {"a..b", NULL, "must be a domain name"},
        {"-x/y", NULL, "must be a domain name"},
        {"a b c", NULL, "more than 2 hosts"},
    };
    (void)state;
    struct arena arena = {0};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *hosts[3];
        bool done = value_hosts(slice_of(rows[i].value), 2, hosts, &arena, &error);
        assert_int_equal(done, rows[i].sentence == NULL);
        if (done)
            assert_string_equal(hosts[0], rows[i].first);
        else
            assert_string_equal(error.sentence, rows[i].sentence);
    }
    arena_free(&arena);
}

static void test_helo(void **state)
{
    struct arena arena = {0};
    const char *result;
    (void)state;
    assert_true(value_helo(slice_of("Client.example"), &result, &arena, &error));
    assert_string_equal(result, "client.example");
    assert_true(value_helo(slice_of("[192.0.2.1]"), &result, &arena, &error));
    assert_string_equal(result, "[192.0.2.1]");
    assert_true(value_helo(slice_of("[IPv6:2001:db8::1]"), &result, &arena, &error));
    assert_false(value_helo(slice_of("[2001:db8::1]"), &result, &arena, &error));
    assert_string_equal(error.sentence, "an IPv6 address is written as [IPv6:2001:db8::1]");
    assert_false(value_helo(slice_of("[x]"), &result, &arena, &error));
    assert_false(value_helo(slice_of("[fe80::1%eth0]"), &result, &arena, &error));
    assert_false(value_helo(slice_of("[IPv6:fe80::1%eth0]"), &result, &arena, &error));
    assert_false(value_helo(slice_of("my_host.example"), &result, &arena, &error));
    assert_int_equal(error.exit_code, EX_CONFIG);
    assert_false(value_helo(slice_of("a b"), &result, &arena, &error));
    assert_string_equal(error.sentence, "must be a domain name or an address in brackets");
    arena_free(&arena);
}

static void test_path(void **state)
{
    struct arena arena = {0};
    const char *result;
    (void)state;
    assert_true(value_path(slice_of("/a/b c"), NULL, &result, &arena, &error));
    assert_string_equal(result, "/a/b c");
    assert_true(value_path(slice_of("~/x"), "/home/me", &result, &arena, &error));
    assert_string_equal(result, "/home/me/x");
    assert_false(value_path(slice_of("~/x"), NULL, &result, &arena, &error));
    assert_string_equal(error.sentence, "~/ works only in ~/.config/sendmail/config.ini");
    assert_false(value_path(slice_of("x"), NULL, &result, &arena, &error));
    assert_string_equal(error.sentence, "must be an absolute path");
    assert_false(value_path(slice_of("x"), "/home/me", &result, &arena, &error));
    assert_string_equal(error.sentence, "must be an absolute path, or start with ~/");
    assert_false(value_path(slice_of("~other/x"), "/home/me", &result, &arena, &error));
    arena_free(&arena);
}

static void test_patterns(void **state)
{
    static const char *const good[] = {"me@example.com", "me", "*@example.com a@b.example *"};
    static const char *const bad[] = {"me@@example.com",  "<>",
                                      "<me@example.com>", "Me <me@example.com>",
                                      "a@b.example,c@d",  "*@a.example, *@b.example",
                                      "a@b.example;c@d",  "Me me@example.com",
                                      "*@a.example (x)",  "\"m e\"@example.com"};
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(value_patterns(slice_of(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(value_patterns(slice_of(bad[i])));
}

static void test_facility(void **state)
{
    int result;
    (void)state;
    assert_true(value_facility(slice_of("off"), &result, &error) && result == -1);
    assert_true(value_facility(slice_of("mail"), &result, &error) && result == LOG_MAIL);
    assert_true(value_facility(slice_of("local7"), &result, &error) && result == LOG_LOCAL7);
    assert_true(value_facility(slice_of("auth"), &result, &error) && result == LOG_AUTH);
    assert_false(value_facility(slice_of("local8"), &result, &error));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_boolean),  cmocka_unit_test(test_choice),
        cmocka_unit_test(test_duration), cmocka_unit_test(test_size),
        cmocka_unit_test(test_ports),    cmocka_unit_test(test_hosts),
        cmocka_unit_test(test_helo),     cmocka_unit_test(test_path),
        cmocka_unit_test(test_patterns), cmocka_unit_test(test_facility),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

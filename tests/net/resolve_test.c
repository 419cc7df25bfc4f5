/* Goal: a name becomes its addresses in the right order, a failed look-up becomes the right exit
 * code, and no resolver can hang or break us. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <string.h>

#include "base/clock.h"
#include "net/resolve.h"
#include "tests/support/names.h"

enum { PORT = 587, TIMEOUT = 5000 };

static const struct name table[] = {
    {.name = "one.example", .addresses = "192.0.2.1"},
    {.name = "six-first.example",
     .addresses = "2001:db8::1 2001:db8::2 2001:db8::3 192.0.2.1 192.0.2.2"},
    {.name = "four-first.example", .addresses = "192.0.2.1 2001:db8::1 192.0.2.2 2001:db8::2"},
    {.name = "twice.example", .addresses = "192.0.2.1 192.0.2.1 192.0.2.2 2001:db8::1 192.0.2.1"},
    {.name = "many.example",
     .addresses = "10.0.0.1 10.0.0.2 10.0.0.3 10.0.0.4 10.0.0.5 10.0.0.6 10.0.0.7 10.0.0.8 "
                  "10.0.0.9 10.0.0.10 10.0.0.11 10.0.0.12 10.0.0.13 10.0.0.14 10.0.0.15 10.0.0.16 "
                  "10.0.0.17 2001:db8::1"},
    {.name = "empty.example", .status = EAI_NODATA},
    {.name = "later.example", .status = EAI_AGAIN},
    {.name = "fails.example", .status = EAI_FAIL},
    {.name = "system.example", .status = EAI_SYSTEM, .reason = EMFILE},
    {.name = "dies.example", .manner = NAME_DIES},
    {.name = "hangs.example", .manner = NAME_HANGS},
    {.name = NULL},
};

/* Drives a look-up to its end. */
static bool look_up(struct resolve *resolve, const char *host, struct error *error)
{
    int64_t deadline = clock_deadline(TIMEOUT);
    bool done;

    if (!resolve_start(resolve, host, error))
        return false;
    done = resolve->child.pid == 0;
    while (!done) {
        struct pollfd output = {.fd = resolve->child.output, .events = POLLIN};

        assert_int_equal(poll(&output, 1, clock_remaining(deadline)), 1);
        if (!resolve_step(resolve, &done, error))
            return false;
    }
    return true;
}

static void test_addresses(void **state)
{
    static const struct {
        const char *host, *addresses;
        bool child;
    } rows[] = {
        {"192.0.2.1", "192.0.2.1:587", false},
        {"[192.0.2.1]", "192.0.2.1:587", false},
        {"2001:db8::1", "[2001:db8::1]:587", false},
        {"[::1]", "[::1]:587", false},
        {"one.example", "192.0.2.1:587", true},
        {"six-first.example",
         "[2001:db8::1]:587 192.0.2.1:587 [2001:db8::2]:587 192.0.2.2:587 [2001:db8::3]:587", true},
        {"four-first.example", "192.0.2.1:587 [2001:db8::1]:587 192.0.2.2:587 [2001:db8::2]:587",
         true},
        {"twice.example", "192.0.2.1:587 [2001:db8::1]:587 192.0.2.2:587", true},
        {"many.example",
         "10.0.0.1:587 [2001:db8::1]:587 10.0.0.2:587 10.0.0.3:587 10.0.0.4:587 10.0.0.5:587 "
         "10.0.0.6:587 10.0.0.7:587 10.0.0.8:587 10.0.0.9:587 10.0.0.10:587 10.0.0.11:587 "
         "10.0.0.12:587 10.0.0.13:587 10.0.0.14:587 10.0.0.15:587",
         true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct resolve resolve;
        struct error error = {0};
        char bytes[1024];
        struct text shown;

        text_init(&shown, bytes, sizeof(bytes));
        assert_true(look_up(&resolve, rows[i].host, &error));
        for (size_t j = 0; j < resolve.count; j++) {
            if (j > 0)
                text_add(&shown, " ");
            resolve_format(&resolve.addresses[j], PORT, &shown);
        }
        assert_string_equal(bytes, rows[i].addresses);
        assert_int_equal(resolve.answer.length > 0, rows[i].child);
        resolve_stop(&resolve);
    }
}

static void test_failures(void **state)
{
    static const struct {
        const char *host;
        int exit_code;
        const char *sentence;
    } rows[] = {
        {"unknown.example", EX_NOHOST, "resolve: the name unknown.example does not exist"},
        {"empty.example", EX_NOHOST, "resolve: the name empty.example has no address"},
        {"later.example", EX_TEMPFAIL, "resolve: DNS gave no answer for later.example"},
        {"fails.example", EX_TEMPFAIL, "resolve: DNS gave no answer for fails.example"},
        {"system.example", EX_TEMPFAIL,
         "resolve: looking up system.example failed: Too many open files"},
        {"dies.example", EX_TEMPFAIL, "resolve: looking up dies.example failed: the look-up died"},
        {"bad\nname", EX_NOHOST, "resolve: the name bad\\nname does not exist"},
        {"", EX_NOHOST, "resolve: \"\" is no name of a host"},
        {"[]", EX_NOHOST, "resolve: \"[]\" is no name of a host"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct resolve resolve;
        struct error error = {0};

        assert_false(look_up(&resolve, rows[i].host, &error));
        assert_string_equal(error.sentence, rows[i].sentence);
        assert_int_equal(error.exit_code, rows[i].exit_code);
        resolve_stop(&resolve);
    }
}

static void test_a_name_too_long(void **state)
{
    struct resolve resolve;
    struct error error = {0};
    char name[400];

    (void)state;
    memset(name, 'a', sizeof(name));
    name[sizeof(name) - 1] = '\0';
    assert_false(look_up(&resolve, name, &error));
    assert_int_equal(error.exit_code, EX_NOHOST);
    resolve_stop(&resolve);
}

static void test_a_hanging_look_up_can_be_stopped(void **state)
{
    struct resolve resolve;
    struct error error = {0};
    int64_t started = clock_now();
    bool done = true;

    (void)state;
    assert_true(resolve_start(&resolve, "hangs.example", &error));
    assert_true(resolve.child.pid > 0);
    assert_true(resolve_step(&resolve, &done, &error));
    assert_false(done);
    resolve_stop(&resolve);
    resolve_stop(&resolve);
    assert_int_equal(resolve.child.pid, 0);
    assert_true(clock_now() - started < TIMEOUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_a_name_too_long),
        cmocka_unit_test(test_a_hanging_look_up_can_be_stopped),
    };

    names_set(table);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

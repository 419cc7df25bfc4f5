/* Goal: this host's name is taken from where it stands, and only if it looks like a host name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "net/hostname.h"

static void test_hosts(void **state)
{
    static const struct {
        const char *hosts, *name;
    } rows[] = {
        {"127.0.1.1 vm.example.com vm\n", "vm.example.com"},
        {"127.0.1.1 vm vm.example.com", "vm.example.com"},
        {"# vm.example.net vm\n10.0.0.1\tvm.example.com\tVM # comment\n", "vm.example.com"},
        {"127.0.0.1 localhost\n127.0.1.1 vm\n", NULL},
        {"127.0.0.1 localhost.localdomain vm\n", NULL},
        {"10.0.0.1 other.example.com other\n", NULL},
        {"10.0.0.1 bad_name.example vm\n10.0.0.2 vm.example.com vm\n", "vm.example.com"},
        {"10.0.0.1 vm.example.com. vm\n", NULL},
        {"vm", NULL},
        {"", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char name[HOSTNAME_SIZE] = "";
        bool found = hostname_in_hosts(slice_of(rows[i].hosts), "vm", name);
        assert_int_equal(found, rows[i].name != NULL);
        if (found)
            assert_string_equal(name, rows[i].name);
    }
}

static void test_belongs(void **state)
{
    (void)state;
    assert_true(hostname_belongs_to("vm.example.com", "vm"));
    assert_true(hostname_belongs_to("VM.example.com", "vm"));
    assert_false(hostname_belongs_to("example.com", "vm"));
    assert_false(hostname_belongs_to("vmx.example.com", "vm"));
    assert_false(hostname_belongs_to("vm", "vm"));
}

static void test_own_names(void **state)
{
    char names[HOSTNAME_OWN_MAX][HOSTNAME_SIZE], plain[HOSTNAME_SIZE];
    (void)state;
    size_t count = hostname_own(names);
    hostname_plain(plain);
    assert_true(count <= HOSTNAME_OWN_MAX);
    assert_int_equal(count > 0, strcmp(plain, "localhost") != 0);
    for (size_t i = 0; i < count; i++) {
        assert_true(strlen(names[i]) > 0);
        assert_string_not_equal(names[i], "localhost");
    }
    if (count > 0)
        assert_string_equal(names[0], plain);
}

static void test_this_host(void **state)
{
    char name[HOSTNAME_SIZE];
    (void)state;
    hostname_plain(name);
    assert_true(strlen(name) > 0);
    if (hostname_qualified(name, 100))
        assert_non_null(strchr(name, '.'));
    if (hostname_from_mailname(name))
        assert_null(strpbrk(name, " \n@<>"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hosts),
        cmocka_unit_test(test_this_host),
        cmocka_unit_test(test_belongs),
        cmocka_unit_test(test_own_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Goal: the right account for each sender, and the right sender for each account. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/account.h"
#include "message/address.h"

static struct error error;

static struct account accounts[] = {
    {.name = "", .from = "root@a.example", .from_is_own = true, .allow_from_override = "yes"},
    {.name = "work", .from = "me@work.example", .from_is_own = true, .allow_from_override = "no"},
    {.name = "heir", .from = "root@a.example", .allow_from_override = "yes"},
    {.name = "lists",
     .from = "*@lists.example news@a.example",
     .from_is_own = true,
     .allow_from_override = "*@lists.example *@b.example"},
    {.name = "plain", .allow_from_override = "yes"},
};

static const struct settings settings = {
    .ini.path = "/c.ini", .accounts = accounts, .account_count = 5, .local_domain = "d.example"};
static const struct settings without_default = {.ini.path = "/c.ini",
                                                .accounts = accounts + 1,
                                                .account_count = 4,
                                                .local_domain = "d.example"};

static void test_choose(void **state)
{
    static const struct {
        const char *name, *sender, *chosen;
    } rows[] = {
        {NULL, NULL, ""},
        {NULL, "", ""},
        {NULL, "other@x.example", ""},
        {NULL, "root@a.example", ""},
        {NULL, "me@work.example", "work"},
        {NULL, "anybody@lists.example", "lists"},
        {NULL, "news@a.example", "lists"},
        {"work", "anybody@lists.example", "work"},
        {"plain", NULL, "plain"},
        {"default", "me@work.example", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct account_request request = {"login", rows[i].name, rows[i].sender};
        const struct account *account;
        assert_true(account_choose(&settings, &request, &account, &error));
        assert_string_equal(account->name, rows[i].chosen);
    }
}

static void test_choose_by_login(void **state)
{
    struct account own[] = {{.name = ""}, {.name = "x", .from = "me@d.example"}};
    struct settings two = {.accounts = own, .account_count = 2, .local_domain = "d.example"};
    struct account_request request = {"me", NULL, NULL};
    const struct account *account;
    (void)state;
    own[1].from_is_own = true;
    assert_true(account_choose(&two, &request, &account, &error));
    assert_string_equal(account->name, "x");
    request.login = "you";
    assert_true(account_choose(&two, &request, &account, &error));
    assert_string_equal(account->name, "");
}

static void test_choose_fails(void **state)
{
    struct account_request request = {"login", "wrok", NULL};
    const struct account *account;
    (void)state;
    assert_false(account_choose(&settings, &request, &account, &error));
    assert_int_equal(error.exit_code, EX_CONFIG);
    assert_string_equal(error.sentence, "account: /c.ini has no account \"wrok\"; it has default, "
                                        "work, heir, lists and plain; did you mean \"work\"?");
    request.name = NULL;
    assert_false(account_choose(&without_default, &request, &account, &error));
    assert_int_equal(error.exit_code, EX_CONFIG);
    assert_string_equal(error.sentence,
                        "account: /c.ini has no [smarthost] for every sender, and none of its "
                        "accounts is for this one; choose with --account: work, heir, lists "
                        "and plain");
    request.name = "default";
    assert_false(account_choose(&without_default, &request, &account, &error));
    request = (struct account_request){"login", NULL, "me@work.example"};
    assert_true(account_choose(&without_default, &request, &account, &error));
    assert_string_equal(account->name, "work");
}

static void test_sender(void **state)
{
    static const struct {
        int account;
        const char *login, *requested, *sender;
    } rows[] = {
        {0, "me", NULL, "root@a.example"},
        {0, "me", "x@y.example", "x@y.example"},
        {0, "me", "", ""},
        {1, "me", "x@y.example", "me@work.example"},
        {1, "me", "me@work.example", "me@work.example"},
        {1, "me", "", ""},
        {3, "me", NULL, "me@d.example"},
        {3, "me", "x@lists.example", "x@lists.example"},
        {3, "me", "x@b.example", "x@b.example"},
        {3, "me", "x@c.example", "me@d.example"},
        {4, "me", NULL, "me@d.example"},
        {4, "uid1234", NULL, "uid1234@d.example"},
        {4, "DOMAIN\\user", NULL, "\"DOMAIN\\\\user\"@d.example"},
        {4, "first last", NULL, "\"first last\"@d.example"},
        {4, "a.b", NULL, "a.b@d.example"},
        {4, "a\"b", NULL, "\"a\\\"b\"@d.example"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char buffer[ADDRESS_SIZE];
        struct text sender;
        struct account_request request = {rows[i].login, NULL, rows[i].requested};
        text_init(&sender, buffer, sizeof buffer);
        assert_true(
            account_sender(&accounts[rows[i].account], &settings, &request, &sender, &error));
        assert_string_equal(buffer, rows[i].sender);
    }
}

static void test_sender_fails(void **state)
{
    char buffer[ADDRESS_SIZE];
    struct text sender;
    struct account_request request = {"m\re", NULL, NULL};
    (void)state;
    text_init(&sender, buffer, sizeof buffer);
    assert_false(account_sender(&accounts[4], &settings, &request, &sender, &error));
    assert_int_equal(error.exit_code, EX_USAGE);
    assert_memory_equal(error.sentence, "sender: ", 8);
}

static void test_person(void **state)
{
    struct arena arena = {0};
    struct account_person person;
    const struct passwd *user = getpwuid(getuid());
    (void)state;
    setenv("LOGNAME", "liar", 1);
    setenv("USER", "liar", 1);
    assert_true(account_find_person(&person, &arena, &error));
    if (user != NULL)
        assert_string_equal(person.login, user->pw_name);
    assert_string_not_equal(person.login, "liar");
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_choose),       cmocka_unit_test(test_choose_by_login),
        cmocka_unit_test(test_choose_fails), cmocka_unit_test(test_sender),
        cmocka_unit_test(test_sender_fails), cmocka_unit_test(test_person),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Goal: the right account for each sender, and the right sender for each account. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pwd.h>
#include <stdio.h>
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
        const char *name, *sender, *author, *chosen;
    } rows[] = {
        {NULL, NULL, NULL, ""},
        {NULL, "", NULL, ""},
        {NULL, "other@x.example", NULL, ""},
        {NULL, "root@a.example", NULL, ""},
        {NULL, "me@work.example", NULL, "work"},
        {NULL, "anybody@lists.example", NULL, "lists"},
        {NULL, "news@a.example", NULL, "lists"},
        {"work", "anybody@lists.example", NULL, "work"},
        {"plain", NULL, NULL, "plain"},
        {"default", "me@work.example", NULL, ""},
        /* by the author, where -f was not given */
        {NULL, NULL, "", ""},
        {NULL, NULL, "me@work.example", "work"},
        {NULL, NULL, "me@WORK.example", "work"},
        {NULL, NULL, "anybody@lists.example", "lists"},
        {NULL, NULL, "root@a.example", ""},
        {NULL, NULL, "other@x.example", ""},
        {NULL, "other@x.example", "me@work.example", ""},
        {NULL, "", "me@work.example", ""},
        {"plain", NULL, "me@work.example", "plain"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct account_request request = {"login", rows[i].name, rows[i].sender, rows[i].author};
        const struct account *account;
        assert_true(account_choose(&settings, &request, &account, &error));
        assert_string_equal(account->name, rows[i].chosen);
    }
}

/* LOGIN@domain chooses only where the author does not; the default account's from is asked last,
 * but before that. */
static void test_choose_in_order(void **state)
{
    static struct account list[] = {
        {.name = "", .from = "me@m\xc3\xbcnchen.example", .from_is_own = true},
        {.name = "login", .from = "login", .from_is_own = true},
        {.name = "one", .from = "*@one.example *@both.example", .from_is_own = true},
        {.name = "two", .from = "*@two.example *@both.example", .from_is_own = true},
        {.name = "copy", .from = "me@copy.example me@xn--mnchen-3ya.example", .from_is_own = true},
    };
    static const struct settings many = {
        .accounts = list, .account_count = 5, .local_domain = "d.example"};
    static const struct {
        size_t count;
        const char *author, *chosen;
    } rows[] = {
        {5, "", "login"},
        {5, "x@elsewhere.example", "login"},
        {5, "x@two.example", "two"},
        {5, "x@both.example", "one"},
        {5, "login@d.example", "login"},
        {4, "me@xn--mnchen-3ya.example", ""},
        {5, "me@xn--mnchen-3ya.example", "copy"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct settings some = many;
        struct account_request request = {"login", NULL, NULL, rows[i].author};
        const struct account *account;
        some.account_count = rows[i].count;
        assert_true(account_choose(&some, &request, &account, &error));
        assert_string_equal(account->name, rows[i].chosen);
    }
}

static void test_choose_by_login(void **state)
{
    struct account own[] = {{.name = ""}, {.name = "x", .from = "me@d.example"}};
    struct settings two = {.accounts = own, .account_count = 2, .local_domain = "d.example"};
    struct account_request request = {"me", NULL, NULL, NULL};
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
    struct account_request request = {"login", "wrok", NULL, NULL};
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
    request = (struct account_request){"login", NULL, "me@work.example", NULL};
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
        struct account_request request = {rows[i].login, NULL, rows[i].requested, NULL};
        text_init(&sender, buffer, sizeof buffer);
        assert_true(
            account_sender(&accounts[rows[i].account], &settings, &request, &sender, &error));
        assert_string_equal(buffer, rows[i].sender);
    }
}

/* Of an account that is for many senders, the author is the one that counts. */
static void test_sender_is_author(void **state)
{
    static const struct {
        int account;
        const char *requested, *author, *sender;
    } rows[] = {
        {3, NULL, "x@lists.example", "x@lists.example"},
        {3, NULL, "x@LISTS.example", "x@LISTS.example"},
        {3, NULL, "news@a.example", "me@d.example"}, /* allow_from_override says no */
        {3, NULL, "x@b.example", "me@d.example"},    /* not one of its senders */
        {3, NULL, "", "me@d.example"},
        {3, "", "x@lists.example", ""},
        {3, "y@b.example", "x@lists.example", "y@b.example"},
        {3, "y@c.example", "x@lists.example", "me@d.example"},
        {0, NULL, "root@a.example", "root@a.example"},
        {0, NULL, "x@y.example", "root@a.example"},
        {1, NULL, "x@y.example", "me@work.example"},
        {4, NULL, "x@y.example", "me@d.example"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char buffer[ADDRESS_SIZE];
        struct text sender;
        struct account_request request = {"me", NULL, rows[i].requested, rows[i].author};
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
    struct account_request request = {"m\re", NULL, NULL, NULL};
    (void)state;
    text_init(&sender, buffer, sizeof buffer);
    assert_false(account_sender(&accounts[4], &settings, &request, &sender, &error));
    assert_int_equal(error.exit_code, EX_USAGE);
    assert_memory_equal(error.sentence, "sender: ", 8);
}

/* In place of libc's: what passwd says. */
static const struct passwd *entry;

struct passwd *getpwuid(uid_t uid)
{
    static struct passwd copy;
    assert_int_equal(uid, getuid());
    if (entry == NULL)
        return NULL;
    copy = *entry;
    return &copy;
}

static void assert_person(const char *login, const char *gecos, const char *expected_login,
                          const char *full_name)
{
    struct arena arena = {0};
    struct account_person person;
    char own_login[64], own_gecos[256];
    struct passwd passwd = {.pw_name = own_login, .pw_gecos = gecos == NULL ? NULL : own_gecos};
    text_copy(own_login, sizeof own_login, login == NULL ? "" : login);
    text_copy(own_gecos, sizeof own_gecos, gecos == NULL ? "" : gecos);
    entry = login == NULL ? NULL : &passwd;
    assert_true(account_find_person(&person, &arena, &error));
    /* The next look-up overwrites what passwd holds. */
    memset(own_login, 'x', sizeof own_login - 1);
    memset(own_gecos, 'x', sizeof own_gecos - 1);
    assert_string_equal(person.login, expected_login);
    if (full_name == NULL)
        assert_null(person.full_name);
    else
        assert_string_equal(person.full_name, full_name);
    arena_free(&arena);
}

static void test_person(void **state)
{
    static const struct {
        const char *login, *gecos, *full_name;
    } rows[] = {
        {"alice", "Alice Liddell", "Alice Liddell"},
        {"alice", "Alice Liddell,Room 1,,+44,&", "Alice Liddell"},
        {"alice", "", NULL},
        {"alice", NULL, NULL},
        {"alice", ",,,", NULL},
        {"alice", "  ", NULL},
        {"alice", "&", "Alice"},
        {"alice", "& Liddell (&)", "Alice Liddell (Alice)"},
        {"Alice", "&", "Alice"},
        {"_www", "& Server", "_www Server"},
        {"\xc3\xa5sa", "&", "\xc3\xa5sa"},
        {"alice", " \xc3\x84lice ", "\xc3\x84lice"},
    };
    char uid[32];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_person(rows[i].login, rows[i].gecos, rows[i].login, rows[i].full_name);
    snprintf(uid, sizeof uid, "uid%u", (unsigned)getuid());
    assert_person(NULL, NULL, uid, NULL);
    assert_person("", "Somebody", uid, NULL);
}

/* Whatever the environment says. */
static void test_person_is_of_passwd(void **state)
{
    (void)state;
    setenv("LOGNAME", "liar", 1);
    setenv("USER", "liar", 1);
    setenv("NAME", "Liar", 1);
    assert_person("alice", "", "alice", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_choose),
        cmocka_unit_test(test_choose_in_order),
        cmocka_unit_test(test_choose_by_login),
        cmocka_unit_test(test_choose_fails),
        cmocka_unit_test(test_sender),
        cmocka_unit_test(test_sender_is_author),
        cmocka_unit_test(test_sender_fails),
        cmocka_unit_test(test_person),
        cmocka_unit_test(test_person_is_of_passwd),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

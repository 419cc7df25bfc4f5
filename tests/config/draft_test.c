/* Goal: whatever password somebody has, the file that is written holds just that one for the
 * loader, or is not written. */
#include "config/draft.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "config/settings.h"

enum { ROUNDS = 1000, LONGEST = 12 };

static char path[256];

static void write_file(const struct buffer *content)
{
    struct error error;
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0 && file_write_all(fd, buffer_slice(content), &error));
    close(fd);
}

static int set_up(void **state)
{
    const char *directory = getenv("TMPDIR");
    (void)state;
    snprintf(path, sizeof path, "%s/draft-XXXXXX", directory == NULL ? "/tmp" : directory);
    int fd = mkstemp(path);
    close(fd);
    return fd < 0;
}

static int tear_down(void **state)
{
    (void)state;
    return unlink(path);
}

static struct draft good_draft(const char *password)
{
    return (struct draft){
        .host = "smtp.example.com",
        .port = 465,
        .implicit = true,
        .origin = "Found for a test.",
        .note = "Nothing to be known; really.",
        .user = "me@example.com",
        .password = password,
        .from = "me@example.com",
    };
}

/* What the loader makes of a draft. */
static bool load(const struct draft *draft, struct settings *settings, struct error *error)
{
    struct paths_choice choice = {.file = path, .origin = PATHS_USER};
    struct buffer content = {0};
    bool written = draft_write(draft, &content, error);
    if (written) {
        write_file(&content);
        if (!settings_load(settings, &choice, error))
            fail_msg("%s", error->sentence);
    }
    buffer_free(&content);
    return written;
}

static void test_whole_file(void **state)
{
    struct draft draft = good_draft("secret");
    struct settings settings;
    struct error error;
    (void)state;
    assert_true(load(&draft, &settings, &error));
    const struct account *account = &settings.accounts[0];
    assert_int_equal(settings.account_count, 1);
    assert_string_equal(account->smarthost.dial.hosts[0], "smtp.example.com");
    assert_null(account->smarthost.dial.hosts[1]);
    assert_int_equal(account->smarthost.dial.ports[0], 465);
    assert_int_equal(account->smarthost.dial.ports[1], 0);
    assert_int_equal(account->smarthost.tls_mode, SMARTHOST_IMPLICIT);
    assert_string_equal(account->smarthost.sasl.user, "me@example.com");
    assert_string_equal(account->password, "secret");
    assert_string_equal(account->from, "me@example.com");
    settings_free(&settings);
    draft.password = NULL;
    draft.password_file = "/home/me/pass word";
    draft.note = NULL;
    draft.implicit = false;
    draft.port = 587;
    assert_true(load(&draft, &settings, &error));
    assert_int_equal(settings.accounts[0].smarthost.tls_mode, SMARTHOST_STARTTLS);
    assert_string_equal(settings.accounts[0].password_file, "/home/me/pass word");
    assert_null(settings.accounts[0].password);
    settings_free(&settings);
}

static bool survives(const char *password)
{
    struct draft draft = good_draft(password);
    struct settings settings;
    struct error error;
    if (!load(&draft, &settings, &error)) {
        assert_int_equal(error.exit_code, EX_CONFIG);
        assert_string_equal(error.sentence,
                            "configure: this password cannot stand in a configuration file; write "
                            "it into a file that you alone can read, and name that with "
                            "--password-file");
        return false;
    }
    assert_string_equal(settings.accounts[0].password, password);
    settings_free(&settings);
    return true;
}

static void test_passwords(void **state)
{
    static const struct {
        const char *password;
        bool survives;
    } rows[] = {
        {"secret", true},   {"a#b", true},           {"a;b", true},         {"#", true},
        {"a b", true},      {" a ", true},           {"\ta", true},         {"100%s%n", true},
        {"a=b", true},      {"[smarthost]", true},   {"$HOME `id`", true},  {"a\\b", true},
        {"\"", true},       {"a\"b", true},          {"\"a\"", true},       {"'a'", true},
        {"a\"#b", true},    {"a'#b", true},          {"it's \"it\"", true}, {"p\xc3\xa4ss", true},
        {"\xff\xfe", true}, {"it's \"it\"#", false}, {"'it\"", false},      {"\"it'", false},
        {"it's\" ", false}, {"a\\", false},          {"\\", false},         {"", false},
        {"a\nb", false},    {"a\x1b", false},        {"a\x7f", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (survives(rows[i].password) != rows[i].survives)
            fail_msg("row %zu: %s", i, rows[i].password);
    }
}

/* The longest line that the loader takes, and one more. */
static void test_length(void **state)
{
    char password[2000];
    size_t most = INI_LINE_LIMIT - strlen("password = \"\"");
    (void)state;
    memset(password, '#', sizeof password);
    password[most] = '\0';
    assert_true(survives(password));
    password[most] = 'x';
    password[most + 1] = '\0';
    assert_false(survives(password));
}

/* Of the bytes that mean something to a loader. */
static void test_any_password(void **state)
{
    static const char bytes[] = "ab\"'#;\\= \t[]%:$";
    uint64_t seed = 1;
    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        char password[LONGEST + 1];
        size_t length = (size_t)i % LONGEST + 1;
        for (size_t j = 0; j < length; j++) {
            seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
            password[j] = bytes[(seed >> 33) % (sizeof bytes - 1)];
        }
        password[length] = '\0';
        survives(password);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_file),
        cmocka_unit_test(test_passwords),
        cmocka_unit_test(test_length),
        cmocka_unit_test(test_any_password),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

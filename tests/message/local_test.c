/* Goal: who is local and who is not, and that mail for a local name reaches an address with a
 * domain or fails with a sentence. */
#include "message/local.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/message/list_file.h"

static char path[LIST_FILE_PATH];
static struct local_targets targets;

static struct local make_local(const char *aliases)
{
    return (struct local){
        .domain = "example.com",
        .names = {"vm", "vm.example.net", "example.com"},
        .aliases_file = aliases != NULL ? list_file_make(path, "", aliases) : NULL,
        .aliases_required = true,
    };
}

static bool resolve(struct local *local, const char *written, struct error *error)
{
    struct address_mailbox mailbox;
    struct slice rest = slice_of(written);
    bool found;
    assert_true(address_next(&rest, &mailbox, &found, error) && found);
    return local_resolve(local, &mailbox, &targets, error);
}

/* "address (via) ..." */
static const char *show(void)
{
    static char bytes[1024];
    struct text text;
    text_init(&text, bytes, sizeof bytes);
    for (size_t i = 0; i < targets.count; i++) {
        const struct local_target *target = &targets.targets[i];
        text_add_format(&text, "%s%s", i > 0 ? " " : "", target->address);
        if (target->via != NULL)
            text_add_format(&text, " (%s)", target->via);
    }
    assert_false(text.overflow);
    return bytes;
}

static const char aliases[] = "root: admin\nadmin: me@example.org\nvm: v@w\n\"a b\": c@d\n"
                              "bob: bob, bob@home.example\ncarl: \\carl, \\admin\ndave: erin\n"
                              "team: root, Admin, erin, me@EXAMPLE.org\nj\xc3\xbcrgen: j@k\n";

static void test_who_is_local(void **state)
{
    static const struct {
        const char *written, *targets, *qualified;
    } rows[] = {
        {"root", "me@example.org (root > admin)", "root@example.com"},
        {"Root", "me@example.org (root > admin)", "Root@example.com"},
        {"root@localhost", "me@example.org (root > admin)", "root@localhost"},
        {"root@LOCALHOST.localdomain", "me@example.org (root > admin)",
         "root@localhost.localdomain"},
        {"Charlie Root <root@vm>", "me@example.org (root > admin)", "root@vm"},
        {"root@VM.example.net", "me@example.org (root > admin)", "root@vm.example.net"},
        /* never those at `domain`, though it is a name of the host as well */
        {"root@example.com", "root@example.com", NULL},
        {"root@example.org", "root@example.org", NULL},
        {"root@vm.example", "root@vm.example", NULL},
        {"root@[127.0.0.1]", "root@[127.0.0.1]", NULL},
        {"\"root@localhost\"@example.org", "\"root@localhost\"@example.org", NULL},
        {"\"root@localhost\"", "\"root@localhost\"@example.com", "\"root@localhost\"@example.com"},
        /* what becomes of the others */
        {"erin", "erin@example.com", "erin@example.com"},
        {"erin@vm", "erin@example.com", "erin@vm"},
        {"\"A B\"", "c@d (\"a b\")", "\"A B\"@example.com"},
        {"bob", "bob@example.com (bob) bob@home.example (bob)", "bob@example.com"},
        {"carl", "carl@example.com (carl) admin@example.com (carl)", "carl@example.com"},
        {"dave", "erin@example.com (dave)", "dave@example.com"},
        {"team", "me@example.org (team > root > admin) erin@example.com (team)",
         "team@example.com"},
        {"j\xc3\xbcrgen", "j@k (j\\xc3\\xbcrgen)", "j\xc3\xbcrgen@example.com"},
    };
    struct local local = make_local(aliases);
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct error error = {.exit_code = EX_OK};
        assert_true(resolve(&local, rows[i].written, &error));
        assert_int_equal(error.exit_code, EX_OK);
        assert_string_equal(show(), rows[i].targets);
        assert_int_equal(targets.is_local, rows[i].qualified != NULL);
        if (rows[i].qualified != NULL)
            assert_string_equal(targets.written, rows[i].qualified);
    }
    local_free(&local);
    unlink(path);
}

static void test_default_to(void **state)
{
    static const struct {
        const char *written, *targets;
    } rows[] = {
        {"erin", "ops@example.org (erin > default_to)"},
        {"erin@localhost", "ops@example.org (erin > default_to)"},
        {"root", "me@example.org (root > admin)"},
        {"dave", "ops@example.org (dave > erin > default_to)"},
        {"team", "me@example.org (team > root > admin) "
                 "ops@example.org (team > erin > default_to)"},
        {"bob", "ops@example.org (bob > bob > default_to) bob@home.example (bob)"},
        {"carl", "ops@example.org (carl > carl > default_to)"},
        {"erin@example.com", "erin@example.com"},
        {"erin@example.net", "erin@example.net"},
    };
    struct local local = make_local(aliases);
    struct error error;
    (void)state;
    local.default_to = "ops@example.org";
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_true(resolve(&local, rows[i].written, &error));
        assert_string_equal(show(), rows[i].targets);
    }
    local_free(&local);
    unlink(path);

    struct local without = make_local(NULL);
    without.default_to = "ops@example.org";
    assert_true(resolve(&without, "root", &error));
    assert_string_equal(show(), "ops@example.org (root > default_to)");
}

static void test_refused(void **state)
{
    static const struct {
        const char *written;
        int exit_code;
        const char *sentence; /* FILE: the file */
    } rows[] = {
        {"loop", EX_CONFIG, "aliases: FILE:2: back: loop: loop > back > loop\n"},
        {"pipe", EX_CONFIG,
         "aliases: FILE:3: pipe: \"|cmd\" is a command, and mail goes to addresses only\n"},
        {"file@localhost", EX_CONFIG,
         "aliases: FILE:4: file: \"/dev/null\" is a file, and mail goes to addresses only\n"},
        {"wrong", EX_CONFIG,
         "aliases: FILE:5: wrong: \"a b\" is no address: a second word at position 3\n"},
        {"-x", EX_USAGE, "\"-x\" is no address: it starts with \"-\" and has no domain\n"},
        {"a..b@x..y", EX_USAGE, NULL},
    };
    struct local local = make_local("loop: back\nback: loop\npipe: |cmd\nfile: me@x, /dev/null\n"
                                    "wrong: me@x, a b\ngood: me@x\n");
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct error error;
        struct buffer shown = {0};
        assert_false(resolve(&local, rows[i].written, &error));
        assert_int_equal(error.exit_code, rows[i].exit_code);
        assert_int_equal(error.permanent, rows[i].exit_code == EX_USAGE);
        list_file_add_line(&shown, path, error.sentence);
        buffer_add_byte(&shown, '\0');
        if (rows[i].sentence != NULL)
            assert_string_equal(shown.bytes, rows[i].sentence);
        buffer_free(&shown);
        /* and nobody else is hurt */
        assert_true(resolve(&local, "good", &error));
        assert_string_equal(show(), "me@x (good)");
    }
    local_free(&local);
    unlink(path);
}

static void take_note(void *context, const char *sentence)
{
    struct buffer *notes = context;
    list_file_add_line(notes, path, sentence);
}

/* It is read once, for the first who is local, and not for others. */
static void test_reading(void **state)
{
    struct local local = make_local("root: me@x\nnonsense\nroot: you@x\n");
    struct buffer notes = {0};
    struct error error = {.exit_code = EX_OK};
    (void)state;
    local.note = take_note;
    local.note_context = &notes;
    assert_true(resolve(&local, "a@b", &error));
    assert_false(local.loaded);
    assert_int_equal(notes.length, 0);
    assert_true(resolve(&local, "root", &error));
    assert_true(resolve(&local, "root@localhost", &error));
    assert_string_equal(show(), "me@x (root)");
    buffer_add_byte(&notes, '\0');
    assert_string_equal(notes.bytes,
                        "FILE:2: \"nonsense\" has no \":\" behind a name\n"
                        "FILE:3: root: has its targets in line 1 already; those hold\n");
    buffer_free(&notes);
    local_free(&local);
    unlink(path);
}

static void test_missing_file(void **state)
{
    struct local local = make_local(NULL);
    struct aliases_check result;
    struct error error = {.exit_code = EX_OK};
    (void)state;
    assert_true(local_check(&local, NULL, NULL, &result, &error));
    local.aliases_file = "/nowhere/at/all";
    assert_true(resolve(&local, "a@b", &error));
    assert_false(resolve(&local, "root", &error));
    assert_int_equal(error.exit_code, EX_CONFIG);
    assert_string_equal(error.sentence, "aliases: /nowhere/at/all: No such file or directory");
    assert_false(resolve(&local, "root", &error));
    assert_false(local_check(&local, NULL, NULL, &result, &error));
    assert_int_equal(error.exit_code, EX_CONFIG);

    error.exit_code = EX_OK;
    local.aliases_required = false;
    assert_true(local_check(&local, NULL, NULL, &result, &error));
    assert_int_equal(result.names, 0);
    assert_true(resolve(&local, "root", &error));
    assert_string_equal(show(), "root@example.com");
    assert_int_equal(error.exit_code, EX_OK);
    local_free(&local);

    /* One that is there but not to be believed is not the same as none. */
    local = make_local("root: me@x\n");
    local.aliases_required = false;
    assert_int_equal(chmod(path, 0666), 0);
    assert_false(resolve(&local, "root", &error));
    assert_int_equal(error.exit_code, EX_CONFIG);
    local_free(&local);
    unlink(path);
}

static void test_too_many(void **state)
{
    struct buffer content = {0};
    struct error error;
    (void)state;
    buffer_add_string(&content, "all: ");
    for (int i = 0; i <= LOCAL_TARGETS_MAX; i++) {
        char address[32];
        snprintf(address, sizeof address, "user%d@x,", i);
        buffer_add_string(&content, address);
    }
    buffer_add_byte(&content, '\0');
    struct local local = make_local(content.bytes);
    assert_false(resolve(&local, "all", &error));
    assert_int_equal(error.exit_code, EX_CONFIG);
    assert_string_equal(error.sentence, "aliases: all@example.com: more than 100000 addresses");
    local_free(&local);
    unlink(path);
    *strrchr(content.bytes, 'u') = '\0';
    local = make_local(content.bytes);
    assert_true(resolve(&local, "all", &error));
    assert_int_equal(targets.count, LOCAL_TARGETS_MAX);
    buffer_free(&content);
    local_free(&local);
    unlink(path);
}

static int tear_down(void **state)
{
    (void)state;
    local_targets_free(&targets);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_is_local), cmocka_unit_test(test_default_to),
        cmocka_unit_test(test_refused),      cmocka_unit_test(test_reading),
        cmocka_unit_test(test_missing_file), cmocka_unit_test(test_too_many),
    };
    return cmocka_run_group_tests(tests, NULL, tear_down);
}

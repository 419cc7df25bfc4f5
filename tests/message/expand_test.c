/* Goal: an alias leads to all its final targets, by whatever way, and what keeps it from being used
 * is told with its place and the names on the way. */
#include "message/expand.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/message/list_file.h"

enum { MANY = 10000 };

static char path[LIST_FILE_PATH], list_path[LIST_FILE_PATH];
static struct buffer shown;
static size_t taken;

static bool take(void *context, struct expand *expand, const struct aliases_target *target,
                 struct error *error)
{
    (void)context, (void)error;
    const char *trail = expand_trail(expand);
    assert_non_null(trail);
    taken++;
    if (shown.length > 4096)
        return true;
    buffer_add_string(&shown, target->bytes);
    buffer_add_string(&shown, " (");
    list_file_add_line(&shown, list_path, trail);
    shown.length--;
    buffer_add_string(&shown, ") ");
    return true;
}

static void problem(void *context, unsigned line, bool unsupported, const struct error *found)
{
    char start[16];
    (void)context;
    assert_int_equal(found->exit_code, EX_CONFIG);
    snprintf(start, sizeof start, "%u%s ", line, unsupported ? "u" : "");
    buffer_add_string(&shown, start);
    list_file_add_line(&shown, path, found->sentence);
}

static void load(struct aliases *aliases, const char *content)
{
    static const struct aliases_notes nobody = {0};
    struct error error;
    *aliases = (struct aliases){0};
    list_file_make(path, "", content);
    assert_true(aliases_load(aliases, path, &nobody, &error));
    unlink(path);
}

/* What the first alias of `content`, in which LIST stands for a file with `list`, leads to. */
static bool follow(const char *content, const char *list, struct error *error)
{
    static const struct expand_listener listener = {.take = take};
    struct aliases aliases;
    struct expand expand;
    struct buffer whole = {0};
    list_file_make(list_path, "", list);
    for (const char *found; (found = strstr(content, "LIST")) != NULL; content = found + 4) {
        buffer_add(&whole, slice_make(content, (size_t)(found - content)));
        buffer_add_string(&whole, list_path);
    }
    buffer_add(&whole, slice_make(content, strlen(content) + 1));
    load(&aliases, whole.bytes);
    buffer_clear(&shown);
    expand_start(&expand, &aliases, &listener);
    bool done = expand_follow(&expand, &aliases.entries[0], error);
    expand_end(&expand);
    assert_int_equal(aliases.entries[0].open, 0);
    aliases_free(&aliases);
    buffer_free(&whole);
    unlink(list_path);
    buffer_add_byte(&shown, '\0');
    return done;
}

static void test_targets(void **state)
{
    static const struct {
        const char *content, *list, *targets;
    } rows[] = {
        {"root: me@b\n", "", "me@b (root) "},
        {"root: admin, Ops\nADMIN: me@b, you@b\n", "",
         "me@b (root > admin) you@b (root > admin) Ops (root) "},
        {"root: a\na: b\nb: c\nc: x@y\n", "", "x@y (root > a > b > c) "},
        /* a name in its own list, or with a backslash, is final */
        {"bob: Bob, bob@x\n", "", "Bob (bob) bob@x (bob) "},
        {"root: \\bob, \\root\nbob: x@y\n", "", "bob (root) root (root) "},
        {"root: bob\nbob: bob, c@d\n", "", "bob (root > bob) c@d (root > bob) "},
        /* no alias is visited twice */
        {"root: a, b\na: c\nb: c\nc: x@y\n", "", "x@y (root > a > c) "},
        /* included files */
        {"root: :include:LIST, z\n", "# me\na@b, root\n\nbob\n:include:/dev/null/x\n", NULL},
        {"root: :include:LIST, z\nbob: c@d\n", "# me\na@b, root\n\nbob\n",
         "a@b (root > :include:FILE) root (root > :include:FILE) "
         "c@d (root > :include:FILE > bob) z (root) "},
        {"root: :include:LIST, a, :include:LIST\na: :include:LIST\n", "x@y\n",
         "x@y (root > :include:FILE) "},
        {"root: :include:LIST\n", "", ""},
        {"root: x@y\nbob: |cmd\n", "", "x@y (root) "},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct error error = {.exit_code = EX_OK};
        bool done = follow(rows[i].content, rows[i].list, &error);
        assert_int_equal(done, rows[i].targets != NULL);
        if (done) {
            assert_int_equal(error.exit_code, EX_OK);
            assert_string_equal(shown.bytes, rows[i].targets);
        }
    }
}

static void test_problems(void **state)
{
    static const struct {
        const char *content, *list, *sentence;
    } rows[] = {
        {"root: admin\nadmin: root\n", "", "FILE:2: admin: loop: root > admin > root"},
        {"bob: root\nroot: admin, \nadmin: a@b,\n root\n", "",
         "FILE:4: admin: loop: root > admin > root"},
        {"a: b\nb: c\nc: d\nd: b\n", "", "FILE:4: d: loop: b > c > d > b"},
        {"root: a\na: :include:LIST\n", "x@y\nroot\n",
         "LIST:2: loop: root > a > :include:LIST > root"},
        {"root: :include:LIST\na: :include:LIST\n", "a\n",
         "FILE:2: a: loop: :include:LIST > a > :include:LIST"},
        {"root: x@y, \"|cmd \\\"arg\\\"\"\n", "",
         "FILE:1: root: \"|cmd \"arg\"\" is a command, and mail goes to addresses only"},
        {"root: bob\nbob: x,\n\n /dev/null\n", "",
         "FILE:4: bob: \"/dev/null\" is a file, and mail goes to addresses only"},
        {"root: :fail: no\n", "",
         "FILE:1: root: \":fail: no\" is an order to a mail server, and mail goes to addresses "
         "only"},
        {"root: :include:LIST\n", "|cmd\n",
         "LIST:1: \"|cmd\" is a command, and mail goes to addresses only"},
        {"root: a@@b\n", "", "FILE:1: root: \"a@@b\" is no address: a second \"@\" at position 3"},
        {"root: bob\nbob:\n", "", "FILE:2: bob: nothing behind the \":\""},
        {"root: a@b,\n :include:/nowhere/at/all\n", "",
         "FILE:2: root: /nowhere/at/all: No such file or directory"},
        {"root: :include:/dev/null\n", "", "FILE:1: root: /dev/null: not a regular file"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct error error;
        struct buffer expected = {0};
        assert_false(follow(rows[i].content, rows[i].list, &error));
        assert_int_equal(error.exit_code, EX_CONFIG);
        assert_false(error.permanent);
        buffer_clear(&shown);
        /* FILE and LIST for the names of the two. */
        list_file_add_line(&expected, path, error.sentence);
        buffer_add_byte(&expected, '\0');
        for (const char *rest = expected.bytes, *found;; rest = found + strlen(list_path)) {
            found = strstr(rest, list_path);
            if (found == NULL) {
                buffer_add_string(&shown, rest);
                break;
            }
            buffer_add(&shown, slice_make(rest, (size_t)(found - rest)));
            buffer_add_string(&shown, "LIST");
        }
        shown.bytes[shown.length - 1] = '\0';
        assert_string_equal(shown.bytes, rows[i].sentence);
        buffer_free(&expected);
    }
}

static void test_untrusted_include(void **state)
{
    struct error error;
    char content[128];
    char open_path[LIST_FILE_PATH];
    (void)state;
    list_file_make(open_path, "", "x@y\n");
    assert_int_equal(chmod(open_path, 0646), 0);
    snprintf(content, sizeof content, "root: :include:%s\n", open_path);
    assert_false(follow(content, "", &error));
    assert_int_equal(error.exit_code, EX_CONFIG);
    assert_non_null(strstr(error.sentence, "chmod go-w "));
    unlink(open_path);
}

/* With somebody to listen, the walk goes on, and each list is read once. */
static void test_going_on(void **state)
{
    static const struct expand_listener listener = {.problem = problem};
    struct aliases aliases;
    struct expand expand;
    struct error error = {.exit_code = EX_OK};
    (void)state;
    load(&aliases, "root: admin, |x, a b, :include:/nowhere/a\nadmin: root, /f\n"
                   "bob: admin, :include:/nowhere/a\ncarl:\n");
    buffer_clear(&shown);
    expand_start(&expand, &aliases, &listener);
    for (size_t i = 0; i < aliases.count; i++)
        assert_true(expand_follow(&expand, &aliases.entries[i], &error));
    expand_end(&expand);
    assert_int_equal(error.exit_code, EX_OK);
    buffer_add_byte(&shown, '\0');
    assert_string_equal(shown.bytes,
                        "2 FILE:2: admin: loop: root > admin > root\n"
                        "2u FILE:2: admin: \"/f\" is a file, and mail goes to addresses only\n"
                        "1u FILE:1: root: \"|x\" is a command, and mail goes to addresses only\n"
                        "1 FILE:1: root: \"a b\" is no address: a second word at position 3\n"
                        "1 FILE:1: root: /nowhere/a: No such file or directory\n"
                        "3 FILE:3: bob: /nowhere/a: No such file or directory\n"
                        "4 FILE:4: carl: nothing behind the \":\"\n");
    aliases_free(&aliases);
}

/* Ten thousand aliases, each leading to the next two: without depth, and without doubling. */
static void test_deep(void **state)
{
    struct buffer content = {0};
    struct error error;
    (void)state;
    for (int i = 0; i < MANY; i++) {
        char line[64];
        snprintf(line, sizeof line, "n%d: n%d, n%d, me%d@b\n", i, i + 1, i + 2, i);
        buffer_add_string(&content, line);
    }
    buffer_add_byte(&content, '\0');
    taken = 0;
    assert_true(follow(content.bytes, "", &error));
    assert_int_equal(taken, MANY + 3);
    content.length--;
    assert_true(buffer_add_string(&content, " , n0") && buffer_add_byte(&content, '\0'));
    assert_false(follow(content.bytes, "", &error));
    assert_non_null(strstr(error.sentence, "loop: n0 > n1 > n2 > n3 > n4 > n5 > n6 > ... > n9997 > "
                                           "n9998 > n9999 > n0"));
    buffer_free(&content);
}

static int tear_down(void **state)
{
    (void)state;
    buffer_free(&shown);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_targets),
        cmocka_unit_test(test_problems),
        cmocka_unit_test(test_untrusted_include),
        cmocka_unit_test(test_going_on),
        cmocka_unit_test(test_deep),
    };
    return cmocka_run_group_tests(tests, NULL, tear_down);
}

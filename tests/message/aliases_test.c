/* Goal: a file of aliases means what aliases(5) says it means, and whatever is wrong in it is told
 * with its line. */
#include "message/aliases.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/message/list_file.h"

static char path[LIST_FILE_PATH];
static struct buffer notes;

static void take_note(void *context, unsigned line, const char *sentence)
{
    char place[16];
    (void)context;
    snprintf(place, sizeof place, ":%u: ", line);
    assert_non_null(strstr(sentence, place));
    list_file_add_line(&notes, path, sentence);
}

static bool load(struct aliases *aliases, struct slice content, struct error *error)
{
    const struct aliases_notes listener = {.note = take_note};
    *aliases = (struct aliases){0};
    buffer_clear(&notes);
    list_file_make_bytes(path, "", content);
    bool done = aliases_load(aliases, path, &listener, error);
    unlink(path);
    buffer_add_byte(&notes, '\0');
    return done;
}

/* "name: [kind]target@line, ..." of all that is in the list, or the errors. */
static void add_list(struct buffer *out, struct aliases_list *list)
{
    static const char kinds[] = {
        [ALIASES_ADDRESS] = '@', [ALIASES_NAME] = '=',    [ALIASES_FINAL] = '!',
        [ALIASES_INCLUDE] = '<', [ALIASES_COMMAND] = '|', [ALIASES_FILE] = '/',
        [ALIASES_SPECIAL] = ':'};
    static struct aliases_target target;
    struct error error;
    for (;;) {
        char line[16];
        if (!aliases_next(list, &target, &error)) {
            assert_int_equal(error.exit_code, EX_CONFIG);
            assert_false(error.permanent);
            list_file_add_line(out, path, error.sentence);
            continue;
        }
        if (target.kind == ALIASES_END)
            return;
        snprintf(line, sizeof line, " %u%c", target.line, kinds[target.kind]);
        buffer_add_string(out, line);
        buffer_add_string(out, target.bytes);
    }
}

static const struct {
    const char *content, *shown;
} files[] = {
    {"", ""},
    {"\n \n# root: x\n\t # indented\n", ""},
    {"root: me@example.com\n", "root 1@me@example.com;"},
    {"root: me@example.com", "root 1@me@example.com;"},
    {"root:me@example.com\r\nbob :\tal , root\r\n", "root 1@me@example.com;bob 2=al 2=root;"},
    {"Root: Admin\nADMIN: x@Y.example\n", "root 1=Admin;admin 2@x@y.example;"},
    /* what continues a line */
    {"a: b,\n  c,\n\td\ne: f\n", "a 1=b 2=c 3=d;e 4=f;"},
    {"a: b,\n# a comment\n  # another\n\n  c\n", "a 1=b 5=c;"},
    {"a:\n b\n", "a 2=b;"},
    {"a\n : b\n", "a 2=b;"},
    {"a: b, \\\nc\nd: e\n", "a 1=b 2=c;d 3=e;"},
    {"a: bob@exam\\\nple.com, c\nd: e\\\r\nf, g", "a 1@bob@example.com 2=c;d 3=ef 4=g;"},
    {"a: b, \\\n# c, \\\n d\n", "a 1=b 3=d;"},
    {"a: b\\", "a 1=b;"},
    {"a: b\\\n\nc: d\n", "a 1=b;c 3=d;"},
    {"# a \\\nb: c\n", "b 2=c;"},
    /* names */
    {"\"a b\": c\n\"x:y\": z\n\"bob\": d\n", "\"a b\" 1=c;\"x:y\" 2=z;bob 3=d;"},
    {"j\xc3\xbcrgen: \xc3\xbc@b\n", "j\xc3\xbcrgen 1@\xc3\xbc@b;"},
    {"a (Ann): b\n<c>: d\n", "a 1=b;c 2=d;"},
    /* targets */
    {"a: Bob <bob@b>, (x) c@d (y), \"e f\", <g>,, h,\n", "a 1@bob@b 1@c@d 1=\"e f\" 1=g 1=h;"},
    {"a: \\a, \\b@c, \"|x\"@d\n", "a 1!a 1@b@c 1||x@d;"},
    {"a: b@b\xc3\xbc"
     "cher.example, c@[192.0.2.1]\n",
     "a 1@b@xn--bcher-kva.example 1@c@[192.0.2.1];"},
    {"a: :include:/x, \":include:/y z\", :Include: /z, :include:\"/a,b\"\n",
     "a 1</x 1</y z 1</z 1</a,b;"},
    {"a: |cmd, \"|cmd arg, \\\"x\\\"\", |\"cmd arg\", b\n",
     "a 1||cmd 1||cmd arg, \"x\" 1||cmd arg 1=b;"},
    {"a: /dev/null, \"/var/mail/a b\", /C=NO/@gateway.example\n",
     "a 1//dev/null 1//var/mail/a b 1@/C=NO/@gateway.example;"},
    {"a: b, :fail: no, thanks\nc: :blackhole:\nd: error:nouser No, sorry\n",
     "a 1=b 1::fail: no;c 2::blackhole:;d 3:error:nouser No;"},
    {"a:\nb: ,\n", "a;b;"},
    /* targets that are none */
    {"a: b@@c,\n d, e f, g@h # me\n",
     "aFILE:1: a: \"b@@c\" is no address: a second \"@\" at position 3\n"
     " 2=dFILE:2: a: \"e f\" is no address: a second word at position 3\n"
     "FILE:2: a: \"g@h # me\" is no address: a second word at position 5; a comment has a line of "
     "its own\n;"},
    {"a: b: c\nd: e; f\n", "aFILE:1: a: \"b: c\" is no address: unexpected \":\"\n;"
                           "dFILE:2: d: \"e; f\" is more than one address\n;"},
    {"a: \\\nb: (x), -c\n",
     "aFILE:2: a: \"b: (x)\" is no address: there is none in it\n"
     "FILE:2: a: \"-c\" is no address: it starts with \"-\" and has no domain\n;"},
    {"a: :include:, :include:x, \":include:/\x01\"\n",
     "aFILE:1: a: :include: \"\" is no absolute path\n"
     "FILE:1: a: :include: \"x\" is no absolute path\n"
     "FILE:1: a: :include: \"/\\x01\" has a control character\n;"},
    {"a: \"b, c\n", "aFILE:1: a: \"\"b, c\" is no address: a quoted string without its end at "
                    "position 1\n;"},
    {"a: b\xff\n", "aFILE:1: a: \"b\\xff\" is no address: what stands before the \"@\" is not "
                   "UTF-8\n;"},
};

static void test_files(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        struct aliases aliases;
        struct error error;
        struct buffer shown = {0};
        assert_true(load(&aliases, slice_of(files[i].content), &error));
        assert_string_equal(notes.bytes, "");
        for (size_t j = 0; j < aliases.count; j++) {
            struct aliases_list list = aliases_targets(&aliases, &aliases.entries[j]);
            buffer_add_string(&shown, aliases.entries[j].name);
            add_list(&shown, &list);
            buffer_add_byte(&shown, ';');
        }
        buffer_add_byte(&shown, '\0');
        assert_string_equal(shown.bytes, files[i].shown);
        buffer_free(&shown);
        aliases_free(&aliases);
    }
}

static const struct {
    const char *content;
    size_t good;
    const char *notes;
} passed_over[] = {
    {"root\n x@y\na: b\n", 1, "FILE:1: \"root\" has no \":\" behind a name\n"},
    {"  root: x\n", 0, "FILE:1: starts with a blank, and there is no line that it continues\n"},
    {" root: \\\nb: c\n", 1,
     "FILE:1: starts with a blank, and there is no line that it continues\n"},
    {"a: b\n: x\n", 1, "FILE:2: there is no name before the \":\"\n"},
    {"a b: c\n", 0, "FILE:1: \"a b\" is no address: a second word at position 3\n"},
    {"a, b: c\n", 0, "FILE:1: \"a, b\" is more than one name\n"},
    {"a@b: c\n", 0, "FILE:1: \"a@b\" has a domain, and only local names can be aliases\n"},
    {"root: a\nb: c\nROOT: d\n", 2,
     "FILE:3: root: has its targets in line 1 already; those hold\n"},
    {"a\033b: c\n", 0,
     "FILE:1: \"a\\x1bb\" is no address: control character \"\\x1b\" at position 2\n"},
    {"|x: c\n/x: y\n", 0,
     "FILE:1: \"|x\" is no address: it starts with \"|\" and has no domain\n"
     "FILE:2: \"/x\" is no address: it starts with \"/\" and has no domain\n"},
    {"\"root: x\nb: c\n", 1, "FILE:1: \"\"root: x\" has no \":\" behind a name\n"},
};

static void test_passed_over(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof passed_over / sizeof passed_over[0]; i++) {
        struct aliases aliases;
        struct error error = {.exit_code = EX_OK};
        assert_true(load(&aliases, slice_of(passed_over[i].content), &error));
        assert_int_equal(error.exit_code, EX_OK);
        assert_string_equal(notes.bytes, passed_over[i].notes);
        assert_int_equal(aliases.count, passed_over[i].good);
        aliases_free(&aliases);
    }
}

static void test_nul(void **state)
{
    (void)state;
    static const char content[] = "a\0b: c\nd: e\0f\n";
    struct aliases aliases;
    struct error error;
    struct buffer shown = {0};
    assert_true(load(&aliases, slice_make(content, sizeof content - 1), &error));
    assert_non_null(strstr(notes.bytes, "FILE:1: \"a\\x00b\" is no address"));
    assert_int_equal(aliases.count, 1);
    struct aliases_list list = aliases_targets(&aliases, &aliases.entries[0]);
    add_list(&shown, &list);
    buffer_add_byte(&shown, '\0');
    assert_non_null(strstr(shown.bytes, "FILE:2: d: \"e\\x00f\" is no address"));
    buffer_free(&shown);
    aliases_free(&aliases);
}

static void test_find(void **state)
{
    (void)state;
    struct aliases aliases;
    struct error error;
    assert_true(load(&aliases, slice_of("Root: x\n\"a b\": y\n"), &error));
    assert_ptr_equal(aliases_find(&aliases, "rOOt"), &aliases.entries[0]);
    assert_ptr_equal(aliases_find(&aliases, "\"A b\""), &aliases.entries[1]);
    assert_null(aliases_find(&aliases, "roots"));
    assert_null(aliases_find(&aliases, ""));
    aliases_free(&aliases);
    assert_null(aliases_find(&aliases, "root"));
}

static void test_include(void **state)
{
    (void)state;
    struct buffer content = {0}, shown = {0};
    struct arena arena = {0};
    struct aliases_list list;
    struct error error;
    list_file_make(path, "", "# friends\n a@b, \\c\n\n\td\n  # x\ne f\n:include:/g\r\n|x y, h\n");
    assert_true(aliases_include(path, &content, &list, &arena, &error));
    add_list(&shown, &list);
    buffer_add_byte(&shown, '\0');
    assert_string_equal(shown.bytes,
                        " 2@a@b 2!c 4=dFILE:6: \"e f\" is no address: a second word at position 3\n"
                        " 7</g 8||x y 8=h");
    unlink(path);
    buffer_clear(&content);
    assert_false(aliases_include(path, &content, &list, &arena, &error));
    assert_int_equal(error.exit_code, EX_CONFIG);
    buffer_free(&shown);
    buffer_free(&content);
    arena_free(&arena);
}

static void test_whom_to_believe(void **state)
{
    (void)state;
    static const struct aliases_notes nobody = {0};
    struct aliases aliases = {0};
    struct error error;
    assert_false(aliases_load(&aliases, "/nowhere/at/all", &nobody, &error));
    assert_int_equal(error.exit_code, EX_NOINPUT);
    aliases_free(&aliases);

    list_file_make(path, "", "root: x@y\nno colon\n");
    assert_int_equal(chmod(path, 0664), 0);
    assert_false(aliases_load(&aliases, path, &nobody, &error));
    assert_int_equal(error.exit_code, EX_CONFIG);
    assert_non_null(strstr(error.sentence, "chmod go-w "));
    aliases_free(&aliases);
    assert_int_equal(chmod(path, 0644), 0);
    assert_true(aliases_load(&aliases, path, &nobody, &error));
    aliases_free(&aliases);
    assert_int_equal(truncate(path, (off_t)ALIASES_FILE_LIMIT + 1), 0);
    assert_false(aliases_load(&aliases, path, &nobody, &error));
    assert_int_equal(error.exit_code, EX_CONFIG);
    aliases_free(&aliases);
    unlink(path);
}

/* One long line of each of the things that lines are made of: with time that is not linear this
 * would take hours. */
static void test_long_lines(void **state)
{
    static const char *const pieces[] = {"a,", " ", "(",    "\"",    "[",  "[a",
                                         "<",  ":", "\\\n", "\n a,", "a ", "\n#",
                                         "|",  "@", "a@b,", "a@@b,", "#,"};
    (void)state;
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        struct buffer content = {0}, shown = {0};
        struct aliases aliases;
        struct error error;
        buffer_add_string(&content, "x: ");
        while (content.length < (size_t)512 * 1024)
            buffer_add_string(&content, pieces[i]);
        assert_true(load(&aliases, buffer_slice(&content), &error));
        assert_int_equal(aliases.count, 1);
        struct aliases_list list = aliases_targets(&aliases, &aliases.entries[0]);
        add_list(&shown, &list);
        aliases_free(&aliases);
        assert_true(load(&aliases, slice_from(buffer_slice(&content), 3), &error));
        aliases_free(&aliases);
        buffer_free(&content);
        buffer_free(&shown);
    }
}

static int tear_down(void **state)
{
    (void)state;
    buffer_free(&notes);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files),      cmocka_unit_test(test_passed_over),
        cmocka_unit_test(test_nul),        cmocka_unit_test(test_find),
        cmocka_unit_test(test_include),    cmocka_unit_test(test_whom_to_believe),
        cmocka_unit_test(test_long_lines),
    };
    return cmocka_run_group_tests(tests, NULL, tear_down);
}

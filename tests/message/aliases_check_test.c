/* Goal: all that is wrong in an alias file is told, once and in the order of its lines; what other
 * programs take is told as well, and is no fault. */
#include "message/aliases_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/message/list_file.h"

static char path[LIST_FILE_PATH];

static void report(void *context, const char *sentence)
{
    list_file_add_line(context, path, sentence);
}

static const struct {
    const char *content;
    size_t names, faults, unsupported;
    const char *reports;
} rows[] = {
    {"", 0, 0, 0, ""},
    {"root: me@example.com\npostmaster: root\nbob: bob, bob@x\n", 3, 0, 0, ""},
    {"a: |cmd\nb: a, /x, :fail: x\nc: a\n", 3, 0, 3,
     "FILE:1: a: \"|cmd\" is a command, and mail goes to addresses only\n"
     "FILE:2: b: \"/x\" is a file, and mail goes to addresses only\n"
     "FILE:2: b: \":fail: x\" is an order to a mail server, and mail goes to addresses only\n"},
    {"a: d, x y\n b@@c\nno colon\nd: z z\na: b\n f: g\nh:\n", 3, 5, 0,
     "FILE:1: a: \"x y\\n b@@c\" is no address: a second word at position 3\n"
     "FILE:3: \"no colon\" has no \":\" behind a name\n"
     "FILE:4: d: \"z z\" is no address: a second word at position 3\n"
     "FILE:5: a: has its targets in line 1 already; those hold\n"
     "FILE:7: h: nothing behind the \":\"\n"},
    {"a: b\nb: c\nc: a, b\nd: a, e\ne: d\n", 5, 3, 0,
     "FILE:3: c: loop: a > b > c > a\n"
     "FILE:3: c: loop: b > c > b\n"
     "FILE:5: e: loop: d > e > d\n"},
    {"a: b\nb:\n  :include:/nowhere/x,\n  :include:/nowhere/x\n", 2, 2, 0,
     "FILE:3: b: /nowhere/x: No such file or directory\n"
     "FILE:4: b: /nowhere/x: No such file or directory\n"},
};

static void test_reports(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct aliases_check result;
        struct error error = {.exit_code = EX_OK};
        struct buffer reports = {0};
        list_file_make(path, "", rows[i].content);
        bool good = aliases_check(path, report, &reports, &result, &error);
        unlink(path);
        buffer_add_byte(&reports, '\0');
        assert_string_equal(reports.bytes, rows[i].reports);
        assert_int_equal(result.names, rows[i].names);
        assert_int_equal(result.faults, rows[i].faults);
        assert_int_equal(result.unsupported, rows[i].unsupported);
        assert_int_equal(good, rows[i].faults == 0);
        assert_int_equal(error.exit_code, good ? EX_OK : EX_CONFIG);
        assert_true(good || rows[i].unsupported > 0 ||
                    strstr(error.sentence, "only when used") == NULL);
        buffer_free(&reports);
    }
}

/* What is wrong in an included file has a place of its own, in the order of those who include it.
 */
static void test_included(void **state)
{
    char content[512], list_path[LIST_FILE_PATH];
    struct aliases_check result;
    struct error error;
    struct buffer reports = {0};
    (void)state;
    list_file_make(list_path, "", "a@b\n\nc d\n|x\n");
    snprintf(content, sizeof content, "a: b\nx y\nb: z@z,\n :include:%s\nc: /d\n", list_path);
    list_file_make(path, "", content);
    assert_false(aliases_check(path, report, &reports, &result, &error));
    assert_non_null(strstr(error.sentence, ": 2 faults in it"));
    unlink(path);
    unlink(list_path);
    buffer_add_byte(&reports, '\0');
    snprintf(content, sizeof content,
             "FILE:2: \"x y\" has no \":\" behind a name\n"
             "%s:3: \"c d\" is no address: a second word at position 3\n"
             "%s:4: \"|x\" is a command, and mail goes to addresses only\n"
             "FILE:5: c: \"/d\" is a file, and mail goes to addresses only\n",
             list_path, list_path);
    assert_string_equal(reports.bytes, content);
    buffer_free(&reports);
}

static void test_unreadable(void **state)
{
    struct aliases_check result;
    struct error error;
    (void)state;
    assert_false(aliases_check("/nowhere/at/all", report, NULL, &result, &error));
    assert_int_equal(error.exit_code, EX_NOINPUT);
    assert_false(aliases_check("/dev/null", report, NULL, &result, &error));
    assert_int_equal(error.exit_code, EX_CONFIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reports),
        cmocka_unit_test(test_included),
        cmocka_unit_test(test_unreadable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

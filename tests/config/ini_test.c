/* Goal: no line of a file is read as anything else than it looks like: each trap of iniparser is an
 * error with its line, and every value handed out is what stands there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/ini.h"

static char path[64];

static void write_file(struct slice content)
{
    snprintf(path, sizeof path, "/tmp/ini_test-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content.bytes, content.length), content.length);
    assert_int_equal(fchmod(fd, 0600), 0);
    close(fd);
}

/* The sentence behind the path, "" when all is well; `value` becomes the last entry's. */
static void load(struct slice content, char *sentence, char *value, size_t size)
{
    struct arena arena = {0};
    struct ini ini;
    struct error error = {0};
    write_file(content);
    bool done = ini_load(&ini, path, &arena, &error);
    sentence[0] = value[0] = '\0';
    if (done && ini.entry_count > 0)
        snprintf(value, size, "%s", ini.entries[ini.entry_count - 1].value);
    if (!done) {
        assert_int_equal(error.exit_code, EX_CONFIG);
        assert_memory_equal(error.sentence, path, strlen(path));
        snprintf(sentence, size, "%s", error.sentence + strlen(path));
    }
    ini_wipe(&ini);
    arena_free(&arena);
    unlink(path);
}

static void test_values(void **state)
{
    static const char *const rows[][2] = {
        {"k = plain", "plain"},
        {"k=plain", "plain"},
        {"  k\t =  several words \t", "several words"},
        {"k = a=b=c", "a=b=c"},
        {"k == b", "= b"},
        {"k = value ; comment", "value"},
        {"k = value # comment", "value"},
        {"k = \"p#ss;w=rd %:\"", "p#ss;w=rd %:"},
        {"k = \"p#ss;w=rd %:\" # comment", "p#ss;w=rd %:"},
        {"k = ' both ends '", " both ends "},
        {"k = 'say \"hello\"'", "say \"hello\""},
        {"k = \"it's\"", "it's"},
        {"k = it's", "it's"},
        {"k = a\"b", "a\"b"},
        {"k = /bin/show \"a b\"", "/bin/show \"a b\""},
        {"k = back\\slash", "back\\slash"},
        {"k = \"back\\slash\"", "back\\slash"},
        {"k = [x]", "[x]"},
        {"k = %n%s$HOME", "%n%s$HOME"},
        {"k = \xc3\xa4\xff", "\xc3\xa4\xff"},
        {"k = value\r", "value"},
        {"k = \"value\"\r", "value"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char content[256], sentence[512], value[512];
        snprintf(content, sizeof content, "[s]\n%s\n", rows[i][0]);
        load(slice_of(content), sentence, value, sizeof value);
        assert_string_equal(sentence, "");
        assert_string_equal(value, rows[i][1]);
        snprintf(content, sizeof content, "[s]\n%s", rows[i][0]);
        load(slice_of(content), sentence, value, sizeof value);
        assert_string_equal(value, rows[i][1]);
    }
}

static const struct {
    const char *content, *sentence;
} traps[] = {
    {"[s]\nk = a#b\n", ":2: the value would end at its #; put it in quotes"},
    {"[s]\nk = a;b\n", ":2: the value would end at its ;; put it in quotes"},
    {"[s]\nk = a \"b # c\"\n", ":2: the value would end at its #; put all of it in single quotes"},
    {"[s]\nk =\n", ":2: [s] k: no value"},
    {"[s]\nk = \"\"\n", ":2: [s] k: no value"},
    {"[s]\nk = #secret\n", ":2: [s] k: no value; one with # or ; in it goes into quotes"},
    {"[s]\nk = \"a\\\"b\"\n", ":2: a backslash before a quote is no escape; put a value with \" in "
                              "it into single quotes"},
    {"[s]\nk = 'a\\'b'\n",
     ":2: a backslash before a quote is no escape; put a value with ' in it into double quotes"},
    {"[s]\nk = \"abc\n", ":2: quote without its end"},
    {"[s]\nk = 'abc\n", ":2: quote without its end"},
    {"[s]\nk = \"abc'\n", ":2: quote without its end"},
    {"[s]\nk = \"A B\" <a@b>\n",
     ":2: text behind the closing quote; quotes enclose the whole value (a value with \" in it "
     "goes into single quotes)"},
    {"[s]\nk = abc\\\nl = x\n", ":2: ends in a backslash, which would swallow the next line; put a "
                                "value that ends so in quotes"},
    {"[s]\n; C:\\\nk = x\n", ":2: ends in a backslash, which would swallow the next line; put a "
                             "value that ends so in quotes"},
    {"[s]\nk = x \\ \t\r\n", ":2: ends in a backslash, which would swallow the next line; put a "
                             "value that ends so in quotes"},
    {"[s]\nhello\n", ":2: neither a [section] nor key = value"},
    {"[s]\nx\n", ":2: neither a [section] nor key = value"},
    {"[s]\nx", ":2: neither a [section] nor key = value"},
    {"[s]\n= x\n", ":2: no key before the ="},
    {"[s]\na b = x\n", ":2: what stands before the = is no key: letters, digits and _"},
    {"[s]\na:b = x\n", ":2: what stands before the = is no key: letters, digits and _"},
    {"k = x\n", ":1: a key before the first [section]"},
    {"[s]\nk = x\n[t]\n[s]\nl = x\n", ":4: [s] is there twice, first in line 1"},
    {"[s]\nk = x\n\nk = x\n", ":4: [s] k: set twice, first in line 2"},
    {"[s]\nk = x\n\nK = y\n", ":4: [s] k: set twice, first in line 2 (case does not count)"},
    {"[s:k]\nl = x\n[s]\nK = y\n", ":1: [s:k]: an account cannot have the name of a key"},
    {"[s\nk = x\n", ":1: section without its closing bracket"},
    {"[s] # why\n", ":1: nothing may follow a section's closing bracket, not even a comment"},
    {"[s] ; k = x\n", ":1: nothing may follow a section's closing bracket, not even a comment"},
    {"[]\n", ":1: section without a name"},
    {"[ ]\n", ":1: section without a name"},
    {"[a:b:c]\n", ":1: a section's name has one colon at most"},
    {"[a:]\n", ":1: a section's name is missing beside its colon"},
    {"[:b]\n", ":1: a section's name is missing beside its colon"},
    {"[Smarthost]\n", ":1: a section's name is written in lower case"},
    {"[a b]\n", ":1: a section's name consists of letters, digits and . _ - @ +"},
    {"[a\"]\n", ":1: a section's name consists of letters, digits and . _ - @ +"},
    {"[[s]]\n", ":1: nothing may follow a section's closing bracket, not even a comment"},
    {"\xef\xbb\xbf[s]\n", ":1: starts with a byte order mark; save the file without"},
    {"[s]\nk = a\x01z\n", ":2: control character"},
    {"[s]\nk = a\rz\n", ":2: control character"},
    {"[s]\nk = a\x7fz\n", ":2: control character"},
};

static void test_traps(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof traps / sizeof traps[0]; i++) {
        char sentence[512], value[512];
        load(slice_of(traps[i].content), sentence, value, sizeof value);
        assert_string_equal(sentence, traps[i].sentence);
    }
}

static void test_nul(void **state)
{
    static const char content[] = "[s]\nk = a\0b\n";
    char sentence[512], value[512];
    (void)state;
    load(slice_make(content, sizeof content - 1), sentence, value, sizeof value);
    assert_string_equal(sentence, ":2: NUL byte; is this a text file in UTF-8?");
}

/* A line of `length` characters with the line end `end`. */
static void load_line(size_t length, const char *end, char *sentence, char *value, size_t size)
{
    char content[2048] = "[s]\nk=";
    size_t used = strlen(content);
    memset(content + used, 'x', length - 2);
    snprintf(content + used + length - 2, sizeof content - used - length + 2, "%s", end);
    load(slice_of(content), sentence, value, size);
}

static void test_line_length(void **state)
{
    static const char *const ends[] = {"", "\n"};
    char sentence[2048], value[2048];
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        load_line(INI_LINE_LIMIT, ends[i], sentence, value, sizeof value);
        assert_string_equal(sentence, "");
        assert_int_equal(strlen(value), INI_LINE_LIMIT - 2);
        load_line(INI_LINE_LIMIT + 1, ends[i], sentence, value, sizeof value);
        assert_string_equal(sentence, ":2: more than 1022 characters in a line; a long secret goes "
                                      "into a password_file");
    }
    load_line(INI_LINE_LIMIT - 1, "\r\n", sentence, value, sizeof value);
    assert_int_equal(strlen(value), INI_LINE_LIMIT - 3);
    load_line(INI_LINE_LIMIT, "\r\n", sentence, value, sizeof value);
    assert_string_not_equal(sentence, "");
}

static void test_structure(void **state)
{
    static const char content[] = "# comment = x\n\n  ; another\n[one]\n\ta = 1\nb=\"2\" ;c\n"
                                  "\n[ one:two@x ]\na = 3 # d\n[three]\n";
    struct arena arena = {0};
    struct ini ini;
    struct error error;
    (void)state;
    write_file(slice_of(content));
    assert_true(ini_load(&ini, path, &arena, &error));
    assert_int_equal(ini.section_count, 3);
    assert_int_equal(ini.entry_count, 3);
    assert_string_equal(ini.sections[1].name, "one:two@x");
    assert_int_equal(ini.sections[1].line, 8);
    assert_string_equal(ini_find(&ini, 0, "b")->value, "2");
    assert_int_equal(ini_find(&ini, 0, "b")->line, 6);
    assert_true(ini_find(&ini, 0, "b")->quoted && ini_find(&ini, 0, "b")->commented);
    assert_string_equal(ini_find(&ini, 1, "a")->value, "3");
    assert_true(ini_find(&ini, 1, "a")->commented && !ini_find(&ini, 1, "a")->quoted);
    assert_null(ini_find(&ini, 2, "a"));
    char *value = ini.entries[0].value;
    ini_wipe(&ini);
    assert_string_equal(value, "");
    arena_free(&arena);
    unlink(path);
}

/* iniparser leaves copies behind of what it reads, so it does not get to read a password. */
static void test_password_is_apart(void **state)
{
    static const char *const rows[][2] = {
        {"password = geheim", "geheim"},
        {"password = \"p#s;s 'w' = [x] ü\"", "p#s;s 'w' = [x] ü"},
        {"PASSWORD = 'a\\b\"c'", "a\\b\"c"},
        {"password = one two # three", "one two"},
    };
    char content[128];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ini ini;
        struct error error;
        struct arena arena = {0};
        snprintf(content, sizeof content, "[smarthost]\n%s\nuser = alice\n", rows[i][0]);
        write_file(slice_of(content));
        assert_true(ini_load(&ini, path, &arena, &error));
        assert_true(ini.entries[0].secret);
        assert_false(ini.entries[1].secret);
        assert_string_equal(ini.entries[0].value, rows[i][1]);
        assert_string_equal(ini.entries[1].value, "alice");
        ini_wipe(&ini);
        assert_null(ini.entries[0].value);
        ini_wipe(&ini);
        arena_free(&arena);
        unlink(path);
    }
}

static void test_too_much(void **state)
{
    char sentence[512], value[512];
    char *content = calloc(1, INI_FILE_LIMIT + 2);
    (void)state;
    memset(content, '\n', INI_FILE_LIMIT + 1);
    load(slice_of(content), sentence, value, sizeof value);
    assert_string_equal(sentence, ": read: more than 1048576 bytes");

    size_t size = INI_FILE_LIMIT;
    size_t used = (size_t)snprintf(content, size, "[s]\n");
    for (int i = 0; i <= INI_ENTRIES_MAX; i++)
        used += (size_t)snprintf(content + used, size - used, "k%d=1\n", i);
    load(slice_of(content), sentence, value, sizeof value);
    assert_string_equal(sentence, ":4098: more than 4096 keys");

    used = 0;
    for (int i = 0; i <= INI_SECTIONS_MAX; i++)
        used += (size_t)snprintf(content + used, size - used, "[s%d]\n", i);
    load(slice_of(content), sentence, value, sizeof value);
    assert_string_equal(sentence, ":257: more than 256 sections");
    free(content);
}

static void test_untrusted(void **state)
{
    struct arena arena = {0};
    struct ini ini;
    struct error error;
    (void)state;
    write_file(slice_of("[s]\n"));
    chmod(path, 0666);
    assert_false(ini_load(&ini, path, &arena, &error));
    assert_int_equal(error.exit_code, EX_CONFIG);
    unlink(path);
    assert_false(ini_load(&ini, path, &arena, &error));
    assert_int_equal(error.exit_code, EX_CONFIG);
    assert_non_null(strstr(error.sentence, "No such file"));
    assert_false(ini_load(&ini, "/proc/self/environ", &arena, &error));
    assert_int_equal(error.exit_code, EX_CONFIG);
    arena_free(&arena);
}

/* Somebody whom the file is closed to learns whose it is, and what to do. */
static void test_forbidden(void **state)
{
    struct arena arena = {0};
    struct ini ini;
    struct error error;
    (void)state;
    if (geteuid() != 0)
        skip();
    write_file(slice_of("[s]\n"));
    assert_int_equal(seteuid(65534), 0);
    bool done = ini_load(&ini, path, &arena, &error);
    assert_int_equal(seteuid(0), 0);
    unlink(path);
    assert_false(done);
    assert_int_equal(error.exit_code, EX_NOPERM);
    assert_non_null(strstr(error.sentence, ": cannot be read by uid 65534; mode 0600, owner uid 0; "
                                           "give that user its own ~/.config/sendmail/config.ini, "
                                           "see sendmail.ini(5)"));
    arena_free(&arena);
}

/* One descriptor for the file, another for the copy that iniparser reads, none for iniparser. */
static void test_too_few_descriptors(void **state)
{
    struct arena arena = {0};
    struct ini ini;
    struct error error;
    struct rlimit before, few;
    (void)state;
    write_file(slice_of("[s]\nk = x\n"));
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    int free_one = dup(2);
    close(free_one);
    few = (struct rlimit){.rlim_cur = (rlim_t)free_one + 1, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    bool done = ini_load(&ini, path, &arena, &error);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    unlink(path);
    assert_false(done);
    assert_int_equal(error.exit_code, EX_OSERR);
    assert_non_null(strstr(error.sentence, "Too many open files"));
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),    cmocka_unit_test(test_traps),
        cmocka_unit_test(test_nul),       cmocka_unit_test(test_line_length),
        cmocka_unit_test(test_structure), cmocka_unit_test(test_password_is_apart),
        cmocka_unit_test(test_too_much),  cmocka_unit_test(test_untrusted),
        cmocka_unit_test(test_forbidden), cmocka_unit_test(test_too_few_descriptors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

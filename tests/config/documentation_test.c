/* Goal: what users are told is what the program does: the tables of keys and options, the example
 * and the man pages name the same things with the same defaults, and the example loads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "config/keys.h"
#include "config/options.h"
#include "config/settings.h"

static struct buffer example, page_of_options, page_of_keys;

static void read_file(const char *path, struct buffer *content)
{
    struct error error;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        fail_msg("%s cannot be opened: start the test at the top of the source", path);
    assert_true(file_read_all(fd, 1024 * 1024, content, &error));
    close(fd);
}

static int set_up(void **state)
{
    (void)state;
    read_file("config.example.ini", &example);
    read_file("man/sendmail.8", &page_of_options);
    read_file("man/sendmail.ini.5", &page_of_keys);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    buffer_free(&example);
    buffer_free(&page_of_options);
    buffer_free(&page_of_keys);
    return 0;
}

/* The stretch of `text` from behind the line `first` to before the next line that starts with one
 * of the two ends. */
static bool find_part(struct slice text, const char *first, const char *end, const char *end2,
                      struct slice *part)
{
    struct slice line;
    *part = (struct slice){0};
    while (slice_cut(&text, '\n', &line)) {
        bool ends = slice_starts_nocase(line, end) || slice_starts_nocase(line, end2);
        if (part->bytes != NULL && ends)
            return true;
        if (part->bytes != NULL)
            part->length = (size_t)(line.bytes + line.length - part->bytes);
        else if (slice_equals(line, slice_of(first)))
            part->bytes = text.bytes;
    }
    return part->bytes != NULL;
}

static bool contains(struct slice text, const char *words)
{
    return text.length > 0 && memmem(text.bytes, text.length, words, strlen(words)) != NULL;
}

/* "key" of "key = value" and of ";key = value", with its value; comments are no keys. */
static bool parse_example_line(struct slice line, struct slice *key, struct slice *value)
{
    size_t equals = slice_find(line, '=');
    if (equals == line.length)
        return false;
    if (line.bytes[0] == ';')
        line = slice_from(line, 1);
    equals = slice_find(line, '=');
    *key = slice_trim(slice_to(line, equals));
    *value = slice_trim(slice_from(line, equals + 1));
    return line.bytes[0] != ' ' && slice_find(*key, ' ') == key->length;
}

static void assert_example_has(const struct keys_row *row)
{
    char heading[64];
    struct slice part, line, key, value;
    snprintf(heading, sizeof heading, "[%s]", row->section);
    assert_true(find_part(buffer_slice(&example), heading, "[", ";[", &part));
    while (slice_cut(&part, '\n', &line)) {
        if (!parse_example_line(line, &key, &value) || !slice_equals(key, slice_of(row->key)))
            continue;
        if (row->fallback != NULL && !slice_equals(value, slice_of(row->fallback)))
            fail_msg("config.example.ini: [%s] %s: the default is %s", row->section, row->key,
                     row->fallback);
        return;
    }
    fail_msg("config.example.ini lacks [%s] %s", row->section, row->key);
}

static void assert_page_has(const struct keys_row *row)
{
    char line[64];
    struct slice section, part;
    snprintf(line, sizeof line, ".Ss The %s section", row->section);
    assert_true(find_part(buffer_slice(&page_of_keys), line, ".Ss", ".Sh", &section));
    snprintf(line, sizeof line, ".It Cm %s", row->key);
    if (!find_part(section, line, ".It", ".El", &part))
        fail_msg("man/sendmail.ini.5 lacks [%s] %s", row->section, row->key);
    snprintf(line, sizeof line, "Default:\n.Ql %s", row->fallback == NULL ? "" : row->fallback);
    if (row->fallback != NULL && !contains(part, line))
        fail_msg("man/sendmail.ini.5: [%s] %s: the default is %s", row->section, row->key,
                 row->fallback);
    bool later = row->available != NULL;
    if (contains(part, "not in this version") != later)
        fail_msg("man/sendmail.ini.5: [%s] %s: \"not in this version\"", row->section, row->key);
    struct slice choices = slice_of(row->choices), choice;
    while (slice_cut_word(&choices, &choice)) {
        snprintf(line, sizeof line, ".Ql %.*s", (int)choice.length, choice.bytes);
        if (!contains(part, line))
            fail_msg("man/sendmail.ini.5: [%s] %s lacks %s", row->section, row->key, line + 4);
    }
}

static void test_every_key_is_documented(void **state)
{
    size_t count;
    const struct keys_row *rows = keys_table(&count);
    (void)state;
    for (size_t i = 0; i < count; i++) {
        assert_true((rows[i].fallback == NULL) != (rows[i].otherwise == NULL));
        assert_example_has(&rows[i]);
        assert_page_has(&rows[i]);
    }
}

static void test_every_key_of_the_example_exists(void **state)
{
    struct slice rest = buffer_slice(&example), line, key, value;
    char section[64] = "smarthost", name[64];
    (void)state;
    while (slice_cut(&rest, '\n', &line)) {
        if (line.length > 0 && line.bytes[0] == '[')
            snprintf(section, sizeof section, "%.*s", (int)line.length - 2, line.bytes + 1);
        if (line.length == 0 || !parse_example_line(line, &key, &value))
            continue;
        snprintf(name, sizeof name, "%.*s", (int)key.length, key.bytes);
        if (keys_find(section, name) == NULL)
            fail_msg("config.example.ini: there is no [%s] %s", section, name);
    }
}

static void test_every_key_of_the_page_exists(void **state)
{
    struct slice rest = buffer_slice(&page_of_keys), line;
    char section[64] = "", name[64];
    (void)state;
    while (slice_cut(&rest, '\n', &line)) {
        struct slice words = line, word, key;
        if (slice_starts_nocase(line, ".Ss The ")) {
            words = slice_from(line, strlen(".Ss The "));
            slice_cut_word(&words, &word);
            snprintf(section, sizeof section, "%.*s", (int)word.length, word.bytes);
        }
        if (!slice_starts_nocase(line, ".It Cm "))
            continue;
        key = slice_from(line, strlen(".It Cm "));
        snprintf(name, sizeof name, "%.*s", (int)key.length, key.bytes);
        if (keys_find(section, name) == NULL)
            fail_msg("man/sendmail.ini.5: there is no [%s] %s", section, name);
    }
}

/* The example lies about in a source tree of anybody: the test loads a copy of its own. */
static void test_example_loads(void **state)
{
    char path[] = "/tmp/documentation_test-XXXXXX";
    struct paths_choice choice = {.file = path, .origin = PATHS_SYSTEM};
    struct settings settings;
    struct error error = {0};
    (void)state;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_true(file_write_all(fd, buffer_slice(&example), &error));
    fchmod(fd, 0644);
    close(fd);
    bool done = settings_load(&settings, &choice, &error);
    unlink(path);
    assert_string_equal(error.sentence, "");
    assert_true(done);
    assert_string_equal(settings.accounts[0].smarthost.dial.hosts[0], "smtp.example.com");
    settings_free(&settings);
}

static void test_every_option_is_documented(void **state)
{
    size_t count;
    const struct options_row *rows = options_table(&count);
    (void)state;
    for (size_t i = 0; i < count; i++) {
        char item[64], with_argument[72];
        if (rows[i].letter != '\0')
            snprintf(item, sizeof item, "\n.It Fl %c", rows[i].letter);
        else
            snprintf(item, sizeof item, "\n.It Fl -%s", rows[i].name);
        bool attached = rows[i].arity == OPTIONS_ATTACHED || rows[i].arity == OPTIONS_OPTIONAL;
        snprintf(with_argument, sizeof with_argument, "%s%s", item,
                 rows[i].arity == OPTIONS_FLAG ? "\n"
                 : attached                    ? " Ns "
                                               : " Ar ");
        if (!contains(buffer_slice(&page_of_options), with_argument))
            fail_msg("man/sendmail.8 lacks %s", with_argument + 5);
    }
}

static bool is_option(struct slice name)
{
    size_t count;
    const struct options_row *rows = options_table(&count);
    for (size_t i = 0; i < count; i++) {
        bool is_long = rows[i].letter == '\0';
        if (is_long
                ? name.bytes[0] == '-' && slice_equals(slice_from(name, 1), slice_of(rows[i].name))
                : name.length == 1 && name.bytes[0] == rows[i].letter)
            return true;
    }
    return false;
}

static void test_every_option_of_the_page_exists(void **state)
{
    struct slice rest = buffer_slice(&page_of_options), line;
    (void)state;
    while (slice_cut(&rest, '\n', &line)) {
        struct slice words = line, word;
        if (!slice_starts_nocase(line, ".It Fl "))
            continue;
        words = slice_from(line, strlen(".It Fl "));
        assert_true(slice_cut_word(&words, &word));
        if (!is_option(word))
            fail_msg("man/sendmail.8: there is no -%.*s", (int)word.length, word.bytes);
    }
}

static size_t help_lines;

static void check_help_line(const char *line)
{
    help_lines++;
    if (strlen(line) > 120)
        fail_msg("too long: %s", line);
}

static void test_help_config(void **state)
{
    size_t count;
    (void)state;
    keys_table(&count);
    help_lines = 0;
    keys_write_help(check_help_line);
    assert_true(help_lines > 2 * count);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_key_is_documented),
        cmocka_unit_test(test_every_key_of_the_example_exists),
        cmocka_unit_test(test_every_key_of_the_page_exists),
        cmocka_unit_test(test_example_loads),
        cmocka_unit_test(test_every_option_is_documented),
        cmocka_unit_test(test_every_option_of_the_page_exists),
        cmocka_unit_test(test_help_config),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

/* Goal: each option that callers of sendmail pass has its right arity, attached, separate and in
 * clusters: what becomes a recipient and what does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "config/options.h"

static struct options options;
static struct error error;
static char recipients[512]; /* of the last parse, each followed by a blank */

/* `line`: words divided by blanks; '' is an empty word, _ stands for a blank inside one. */
static bool parse(const char *line)
{
    static char copy[512];
    static struct arena arena;
    char *argv[64];
    int argc = 0;
    snprintf(copy, sizeof copy, "%s", line);
    char *rest = copy, *word;
    while ((word = strsep(&rest, " ")) != NULL) {
        for (char *at = word; (at = strchr(at, '_')) != NULL; at++)
            *at = ' ';
        argv[argc++] = strcmp(word, "''") == 0 ? word + 2 : word;
    }
    argv[argc] = NULL;
    error = (struct error){0};
    bool done = options_parse(&options, argc, argv, &arena, &error);
    recipients[0] = '\0';
    for (size_t i = 0; i < options.recipient_count; i++) {
        size_t used = strlen(recipients);
        snprintf(recipients + used, sizeof recipients - used, "%s ", options.recipients[i]);
    }
    arena_free(&arena);
    return done;
}

/* What a drop-in has to take. */
static void test_arity(void **state)
{
    static const struct {
        const char *line, *recipients;
    } rows[] = {
        {"sendmail a@x", "a@x "},
        {"sendmail", ""},
        {"sendmail -Ac a@x", "a@x "},
        {"sendmail -A m a@x", "a@x "},
        {"sendmail -A ac a@x", "a@x "},
        {"sendmail -B 8BITMIME a@x", "a@x "},
        {"sendmail -B8bitmime a@x", "a@x "},
        {"sendmail -B7BIT a@x", "a@x "},
        {"sendmail -bm a@x", "a@x "},
        {"sendmail -b m a@x", "a@x "},
        {"sendmail -C /c a@x", "a@x "},
        {"sendmail -C/c a@x", "a@x "},
        {"sendmail -D /d a@x", "a@x "},
        {"sendmail -D/d a@x", "a@x "},
        {"sendmail -d a@x", "a@x "},
        {"sendmail -d0.1 a@x", "a@x "},
        {"sendmail -em a@x", "a@x "},
        {"sendmail -ep -eq -ew -ee a@x", "a@x "},
        {"sendmail -F Full_Name a@x", "a@x "},
        {"sendmail -FFull a@x", "a@x "},
        {"sendmail -f me@x a@x", "a@x "},
        {"sendmail -fme@x a@x", "a@x "},
        {"sendmail -f '' a@x", "a@x "},
        {"sendmail -f <> a@x", "a@x "},
        {"sendmail -f<> a@x", "a@x "},
        {"sendmail -f N_<a@b> a@x", "a@x "},
        {"sendmail -r me@x a@x", "a@x "},
        {"sendmail -rme@x a@x", "a@x "},
        {"sendmail -G a@x", "a@x "},
        {"sendmail -h 5 a@x", "a@x "},
        {"sendmail -h5 a@x", "a@x "},
        {"sendmail -i a@x", "a@x "},
        {"sendmail -L tag a@x", "a@x "},
        {"sendmail -Ltag a@x", "a@x "},
        {"sendmail -M x a@x", "a@x "},
        {"sendmail -Mx a@x", "a@x "},
        {"sendmail -m a@x", "a@x "},
        {"sendmail -N success,failure a@x", "a@x "},
        {"sendmail -Nnever a@x", "a@x "},
        {"sendmail -R hdrs a@x", "a@x "},
        {"sendmail -Rfull a@x", "a@x "},
        {"sendmail -V id a@x", "a@x "},
        {"sendmail -Vid a@x", "a@x "},
        {"sendmail -n a@x", "a@x "},
        {"sendmail -O k=v a@x", "a@x "},
        {"sendmail -Ok=v a@x", "a@x "},
        {"sendmail -oi a@x", "a@x "},
        {"sendmail -o i a@x", "a@x "},
        {"sendmail -odb -odi -odq -odd a@x", "a@x "},
        {"sendmail -oem -oee -oeq -oep -oew a@x", "a@x "},
        {"sendmail -om -oo -o7 -o8 -o8pass a@x", "a@x "},
        {"sendmail -oA/etc/aliases -oQ/q -os -ot -oT1d -ov a@x", "a@x "},
        {"sendmail -p SMTP:host a@x", "a@x "},
        {"sendmail -pSMTP a@x", "a@x "},
        {"sendmail -s a@x", "a@x "},
        {"sendmail -t a@x b@x", "a@x b@x "},
        {"sendmail -ti a@x", "a@x "},
        {"sendmail -it a@x", "a@x "},
        {"sendmail -tioi a@x", "a@x "},
        {"sendmail -tf me@x a@x", "a@x "},
        {"sendmail -tfme@x a@x", "a@x "},
        {"sendmail -U a@x", "a@x "},
        {"sendmail -v a@x", "a@x "},
        {"sendmail -X /x a@x", "a@x "},
        {"sendmail -X/x a@x", "a@x "},
        {"sendmail -a work a@x", "a@x "},
        {"sendmail -awork a@x", "a@x "},
        {"sendmail -- -x@y a@x", "-x@y a@x "},
        {"sendmail -t -- -t", "-t "},
        {"sendmail a@x -t b@x -f me@x c@x", "a@x b@x c@x "},
        {"sendmail a@x,b@x R_<c@x>", "a@x,b@x R <c@x> "},
        {"sendmail -", "- "},
        {"sendmail ''", " "},
        {"sendmail -f -- a@x", "a@x "},
        {"sendmail --config /c --account w a@x", "a@x "},
        {"sendmail --config=/c --account=w a@x", "a@x "},
        {"sendmail --file /m a@x", "a@x "},
        {"sendmail --dry-run --verbose a@x", "a@x "},
        {"sendmail -oi -oem -oep -odi -odb -om -N success,failure -R hdrs -V id -m -v -F "
         "Full_Name -f '' -- a@x",
         "a@x "},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bool done = parse(rows[i].line);
        assert_string_equal(error.sentence, "");
        assert_true(done);
        assert_string_equal(recipients, rows[i].recipients);
    }
}

static void test_meaning(void **state)
{
    (void)state;
    assert_true(parse("sendmail -ti -f first@x -fme@x -F Full_Name -v -C /c -a work -B8BITMIME "
                      "-N delay -R full -V a+2Bb"));
    assert_true(options.from_header && options.ignore_dots && options.verbose);
    assert_string_equal(options.sender, "me@x");
    assert_string_equal(options.full_name, "Full Name");
    assert_string_equal(options.config_file, "/c");
    assert_string_equal(options.account, "work");
    assert_string_equal(options.body_type, "8BITMIME");
    assert_int_equal(options.notify, DSN_DELAY);
    assert_int_equal(options.returned, DSN_RETURN_FULL);
    assert_string_equal(options.envelope_id, "a+2Bb");
    assert_int_equal(options.mode, OPTIONS_SEND);
    assert_true(options.reads_input);

    assert_true(parse("sendmail"));
    assert_false(options.from_header || options.ignore_dots || options.verbose);
    assert_null(options.sender);
    assert_null(options.full_name);
    assert_null(options.config_file);
    assert_null(options.account);
    assert_null(options.input_file);

    assert_true(parse("sendmail -r '' a@x"));
    assert_string_equal(options.sender, "");
    assert_true(parse("sendmail -oi -ov"));
    assert_true(options.ignore_dots && options.verbose);
    assert_true(parse("sendmail --config=/c --account w --file /m --verbose --dry-run"));
    assert_string_equal(options.config_file, "/c");
    assert_string_equal(options.account, "w");
    assert_string_equal(options.input_file, "/m");
    assert_int_equal(options.mode, OPTIONS_DRY_RUN);
    assert_false(options.reads_input);
    assert_true(parse("sendmail --help"));
    assert_int_equal(options.mode, OPTIONS_HELP);
    assert_true(parse("sendmail --dry-run --version"));
    assert_int_equal(options.mode, OPTIONS_VERSION);
    assert_true(parse("sendmail --help-config --dry-run"));
    assert_int_equal(options.mode, OPTIONS_HELP_CONFIG);
    assert_false(options.reads_input);
}

static void test_refused(void **state)
{
    static const struct {
        const char *line, *sentence;
        bool reads_input;
    } rows[] = {
        {"sendmail -bd",
         "usage: -bd: this is no daemon and takes no mail from the network; this "
         "is a submission agent",
         false},
        {"sendmail -bD",
         "usage: -bD: this is no daemon and takes no mail from the network; this "
         "is a submission agent",
         false},
        {"sendmail -bt",
         "usage: -bt: it has no rules to rewrite addresses, so there is nothing to "
         "test; this is a submission agent",
         false},
        {"sendmail -bh", "usage: -bh: it keeps no status of hosts; this is a submission agent",
         false},
        {"sendmail -bz",
         "usage: -bz: its configuration is not compiled; this is a submission "
         "agent",
         false},
        {"sendmail -ba", "usage: -ba: the ARPANET mode is long gone; this is a submission agent",
         false},
        {"sendmail -bS", "usage: -bS: it takes no batched SMTP; this is a submission agent", false},
        {"sendmail -bx", "usage: -bx: unknown mode", false},
        {"sendmail -bmx", "usage: -bmx: unknown mode", false},
        {"sendmail -bs", "usage: -bs is not in this version yet", false},
        {"sendmail -bp", "usage: -bp is not in this version yet", false},
        {"sendmail -bi", "usage: -bi is not in this version yet", false},
        {"sendmail -bv a@x", "usage: -bv is not in this version yet", false},
        {"sendmail -q", "usage: -q is not in this version yet", false},
        {"sendmail -q30m", "usage: -q is not in this version yet", false},
        {"sendmail -qf a@x", "usage: -q is not in this version yet", false},
        {"sendmail -I", "usage: -I is not in this version yet", false},
        {"sendmail --queue", "usage: --queue is not in this version yet", false},
        {"sendmail --flush", "usage: --flush is not in this version yet", false},
        {"sendmail --check", "usage: --check is not in this version yet", false},
        {"mailq", "usage: mailq is not in this version yet", false},
        {"/usr/bin/newaliases", "usage: newaliases is not in this version yet", false},
        {"sendmail -x a@x", "usage: unknown option -x; see --help", true},
        {"sendmail -tJ a@x", "usage: unknown option -J; see --help", true},
        {"sendmail -T1", "usage: unknown option -T; see --help", true},
        {"sendmail --acount x", "usage: unknown option --acount; did you mean \"--account\"?",
         true},
        {"sendmail --nonsense", "usage: unknown option --nonsense", true},
        {"sendmail --nonsense -bp", "usage: unknown option --nonsense", false},
        {"sendmail --nonsense --file /m", "usage: unknown option --nonsense", false},
        {"sendmail --verbose=yes", "usage: --verbose takes no value", true},
        {"sendmail --config", "usage: --config needs a value", true},
        {"sendmail -f", "usage: -f needs an argument", true},
        {"sendmail -tf", "usage: -f needs an argument", true},
        {"sendmail -e a@x", "usage: -e needs an argument", true},
        {"sendmail -B 9BIT", "usage: -B takes 7BIT or 8BITMIME", true},
        {"sendmail -B '' a@x", "usage: -B takes 7BIT or 8BITMIME", true},
        {"sendmail -N sometimes", "usage: -N: takes never, or some of success,failure,delay", true},
        {"sendmail -N never,delay", "usage: -N: takes never, or some of success,failure,delay",
         true},
        {"sendmail -N delay,", "usage: -N: takes never, or some of success,failure,delay", true},
        {"sendmail -N ''", "usage: -N: takes never, or some of success,failure,delay", true},
        {"sendmail -R all", "usage: -R: takes full or hdrs", true},
        {"sendmail -V a=b",
         "usage: -V: takes an envelope id: up to 100 printable characters, with "
         "+ and = written as +2B and +3D",
         true},
        {"sendmail -V a+2",
         "usage: -V: takes an envelope id: up to 100 printable characters, with "
         "+ and = written as +2B and +3D",
         true},
        {"sendmail --file /m -i", "usage: --file is not taken together with -i or -oi", false},
        {"sendmail -oi --file /m", "usage: --file is not taken together with -i or -oi", false},
        {"sendmail -ti a@x --file=/m", "usage: --file is not taken together with -i or -oi", false},
        {"sendmail -bs --file=/m", "usage: -bs is not in this version yet", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_false(parse(rows[i].line));
        assert_int_equal(error.exit_code, EX_USAGE);
        assert_string_equal(error.sentence, rows[i].sentence);
        assert_int_equal(options.reads_input, rows[i].reads_input);
    }
}

static void test_empty_value(void **state)
{
    (void)state;
    assert_true(parse("sendmail --file= a@x"));
    assert_string_equal(options.input_file, "");
    assert_string_equal(recipients, "a@x ");
}

static void test_no_arguments_at_all(void **state)
{
    struct arena arena = {0};
    char *argv[] = {NULL};
    (void)state;
    assert_true(options_parse(&options, 0, argv, &arena, &error));
    assert_int_equal(options.recipient_count, 0);
    assert_true(options.reads_input);
    arena_free(&arena);
}

static void test_hostile_bytes(void **state)
{
    (void)state;
    assert_false(parse("sendmail -\x1b[31m"));
    assert_string_equal(error.sentence, "usage: unknown option -\\x1b; see --help");
    assert_false(parse("sendmail --\r\nx"));
    assert_string_equal(error.sentence, "usage: unknown option --\\r\\nx");
}

static char help[8192];

static void add_line(const char *line)
{
    size_t used = strlen(help);
    assert_true(strlen(line) <= 80);
    snprintf(help + used, sizeof help - used, "%s\n", line);
}

static void test_help(void **state)
{
    size_t count;
    const struct options_row *rows = options_table(&count);
    (void)state;
    help[0] = '\0';
    options_write_help(add_line);
    for (size_t i = 0; i < count; i++) {
        char option[32];
        snprintf(option, sizeof option, rows[i].letter == '\0' ? "--%s" : " -%.1s",
                 rows[i].letter == '\0' ? rows[i].name : &rows[i].letter);
        assert_non_null(strstr(help, option));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arity),
        cmocka_unit_test(test_meaning),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_empty_value),
        cmocka_unit_test(test_no_arguments_at_all),
        cmocka_unit_test(test_hostile_bytes),
        cmocka_unit_test(test_help),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Goal: one safe line a submission, only into a file that may be written, and never a failure. */
#include <fcntl.h>
#include <regex.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/privilege.h"
#include "tests/support/folder.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static char folder[] = "/tmp/log_test.XXXXXX";

struct paths {
    char plain[64], other[64];
};

static struct paths in_folder(const char *plain, const char *other)
{
    struct paths paths;
    snprintf(paths.plain, sizeof paths.plain, "%s/%s", folder, plain);
    snprintf(paths.other, sizeof paths.other, "%s/%s", folder, other);
    return paths;
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) != NULL ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    return folder_remove(folder);
}

static size_t read_file(const char *path, char *bytes, size_t size)
{
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    ssize_t count = read(fd, bytes, size - 1);
    assert_true(count >= 0);
    close(fd);
    bytes[count] = '\0';
    return (size_t)count;
}

static void log_to_file(const char *path, const char *line)
{
    const struct log_options options = {.facility = -1, .file = path};
    struct error error;
    log_open(&options);
    assert_true(log_line(LOG_INFO, line, &error));
}

/* What cannot be logged fails in a sentence that ends in `reason`. */
static void assert_not_logged(const char *path, const char *reason)
{
    const struct log_options options = {.facility = -1, .file = path};
    struct error error;
    char expected[200];
    log_open(&options);
    assert_false(log_line(LOG_INFO, "a line", &error));
    snprintf(expected, sizeof expected, "log: %s: %s", path, reason);
    assert_string_equal(error.sentence, expected);
    assert_int_equal(error.exit_code, EX_CANTCREAT);
}

static void assert_matches(const char *string, const char *pattern)
{
    regex_t expression;
    assert_int_equal(regcomp(&expression, pattern, REG_EXTENDED | REG_NOSUB), 0);
    int result = regexec(&expression, string, 0, NULL, 0);
    regfree(&expression);
    assert_int_equal(result, 0);
}

static void values_are_quoted_where_needed(void **state)
{
    (void)state;
    static const struct {
        struct slice value;
        const char *expected;
    } cases[] = {
        {{"ann@example.org", 15}, "first=1 key=ann@example.org"},
        {{"", 0}, "first=1 key=\"\""},
        {{"a b", 3}, "first=1 key=\"a b\""},
        {{"a=b", 3}, "first=1 key=\"a=b\""},
        {{"a\"b", 3}, "first=1 key=\"a\\\"b\""},
        {{"a\\b", 3}, "first=1 key=\"a\\\\b\""},
        {{"a\nb=c", 5}, "first=1 key=\"a\\nb=c\""},
        {{"\0\177\303\274", 4}, "first=1 key=\"\\x00\\x7f\\xc3\\xbc\""},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char buffer[100];
        struct text line;
        text_init(&line, buffer, sizeof buffer);
        log_add_number(&line, "first", 1);
        log_add(&line, "key", cases[i].value);
        assert_string_equal(buffer, cases[i].expected);
    }
}

static void values_are_bounded(void **state)
{
    (void)state;
    char value[1000], buffer[2000];
    struct text line;
    memset(value, 'a', sizeof value);
    text_init(&line, buffer, sizeof buffer);
    log_add(&line, "k", slice_make(value, sizeof value));
    assert_int_equal(line.length, 2 + TEXT_SHOWN_LIMIT + 3);
    memset(value, '"', sizeof value);
    text_init(&line, buffer, sizeof buffer);
    log_add(&line, "k", slice_make(value, sizeof value));
    assert_int_equal(line.length, 2 + 1 + TEXT_SHOWN_LIMIT + 3 + 1);
    text_init(&line, buffer, sizeof buffer);
    log_add_whole(&line, "k", slice_make(value, sizeof value / 2));
    assert_int_equal(line.length, 2 + 1 + sizeof value + 1);
    assert_string_equal(buffer + line.length - 3, "\\\"\"");
    text_init(&line, buffer, sizeof buffer);
    log_add_whole(&line, "k", slice_of("plain"));
    assert_string_equal(buffer, "k=plain");
    text_init(&line, buffer, sizeof buffer);
    log_add_number(&line, "k", INT64_MIN);
    assert_string_equal(buffer, "k=-9223372036854775808");
}

static void lines_are_appended_with_the_time(void **state)
{
    (void)state;
    struct paths paths = in_folder("log", "");
    struct stat status;
    char bytes[1000];
    mode_t before = umask(0);
    log_to_file(paths.plain, "first=1");
    umask(before);
    log_to_file(paths.plain, "second=\n\033 2");
    assert_int_equal(stat(paths.plain, &status), 0);
    assert_int_equal(status.st_mode, S_IFREG | 0600);
    read_file(paths.plain, bytes, sizeof bytes);
    assert_matches(bytes, "^20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9]Z "
                          "first=1\n20[-0-9]+T[0-9:]+Z second=   2\n$");
}

/* A disk that is full: the file may grow by so many bytes more. */
static void assert_cut(const char *path, const char *line, rlim_t room)
{
    const struct log_options options = {.facility = -1, .file = path};
    struct rlimit before, limit;
    struct stat status;
    struct error error;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = before;
    limit.rlim_cur = (rlim_t)status.st_size + room;
    log_open(&options);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    bool logged = log_line(LOG_INFO, line, &error);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, SIG_DFL);
    assert_false(logged);
    assert_int_equal(error.exit_code, EX_CANTCREAT);
}

static void a_torn_line_is_ended(void **state)
{
    (void)state;
    struct paths paths = in_folder("torn", "");
    char bytes[1000];
    log_to_file(paths.plain, "first");
    assert_cut(paths.plain, "second", 3);
    log_to_file(paths.plain, "third");
    log_to_file(paths.plain, "fourth");
    assert_cut(paths.plain, "nothing", 0);
    log_to_file(paths.plain, "fifth");
    read_file(paths.plain, bytes, sizeof bytes);
    assert_matches(bytes, "^[^ \n]+Z first\n20[0-9]\n[^ \n]+Z third\n[^ \n]+Z fourth\n"
                          "[^ \n]+Z fifth\n$");
}

static void a_file_that_may_not_be_read_is_written(void **state)
{
    (void)state;
    struct paths paths = in_folder("unreadable", "");
    struct stat status;
    log_to_file(paths.plain, "first");
    assert_int_equal(chmod(paths.plain, 0200), 0);
    assert_int_equal(chmod(folder, 0711), 0);
    pid_t pid = fork();
    if (pid == 0) {
        const struct log_options options = {.facility = -1, .file = paths.plain};
        struct error error;
        if (getuid() == 0 &&
            (chown(paths.plain, 12345, 12345) != 0 || setresuid(12345, 12345, 12345) != 0))
            _exit(1);
        log_open(&options);
        _exit(log_line(LOG_INFO, "second", &error) ? 0 : 1);
    }
    int result;
    assert_int_equal(waitpid(pid, &result, 0), pid);
    assert_int_equal(result, 0);
    assert_int_equal(stat(paths.plain, &status), 0);
    assert_int_equal(status.st_size, 2 * sizeof "2000-01-01T00:00:00Z" + strlen("first\nsecond\n"));
}

static void a_long_line_is_cut(void **state)
{
    (void)state;
    struct paths paths = in_folder("long", "");
    char line[LOG_LINE_SIZE * 2], bytes[LOG_LINE_SIZE * 2];
    memset(line, 'a', sizeof line - 1);
    line[sizeof line - 1] = '\0';
    log_to_file(paths.plain, line);
    assert_int_equal(read_file(paths.plain, bytes, sizeof bytes), LOG_LINE_SIZE);
    assert_int_equal(bytes[LOG_LINE_SIZE - 1], '\n');
}

static void other_files_are_left_alone(void **state)
{
    (void)state;
    char bytes[100];
    struct paths paths = in_folder("target", "symlink");
    log_to_file(paths.plain, "one");
    size_t size = read_file(paths.plain, bytes, sizeof bytes);

    assert_int_equal(symlink(paths.plain, paths.other), 0);
    assert_not_logged(paths.other, "Too many levels of symbolic links");
    assert_int_equal(read_file(paths.plain, bytes, sizeof bytes), size);

    paths = in_folder("target", "hardlink");
    assert_int_equal(link(paths.plain, paths.other), 0);
    assert_not_logged(paths.other, "not a regular file with one name");
    assert_not_logged(paths.plain, "not a regular file with one name");
    assert_int_equal(read_file(paths.plain, bytes, sizeof bytes), size);

    paths = in_folder("dangling", "nowhere");
    assert_int_equal(symlink(paths.other, paths.plain), 0);
    assert_not_logged(paths.plain, "Too many levels of symbolic links");
    assert_int_equal(access(paths.other, F_OK), -1);

    paths = in_folder("fifo", "");
    assert_int_equal(mkfifo(paths.plain, 0600), 0);
    assert_not_logged(paths.plain, "not a regular file with one name");
    int reader = open(paths.plain, O_RDONLY | O_NONBLOCK);
    assert_not_logged(paths.plain, "not a regular file with one name");
    assert_int_equal(read(reader, bytes, sizeof bytes), 0);
    close(reader);

    assert_not_logged("/nowhere/at/all", "No such file or directory");
    assert_not_logged(folder, "Is a directory");
}

/* A log daemon's socket, of which nobody reads unless told to. */
static int listen_as_daemon(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static void assert_daemon_gets(int fd, const char *pattern)
{
    char bytes[LOG_LINE_SIZE + 1];
    ssize_t count = recv(fd, bytes, sizeof bytes - 1, 0);
    assert_true(count > 0);
    bytes[count] = '\0';
    assert_matches(bytes, pattern);
}

#define STAMP                                                                                      \
    "(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [ 123][0-9] [0-2][0-9]:[0-5][0-9]:"         \
    "[0-6][0-9] sendmail\\[%d\\]: "

static void the_daemon_gets_the_line(void **state)
{
    (void)state;
    struct paths paths = in_folder("daemon", "");
    const struct log_options options = {.facility = LOG_MAIL, .socket = paths.plain};
    struct error error;
    char pattern[300];
    log_open(&options);
    assert_true(log_line(LOG_WARNING, "nobody listens", &error));
    int fd = listen_as_daemon(paths.plain);
    assert_true(log_line(LOG_WARNING, "key=%s\n value", &error));
    snprintf(pattern, sizeof pattern, "^<20>" STAMP "key=%%s  value$", (int)getpid());
    assert_daemon_gets(fd, pattern);
    close(fd);
}

static void a_tag_names_the_program(void **state)
{
    (void)state;
    struct paths paths = in_folder("tagged", "tagged.log");
    const struct log_options options = {
        .facility = LOG_MAIL, .file = paths.other, .socket = paths.plain};
    struct error error;
    char bytes[1000];
    int fd = listen_as_daemon(paths.plain);
    log_open(&options);
    log_set_tag("a=b");
    assert_true(log_line(LOG_INFO, "key=value", &error));
    log_set_tag(NULL);
    assert_true(log_line(LOG_INFO, "key=value", &error));
    assert_daemon_gets(fd, "^<22>.* a=b\\[[0-9]+\\]: key=value$");
    assert_daemon_gets(fd, "^<22>.* sendmail\\[[0-9]+\\]: key=value$");
    read_file(paths.other, bytes, sizeof bytes);
    assert_matches(bytes, "^[^ ]*Z tag=\"a=b\" key=value\n[^ ]*Z key=value\n$");
    close(fd);
}

static void the_daemon_hears_of_a_file_that_fails(void **state)
{
    (void)state;
    struct paths paths = in_folder("witness", "");
    const struct log_options options = {
        .facility = LOG_MAIL, .file = "/nowhere/log", .socket = paths.plain};
    struct error error;
    char pattern[300];
    int fd = listen_as_daemon(paths.plain);
    log_open(&options);
    assert_false(log_line(LOG_INFO, "key=value", &error));
    assert_daemon_gets(fd, "^<22>.*: key=value$");
    snprintf(pattern, sizeof pattern, "^<20>" STAMP "log: /nowhere/log: No such file or directory$",
             (int)getpid());
    assert_daemon_gets(fd, pattern);
    close(fd);
}

static void a_daemon_that_hangs_is_not_waited_for(void **state)
{
    (void)state;
    struct paths paths = in_folder("hanging", "beside");
    const struct log_options options = {
        .facility = LOG_MAIL, .file = paths.other, .socket = paths.plain};
    struct error error;
    char bytes[1000];
    int fd = listen_as_daemon(paths.plain);
    log_open(&options);
    alarm(10);
    /* More than any queue of datagrams takes. */
    for (size_t i = 0; i < 5000; i++)
        assert_true(log_line(LOG_INFO, "key=value", &error));
    alarm(0);
    assert_true(read_file(paths.other, bytes, sizeof bytes) > 0);
    close(fd);
}

/* Opened while that was permitted, a file is written to when it cannot be opened any more; one that
 * is begun anew is, as long as it can be. */
static void a_held_file_is_written(void **state)
{
    (void)state;
    struct paths paths = in_folder("held", "moved");
    const struct log_options options = {.facility = -1, .file = paths.plain};
    struct error error;
    char bytes[1000];
    pid_t child = fork();
    if (child == 0) {
        log_open(&options);
        log_hold();
        bool done = privilege_keep(0, &error) && chmod(paths.plain, 0) == 0 &&
                    log_line(LOG_INFO, "first=1", &error) && chmod(paths.plain, 0600) == 0 &&
                    rename(paths.plain, paths.other) == 0 && log_line(LOG_INFO, "second=2", &error);
        _exit(done ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    read_file(paths.other, bytes, sizeof bytes);
    assert_non_null(strstr(bytes, " first=1\n"));
    assert_null(strstr(bytes, "second"));
    read_file(paths.plain, bytes, sizeof bytes);
    assert_non_null(strstr(bytes, " second=2\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_quoted_where_needed),
        cmocka_unit_test(values_are_bounded),
        cmocka_unit_test(lines_are_appended_with_the_time),
        cmocka_unit_test(a_torn_line_is_ended),
        cmocka_unit_test(a_file_that_may_not_be_read_is_written),
        cmocka_unit_test(a_held_file_is_written),
        cmocka_unit_test(a_long_line_is_cut),
        cmocka_unit_test(other_files_are_left_alone),
        cmocka_unit_test(the_daemon_gets_the_line),
        cmocka_unit_test(a_tag_names_the_program),
        cmocka_unit_test(the_daemon_hears_of_a_file_that_fails),
        cmocka_unit_test(a_daemon_that_hangs_is_not_waited_for),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

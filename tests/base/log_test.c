/* Goal: one safe line a submission, only into a file that may be written, and never a failure. */
#include <fcntl.h>
#include <ftw.h>
#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"

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

static int remove_one(const char *path, const struct stat *status, int flag, struct FTW *walk)
{
    (void)status, (void)flag, (void)walk;
    return remove(path);
}

static int remove_folder(void **state)
{
    (void)state;
    return nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
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
    log_open(&options);
    log_line(LOG_INFO, line);
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
    log_to_file(paths.other, "through a symbolic link");
    assert_int_equal(read_file(paths.plain, bytes, sizeof bytes), size);

    paths = in_folder("target", "hardlink");
    assert_int_equal(link(paths.plain, paths.other), 0);
    log_to_file(paths.other, "through a second name");
    log_to_file(paths.plain, "through the first name");
    assert_int_equal(read_file(paths.plain, bytes, sizeof bytes), size);

    paths = in_folder("dangling", "nowhere");
    assert_int_equal(symlink(paths.other, paths.plain), 0);
    log_to_file(paths.plain, "created through a link");
    assert_int_equal(access(paths.other, F_OK), -1);

    paths = in_folder("fifo", "");
    assert_int_equal(mkfifo(paths.plain, 0600), 0);
    log_to_file(paths.plain, "no reader");
    int reader = open(paths.plain, O_RDONLY | O_NONBLOCK);
    log_to_file(paths.plain, "a reader");
    assert_int_equal(read(reader, bytes, sizeof bytes), 0);
    close(reader);

    log_to_file("/nowhere/at/all", "no folder");
    log_to_file(folder, "a folder");
}

/* In a root directory of its own, where /dev/log is this very process. */
static int talk_to_syslog(void)
{
    const struct log_options options = {.facility = LOG_MAIL, .file = "/log"};
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "/dev/log"};
    if (chroot(folder) != 0 || chdir("/") != 0 || mkdir("/dev", 0700) != 0)
        return 1;
    remove("/log");
    /* Nobody listens yet: the file gets its line all the same. */
    log_open(&options);
    log_line(LOG_WARNING, "before=1");
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0)
        return 2;

    log_line(LOG_WARNING, "key=%s value");
    char bytes[1000], expected[100];
    ssize_t count = recv(fd, bytes, sizeof bytes - 1, MSG_DONTWAIT);
    if (count <= 0)
        return 3;
    bytes[count] = '\0';
    snprintf(expected, sizeof expected, "sendmail[%d]: key=%%s value", (int)getpid());
    if (strncmp(bytes, "<20>", 4) != 0 || strstr(bytes, expected) == NULL)
        return 4;
    read_file("/log", bytes, sizeof bytes);
    return strstr(bytes, "Z before=1\n20") != NULL ? 0 : 5;
}

static void syslog_gets_the_line_or_is_not_there(void **state)
{
    (void)state;
    if (getuid() != 0)
        skip();
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(talk_to_syslog());
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_quoted_where_needed),
        cmocka_unit_test(values_are_bounded),
        cmocka_unit_test(lines_are_appended_with_the_time),
        cmocka_unit_test(a_long_line_is_cut),
        cmocka_unit_test(other_files_are_left_alone),
        cmocka_unit_test(syslog_gets_the_line_or_is_not_there),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

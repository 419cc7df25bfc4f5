/* Goal: who is believed and who is not, and that all bytes are read and written. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "tests/support/folder.h"
#include "tests/support/refuse.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static char folder[] = "/tmp/file_test.XXXXXX";

static const char *in_folder(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static const char *make_file(const char *name, const char *contents, mode_t mode)
{
    const char *path = in_folder(name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, contents, strlen(contents)), strlen(contents));
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
    return path;
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

static void assert_refused(const char *path, int exit_code, const char *word)
{
    struct error error;
    struct stat status;
    assert_int_equal(file_open_trusted(path, &status, &error), -1);
    assert_int_equal(error.exit_code, exit_code);
    assert_false(error.permanent);
    assert_non_null(strstr(error.sentence, word));
}

static void a_file_of_ours_is_believed(void **state)
{
    (void)state;
    struct error error;
    struct stat status;
    int fd = file_open_trusted(make_file("good", "text", 0644), &status, &error);
    assert_true(fd >= 0);
    assert_int_equal(status.st_size, 4);
    assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    close(fd);

    assert_int_equal(symlink("good", in_folder("link")), 0);
    fd = file_open_trusted(in_folder("link"), &status, &error);
    assert_true(fd >= 0);
    close(fd);
}

static void others_are_not_believed(void **state)
{
    static char long_name[300];
    (void)state;
    memset(long_name, 'x', sizeof long_name - 1);
    assert_refused(long_name, EX_CONFIG, ": File name too long");
    assert_refused(in_folder("missing"), EX_NOINPUT, "missing");
    make_file("plain", "text", 0600);
    assert_refused(in_folder("plain/below"), EX_NOINPUT, "plain/below");
    assert_refused(folder, EX_CONFIG, "not a regular file");
    assert_refused("/dev/null", EX_CONFIG, "not a regular file");
    assert_refused("/proc/self/environ", EX_CONFIG, "procfs");
    assert_refused(make_file("empty", "", 0600), EX_CONFIG, "is empty");
    assert_refused(make_file("group", "text", 0660), EX_CONFIG, "chmod go-w ");
    assert_refused(make_file("world", "text", 0602), EX_CONFIG, "mode 0602");
    assert_refused(make_file("esc\033", "", 0600), EX_CONFIG, "esc\\x1b");
    assert_int_equal(mkfifo(in_folder("fifo"), 0600), 0);
    assert_refused(in_folder("fifo"), EX_CONFIG, "not a regular file");
    assert_int_equal(symlink("loop", in_folder("loop")), 0);
    assert_refused(in_folder("loop"), EX_CONFIG, "loop: Too many levels of symbolic links");
}

static void an_empty_file_may_do(void **state)
{
    (void)state;
    struct error error;
    struct stat status;
    int fd = file_open_trusted_or_empty(make_file("nothing", "", 0644), &status, &error);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(file_open_trusted_or_empty(make_file("nothing", "", 0664), &status, &error),
                     -1);
    assert_int_equal(error.exit_code, EX_CONFIG);
    assert_non_null(strstr(error.sentence, "chmod go-w "));
}

static void a_stranger_is_named(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    const char *path = make_file("stranger", "text", 0644);
    assert_int_equal(chown(path, 12345, 0), 0);
    assert_refused(path, EX_CONFIG, "uid 12345");
    assert_refused(path, EX_CONFIG, "chown 0 ");
}

static void a_forbidden_file_names_the_reader(void **state)
{
    (void)state;
    const char *path = make_file("forbidden", "text", 0000);
    if (geteuid() != 0) {
        assert_refused(path, EX_NOPERM, "cannot be read by uid");
        return;
    }
    assert_int_equal(chmod(folder, 0755), 0);
    assert_int_equal(seteuid(12345), 0);
    assert_refused(path, EX_NOPERM, "cannot be read by uid 12345");
    assert_int_equal(seteuid(0), 0);
    assert_int_equal(chmod(folder, 0700), 0);
}

static void reading_all(void **state)
{
    (void)state;
    struct error error;
    struct buffer buffer = {0};
    int fd = open(make_file("read", "0123456789", 0600), O_RDONLY);
    assert_true(buffer_add_string(&buffer, "before:"));
    assert_true(file_read_all(fd, 17, &buffer, &error));
    assert_true(slice_equals(buffer_slice(&buffer), slice_of("before:0123456789")));

    buffer_clear(&buffer);
    lseek(fd, 0, SEEK_SET);
    assert_false(file_read_all(fd, 9, &buffer, &error));
    assert_int_equal(error.exit_code, EX_CONFIG);
    assert_int_equal(buffer.length, 10);
    close(fd);

    buffer_clear(&buffer);
    fd = open(folder, O_RDONLY);
    assert_false(file_read_all(fd, 9, &buffer, &error));
    assert_int_equal(error.exit_code, EX_IOERR);
    close(fd);
    buffer_free(&buffer);
}

static void reading_some_tells_too_much_from_enough(void **state)
{
    (void)state;
    struct buffer buffer = {0};
    int fd = open(make_file("some", "0123456789", 0600), O_RDONLY);
    assert_int_equal(file_read_some(fd, 4, &buffer), 5);
    assert_int_equal(file_read_some(fd, 4, &buffer), 1);
    assert_int_equal(file_read_some(fd, SIZE_MAX, &buffer), 4);
    assert_int_equal(file_read_some(fd, SIZE_MAX, &buffer), 0);
    close(fd);
    errno = 0;
    assert_int_equal(file_read_some(fd, SIZE_MAX, &buffer), -1);
    assert_int_equal(errno, EBADF);
    buffer_free(&buffer);
}

static void reading_at_an_offset(void **state)
{
    (void)state;
    struct error error;
    char bytes[4];
    int fd = open(make_file("at", "0123456789", 0600), O_RDONLY);
    assert_true(file_read_at(fd, bytes, 4, 6, &error));
    assert_memory_equal(bytes, "6789", 4);
    assert_true(file_read_at(fd, bytes, 0, 99, &error));
    assert_false(file_read_at(fd, bytes, 4, 7, &error));
    assert_int_equal(error.exit_code, EX_IOERR);
    close(fd);
    assert_false(file_read_at(fd, bytes, 4, 0, &error));
    assert_int_equal(error.exit_code, EX_IOERR);
}

static void ignore_alarm(int number)
{
    (void)number;
}

/* A pipe that is read slowly, at times non-blocking, with signals all the time. */
static void write_through_pipe(int flags)
{
    enum { SIZE = 1024 * 1024 };
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(ends[1]);
        char bytes[4096];
        size_t sum = 0;
        ssize_t count;
        while ((count = read(ends[0], bytes, sizeof bytes)) > 0) {
            for (ssize_t i = 0; i < count; i++, sum++) {
                if (bytes[i] != (char)(sum % 127))
                    _exit(2);
            }
        }
        _exit(sum == SIZE ? 0 : 1);
    }
    close(ends[0]);
    char *bytes = test_malloc(SIZE);
    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = (char)(i % 127);
    fcntl(ends[1], F_SETFL, flags);
    struct error error;
    assert_true(file_write_all(ends[1], slice_make(bytes, SIZE), &error));
    close(ends[1]);
    test_free(bytes);
    int status;
    while (waitpid(pid, &status, 0) < 0)
        assert_int_equal(errno, EINTR);
    assert_int_equal(status, 0);
}

static void writing_all(void **state)
{
    (void)state;
    /* Without SA_RESTART: calls end in EINTR. */
    struct sigaction action = {.sa_handler = ignore_alarm}, before;
    const struct itimerval often = {{0, 500}, {0, 500}}, off = {{0, 0}, {0, 0}};
    sigaction(SIGALRM, &action, &before);
    setitimer(ITIMER_REAL, &often, NULL);
    write_through_pipe(0);
    write_through_pipe(O_NONBLOCK);
    setitimer(ITIMER_REAL, &off, NULL);
    sigaction(SIGALRM, &before, NULL);
}

static void a_full_disk_is_an_error(void **state)
{
    (void)state;
    int fd = open("/dev/full", O_WRONLY);
    if (fd < 0)
        skip();
    struct error error;
    assert_false(file_write_all(fd, slice_of("text"), &error));
    assert_int_equal(error.exit_code, EX_IOERR);
    assert_non_null(strstr(error.sentence, "No space left"));
    close(fd);
}

static void unnamed_files(void **state)
{
    (void)state;
    struct error error;
    struct stat status;
    char bytes[4];
    assert_int_equal(mkdir(in_folder("unnamed"), 0700), 0);
    int fd = file_open_unnamed(in_folder("unnamed"), &error);
    assert_true(fd >= 0);
    assert_true(file_write_all(fd, slice_of("text"), &error));
    assert_true(file_read_at(fd, bytes, 4, 0, &error));
    assert_memory_equal(bytes, "text", 4);
    assert_int_equal(fstat(fd, &status), 0);
    assert_int_equal(status.st_mode, S_IFREG | 0600);
    assert_int_equal(status.st_nlink, 0);
    assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    close(fd);
    assert_int_equal(rmdir(in_folder("unnamed")), 0);

    static const char *const bad[] = {"/proc", "/nowhere/at/all", "/dev/null"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_int_equal(file_open_unnamed(bad[i], &error), -1);
        assert_int_equal(error.exit_code, EX_CANTCREAT);
        assert_non_null(strstr(error.sentence, bad[i]));
    }
}

/* How many of the names are opened otherwise than they must be. */
static int open_beneath(void *context)
{
    static const struct {
        const char *name;
        int flags, failure; /* 0: none */
    } cases[] = {
        {"plain", O_RDONLY, 0},
        {"plain", O_RDWR, 0},
        {"missing", O_RDONLY, ENOENT},
        {"new", O_RDWR | O_CREAT | O_EXCL, 0},
        {"new", O_RDWR | O_CREAT | O_EXCL, EEXIST},
        {".", O_RDONLY | O_DIRECTORY, 0},
        {".", O_RDWR | O_TMPFILE, 0},
        {"inside", O_RDONLY, ELOOP},
        {"outside", O_RDONLY, ELOOP},
        {"away", O_RDONLY, ELOOP},
        {"away", O_RDONLY | O_DIRECTORY, ENOTDIR},
        {"..", O_RDONLY, EXDEV},
        {"../etc", O_RDONLY, EXDEV},
        {"/etc/passwd", O_RDONLY, EXDEV},
        {"sub/file", O_RDONLY, EXDEV},
        {"", O_RDONLY, ENOENT},
        {"sub", O_RDWR, EISDIR},
    };
    int directory = *(const int *)context, wrong = 0;
    unlinkat(directory, "new", 0);
    for (size_t i = 0; i < COUNT(cases); i++) {
        errno = 0;
        int fd = file_open_beneath(directory, cases[i].name, cases[i].flags, 0600);
        /* What a link is that was to be a directory is said in two ways. */
        int failure = errno == ELOOP && (cases[i].flags & O_DIRECTORY) != 0 ? ENOTDIR : errno;
        if ((fd >= 0) != (cases[i].failure == 0) || (fd < 0 && failure != cases[i].failure) ||
            (fd >= 0 && (fcntl(fd, F_GETFD) & FD_CLOEXEC) == 0)) {
            print_error("%s: %d, %s\n", cases[i].name, fd, strerror(errno));
            wrong++;
        }
        if (fd >= 0)
            close(fd);
    }
    return wrong;
}

static int open_beneath_without_call(void *context)
{
    return refuse_call(SYS_openat2, ENOSYS, 0, 0, 0) ? open_beneath(context) : -1;
}

static int open_beneath_with_filter(void *context)
{
    return refuse_call(SYS_openat2, EPERM, 0, 0, 0) ? open_beneath(context) : -1;
}

/* Any other failure is one. */
static int open_beneath_with_failure(void *context)
{
    return refuse_call(SYS_openat2, EMFILE, 0, 0, 0) &&
                   file_open_beneath(*(const int *)context, "plain", O_RDONLY, 0) < 0
               ? errno
               : -1;
}

static void nothing_outside_is_opened(void **state)
{
    (void)state;
    char below[256];
    snprintf(below, sizeof below, "%s", in_folder("beneath"));
    assert_int_equal(mkdir(below, 0700), 0);
    make_file("beneath/plain", "text", 0600);
    assert_int_equal(mkdir(in_folder("beneath/sub"), 0700), 0);
    make_file("beneath/sub/file", "text", 0600);
    assert_int_equal(symlink("plain", in_folder("beneath/inside")), 0);
    assert_int_equal(symlink("/etc/passwd", in_folder("beneath/outside")), 0);
    assert_int_equal(symlink("..", in_folder("beneath/away")), 0);
    int directory = open(below, O_RDONLY | O_DIRECTORY);
    assert_true(directory >= 0);
    assert_int_equal(refuse_in_child(open_beneath, &directory), 0);
    assert_int_equal(refuse_in_child(open_beneath_without_call, &directory), 0);
    assert_int_equal(refuse_in_child(open_beneath_with_filter, &directory), 0);
    assert_int_equal(refuse_in_child(open_beneath_with_failure, &directory), EMFILE);
    close(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_of_ours_is_believed),
        cmocka_unit_test(others_are_not_believed),
        cmocka_unit_test(an_empty_file_may_do),
        cmocka_unit_test(a_stranger_is_named),
        cmocka_unit_test(a_forbidden_file_names_the_reader),
        cmocka_unit_test(reading_all),
        cmocka_unit_test(reading_some_tells_too_much_from_enough),
        cmocka_unit_test(reading_at_an_offset),
        cmocka_unit_test(writing_all),
        cmocka_unit_test(a_full_disk_is_an_error),
        cmocka_unit_test(unnamed_files),
        cmocka_unit_test(nothing_outside_is_opened),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

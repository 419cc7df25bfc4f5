/* Goal: whatever state the caller left us in, the program begins in one and the same. Each start
 * happens in a process of its own, whose exit status is 0 or the line of the check that failed. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/process.h"
#include "tests/support/child.h"

static int start_after_signals(void)
{
    struct error error;
    sigset_t mask;
    static const struct itimerval soon = {.it_value = {.tv_usec = 1}};
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_IGN);
    /* An alarm that has gone off already, but could not be delivered. */
    signal(SIGALRM, SIG_DFL);
    sigfillset(&mask);
    sigprocmask(SIG_SETMASK, &mask, NULL);
    setitimer(ITIMER_REAL, &soon, NULL);
    do {
        sigpending(&mask);
    } while (!sigismember(&mask, SIGALRM));
    alarm(1000);
    umask(0777);

    CHECK(process_start(&error));
    CHECK(prctl(PR_GET_DUMPABLE) == 0);
    struct rlimit core;
    CHECK(getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_cur == 0 && core.rlim_max == 0);
    CHECK(alarm(0) == 0);
    CHECK(umask(0) == 077);
    sigprocmask(SIG_BLOCK, NULL, &mask);
    for (int number = 1; number < NSIG; number++) {
        struct sigaction action;
        if (sigaction(number, NULL, &action) != 0)
            continue;
        CHECK(!sigismember(&mask, number));
        bool ignored = number == SIGPIPE || number == SIGXFSZ;
        CHECK(action.sa_handler == (ignored ? SIG_IGN : SIG_DFL));
    }
    return 0;
}

static int start_without_descriptors(void)
{
    struct error error;
    struct stat null, status;
    char byte;
    CHECK(stat("/dev/null", &null) == 0);
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        close(fd);
    CHECK(process_start(&error));
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        CHECK(fstat(fd, &status) == 0 && status.st_rdev == null.st_rdev);
    CHECK(read(STDIN_FILENO, &byte, 1) == 0);
    CHECK(write(STDOUT_FILENO, "x", 1) == 1);
    CHECK(write(STDERR_FILENO, "x", 1) == 1);
    return 0;
}

static int start_with_descriptors(void)
{
    struct error error;
    struct stat before[3], status;
    close(STDOUT_FILENO);
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        fstat(fd, &before[fd]);
    CHECK(process_start(&error));
    fstat(STDIN_FILENO, &status);
    CHECK(status.st_ino == before[STDIN_FILENO].st_ino);
    fstat(STDERR_FILENO, &status);
    CHECK(status.st_ino == before[STDERR_FILENO].st_ino);
    CHECK(fcntl(STDOUT_FILENO, F_GETFD) != -1);
    return 0;
}

/* Only the variables with these names are left, each with its name as the value. */
static bool environment_is(const char *names)
{
    size_t count = 0;
    char list[512] = "", *save = NULL;
    memcpy(list, names, strlen(names) + 1);
    for (char *name = strtok_r(list, " ", &save); name != NULL;
         name = strtok_r(NULL, " ", &save), count++) {
        const char *value = getenv(name);
        if (value == NULL || strcmp(value, name) != 0)
            return false;
    }
    return environ[count] == NULL;
}

static void fill_environment(void)
{
    static const char names[] =
        "OPENSSL_CONF HOME USER LD_PRELOAD LOGNAME PATH TZ TZDIR LANG LANGUAGE LC_ALL LC_ LC TERM "
        "NO_COLOR XDG_RUNTIME_DIR TMPDIR CREDENTIALS_DIRECTORY SSL_CERT_FILE SSL_CERT_DIR HOMER "
        "HOM RES_OPTIONS MALLOC_TRACE HOSTALIASES OPENSSL_ENGINES";
    static char list[sizeof names], nonsense[] = "broken", nothing[] = "";
    static char *nameless[] = {nonsense, nothing, NULL};
    memcpy(list, names, sizeof names);
    environ = nameless;
    char *save = NULL;
    for (char *name = strtok_r(list, " ", &save); name != NULL; name = strtok_r(NULL, " ", &save))
        setenv(name, name, 1);
}

static int start_as_a_user(void)
{
    struct error error;
    fill_environment();
    if (getuid() == 0) {
        CHECK(setgroups(0, NULL) == 0);
        CHECK(setresgid(12345, 12345, 12345) == 0);
        CHECK(setresuid(12345, 12345, 12345) == 0);
    }
    CHECK(process_start(&error));
    CHECK(environment_is("HOME USER LOGNAME PATH TZ LANG LC_ALL LC_ TERM NO_COLOR XDG_RUNTIME_DIR "
                         "TMPDIR CREDENTIALS_DIRECTORY SSL_CERT_FILE SSL_CERT_DIR"));
    return 0;
}

static int start_as_root(void)
{
    struct error error;
    fill_environment();
    CHECK(process_start(&error));
    CHECK(environment_is("TZ LANG LC_ALL LC_ TERM NO_COLOR CREDENTIALS_DIRECTORY"));
    return 0;
}

static int start_set_group_id(void)
{
    struct error error;
    fill_environment();
    CHECK(setgroups(0, NULL) == 0);
    CHECK(setresgid(12345, 8, 8) == 0);
    CHECK(setresuid(12345, 12345, 12345) == 0);
    CHECK(process_start(&error));
    CHECK(environment_is("TZ LANG LC_ALL LC_ TERM NO_COLOR"));
    return 0;
}

static int start_set_group_id_with_a_home(void)
{
    struct error error;
    const struct passwd *nobody = getpwnam("nobody");
    if (nobody == NULL)
        return 0;
    fill_environment();
    CHECK(setgroups(0, NULL) == 0);
    CHECK(setresgid(nobody->pw_gid, 8, 8) == 0);
    CHECK(setresuid(nobody->pw_uid, nobody->pw_uid, nobody->pw_uid) == 0);
    CHECK(process_start(&error));
    CHECK(getenv("HOME") != NULL && strcmp(getenv("HOME"), getpwuid(getuid())->pw_dir) == 0);
    CHECK(getenv("USER") == NULL && getenv("PATH") == NULL);
    return 0;
}

static int start_without_environment(void)
{
    struct error error;
    static char *empty[] = {NULL};
    environ = empty;
    CHECK(process_start(&error));
    CHECK(environ[0] == NULL);
    environ = NULL;
    CHECK(process_start(&error));
    CHECK(getenv("PATH") == NULL);
    return 0;
}

static void signals_timers_and_umask(void **state)
{
    (void)state;
    assert_good_in_child(start_after_signals);
}

static void descriptors(void **state)
{
    (void)state;
    assert_good_in_child(start_without_descriptors);
    assert_good_in_child(start_with_descriptors);
}

static void environment(void **state)
{
    (void)state;
    assert_good_in_child(start_as_a_user);
    assert_good_in_child(start_without_environment);
    if (getuid() != 0)
        return;
    assert_good_in_child(start_as_root);
    assert_good_in_child(start_set_group_id);
    assert_good_in_child(start_set_group_id_with_a_home);
}

/* A caller that writes a megabyte must get rid of it all and live. */
static void drain(int reading, int writing)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        static const char bytes[1024 * 1024];
        struct error error;
        close(reading);
        _exit(file_write_all(writing, slice_make(bytes, sizeof bytes), &error) ? 0 : 1);
    }
    close(writing);
    process_drain(reading);
    char byte;
    assert_int_equal(read(reading, &byte, 1), 0);
    close(reading);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void draining_pipes_and_sockets(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    drain(ends[0], ends[1]);
    assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
    drain(ends[0], ends[1]);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    drain(ends[0], ends[1]);
}

static void draining_nothing_else(void **state)
{
    (void)state;
    process_drain(-1);
    int fd = open("/dev/zero", O_RDONLY);
    assert_true(fd >= 0);
    process_drain(fd);
    close(fd);

    int terminal = posix_openpt(O_RDWR | O_NOCTTY);
    if (terminal < 0)
        return;
    assert_true(isatty(terminal));
    process_drain(terminal);
    close(terminal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signals_timers_and_umask),
        cmocka_unit_test(descriptors),
        cmocka_unit_test(environment),
        cmocka_unit_test(draining_pipes_and_sockets),
        cmocka_unit_test(draining_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

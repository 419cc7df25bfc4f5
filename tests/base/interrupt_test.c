/* Goal: an interrupt that is held is noticed by whoever waits, waited out behind the point of no
 * return, and never makes the process deaf. Each case happens in a process of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/interrupt.h"

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition))                                                                          \
            return __LINE__ % 255 + 1;                                                             \
    } while (0)

/* wait(2)'s status of a process that ran `body`; whatever hangs is ended. */
static int status_of(int (*body)(void))
{
    pid_t pid = fork();
    int status;
    assert_true(pid >= 0);
    if (pid == 0) {
        alarm(30);
        _exit(body());
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void assert_good(int (*body)(void))
{
    int status = status_of(body);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void assert_killed(int (*body)(void), int number)
{
    int status = status_of(body);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), number);
}

static bool is_readable(int fd)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    return poll(&wait, 1, 0) == 1;
}

static int notice_the_first(void)
{
    static const struct {
        int number;
        const char *sentence;
    } kinds[] = {{SIGINT, "interrupted by SIGINT; nothing was sent"},
                 {SIGTERM, "interrupted by SIGTERM; nothing was sent"},
                 {SIGHUP, "interrupted by SIGHUP; nothing was sent"}};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct error error;
        pid_t pid = fork();
        int status;
        if (pid != 0) {
            CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0);
            continue;
        }
        CHECK(interrupt_fd() == -1);
        CHECK(interrupt_hold(&error) && interrupt_hold(&error));
        int fd = interrupt_fd();
        CHECK((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
        CHECK(!is_readable(fd) && !interrupt_came(&error));
        raise(kinds[i].number);
        CHECK(is_readable(fd) && interrupt_fd() == -1);
        CHECK(interrupt_came(NULL) && interrupt_came(&error));
        CHECK(error.exit_code == EX_TEMPFAIL && strcmp(error.sentence, kinds[i].sentence) == 0);
        CHECK(!interrupt_defer(&error) && error.exit_code == EX_TEMPFAIL);
        return 0;
    }
    return 0;
}

static int wait_it_out(void)
{
    struct error error;
    CHECK(interrupt_hold(&error) && interrupt_defer(&error));
    raise(SIGTERM);
    CHECK(!interrupt_came(&error) && interrupt_fd() == -1);
    CHECK(interrupt_defer(&error));
    interrupt_resume();
    CHECK(interrupt_came(&error) && strcmp(error.sentence, "interrupted by SIGTERM") == 0);
    return 0;
}

/* Both are delivered before anything else happens. */
static int take_two_at_once(void)
{
    struct error error;
    sigset_t both;
    sigemptyset(&both);
    sigaddset(&both, SIGTERM);
    sigaddset(&both, SIGHUP);
    CHECK(interrupt_hold(&error));
    sigprocmask(SIG_BLOCK, &both, NULL);
    raise(SIGTERM);
    raise(SIGHUP);
    sigprocmask(SIG_UNBLOCK, &both, NULL);
    CHECK(interrupt_came(&error));
    return 0;
}

/* Blocked in a write, of which nothing notices anything. */
static int be_deaf(void)
{
    struct error error;
    int ends[2];
    char bytes[4096] = "";
    CHECK(pipe(ends) == 0 && interrupt_hold(&error) && interrupt_defer(&error));
    pid_t sender = fork();
    if (sender == 0) {
        kill(getppid(), SIGINT);
        usleep(INTERRUPT_TOGETHER * 1000 + 100 * 1000);
        kill(getppid(), SIGTERM);
        _exit(0);
    }
    while (write(ends[1], bytes, sizeof bytes) > 0)
        continue;
    return 1;
}

static int release_after_one(void)
{
    struct error error;
    CHECK(interrupt_hold(&error));
    raise(SIGHUP);
    interrupt_release();
    return 1;
}

static int release_and_hold(void)
{
    struct error error;
    interrupt_release();
    for (int i = 0; i < 3; i++) {
        CHECK(interrupt_hold(&error) && interrupt_defer(&error));
        int fd = interrupt_fd();
        interrupt_release();
        CHECK(interrupt_fd() == -1 && fcntl(fd, F_GETFD) == -1);
    }
    CHECK(interrupt_hold(&error));
    raise(SIGINT);
    CHECK(interrupt_came(&error));
    CHECK(strcmp(error.sentence, "interrupted by SIGINT; nothing was sent") == 0);
    return 0;
}

static int die_when_released(void)
{
    struct error error;
    CHECK(interrupt_hold(&error));
    interrupt_release();
    raise(SIGTERM);
    return 1;
}

static int leave_ignored_what_is(void)
{
    struct error error;
    signal(SIGHUP, SIG_IGN);
    CHECK(interrupt_hold(&error));
    raise(SIGHUP);
    CHECK(!interrupt_came(&error));
    interrupt_release();
    raise(SIGHUP);
    return 0;
}

static void the_first_is_noticed(void **state)
{
    (void)state;
    assert_good(notice_the_first);
}

static void it_is_waited_out_where_deferred(void **state)
{
    (void)state;
    assert_good(wait_it_out);
}

static void those_that_come_together_are_one(void **state)
{
    (void)state;
    assert_good(take_two_at_once);
}

static void a_second_ends_the_process(void **state)
{
    (void)state;
    assert_killed(be_deaf, SIGTERM);
}

static void a_release_restores_the_default(void **state)
{
    (void)state;
    assert_killed(release_after_one, SIGHUP);
    assert_good(release_and_hold);
    assert_killed(die_when_released, SIGTERM);
}

static void what_is_ignored_stays_ignored(void **state)
{
    (void)state;
    assert_good(leave_ignored_what_is);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_is_noticed),
        cmocka_unit_test(it_is_waited_out_where_deferred),
        cmocka_unit_test(those_that_come_together_are_one),
        cmocka_unit_test(a_second_ends_the_process),
        cmocka_unit_test(a_release_restores_the_default),
        cmocka_unit_test(what_is_ignored_stays_ignored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

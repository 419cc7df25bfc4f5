/* Goal: a child's output and status arrive, and none survives its deadline, limit or stop. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/child.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/interrupt.h"

static int answer(void *argument, int output)
{
    struct error error;
    return file_write_all(output, slice_of(argument), &error) ? 7 : 1;
}

static int answer_endlessly(void *argument, int output)
{
    struct error error;
    while (file_write_all(output, slice_of(argument), &error))
        continue;
    return 0;
}

static int sleep_forever(void *argument, int output)
{
    (void)argument, (void)output;
    while (pause() != 0)
        continue;
    return 0;
}

static int close_and_sleep(void *argument, int output)
{
    close(output);
    return sleep_forever(argument, output);
}

/* Tells the state it was started in. */
static int look_around(void *argument, int output)
{
    (void)argument, (void)output;
    sigset_t mask;
    if (signal(SIGPIPE, SIG_DFL) != SIG_DFL || signal(SIGXFSZ, SIG_DFL) != SIG_DFL)
        return 1;
    if (sigprocmask(SIG_BLOCK, NULL, &mask) != 0 || sigismember(&mask, SIGTERM))
        return 2;
    if (getpgrp() != getpid())
        return 3;
    return (fcntl(output, F_GETFD) & FD_CLOEXEC) != 0 ? 0 : 4;
}

/* Leaves a process of its own behind, which holds the descriptor `argument` points to. */
static int fork_and_sleep(void *argument, int output)
{
    if (fork() < 0)
        return 1;
    ssize_t count = write(*(int *)argument, "x", 1);
    return count == 1 ? sleep_forever(argument, output) : 1;
}

/* Answers, and leaves a process behind that keeps the output open. */
static int answer_and_leave_one(void *argument, int output)
{
    pid_t pid = fork();
    if (pid == 0)
        return sleep_forever(argument, output);
    return pid > 0 ? answer(argument, output) : 1;
}

static void assert_gone(const struct child *child)
{
    assert_int_equal(child->pid, 0);
    assert_int_equal(child->output, -1);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

static void output_and_status(void **state)
{
    (void)state;
    struct error error;
    struct child child;
    struct buffer output = {0};
    int status;
    char text[] = "answer";
    assert_true(child_start(&child, answer, text, &error));
    assert_true((fcntl(child.output, F_GETFD) & FD_CLOEXEC) != 0);
    assert_true((fcntl(child.output, F_GETFL) & O_NONBLOCK) != 0);
    assert_true(child_finish(&child, clock_deadline(10000), 6, &output, &status, &error));
    assert_true(slice_equals(buffer_slice(&output), slice_of("answer")));
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 7);
    assert_gone(&child);
    child_stop(&child);
    buffer_free(&output);
}

static void reading_never_waits(void **state)
{
    (void)state;
    struct error error;
    struct child child;
    struct buffer output = {0};
    bool ended = true;
    assert_true(child_start(&child, sleep_forever, NULL, &error));
    assert_true(child_read(&child, 100, &output, &ended, &error));
    assert_false(ended);
    assert_int_equal(output.length, 0);
    child_stop(&child);
    assert_gone(&child);

    char text[] = "text";
    assert_true(child_start(&child, answer, text, &error));
    while (!ended) {
        struct pollfd wait = {.fd = child.output, .events = POLLIN};
        assert_int_equal(poll(&wait, 1, 10000), 1);
        assert_true(child_read(&child, 100, &output, &ended, &error));
    }
    assert_true(slice_equals(buffer_slice(&output), slice_of("text")));
    child_stop(&child);
    assert_gone(&child);
    buffer_free(&output);
}

static void too_much_output_ends_it(void **state)
{
    (void)state;
    struct error error;
    struct child child;
    struct buffer output = {0};
    int status;
    char text[] = "0123456789";
    assert_true(child_start(&child, answer_endlessly, text, &error));
    assert_false(child_finish(&child, clock_deadline(10000), 100000, &output, &status, &error));
    assert_int_equal(error.exit_code, EX_SOFTWARE);
    assert_int_equal(output.length, 100001);
    assert_gone(&child);
    buffer_free(&output);
}

static void a_deadline_ends_it(void **state)
{
    (void)state;
    static int (*const bodies[])(void *, int) = {sleep_forever, close_and_sleep};
    for (size_t i = 0; i < 2; i++) {
        struct error error;
        struct child child;
        struct buffer output = {0};
        int status;
        int64_t start = clock_now();
        assert_true(child_start(&child, bodies[i], NULL, &error));
        assert_false(child_finish(&child, clock_deadline(30), 10, &output, &status, &error));
        assert_int_equal(error.exit_code, EX_TEMPFAIL);
        assert_true(clock_now() - start >= 29);
        assert_gone(&child);
        buffer_free(&output);
    }
}

/* In a process of its own, which the interrupt does not leave. Its exit code is 0 where all was as
 * it should be. */
static int finish_interrupted(void)
{
    struct error error;
    struct child child;
    struct buffer output = {0};
    int status;
    alarm(30);
    if (!interrupt_hold(&error) || !child_start(&child, sleep_forever, NULL, &error))
        return 1;
    pid_t sender = fork();
    if (sender == 0) {
        usleep(20 * 1000);
        _exit(kill(getppid(), SIGTERM));
    }
    if (child_finish(&child, clock_deadline(60000), 10, &output, &status, &error))
        return 2;
    if (child.pid != 0 || !WIFSIGNALED(status) || waitpid(sender, &status, 0) != sender)
        return 3;
    return strcmp(error.sentence, "interrupted by SIGTERM; nothing was sent") == 0 ? 0 : 4;
}

static void an_interrupt_ends_it(void **state)
{
    (void)state;
    int status;
    pid_t pid = fork();
    if (pid == 0)
        _exit(finish_interrupted());
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void one_left_behind_is_not_waited_for(void **state)
{
    (void)state;
    struct error error;
    struct child child;
    struct buffer output = {0};
    int status, ends[2];
    char text[] = "answer", byte;
    int64_t start = clock_now();
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_true(child_start(&child, answer_and_leave_one, text, &error));
    close(ends[1]);
    assert_true(child_finish(&child, clock_deadline(10000), 6, &output, &status, &error));
    assert_true(clock_now() - start < 5000);
    assert_true(slice_equals(buffer_slice(&output), slice_of("answer")));
    assert_int_equal(WEXITSTATUS(status), 7);
    assert_gone(&child);
    /* Nor does it stay: nobody holds the other end any more. */
    struct pollfd wait = {.fd = ends[0], .events = POLLIN};
    assert_int_equal(poll(&wait, 1, 10000), 1);
    assert_int_equal(read(ends[0], &byte, 1), 0);
    close(ends[0]);
    buffer_free(&output);
}

static void a_child_starts_in_order(void **state)
{
    (void)state;
    struct error error;
    struct child child;
    struct buffer output = {0};
    int status;
    sigset_t mask, before;
    sigemptyset(&mask);
    sigaddset(&mask, SIGTERM);
    sigprocmask(SIG_BLOCK, &mask, &before);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    assert_true(child_start(&child, look_around, NULL, &error));
    assert_true(child_finish(&child, clock_deadline(10000), 10, &output, &status, &error));
    assert_int_equal(status, 0);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGXFSZ, SIG_DFL);
    sigprocmask(SIG_SETMASK, &before, NULL);
    buffer_free(&output);
}

static void stopping_ends_the_whole_group(void **state)
{
    (void)state;
    struct error error;
    struct child child;
    int ends[2];
    char byte;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_true(child_start(&child, fork_and_sleep, &ends[1], &error));
    close(ends[1]);
    assert_int_equal(read(ends[0], &byte, 1), 1);
    assert_int_equal(read(ends[0], &byte, 1), 1);
    child_stop(&child);
    assert_gone(&child);
    /* The end of the file comes when nobody holds the other end any more. */
    struct pollfd wait = {.fd = ends[0], .events = POLLIN};
    assert_int_equal(poll(&wait, 1, 10000), 1);
    assert_int_equal(read(ends[0], &byte, 1), 0);
    close(ends[0]);
}

static void a_signal_shows_in_the_status(void **state)
{
    (void)state;
    struct error error;
    struct child child;
    struct buffer output = {0};
    int status;
    assert_true(child_start(&child, sleep_forever, NULL, &error));
    kill(child.pid, SIGTERM);
    assert_true(child_finish(&child, clock_deadline(10000), 10, &output, &status, &error));
    assert_true(WIFSIGNALED(status));
    buffer_free(&output);
}

static void none_is_harmless(void **state)
{
    (void)state;
    struct child child = {0};
    child_stop(&child);
    child_stop(&child);
    assert_true(fcntl(STDIN_FILENO, F_GETFD) != -1);

    struct error error;
    struct rlimit before, none;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    none.rlim_cur = 3;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    bool started = child_start(&child, sleep_forever, NULL, &error);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_false(started);
    assert_int_equal(error.exit_code, EX_OSERR);
    assert_gone(&child);
}

/* --- work of our own ------------------------------------------------------------------------- */

static int seven(void *argument)
{
    *(int *)argument = 8; /* in the child's memory */
    return 7;
}

static void its_own_work_has_a_status(void **state)
{
    struct error error;
    int number = 1;
    (void)state;
    pid_t pid = child_begin(seven, &number, &error);
    assert_true(pid > 0);
    int status = child_await(pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 7);
    assert_int_equal(number, 1);
    assert_int_equal(waitpid(pid, &status, WNOHANG), -1);
}

/* Says that it is ready, holds interrupts, and says which one came. */
static int hold_and_wait(void *argument)
{
    int *ends = argument;
    struct error error;
    if (!interrupt_hold(&error) || write(ends[1], "r", 1) != 1)
        return 1;
    struct pollfd wait = {.fd = interrupt_fd(), .events = POLLIN};
    poll(&wait, 1, 10000);
    return interrupt_came(NULL) ? 9 : 2;
}

static int pass_on(void)
{
    struct error error;
    int ends[2];
    char ready;
    if (pipe2(ends, O_CLOEXEC) != 0 || !interrupt_hold(&error))
        return 1;
    pid_t pid = child_begin(hold_and_wait, ends, &error);
    if (read(ends[0], &ready, 1) != 1)
        return 2;
    raise(SIGINT);
    int status = child_await(pid);
    return WIFEXITED(status) && WEXITSTATUS(status) == 9 ? 0 : 3;
}

static void an_interrupt_is_passed_on(void **state)
{
    int status;
    (void)state;
    pid_t pid = fork();
    if (pid == 0)
        _exit(pass_on());
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static int end_with_parent(void *argument)
{
    int *ends = argument;
    struct pollfd wait = {.fd = -1};
    if (write(ends[1], "r", 1) != 1)
        return 1;
    return poll(&wait, 1, 10000);
}

/* Its parent dies; the pipe's other end then is closed. */
static void it_ends_with_its_parent(void **state)
{
    int ends[2], status;
    char byte;
    struct error error;
    (void)state;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid_t pid = fork();
    if (pid == 0) {
        child_begin(end_with_parent, ends, &error);
        pause();
    }
    close(ends[1]);
    assert_int_equal(read(ends[0], &byte, 1), 1);
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    struct pollfd wait = {.fd = ends[0], .events = POLLIN};
    assert_int_equal(poll(&wait, 1, 5000), 1);
    assert_int_equal(read(ends[0], &byte, 1), 0);
    close(ends[0]);
}

/* Tells by one letter what it has of its parent's. */
static int tell(void *argument)
{
    const int *ours = argument; /* the descriptor that is kept, and our group */
    int kept = ours[0];
    char byte, found = '.';
    /* A leader could get a terminal; in our group it would get our terminal's signals. */
    if (getsid(0) == getpid() || getpgrp() == ours[1])
        found = 's';
    if (read(STDIN_FILENO, &byte, 1) != 0 || write(STDOUT_FILENO, "x", 1) != 1)
        found = 'n';
    for (int fd = STDERR_FILENO + 1; fd < 64; fd++)
        if (fd != kept && fcntl(fd, F_GETFD) != -1)
            found = 'd';
    return write(kept, &found, 1) == 1 ? 0 : 1;
}

static void one_behind_has_nothing_of_ours(void **state)
{
    int ends[2], more[2], status;
    char found = 0;
    struct error error;
    (void)state;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(pipe2(more, O_CLOEXEC), 0);
    int ours[] = {ends[1], getpgrp()};
    assert_true(child_detach(tell, ours, ends[1], &error));
    assert_int_equal(waitpid(-1, &status, WNOHANG), -1); /* it is not ours to reap */
    close(ends[1]);
    assert_int_equal(read(ends[0], &found, 1), 1);
    assert_int_equal(found, '.');
    assert_int_equal(read(ends[0], &found, 1), 0);
    close(ends[0]);
    close(more[0]);
    close(more[1]);
}

/* Ends when nobody has the other end of its input any more, and says so. */
static int linger(void *argument)
{
    const int *fds = argument;
    char byte;
    if (fds[1] >= 0)
        close(fds[1]);
    ssize_t ignored = read(fds[0], &byte, 1);
    (void)ignored;
    return write(fds[3], "x", 1) == 1 ? 0 : 1;
}

static void one_left_is_waited_for_a_while(void **state)
{
    static const int64_t patience = 50;
    int fds[4];
    char found;
    struct error error;
    (void)state;
    for (int lingers = 0; lingers <= 1; lingers++) {
        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        assert_int_equal(pipe2(fds + 2, O_CLOEXEC | O_NONBLOCK), 0);
        if (!lingers) {
            close(fds[1]);
            fds[1] = -1;
        }
        int64_t began = clock_now();
        assert_true(child_leave(linger, fds, lingers ? patience : 60000, &error));
        int64_t took = clock_now() - began;
        assert_int_equal(read(fds[2], &found, 1), lingers ? -1 : 1);
        assert_true(lingers ? took >= patience : took < 60000);
        if (lingers)
            close(fds[1]);
        close(fds[3]);
        struct pollfd end = {.fd = fds[2], .events = POLLIN};
        assert_int_equal(poll(&end, 1, 20000), 1); /* it is there, or was, to its end */
        close(fds[0]);
        close(fds[2]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(output_and_status),
        cmocka_unit_test(reading_never_waits),
        cmocka_unit_test(too_much_output_ends_it),
        cmocka_unit_test(a_deadline_ends_it),
        cmocka_unit_test(an_interrupt_ends_it),
        cmocka_unit_test(one_left_behind_is_not_waited_for),
        cmocka_unit_test(a_child_starts_in_order),
        cmocka_unit_test(its_own_work_has_a_status),
        cmocka_unit_test(an_interrupt_is_passed_on),
        cmocka_unit_test(it_ends_with_its_parent),
        cmocka_unit_test(one_behind_has_nothing_of_ours),
        cmocka_unit_test(one_left_is_waited_for_a_while),
        cmocka_unit_test(stopping_ends_the_whole_group),
        cmocka_unit_test(a_signal_shows_in_the_status),
        cmocka_unit_test(none_is_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

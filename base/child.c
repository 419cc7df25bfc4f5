/* Child processes, their output and their end. Invariant of struct child: while pid is not 0 the
 * child is not reaped and leads its own process group, so that both numbers are still its own. */
#include "base/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/process.h"

enum { LOOK_INTERVAL = 50 }; /* milliseconds between two looks whether the child has ended */

static void run(int (*body)(void *argument, int output), void *argument, int output, pid_t parent)
{
    setpgid(0, 0);
    process_reset_signals();
    /* Work nobody waits for any more is not worth finishing. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(EX_SOFTWARE);
    _exit(body(argument, output));
}

bool child_start(struct child *child, int (*body)(void *argument, int output), void *argument,
                 struct error *error)
{
    *child = (struct child){.pid = 0, .output = -1};
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return error_set_errno(error, EX_OSERR, "child process: no pipe");

    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        run(body, argument, ends[1], parent);
    }
    int reason = errno;
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        errno = reason;
        return error_set_errno(error, EX_OSERR, "child process: cannot be started");
    }
    /* The child does the same: whoever runs first, the group is there when it is needed. */
    setpgid(pid, pid);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    *child = (struct child){.pid = pid, .output = ends[0]};
    return true;
}

bool child_read(struct child *child, size_t limit, struct buffer *output, bool *ended,
                struct error *error)
{
    *ended = false;
    for (;;) {
        ssize_t count = file_read_some(child->output, limit, output);
        if (count == 0) {
            *ended = true;
            return true;
        }
        if (count < 0 && errno == EAGAIN)
            return true;
        if (count < 0 && errno == ENOMEM)
            return error_set_memory(error);
        if (count < 0)
            return error_set_errno(error, EX_OSERR, "child process: read");
        if (output->length > limit)
            return error_set(error, EX_SOFTWARE, "child process: more than %zu bytes of output",
                             limit);
    }
}

/* True once the child has ended. It is not reaped, so that its group's number stays its own. */
static bool has_ended(const struct child *child)
{
    siginfo_t end = {.si_pid = 0};
    return waitid(P_PID, (id_t)child->pid, &end, WEXITED | WNOHANG | WNOWAIT) != 0 ||
           end.si_pid != 0;
}

/* The end of the output is not enough, the child's status is wanted; nor is it needed, a process
 * that the child left behind may keep the output open. */
static bool read_to_end(struct child *child, int64_t deadline, size_t limit, struct buffer *output,
                        struct error *error)
{
    bool closed = false, ended = false;
    for (;;) {
        if (!closed && !child_read(child, limit, output, &closed, error))
            return false;
        if (ended)
            return true;
        ended = has_ended(child);
        /* What was written in between is still to be read. */
        if (ended)
            continue;
        if (interrupt_came(error))
            return false;
        int remaining = clock_remaining(deadline);
        if (remaining == 0)
            return error_set(error, EX_TEMPFAIL, "child process: not done in time");
        int interval = closed ? 1 : LOOK_INTERVAL;
        struct pollfd wait = {.fd = closed ? -1 : child->output, .events = POLLIN};
        if (poll(&wait, 1, remaining < interval ? remaining : interval) < 0 && errno != EINTR)
            return error_set_errno(error, EX_OSERR, "child process: poll");
    }
}

/* Ends the child, if it has not, and all that it left behind in its group. */
static void end(struct child *child, int *status)
{
    kill(-child->pid, SIGKILL);
    while (waitpid(child->pid, status, 0) < 0 && errno == EINTR)
        continue;
    close(child->output);
    *child = (struct child){.pid = 0, .output = -1};
}

bool child_finish(struct child *child, int64_t deadline, size_t limit, struct buffer *output,
                  int *status, struct error *error)
{
    *status = 0;
    bool done = read_to_end(child, deadline, limit, output, error);
    end(child, status);
    return done;
}

void child_stop(struct child *child)
{
    int ignored;
    if (child->pid != 0)
        end(child, &ignored);
}

/* --- work of our own ------------------------------------------------------------------------- */

pid_t child_begin(int (*body)(void *argument), void *argument, struct error *error)
{
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid < 0)
        error_set_errno(error, EX_OSERR, "child process: cannot be started");
    if (pid != 0)
        return pid;
    interrupt_release();
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        _exit(EX_SOFTWARE);
    _exit(body(argument));
}

int child_await(pid_t pid)
{
    bool told = false;
    int status = 0;
    for (;;) {
        pid_t ended = waitpid(pid, &status, WNOHANG);
        if (ended == pid || (ended < 0 && errno != EINTR))
            return status;
        if (!told && interrupt_came(NULL)) {
            told = true;
            kill(pid, SIGTERM);
        }
        struct pollfd wait = {.fd = interrupt_fd(), .events = POLLIN};
        poll(&wait, 1, LOOK_INTERVAL);
    }
}

static void close_all_but(int kept)
{
    unsigned first = STDERR_FILENO + 1;
    if (kept >= (int)first) {
        close_range(first, (unsigned)kept - 1, 0);
        first = (unsigned)kept + 1;
    }
    close_range(first, ~0U, 0);
}

static void forget_caller(void)
{
    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO && nothing >= 0; fd++)
        dup2(nothing, fd);
}

/* Goes on in a session of its own, whose leader has ended: 0 there, 1 here, -1 where it failed. */
static int step_behind(struct error *error)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        interrupt_release();
        setsid();
        pid_t behind = fork();
        if (behind != 0)
            _exit(behind < 0);
        forget_caller();
        return 0;
    }
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (pid > 0 && status == 0)
        return 1;
    error_set(error, EX_OSERR, "background: cannot be started");
    return -1;
}

bool child_detach(int (*body)(void *argument), void *argument, int kept, struct error *error)
{
    int side = step_behind(error);
    if (side == 0) {
        close_all_but(kept);
        _exit(body(argument));
    }
    return side > 0;
}

/* Until nobody has the other end any more. */
static void await_end(int fd, int64_t deadline)
{
    while (!interrupt_waits() && clock_remaining(deadline) > 0) {
        struct pollfd polls[] = {{.fd = fd, .events = POLLIN},
                                 {.fd = interrupt_fd(), .events = POLLIN}};
        if (poll(polls, 2, clock_remaining(deadline)) > 0 && polls[0].revents != 0)
            return;
    }
}

bool child_leave(int (*body)(void *argument), void *argument, int64_t patience, struct error *error)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return error_set_errno(error, EX_OSERR, "background: no pipe");
    int side = step_behind(error);
    if (side == 0) {
        close(ends[0]);
        _exit(body(argument));
    }
    close(ends[1]);
    if (side > 0)
        await_end(ends[0], clock_deadline(patience));
    close(ends[0]);
    return side > 0;
}

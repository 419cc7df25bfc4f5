/* Interrupts, held by handlers and not by the mask: so a second one ends the process even where it
 * is blocked in a write to a terminal that has stopped. Invariant: `descriptor` is readable just
 * when `first` is not 0. */
#include "base/interrupt.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"

static const struct {
    int signal;
    const char *name;
} kinds[] = {{SIGINT, "SIGINT"}, {SIGTERM, "SIGTERM"}, {SIGHUP, "SIGHUP"}};

enum { KINDS = sizeof kinds / sizeof kinds[0] };

static struct {
    volatile sig_atomic_t first; /* the interrupt that came, 0 before */
    int64_t came_at;             /* the handler's */
    int descriptor;              /* an eventfd; -1 while interrupts are not held */
    bool deferred, passed;       /* the point of no return: now, ever */
} held = {.descriptor = -1};

static void take(int number)
{
    static const uint64_t one = 1;
    int reason = errno;
    if (held.first == 0) {
        held.first = number;
        held.came_at = clock_now();
        ssize_t count = write(held.descriptor, &one, sizeof one);
        (void)count;
    } else if (clock_now() - held.came_at >= INTERRUPT_TOGETHER) {
        /* It is delivered when this handler returns. */
        signal(number, SIG_DFL);
        raise(number);
    }
    errno = reason;
}

static bool is_ignored(int number)
{
    struct sigaction action;
    return sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

bool interrupt_hold(struct error *error)
{
    struct sigaction action = {.sa_handler = take, .sa_flags = SA_RESTART};
    if (held.descriptor >= 0)
        return true;
    held.descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (held.descriptor < 0)
        return error_set_errno(error, EX_OSERR, "signals: no descriptor to wait for them");
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < KINDS; i++)
        sigaddset(&action.sa_mask, kinds[i].signal);
    for (size_t i = 0; i < KINDS; i++) {
        if (!is_ignored(kinds[i].signal))
            sigaction(kinds[i].signal, &action, NULL);
    }
    return true;
}

void interrupt_release(void)
{
    if (held.descriptor < 0)
        return;
    for (size_t i = 0; i < KINDS; i++) {
        if (!is_ignored(kinds[i].signal))
            signal(kinds[i].signal, SIG_DFL);
    }
    int first = held.first;
    close(held.descriptor);
    held.descriptor = -1;
    held.first = 0;
    held.deferred = held.passed = false;
    if (first != 0)
        raise(first);
}

int interrupt_fd(void)
{
    return held.first != 0 ? -1 : held.descriptor;
}

static const char *name_of(int number)
{
    for (size_t i = 0; i < KINDS; i++) {
        if (kinds[i].signal == number)
            return kinds[i].name;
    }
    return "a signal";
}

bool interrupt_came(struct error *error)
{
    int first = held.first;
    if (first == 0 || held.deferred)
        return false;
    if (error != NULL)
        error_set(error, EX_TEMPFAIL, "interrupted by %s%s", name_of(first),
                  held.passed ? "" : "; nothing was sent");
    return true;
}

bool interrupt_waits(void)
{
    return held.first != 0;
}

bool interrupt_defer(struct error *error)
{
    if (interrupt_came(error))
        return false;
    held.deferred = held.passed = true;
    return true;
}

void interrupt_resume(void)
{
    held.deferred = false;
}

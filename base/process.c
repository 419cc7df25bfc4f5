/* What the caller handed us is not to be believed: a set-group-ID program, a mailer started by cron
 * and one started by a web server all begin in the same state. */
#include "base/process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/person.h"

/* Entries that end in '*' are prefixes. */
static const char *const kept_always[] = {"TZ", "LANG", "LC_*", "TERM", "NO_COLOR", NULL};
static const char *const kept_for_root[] = {"CREDENTIALS_DIRECTORY", NULL};
static const char *const kept_ordinarily[] = {"HOME", "USER", "LOGNAME", "PATH",
                                              "CREDENTIALS_DIRECTORY", "XDG_*", "TMPDIR",
                                              "SSL_CERT_FILE", "SSL_CERT_DIR",
                                              /* what a password_command is going to need */
                                              "GNUPGHOME", "DBUS_SESSION_BUS_ADDRESS", NULL};

static bool matches(const char *variable, const char *pattern)
{
    size_t length = strcspn(pattern, "*");
    if (strncmp(variable, pattern, length) != 0)
        return false;
    return pattern[length] == '*' || variable[length] == '=';
}

static bool is_listed(const char *variable, const char *const *patterns)
{
    for (; *patterns != NULL; patterns++) {
        if (matches(variable, *patterns))
            return true;
    }
    return false;
}

static bool is_set_id(void)
{
    return getegid() != getgid() || geteuid() != getuid() || getauxval(AT_SECURE) != 0;
}

static bool is_kept(const char *variable)
{
    if (is_listed(variable, kept_always))
        return true;
    if (getuid() == 0)
        return is_listed(variable, kept_for_root);
    return !is_set_id() && is_listed(variable, kept_ordinarily);
}

static void cut_environment(void)
{
    if (environ == NULL)
        return;
    char **kept = environ;
    for (char **variable = environ; *variable != NULL; variable++) {
        if (is_kept(*variable))
            *kept++ = *variable;
    }
    *kept = NULL;
}

static bool set_home(struct error *error)
{
    const struct passwd *user;
    if (!person_find(getuid(), &user, error))
        return false;
    if (user == NULL || user->pw_dir == NULL)
        return true;
    return setenv("HOME", user->pw_dir, 1) == 0 || error_set_memory(error);
}

/* What glibc opens in a set-group-ID start in place of a closed one: a device, the wrong way round,
 * so that reading the input, or writing, fails. */
static bool is_stand_in(int fd)
{
    struct stat status;
    int flags = fcntl(fd, F_GETFL);
    bool input = fd == STDIN_FILENO;
    return getauxval(AT_SECURE) != 0 && flags != -1 &&
           (flags & O_ACCMODE) == (input ? O_WRONLY : O_RDONLY) && fstat(fd, &status) == 0 &&
           S_ISCHR(status.st_mode) && status.st_rdev == makedev(1, input ? 7 : 3);
}

static bool open_standard_descriptors(struct error *error)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (is_stand_in(fd))
            close(fd);
        if (fcntl(fd, F_GETFD) != -1 || errno != EBADF)
            continue;
        /* The lowest free descriptor is this one: all below are open. */
        if (open("/dev/null", fd == STDIN_FILENO ? O_RDONLY : O_WRONLY) != fd)
            return error_set_errno(error, EX_OSERR, "start: /dev/null in place of descriptor %d",
                                   fd);
    }
    return true;
}

static void reset_timers(void)
{
    static const struct {
        int which, signal;
    } timers[] = {{ITIMER_REAL, SIGALRM}, {ITIMER_VIRTUAL, SIGVTALRM}, {ITIMER_PROF, SIGPROF}};
    static const struct itimerval off;
    for (size_t i = 0; i < sizeof timers / sizeof timers[0]; i++) {
        setitimer(timers[i].which, &off, NULL);
        /* Ignoring throws away one that went off behind the caller's mask. */
        signal(timers[i].signal, SIG_IGN);
    }
}

void process_reset_signals(void)
{
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* A secret in memory is nothing for other processes of the same user (ptrace, /proc/PID/mem), nor
 * for whoever collects cores. Where it cannot be helped, mail goes out all the same. */
static void close_to_others(void)
{
    static const struct rlimit none;
    prctl(PR_SET_DUMPABLE, 0);
    setrlimit(RLIMIT_CORE, &none);
}

bool process_start(struct error *error)
{
    close_to_others();
    if (!open_standard_descriptors(error))
        return false;
    umask(077);
    reset_timers();
    process_reset_signals();
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);

    cut_environment();
    return !is_set_id() || set_home(error);
}

/* As close_range(2), for kernels before 5.9 and sandboxes that know nothing of it. */
static bool close_listed(int kept)
{
    DIR *folder = opendir("/proc/self/fd");
    if (folder == NULL)
        return false;
    const struct dirent *entry;
    while ((entry = readdir(folder)) != NULL) {
        long fd = strtol(entry->d_name, NULL, 10);
        if (fd > STDERR_FILENO && fd != kept && fd != dirfd(folder))
            close((int)fd);
    }
    return closedir(folder) == 0;
}

static bool close_all_but(int kept)
{
    bool above = syscall(SYS_close_range, (unsigned)kept + 1, UINT_MAX, 0) == 0;
    bool below = above && (kept == STDERR_FILENO + 1 ||
                           syscall(SYS_close_range, STDERR_FILENO + 1, (unsigned)kept - 1, 0) == 0);
    if (!below && !close_listed(kept))
        return false;
    /* Whatever a library may want to print must not reach a file that is opened later. There need
     * be no /dev; nothing can be read from or written to this. */
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        close(fd);
        if (open("/", O_PATH | O_DIRECTORY) != fd)
            return false;
    }
    return true;
}

bool process_seclude(int descriptor)
{
    sigset_t all;
    sigfillset(&all);
    close_to_others();
    umask(077);
    return sigprocmask(SIG_SETMASK, &all, NULL) == 0 && setsid() != -1 && clearenv() == 0 &&
           chdir("/") == 0 && close_all_but(descriptor);
}

void process_drain(int fd)
{
    struct stat status;
    if (fstat(fd, &status) != 0 || !(S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode)))
        return;
    char discarded[64 * 1024];
    for (;;) {
        ssize_t count = read(fd, discarded, sizeof discarded);
        if (count > 0 || (count < 0 && errno == EINTR))
            continue;
        if (count == 0 || errno != EAGAIN)
            return;
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        if (poll(&wait, 1, -1) < 0 && errno != EINTR)
            return;
    }
}

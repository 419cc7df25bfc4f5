/* Starts a program in a state that no shell can make.
 *
 * usage: start nothing PROGRAM                  without arguments and environment, not even a name
 *        start alarm PROGRAM [ARGUMENT...]      an inherited timer is about to go off
 *        start socket PROGRAM [ARGUMENT...]     one socket is its input and output; what we are
 * given is sent there, what comes from there is printed start terminal PROGRAM [ARGUMENT...]   a
 * terminal is its input; what we are given is typed there, and then Control-D
 *        start conversation PROGRAM [ARGUMENT...]   a terminal is its input and output; what
 * appears there is printed; each line that we are given is typed when the program has asked, and
 * Control-D when there are no more; "^C" is typed as that key, and a line that ends in "^T" without
 * Enter, upon which the program gets SIGTERM
 *
 * Ends as the program does; 125 where the state cannot be made. */
#include <err.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

enum { CANNOT = 125 };

static void copy(int from, int to)
{
    char bytes[4096];
    ssize_t count;

    while ((count = read(from, bytes, sizeof bytes)) > 0)
        if (write(to, bytes, (size_t)count) != count)
            return;
}

static void become(char **argv)
{
    execv(argv[0], argv);
    err(CANNOT, "%s", argv[0]);
}

static int finish(pid_t pid)
{
    int status;

    if (waitpid(pid, &status, 0) != pid)
        err(CANNOT, "wait");
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int start_with_nothing(char **argv)
{
    static char *nothing[] = {NULL};

    execve(argv[0], nothing, NULL);
    err(CANNOT, "%s", argv[0]);
}

static int start_with_alarm(char **argv)
{
    static const struct itimerval soon = {.it_value = {.tv_usec = 50 * 1000}};

    setitimer(ITIMER_REAL, &soon, NULL);
    become(argv);
    return CANNOT;
}

static int start_on_socket(char **argv)
{
    int ends[2];
    pid_t pid;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0 || (pid = fork()) < 0)
        err(CANNOT, "socket");
    if (pid == 0) {
        dup2(ends[0], STDIN_FILENO);
        dup2(ends[0], STDOUT_FILENO);
        become(argv);
    }
    close(ends[0]);
    copy(STDIN_FILENO, ends[1]);
    shutdown(ends[1], SHUT_WR);
    copy(ends[1], STDOUT_FILENO);
    return finish(pid);
}

static int start_on_terminal(char **argv)
{
    int typist = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    struct termios mode;
    int terminal;
    pid_t pid;

    if (typist < 0 || grantpt(typist) != 0 || unlockpt(typist) != 0 ||
        (terminal = open(ptsname(typist), O_RDWR | O_NOCTTY | O_CLOEXEC)) < 0)
        err(CANNOT, "terminal");
    tcgetattr(terminal, &mode);
    mode.c_lflag &= ~(tcflag_t)ECHO;
    tcsetattr(terminal, TCSANOW, &mode);
    if ((pid = fork()) < 0)
        err(CANNOT, "fork");
    if (pid == 0) {
        dup2(terminal, STDIN_FILENO);
        become(argv);
    }
    copy(STDIN_FILENO, typist);
    if (write(typist, "\004", 1) != 1)
        err(CANNOT, "terminal");
    return finish(pid);
}

/* A program asks with a blank at the end of what it says. */
static bool is_asked(int typist)
{
    char bytes[4096], last = '\0';
    ssize_t count;

    while (last != ' ' && (count = read(typist, bytes, sizeof bytes)) > 0) {
        if (write(STDOUT_FILENO, bytes, (size_t)count) != count)
            return false;
        last = bytes[count - 1];
    }
    return last == ' ';
}

static void type(int typist, const char *line, pid_t pid)
{
    if (line == NULL)
        line = "\004";
    else if (strcmp(line, "^C\n") == 0)
        line = "\003";
    size_t length = strlen(line);
    bool ended = length > 3 && strcmp(line + length - 3, "^T\n") == 0;
    if (ended)
        length -= 3;
    if (write(typist, line, length) != (ssize_t)length)
        err(CANNOT, "terminal");
    /* Time for the terminal to take in what was typed. */
    if (ended && (usleep(50 * 1000) != 0 || kill(pid, SIGTERM) != 0))
        err(CANNOT, "signal");
}

/* What the next program there would meet. */
static void check_left(const char *name)
{
    int terminal = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    struct termios mode;
    char byte;
    if (tcgetattr(terminal, &mode) != 0 || (mode.c_lflag & ECHO) == 0)
        errx(CANNOT, "the terminal was left without echo");
    mode.c_lflag &= ~(tcflag_t)ICANON;
    mode.c_cc[VMIN] = mode.c_cc[VTIME] = 0;
    if (tcsetattr(terminal, TCSANOW, &mode) != 0 || read(terminal, &byte, 1) > 0)
        errx(CANNOT, "the terminal was left with what was typed");
}

static int start_conversation(char **argv)
{
    int typist = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    char line[4096];
    int terminal;
    pid_t pid;

    if (typist < 0 || grantpt(typist) != 0 || unlockpt(typist) != 0 || (pid = fork()) < 0)
        err(CANNOT, "terminal");
    if (pid == 0) {
        /* Of a session of its own it is the controlling terminal, whose keys are signals. */
        setsid();
        if ((terminal = open(ptsname(typist), O_RDWR | O_CLOEXEC)) < 0)
            err(CANNOT, "terminal");
        dup2(terminal, STDIN_FILENO);
        dup2(terminal, STDOUT_FILENO);
        become(argv);
    }
    while (is_asked(typist))
        type(typist, fgets(line, sizeof line, stdin), pid);
    int status = finish(pid);
    check_left(ptsname(typist));
    return status;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*start)(char **argv);
    } states[] = {
        {"nothing", start_with_nothing},      {"alarm", start_with_alarm},
        {"socket", start_on_socket},          {"terminal", start_on_terminal},
        {"conversation", start_conversation},
    };

    for (size_t i = 0; argc >= 3 && i < sizeof states / sizeof states[0]; i++)
        if (strcmp(argv[1], states[i].name) == 0)
            return states[i].start(argv + 2);
    errx(CANNOT, "usage: start nothing|alarm|socket|terminal|conversation PROGRAM [ARGUMENT...]");
}

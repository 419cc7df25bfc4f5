/* A line at a time, waiting for the person and for interrupts alike. Invariant: the terminal echoes
 * whenever nobody is in dialogue_ask_secret, stopped (^Z) in it included, since stopping waits. */
#include "agent/dialogue.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <termios.h>
#include <unistd.h>

#include "base/interrupt.h"

bool dialogue_is_possible(void)
{
    return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
}

static bool wait_for_input(struct error *error)
{
    struct pollfd polled[2] = {{.fd = STDIN_FILENO, .events = POLLIN},
                               {.fd = interrupt_fd(), .events = POLLIN}};
    while (!interrupt_came(NULL)) {
        polled[1].fd = interrupt_fd();
        int count = poll(polled, 2, -1);
        if (count > 0 && polled[0].revents != 0 && !interrupt_came(NULL))
            return true;
        if (count < 0 && errno != EINTR)
            return error_set_errno(error, EX_OSERR, "terminal");
    }
    interrupt_came(error);
    return false;
}

/* A line without its end. More than fits is read and dropped, which `line` remembers. */
static bool read_line(struct text *line, struct error *error)
{
    char byte = '\0';
    for (;;) {
        if (!wait_for_input(error))
            return false;
        ssize_t count = read(STDIN_FILENO, &byte, 1);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return error_set_errno(error, EX_NOINPUT, "terminal");
        if (count == 0)
            return error_set(error, EX_NOINPUT, "no answer, since standard input ended");
        if (byte == '\n')
            break;
        text_add_byte(line, byte);
    }
    return true;
}

static void empty(struct text *text)
{
    explicit_bzero(text->bytes, text->length);
    text_init(text, text->bytes, text->size);
}

static void prompt(const char *question, const char *fallback)
{
    if (fallback != NULL)
        printf("%s [%s]: ", question, fallback);
    else
        printf("%s: ", question);
    fflush(stdout);
}

static void trim(struct text *text)
{
    struct slice inner = slice_trim(text_slice(text));
    memmove(text->bytes, inner.bytes, inner.length);
    text->bytes[inner.length] = '\0';
    text->length = inner.length;
}

bool dialogue_ask(const char *question, const char *fallback, struct text *answer,
                  struct error *error)
{
    do {
        empty(answer);
        prompt(question, fallback);
        if (!read_line(answer, error))
            return false;
        trim(answer);
        if (answer->length == 0 && fallback != NULL)
            text_add(answer, fallback);
    } while (answer->overflow);
    return true;
}

bool dialogue_confirm(const char *question, bool *yes, struct error *error)
{
    char bytes[8];
    struct text answer;
    text_init(&answer, bytes, sizeof bytes);
    for (;;) {
        empty(&answer);
        printf("%s [%s] ", question, *yes ? "Y/n" : "y/N");
        fflush(stdout);
        if (!read_line(&answer, error))
            return false;
        trim(&answer);
        bool no = strcasecmp(bytes, "n") == 0 || strcasecmp(bytes, "no") == 0;
        bool good = no || strcasecmp(bytes, "y") == 0 || strcasecmp(bytes, "yes") == 0;
        if (good)
            *yes = !no;
        if (good || (answer.length == 0 && !answer.overflow))
            return true;
    }
}

/* Signals that would leave the terminal as it is, and are put off. */
static void put_off_stops(sigset_t *before)
{
    sigset_t stops;
    sigemptyset(&stops);
    sigaddset(&stops, SIGTSTP);
    sigaddset(&stops, SIGQUIT);
    sigprocmask(SIG_BLOCK, &stops, before);
}

bool dialogue_ask_secret(const char *question, struct text *answer, struct error *error)
{
    struct termios before, silent;
    sigset_t mask;
    bool done;
    put_off_stops(&mask);
    if (tcgetattr(STDIN_FILENO, &before) != 0) {
        sigprocmask(SIG_SETMASK, &mask, NULL);
        return error_set_errno(error, EX_OSERR, "terminal");
    }
    silent = before;
    silent.c_lflag &= ~(tcflag_t)ECHO;
    silent.c_lflag |= ECHONL;
    tcsetattr(STDIN_FILENO, TCSADRAIN, &silent);
    do {
        empty(answer);
        prompt(question, NULL);
        done = read_line(answer, error);
    } while (done && answer->overflow);
    /* What was typed of a secret and not entered is for nobody else to read. */
    tcsetattr(STDIN_FILENO, done ? TCSADRAIN : TCSAFLUSH, &before);
    sigprocmask(SIG_SETMASK, &mask, NULL);
    if (!done)
        putchar('\n');
    return done;
}

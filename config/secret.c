/* A secret is read to where it stays, into a vault. Invariant: there is no copy of it outside of
 * one, and no sentence holds a byte of it.
 *
 * The command runs without a shell, with nothing of ours but a short environment, nothing on
 * standard input, and a pipe in place of standard error: its complaint is shown only when it fails,
 * since our caller takes any output for a failure. */
#include "config/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/ascii.h"
#include "base/child.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/person.h"
#include "base/text.h"
#include "base/vault.h"
#include "config/paths.h"
#include "config/settings.h"
#include "smtp/mask.h"

enum {
    COMMAND_TIMEOUT = 30 * 1000,
    COMMAND_OUTPUT_LIMIT = 16 * 1024,
    COMPLAINT_LIMIT = 512,
    COMMAND_WORDS_MAX = 64,
    COMMAND_VARIABLES_MAX = 8
};

/* What stands for systemd's directory in a password_file; without the dollar, the variable. */
static const char credentials[] = "$CREDENTIALS_DIRECTORY";

struct command {
    char *words[COMMAND_WORDS_MAX + 1];
    char *program; /* words[0] without symbolic links: what was judged is what is run */
    char *variables[COMMAND_VARIABLES_MAX + 1];
    int complaints[2]; /* a pipe for its standard error: where it is read, where it goes */
    struct arena arena;
};

bool secret_is_credential(const char *path)
{
    size_t length = strlen(credentials);
    return strncmp(path, credentials, length) == 0 && path[length] == '/';
}

static bool judge(struct slice bytes, struct error *error)
{
    if (bytes.length == 0)
        return error_set(error, EX_CONFIG, "is empty");
    if (memchr(bytes.bytes, '\0', bytes.length) != NULL)
        return error_set(error, EX_CONFIG, "has a NUL byte");
    return bytes.length < SASL_SECRET_SIZE ||
           error_set(error, EX_CONFIG, "has more than %d bytes", SASL_SECRET_SIZE - 1);
}

/* The first `length` bytes of `content`, a vault's, become the secret; what is behind them goes. */
static void keep(struct buffer *content, size_t length, struct sasl_secret *secret)
{
    explicit_bzero(content->bytes + length, content->capacity - length);
    *secret = (struct sasl_secret){.bytes = content->bytes, .length = length};
    *content = (struct buffer){0};
}

static struct slice without_carriage_return(struct slice line)
{
    if (line.length > 0 && line.bytes[line.length - 1] == '\r')
        line.length--;
    return line;
}

/* --- password */

static bool copy_password(const char *password, struct sasl_secret *secret, struct error *error)
{
    struct slice bytes = slice_of(password);
    if (!judge(bytes, error))
        return error_add_context(error, "password");
    secret->bytes = vault_copy(bytes);
    secret->length = bytes.length;
    return secret->bytes != NULL || error_set_memory(error);
}

/* --- password_file */

/* A file is for its owner alone. systemd lets a service's user read a credential of root's by an
 * access list; its mask then shows as the group's bits, which are none of the group. */
static bool judge_mode(int fd, const struct stat *status, bool credential, const char *path,
                       struct error *error)
{
    struct text_shown shown;
    if ((status->st_mode & 077) == 0)
        return true;
    if (credential && (status->st_mode & 077) == S_IRGRP && file_is_shared_with_user(fd))
        return true;
    return error_set(error, EX_CONFIG, "%s can read it (mode %04o); run: chmod 600 %s",
                     (status->st_mode & 007) != 0 ? "others" : "its group",
                     (unsigned)status->st_mode & 07777, text_show(&shown, slice_of(path)));
}

static bool read_secret_file(int fd, struct sasl_secret *secret, struct error *error)
{
    struct buffer content;
    size_t limit = SASL_SECRET_SIZE - 1 + strlen("\r\n");
    bool done = vault_open_buffer(&content, limit + 1) || error_set_memory(error);
    done = done && file_read_all(fd, limit, &content, error);
    struct slice bytes = buffer_slice(&content);
    if (bytes.length > 0 && bytes.bytes[bytes.length - 1] == '\n') {
        bytes.length--;
        bytes = without_carriage_return(bytes);
    }
    if (done && slice_find(bytes, '\n') < bytes.length)
        done = error_set(error, EX_CONFIG, "more than one line");
    done = done && judge(bytes, error);
    if (done)
        keep(&content, bytes.length, secret);
    vault_free(content.bytes);
    return done;
}

static char *expand(const char *path, struct arena *arena, struct error *error)
{
    const char *directory = getenv(&credentials[1]);
    char *expanded;
    if (!secret_is_credential(path))
        expanded = arena_copy(arena, slice_of(path));
    else if (directory != NULL && directory[0] == '/')
        expanded = arena_format(arena, "%s%s", directory, path + strlen(credentials));
    else {
        error_set(error, EX_CONFIG,
                  "CREDENTIALS_DIRECTORY %s; systemd sets it for a service with LoadCredential=",
                  directory == NULL ? "is not set" : "is no absolute path");
        return NULL;
    }
    if (expanded == NULL)
        error_set_memory(error);
    return expanded;
}

static bool load_file(const char *file, struct sasl_secret *secret, struct error *error)
{
    struct arena arena = {0};
    struct stat status;
    struct text_shown shown;
    char *path = expand(file, &arena, error);
    int fd = path == NULL ? -1 : file_open_trusted(path, &status, error);
    bool done = false;
    if (fd >= 0) {
        done = judge_mode(fd, &status, secret_is_credential(file), path, error) &&
               read_secret_file(fd, secret, error);
        if (!done)
            error_add_context(error, "%s", text_show(&shown, slice_of(path)));
        close(fd);
    } else if (error->exit_code == EX_NOINPUT) {
        error->exit_code = EX_CONFIG; /* 66 is for the message's file */
    } else if (error->exit_code == EX_NOPERM) {
        paths_add_owner(path, error);
    }
    arena_free(&arena);
    return done || error_add_context(error, "password_file");
}

/* --- password_command */

/* Appends the next word of `line` without its quotes to `word`. */
static bool unquote_word(const char **line, struct buffer *word, struct error *error)
{
    char quote = '\0';
    for (; **line != '\0'; (*line)++) {
        char byte = **line;
        if (quote == '\0' && ascii_is_blank(byte))
            break;
        if (quote == '\0' && (byte == '"' || byte == '\''))
            quote = byte;
        else if (quote != '\0' && byte == quote)
            quote = '\0';
        else
            buffer_add_byte(word, byte);
    }
    if (quote != '\0')
        return error_set(error, EX_CONFIG, "quote without its end");
    return !word->failed || error_set_memory(error);
}

static bool split_command(const char *line, struct command *command, struct error *error)
{
    struct buffer word = {0};
    size_t count = 0;
    bool done = true;
    while (done && *(line += strspn(line, " \t")) != '\0') {
        buffer_clear(&word);
        done = unquote_word(&line, &word, error);
        if (done && count == COMMAND_WORDS_MAX)
            done = error_set(error, EX_CONFIG, "more than %d words", COMMAND_WORDS_MAX);
        if (!done)
            break;
        command->words[count] = arena_copy(&command->arena, buffer_slice(&word));
        done = command->words[count++] != NULL || error_set_memory(error);
    }
    buffer_free(&word);
    return done;
}

static bool add_variable(struct command *command, const char *name, const char *value,
                         struct error *error)
{
    if (value == NULL)
        return true;
    size_t count = 0;
    while (command->variables[count] != NULL)
        count++;
    command->variables[count] = arena_format(&command->arena, "%s=%s", name, value);
    return command->variables[count] != NULL || error_set_memory(error);
}

static bool make_environment(struct command *command, struct error *error)
{
    static const char *const passed[] = {"LANG", "GNUPGHOME", "XDG_RUNTIME_DIR",
                                         "DBUS_SESSION_BUS_ADDRESS"};
    const struct passwd *user;
    if (!person_find(geteuid(), &user, error))
        return false;
    const char *home = getenv("HOME");
    if (home == NULL && user != NULL)
        home = user->pw_dir;
    if (!add_variable(command, "PATH", "/usr/bin:/bin", error) ||
        !add_variable(command, "HOME", home, error) ||
        !add_variable(command, "USER", user == NULL ? NULL : user->pw_name, error))
        return false;
    for (size_t i = 0; i < sizeof passed / sizeof passed[0]; i++) {
        if (!add_variable(command, passed[i], getenv(passed[i]), error))
            return false;
    }
    return true;
}

static bool is_privileged(void)
{
    uid_t real, effective, saved;
    gid_t real_group, effective_group, saved_group;
    return getresuid(&real, &effective, &saved) != 0 ||
           getresgid(&real_group, &effective_group, &saved_group) != 0 || real != effective ||
           real != saved || real_group != effective_group || real_group != saved_group;
}

/* Nobody but root can put something else in the place of a file or directory, as far as its own
 * status tells: in a sticky directory everybody has only his own. */
static bool is_roots(const struct stat *status)
{
    bool closed = (status->st_mode & (S_IWGRP | S_IWOTH)) == 0;
    bool sticky = S_ISDIR(status->st_mode) && (status->st_mode & S_ISVTX) != 0;
    return status->st_uid == 0 && (closed || sticky);
}

/* The program and each directory above it. `path` is taken apart. */
static bool judge_roots_path(char *path, struct error *error)
{
    struct stat status;
    struct text_shown shown;
    for (;;) {
        const char *name = path[0] == '\0' ? "/" : path;
        if (lstat(name, &status) != 0 || !is_roots(&status))
            return error_set(error, EX_CONFIG,
                             "not run as root, since not root alone can change it; "
                             "run: chown root %s; chmod go-w %s",
                             text_show(&shown, slice_of(name)), shown.bytes);
        char *end = strrchr(path, '/');
        if (end == NULL)
            return true;
        *end = '\0';
    }
}

/* The program, and who asks for it. */
static bool judge_command(struct command *command, struct error *error)
{
    char path[PATH_MAX];
    struct stat status;
    if (command->words[0] == NULL || command->words[0][0] != '/')
        return error_set(error, EX_CONFIG, "must start with the absolute path of a program");
    if (is_privileged())
        return error_set(error, EX_NOPERM, "not run with a set-user-ID or set-group-ID privilege");
    if (realpath(command->words[0], path) == NULL || stat(path, &status) != 0)
        return error_set_errno(error, errno == EACCES ? EX_NOPERM : EX_CONFIG, "cannot be run");
    if (!S_ISREG(status.st_mode) || access(path, X_OK) != 0)
        return error_set(error, EX_CONFIG, "is no program that uid %u may run",
                         (unsigned)geteuid());
    command->program = arena_copy(&command->arena, slice_of(path));
    if (command->program == NULL)
        return error_set_memory(error);
    return geteuid() != 0 || judge_roots_path(path, error);
}

static int run_command(void *argument, int output)
{
    struct command *command = argument;
    int nothing = open("/dev/null", O_RDONLY);
    if (nothing < 0 || dup2(nothing, 0) < 0 || dup2(output, 1) < 0 ||
        dup2(command->complaints[1], 2) < 0)
        return EX_OSERR;
    /* Ours close by themselves; this is for what our caller left open. */
    if (close_range(3, ~0U, 0) != 0) {
        for (int fd = 3; fd < 1024; fd++)
            close(fd);
    }
    execve(command->program, command->words, command->variables);
    dprintf(2, "%s", strerror(errno));
    return EX_UNAVAILABLE;
}

static bool fail_status(int status, struct error *error)
{
    if (WIFSIGNALED(status))
        return error_set(error, EX_TEMPFAIL, "ended by signal %d", WTERMSIG(status));
    return error_set(error, EX_TEMPFAIL, "failed with exit code %d", WEXITSTATUS(status));
}

/* Adds the first line of what a command that failed wrote to its standard error. A shell that was
 * told to show what it does (-x) shows the secret, too. */
static void add_complaint(int complaints, struct slice secret, struct error *error)
{
    char bytes[COMPLAINT_LIMIT], masked_bytes[4 * COMPLAINT_LIMIT];
    struct mask mask = {0};
    struct text masked;
    struct text_shown shown;
    ssize_t count = interrupt_came(NULL) ? 0 : read(complaints, bytes, sizeof bytes);
    struct slice rest = slice_make(bytes, count < 0 ? 0 : (size_t)count), line = {0};
    slice_cut(&rest, '\n', &line);
    text_init(&masked, masked_bytes, sizeof masked_bytes);
    if (mask_add(&mask, secret))
        mask_write(&mask, slice_trim(line), &masked);
    mask_wipe(&mask);
    explicit_bzero(bytes, sizeof bytes);
    if (masked.length > 0)
        error_add_advice(error, "it says: %s", text_show(&shown, text_slice(&masked)));
}

/* Why the command was not waited for to its end. */
static bool fail_unfinished(int64_t timeout, struct error *error)
{
    if (error->exit_code == EX_SOFTWARE)
        error->exit_code = EX_CONFIG; /* its output, not our fault */
    if (error->exit_code != EX_TEMPFAIL || interrupt_came(NULL))
        return false;
    bool seconds = timeout >= 1000;
    return error_set(error, EX_TEMPFAIL,
                     "gave nothing within %lld %s; it has no terminal to ask on",
                     (long long)(seconds ? timeout / 1000 : timeout), seconds ? "s" : "ms");
}

static struct slice first_line(const struct buffer *output)
{
    struct slice rest = buffer_slice(output), line = {0};
    slice_cut(&rest, '\n', &line);
    return without_carriage_return(line);
}

static bool run_and_take(struct command *command, int64_t timeout, struct sasl_secret *secret,
                         struct error *error)
{
    struct child child;
    struct buffer output;
    int status;
    bool done = vault_open_buffer(&output, COMMAND_OUTPUT_LIMIT + 1) || error_set_memory(error);
    done = done && child_start(&child, run_command, command, error);
    if (done) {
        bool ended = child_finish(&child, clock_deadline(timeout), COMMAND_OUTPUT_LIMIT, &output,
                                  &status, error);
        struct slice line = first_line(&output);
        if (!ended)
            done = fail_unfinished(timeout, error);
        else if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
            done = fail_status(status, error);
        else if (!judge(line, error))
            done = error_add_context(error, "the first line of its output");
        if (done)
            keep(&output, line.length, secret);
        else
            add_complaint(command->complaints[0], line, error);
    }
    vault_free(output.bytes);
    return done;
}

bool secret_run(const char *line, int64_t timeout, struct sasl_secret *secret, struct error *error)
{
    struct command command = {.complaints = {-1, -1}};
    struct text_shown shown;
    bool done = split_command(line, &command, error) && judge_command(&command, error) &&
                make_environment(&command, error);
    /* Non-blocking: what does not fit into the pipe is lost, and nobody waits for it to be read. */
    if (done && pipe2(command.complaints, O_CLOEXEC | O_NONBLOCK) != 0)
        done = error_set_errno(error, EX_OSERR, "no pipe");
    done = done && run_and_take(&command, timeout, secret, error);
    if (!done && command.words[0] != NULL)
        error_add_context(error, "%s", text_show(&shown, slice_of(command.words[0])));
    for (int i = 0; i < 2; i++) {
        if (command.complaints[i] >= 0)
            close(command.complaints[i]);
    }
    arena_free(&command.arena);
    return done || error_add_context(error, "password_command");
}

static bool renew(struct sasl_secret *secret, struct error *error)
{
    struct sasl_secret newer = {.renew = NULL};
    if (!secret_run(secret->source, COMMAND_TIMEOUT, &newer, error))
        return false;
    newer.renew = secret->renew;
    newer.source = secret->source;
    sasl_wipe(secret);
    *secret = newer;
    return true;
}

bool secret_load(const struct account *account, struct sasl_secret *secret, struct error *error)
{
    bool done = true;
    *secret = (struct sasl_secret){0};
    if (account->password != NULL)
        done = copy_password(account->password, secret, error);
    else if (account->password_file != NULL)
        done = load_file(account->password_file, secret, error);
    else if (account->password_command != NULL) {
        done = secret_run(account->password_command, COMMAND_TIMEOUT, secret, error);
        secret->renew = renew;
        secret->source = account->password_command;
    }
    if (!done)
        sasl_wipe(secret);
    return done;
}

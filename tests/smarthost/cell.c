/* What must hold in every cell, whatever its fault: the exit code stated, within its time, one
 * sentence that names the step, no success claimed that was none, nothing lost, no secret told, and
 * no octet of the server's that a terminal would act on. */
#include "tests/smarthost/cell.h"

#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "queue/spool.h"
#include "tests/smarthost/client.h"
#include "tests/smarthost/secrets.h"
#include "tests/smarthost/session.h"
#include "tests/support/folder.h"

enum {
    WAITED_MS = 1000,        /* the timeout of who must run into it, */
    NEVER_MS = 60 * 1000,    /* and of who must not */
    LIMIT_MS = 20 * 1000,    /* for all of it, */
    WAIT_LIMIT_MS = 5000,    /* and where it has to wait, */
    END_LIMIT_MS = 15000,    /* the end of the message being waited for ten times as long */
    BODY_LINES = 120 * 1000, /* more than fits in between, where the fault is in the body */
    GRACE_MS = 1000,
    SMALL_WINDOW = 16 * 1024,
    ARGUMENTS = 8
};

static const char user[] = "alice", password[] = "correct-horse";

struct run {
    const struct cell *cell;
    struct arena arena;
    char *directory;
    int listener, port;
    pid_t server;
    int serving; /* at its end when no connection is served any more */
    struct client client;
    bool good;
};

static bool is_step(const struct run *run, enum fault_step step)
{
    return run->cell->fault.step == step;
}

static bool is_profile(const struct run *run, const char *name)
{
    return strcmp(run->cell->profile, name) == 0;
}

static void fail(struct run *run, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void fail(struct run *run, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
    run->good = false;
}

static char *path_of(struct run *run, const char *name)
{
    return arena_format(&run->arena, "%s/%s", run->directory, name);
}

/* --- the server ------------------------------------------------------------------------------ */

static void make_session(struct run *run, struct session_options *options)
{
    static const struct {
        const char *profile, *mechanism;
        unsigned extensions;
    } profiles[] = {
        {"plain", "LOGIN", 0},
        {"flight", "PLAIN", SESSION_PIPELINING},
        {"chunk", "SCRAM-SHA-256", SESSION_PIPELINING | SESSION_CHUNKING},
    };

    *options = (struct session_options){
        .tls = authority_context(run->cell->authority, ""),
        .login = {.user = user, .password = password, .iterations = 4096},
        .fault = run->cell->fault,
        .clear_file = path_of(run, "clear"),
    };
    options->fault.secret = password;
    for (size_t i = 0; i < sizeof profiles / sizeof profiles[0]; i++) {
        if (is_profile(run, profiles[i].profile)) {
            options->login.mechanisms = profiles[i].mechanism;
            options->extensions = profiles[i].extensions;
        }
    }
}

/* A group of its own; a process a connection, since one may hang while the next is made. */
static void serve(struct run *run)
{
    struct session_options options;
    int events = open(path_of(run, "events"), O_WRONLY | O_CREAT | O_APPEND, 0600);

    setpgid(0, 0);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGCHLD, SIG_IGN);
    make_session(run, &options);
    if (events == -1 || dup2(events, 1) == -1)
        err(1, "events");
    for (;;) {
        int fd = accept4(run->listener, NULL, NULL, SOCK_CLOEXEC);

        if (fd != -1 && fork() == 0) {
            session_serve(&options, fd);
            _exit(0);
        }
        close(fd);
    }
}

static void start_server(struct run *run)
{
    int window = SMALL_WINDOW, ends[2];

    run->listener = channel_bind(&run->port);
    if (is_step(run, FAULT_BODY))
        setsockopt(run->listener, SOL_SOCKET, SO_RCVBUF, &window, sizeof window);
    if (listen(run->listener, 16) == -1 || pipe2(ends, O_CLOEXEC) == -1)
        err(1, "listen");
    fflush(stdout);
    run->server = fork();
    if (run->server == 0)
        serve(run);
    close(ends[1]);
    run->serving = ends[0];
    setpgid(run->server, run->server);
}

/* What it has got it takes, though the client is gone. */
static void stop_server(const struct run *run)
{
    struct pollfd end = {.fd = run->serving};

    kill(run->server, SIGKILL);
    poll(&end, 1, GRACE_MS);
    kill(-run->server, SIGKILL);
    close(run->serving);
    waitpid(run->server, NULL, 0);
    close(run->listener);
}

/* --- the command ----------------------------------------------------------------------------- */

static void write_config(struct run *run)
{
    FILE *file = fopen(path_of(run, "config.ini"), "we");

    if (file == NULL || fchmod(fileno(file), 0600) == -1)
        err(1, "configuration");
    fprintf(file,
            "[smarthost]\nhost = 127.0.0.1\nport = %d\ntls_ca_file = %s/ca.pem\n"
            "user = %s\npassword = %s\ntimeout = %dms\nconnect_timeout = %dms\n"
            "from = alice@example.com\nhelo = client.example\n"
            "[local]\ndomain = example.com\naliases = none\n"
            "[queue]\nmode = %s\ndirectory = %s/queue\n[log]\nsyslog = off\nfile = %s/log\n",
            run->port, run->directory, user, password,
            run->cell->fault.kind->waits ? WAITED_MS : NEVER_MS,
            run->cell->fault.kind->waits ? WAITED_MS : NEVER_MS,
            run->cell->queueing ? "on-failure" : "never", run->directory, run->directory);
    fclose(file);
}

/* A runner was there of late. */
static void make_queue(struct run *run)
{
    FILE *stamp;

    if (mkdir(path_of(run, "queue"), 0700) == -1 ||
        (stamp = fopen(path_of(run, "queue/state"), "we")) == NULL)
        err(1, "queue");
    fclose(stamp);
}

static void make_input(const struct run *run, struct buffer *input)
{
    int lines = is_step(run, FAULT_BODY) ? BODY_LINES : 3;

    buffer_add_string(input, "Subject: a fault\n\n");
    for (int i = 0; i < lines; i++)
        buffer_add_string(input,
                          "......................................................... line\n");
}

static int64_t limit_of(const struct cell *cell)
{
    if (!cell->fault.kind->waits)
        return LIMIT_MS;
    return cell->fault.step < FAULT_BODY ? WAIT_LIMIT_MS : END_LIMIT_MS;
}

static void run_client(struct run *run)
{
    char *words = arena_format(&run->arena,
                               "-C %s/config.ini -i%s bob@example.net "
                               "carol@example.net dave@example.net",
                               run->directory, run->cell->queueing ? "v" : "");
    struct slice rest = slice_of(words), word;
    char *argv[ARGUMENTS] = {arena_copy(&run->arena, slice_of(run->cell->program))};
    char *environment[] = {arena_format(&run->arena, "PATH=/usr/bin:/bin"),
                           arena_format(&run->arena, "TMPDIR=%s", run->directory), NULL};
    struct buffer input = {0};
    bool input_read;

    for (size_t i = 1; i + 1 < ARGUMENTS && slice_cut_word(&rest, &word); i++)
        argv[i] = arena_copy(&run->arena, word);
    make_input(run, &input);
    client_start(&run->client, argv, environment, run->directory, buffer_slice(&input));
    if (!client_finish(&run->client, clock_deadline(limit_of(run->cell)), &input_read))
        fail(run, "it did not end");
    else if (!input_read)
        fail(run, "it did not read its input to the end");
    buffer_free(&input);
}

/* --- what came of it ------------------------------------------------------------------------- */

static struct slice content_of(struct run *run, const char *name)
{
    struct buffer bytes = {0};
    struct slice content;
    FILE *file = fopen(path_of(run, name), "re");
    int c;

    while (file != NULL && (c = getc(file)) != EOF)
        buffer_add_byte(&bytes, (char)c);
    if (file != NULL)
        fclose(file);
    content = slice_make(arena_copy(&run->arena, buffer_slice(&bytes)), bytes.length);
    buffer_free(&bytes);
    return content;
}

static bool holds(struct slice content, const char *word)
{
    return content.length > 0 && memmem(content.bytes, content.length, word, strlen(word)) != NULL;
}

static size_t count_lines(struct slice content)
{
    size_t count = 0;
    struct slice line;

    while (slice_cut(&content, '\n', &line))
        count++;
    return count;
}

static void judge_words(struct run *run, const char *name)
{
    struct slice content = content_of(run, name);

    for (size_t i = 0; i < content.length; i++) {
        unsigned char c = (unsigned char)content.bytes[i];

        if ((c < 0x20 && c != '\n') || c >= 0x7f) {
            fail(run, "%s: octet %02x", name, c);
            break;
        }
    }
    if (secrets_are_in(content, slice_of(password)))
        fail(run, "%s: the password is in it", name);
}

static const char *step_words(enum fault_step step)
{
    switch (step) {
    case FAULT_GREETING:
        return "connect:";
    case FAULT_HELLO:
    case FAULT_HELLO_TLS:
        return "EHLO:";
    case FAULT_START_TLS:
    case FAULT_HANDSHAKE:
        return "STARTTLS:";
    case FAULT_CHALLENGE:
    case FAULT_SECOND_CHALLENGE:
    case FAULT_LOGIN:
        return "AUTH ";
    case FAULT_MAIL:
        return "MAIL FROM";
    case FAULT_FIRST_RCPT:
    case FAULT_MIDDLE_RCPT:
    case FAULT_LAST_RCPT:
        return "RCPT TO";
    case FAULT_DATA:
        return "DATA:";
    case FAULT_BODY:
        return "message:";
    default:
        return "end of DATA:";
    }
}

/* The end of the message may be where a fault in its body is noticed, and both may be a BDAT. */
static bool names_step(const struct run *run, struct slice sentence)
{
    enum fault_step step = run->cell->fault.step;
    bool in_message = step >= FAULT_BODY;

    return slice_starts_nocase(sentence, step_words(step)) ||
           (in_message && is_profile(run, "chunk") && slice_starts_nocase(sentence, "BDAT:")) ||
           (in_message && slice_starts_nocase(sentence, "end of DATA:"));
}

static void judge_sentence(struct run *run)
{
    struct slice errors = content_of(run, "stderr");
    size_t lines = count_lines(errors);
    static const char program[] = "sendmail: ";
    if (lines != 1)
        fail(run, "%zu lines on standard error", lines);
    else if (!slice_starts_nocase(errors, program))
        fail(run, "not \"%s\"", program);
    else if (!run->cell->fault.kind->is_late &&
             !names_step(run, slice_from(errors, strlen(program))))
        fail(run, "another step than \"%s\"", step_words(run->cell->fault.step));
}

static int count_entries(struct run *run)
{
    DIR *queue = opendir(path_of(run, "queue"));
    const struct dirent *entry;
    int count = 0;

    while (queue != NULL && (entry = readdir(queue)) != NULL)
        count += spool_is_id(slice_of(entry->d_name));
    if (queue != NULL)
        closedir(queue);
    return count;
}

static void judge_queue(struct run *run)
{
    const struct cell *cell = run->cell;
    bool is_queued = cell->queueing && !cell->permanent && cell->exit_code != 0;
    int entries = count_entries(run);

    is_queued = is_queued || (cell->queueing && cell->apart);

    if (entries != is_queued)
        fail(run, "%d entries in the queue, expected %d", entries, is_queued);
}

static void judge_exit(struct run *run)
{
    const struct cell *cell = run->cell;
    int status = run->client.status;
    int expected = cell->queueing && !cell->permanent ? 0 : cell->exit_code;

    if (!WIFEXITED(status))
        fail(run, "ended by signal %d", WTERMSIG(status));
    else if (WEXITSTATUS(status) != expected)
        fail(run, "exit code %d, expected %d", WEXITSTATUS(status), expected);
    else if (expected != 0)
        judge_sentence(run);
    else if (content_of(run, "stderr").length > 0)
        fail(run, "words on standard error");
}

/* Sent is what the server took, and all of it. */
static void judge_claims(struct run *run)
{
    struct slice log = content_of(run, "log");
    bool taken = holds(content_of(run, "events"), "MESSAGE ");
    bool claimed = slice_starts_nocase(log, "status=sent ") || holds(log, " status=sent ");

    if (taken != run->cell->taken)
        fail(run, "the message was %staken", taken ? "" : "not ");
    if (claimed != (run->cell->exit_code == 0))
        fail(run, "logged as %ssent", claimed ? "" : "not ");
    if (count_lines(log) != 1)
        fail(run, "%zu lines in the log", count_lines(log));
    if (!run->cell->queueing && content_of(run, "stdout").length > 0)
        fail(run, "words on standard output");
    if (secrets_are_in(content_of(run, "clear"), slice_of(password)))
        fail(run, "the password went over the wire in clear");
}

static void show(struct run *run, const char *name)
{
    struct slice rest = content_of(run, name), line;

    while (slice_cut(&rest, '\n', &line))
        printf("%s: %.*s\n", name, (int)line.length, line.bytes);
}

static void judge(struct run *run)
{
    judge_exit(run);
    judge_claims(run);
    judge_queue(run);
    judge_words(run, "stderr");
    judge_words(run, "stdout");
    judge_words(run, "log");
    if (run->good)
        return;
    show(run, "stderr");
    show(run, "stdout");
    show(run, "log");
    show(run, "events");
}

bool cell_run(const struct cell *cell)
{
    struct run run = {.cell = cell, .good = true};
    const char *parent = getenv("TMPDIR");

    run.directory = arena_format(&run.arena, "%s/fault-XXXXXX", parent != NULL ? parent : "/tmp");
    if (run.directory == NULL || mkdtemp(run.directory) == NULL)
        err(1, "no directory");
    authority_write(cell->authority, path_of(&run, "ca.pem"));
    start_server(&run);
    write_config(&run);
    if (cell->queueing)
        make_queue(&run);
    run_client(&run);
    stop_server(&run);
    judge(&run);
    folder_remove(run.directory);
    arena_free(&run.arena);
    return run.good;
}

/* A process group of its own, so that nothing of it can outlive the session. */
#include "tests/smarthost/client.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

static pid_t start_writer(const int ends[2], struct slice input)
{
    pid_t pid = fork();

    if (pid == -1)
        err(1, "fork");
    if (pid > 0)
        return pid;
    signal(SIGPIPE, SIG_IGN);
    close(ends[0]);
    while (input.length > 0) {
        ssize_t written = write(ends[1], input.bytes, input.length);

        if (written <= 0)
            _exit(1);
        input = slice_from(input, (size_t)written);
    }
    _exit(0);
}

static void become(char **argv, char **environment, const char *directory, int input)
{
    int output, errors;

    setpgid(0, 0);
    signal(SIGPIPE, SIG_DFL);
    if (chdir(directory) == -1)
        err(126, "%s", directory);
    output = open("stdout", O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600);
    errors = open("stderr", O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600);
    if (output == -1 || errors == -1 || dup2(input, 0) == -1 || dup2(output, 1) == -1 ||
        dup2(errors, 2) == -1)
        err(126, "cannot redirect");
    close(input);
    close(output);
    close(errors);
    execvpe(argv[0], argv, environment);
    err(127, "%s", argv[0]);
}

void client_start(struct client *client, char **argv, char **environment, const char *directory,
                  struct slice input)
{
    int ends[2];

    *client = (struct client){0};
    if (pipe2(ends, O_CLOEXEC) == -1)
        err(1, "pipe");
    client->writer = start_writer(ends, input);
    close(ends[1]);
    client->pid = fork();
    if (client->pid == -1)
        err(1, "fork");
    if (client->pid == 0)
        become(argv, environment, directory, ends[0]);
    close(ends[0]);
}

bool client_gone(struct client *client)
{
    if (!client->gone && waitpid(client->pid, &client->status, WNOHANG) == client->pid)
        client->gone = true;
    return client->gone;
}

bool client_finish(struct client *client, int64_t deadline, bool *input_read)
{
    bool in_time = true;
    int status = 0;

    while (!client_gone(client) && clock_remaining(deadline) > 0)
        poll(NULL, 0, 2);
    if (!client->gone) {
        in_time = false;
        kill(-client->pid, SIGKILL);
        kill(client->pid, SIGKILL);
        waitpid(client->pid, &client->status, 0);
        client->gone = true;
    }
    kill(-client->pid, SIGKILL);
    while (waitpid(client->writer, &status, 0) == -1 && errno == EINTR)
        ;
    *input_read = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    return in_time;
}

/* The command under test: started with its input in a pipe and its output in files, watched, and
 * ended when its time is over. */
#ifndef TESTS_SMARTHOST_CLIENT_H
#define TESTS_SMARTHOST_CLIENT_H

#include <sys/types.h>

#include "base/slice.h"

struct client {
    pid_t pid;    /* of the command */
    pid_t writer; /* of the process that writes its input */
    bool gone;    /* it has ended, with `status` as wait(2) has it */
    int status;
};

/* Starts argv with `environment` (both NULL-ended) in `directory`; output goes to its files
 * "stdout" and "stderr". A failure ends the program. */
void client_start(struct client *client, char **argv, char **environment, const char *directory,
                  struct slice input);

/* True when the command has ended; does not wait. */
bool client_gone(struct client *client);

/* Waits for its end, and ends it at the deadline: false. `input_read` says whether the command has
 * read all of its input (or could have). */
bool client_finish(struct client *client, int64_t deadline, bool *input_read);

#endif

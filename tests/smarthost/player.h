/* One session from file to verdict: a private directory, ports, the client, the conversation, and
 * what came of it. */
#ifndef TESTS_SMARTHOST_PLAYER_H
#define TESTS_SMARTHOST_PLAYER_H

#include "base/buffer.h"

struct player_options {
    const char *program; /* the sendmail under test, an absolute path */
    const char *wrap;    /* words put in front of it ("valgrind -q"), or NULL */
    bool verbose;        /* show the conversation of sessions that pass, too */
};

/* Plays the session file at `path`. What happened is appended to `report`, a line each; when it
 * returns true only the conversation is there. */
bool player_run(const struct player_options *options, const char *path, struct buffer *report);

#endif

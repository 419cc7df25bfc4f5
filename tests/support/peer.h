/* A scripted SMTP server in a thread, for unit tests: it answers each command with the next reply
 * of its script, whatever the command is, and remembers what it heard. */
#ifndef TESTS_SUPPORT_PEER_H
#define TESTS_SUPPORT_PEER_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/buffer.h"

/* A script is a string of replies divided by '\n', the greeting first; the lines of one reply are
 * divided by '/'. After a reply 354 the message is read before the next one, after BDAT the chunk.
 * Instead of a reply: "close" ends the connection, "silent" says nothing, "last REPLY" answers and
 * ends the connection, "early REPLY" does so before the message was read. When the script is over,
 * the connection is closed at the next command other than QUIT, which is answered only where the
 * script has a 221. */
struct peer {
    const char *const *scripts; /* one a connection, NULL at the end */
    int listener;               /* -1 with peer_pair */
    int connection;
    uint16_t port;
    pthread_t thread;
    atomic_bool dribbles; /* every octet is sent by itself */
    atomic_int ended;     /* connections that we have ended */
    struct buffer heard;  /* verbs, "." for a message, "+" for an answer to 334, "|" between
                             connections: "EHLO MAIL RCPT DATA . QUIT | EHLO" */
    struct buffer lines;  /* the commands as they came, each with '\n' */
    struct buffer body;   /* the last message as it came, dots and all */
};

/* Listens on 127.0.0.1 at peer.port and serves one connection a script. */
void peer_listen(struct peer *peer, const char *const *scripts);

/* Serves one script on a pair of sockets; returns our non-blocking end. */
int peer_pair(struct peer *peer, const char *const *scripts);

/* Waits until it has ended `connections`. */
void peer_wait(struct peer *peer, int connections);

/* Waits until it has served and heard everything; what it heard stays. Connections that were never
 * made are not waited for. */
void peer_join(struct peer *peer);

void peer_free(struct peer *peer);

#endif

/* The server side of unit tests. Errors abort: a test cannot go on without its peer. */
#include "tests/support/peer.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void must(bool condition, const char *what)
{
    if (condition)
        return;
    perror(what);
    abort();
}

static void say(const struct peer *peer, int fd, struct slice reply)
{
    struct buffer wire = {0};
    struct slice line;
    while (slice_cut(&reply, '/', &line)) {
        buffer_add(&wire, line);
        buffer_add_string(&wire, "\r\n");
    }
    size_t piece = peer->dribbles ? 1 : wire.length;
    for (size_t i = 0; i < wire.length; i += piece)
        send(fd, wire.bytes + i, piece, MSG_NOSIGNAL);
    buffer_free(&wire);
}

/* Ends our side and waits for the other, so that nothing said is lost. */
static void hang_up(struct peer *peer, int fd, FILE *in)
{
    shutdown(fd, SHUT_WR);
    atomic_fetch_add(&peer->ended, 1);
    while (fgetc(in) != EOF)
        ;
}

static bool read_line(FILE *in, char **line, size_t *size)
{
    ssize_t length = getline(line, size, in);
    while (length > 0 && ((*line)[length - 1] == '\n' || (*line)[length - 1] == '\r'))
        (*line)[--length] = '\0';
    return length >= 0;
}

static void hear(struct peer *peer, const char *what, size_t length)
{
    if (peer->heard.length > 0)
        buffer_add_byte(&peer->heard, ' ');
    buffer_add(&peer->heard, slice_make(what, length));
}

static bool read_body(struct peer *peer, FILE *in, char **line, size_t *size)
{
    buffer_clear(&peer->body);
    for (;;) {
        ssize_t length = getline(line, size, in);
        if (length < 0)
            return false;
        buffer_add(&peer->body, slice_make(*line, (size_t)length));
        if (strcmp(*line, ".\r\n") == 0)
            break;
    }
    hear(peer, ".", 1);
    return true;
}

static bool read_chunk(struct peer *peer, FILE *in, const char *line)
{
    size_t left = strtoul(line + strlen("BDAT "), NULL, 10);
    buffer_clear(&peer->body);
    while (left > 0) {
        int octet = fgetc(in);
        if (octet == EOF)
            return false;
        buffer_add_byte(&peer->body, (char)octet);
        left--;
    }
    return true;
}

static void serve(struct peer *peer, int fd, const char *script)
{
    FILE *in = fdopen(dup(fd), "r");
    struct slice rest = slice_of(script), reply = slice_of("");
    char *line = NULL;
    size_t size = 0;
    int on = 1;
    must(in != NULL, "fdopen");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* in vain on a pair, no harm */
    slice_cut(&rest, '\n', &reply);
    say(peer, fd, reply);
    for (bool open = true; open;) {
        if (slice_starts_nocase(reply, "354") && slice_starts_nocase(rest, "early ")) {
            slice_cut(&rest, '\n', &reply);
            say(peer, fd, slice_from(reply, strlen("early ")));
            break;
        }
        if (slice_starts_nocase(reply, "354")) {
            open = read_body(peer, in, &line, &size);
        } else if ((open = read_line(in, &line, &size))) {
            bool response = slice_starts_nocase(reply, "334");
            hear(peer, response ? "+" : line, response ? 1 : strcspn(line, " "));
            buffer_add_string(&peer->lines, line);
            buffer_add_byte(&peer->lines, '\n');
            if (strncmp(line, "BDAT ", 5) == 0)
                open = read_chunk(peer, in, line);
        }
        bool unanswered = strcmp(line, "QUIT") == 0 && !slice_starts_nocase(rest, "221 ");
        if (!open || unanswered)
            continue;
        if (!slice_cut(&rest, '\n', &reply) || slice_equals(reply, slice_of("close")))
            break;
        bool last = slice_starts_nocase(reply, "last ");
        if (!slice_equals(reply, slice_of("silent")))
            say(peer, fd, slice_from(reply, last ? strlen("last ") : 0));
        if (last)
            break;
    }
    hang_up(peer, fd, in);
    fclose(in);
    close(fd);
    free(line);
}

static void *run(void *context)
{
    struct peer *peer = context;
    for (size_t i = 0; peer->scripts[i] != NULL; i++) {
        int fd = peer->listener < 0 ? peer->connection
                                    : accept4(peer->listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0)
            break;
        if (i > 0)
            hear(peer, "|", 1);
        serve(peer, fd, peer->scripts[i]);
    }
    return NULL;
}

static void start(struct peer *peer)
{
    must(pthread_create(&peer->thread, NULL, run, peer) == 0, "pthread_create");
}

void peer_listen(struct peer *peer, const char *const *scripts)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof address;
    *peer = (struct peer){.scripts = scripts, .connection = -1};
    peer->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(peer->listener >= 0, "socket");
    must(bind(peer->listener, (struct sockaddr *)&address, sizeof address) == 0, "bind");
    must(listen(peer->listener, 8) == 0, "listen");
    must(getsockname(peer->listener, (struct sockaddr *)&address, &size) == 0, "getsockname");
    peer->port = ntohs(address.sin_port);
    start(peer);
}

int peer_pair(struct peer *peer, const char *const *scripts)
{
    int ends[2];
    must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0, "socketpair");
    must(fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0, "fcntl");
    *peer = (struct peer){.scripts = scripts, .listener = -1, .connection = ends[1]};
    start(peer);
    return ends[0];
}

void peer_wait(struct peer *peer, int connections)
{
    while (atomic_load(&peer->ended) < connections)
        sched_yield();
}

void peer_join(struct peer *peer)
{
    if (peer->listener >= 0)
        shutdown(peer->listener, SHUT_RDWR);
    must(pthread_join(peer->thread, NULL) == 0, "pthread_join");
    if (peer->listener >= 0)
        close(peer->listener);
    buffer_add_byte(&peer->heard, '\0');
    buffer_add_byte(&peer->lines, '\0');
}

void peer_free(struct peer *peer)
{
    buffer_free(&peer->heard);
    buffer_free(&peer->lines);
    buffer_free(&peer->body);
}

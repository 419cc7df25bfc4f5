/* A delaying proxy: what comes in on one side goes out on the other half a round-trip time later,
 * in both directions and for the opening of the connection as well.
 * usage: proxy LISTEN_PORT TARGET_PORT ROUND_TRIP_MS; a process a connection, until killed. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PIECE = 256 * 1024, PIECES = 512 };

/* Bytes under way in one direction, oldest first. */
struct piece {
    int64_t due; /* microseconds */
    size_t length, sent;
    char *bytes;
};

struct direction {
    int from, to;
    struct piece pieces[PIECES];
    size_t first, count;
    bool ended; /* the sender has closed */
    bool closed;
};

static int64_t microseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static struct sockaddr_in loopback(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

static void no_delay(int fd)
{
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

/* Takes in what is there; false when the peer is gone. */
static void take(struct direction *way, int64_t delay)
{
    struct piece *piece = &way->pieces[(way->first + way->count) % PIECES];
    piece->bytes = malloc(PIECE);
    ssize_t length = piece->bytes ? read(way->from, piece->bytes, PIECE) : -1;
    if (length <= 0) {
        free(piece->bytes);
        way->ended = true;
        return;
    }
    *piece = (struct piece){
        .due = microseconds() + delay, .length = (size_t)length, .bytes = piece->bytes};
    way->count++;
}

/* Hands on what is due; closes the far side once everything is through. */
static void hand_on(struct direction *way)
{
    while (way->count > 0 && way->pieces[way->first].due <= microseconds()) {
        struct piece *piece = &way->pieces[way->first];
        ssize_t moved = send(way->to, piece->bytes + piece->sent, piece->length - piece->sent,
                             MSG_NOSIGNAL | MSG_DONTWAIT);
        if (moved < 0 && errno == EAGAIN)
            return;
        piece->sent += moved > 0 ? (size_t)moved : piece->length - piece->sent;
        if (piece->sent < piece->length)
            return;
        free(piece->bytes);
        way->first = (way->first + 1) % PIECES;
        way->count--;
    }
    if (way->ended && way->count == 0 && !way->closed) {
        shutdown(way->to, SHUT_WR);
        way->closed = true;
    }
}

static int wait_time(const struct direction *ways)
{
    int64_t soonest = 1000000;
    for (int i = 0; i < 2; i++) {
        if (ways[i].count == 0)
            continue;
        int64_t left = ways[i].pieces[ways[i].first].due - microseconds();
        soonest = left < soonest ? left : soonest;
    }
    return soonest < 0 ? 1 : (int)((soonest + 999) / 1000);
}

static void serve(int client, int server, int64_t delay)
{
    static struct direction ways[2];
    memset(ways, 0, sizeof ways);
    ways[0] = (struct direction){.from = client, .to = server};
    ways[1] = (struct direction){.from = server, .to = client};
    while (!ways[0].closed || !ways[1].closed) {
        struct pollfd polled[2];
        for (int i = 0; i < 2; i++) {
            bool reading = !ways[i].ended && ways[i].count < PIECES;
            polled[i] = (struct pollfd){.fd = reading ? ways[i].from : -1, .events = POLLIN};
        }
        poll(polled, 2, wait_time(ways));
        for (int i = 0; i < 2; i++) {
            if (polled[i].revents != 0)
                take(&ways[i], delay);
            hand_on(&ways[i]);
        }
    }
}

static void relay(int client, const struct sockaddr_in *there, int64_t delay)
{
    /* The handshake on loopback took no time; over the real distance the server would hear of it
     * one and a half round trips after the client began. */
    usleep((useconds_t)delay * 3);
    int server = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(server, (const struct sockaddr *)there, sizeof *there) != 0)
        return;
    no_delay(client);
    no_delay(server);
    serve(client, server, delay);
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 64;
    int64_t delay = strtol(argv[3], NULL, 10) * 1000 / 2;
    struct sockaddr_in here = loopback((int)strtol(argv[1], NULL, 10));
    struct sockaddr_in there = loopback((int)strtol(argv[2], NULL, 10));
    int on = 1;
    signal(SIGCHLD, SIG_IGN);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&here, sizeof here) != 0 || listen(listener, 1024) != 0) {
        perror("proxy");
        return 71;
    }
    for (;;) {
        int client = accept(listener, NULL, NULL);
        if (client < 0)
            continue;
        if (fork() == 0) {
            close(listener);
            relay(client, &there, delay);
            _exit(0);
        }
        close(client);
    }
}

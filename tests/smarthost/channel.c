/* Bytes between smarthost and client. TLS's wishes to read or write become waits on the socket. */
#include "tests/smarthost/channel.h"

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

int channel_bind(int *port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int yes = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)*port)};
    socklen_t length = sizeof address;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd == -1 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == -1 ||
        bind(fd, (struct sockaddr *)&address, length) == -1 ||
        getsockname(fd, (struct sockaddr *)&address, &length) == -1)
        err(1, "cannot bind port %d", *port);
    *port = ntohs(address.sin_port);
    return fd;
}

void channel_open(struct channel *channel, int fd)
{
    int yes = 1;

    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    channel->fd = fd;
    channel->tls = NULL;
}

static bool wait_for(const struct channel *channel, short events, int64_t deadline)
{
    struct pollfd poll_fd = {.fd = channel->fd, .events = events};
    int ready;

    do
        ready = poll(&poll_fd, 1, clock_remaining(deadline));
    while (ready == -1 && errno == EINTR);
    return ready == 1;
}

/* What to wait for after `result` of an operation that could not go on; 0: it is over. */
static short wanted(const struct channel *channel, int result, short plain)
{
    if (channel->tls == NULL)
        return errno == EAGAIN || errno == EINTR ? plain : 0;
    switch (SSL_get_error(channel->tls, result)) {
    case SSL_ERROR_WANT_READ:
        return POLLIN;
    case SSL_ERROR_WANT_WRITE:
        return POLLOUT;
    default:
        return 0;
    }
}

long channel_read(struct channel *channel, char *bytes, size_t size, int64_t deadline)
{
    for (;;) {
        ERR_clear_error();
        int got = channel->tls ? SSL_read(channel->tls, bytes, (int)size)
                               : (int)read(channel->fd, bytes, size);
        short events;

        if (got > 0)
            return got;
        if (channel->tls == NULL && got == 0)
            return CHANNEL_CLOSED;
        events = wanted(channel, got, POLLIN);
        if (events == 0 && channel->tls &&
            SSL_get_error(channel->tls, got) == SSL_ERROR_ZERO_RETURN)
            return CHANNEL_CLOSED;
        if (events == 0)
            return CHANNEL_BROKEN;
        if (!wait_for(channel, events, deadline))
            return CHANNEL_WAITED;
    }
}

bool channel_write(struct channel *channel, struct slice bytes, int64_t deadline)
{
    while (bytes.length > 0) {
        ERR_clear_error();
        int put = channel->tls ? SSL_write(channel->tls, bytes.bytes, (int)bytes.length)
                               : (int)write(channel->fd, bytes.bytes, bytes.length);
        short events;

        if (put > 0) {
            bytes = slice_from(bytes, (size_t)put);
            continue;
        }
        events = wanted(channel, put, POLLOUT);
        if (events == 0 || !wait_for(channel, events, deadline))
            return false;
    }
    return true;
}

bool channel_start_tls(struct channel *channel, SSL_CTX *context, int64_t deadline)
{
    int done;

    channel->tls = SSL_new(context);
    if (channel->tls == NULL || SSL_set_fd(channel->tls, channel->fd) != 1)
        return false;
    ERR_clear_error();
    while ((done = SSL_accept(channel->tls)) != 1) {
        short events = wanted(channel, done, 0);

        if (events == 0 || !wait_for(channel, events, deadline))
            return false;
    }
    return true;
}

void channel_cut(struct channel *channel)
{
    if (channel->fd != -1)
        close(channel->fd);
    SSL_free(channel->tls);
    channel->fd = -1;
    channel->tls = NULL;
}

void channel_close(struct channel *channel)
{
    if (channel->tls != NULL && channel->fd != -1 && SSL_is_init_finished(channel->tls))
        SSL_shutdown(channel->tls);
    channel_cut(channel);
}

void channel_reset(struct channel *channel)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};

    if (channel->fd != -1)
        setsockopt(channel->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    channel_cut(channel);
}

/* Bytes over one non-blocking socket. While we wait to write we read as well, so that two peers who
 * both have much to say never wait for each other. Invariant: once `ended` is set, no byte moves in
 * either direction and `reason` says why. */
#include "net/stream.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/interrupt.h"

/* PIECE_SIZE: at least one TLS record. DIRECT_SIZE: from here on a copy costs more than a send. */
enum { PIECE_SIZE = 32 * 1024, DIRECT_SIZE = 32 * 1024 };

short stream_wait(int fd, short events, int64_t deadline)
{
    struct pollfd polled[] = {{.fd = fd, .events = events}, {.events = POLLIN}};

    while (!interrupt_came(NULL)) {
        polled[1].fd = interrupt_fd();
        int ready = poll(polled, 2, clock_remaining(deadline));

        if (ready > 0 && polled[0].revents != 0)
            return polled[0].revents;
        if (ready == 0 || (ready < 0 && errno != EINTR && errno != EAGAIN))
            return 0;
    }
    return 0;
}

bool stream_too_late(const char *missing, int64_t since, struct error *error)
{
    int64_t tenths = (clock_now() - since + 50) / 100;

    if (interrupt_came(error))
        return false;
    return error_set(error, EX_TEMPFAIL, "%s within %g s", missing, (double)tenths / 10);
}

static enum stream_status socket_status(struct error *error)
{
    if (errno == EPIPE)
        error_set(error, EX_TEMPFAIL, "connection closed by the server");
    else if (errno == ECONNRESET)
        error_set(error, EX_TEMPFAIL, "connection reset by the server");
    else
        error_set_errno(error, EX_TEMPFAIL, "connection lost");
    return STREAM_CUT;
}

static enum stream_status socket_read(int fd, char *bytes, size_t size, size_t *moved,
                                      struct error *error)
{
    ssize_t got;

    do
        got = recv(fd, bytes, size, 0);
    while (got < 0 && errno == EINTR);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return STREAM_WANT_READ;
    if (got < 0)
        return socket_status(error);
    if (got == 0) {
        error_set(error, EX_TEMPFAIL, "connection closed by the server");
        return STREAM_CLOSED;
    }
    *moved = (size_t)got;
    return STREAM_MOVED;
}

static enum stream_status socket_write(int fd, const char *bytes, size_t length, size_t *moved,
                                       struct error *error)
{
    ssize_t sent;

    do
        sent = send(fd, bytes, length, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return STREAM_WANT_WRITE;
    if (sent < 0)
        return socket_status(error);
    *moved = (size_t)sent;
    return STREAM_MOVED;
}

void stream_init(struct stream *stream, int fd, int64_t timeout)
{
    *stream = (struct stream){.fd = fd, .timeout = timeout, .sent_at = clock_now()};
}

void stream_set_transport(struct stream *stream, const struct stream_transport *transport,
                          void *context)
{
    stream->transport = transport;
    stream->context = context;
}

void stream_end(struct stream *stream, enum stream_status how, const struct error *reason)
{
    if (stream->ended != STREAM_MOVED)
        return;
    stream->ended = how;
    stream->reason = *reason;
}

struct slice stream_input(const struct stream *stream)
{
    return slice_from(buffer_slice(&stream->input), stream->consumed);
}

void stream_consume(struct stream *stream, size_t length)
{
    stream->consumed += length;
}

/* Room for one more piece. What is left moves to the front when it is the smaller part, so that
 * each byte moves a bounded number of times. */
static bool make_room(struct stream *stream, struct error *error)
{
    struct buffer *input = &stream->input;
    size_t left = input->length - stream->consumed;

    if (left >= STREAM_INPUT_LIMIT)
        return error_set(error, EX_PROTOCOL,
                         "the server sent more than %d MiB that nobody asked for",
                         STREAM_INPUT_LIMIT / (1024 * 1024));
    if (stream->consumed > 0 && left <= stream->consumed) {
        memmove(input->bytes, input->bytes + stream->consumed, left);
        input->length = left;
        stream->consumed = 0;
    }
    return buffer_reserve(input, PIECE_SIZE) || error_set_memory(error);
}

static enum stream_status read_piece(struct stream *stream, char *bytes, size_t size, size_t *moved,
                                     struct error *error)
{
    if (stream->transport != NULL)
        return stream->transport->read(stream->context, bytes, size, moved, error);
    return socket_read(stream->fd, bytes, size, moved, error);
}

/* Reads until nothing is there or the piece is full: a transport may hold back bytes that poll(2)
 * does not see. */
enum stream_status stream_try_fill(struct stream *stream, struct error *error)
{
    enum stream_status status = STREAM_MOVED;
    struct error failure = {0};
    size_t total = 0;

    if (stream->ended == STREAM_MOVED && !make_room(stream, &failure))
        stream_end(stream, STREAM_CUT, &failure);
    if (stream->ended != STREAM_MOVED) {
        *error = stream->reason;
        return stream->ended;
    }
    while (status == STREAM_MOVED && total < PIECE_SIZE) {
        size_t moved = 0;

        status = read_piece(stream, stream->input.bytes + stream->input.length, PIECE_SIZE - total,
                            &moved, &failure);
        stream->input.length += moved;
        total += moved;
    }
    if (status == STREAM_CLOSED || status == STREAM_CUT)
        stream_end(stream, status, &failure);
    if (total > 0)
        return STREAM_MOVED;
    if (stream->ended != STREAM_MOVED)
        *error = failure;
    return status;
}

static enum stream_status write_piece(struct stream *stream, struct slice bytes, size_t *moved,
                                      struct error *error)
{
    if (stream->transport != NULL)
        return stream->transport->write(stream->context, bytes.bytes, bytes.length, moved, error);
    return socket_write(stream->fd, bytes.bytes, bytes.length, moved, error);
}

/* The write side broke; the peer's last words may still be on their way to us. */
static void keep_last_words(struct stream *stream)
{
    struct error ignored;

    while (stream_try_fill(stream, &ignored) == STREAM_MOVED)
        ;
}

/* A piece could not be sent: waits until it can, and reads what comes meanwhile. */
static bool wait_to_send(struct stream *stream, enum stream_status wanted, struct error *error)
{
    short events = wanted == STREAM_WANT_READ ? POLLIN : POLLIN | POLLOUT;
    short ready = stream_wait(stream->fd, events, stream->sent_at + stream->timeout);
    enum stream_status status = STREAM_MOVED;

    if (ready == 0)
        return stream_too_late("no answer", stream->sent_at, error);
    if (ready & ~POLLOUT)
        status = stream_try_fill(stream, error);
    return status != STREAM_CLOSED && status != STREAM_CUT;
}

static bool send_all(struct stream *stream, struct slice bytes, struct error *error)
{
    stream->sent_at = clock_now();
    while (bytes.length > 0) {
        size_t moved = 0;
        enum stream_status status = write_piece(stream, bytes, &moved, error);

        if (status == STREAM_CLOSED || status == STREAM_CUT) {
            keep_last_words(stream);
            return false;
        }
        if (status != STREAM_MOVED) {
            if (!wait_to_send(stream, status, error))
                return false;
            continue;
        }
        stream->sent_at = clock_now();
        bytes = slice_from(bytes, moved);
    }
    return true;
}

static bool send_or_end(struct stream *stream, struct slice bytes, struct error *error)
{
    bool sent;

    if (stream->ended != STREAM_MOVED) {
        *error = stream->reason;
        return false;
    }
    sent = send_all(stream, bytes, error);
    if (!sent)
        stream_end(stream, STREAM_CUT, error);
    return sent;
}

/* The output may hold a password: nothing of it stays in memory. */
static void clear_output(struct stream *stream)
{
    if (stream->output.length > 0)
        explicit_bzero(stream->output.bytes, stream->output.length);
    buffer_clear(&stream->output);
}

bool stream_flush(struct stream *stream, struct error *error)
{
    bool sent = true;

    if (stream->output.length > 0)
        sent = send_or_end(stream, buffer_slice(&stream->output), error);
    clear_output(stream);
    return sent;
}

bool stream_write(struct stream *stream, struct slice bytes, struct error *error)
{
    bool large = bytes.length >= DIRECT_SIZE && stream->output.length == 0;

    if (bytes.length >= STREAM_OUTPUT_SIZE - stream->output.length) {
        if (!stream_flush(stream, error))
            return false;
        large = bytes.length >= DIRECT_SIZE;
    }
    if (large)
        return send_or_end(stream, bytes, error);
    /* Reserved at once, so that growing leaves no copy of a password behind. */
    if (stream->output.capacity == 0 && !buffer_reserve(&stream->output, STREAM_OUTPUT_SIZE))
        return error_set_memory(error);
    return buffer_add(&stream->output, bytes) || error_set_memory(error);
}

bool stream_fill(struct stream *stream, int64_t deadline, struct error *error)
{
    if (!stream_flush(stream, error))
        return false;
    for (;;) {
        enum stream_status status = stream_try_fill(stream, error);

        if (status == STREAM_MOVED)
            return true;
        if (status == STREAM_CLOSED || status == STREAM_CUT)
            return false;
        if (stream_wait(stream->fd, status == STREAM_WANT_READ ? POLLIN : POLLOUT, deadline) == 0)
            return stream_too_late("no answer", stream->sent_at, error);
    }
}

void stream_close(struct stream *stream)
{
    if (stream->transport != NULL)
        stream->transport->close(stream->context);
    if (stream->fd >= 0)
        close(stream->fd);
    clear_output(stream);
    buffer_free(&stream->input);
    buffer_free(&stream->output);
    *stream = (struct stream){.fd = -1};
}

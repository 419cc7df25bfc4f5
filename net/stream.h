/* Buffered bytes to and from one host, always with a deadline. The transport below the buffers can
 * be replaced (TLS). Writing reads as well: a peer that answers while we still send can never
 * deadlock us. A clean close is told from a cut. */
#ifndef NET_STREAM_H
#define NET_STREAM_H

#include "base/buffer.h"
#include "base/error.h"

enum stream_status {
    STREAM_MOVED,      /* at least one byte went through */
    STREAM_WANT_READ,  /* nothing moved: wait until the socket is readable */
    STREAM_WANT_WRITE, /* nothing moved: wait until it is writable */
    STREAM_CLOSED,     /* the peer closed in the proper way */
    STREAM_CUT,        /* the connection ended in an improper way; error says how */
};

struct stream_transport {
    enum stream_status (*read)(void *context, char *bytes, size_t size, size_t *moved,
                               struct error *error);
    enum stream_status (*write)(void *context, const char *bytes, size_t length, size_t *moved,
                                struct error *error);
    void (*close)(void *context); /* says goodbye without waiting, frees the context */
};

enum { STREAM_OUTPUT_SIZE = 128 * 1024, STREAM_INPUT_LIMIT = 4 * 1024 * 1024 };

struct stream {
    int fd;                                   /* connected, non-blocking; -1 when closed */
    const struct stream_transport *transport; /* NULL: the bare socket */
    void *context;                            /* the transport's */
    int64_t timeout;                          /* milliseconds a write may make no progress */
    int64_t sent_at;                          /* when bytes last went out, or the start */
    struct buffer input;                      /* received; the first `consumed` bytes are used up */
    size_t consumed;
    struct buffer output;     /* to be sent, less than STREAM_OUTPUT_SIZE */
    enum stream_status ended; /* STREAM_MOVED until the peer closed or cut, or a write failed */
    struct error reason;      /* how it ended */
};

/* Takes over a connected, non-blocking socket. A struct may be moved by assignment. */
void stream_init(struct stream *stream, int fd, int64_t timeout);

/* From now on bytes go through `transport`, which takes over `context`. */
void stream_set_transport(struct stream *stream, const struct stream_transport *transport,
                          void *context);

/* Appends to the output; sends when STREAM_OUTPUT_SIZE is reached, and a large slice behind an
 * empty output without copying it. Errors as stream_flush. */
bool stream_write(struct stream *stream, struct slice bytes, struct error *error);

/* Sends all output, reading replies meanwhile. EX_TEMPFAIL on a close, a cut, an interrupt or
 * `timeout` without progress; EX_PROTOCOL when the peer sends more than STREAM_INPUT_LIMIT that
 * nobody asked for. What was received before a failure stays readable; nothing can be sent after
 * one. */
bool stream_flush(struct stream *stream, struct error *error);

/* Received and not yet consumed. Valid until the next call that reads. */
struct slice stream_input(const struct stream *stream);
void stream_consume(struct stream *stream, size_t length);

/* Reads what is there without waiting. STREAM_MOVED while anything new came; STREAM_CLOSED and
 * STREAM_CUT fill the error, again at each further call. */
enum stream_status stream_try_fill(struct stream *stream, struct error *error);

/* Sends all output, then waits until at least one more byte is there. EX_TEMPFAIL: "connection
 * closed by the server", "connection reset by the server", "no answer within N s", or an
 * interrupt. */
bool stream_fill(struct stream *stream, int64_t deadline, struct error *error);

/* Ends the stream for both directions with `reason`: for a transport that found it broken. */
void stream_end(struct stream *stream, enum stream_status how, const struct error *reason);

/* Waits for `events` of poll(2) on `fd`; what is ready, 0 when `deadline` passed or an interrupt
 * (base/interrupt.h) came first. */
short stream_wait(int fd, short events, int64_t deadline);

/* Why stream_wait gave 0. `missing` "no answer": "no answer within 30 s", with the time since
 * `since`; or that we were interrupted. EX_TEMPFAIL. */
bool stream_too_late(const char *missing, int64_t since, struct error *error);

/* Closes the transport and the socket and frees the buffers; harmless twice. */
void stream_close(struct stream *stream);

#endif

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
    struct buffer input;                      /* received; the first `consumed` bytes are used up */
    size_t consumed;
    struct buffer output;     /* to be sent, at most STREAM_OUTPUT_SIZE */
    enum stream_status ended; /* STREAM_MOVED until the peer closed or cut */
};

/* Takes over a connected, non-blocking socket. */
void stream_init(struct stream *stream, int fd, int64_t timeout);

/* From now on bytes go through `transport`, which takes over `context`. */
void stream_set_transport(struct stream *stream, const struct stream_transport *transport,
                          void *context);

/* Appends to the output; sends when STREAM_OUTPUT_SIZE is reached. Errors are EX_TEMPFAIL. */
bool stream_write(struct stream *stream, struct slice bytes, struct error *error);

/* Sends all output, reading replies meanwhile. EX_TEMPFAIL on a cut or `timeout` without progress;
 * EX_PROTOCOL when the peer sends more than STREAM_INPUT_LIMIT that nobody asked for. What was
 * received before a failure stays readable. */
bool stream_flush(struct stream *stream, struct error *error);

/* Received and not yet consumed. Valid until the next call that reads. */
struct slice stream_input(const struct stream *stream);
void stream_consume(struct stream *stream, size_t length);

/* Reads what is there without waiting. */
enum stream_status stream_try_fill(struct stream *stream, struct error *error);

/* Sends all output, then waits until at least one more byte is there. EX_TEMPFAIL: "closed by the
 * server", "connection reset", "no answer within N s". */
bool stream_fill(struct stream *stream, int64_t deadline, struct error *error);

/* Closes the transport and the socket and frees the buffers; harmless twice. */
void stream_close(struct stream *stream);

#endif

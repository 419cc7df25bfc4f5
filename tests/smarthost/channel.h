/* The smarthost's end of one connection, in clear or over TLS, every wait bounded by a deadline. */
#ifndef TESTS_SMARTHOST_CHANNEL_H
#define TESTS_SMARTHOST_CHANNEL_H

#include <openssl/ssl.h>

#include "base/slice.h"

struct channel {
    int fd;   /* non-blocking; -1 when closed */
    SSL *tls; /* NULL in clear */
};

enum { CHANNEL_CLOSED = 0, CHANNEL_WAITED = -1, CHANNEL_BROKEN = -2 };

/* A socket bound to 127.0.0.1, where connecting is refused until somebody listens; port 0: any. The
 * port it got is stored back. A failure ends the program. */
int channel_bind(int *port);

/* Takes over an accepted socket. */
void channel_open(struct channel *channel, int fd);

/* The number of bytes read, or CHANNEL_CLOSED, CHANNEL_WAITED, CHANNEL_BROKEN. */
long channel_read(struct channel *channel, char *bytes, size_t size, int64_t deadline);

/* Writes all of it; false when the peer is gone or takes nothing. */
bool channel_write(struct channel *channel, struct slice bytes, int64_t deadline);

/* The server's side of the handshake. */
bool channel_start_tls(struct channel *channel, SSL_CTX *context, int64_t deadline);

void channel_close(struct channel *channel); /* with TLS's goodbye */
void channel_cut(struct channel *channel);   /* without it */
void channel_reset(struct channel *channel); /* by RST */

#endif

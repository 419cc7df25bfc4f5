/* Channel bindings: what only the two ends of one TLS connection know of it, so that a login can be
 * tied to it (RFC 5056). */
#ifndef TLS_CHANNEL_H
#define TLS_CHANNEL_H

#include "base/error.h"
#include "base/slice.h"

struct stream;
struct x509_st; /* OpenSSL's X509 */

/* In the order of preference. */
enum channel_type {
    CHANNEL_EXPORTER,  /* tls-exporter (RFC 9266) */
    CHANNEL_END_POINT, /* tls-server-end-point (RFC 5929 section 4) */
    CHANNEL_TYPES
};

enum { CHANNEL_SIZE = 64 };

struct channel_binding {
    char bytes[CHANNEL_SIZE];
    size_t length;
};

/* Its registered name. */
const char *channel_name(enum channel_type type);

/* Whether the connection has such a binding: never in clear or before the handshake; the exporter's
 * below TLS 1.3 only with an extended master secret (RFC 7627); that of the end point only when the
 * signature of the server's certificate has a hash function, as Ed25519 has none. Costs nothing. */
bool channel_has(const struct stream *stream, enum channel_type type);

/* That binding. EX_SOFTWARE where there is none. */
bool channel_bind(const struct stream *stream, enum channel_type type,
                  struct channel_binding *binding, struct error *error);

/* The end point's binding as its certificate alone makes it; false where there is none. */
bool channel_of_certificate(struct x509_st *certificate, struct channel_binding *binding);

#endif

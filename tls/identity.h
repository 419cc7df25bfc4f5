/* Who we are to the server: the client certificate (tls_cert) and its key (tls_key). */
#ifndef TLS_IDENTITY_H
#define TLS_IDENTITY_H

#include <openssl/types.h>

#include "base/error.h"

/* Loads the PEM files `certificate` (with the issuers behind it, if they are there) and `key`. The
 * key's file is a secret: it belongs to root or the caller, and nobody else reads it. EX_CONFIG,
 * also for a key with a passphrase and for one of another certificate; EX_NOPERM where the key may
 * not be read. */
bool identity_load(SSL_CTX *context, const char *certificate, const char *key, struct error *error);

#endif

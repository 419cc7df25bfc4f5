/* Whom we trust: the certificates a server's chain may end at. */
#ifndef TLS_TRUST_H
#define TLS_TRUST_H

#include <openssl/x509_vfy.h>

#include "base/error.h"

struct trust {
    const char *bundle; /* PEM file to read if need be; NULL when there is none (any more) */
};

/* Fills `store` from `ca_file` (a PEM file or a hashed directory), or where that is NULL with the
 * system's hashed directory (SSL_CERT_DIR), which costs nothing until it is asked. EX_CONFIG;
 * EX_OSFILE when the system has neither that nor a bundle (SSL_CERT_FILE). */
bool trust_load(struct trust *trust, X509_STORE *store, const char *ca_file, struct error *error);

/* To be called before a chain is verified: where the hashed directory does not lead it to its end,
 * reads the bundle (SSL_CERT_FILE) into the store. What is not found then is not trusted. */
void trust_complete(struct trust *trust, X509_STORE_CTX *verification);

#endif

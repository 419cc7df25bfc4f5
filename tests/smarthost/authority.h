/* A throwaway certificate authority, made when the program starts and gone with it, and the leaf
 * certificates, good and bad, that a test wants to show. */
#ifndef TESTS_SMARTHOST_AUTHORITY_H
#define TESTS_SMARTHOST_AUTHORITY_H

#include <openssl/ssl.h>
#include <stdbool.h>

struct authority {
    EVP_PKEY *key;
    X509 *certificate;
};

/* Any failure ends the program: there is no test without it. */
void authority_create(struct authority *authority);

/* The authority's certificate, for the client's tls_ca_file. */
void authority_write(const struct authority *authority, const char *path);

/* A server's context. `words`, separated by blanks, say what is wrong or special about it:
 * wrong-name, expired, not-yet, self-signed, unknown-issuer; 1.1, 1.2, 1.3 as the one version
 * spoken; no-extended-secret (RFC 7627). None of them: valid for localhost, smtp.example, 127.0.0.1
 * and ::1. NULL for an unknown word. */
SSL_CTX *authority_context(const struct authority *authority, const char *words);

/* Makes the server ask for a client's certificate, and writes one of this name with its key. */
void authority_ask_client(const struct authority *authority, SSL_CTX *context,
                          const char *common_name, const char *path);

void authority_free(struct authority *authority);

#endif

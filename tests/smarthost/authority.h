/* A throwaway certificate authority, made when the program starts and gone with it, and the leaf
 * certificates, good and bad, that a test wants to show. */
#ifndef TESTS_SMARTHOST_AUTHORITY_H
#define TESTS_SMARTHOST_AUTHORITY_H

#include <openssl/ssl.h>
#include <stdbool.h>

struct authority {
    EVP_PKEY *key;
    X509 *certificate;
    EVP_PKEY *leaf_key; /* of every server certificate */
};

enum { AUTHORITY_PIN_SIZE = 64 };

/* Any failure ends the program: there is no test without it. */
void authority_create(struct authority *authority);

/* The authority's certificate, for the client's tls_ca_file. */
void authority_write(const struct authority *authority, const char *path);

/* A server's context. `words`, separated by blanks, say what is wrong or special about it:
 * wrong-name, expired, not-yet, self-signed, unknown-issuer; 1.1, 1.2, 1.3 as the one version
 * spoken; no-extended-secret (RFC 7627); wants-client: no client without a certificate of the
 * authority. None of them: valid for localhost, smtp.example, 127.0.0.1
 * and ::1. NULL for an unknown word. */
SSL_CTX *authority_context(const struct authority *authority, const char *words);

/* "spki:BASE64" of the key of every server certificate, for the client's tls_fingerprint. */
void authority_pin(const struct authority *authority, char pin[AUTHORITY_PIN_SIZE]);

/* Writes a client's certificate of this name with its key. */
void authority_write_client(const struct authority *authority, const char *common_name,
                            const char *path);

/* The same, and makes the server ask for one, whatever comes. */
void authority_ask_client(const struct authority *authority, SSL_CTX *context,
                          const char *common_name, const char *path);

void authority_free(struct authority *authority);

#endif

/* Throwaway certificates made at run time, good and bad. Any failure ends the program: there is no
 * test without them. */
#ifndef TESTS_SUPPORT_CERTIFICATES_H
#define TESTS_SUPPORT_CERTIFICATES_H

#include <openssl/x509.h>
#include <stdbool.h>

struct certificate {
    EVP_PKEY *key;
    X509 *x509;
};

struct certificate_request {
    const char *common_name;
    const char *names;                /* "DNS:mail.example,IP:127.0.0.1"; NULL: an authority */
    const char *raw_name;             /* instead: a DNS name with any bytes, */
    int raw_length;                   /* NUL among them */
    const struct certificate *issuer; /* NULL: signed by itself */
    int begins, ends;                 /* days from now; both 0: yesterday and tomorrow */
    bool weak;                        /* a key of RSA with 768 bits */
};

struct certificate certificate_issue(const struct certificate_request *request);

void certificate_free(struct certificate *certificate);

/* DIRECTORY/NAME as PEM: the certificate, or its key. */
void certificate_write(const struct certificate *certificate, const char *directory,
                       const char *name);
void certificate_write_key(const struct certificate *certificate, const char *directory,
                           const char *name);

/* The key with a passphrase. */
void certificate_write_locked_key(const struct certificate *certificate, const char *directory,
                                  const char *name);

/* DIRECTORY/xxxxxxxx.0, by the hash of the subject. */
void certificate_write_hashed(const struct certificate *certificate, const char *directory);

#endif

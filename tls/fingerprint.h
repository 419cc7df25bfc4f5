/* Trust in one certificate, or one key, and in nothing else (tls_fingerprint). */
#ifndef TLS_FINGERPRINT_H
#define TLS_FINGERPRINT_H

#include "base/error.h"
#include "base/text.h"

struct x509_st; /* OpenSSL's X509 */

enum { FINGERPRINTS_MAX = 8, FINGERPRINT_OCTETS = 32 };

struct fingerprint {
    bool of_key; /* of the subject public key info, which a renewed certificate may keep */
    char sha256[FINGERPRINT_OCTETS];
};

struct fingerprints {
    size_t count; /* 0: none, others decide */
    struct fingerprint list[FINGERPRINTS_MAX];
};

/* "sha256:HEX" (either case, colons between its pairs) and "spki:BASE64", blanks between them; NULL
 * is none. EX_CONFIG without the value in its sentence. */
bool fingerprint_parse(const char *value, struct fingerprints *out, struct error *error);

/* Whether `certificate` is one of these. */
bool fingerprint_matches(const struct fingerprints *fingerprints, struct x509_st *certificate);

/* Appends "sha256:HEX", or "spki:BASE64", of a certificate. */
void fingerprint_add(struct text *out, struct x509_st *certificate);
void fingerprint_add_key(struct text *out, struct x509_st *certificate);

#endif

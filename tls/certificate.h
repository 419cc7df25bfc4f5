/* Certificates in words (RFC 5280): what a person is told of them. All strings are printable. */
#ifndef TLS_CERTIFICATE_H
#define TLS_CERTIFICATE_H

#include "base/text.h"

struct stream;

/* OpenSSL's X509, X509_NAME and ASN1_TIME */
struct x509_st;
struct X509_name_st;
struct asn1_string_st;

enum { CERTIFICATE_NAME_SIZE = 256, CERTIFICATE_NAMES_SIZE = 1024, CERTIFICATE_DATE_SIZE = 32 };
enum { CERTIFICATE_SHA256_SIZE = 80, CERTIFICATE_SPKI_SIZE = 64, CERTIFICATE_KEY_SIZE = 48 };

struct tls_certificate {
    char subject[CERTIFICATE_NAME_SIZE], issuer[CERTIFICATE_NAME_SIZE]; /* "CN=Root,O=Example" */
    char names[CERTIFICATE_NAMES_SIZE]; /* DNS names and addresses, ", " between them */
    char not_before[CERTIFICATE_DATE_SIZE], not_after[CERTIFICATE_DATE_SIZE]; /* UTC */
    int64_t days_left;                                                        /* negative: ago */
    char sha256[CERTIFICATE_SHA256_SIZE];                                     /* "sha256:HEX" */
    char spki[CERTIFICATE_SPKI_SIZE];                                         /* "spki:BASE64" */
    char key[CERTIFICATE_KEY_SIZE]; /* "RSA 2048", "EC P-256" */
};

/* Fills at most `limit` certificates as the server sent them, its own first, and returns how many:
 * also after a handshake that failed on them, 0 where none came. What is too long is cut. */
size_t certificate_chain(const struct stream *stream, struct tls_certificate *chain, size_t limit);

/* --- for this folder */

void certificate_describe(struct x509_st *certificate, struct tls_certificate *out);

/* "CN=Example CA,O=Example", at most TEXT_SHOWN_LIMIT bytes. */
const char *certificate_show_name(struct text_shown *shown, const struct X509_name_st *name);

/* Its DNS names and addresses, ", " between them; nothing where it has none. */
void certificate_add_names(struct text *out, struct x509_st *certificate);

/* "2026-01-02 11:22 UTC"; `days` from now (negative: ago). */
void certificate_add_date(struct text *out, const struct asn1_string_st *date, int64_t *days);

#endif

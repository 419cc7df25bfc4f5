/* DANE (RFC 6698, RFC 7671): certificates vouched for by the DNS, as RFC 7672 has it for SMTP:
 * usages 2 and 3, the others are passed over. */
#ifndef TLS_DANE_H
#define TLS_DANE_H

#include <openssl/types.h>

#include "net/dns.h"
#include "tls/tls.h"

enum dane_state {
    DANE_UNUSED,  /* nobody asked for it, or there is nothing (that counts): issuer and name decide
                   */
    DANE_AWAITED, /* no verification before the look-up */
    DANE_LOADED   /* there are records */
};

enum { DANE_OWNER_SIZE = DNS_NAME_SIZE + 16 };

struct dane {
    enum tls_dane mode;
    enum dane_state state;
    char host[DNS_NAME_SIZE]; /* the one connected to, in whose domain the records are */
};

/* What to ask, and whom. */
struct dane_question {
    uint16_t port;
    int64_t timeout;                  /* milliseconds */
    const struct sockaddr_in *server; /* NULL outside tests */
};

/* Once for a context that is going to have such connections. */
bool dane_permit(SSL_CTX *context);

/* Before the handshake of a connection to `host`, verified as `name`; false without memory. */
bool dane_start(struct dane *dane, SSL *ssl, const char *host, const char *name);

/* From DANE_AWAITED to another state: the records of _PORT._tcp.HOST. EX_TEMPFAIL where DNS does
 * not answer or fails, which an attacker can bring about; with TLS_DANE_YES also where the answer
 * is not authenticated, and EX_NOPERM where there are no records to match. */
bool dane_look_up(struct dane *dane, SSL *ssl, const struct dane_question *question,
                  struct error *error);

/* The verification inside a handshake: 1 where the certificate is believed. */
int dane_verify(const struct dane *dane, SSL *ssl, X509_STORE_CTX *verification);

#endif

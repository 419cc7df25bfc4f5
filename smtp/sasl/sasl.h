/* SASL (RFC 4422) as SMTP uses it (RFC 4954). A mechanism is one struct in one file; it is chosen
 * with the server's list in hand. */
#ifndef SMTP_SASL_SASL_H
#define SMTP_SASL_SASL_H

#include "base/error.h"
#include "base/text.h"

enum { SASL_SECRET_SIZE = 8192 + 1, SASL_RESPONSE_SIZE = 12 * 1024 };

/* The one place where a secret lives. */
struct sasl_secret {
    char bytes[SASL_SECRET_SIZE]; /* NUL-terminated; may not hold a NUL */
    size_t length;
};

struct sasl_options {
    const char *mechanism;            /* "auto", "off", or a mechanism's name in lower case */
    const char *user;                 /* NULL or "": no AUTH */
    const struct sasl_secret *secret; /* NULL until it was read */
};

/* What a mechanism may do depends on the channel. */
struct sasl_channel {
    bool encrypted;          /* a verified TLS session */
    bool loopback;           /* the peer is this machine, by getpeername */
    bool privileged_port;    /* below 1024 */
    bool client_certificate; /* tls_cert is set */
};

enum sasl_step { SASL_SEND, SASL_FAILED };

struct sasl_mechanism {
    const char *name;     /* as in EHLO: "PLAIN" */
    bool reusable_secret; /* whoever reads the exchange can log in */
    bool client_first;    /* has an initial response */
    bool one_trip;        /* that response is all: may ride in a pipelined flight */
    bool token;           /* the secret is an OAuth token: never chosen by auto */
    /* Appends the raw (not base64) answer to `challenge` number `round` (0: the initial response,
     * challenge empty). */
    enum sasl_step (*respond)(const struct sasl_options *options, int round, struct slice challenge,
                              struct text *response, struct error *error);
};

/* The mechanism to use, of those that `offered` (the words behind AUTH in the EHLO reply) names:
 * the forced one, or for "auto" the strongest that the channel permits. NULL: EX_NOPERM, naming
 * what the server offers and the key to change. */
const struct sasl_mechanism *sasl_choose(const struct sasl_options *options, struct slice offered,
                                         const struct sasl_channel *channel, struct error *error);

/* Overwrites it so that the compiler cannot leave it out. */
void sasl_wipe(struct sasl_secret *secret);

#endif

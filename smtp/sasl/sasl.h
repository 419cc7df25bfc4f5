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

/* One login under way. */
struct sasl_exchange {
    const struct sasl_mechanism *mechanism;
    const struct sasl_options *options;
    struct sasl_channel channel;
    int round;   /* responses asked of the mechanism before */
    void *state; /* the mechanism's own, NULL at the start */
};

struct sasl_mechanism {
    const char *name;        /* as in EHLO: "PLAIN" */
    bool reusable_secret;    /* whoever reads the exchange can log in */
    bool ignores_challenges; /* they are words for people, not even base64 everywhere */
    bool client_first;       /* has an initial response */
    bool one_trip;           /* that response is all: may ride in a pipelined flight */
    bool token;              /* the secret is an OAuth token: never chosen by auto */

    /* Appends the raw (not base64) response to `challenge`, which is decoded, and empty for an
     * initial response. False: the exchange is to be cancelled, the error says why (EX_PROTOCOL for
     * a challenge that makes no sense). */
    bool (*respond)(struct sasl_exchange *exchange, struct slice challenge, struct text *response,
                    struct error *error);

    /* The server says 235: may it? A mechanism that authenticates the server looks here. NULL: yes.
     */
    bool (*conclude)(struct sasl_exchange *exchange, struct error *error);

    /* Wipes and frees exchange->state. NULL where there is none. */
    void (*end)(struct sasl_exchange *exchange);
};

extern const struct sasl_mechanism sasl_plain; /* RFC 4616 */
extern const struct sasl_mechanism sasl_login; /* draft-murchison-sasl-login-00 */

/* True when the user wants no login, whatever else is set. */
bool sasl_is_off(const struct sasl_options *options);

/* The mechanism to use, of those that `offered` (the words behind AUTH in the EHLO reply) names:
 * the forced one, or for "auto" the strongest that the channel permits. NULL: EX_NOPERM, naming
 * what the server offers and the key to change; EX_CONFIG where there is no such mechanism. */
const struct sasl_mechanism *sasl_choose(const struct sasl_options *options, struct slice offered,
                                         const struct sasl_channel *channel, struct error *error);

void sasl_begin(struct sasl_exchange *exchange, const struct sasl_mechanism *mechanism,
                const struct sasl_options *options, const struct sasl_channel *channel);

/* The mechanism's next response, counted. */
bool sasl_respond(struct sasl_exchange *exchange, struct slice challenge, struct text *response,
                  struct error *error);

bool sasl_conclude(struct sasl_exchange *exchange, struct error *error);

/* Ends an exchange that was begun; harmless twice. */
void sasl_end(struct sasl_exchange *exchange);

/* Overwrites it so that the compiler cannot leave it out. */
void sasl_wipe(struct sasl_secret *secret);

#endif

/* SASL (RFC 4422) as SMTP uses it (RFC 4954). A mechanism is one struct, a family of them one file;
 * it is chosen with the server's list in hand. */
#ifndef SMTP_SASL_SASL_H
#define SMTP_SASL_SASL_H

#include "base/error.h"
#include "base/text.h"
#include "smtp/mask.h"
#include "tls/channel.h"
#include "tls/digest.h"

enum { SASL_SECRET_SIZE = 8192 + 1, SASL_RESPONSE_SIZE = 12 * 1024 };

/* A secret, or a token; a zeroed struct holds none. */
struct sasl_secret {
    const char *bytes; /* NUL-terminated, may not hold a NUL; in a vault (base/vault.h), or NULL */
    size_t length;

    /* Puts a newer token in its place; where that fails nothing changes. NULL: there is no way. */
    bool (*renew)(struct sasl_secret *secret, struct error *error);
    const void *source; /* renew's own */
};

struct sasl_options {
    const char *mechanism;      /* "auto", "off", or a mechanism's name in lower case */
    const char *user;           /* NULL or "": no AUTH, but for EXTERNAL by name */
    struct sasl_secret *secret; /* NULL until it was read; empty where there is none */
};

/* The connection to log in on. What is pointed to must outlive the exchange. */
struct sasl_channel {
    bool encrypted;              /* a verified TLS session */
    bool loopback;               /* the peer is this machine, by getpeername */
    bool privileged_port;        /* below 1024 */
    bool client_certificate;     /* tls_cert is set */
    const struct stream *stream; /* whose TLS session a login may be bound to */
    const char *host;            /* as the user wrote it */
    uint16_t port;
    struct slice offered;    /* the words behind AUTH in the EHLO reply */
    const struct mask *mask; /* what of the server's words is not to be shown; NULL: nothing */
};

/* One login under way. */
struct sasl_exchange {
    const struct sasl_mechanism *mechanism;
    const struct sasl_options *options;
    struct sasl_channel channel;
    int round;                 /* responses asked of the mechanism before */
    int64_t deadline;          /* for what takes long to compute */
    unsigned refused_bindings; /* a bit each enum channel_type that the server does not know */
    const char *nonce;         /* NULL: a random one, as it has to be outside of tests */
    void *state;               /* the mechanism's own, NULL at the start */
};

struct sasl_mechanism {
    const char *name;        /* as in EHLO: "PLAIN" */
    bool reusable_secret;    /* whoever reads the exchange can log in */
    bool ignores_challenges; /* they are words for people, not even base64 everywhere */
    bool client_first;       /* has an initial response */
    bool one_trip;           /* that response is all: may ride in a pipelined flight */
    bool token;              /* the secret is an OAuth token: never chosen by auto */
    bool certificate;        /* no secret, the client's certificate says who it is */
    bool binds;              /* the login to the TLS session: SCRAM's -PLUS */
    enum digest_hash hash;   /* SCRAM's */

    /* Whether user and secret can be said by this mechanism: auto passes over one that cannot, as
     * long as there is another. NULL: all can. */
    bool (*suits)(const struct sasl_options *options);

    /* Appends the raw (not base64) response to `challenge`, which is decoded, and empty for an
     * initial response. False: the exchange is to be cancelled, the error says why (EX_PROTOCOL for
     * a challenge that makes no sense). The initial response may be asked for twice, in round 0. */
    bool (*respond)(struct sasl_exchange *exchange, struct slice challenge, struct text *response,
                    struct error *error);

    /* The server says 235 and `words`: may it? A mechanism that authenticates the server looks
     * here. NULL: yes. */
    bool (*conclude)(struct sasl_exchange *exchange, struct slice words, struct error *error);

    /* The login failed: adds to the error what the exchange knows about it; `words` is what the
     * server said last. NULL: nothing. */
    void (*explain)(const struct sasl_exchange *exchange, struct slice words, struct error *error);

    /* Wipes and frees exchange->state. NULL where there is none. */
    void (*end)(struct sasl_exchange *exchange);
};

extern const struct sasl_mechanism sasl_plain;    /* RFC 4616 */
extern const struct sasl_mechanism sasl_login;    /* draft-murchison-sasl-login-00 */
extern const struct sasl_mechanism sasl_cram_md5; /* RFC 2195 */
extern const struct sasl_mechanism sasl_external; /* RFC 4422 appendix A */

/* RFC 5802, RFC 7677 and their like with SHA-512 */
extern const struct sasl_mechanism sasl_scram_sha_1, sasl_scram_sha_1_plus;
extern const struct sasl_mechanism sasl_scram_sha_256, sasl_scram_sha_256_plus;
extern const struct sasl_mechanism sasl_scram_sha_512, sasl_scram_sha_512_plus;

extern const struct sasl_mechanism sasl_oauthbearer; /* RFC 7628 */
extern const struct sasl_mechanism sasl_xoauth2;     /* the same before there was an RFC */

/* True when the user wants no login, whatever else is set. */
bool sasl_is_off(const struct sasl_options *options);

/* True when `options` ask for a login: there is a user, or the certificate is to be it. */
bool sasl_is_asked(const struct sasl_options *options);

/* The mechanism to use, of those that channel->offered names: the forced one, or for "auto" the
 * strongest that the channel permits. NULL: EX_NOPERM, naming what the server offers and the key to
 * change; EX_CONFIG where there is no such mechanism, or it needs tls_cert. */
const struct sasl_mechanism *sasl_choose(const struct sasl_options *options,
                                         const struct sasl_channel *channel, struct error *error);

/* True when the server offers a mechanism that binds, whatever its hash. */
bool sasl_offers_binding(const struct sasl_channel *channel);

/* The binding to use, the strongest that the channel has and the server has not refused; false
 * where there is none (left). */
bool sasl_find_binding(const struct sasl_exchange *exchange, enum channel_type *type);

void sasl_begin(struct sasl_exchange *exchange, const struct sasl_mechanism *mechanism,
                const struct sasl_options *options, const struct sasl_channel *channel);

/* The mechanism's next response, counted. */
bool sasl_respond(struct sasl_exchange *exchange, struct slice challenge, struct text *response,
                  struct error *error);

bool sasl_conclude(struct sasl_exchange *exchange, struct slice words, struct error *error);

void sasl_explain(const struct sasl_exchange *exchange, struct slice words, struct error *error);

/* Appends a user's name as a saslname: what would end it is written by number (RFC 5801 section 4).
 * For the mechanisms. */
void sasl_add_name(struct text *out, const char *name);

/* What the server said, to be shown: secrets that it repeats are hidden, the rest is escaped; at
 * most `limit` bytes are appended, then "...". */
void sasl_add_said(const struct sasl_channel *channel, struct slice said, size_t limit,
                   struct text *out);
const char *sasl_show_said(const struct sasl_channel *channel, struct slice said,
                           struct text_shown *shown);

/* Ends an exchange that was begun; harmless twice. */
void sasl_end(struct sasl_exchange *exchange);

/* Overwrites and frees it; harmless where it holds none. */
void sasl_wipe(struct sasl_secret *secret);

#endif

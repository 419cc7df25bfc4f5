/* TLS from the client's side over a stream, verified or not at all (RFC 8314, RFC 3207, RFC 8446).
 * Only this folder includes OpenSSL. */
#ifndef TLS_TLS_H
#define TLS_TLS_H

#include "net/stream.h"

struct sockaddr_in;

enum tls_version { TLS_VERSION_1_2, TLS_VERSION_1_3 };

/* TLSA records of the DNS (RFC 7672): not asked for; where there are authenticated ones they must
 * match besides; a match of theirs is what counts. */
enum tls_dane { TLS_DANE_NO, TLS_DANE_AUTO, TLS_DANE_YES };

struct tls_options {
    const char *ca_file;    /* PEM file or hashed directory; NULL: the system's trust store */
    const char *name;       /* to verify and send as SNI; NULL: the host connected to */
    const char *cert, *key; /* client certificate, PEM; both or none */
    enum tls_version min_version;
    const char *fingerprint; /* "sha256:HEX" or "spki:BASE64", one or more: the server's certificate
                                or key is one of these, and nobody is asked for issuer, name, dates
                                or TLSA records; NULL: others decide */
    enum tls_dane dane;
};

struct tls; /* what all connections of one submission share: context, trust store */

/* NULL: EX_CONFIG for an unreadable ca_file, a certificate and key that are none or not a pair, a
 * key that others can read, a fingerprint that is none, or a broken openssl.cnf; EX_OSFILE where
 * the system's trust store is needed and not there. `options` must outlive it. */
struct tls *tls_create(const struct tls_options *options, struct error *error);

/* Streams must be closed before. */
void tls_free(struct tls *tls);

/* Makes `stream` a TLS stream, to be verified as options.name or else `host` (a name or an address
 * literal, brackets allowed). `upgraded`: the connection began in clear (STARTTLS), which tells why
 * a handshake fails. Sends nothing yet. EX_PROTOCOL when the stream still holds bytes that were
 * received in clear: they would be taken for the server's. */
bool tls_start(struct tls *tls, struct stream *stream, const char *host, bool upgraded,
               struct error *error);

/* Has to come between tls_start and tls_handshake; does nothing unless options.dane asks for it.
 * Looks up the TLSA records of the host connected to, at this port, within `timeout` milliseconds;
 * `server` as for dns_look_up. EX_TEMPFAIL when DNS gives no answer, also for TLS_DANE_AUTO: who
 * can forge a certificate can keep an answer away. For TLS_DANE_YES also when the answer is not
 * authenticated, and EX_NOPERM when there are no records. Where no resolver is believed,
 * TLS_DANE_AUTO asks none. */
bool tls_look_up(struct stream *stream, uint16_t port, int64_t timeout,
                 const struct sockaddr_in *server, struct error *error);

/* Drives the handshake to its end. Until it has succeeded nothing can be sent or received. A
 * certificate that is not trusted is EX_NOPERM with its subject, the reason and what to do; a peer
 * that speaks no TLS, or no version or cipher of ours, EX_PROTOCOL; a cut or silence EX_TEMPFAIL.
 * A failure is final: asked again, it is told again. */
bool tls_handshake(struct stream *stream, int64_t deadline, struct error *error);

/* One step of it without waiting, for racing (implicit TLS): sends the ClientHello, takes what has
 * come. STREAM_MOVED when the handshake is complete, STREAM_WANT_READ or STREAM_WANT_WRITE when it
 * is not, STREAM_CUT with the error when it failed. */
enum stream_status tls_handshake_step(struct stream *stream, struct error *error);

/* True once the server has answered with a valid ServerHello, whatever came of it afterwards: in a
 * race this is the greeting of implicit TLS, and tls_handshake tells the rest. */
bool tls_answered(const struct stream *stream);

/* OpenSSL's connection, for this folder; NULL before the handshake and on a bare stream. */
struct ssl_st *tls_session(const struct stream *stream);

/* The same at any time, also when the handshake has failed; NULL on a bare stream. */
struct ssl_st *tls_connection(const struct stream *stream);

/* Who vouches for the server after the handshake: "fingerprint", "TLSA", "issuer" or "issuer and
 * TLSA"; "" before. */
const char *tls_voucher(const struct stream *stream);

/* "TLSv1.3" and "TLS_AES_256_GCM_SHA384" after the handshake, "" on a bare stream. */
const char *tls_protocol(const struct stream *stream);
const char *tls_cipher(const struct stream *stream);

#endif

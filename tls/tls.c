/* TLS 1.2 and 1.3 for a client (RFC 5246, RFC 8446), below a stream. Invariant: no byte of a stream
 * moves through a connection whose handshake has not succeeded, and it succeeds only with a
 * certificate that was verified: it has a fingerprint we know, or TLSA records vouch for it, or it
 * leads to a trusted root and carries the name we wanted. */
#include "tls/tls.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/conf.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/clock.h"
#include "base/text.h"
#include "tls/dane.h"
#include "tls/failure.h"
#include "tls/fingerprint.h"
#include "tls/identity.h"
#include "tls/reserve.h"
#include "tls/trust.h"
#include "tls/verify.h"

enum { NAME_SIZE = 256 };

struct tls {
    const struct tls_options *options;
    SSL_CTX *context;
    struct trust trust;
    struct fingerprints fingerprints;
};

struct connection {
    SSL *ssl;
    struct tls *tls;
    bool upgraded;        /* began in clear */
    bool verified;        /* the certificate is believed */
    bool complete;        /* the handshake has succeeded */
    bool broken;          /* after a fatal error nothing may be sent, not even a goodbye */
    struct error verdict; /* on the server's certificate, when it is bad */
    char name[NAME_SIZE]; /* to be verified */
    struct dane dane;
};

/* OpenSSL's own start, with the system's openssl.cnf: a site's policy that cannot be read must not
 * be passed over. */
static bool initialise(struct error *error)
{
    OPENSSL_INIT_SETTINGS *settings = OPENSSL_INIT_new();
    bool loaded;

    if (settings == NULL)
        return error_set_memory(error);
    OPENSSL_INIT_set_config_file_flags(settings, CONF_MFLAGS_DEFAULT_SECTION |
                                                     CONF_MFLAGS_IGNORE_MISSING_FILE);
    loaded = OPENSSL_init_ssl(OPENSSL_INIT_LOAD_CONFIG, settings) == 1;
    OPENSSL_INIT_free(settings);
    return loaded || failure_set_config(error, "the system's openssl.cnf");
}

/* What OpenSSL demands of a chain it verifies, where we do not let it. */
static bool is_strong(SSL *ssl, X509 *certificate)
{
    static const int bits[] = {0, 80, 112, 128, 192, 256};
    int level = SSL_get_security_level(ssl), last = sizeof(bits) / sizeof(bits[0]) - 1;

    level = level < 0 ? 0 : level > last ? last : level;
    return EVP_PKEY_get_security_bits(X509_get0_pubkey(certificate)) >= bits[level];
}

static bool believe_fingerprint(struct connection *connection, X509_STORE_CTX *verification)
{
    const struct fingerprints *known = &connection->tls->fingerprints;
    X509 *leaf = X509_STORE_CTX_get0_cert(verification);

    if (!fingerprint_matches(known, leaf)) {
        X509_STORE_CTX_set_error(verification, X509_V_ERR_CERT_REJECTED);
        return verify_refuse_stranger(leaf, connection->name, known->list[0].of_key,
                                      &connection->verdict);
    }
    if (!is_strong(connection->ssl, leaf)) {
        X509_STORE_CTX_set_error(verification, X509_V_ERR_EE_KEY_TOO_SMALL);
        X509_STORE_CTX_set_current_cert(verification, leaf);
        return verify_explain(verification, connection->name, &connection->verdict);
    }
    X509_STORE_CTX_set_error(verification, X509_V_OK);
    return true;
}

static bool believe(struct connection *connection, X509_STORE_CTX *verification)
{
    if (connection->tls->fingerprints.count > 0)
        return believe_fingerprint(connection, verification);
    trust_complete(&connection->tls->trust, verification);
    return dane_verify(&connection->dane, connection->ssl, verification) == 1 ||
           verify_explain(verification, connection->name, &connection->verdict);
}

/* Runs inside the handshake, once the server's chain is there. In a race that can be before the
 * records are: then it runs again. */
static int verify_chain(X509_STORE_CTX *verification, void *argument)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(verification, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct connection *connection = SSL_get_app_data(ssl);

    (void)argument;
    if (connection->dane.state == DANE_AWAITED)
        return (int)SSL_set_retry_verify(ssl);
    connection->verified = believe(connection, verification);
    return connection->verified;
}

/* Never below what the system's openssl.cnf demands. */
static void set_minimum_version(SSL_CTX *context, enum tls_version version)
{
    long wanted = version == TLS_VERSION_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION;

    if (SSL_CTX_get_min_proto_version(context) < wanted)
        SSL_CTX_set_min_proto_version(context, (int)wanted);
}

/* SSL_CTX_new has taken what it understood of openssl.cnf and said nothing of the rest; asked once
 * more by name, OpenSSL tells whether there was a rest. */
static bool policy_is_sound(SSL_CTX *context)
{
    bool sound;

    ERR_clear_error();
    sound = SSL_CTX_config(context, "system_default") == 1 ||
            ERR_GET_REASON(ERR_peek_error()) == SSL_R_INVALID_CONFIGURATION_NAME;
    if (sound)
        ERR_clear_error();
    return sound;
}

/* A system without a trust store will do where no issuer is going to be asked. */
static bool set_up_trust(struct tls *tls, struct error *error)
{
    const struct tls_options *options = tls->options;

    if (!fingerprint_parse(options->fingerprint, &tls->fingerprints, error))
        return error_add_context(error, "TLS: tls_fingerprint");
    bool pinned = tls->fingerprints.count > 0;
    if (!pinned && options->dane != TLS_DANE_NO && !dane_permit(tls->context))
        return error_set_memory(error);
    if (options->ca_file == NULL && (pinned || options->dane == TLS_DANE_YES))
        return true;
    /* Who is named is trusted, also where he is no root. */
    if (options->ca_file != NULL)
        X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(tls->context), X509_V_FLAG_PARTIAL_CHAIN);
    return trust_load(&tls->trust, SSL_CTX_get_cert_store(tls->context), options->ca_file, error);
}

static bool set_up_context(struct tls *tls, struct error *error)
{
    const struct tls_options *options = tls->options;
    SSL_CTX *context = tls->context;

    set_minimum_version(context, options->min_version);
    SSL_CTX_set_options(context,
                        SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                  SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_cert_verify_callback(context, verify_chain, NULL);
    return set_up_trust(tls, error) &&
           (options->cert == NULL || identity_load(context, options->cert, options->key, error));
}

static bool set_up(struct tls *tls, struct error *error)
{
    if (!initialise(error))
        return false;
    ERR_clear_error();
    tls->context = SSL_CTX_new(TLS_client_method());
    if (tls->context == NULL || !policy_is_sound(tls->context))
        return failure_set_config(error,
                                  "the TLS policy of the system's openssl.cnf cannot be kept");
    return set_up_context(tls, error);
}

struct tls *tls_create(const struct tls_options *options, struct error *error)
{
    struct tls *tls = calloc(1, sizeof(*tls));
    bool done;

    if (tls == NULL) {
        error_set_memory(error);
        return NULL;
    }
    reserve_begin();
    tls->options = options;
    done = set_up(tls, error);
    /* Without memory OpenSSL passes over what it could not read, and blames what it could. */
    if (reserve_was_used())
        done = error_set_memory(error);
    if (done)
        return tls;
    tls_free(tls);
    return NULL;
}

void tls_free(struct tls *tls)
{
    if (tls == NULL)
        return;
    SSL_CTX_free(tls->context);
    free(tls);
}

/* Without brackets, zone and final dot, which no certificate carries. */
static bool copy_name(char *name, struct slice host, struct error *error)
{
    struct text text;

    if (host.length > 1 && host.bytes[0] == '[' && host.bytes[host.length - 1] == ']')
        host = slice_make(host.bytes + 1, host.length - 2);
    if (slice_find(host, ':') < host.length)
        host = slice_to(host, slice_find(host, '%'));
    if (host.length > 0 && host.bytes[host.length - 1] == '.')
        host.length--;
    text_init(&text, name, NAME_SIZE);
    text_add_slice(&text, host);
    /* An empty name would switch the check off. */
    if (text.length == 0 || text.overflow)
        return error_set(error, EX_CONFIG, "TLS: tls_name or host is empty or too long a name");
    return true;
}

/* RFC 9525: a wildcard is a whole label, and the subject's common name is no name of a host. */
static bool demand_name(SSL *ssl, char *name)
{
    X509_VERIFY_PARAM *parameters = SSL_get0_param(ssl);

    X509_VERIFY_PARAM_set_hostflags(parameters, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
                                                    X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    if (X509_VERIFY_PARAM_set1_ip_asc(parameters, name) == 1)
        /* SSL_dane_enable has taken it for a host's. */
        return X509_VERIFY_PARAM_set1_host(parameters, NULL, 0) == 1 &&
               SSL_set_tlsext_host_name(ssl, NULL) == 1;
    return X509_VERIFY_PARAM_set1_host(parameters, name, 0) == 1 &&
           SSL_set_tlsext_host_name(ssl, name) == 1;
}

/* The socket failed below OpenSSL. */
static void explain_socket(const struct connection *connection, int reason, struct error *error)
{
    const char *step = connection->complete ? "" : "TLS: ";

    errno = reason;
    if (reason == ECONNRESET)
        error_set(error, EX_TEMPFAIL, "%sconnection reset by the server", step);
    else if (reason == EPIPE)
        error_set(error, EX_TEMPFAIL, "%sconnection closed by the server", step);
    else if (reason == 0)
        error_set(error, EX_TEMPFAIL, "%sthe TLS connection was cut", step);
    else
        error_set_errno(error, EX_TEMPFAIL, "%sconnection lost", step);
}

static void explain_protocol(const struct connection *connection, struct error *error)
{
    struct failure_situation situation = {
        .answered = SSL_get_pending_cipher(connection->ssl) != NULL,
        .upgraded = connection->upgraded,
    };

    if (reserve_was_used())
        error_set_memory(error);
    else if (connection->verdict.exit_code != EX_OK)
        *error = connection->verdict;
    else
        failure_explain(&situation, error);
}

/* What became of an operation that did not succeed; to be called right behind it. */
static enum stream_status explain(struct connection *connection, int result, struct error *error)
{
    int reason = errno;

    switch (SSL_get_error(connection->ssl, result)) {
    case SSL_ERROR_NONE: /* all went well, and nothing was verified */
        error_set(error, EX_SOFTWARE, "TLS: the certificate was not verified");
        break;
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_RETRY_VERIFY:
        return STREAM_WANT_READ;
    case SSL_ERROR_WANT_WRITE:
        return STREAM_WANT_WRITE;
    case SSL_ERROR_ZERO_RETURN:
        explain_socket(connection, EPIPE, error);
        return STREAM_CLOSED;
    case SSL_ERROR_SYSCALL:
        explain_socket(connection, reason, error);
        break;
    default:
        explain_protocol(connection, error);
    }
    connection->broken = true;
    return STREAM_CUT;
}

/* Before an operation that explain() may have to explain. */
static void begin(void)
{
    ERR_clear_error();
    reserve_begin();
    errno = 0;
}

static enum stream_status refuse_early(struct error *error)
{
    error_set(error, EX_SOFTWARE, "TLS: used before the handshake was complete");
    return STREAM_CUT;
}

static enum stream_status read_some(void *context, char *bytes, size_t size, size_t *moved,
                                    struct error *error)
{
    struct connection *connection = context;
    int result;

    if (!connection->complete)
        return refuse_early(error);
    begin();
    result = SSL_read_ex(connection->ssl, bytes, size, moved);
    return result == 1 ? STREAM_MOVED : explain(connection, result, error);
}

static enum stream_status write_some(void *context, const char *bytes, size_t length, size_t *moved,
                                     struct error *error)
{
    struct connection *connection = context;
    int result;

    if (!connection->complete)
        return refuse_early(error);
    begin();
    result = SSL_write_ex(connection->ssl, bytes, length, moved);
    return result == 1 ? STREAM_MOVED : explain(connection, result, error);
}

static void close_connection(void *context)
{
    struct connection *connection = context;

    ERR_clear_error();
    if (connection->complete && !connection->broken)
        SSL_shutdown(connection->ssl);
    SSL_free(connection->ssl);
    free(connection);
    ERR_clear_error();
}

static const struct stream_transport transport = {read_some, write_some, close_connection};

static struct connection *connection_of(const struct stream *stream)
{
    return stream->transport == &transport ? stream->context : NULL;
}

static bool set_up_connection(struct connection *connection, const char *host, int fd,
                              struct error *error)
{
    const struct tls *tls = connection->tls;
    const char *name = tls->options->name != NULL ? tls->options->name : host;
    char where[NAME_SIZE];

    if (!copy_name(connection->name, slice_of(name), error) ||
        !copy_name(where, slice_of(host), error))
        return false;
    if (tls->fingerprints.count == 0)
        connection->dane.mode = tls->options->dane;
    reserve_begin();
    connection->ssl = SSL_new(tls->context);
    if (connection->ssl == NULL ||
        !dane_start(&connection->dane, connection->ssl, where, connection->name) ||
        !demand_name(connection->ssl, connection->name) || SSL_set_fd(connection->ssl, fd) != 1 ||
        reserve_was_used())
        return error_set_memory(error);
    SSL_set_app_data(connection->ssl, connection);
    return true;
}

bool tls_start(struct tls *tls, struct stream *stream, const char *host, bool upgraded,
               struct error *error)
{
    struct connection *connection;

    if (stream_input(stream).length > 0)
        return error_set(error, EX_PROTOCOL,
                         "TLS: bytes in clear came before the handshake; somebody may be tampering "
                         "with the connection");
    connection = calloc(1, sizeof(*connection));
    if (connection == NULL)
        return error_set_memory(error);
    connection->tls = tls;
    connection->upgraded = upgraded;
    if (!set_up_connection(connection, host, stream->fd, error)) {
        close_connection(connection);
        return false;
    }
    stream_set_transport(stream, &transport, connection);
    return true;
}

bool tls_look_up(struct stream *stream, uint16_t port, int64_t timeout,
                 const struct sockaddr_in *server, struct error *error)
{
    struct connection *connection = connection_of(stream);
    struct dane_question question = {.port = port, .timeout = timeout, .server = server};

    return connection == NULL || dane_look_up(&connection->dane, connection->ssl, &question, error);
}

/* A handshake that lives on the reserve is given up while there is some left: nothing is sent yet.
 */
static enum stream_status shake_hands(struct connection *connection, struct error *error)
{
    int result;

    begin();
    result = SSL_connect(connection->ssl);
    if (reserve_was_used()) {
        connection->broken = true;
        error_set_memory(error);
        return STREAM_CUT;
    }
    connection->complete = result == 1 && connection->verified;
    return connection->complete ? STREAM_MOVED : explain(connection, result, error);
}

enum stream_status tls_handshake_step(struct stream *stream, struct error *error)
{
    struct connection *connection = connection_of(stream);
    enum stream_status status;

    if (connection == NULL) {
        error_set(error, EX_SOFTWARE, "TLS: a handshake on a stream without TLS");
        return STREAM_CUT;
    }
    if (connection->complete)
        return STREAM_MOVED;
    if (stream->ended != STREAM_MOVED) {
        *error = stream->reason;
        return STREAM_CUT;
    }
    status = shake_hands(connection, error);
    if (status != STREAM_CUT && status != STREAM_CLOSED)
        return status;
    stream_end(stream, STREAM_CUT, error);
    return STREAM_CUT;
}

bool tls_handshake(struct stream *stream, int64_t deadline, struct error *error)
{
    const struct connection *connection = connection_of(stream);
    int64_t started = clock_now();

    if (connection != NULL && connection->dane.state == DANE_AWAITED)
        return error_set(error, EX_SOFTWARE, "TLS: a handshake before the look-up it waits for");
    for (;;) {
        enum stream_status status = tls_handshake_step(stream, error);

        if (status == STREAM_MOVED)
            return true;
        if (status == STREAM_CUT)
            return false;
        if (stream_wait(stream->fd, status == STREAM_WANT_READ ? POLLIN : POLLOUT, deadline) == 0) {
            stream_too_late("no answer", started, error);
            error_add_context(error, "TLS");
            stream_end(stream, STREAM_CUT, error);
            return false;
        }
    }
}

bool tls_answered(const struct stream *stream)
{
    const struct connection *connection = connection_of(stream);

    return connection != NULL && SSL_get_pending_cipher(connection->ssl) != NULL;
}

struct ssl_st *tls_session(const struct stream *stream)
{
    const struct connection *connection = connection_of(stream);

    return connection != NULL && connection->complete ? connection->ssl : NULL;
}

struct ssl_st *tls_connection(const struct stream *stream)
{
    const struct connection *connection = connection_of(stream);

    return connection != NULL ? connection->ssl : NULL;
}

const char *tls_voucher(const struct stream *stream)
{
    const struct connection *connection = connection_of(stream);

    if (connection == NULL || !connection->complete)
        return "";
    if (connection->tls->fingerprints.count > 0)
        return "fingerprint";
    if (connection->dane.state != DANE_LOADED)
        return "issuer";
    return connection->dane.mode == TLS_DANE_YES ? "TLSA" : "issuer and TLSA";
}

const char *tls_protocol(const struct stream *stream)
{
    const struct connection *connection = connection_of(stream);

    return connection != NULL && connection->complete ? SSL_get_version(connection->ssl) : "";
}

const char *tls_cipher(const struct stream *stream)
{
    const struct connection *connection = connection_of(stream);

    return connection != NULL && connection->complete ? SSL_get_cipher_name(connection->ssl) : "";
}

/* DANE by OpenSSL (RFC 6698, RFC 7671, RFC 7672). Invariants: records count only when their answer
 * is authenticated; with TLS_DANE_AUTO they are asked besides issuer and name, never instead; that
 * a look-up failed is never taken for "no records". */
#include "tls/dane.h"

#include <arpa/inet.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/text.h"

enum { TRUST_ANCHOR = 2, END_ENTITY = 3 }; /* the usages of RFC 7672 section 3.1 */

bool dane_permit(SSL_CTX *context)
{
    return SSL_CTX_dane_enable(context) == 1;
}

static bool is_address(const char *host)
{
    struct in6_addr address;
    return inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1;
}

bool dane_start(struct dane *dane, SSL *ssl, const char *host, const char *name)
{
    if (dane->mode == TLS_DANE_NO)
        return true;
    dane->state = DANE_AWAITED;
    if (!text_copy(dane->host, sizeof dane->host, host))
        return false;
    if (is_address(host))
        return true;
    /* An end entity's record stands for its name and dates too (RFC 7672 section 3.1.1). */
    if (SSL_dane_enable(ssl, name) != 1)
        return false;
    SSL_dane_set_flags(ssl, DANE_FLAG_NO_DANE_EE_NAMECHECKS);
    return true;
}

/* --- the look-up ------------------------------------------------------------------------------ */

/* The records that OpenSSL can use. */
static size_t load(SSL *ssl, const struct dns_answer *answer)
{
    size_t loaded = 0;
    for (size_t i = 0; i < answer->count; i++) {
        const struct dns_tlsa *tlsa = &answer->records.tlsa[i];
        if (tlsa->usage == TRUST_ANCHOR || tlsa->usage == END_ENTITY)
            loaded += SSL_dane_tlsa_add(ssl, tlsa->usage, tlsa->selector, tlsa->matching,
                                        tlsa->data, tlsa->length) == 1;
    }
    ERR_clear_error();
    return loaded;
}

/* What TLS_DANE_YES says of an answer that gives nothing to match. */
static bool refuse(const struct dns_answer *answer, const char *owner, struct error *error)
{
    struct text_shown shown;
    text_show(&shown, slice_of(owner));
    if (!answer->authenticated)
        return error_set(error, EX_TEMPFAIL,
                         "TLS: the TLSA records of %s are not authenticated, which tls_dane = yes "
                         "demands: the zone must be signed (DNSSEC), and the resolver be believed "
                         "(trust-ad in resolv.conf, or nameservers on this machine)",
                         shown.bytes);
    if (answer->count == 0)
        return error_set(error, EX_NOPERM,
                         "TLS: %s has no TLSA records, which tls_dane = yes demands; tls_dane = "
                         "auto does without",
                         shown.bytes);
    return error_set(error, EX_NOPERM,
                     "TLS: none of the TLSA records of %s can be used (usages 2 and 3 can), which "
                     "tls_dane = yes demands; tls_dane = auto does without",
                     shown.bytes);
}

static bool take(struct dane *dane, SSL *ssl, const struct dns_answer *answer, const char *owner,
                 struct error *error)
{
    bool usable = answer->authenticated && load(ssl, answer) > 0;
    if (!usable && dane->mode == TLS_DANE_YES)
        return refuse(answer, owner, error);
    dane->state = usable ? DANE_LOADED : DANE_UNUSED;
    return true;
}

static bool take_address(struct dane *dane, struct error *error)
{
    struct text_shown shown;
    if (dane->mode == TLS_DANE_YES)
        return error_set(error, EX_NOPERM,
                         "TLS: %s is an address, which has no TLSA records; tls_dane = yes needs "
                         "a name as host",
                         text_show(&shown, slice_of(dane->host)));
    dane->state = DANE_UNUSED;
    return true;
}

bool dane_look_up(struct dane *dane, SSL *ssl, const struct dane_question *question,
                  struct error *error)
{
    char owner_bytes[DANE_OWNER_SIZE];
    struct text owner;
    struct dns_answer answer;
    if (dane->state != DANE_AWAITED)
        return true;
    if (is_address(dane->host))
        return take_address(dane, error);
    text_init(&owner, owner_bytes, sizeof owner_bytes);
    text_add_format(&owner, "_%u._tcp.%s", question->port, dane->host);
    bool done =
        dns_look_up(DNS_TLSA, owner_bytes, question->server, question->timeout, &answer, error)
            ? take(dane, ssl, &answer, owner_bytes, error)
            : error_add_advice(error, "without it nobody can tell whether tls_dane is kept");
    dns_free(&answer);
    return done;
}

/* --- the verification ------------------------------------------------------------------------- */

/* The whole of it once more, by issuer and name alone, since OpenSSL knows only one or the other.
 */
static int verify_issuer_too(SSL *ssl, X509_STORE_CTX *verification)
{
    X509_STORE_CTX_set0_dane(verification, NULL);
    int believed = X509_verify_cert(verification);
    if (believed != 1)
        return believed;
    X509_STORE_CTX *again = X509_STORE_CTX_new();
    if (again == NULL || X509_STORE_CTX_init(again, X509_STORE_CTX_get0_store(verification),
                                             X509_STORE_CTX_get0_cert(verification),
                                             X509_STORE_CTX_get0_untrusted(verification)) != 1) {
        X509_STORE_CTX_set_error(verification, X509_V_ERR_OUT_OF_MEM);
        X509_STORE_CTX_free(again);
        return 0;
    }
    X509_STORE_CTX_set_default(again, "ssl_server");
    X509_VERIFY_PARAM_set1(X509_STORE_CTX_get0_param(again),
                           X509_STORE_CTX_get0_param(verification));
    X509_STORE_CTX_set0_dane(again, SSL_get0_dane(ssl));
    believed = X509_verify_cert(again);
    /* The name and the dates were good a moment ago: what was bad is the match. */
    if (believed != 1)
        X509_STORE_CTX_set_error(verification, X509_V_ERR_DANE_NO_MATCH);
    X509_STORE_CTX_free(again);
    return believed;
}

int dane_verify(const struct dane *dane, SSL *ssl, X509_STORE_CTX *verification)
{
    if (dane->mode == TLS_DANE_AUTO && dane->state == DANE_LOADED)
        return verify_issuer_too(ssl, verification);
    return X509_verify_cert(verification);
}

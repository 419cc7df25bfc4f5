/* Each verdict of X.509 verification (RFC 5280, RFC 6125) as a sentence: which certificate, what is
 * wrong with it, and what the reader can do. Everything a certificate says is escaped. */
#include "tls/verify.h"

#include <inttypes.h>

#include <openssl/x509v3.h>

#include "base/text.h"
#include "tls/certificate.h"
#include "tls/fingerprint.h"

enum { NAMES_SIZE = 512, PIN_SIZE = 128 };

struct explanation {
    X509 *certificate;       /* the one that is to blame; may be NULL */
    const char *name;        /* what was connected to, escaped */
    struct text_shown whose; /* "of mail.example", or the subject of an issuer */
};

static bool explain_expired(const struct explanation *about, struct error *error)
{
    struct text date;
    char bytes[64];
    int64_t days;

    text_init(&date, bytes, sizeof(bytes));
    certificate_add_date(&date, X509_get0_notAfter(about->certificate), &days);
    return error_set(error, EX_NOPERM,
                     "TLS: the certificate %s expired on %s (%" PRId64
                     " days ago); its owner must renew "
                     "it, unless this machine's clock is wrong",
                     about->whose.bytes, date.bytes, -days);
}

static bool explain_not_yet(const struct explanation *about, struct error *error)
{
    struct text date;
    char bytes[64];
    int64_t days;

    text_init(&date, bytes, sizeof(bytes));
    certificate_add_date(&date, X509_get0_notBefore(about->certificate), &days);
    return error_set(error, EX_NOPERM,
                     "TLS: the certificate %s is not valid before %s (in %" PRId64
                     " days); check this "
                     "machine's clock",
                     about->whose.bytes, date.bytes, days);
}

/* A common name is not a host's (RFC 9525 section 4.1), whatever it looks like. */
static bool explain_no_names(const struct explanation *about, struct error *error)
{
    struct text_shown subject;

    return error_set(error, EX_NOPERM,
                     "TLS: the server's certificate names no host (its subject \"%s\" does not "
                     "count as one), so it is not for %s",
                     certificate_show_name(&subject, X509_get_subject_name(about->certificate)),
                     about->name);
}

static bool explain_wrong_name(const struct explanation *about, struct error *error)
{
    struct text names;
    char bytes[NAMES_SIZE];

    text_init(&names, bytes, sizeof(bytes));
    certificate_add_names(&names, about->certificate);
    if (names.length == 0)
        return explain_no_names(about, error);
    return error_set(error, EX_NOPERM,
                     "TLS: the server's certificate is for %s%s, not for %s; set tls_name if that "
                     "is the right server",
                     names.bytes, names.overflow ? "..." : "", about->name);
}

static bool explain_unknown_issuer(const struct explanation *about, struct error *error)
{
    struct text_shown issuer;

    return error_set(error, EX_NOPERM,
                     "TLS: the certificate %s is not trusted: its issuer \"%s\" is unknown here; "
                     "set tls_ca_file to that issuer's certificate if you trust it",
                     about->whose.bytes,
                     certificate_show_name(&issuer, X509_get_issuer_name(about->certificate)));
}

static bool explain_self_signed(const struct explanation *about, struct error *error)
{
    return error_set(error, EX_NOPERM,
                     "TLS: the certificate %s is self-signed and not trusted here; set tls_ca_file "
                     "to a copy of it if it is the right one",
                     about->whose.bytes);
}

static bool explain_unknown_root(const struct explanation *about, struct error *error)
{
    struct text_shown subject;

    return error_set(error, EX_NOPERM,
                     "TLS: the certificate of %s is not trusted: its root \"%s\" is unknown here; "
                     "set tls_ca_file to that root's certificate if you trust it",
                     about->name,
                     certificate_show_name(&subject, X509_get_subject_name(about->certificate)));
}

static bool explain_weak(const struct explanation *about, struct error *error)
{
    return error_set(error, EX_NOPERM,
                     "TLS: the certificate %s has a key or signature too weak for this machine's "
                     "policy (SECLEVEL in openssl.cnf); its owner must replace it",
                     about->whose.bytes);
}

static bool explain_no_record(const struct explanation *about, struct error *error)
{
    return error_set(error, EX_NOPERM,
                     "TLS: the certificate of %s matches none of the server's TLSA records "
                     "(tls_dane): they are out of date, or somebody is between you and the server",
                     about->name);
}

/* The issuer's name is known here, with another key. */
static bool explain_other_key(const struct explanation *about, struct error *error)
{
    struct text_shown issuer;

    return error_set(
        error, EX_NOPERM,
        "TLS: the certificate %s was signed by another key than that of \"%s\" here; is "
        "tls_ca_file an old copy?",
        about->whose.bytes,
        certificate_show_name(&issuer, X509_get_issuer_name(about->certificate)));
}

static const struct verdict {
    int code;
    bool (*explain)(const struct explanation *about, struct error *error);
} verdicts[] = {
    {X509_V_ERR_CERT_HAS_EXPIRED, explain_expired},
    {X509_V_ERR_CERT_NOT_YET_VALID, explain_not_yet},
    {X509_V_ERR_HOSTNAME_MISMATCH, explain_wrong_name},
    {X509_V_ERR_IP_ADDRESS_MISMATCH, explain_wrong_name},
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, explain_unknown_issuer},
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, explain_unknown_issuer},
    {X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, explain_unknown_issuer},
    {X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, explain_self_signed},
    {X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, explain_unknown_root},
    {X509_V_ERR_CERT_SIGNATURE_FAILURE, explain_other_key},
    {X509_V_ERR_EE_KEY_TOO_SMALL, explain_weak},
    {X509_V_ERR_CA_KEY_TOO_SMALL, explain_weak},
    {X509_V_ERR_CA_MD_TOO_WEAK, explain_weak},
    {X509_V_ERR_DANE_NO_MATCH, explain_no_record},
};

static void show_whose(struct explanation *about, int depth)
{
    struct text_shown subject;
    struct text whose;

    text_init(&whose, about->whose.bytes, sizeof(about->whose.bytes));
    if (depth == 0 || about->certificate == NULL)
        text_add_format(&whose, "of %s", about->name);
    else
        text_add_format(&whose, "\"%s\" that issued the one of %s",
                        certificate_show_name(&subject, X509_get_subject_name(about->certificate)),
                        about->name);
}

static bool explain(const struct explanation *about, int code, struct error *error)
{
    for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]) && about->certificate != NULL;
         i++)
        if (verdicts[i].code == code)
            return verdicts[i].explain(about, error);
    return error_set(error, EX_NOPERM, "TLS: the certificate %s is not trusted: %s",
                     about->whose.bytes, X509_verify_cert_error_string(code));
}

/* A weak key is refused whoever vouches for it. */
static bool would_fingerprint_do(int code)
{
    return code != X509_V_ERR_EE_KEY_TOO_SMALL;
}

bool verify_explain(X509_STORE_CTX *verification, const char *name, struct error *error)
{
    int code = X509_STORE_CTX_get_error(verification);
    X509 *leaf = X509_STORE_CTX_get0_cert(verification);
    struct text_shown shown;
    char pin_bytes[PIN_SIZE];
    struct text pin;
    struct explanation about = {
        .certificate = X509_STORE_CTX_get_current_cert(verification),
        .name = text_show(&shown, slice_of(name)),
    };

    if (code == X509_V_ERR_DANE_NO_MATCH)
        about.certificate = leaf;
    show_whose(&about, X509_STORE_CTX_get_error_depth(verification));
    explain(&about, code, error);
    if (leaf == NULL || !would_fingerprint_do(code))
        return false;
    text_init(&pin, pin_bytes, sizeof(pin_bytes));
    fingerprint_add(&pin, leaf);
    return error_add_advice(error,
                            "to trust this very certificate, once you know that it is the "
                            "server's: tls_fingerprint = %s",
                            pin.bytes);
}

bool verify_refuse_stranger(X509 *certificate, const char *name, bool by_key, struct error *error)
{
    struct text_shown shown, subject;
    char pin_bytes[PIN_SIZE];
    struct text pin;

    text_init(&pin, pin_bytes, sizeof(pin_bytes));
    (by_key ? fingerprint_add_key : fingerprint_add)(&pin, certificate);
    return error_set(error, EX_NOPERM,
                     "TLS: the certificate of %s (\"%s\") is none that tls_fingerprint names: it "
                     "was replaced, or somebody is between you and the server; once you know that "
                     "it was replaced: tls_fingerprint = %s",
                     text_show(&shown, slice_of(name)),
                     certificate_show_name(&subject, X509_get_subject_name(certificate)),
                     pin.bytes);
}

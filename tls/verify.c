/* Each verdict of X.509 verification (RFC 5280, RFC 6125) as a sentence: which certificate, what is
 * wrong with it, and what the reader can do. Everything a certificate says is escaped. */
#include "tls/verify.h"

#include <arpa/inet.h>

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/x509v3.h>

#include "base/clock.h"
#include "base/text.h"

enum { SECONDS_A_DAY = 24 * 60 * 60, NAMES_SIZE = 512 };

struct explanation {
    X509 *certificate;       /* the one that is to blame; may be NULL */
    const char *name;        /* what was connected to, escaped */
    struct text_shown whose; /* "of mail.example", or the subject of an issuer */
};

/* "CN=Example CA,O=Example", escaped. */
static const char *show_name(struct text_shown *shown, const X509_NAME *name)
{
    BIO *memory = BIO_new(BIO_s_mem());
    char *bytes = NULL;
    long length = 0;

    if (memory != NULL && X509_NAME_print_ex(memory, name, 0, XN_FLAG_RFC2253) >= 0)
        length = BIO_get_mem_data(memory, &bytes);
    text_show(shown, slice_make(bytes, length > 0 ? (size_t)length : 0));
    BIO_free(memory);
    return shown->bytes;
}

/* "2026-01-02 11:22 UTC" and how many days from now that is (negative: ago). */
static void add_date(struct text *out, const ASN1_TIME *date, long long *days)
{
    struct tm when = {0};
    char shown[32];

    *days = 0;
    if (date == NULL || ASN1_TIME_to_tm(date, &when) != 1 ||
        strftime(shown, sizeof(shown), "%Y-%m-%d %H:%M UTC", &when) == 0) {
        text_add(out, "an unreadable date");
        return;
    }
    text_add(out, shown);
    *days = ((long long)timegm(&when) - (long long)clock_wall()) / SECONDS_A_DAY;
}

static bool explain_expired(const struct explanation *about, struct error *error)
{
    struct text date;
    char bytes[64];
    long long days;

    text_init(&date, bytes, sizeof(bytes));
    add_date(&date, X509_get0_notAfter(about->certificate), &days);
    return error_set(error, EX_NOPERM,
                     "TLS: the certificate %s expired on %s (%lld days ago); its owner must renew "
                     "it, unless this machine's clock is wrong",
                     about->whose.bytes, date.bytes, -days);
}

static bool explain_not_yet(const struct explanation *about, struct error *error)
{
    struct text date;
    char bytes[64];
    long long days;

    text_init(&date, bytes, sizeof(bytes));
    add_date(&date, X509_get0_notBefore(about->certificate), &days);
    return error_set(error, EX_NOPERM,
                     "TLS: the certificate %s is not valid before %s (in %lld days); check this "
                     "machine's clock",
                     about->whose.bytes, date.bytes, days);
}

static void add_address(struct text *out, struct slice bytes)
{
    char shown[INET6_ADDRSTRLEN] = "an unreadable address";

    if (bytes.length == sizeof(struct in_addr))
        inet_ntop(AF_INET, bytes.bytes, shown, sizeof(shown));
    else if (bytes.length == sizeof(struct in6_addr))
        inet_ntop(AF_INET6, bytes.bytes, shown, sizeof(shown));
    text_add(out, shown);
}

static void add_alternative_name(struct text *out, const GENERAL_NAME *name)
{
    int type;
    const ASN1_STRING *value = GENERAL_NAME_get0_value(name, &type);
    struct slice bytes = {0};

    if (type != GEN_DNS && type != GEN_IPADD)
        return;
    bytes =
        slice_make((const char *)ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value));
    if (out->length > 0)
        text_add(out, ", ");
    if (type == GEN_DNS)
        text_add_escaped(out, bytes, TEXT_SHOWN_LIMIT);
    else
        add_address(out, bytes);
}

/* The names a certificate is for: its alternative names, or its subject where it has none. */
static void add_names(struct text *out, X509 *certificate)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    struct text_shown subject;

    for (int i = 0; i < sk_GENERAL_NAME_num(names) && !out->overflow; i++)
        add_alternative_name(out, sk_GENERAL_NAME_value(names, i));
    GENERAL_NAMES_free(names);
    if (out->length == 0)
        text_add(out, show_name(&subject, X509_get_subject_name(certificate)));
}

static bool explain_wrong_name(const struct explanation *about, struct error *error)
{
    struct text names;
    char bytes[NAMES_SIZE];

    text_init(&names, bytes, sizeof(bytes));
    add_names(&names, about->certificate);
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
                     show_name(&issuer, X509_get_issuer_name(about->certificate)));
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
                     about->name, show_name(&subject, X509_get_subject_name(about->certificate)));
}

static bool explain_weak(const struct explanation *about, struct error *error)
{
    return error_set(error, EX_NOPERM,
                     "TLS: the certificate %s has a key or signature too weak for this machine's "
                     "policy",
                     about->whose.bytes);
}

/* The issuer's name is known here, with another key. */
static bool explain_other_key(const struct explanation *about, struct error *error)
{
    struct text_shown issuer;

    return error_set(
        error, EX_NOPERM,
        "TLS: the certificate %s was signed by another key than that of \"%s\" here; is "
        "tls_ca_file an old copy?",
        about->whose.bytes, show_name(&issuer, X509_get_issuer_name(about->certificate)));
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
                        show_name(&subject, X509_get_subject_name(about->certificate)),
                        about->name);
}

bool verify_explain(X509_STORE_CTX *verification, const char *name, struct error *error)
{
    int code = X509_STORE_CTX_get_error(verification);
    struct text_shown shown;
    struct explanation about = {
        .certificate = X509_STORE_CTX_get_current_cert(verification),
        .name = text_show(&shown, slice_of(name)),
    };

    show_whose(&about, X509_STORE_CTX_get_error_depth(verification));
    for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]) && about.certificate != NULL; i++)
        if (verdicts[i].code == code)
            return verdicts[i].explain(&about, error);
    return error_set(error, EX_NOPERM, "TLS: the certificate %s is not trusted: %s",
                     about.whose.bytes, X509_verify_cert_error_string(code));
}

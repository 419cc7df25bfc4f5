/* X.509 (RFC 5280) for people. Invariant: everything a certificate says is escaped, and only that
 * of it is believed which needs no belief: who signed it is a claim here. */
#include "tls/certificate.h"

#include <arpa/inet.h>

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/clock.h"
#include "tls/fingerprint.h"
#include "tls/tls.h"

enum { SECONDS_A_DAY = 24 * 60 * 60 };

const char *certificate_show_name(struct text_shown *shown, const X509_NAME *name)
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

void certificate_add_date(struct text *out, const ASN1_TIME *date, int64_t *days)
{
    struct tm when = {0};
    char shown[CERTIFICATE_DATE_SIZE];
    *days = 0;
    if (date == NULL || ASN1_TIME_to_tm(date, &when) != 1 ||
        strftime(shown, sizeof shown, "%Y-%m-%d %H:%M UTC", &when) == 0) {
        text_add(out, "an unreadable date");
        return;
    }
    text_add(out, shown);
    *days = ((int64_t)timegm(&when) - (int64_t)clock_wall()) / SECONDS_A_DAY;
}

static void add_address(struct text *out, struct slice bytes)
{
    char shown[INET6_ADDRSTRLEN] = "an unreadable address";
    if (bytes.length == sizeof(struct in_addr))
        inet_ntop(AF_INET, bytes.bytes, shown, sizeof shown);
    else if (bytes.length == sizeof(struct in6_addr))
        inet_ntop(AF_INET6, bytes.bytes, shown, sizeof shown);
    text_add(out, shown);
}

static void add_name(struct text *out, const GENERAL_NAME *name)
{
    int type;
    const ASN1_STRING *value = GENERAL_NAME_get0_value(name, &type);
    if (type != GEN_DNS && type != GEN_IPADD)
        return;
    struct slice bytes =
        slice_make((const char *)ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value));
    if (out->length > 0)
        text_add(out, ", ");
    if (type == GEN_DNS)
        text_add_escaped(out, bytes, TEXT_SHOWN_LIMIT);
    else
        add_address(out, bytes);
}

void certificate_add_names(struct text *out, X509 *certificate)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    for (int i = 0; i < sk_GENERAL_NAME_num(names) && !out->overflow; i++)
        add_name(out, sk_GENERAL_NAME_value(names, i));
    GENERAL_NAMES_free(names);
}

/* "P-256" for what OpenSSL calls prime256v1. */
static const char *curve_of(const EVP_PKEY *key, char *name, size_t size)
{
    if (EVP_PKEY_get_group_name(key, name, size, NULL) != 1)
        return "";
    const char *nist = EC_curve_nid2nist(OBJ_txt2nid(name));
    return nist != NULL ? nist : name;
}

static void add_key(struct text *out, const EVP_PKEY *key)
{
    char name[CERTIFICATE_KEY_SIZE] = "";
    const char *type = key != NULL ? EVP_PKEY_get0_type_name(key) : NULL;
    if (type == NULL)
        text_add(out, "unknown");
    else if (EVP_PKEY_is_a(key, "EC"))
        text_add_format(out, "EC %s", curve_of(key, name, sizeof name));
    else if (EVP_PKEY_is_a(key, "RSA") || EVP_PKEY_is_a(key, "RSA-PSS") ||
             EVP_PKEY_is_a(key, "DSA"))
        text_add_format(out, "%s %d", type, EVP_PKEY_get_bits(key));
    else
        text_add(out, type);
}

void certificate_describe(X509 *certificate, struct tls_certificate *out)
{
    struct text_shown shown;
    struct text text;
    int64_t days;
    text_copy(out->subject, sizeof out->subject,
              certificate_show_name(&shown, X509_get_subject_name(certificate)));
    text_copy(out->issuer, sizeof out->issuer,
              certificate_show_name(&shown, X509_get_issuer_name(certificate)));
    text_init(&text, out->names, sizeof out->names);
    certificate_add_names(&text, certificate);
    text_init(&text, out->not_before, sizeof out->not_before);
    certificate_add_date(&text, X509_get0_notBefore(certificate), &days);
    text_init(&text, out->not_after, sizeof out->not_after);
    certificate_add_date(&text, X509_get0_notAfter(certificate), &out->days_left);
    text_init(&text, out->sha256, sizeof out->sha256);
    fingerprint_add(&text, certificate);
    text_init(&text, out->spki, sizeof out->spki);
    fingerprint_add_key(&text, certificate);
    text_init(&text, out->key, sizeof out->key);
    add_key(&text, X509_get0_pubkey(certificate));
}

size_t certificate_chain(const struct stream *stream, struct tls_certificate *chain, size_t limit)
{
    SSL *ssl = tls_connection(stream);
    STACK_OF(X509) *sent = ssl != NULL ? SSL_get_peer_cert_chain(ssl) : NULL;
    size_t count = sk_X509_num(sent) > 0 ? (size_t)sk_X509_num(sent) : 0;
    if (count > limit)
        count = limit;
    ERR_set_mark();
    for (size_t i = 0; i < count; i++)
        certificate_describe(sk_X509_value(sent, (int)i), &chain[i]);
    ERR_pop_to_mark();
    return count;
}

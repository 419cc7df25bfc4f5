/* OpenSSL's error queue in words. A server's alert (RFC 8446 section 6) appears there as 1000 plus
 * its number. */
#include "tls/failure.h"

#include <errno.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/sslerr.h>

#include "base/text.h"

#define NO_COMMON "the server and this machine have no TLS version or cipher in common"

static const struct cause {
    int reason;
    int exit_code;
    const char *words;
} causes[] = {
    {SSL_R_UNSUPPORTED_PROTOCOL, EX_PROTOCOL, NO_COMMON},
    {SSL_R_NO_CIPHERS_AVAILABLE, EX_CONFIG, "this machine's policy permits no TLS cipher"},
    {SSL_R_NO_PROTOCOLS_AVAILABLE, EX_CONFIG, "this machine's policy permits no TLS version"},
    {SSL_R_WRONG_CIPHER_RETURNED, EX_PROTOCOL, NO_COMMON},
    {SSL_R_UNKNOWN_CIPHER_RETURNED, EX_PROTOCOL, NO_COMMON},
    {SSL_R_DH_KEY_TOO_SMALL, EX_PROTOCOL,
     "the server's Diffie-Hellman key is too small for this machine's policy"},
    {SSL_R_UNEXPECTED_EOF_WHILE_READING, EX_TEMPFAIL, "the connection was cut"},
    {SSL_AD_REASON_OFFSET + SSL_AD_PROTOCOL_VERSION, EX_PROTOCOL, NO_COMMON},
    {SSL_AD_REASON_OFFSET + SSL_AD_HANDSHAKE_FAILURE, EX_PROTOCOL, NO_COMMON},
    {SSL_AD_REASON_OFFSET + SSL_AD_INSUFFICIENT_SECURITY, EX_PROTOCOL, NO_COMMON},
    {SSL_AD_REASON_OFFSET + SSL_AD_INTERNAL_ERROR, EX_TEMPFAIL,
     "the server reports an internal error"},
    {SSL_AD_REASON_OFFSET + SSL_AD_UNRECOGNIZED_NAME, EX_PROTOCOL,
     "the server does not know the name it was asked for; set tls_name"},
    {SSL_AD_REASON_OFFSET + TLS13_AD_CERTIFICATE_REQUIRED, EX_NOPERM,
     "the server wants a client certificate; set tls_cert and tls_key"},
    {SSL_AD_REASON_OFFSET + SSL_AD_UNKNOWN_CA, EX_NOPERM,
     "the server does not trust the issuer of our certificate (tls_cert)"},
    {SSL_AD_REASON_OFFSET + SSL_AD_BAD_CERTIFICATE, EX_NOPERM,
     "the server does not accept our certificate (tls_cert)"},
    {SSL_AD_REASON_OFFSET + SSL_AD_CERTIFICATE_EXPIRED, EX_NOPERM,
     "the server says that our certificate (tls_cert) has expired"},
    {SSL_AD_REASON_OFFSET + SSL_AD_CERTIFICATE_REVOKED, EX_NOPERM,
     "the server says that our certificate (tls_cert) is revoked"},
    {SSL_AD_REASON_OFFSET + SSL_AD_CERTIFICATE_UNKNOWN, EX_NOPERM,
     "the server does not accept our certificate (tls_cert)"},
    {SSL_AD_REASON_OFFSET + SSL_AD_ACCESS_DENIED, EX_NOPERM, "the server denies us access"},
};

/* Before a ServerHello came, bytes that make no record of TLS are another protocol. */
static bool explain_no_tls(const struct failure_situation *situation, struct error *error)
{
    error_set(error, EX_PROTOCOL, "TLS: the server speaks no TLS on this port");
    return situation->upgraded ? false : error_add_advice(error, "use tls = starttls");
}

/* Behind its ServerHello version and cipher are settled: TLS 1.2 has no better word for this. */
static bool explain_no_certificate(struct error *error)
{
    return error_set(error, EX_NOPERM,
                     "TLS: the server broke off the handshake, as one does that wants a client "
                     "certificate (tls_cert and tls_key), or another one");
}

static bool explain_other(unsigned long code, struct error *error)
{
    int reason = ERR_GET_REASON(code);
    const char *words = ERR_reason_error_string(code);

    if (reason > SSL_AD_REASON_OFFSET && reason < SSL_AD_REASON_OFFSET + 256)
        return error_set(error, EX_PROTOCOL, "TLS: the server broke off with alert %d: %s",
                         reason - SSL_AD_REASON_OFFSET,
                         SSL_alert_desc_string_long(reason - SSL_AD_REASON_OFFSET));
    return error_set(error, EX_PROTOCOL, "TLS: the protocol failed: %s",
                     words != NULL ? words : "no reason given");
}

bool failure_explain(const struct failure_situation *situation, struct error *error)
{
    unsigned long code = ERR_peek_error();
    int reason = ERR_GET_LIB(code) == ERR_LIB_SSL ? ERR_GET_REASON(code) : 0;

    ERR_clear_error();
    if (situation->answered && reason == SSL_AD_REASON_OFFSET + SSL_AD_HANDSHAKE_FAILURE)
        return explain_no_certificate(error);
    for (size_t i = 0; i < sizeof(causes) / sizeof(causes[0]); i++)
        if (causes[i].reason == reason)
            return error_set(error, causes[i].exit_code, "TLS: %s", causes[i].words);
    if (!situation->answered && reason != 0 && reason < SSL_AD_REASON_OFFSET)
        return explain_no_tls(situation, error);
    return explain_other(code, error);
}

bool failure_set_config(struct error *error, const char *what)
{
    const char *data = NULL;
    int flags = 0;
    unsigned long code = ERR_peek_error_all(NULL, NULL, NULL, &data, &flags);
    bool system = ERR_SYSTEM_ERROR(code);
    const char *words = system ? strerror(ERR_GET_REASON(code)) : ERR_reason_error_string(code);
    bool has_data = !system && (flags & ERR_TXT_STRING) != 0 && data != NULL && *data != '\0';
    struct text_shown what_shown, data_shown;

    if (system && ERR_GET_REASON(code) == ENOMEM) {
        ERR_clear_error();
        return error_set_memory(error);
    }
    text_show(&what_shown, slice_of(what));
    if (words == NULL)
        error_set(error, EX_CONFIG, "TLS: %s", what_shown.bytes);
    else if (!has_data)
        error_set(error, EX_CONFIG, "TLS: %s: %s", what_shown.bytes, words);
    else
        error_set(error, EX_CONFIG, "TLS: %s: %s (%s)", what_shown.bytes, words,
                  text_show(&data_shown, slice_of(data)));
    ERR_clear_error();
    return false;
}

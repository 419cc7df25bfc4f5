/* SHA-256 of a certificate, or of its SubjectPublicKeyInfo (RFC 7469 section 2.4), in DER. Both are
 * compared as octets: how somebody writes them does not matter. */
#include "tls/fingerprint.h"

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/x509.h>

#include "base/codec.h"
#include "tls/digest.h"

static const char certificate_prefix[] = "sha256:", key_prefix[] = "spki:";

static int hex_value(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    digit |= 0x20;
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

static bool parse_hex(struct slice hex, char *octets)
{
    for (size_t i = 0; i < FINGERPRINT_OCTETS; i++) {
        if (i > 0 && hex.length > 0 && hex.bytes[0] == ':')
            hex = slice_from(hex, 1);
        if (hex.length < 2 || hex_value(hex.bytes[0]) < 0 || hex_value(hex.bytes[1]) < 0)
            return false;
        octets[i] = (char)(hex_value(hex.bytes[0]) << 4 | hex_value(hex.bytes[1]));
        hex = slice_from(hex, 2);
    }
    return hex.length == 0;
}

static bool parse_base64(struct slice base64, char *octets)
{
    char bytes[FINGERPRINT_OCTETS + 1];
    struct text text;
    text_init(&text, bytes, sizeof bytes);
    if (!codec_base64_decode(&text, base64) || text.length != FINGERPRINT_OCTETS)
        return false;
    memcpy(octets, bytes, FINGERPRINT_OCTETS);
    return true;
}

static bool parse_one(struct slice word, struct fingerprint *out)
{
    out->of_key = slice_starts_nocase(word, key_prefix);
    if (out->of_key)
        return parse_base64(slice_from(word, strlen(key_prefix)), out->sha256);
    return slice_starts_nocase(word, certificate_prefix) &&
           parse_hex(slice_from(word, strlen(certificate_prefix)), out->sha256);
}

bool fingerprint_parse(const char *value, struct fingerprints *out, struct error *error)
{
    struct slice rest = slice_of(value), word;
    *out = (struct fingerprints){0};
    while (slice_cut_word(&rest, &word)) {
        if (out->count == FINGERPRINTS_MAX)
            return error_set(error, EX_CONFIG, "more than %d fingerprints", FINGERPRINTS_MAX);
        if (!parse_one(word, &out->list[out->count++]))
            return error_set(error, EX_CONFIG,
                             "must be sha256: with 64 hexadecimal digits, or spki: with the 44 "
                             "characters of a SHA-256 in base64, or several with blanks between "
                             "them");
    }
    return value == NULL || out->count > 0 || error_set(error, EX_CONFIG, "names no fingerprint");
}

/* Of what `encode` made, which may have failed. */
static bool hash(unsigned char *der, int length, struct digest *out)
{
    struct error ignored;
    bool done =
        length > 0 &&
        digest_of(DIGEST_SHA256, slice_make((const char *)der, (size_t)length), out, &ignored);
    OPENSSL_free(der);
    return done;
}

static bool hash_certificate(X509 *certificate, struct digest *out)
{
    unsigned char *der = NULL;
    int length = i2d_X509(certificate, &der);
    return hash(der, length, out);
}

static bool hash_key(X509 *certificate, struct digest *out)
{
    unsigned char *der = NULL;
    int length = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
    return hash(der, length, out);
}

bool fingerprint_matches(const struct fingerprints *fingerprints, X509 *certificate)
{
    struct digest of_certificate, of_key;
    if (certificate == NULL || !hash_certificate(certificate, &of_certificate) ||
        !hash_key(certificate, &of_key))
        return false;
    for (size_t i = 0; i < fingerprints->count; i++) {
        const struct fingerprint *wanted = &fingerprints->list[i];
        struct slice octets = slice_make(wanted->sha256, FINGERPRINT_OCTETS);
        if (slice_equals(octets, digest_slice(wanted->of_key ? &of_key : &of_certificate)))
            return true;
    }
    return false;
}

void fingerprint_add(struct text *out, X509 *certificate)
{
    struct digest digest;
    text_add(out, certificate_prefix);
    if (!hash_certificate(certificate, &digest))
        return;
    for (size_t i = 0; i < digest.length; i++)
        text_add_format(out, "%02x", (unsigned)(unsigned char)digest.bytes[i]);
}

void fingerprint_add_key(struct text *out, X509 *certificate)
{
    struct digest digest;
    text_add(out, key_prefix);
    if (hash_key(certificate, &digest))
        codec_base64_encode(out, digest_slice(&digest));
}

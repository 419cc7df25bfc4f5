/* Channel bindings (RFC 5929, RFC 9266). Invariant: a binding is never made up. Where the RFCs do
 * not define one, there is none. */
#include "tls/channel.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "tls/tls.h"

enum { EXPORTER_LENGTH = 32 };

const char *channel_name(enum channel_type type)
{
    return type == CHANNEL_EXPORTER ? "tls-exporter" : "tls-server-end-point";
}

/* The hash of the certificate's signature, MD5 and SHA-1 replaced; NULL where the signature has
 * none of its own. */
static const EVP_MD *hash_of(X509 *certificate)
{
    int hash = NID_undef;

    if (X509_get_signature_info(certificate, &hash, NULL, NULL, NULL) != 1 || hash == NID_undef)
        return NULL;
    return hash == NID_md5 || hash == NID_sha1 ? EVP_sha256() : EVP_get_digestbynid(hash);
}

bool channel_of_certificate(struct x509_st *certificate, struct channel_binding *binding)
{
    const EVP_MD *hash = hash_of(certificate);
    unsigned length = 0;

    if (hash == NULL || EVP_MD_get_size(hash) > CHANNEL_SIZE ||
        X509_digest(certificate, hash, (unsigned char *)binding->bytes, &length) != 1)
        return false;
    binding->length = length;
    return true;
}

static bool has_exporter(SSL *ssl)
{
    return SSL_version(ssl) >= TLS1_3_VERSION || SSL_get_extms_support(ssl) == 1;
}

static bool export(SSL *ssl, struct channel_binding *binding)
{
    static const char label[] = "EXPORTER-Channel-Binding";

    binding->length = EXPORTER_LENGTH;
    return has_exporter(ssl) &&
           SSL_export_keying_material(ssl, (unsigned char *)binding->bytes, EXPORTER_LENGTH, label,
                                      strlen(label), (const unsigned char *)"", 0, 1) == 1;
}

bool channel_has(const struct stream *stream, enum channel_type type)
{
    SSL *ssl = tls_session(stream);
    X509 *certificate = ssl == NULL ? NULL : SSL_get0_peer_certificate(ssl);

    if (certificate == NULL)
        return false;
    return type == CHANNEL_EXPORTER ? has_exporter(ssl) : hash_of(certificate) != NULL;
}

bool channel_bind(const struct stream *stream, enum channel_type type,
                  struct channel_binding *binding, struct error *error)
{
    SSL *ssl = tls_session(stream);
    bool bound = channel_has(stream, type) &&
                 (type == CHANNEL_EXPORTER
                      ? export(ssl, binding)
                      : channel_of_certificate(SSL_get0_peer_certificate(ssl), binding));

    ERR_clear_error();
    return bound || error_set(error, EX_SOFTWARE, "the connection has no %s", channel_name(type));
}

/* X.509 as RFC 5280 has it, as little of it as OpenSSL's verification looks at. */
#include "tests/smarthost/authority.h"

#include <err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const char valid_names[] = "DNS:localhost,DNS:smtp.example,IP:127.0.0.1,IP:0:0:0:0:0:0:0:1";

enum { DAY = 24 * 60 * 60 };

/* What a certificate is to be. */
struct request {
    const char *common_name;
    const char *names; /* subjectAltName; NULL: an authority */
    long begins, ends; /* seconds from now */
    int version;       /* the one TLS version; 0: all that are safe */
    bool no_secret;    /* no extended master secret (RFC 7627) */
    bool wants_client; /* demands a client's certificate */
    bool own, foreign; /* signed by itself; signed by a stranger */
};

static void *need(void *object)
{
    if (object == NULL)
        errx(1, "OpenSSL failed to make a certificate");
    return object;
}

static void add_extension(X509 *certificate, int nid, const char *value)
{
    X509_EXTENSION *extension = need(X509V3_EXT_conf_nid(NULL, NULL, nid, value));

    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
}

static X509 *issue(const struct request *request, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key)
{
    X509 *certificate = need(X509_new());
    X509_NAME *name = X509_get_subject_name(certificate);
    unsigned char serial[8];

    RAND_bytes(serial, sizeof serial);
    serial[0] = 1;
    X509_set_version(certificate, X509_VERSION_3);
    ASN1_STRING_set(X509_get_serialNumber(certificate), serial, sizeof serial);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                               (const unsigned char *)request->common_name, -1, -1, 0);
    X509_set_issuer_name(certificate, issuer ? X509_get_subject_name(issuer) : name);
    X509_gmtime_adj(X509_getm_notBefore(certificate), request->begins);
    X509_gmtime_adj(X509_getm_notAfter(certificate), request->ends);
    X509_set_pubkey(certificate, key);
    if (request->names != NULL) {
        add_extension(certificate, NID_subject_alt_name, request->names);
        add_extension(certificate, NID_basic_constraints, "critical,CA:FALSE");
    } else {
        add_extension(certificate, NID_basic_constraints, "critical,CA:TRUE");
        add_extension(certificate, NID_key_usage, "critical,keyCertSign,cRLSign");
    }
    if (X509_sign(certificate, issuer_key ? issuer_key : key, EVP_sha256()) == 0)
        need(NULL);
    return certificate;
}

static void create(struct authority *authority, const char *common_name)
{
    struct request request = {
        .common_name = common_name, .begins = -DAY, .ends = DAY, .version = 0};

    authority->key = need(EVP_EC_gen("P-256"));
    authority->certificate = issue(&request, authority->key, NULL, NULL);
    authority->leaf_key = need(EVP_EC_gen("P-256"));
}

void authority_create(struct authority *authority)
{
    create(authority, "Throwaway test authority");
}

void authority_write(const struct authority *authority, const char *path)
{
    FILE *file = fopen(path, "w");

    if (file == NULL || PEM_write_X509(file, authority->certificate) != 1 || fclose(file) != 0)
        err(1, "%s", path);
}

static bool take_word(struct request *request, const char *word)
{
    if (strcmp(word, "wrong-name") == 0)
        request->names = "DNS:other.example,DNS:*.elsewhere.example";
    else if (strcmp(word, "expired") == 0)
        request->begins = -30 * DAY, request->ends = -20 * DAY;
    else if (strcmp(word, "not-yet") == 0)
        request->begins = 20 * DAY, request->ends = 30 * DAY;
    else if (strcmp(word, "self-signed") == 0)
        request->own = true;
    else if (strcmp(word, "unknown-issuer") == 0)
        request->foreign = true;
    else if (strcmp(word, "no-extended-secret") == 0)
        request->no_secret = true;
    else if (strcmp(word, "wants-client") == 0)
        request->wants_client = true;
    else if (strcmp(word, "1.1") == 0)
        request->version = TLS1_1_VERSION;
    else if (strcmp(word, "1.2") == 0)
        request->version = TLS1_2_VERSION;
    else if (strcmp(word, "1.3") == 0)
        request->version = TLS1_3_VERSION;
    else
        return false;
    return true;
}

static bool take_words(struct request *request, const char *words)
{
    char copy[128], *rest = copy, *word;

    snprintf(copy, sizeof copy, "%s", words);
    while ((word = strsep(&rest, " ")) != NULL)
        if (*word != 0 && !take_word(request, word))
            return false;
    return true;
}

static void ask_client(const struct authority *authority, SSL_CTX *context, int how)
{
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context), authority->certificate);
    SSL_CTX_set_verify(context, how, NULL);
}

SSL_CTX *authority_context(const struct authority *authority, const char *words)
{
    struct request request = {
        .common_name = "smarthost", .names = valid_names, .begins = -DAY, .ends = DAY};
    struct authority stranger = {0};
    const struct authority *signer = authority;
    SSL_CTX *context;
    EVP_PKEY *key = authority->leaf_key;
    X509 *leaf;

    if (!take_words(&request, words))
        return NULL;
    if (request.foreign) {
        create(&stranger, "Some other authority");
        signer = &stranger;
    }
    leaf = issue(&request, key, request.own ? NULL : signer->certificate,
                 request.own ? NULL : signer->key);
    context = need(SSL_CTX_new(TLS_server_method()));
    SSL_CTX_use_certificate(context, leaf);
    SSL_CTX_use_PrivateKey(context, key);
    if (request.version == TLS1_1_VERSION)
        SSL_CTX_set_security_level(context, 0);
    if (request.version != 0) {
        SSL_CTX_set_min_proto_version(context, request.version);
        SSL_CTX_set_max_proto_version(context, request.version);
    }
    if (request.no_secret)
        SSL_CTX_set_options(context, SSL_OP_NO_EXTENDED_MASTER_SECRET);
    if (request.wants_client)
        ask_client(authority, context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT);
    X509_free(leaf);
    authority_free(&stranger);
    return context;
}

void authority_pin(const struct authority *authority, char pin[AUTHORITY_PIN_SIZE])
{
    unsigned char *der = NULL, digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    int length = i2d_PUBKEY(authority->leaf_key, &der);

    if (length <= 0 || EVP_Digest(der, (size_t)length, digest, &size, EVP_sha256(), NULL) != 1)
        need(NULL);
    OPENSSL_free(der);
    memcpy(pin, "spki:", 5);
    EVP_EncodeBlock((unsigned char *)pin + 5, digest, (int)size);
}

void authority_write_client(const struct authority *authority, const char *common_name,
                            const char *path)
{
    struct request request = {
        .common_name = common_name, .names = "DNS:client.example", .begins = -DAY, .ends = DAY};
    EVP_PKEY *key = need(EVP_EC_gen("P-256"));
    X509 *certificate = issue(&request, key, authority->certificate, authority->key);
    FILE *file = fopen(path, "w");

    if (file == NULL || fchmod(fileno(file), 0600) != 0 || PEM_write_X509(file, certificate) != 1 ||
        PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) != 1 || fclose(file) != 0)
        err(1, "%s", path);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

void authority_ask_client(const struct authority *authority, SSL_CTX *context,
                          const char *common_name, const char *path)
{
    authority_write_client(authority, common_name, path);
    ask_client(authority, context, SSL_VERIFY_PEER);
}

void authority_free(struct authority *authority)
{
    X509_free(authority->certificate);
    EVP_PKEY_free(authority->key);
    EVP_PKEY_free(authority->leaf_key);
    *authority = (struct authority){0};
}

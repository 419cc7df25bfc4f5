/* X.509 (RFC 5280), as little of it as verification looks at. */
#include "tests/support/certificates.h"

#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>

#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

enum { DAY = 24 * 60 * 60, PATH_SIZE = 512 };

static void *need(void *object)
{
    if (object == NULL)
        errx(1, "OpenSSL failed to make a certificate");
    return object;
}

static void add_extension(X509 *x509, int nid, const char *value)
{
    X509_EXTENSION *extension = need(X509V3_EXT_conf_nid(NULL, NULL, nid, value));

    X509_add_ext(x509, extension, -1);
    X509_EXTENSION_free(extension);
}

static void set_validity(X509 *x509, const struct certificate_request *request)
{
    bool standard = request->begins == 0 && request->ends == 0;

    X509_gmtime_adj(X509_getm_notBefore(x509), (standard ? -1 : request->begins) * DAY);
    X509_gmtime_adj(X509_getm_notAfter(x509), (standard ? 1 : request->ends) * DAY);
}

static void add_raw_name(X509 *x509, const struct certificate_request *request)
{
    GENERAL_NAMES *names = need(GENERAL_NAMES_new());
    GENERAL_NAME *name = need(GENERAL_NAME_new());
    ASN1_IA5STRING *value = need(ASN1_IA5STRING_new());

    ASN1_STRING_set(value, request->raw_name, request->raw_length);
    GENERAL_NAME_set0_value(name, GEN_DNS, value);
    sk_GENERAL_NAME_push(names, name);
    X509_add1_ext_i2d(x509, NID_subject_alt_name, names, 0, 0);
    GENERAL_NAMES_free(names);
}

static void set_extensions(X509 *x509, const struct certificate_request *request)
{
    if (request->names == NULL && request->raw_name == NULL) {
        add_extension(x509, NID_basic_constraints, "critical,CA:TRUE");
        add_extension(x509, NID_key_usage, "critical,keyCertSign,cRLSign");
        return;
    }
    add_extension(x509, NID_basic_constraints, "critical,CA:FALSE");
    if (request->raw_name != NULL)
        add_raw_name(x509, request);
    else if (*request->names != '\0')
        add_extension(x509, NID_subject_alt_name, request->names);
}

struct certificate certificate_issue(const struct certificate_request *request)
{
    struct certificate made = {need(request->weak ? EVP_RSA_gen(768) : EVP_EC_gen("P-256")),
                               need(X509_new())};
    const struct certificate *issuer = request->issuer != NULL ? request->issuer : &made;
    X509_NAME *name = X509_get_subject_name(made.x509);
    unsigned char serial[8];

    RAND_bytes(serial, sizeof(serial));
    serial[0] = 1;
    X509_set_version(made.x509, X509_VERSION_3);
    ASN1_STRING_set(X509_get_serialNumber(made.x509), serial, sizeof(serial));
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                               (const unsigned char *)request->common_name, -1, -1, 0);
    X509_set_issuer_name(made.x509, X509_get_subject_name(issuer->x509));
    set_validity(made.x509, request);
    X509_set_pubkey(made.x509, made.key);
    set_extensions(made.x509, request);
    if (X509_sign(made.x509, issuer->key, EVP_sha256()) == 0)
        need(NULL);
    return made;
}

void certificate_free(struct certificate *certificate)
{
    X509_free(certificate->x509);
    EVP_PKEY_free(certificate->key);
    *certificate = (struct certificate){0};
}

static FILE *open_file(const char *directory, const char *name)
{
    char path[PATH_SIZE];
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", directory, name);
    file = fopen(path, "w");
    if (file == NULL)
        err(1, "%s", path);
    return file;
}

static void close_file(FILE *file, int written)
{
    if (written != 1 || fclose(file) != 0)
        err(1, "writing a certificate");
}

void certificate_write(const struct certificate *certificate, const char *directory,
                       const char *name)
{
    FILE *file = open_file(directory, name);

    close_file(file, PEM_write_X509(file, certificate->x509));
}

static void write_key(const struct certificate *certificate, const char *directory,
                      const char *name, const char *passphrase)
{
    FILE *file = open_file(directory, name);
    const EVP_CIPHER *cipher = passphrase != NULL ? EVP_aes_128_cbc() : NULL;

    if (fchmod(fileno(file), 0600) != 0)
        err(1, "%s", name);
    close_file(file, PEM_write_PKCS8PrivateKey(file, certificate->key, cipher, NULL, 0, NULL,
                                               (void *)(uintptr_t)passphrase));
}

void certificate_write_key(const struct certificate *certificate, const char *directory,
                           const char *name)
{
    write_key(certificate, directory, name, NULL);
}

void certificate_write_locked_key(const struct certificate *certificate, const char *directory,
                                  const char *name)
{
    write_key(certificate, directory, name, "secret");
}

void certificate_write_hashed(const struct certificate *certificate, const char *directory)
{
    char name[32];

    snprintf(name, sizeof(name), "%08lx.0", X509_subject_name_hash(certificate->x509));
    certificate_write(certificate, directory, name);
}

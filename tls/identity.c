/* The client certificate. Invariant: the key is read from a file that was judged by its descriptor,
 * and what held it here is overwritten. */
#include "tls/identity.h"

#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "base/file.h"
#include "base/text.h"
#include "tls/digest.h"
#include "tls/failure.h"

enum { KEY_LIMIT = 64 * 1024 };

/* There is nobody to ask. */
static int no_passphrase(char *buffer, int size, int writing, void *asked)
{
    (void)buffer;
    (void)size;
    (void)writing;
    *(bool *)asked = true;
    return -1;
}

static bool load_certificate(SSL_CTX *context, const char *path, struct error *error)
{
    if (SSL_CTX_use_certificate_chain_file(context, path) == 1)
        return true;
    failure_set_config(error, path);
    return error_add_advice(error, "tls_cert must be a PEM certificate");
}

static bool judge_mode(const struct stat *status, const char *path, struct error *error)
{
    struct text_shown shown;
    if ((status->st_mode & 077) == 0)
        return true;
    text_show(&shown, slice_of(path));
    return error_set(error, EX_CONFIG,
                     "TLS: tls_key %s: %s can read it (mode %04o); run: chmod 600 %s", shown.bytes,
                     (status->st_mode & 007) != 0 ? "others" : "its group",
                     (unsigned)status->st_mode & 07777, shown.bytes);
}

static bool read_key(const char *path, struct buffer *pem, struct error *error)
{
    struct stat status;
    int fd = file_open_trusted(path, &status, error);
    if (fd < 0) {
        if (error->exit_code == EX_NOINPUT)
            error->exit_code = EX_CONFIG; /* 66 is for the message's file */
        return error_add_context(error, "TLS: tls_key");
    }
    bool done = judge_mode(&status, path, error);
    if (done)
        done =
            (buffer_reserve(pem, KEY_LIMIT + 1) || error_set_memory(error)) &&
            (file_read_all(fd, KEY_LIMIT, pem, error) || error_add_context(error, "TLS: tls_key"));
    close(fd);
    return done;
}

static bool use_key(SSL_CTX *context, struct slice pem, const char *path, struct error *error)
{
    bool encrypted = false;
    struct text_shown shown;
    BIO *memory = BIO_new_mem_buf(pem.bytes, (int)pem.length);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(memory, NULL, no_passphrase, &encrypted);
    BIO_free(memory);
    text_show(&shown, slice_of(path));
    if (encrypted) {
        ERR_clear_error();
        return error_set(error, EX_CONFIG,
                         "TLS: tls_key %s has a passphrase, and there is nobody to ask for it; "
                         "openssl pkey writes it without one",
                         shown.bytes);
    }
    if (key == NULL) {
        failure_set_config(error, path);
        return error_add_advice(error, "tls_key must be a PEM key");
    }
    bool used = SSL_CTX_use_PrivateKey(context, key) == 1;
    EVP_PKEY_free(key);
    if (used)
        return true;
    failure_set_config(error, path);
    return error_add_advice(error, "tls_key must be the key of tls_cert");
}

bool identity_load(SSL_CTX *context, const char *certificate, const char *key, struct error *error)
{
    struct buffer pem = {0};
    bool loaded = load_certificate(context, certificate, error) && read_key(key, &pem, error) &&
                  use_key(context, buffer_slice(&pem), key, error);
    if (pem.bytes != NULL)
        digest_wipe(pem.bytes, pem.length);
    buffer_free(&pem);
    return loaded;
}

/* The trust store, the cheap way. Parsing the system's bundle of some 140 certificates costs more
 * than everything else the program does, and one of them is needed. So the hashed directory, in
 * which OpenSSL finds a certificate by the hash of its subject, is asked first, and the bundle is
 * read only when no chain can be built from there. */
#include "tls/trust.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "base/text.h"

/* "xxxxxxxx.0": the subject's hash and a number. */
static bool is_hashed_name(const char *name)
{
    return strspn(name, "0123456789abcdef") == 8 && name[8] == '.' &&
           isdigit((unsigned char)name[9]);
}

static bool is_hashed_directory(const char *path)
{
    DIR *directory = opendir(path);
    const struct dirent *entry;
    bool found = false;

    if (directory == NULL)
        return false;
    while (!found && (entry = readdir(directory)) != NULL)
        found = is_hashed_name(entry->d_name);
    closedir(directory);
    return found;
}

static bool add_directory(X509_STORE *store, const char *path)
{
    X509_LOOKUP *lookup = X509_STORE_add_lookup(store, X509_LOOKUP_hash_dir());

    return lookup != NULL && X509_LOOKUP_add_dir(lookup, path, X509_FILETYPE_PEM) == 1;
}

static bool load_configured(X509_STORE *store, const char *path, struct error *error)
{
    struct text_shown shown;
    struct stat status;

    text_show(&shown, slice_of(path));
    if (stat(path, &status) != 0)
        return error_set_errno(error, EX_CONFIG, "TLS: tls_ca_file %s", shown.bytes);
    if (!S_ISDIR(status.st_mode)) {
        errno = 0;
        if (X509_STORE_load_file(store, path) == 1)
            return true;
        if (errno == EACCES)
            return error_set_errno(error, EX_CONFIG, "TLS: tls_ca_file %s", shown.bytes);
        if (errno == ENOMEM)
            return error_set_memory(error);
        return error_set(error, EX_CONFIG, "TLS: tls_ca_file %s holds no readable PEM certificate",
                         shown.bytes);
    }
    if (!is_hashed_directory(path))
        return error_set(error, EX_CONFIG,
                         "TLS: tls_ca_file %s is a directory without names like 01234567.0; run "
                         "openssl rehash on it",
                         shown.bytes);
    return add_directory(store, path) || error_set_memory(error);
}

/* What an environment variable says, or else OpenSSL's own default. */
static const char *system_path(const char *variable, const char *path)
{
    const char *value = getenv(variable);

    return value != NULL && *value != '\0' ? value : path;
}

static bool fail_without_store(const char *directory, const char *bundle, struct error *error)
{
    struct text_shown shown_directory, shown_bundle;

    return error_set(error, EX_OSFILE,
                     "TLS: this system has no trust store (no certificates in %s, no file %s); "
                     "install ca-certificates, or set tls_ca_file",
                     text_show(&shown_directory, slice_of(directory)),
                     text_show(&shown_bundle, slice_of(bundle)));
}

bool trust_load(struct trust *trust, X509_STORE *store, const char *ca_file, struct error *error)
{
    const char *directory =
        system_path(X509_get_default_cert_dir_env(), X509_get_default_cert_dir());

    trust->bundle = NULL;
    if (ca_file != NULL)
        return load_configured(store, ca_file, error);
    trust->bundle = system_path(X509_get_default_cert_file_env(), X509_get_default_cert_file());
    if (!is_hashed_directory(directory) && access(trust->bundle, R_OK) != 0)
        return fail_without_store(directory, trust->bundle, error);
    return add_directory(store, directory) || error_set_memory(error);
}

/* Builds the chain as the verification will, and looks at no signature, name or date. */
static bool chain_is_complete(X509_STORE_CTX *verification)
{
    STACK_OF(X509) *chain = X509_build_chain(
        X509_STORE_CTX_get0_cert(verification), X509_STORE_CTX_get0_untrusted(verification),
        X509_STORE_CTX_get0_store(verification), 1, NULL, NULL);
    bool complete = chain != NULL;

    sk_X509_pop_free(chain, X509_free);
    return complete;
}

void trust_complete(struct trust *trust, X509_STORE_CTX *verification)
{
    if (trust->bundle == NULL)
        return;
    ERR_set_mark();
    if (!chain_is_complete(verification)) {
        X509_STORE_load_file(X509_STORE_CTX_get0_store(verification), trust->bundle);
        trust->bundle = NULL;
    }
    ERR_pop_to_mark();
}

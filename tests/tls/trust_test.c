/* Goal: an issuer is found in the hashed directory or in the bundle, the expensive bundle is read
 * only if need be, and a tls_ca_file that is none is refused with a reason. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/certificates.h"
#include "tests/support/folder.h"
#include "tls/trust.h"

enum { PATH_SIZE = 256 };

/* ROOT signed MIDDLE, that signed LEAF. */
static struct fixture {
    char directory[64], empty[PATH_SIZE], hashed[PATH_SIZE], bundle[PATH_SIZE], other[PATH_SIZE];
    struct certificate root, middle, leaf, stranger;
} fixture;

static void set_path(char *path, const struct fixture *f, const char *name)
{
    snprintf(path, PATH_SIZE, "%.63s/%s", f->directory, name);
}

static int set_up(void **state)
{
    struct fixture *f = &fixture;

    *state = f;
    snprintf(f->directory, sizeof(f->directory), "/tmp/trust_test.XXXXXX");
    assert_non_null(mkdtemp(f->directory));
    set_path(f->empty, f, "empty");
    set_path(f->hashed, f, "hashed");
    set_path(f->bundle, f, "bundle.pem");
    set_path(f->other, f, "other.pem");
    assert_int_equal(mkdir(f->empty, 0700), 0);
    assert_int_equal(mkdir(f->hashed, 0700), 0);
    f->root = certificate_issue(&(struct certificate_request){.common_name = "Root"});
    f->stranger = certificate_issue(&(struct certificate_request){.common_name = "Stranger"});
    f->middle = certificate_issue(
        &(struct certificate_request){.common_name = "Middle", .issuer = &f->root});
    f->leaf = certificate_issue(&(struct certificate_request){
        .common_name = "Leaf", .names = "DNS:mail.example", .issuer = &f->middle});
    certificate_write_hashed(&f->root, f->hashed);
    certificate_write(&f->root, f->directory, "bundle.pem");
    certificate_write(&f->stranger, f->directory, "other.pem");
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    certificate_free(&f->root);
    certificate_free(&f->stranger);
    certificate_free(&f->middle);
    certificate_free(&f->leaf);
    return folder_remove(f->directory);
}

/* Verifies the leaf as a server sends it, with MIDDLE beside it. */
static bool verify(const struct fixture *f, struct trust *trust, X509_STORE *store)
{
    X509_STORE_CTX *verification = X509_STORE_CTX_new();
    STACK_OF(X509) *chain = sk_X509_new_null();
    bool believed;

    sk_X509_push(chain, f->middle.x509);
    X509_STORE_CTX_init(verification, store, f->leaf.x509, chain);
    trust_complete(trust, verification);
    believed = X509_verify_cert(verification) == 1;
    X509_STORE_CTX_free(verification);
    sk_X509_free(chain);
    return believed;
}

static void test_system_trust(void **state)
{
    const struct fixture *f = *state;
    const struct {
        const char *directory, *bundle;
        bool believed, bundle_read;
    } rows[] = {
        {f->hashed, f->bundle, true, false},      {f->hashed, f->other, true, false},
        {f->hashed, "/nonexistent", true, false}, {f->empty, f->bundle, true, true},
        {"/nonexistent", f->bundle, true, true},  {f->empty, f->other, false, true},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        X509_STORE *store = X509_STORE_new();
        struct trust trust;
        struct error error;

        setenv("SSL_CERT_DIR", rows[i].directory, 1);
        setenv("SSL_CERT_FILE", rows[i].bundle, 1);
        assert_true(trust_load(&trust, store, NULL, &error));
        /* Twice: also what was read before still holds. */
        assert_int_equal(verify(f, &trust, store), rows[i].believed);
        assert_int_equal(verify(f, &trust, store), rows[i].believed);
        assert_int_equal(trust.bundle == NULL, rows[i].bundle_read);
        X509_STORE_free(store);
    }
    unsetenv("SSL_CERT_DIR");
    unsetenv("SSL_CERT_FILE");
}

static void test_configured_trust(void **state)
{
    const struct fixture *f = *state;
    const struct {
        const char *ca_file;
        bool believed;
    } rows[] = {{f->bundle, true}, {f->hashed, true}, {f->other, false}};

    /* The system's would say yes. */
    setenv("SSL_CERT_DIR", f->hashed, 1);
    setenv("SSL_CERT_FILE", f->bundle, 1);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        X509_STORE *store = X509_STORE_new();
        struct trust trust;
        struct error error;

        assert_true(trust_load(&trust, store, rows[i].ca_file, &error));
        assert_int_equal(verify(f, &trust, store), rows[i].believed);
        X509_STORE_free(store);
    }
    unsetenv("SSL_CERT_DIR");
    unsetenv("SSL_CERT_FILE");
}

static void test_no_system_trust(void **state)
{
    const struct fixture *f = *state;
    struct trust trust;
    struct error error = {0};
    X509_STORE *store = X509_STORE_new();
    char missing[PATH_SIZE];

    set_path(missing, f, "missing.pem");
    setenv("SSL_CERT_DIR", f->empty, 1);
    setenv("SSL_CERT_FILE", missing, 1);
    assert_false(trust_load(&trust, store, NULL, &error));
    assert_int_equal(error.exit_code, EX_OSFILE);
    assert_int_equal(
        fnmatch("TLS: this system has no trust store (*missing.pem); *", error.sentence, 0), 0);
    unsetenv("SSL_CERT_DIR");
    unsetenv("SSL_CERT_FILE");
    X509_STORE_free(store);
}

static void test_bad_ca_file(void **state)
{
    const struct fixture *f = *state;
    const struct {
        const char *ca_file, *sentence;
    } rows[] = {
        {"/nonexistent/ca.pem", "TLS: tls_ca_file /nonexistent/ca.pem: No such file or directory"},
        {"/dev/null", "TLS: tls_ca_file /dev/null holds no readable PEM certificate"},
        {"/proc/self/exe", "TLS: tls_ca_file /proc/self/exe holds no readable PEM certificate"},
        {f->empty, "TLS: tls_ca_file * is a directory without names like *; run openssl rehash *"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        X509_STORE *store = X509_STORE_new();
        struct trust trust;
        struct error error = {0};

        assert_false(trust_load(&trust, store, rows[i].ca_file, &error));
        assert_int_equal(error.exit_code, EX_CONFIG);
        assert_int_equal(fnmatch(rows[i].sentence, error.sentence, 0), 0);
        X509_STORE_free(store);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_system_trust),
        cmocka_unit_test(test_configured_trust),
        cmocka_unit_test(test_no_system_trust),
        cmocka_unit_test(test_bad_ca_file),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}

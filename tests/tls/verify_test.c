/* Goal: a certificate that is not to be believed is refused, and the sentence says whose it is,
 * what is wrong with it and what to do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fnmatch.h>
#include <string.h>

#include <openssl/x509v3.h>

#include "base/text.h"
#include "tests/support/certificates.h"
#include "tls/fingerprint.h"
#include "tls/verify.h"

struct authorities {
    struct certificate root, intermediate, expired, stranger, remade;
};

static int make_authorities(void **state)
{
    static struct authorities made;

    made.root = certificate_issue(&(struct certificate_request){.common_name = "Good Root"});
    made.intermediate = certificate_issue(
        &(struct certificate_request){.common_name = "Middle", .issuer = &made.root});
    made.expired = certificate_issue(&(struct certificate_request){
        .common_name = "Old Middle", .issuer = &made.root, .begins = -99, .ends = -3});
    made.stranger =
        certificate_issue(&(struct certificate_request){.common_name = "Stranger\n\x1b[2J"});
    made.remade = certificate_issue(&(struct certificate_request){.common_name = "Good Root"});
    *state = &made;
    return 0;
}

static int free_authorities(void **state)
{
    struct authorities *made = *state;

    certificate_free(&made->root);
    certificate_free(&made->intermediate);
    certificate_free(&made->expired);
    certificate_free(&made->stranger);
    certificate_free(&made->remade);
    return 0;
}

/* Each sentence ends with what would accept the leaf; cuts that off. */
static void take_advice(const struct certificate *leaf, struct error *error)
{
    char bytes[256];
    struct text advice;
    size_t length = strlen(error->sentence);

    text_init(&advice, bytes, sizeof(bytes));
    text_add(&advice, "; to trust this very certificate, once you know that it is the server's: "
                      "tls_fingerprint = ");
    fingerprint_add(&advice, leaf->x509);
    assert_true(length > advice.length);
    assert_string_equal(error->sentence + length - advice.length, bytes);
    error->sentence[length - advice.length] = '\0';
}

/* The sentence for a leaf that is shown for `name` with one more certificate beside it; "" when it
 * is believed. */
static const char *verdict(const struct authorities *authorities, const struct certificate *leaf,
                           const struct certificate *beside, const char *name, struct error *error)
{
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *verification = X509_STORE_CTX_new();
    STACK_OF(X509) *chain = sk_X509_new_null();
    X509_VERIFY_PARAM *parameters;

    *error = (struct error){0};
    X509_STORE_add_cert(store, authorities->root.x509);
    if (beside != NULL)
        sk_X509_push(chain, beside->x509);
    X509_STORE_CTX_init(verification, store, leaf->x509, chain);
    X509_STORE_CTX_set_default(verification, "ssl_server");
    parameters = X509_STORE_CTX_get0_param(verification);
    X509_VERIFY_PARAM_set_hostflags(parameters, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
                                                    X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    if (X509_VERIFY_PARAM_set1_ip_asc(parameters, name) != 1)
        X509_VERIFY_PARAM_set1_host(parameters, name, 0);
    if (X509_verify_cert(verification) != 1) {
        assert_false(verify_explain(verification, name, error));
        take_advice(leaf, error);
        assert_int_equal(error->exit_code, EX_NOPERM);
        assert_false(error->permanent);
    }
    X509_STORE_CTX_free(verification);
    X509_STORE_free(store);
    sk_X509_free(chain);
    return error->sentence;
}

static void test_names(void **state)
{
    static const struct {
        const char *names, *name, *sentence;
    } rows[] = {
        {"DNS:mail.example", "mail.example", ""},
        {"DNS:mail.example", "MAIL.example", ""},
        {"DNS:*.host.example", "mail.host.example", ""},
        {"IP:192.0.2.1", "192.0.2.1", ""},
        {"IP:2001:db8::1", "2001:db8::1", ""},
        {"DNS:a.example,DNS:b.example", "mail.example",
         "TLS: the server's certificate is for a.example, b.example, not for mail.example; "
         "set tls_name if that is the right server"},
        {"DNS:*.host.example", "a.b.host.example",
         "*is for \\*.host.example, not for a.b.host.example;*"},
        {"DNS:ma*.host.example", "mail.host.example",
         "*is for ma\\*.host.example, not for mail.host.example;*"},
        {"DNS:192.0.2.1", "192.0.2.1", "*is for 192.0.2.1, not for 192.0.2.1;*"},
        {"IP:192.0.2.1,IP:2001:db8::1", "192.0.2.2",
         "*is for 192.0.2.1, 2001:db8::1, not for 192.0.2.2;*"},
        {"email:a@mail.example", "mail.example",
         "TLS: the server's certificate names no host (its subject \"CN=Leaf\" does not count as "
         "one), so it is not for mail.example"},
        {"", "Leaf", "*names no host (its subject \"CN=Leaf\" does not count *"},
    };
    const struct authorities *authorities = *state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct certificate leaf = certificate_issue(&(struct certificate_request){
            .common_name = "Leaf", .names = rows[i].names, .issuer = &authorities->root});
        struct error error;

        verdict(authorities, &leaf, NULL, rows[i].name, &error);
        if (fnmatch(rows[i].sentence, error.sentence, 0) != 0)
            fail_msg("%s for %s: %s", rows[i].names, rows[i].name, error.sentence);
        certificate_free(&leaf);
    }
}

static void test_nul_in_a_name(void **state)
{
    const struct authorities *authorities = *state;
    struct certificate leaf = certificate_issue(
        &(struct certificate_request){.common_name = "mail.example",
                                      .raw_name = "mail.example\0.evil.example",
                                      .raw_length = sizeof("mail.example\0.evil.example") - 1,
                                      .issuer = &authorities->root});
    struct error error;

    verdict(authorities, &leaf, NULL, "mail.example", &error);
    assert_non_null(strstr(error.sentence, "is for mail.example\\x00.evil.example, not for"));
    certificate_free(&leaf);
}

static void test_many_names_are_cut(void **state)
{
    const struct authorities *authorities = *state;
    char bytes[4096];
    struct text names;
    struct certificate leaf;
    struct error error;

    text_init(&names, bytes, sizeof(bytes));
    text_add(&names, "DNS:a.example");
    for (int i = 0; i < 100; i++)
        text_add(&names, ",DNS:another-long-name.example");
    leaf = certificate_issue(&(struct certificate_request){
        .common_name = "Leaf", .names = bytes, .issuer = &authorities->root});
    verdict(authorities, &leaf, NULL, "mail.example", &error);
    assert_non_null(strstr(error.sentence, "..., not for mail.example; set tls_name"));
    certificate_free(&leaf);
}

static void test_dates_and_issuers(void **state)
{
    struct authorities *all = *state;
    const struct {
        struct certificate *issuer, *beside;
        int begins, ends;
        const char *sentence;
    } rows[] = {
        {&all->root, NULL, 0, 0, ""},
        {&all->intermediate, &all->intermediate, 0, 0, ""},
        {&all->root, NULL, -60, -47,
         "TLS: the certificate of mail.example expired on 20[0-9][0-9]-[01][0-9]-[0-3][0-9] "
         "[0-2][0-9]:[0-5][0-9] UTC (47 days ago); *"},
        {&all->root, NULL, 7, 9,
         "TLS: the certificate of mail.example is not valid before 20*-*-* *:* UTC (in [67] "
         "days); check this machine's clock"},
        {&all->expired, &all->expired, 0, 0,
         "TLS: the certificate \"CN=Old Middle\" that issued the one of mail.example expired on * "
         "(3 days ago); *"},
        {&all->intermediate, NULL, 0, 0,
         "TLS: the certificate of mail.example is not trusted: its issuer \"CN=Middle\" is unknown "
         "here; set tls_ca_file *"},
        {&all->stranger, NULL, 0, 0, "*its issuer \"CN=Stranger*\" is unknown here; *"},
        {&all->stranger, &all->stranger, 0, 0, "*its root \"CN=Stranger*\" is unknown here; *"},
        {&all->remade, NULL, 0, 0,
         "TLS: the certificate of mail.example was signed by another key than that of \"CN=Good "
         "Root\" here; is tls_ca_file an old copy[?]"},
        {NULL, NULL, 0, 0, "TLS: the certificate of mail.example is self-signed and not trusted *"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct certificate leaf =
            certificate_issue(&(struct certificate_request){.common_name = "Leaf",
                                                            .names = "DNS:mail.example",
                                                            .issuer = rows[i].issuer,
                                                            .begins = rows[i].begins,
                                                            .ends = rows[i].ends});
        struct error error;

        verdict(all, &leaf, rows[i].beside, "mail.example", &error);
        if (fnmatch(rows[i].sentence, error.sentence, FNM_NOESCAPE) != 0)
            fail_msg("row %zu: %s", i, error.sentence);
        assert_null(strpbrk(error.sentence, "\n\x1b"));
        certificate_free(&leaf);
    }
}

/* What has no sentence of its own has OpenSSL's. */
static void test_another_verdict(void **state)
{
    const struct authorities *authorities = *state;
    struct certificate no_authority = certificate_issue(&(struct certificate_request){
        .common_name = "No CA", .names = "DNS:a.example", .issuer = &authorities->root});
    struct certificate leaf = certificate_issue(&(struct certificate_request){
        .common_name = "Leaf", .names = "DNS:mail.example", .issuer = &no_authority});
    struct error error;

    verdict(authorities, &leaf, &no_authority, "mail.example", &error);
    assert_non_null(strstr(error.sentence, "TLS: the certificate \"CN=No CA\" that issued the one "
                                           "of mail.example is not trusted: invalid CA"));
    certificate_free(&leaf);
    certificate_free(&no_authority);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_nul_in_a_name),
        cmocka_unit_test(test_many_names_are_cut),
        cmocka_unit_test(test_dates_and_issuers),
        cmocka_unit_test(test_another_verdict),
    };

    return cmocka_run_group_tests(tests, make_authorities, free_authorities);
}

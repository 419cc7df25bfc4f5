/* Goal: what a certificate says of itself is told in printable words, its own and not another's. */
#include "tls/certificate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <fnmatch.h>
#include <openssl/pem.h>

#include "net/stream.h"
#include "tests/support/certificates.h"

/* A self-signed one made once by another program, and what openssl x509 says of it. */
static const char known[] = "-----BEGIN CERTIFICATE-----\n"
                            "MIICGjCCAaCgAwIBAgIUKqJ7qAEXyNmwIctiOOjrMf3qD+4wCgYIKoZIzj0EAwIw\n"
                            "IzEQMA4GA1UECgwHRXhhbXBsZTEPMA0GA1UEAwwGSyJub3duMCAXDTI2MTEyMzE2\n"
                            "MzEyNloYDzIxMjYxMDMwMTYzMTI2WjAjMRAwDgYDVQQKDAdFeGFtcGxlMQ8wDQYD\n"
                            "VQQDDAZLIm5vd24wdjAQBgcqhkjOPQIBBgUrgQQAIgNiAARtwIKGB81vxYxXq1Jm\n"
                            "IhnzRydZYapy6bS8ssyXqjUe7t9cVxMx9/dYUbTr64NU3ELnB8YurwoG14XSqyxJ\n"
                            "bYQcV99HyjoSe3E0ahmbgeeE/dzHZ08MBfXm07aMNTzyB9ijgZIwgY8wHQYDVR0O\n"
                            "BBYEFA/s/4jfBYggAZzP7cAr3/wzOdjlMB8GA1UdIwQYMBaAFA/s/4jfBYggAZzP\n"
                            "7cAr3/wzOdjlMA8GA1UdEwEB/wQFMAMBAf8wPAYDVR0RBDUwM4IMbWFpbC5leGFt\n"
                            "cGxlhwTAAAIBhxAgAQ24AAAAAAAAAAAAAAABgQthQGIuZXhhbXBsZTAKBggqhkjO\n"
                            "PQQDAgNoADBlAjEAzT9MkkF8fMDvXZ8ETFC75yeAx+PbPdv2X4dEOsc6wcGyOMFb\n"
                            "snYGux9HmEPvUF6aAjAXKuB5mmvkpNA/Z+NEP6AUanFs54seNna838uT1Cg+MK4Y\n"
                            "IEWYiVJcGG5+xjQcQVc=\n"
                            "-----END CERTIFICATE-----\n";

static void describe_known(struct tls_certificate *out)
{
    BIO *memory = BIO_new_mem_buf(known, -1);
    X509 *certificate = PEM_read_bio_X509(memory, NULL, NULL, NULL);
    assert_non_null(certificate);
    certificate_describe(certificate, out);
    X509_free(certificate);
    BIO_free(memory);
}

static void test_known(void **state)
{
    struct tls_certificate told;
    (void)state;
    describe_known(&told);
    /* The backslash of RFC 2253 is escaped in turn. */
    assert_string_equal(told.subject, "CN=K\\\\\"nown,O=Example");
    assert_string_equal(told.issuer, told.subject);
    assert_string_equal(told.names, "mail.example, 192.0.2.1, 2001:db8::1");
    assert_string_equal(told.not_before, "2026-11-23 16:31 UTC");
    assert_string_equal(told.not_after, "2126-10-30 16:31 UTC");
    assert_true(told.days_left > 0);
    assert_string_equal(told.sha256, "sha256:c3ebbed095c263fa3495c60bac258ae0"
                                     "01fc3e35f19196cb6a71ec0028b73069");
    assert_string_equal(told.spki, "spki:stPvbdlbhwfgt/Kqn/CPGTzUzW0D5qQS02hBPFd1rx4=");
    assert_string_equal(told.key, "EC P-384");
}

static void test_hostile(void **state)
{
    struct certificate issuer =
        certificate_issue(&(struct certificate_request){.common_name = "Root\n\x1b[2J"});
    struct certificate leaf = certificate_issue(
        &(struct certificate_request){.common_name = "Leaf",
                                      .raw_name = "a.example\0\r\n\xff.example",
                                      .raw_length = sizeof "a.example\0\r\n\xff.example" - 1,
                                      .issuer = &issuer,
                                      .begins = -9,
                                      .ends = -3,
                                      .weak = true});
    struct tls_certificate told;
    (void)state;
    certificate_describe(leaf.x509, &told);
    assert_string_equal(told.subject, "CN=Leaf");
    assert_int_equal(fnmatch("CN=Root*[2J", told.issuer, FNM_NOESCAPE), 0);
    assert_null(strpbrk(told.issuer, "\n\x1b"));
    assert_string_equal(told.names, "a.example\\x00\\r\\n\\xff.example");
    assert_int_equal(told.days_left, -3);
    assert_string_equal(told.key, "RSA 768");
    certificate_free(&leaf);
    certificate_free(&issuer);
}

/* More than there is room for is cut, and stays a string. */
static void test_large(void **state)
{
    char names_bytes[8192], subject[64 + 1];
    struct text names;
    struct tls_certificate told;
    (void)state;
    memset(subject, 'x', sizeof subject - 1);
    subject[sizeof subject - 1] = '\0';
    text_init(&names, names_bytes, sizeof names_bytes);
    text_add(&names, "DNS:a.example");
    for (int i = 0; i < 200; i++)
        text_add(&names, ",DNS:another-long-name.example");
    struct certificate large = certificate_issue(
        &(struct certificate_request){.common_name = subject, .names = names_bytes});
    certificate_describe(large.x509, &told);
    assert_int_equal(strlen(told.names), sizeof told.names - 1);
    certificate_free(&large);
}

static void test_no_stream(void **state)
{
    struct stream stream;
    struct tls_certificate chain[1];
    (void)state;
    stream_init(&stream, -1, 0);
    assert_int_equal(certificate_chain(&stream, chain, 1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known),
        cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_large),
        cmocka_unit_test(test_no_stream),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

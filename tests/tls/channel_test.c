/* Goal: both ends of a connection know the same binding, there is none where the RFCs define none,
 * and that of a certificate takes the hash that RFC 5929 says. */
#include "tls/channel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/rsa.h>
#include <openssl/ssl.h>

#include "base/clock.h"
#include "tests/support/certificates.h"
#include "tls/tls.h"

enum { TIMEOUT = 10000, EXPORTED = 32 };

static X509 *sign(EVP_PKEY *key, const EVP_MD *hash, bool pss)
{
    X509 *certificate = X509_new();
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_PKEY_CTX *parameters = NULL;

    X509_set_pubkey(certificate, key);
    X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 1000);
    assert_int_equal(EVP_DigestSignInit(context, &parameters, hash, NULL, key), 1);
    if (pss)
        EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING);
    assert_true(X509_sign_ctx(certificate, context) > 0);
    EVP_MD_CTX_free(context);
    return certificate;
}

static void test_hash_of_a_certificate(void **state)
{
    EVP_PKEY *rsa = EVP_RSA_gen(2048), *ec = EVP_EC_gen("P-256"),
             *ed25519 = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    const struct {
        EVP_PKEY *key;
        const EVP_MD *hash, *expected; /* NULL: no binding */
        bool pss;
    } rows[] = {
        {rsa, EVP_md5(), EVP_sha256(), false},
        {rsa, EVP_sha1(), EVP_sha256(), false},
        {rsa, EVP_sha256(), EVP_sha256(), false},
        {rsa, EVP_sha384(), EVP_sha384(), false},
        {rsa, EVP_sha512(), EVP_sha512(), false},
        {ec, EVP_sha1(), EVP_sha256(), false},
        {ec, EVP_sha384(), EVP_sha384(), false},
        {rsa, EVP_sha256(), EVP_sha256(), true},
        {rsa, EVP_sha512(), EVP_sha512(), true},
        {rsa, EVP_sha1(), EVP_sha256(), true},
        {ed25519, NULL, NULL, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        X509 *certificate = sign(rows[i].key, rows[i].hash, rows[i].pss);
        unsigned char *der = NULL, expected[EVP_MAX_MD_SIZE];
        int length = i2d_X509(certificate, &der);
        unsigned size = 0;
        struct channel_binding binding;

        assert_int_equal(channel_of_certificate(certificate, &binding), rows[i].expected != NULL);
        if (rows[i].expected != NULL) {
            EVP_Digest(der, (size_t)length, expected, &size, rows[i].expected, NULL);
            assert_int_equal(binding.length, size);
            assert_memory_equal(binding.bytes, expected, size);
        }
        OPENSSL_free(der);
        X509_free(certificate);
    }
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(ec);
    EVP_PKEY_free(ed25519);
}

/* A server in a thread that says what it knows of the connection. */
struct server {
    const struct certificate *certificate;
    int max_version;
    uint64_t options;
    int fd;
};

static void *serve(void *argument)
{
    const struct server *server = argument;
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    unsigned char known[EXPORTED + 32], byte;
    unsigned length = 0;
    SSL *ssl;

    SSL_CTX_use_certificate(context, server->certificate->x509);
    SSL_CTX_use_PrivateKey(context, server->certificate->key);
    SSL_CTX_set_max_proto_version(context, server->max_version);
    SSL_CTX_set_options(context, server->options);
    ssl = SSL_new(context);
    SSL_set_fd(ssl, server->fd);
    if (SSL_accept(ssl) == 1) {
        SSL_export_keying_material(ssl, known, EXPORTED, "EXPORTER-Channel-Binding", 24,
                                   (const unsigned char *)"", 0, 1);
        X509_digest(server->certificate->x509, EVP_sha256(), known + EXPORTED, &length);
        SSL_write(ssl, known, sizeof(known));
        SSL_read(ssl, &byte, 1);
    }
    SSL_free(ssl);
    SSL_CTX_free(context);
    shutdown(server->fd, SHUT_WR);
    return NULL;
}

static void check_bindings(const struct stream *stream, bool exporter)
{
    struct slice known = stream_input(stream);
    struct channel_binding binding;
    struct error error;

    assert_int_equal(channel_has(stream, CHANNEL_EXPORTER), exporter);
    assert_int_equal(channel_bind(stream, CHANNEL_EXPORTER, &binding, &error), exporter);
    if (exporter) {
        assert_int_equal(binding.length, EXPORTED);
        assert_memory_equal(binding.bytes, known.bytes, EXPORTED);
    }
    assert_true(channel_has(stream, CHANNEL_END_POINT));
    assert_true(channel_bind(stream, CHANNEL_END_POINT, &binding, &error));
    assert_int_equal(binding.length, 32);
    assert_memory_equal(binding.bytes, known.bytes + EXPORTED, 32);
}

static void assert_unbound(const struct stream *stream)
{
    struct channel_binding binding;
    struct error error;

    for (enum channel_type type = 0; type < CHANNEL_TYPES; type++) {
        assert_false(channel_has(stream, type));
        assert_false(channel_bind(stream, type, &binding, &error));
        assert_int_equal(error.exit_code, EX_SOFTWARE);
    }
}

static void run(struct server *server, const char *ca, bool exporter)
{
    struct tls_options options = {.ca_file = ca, .name = "mail.example"};
    struct error error = {0};
    struct tls *tls = tls_create(&options, &error);
    struct stream stream;
    pthread_t thread;
    int ends[2];

    assert_non_null(tls);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    stream_init(&stream, ends[0], TIMEOUT);
    server->fd = ends[1];
    assert_int_equal(pthread_create(&thread, NULL, serve, server), 0);
    assert_unbound(&stream);
    assert_true(tls_start(tls, &stream, "mail.example", false, &error));
    assert_unbound(&stream);
    assert_true(tls_handshake(&stream, clock_deadline(TIMEOUT), &error));
    while (stream_input(&stream).length < EXPORTED + 32)
        assert_true(stream_fill(&stream, clock_deadline(TIMEOUT), &error));
    check_bindings(&stream, exporter);
    stream_close(&stream);
    pthread_join(thread, NULL);
    close(server->fd);
    tls_free(tls);
}

static void test_both_ends(void **state)
{
    static const struct {
        int max_version;
        uint64_t options;
        bool exporter;
    } rows[] = {
        {TLS1_3_VERSION, 0, true},
        {TLS1_2_VERSION, 0, true},
        {TLS1_2_VERSION, SSL_OP_NO_EXTENDED_MASTER_SECRET, false},
    };
    char directory[] = "/tmp/channel_test.XXXXXX", ca[64];
    struct certificate root =
        certificate_issue(&(struct certificate_request){.common_name = "Root"});
    struct certificate good = certificate_issue(&(struct certificate_request){
        .common_name = "Good", .names = "DNS:mail.example", .issuer = &root});

    (void)state;
    assert_non_null(mkdtemp(directory));
    snprintf(ca, sizeof(ca), "%s/ca", directory);
    certificate_write(&root, directory, "ca");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct server server = {&good, rows[i].max_version, rows[i].options, -1};

        run(&server, ca, rows[i].exporter);
    }
    unlink(ca);
    rmdir(directory);
    certificate_free(&root);
    certificate_free(&good);
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(channel_name(CHANNEL_EXPORTER), "tls-exporter");
    assert_string_equal(channel_name(CHANNEL_END_POINT), "tls-server-end-point");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hash_of_a_certificate),
        cmocka_unit_test(test_both_ends),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

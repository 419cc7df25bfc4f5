/* Goal: bytes pass over TLS only after a handshake with a server that proved its name, every other
 * end of a handshake is told in words, and a cut is told from a close. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <fnmatch.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/ssl.h>

#include "base/clock.h"
#include "tests/support/certificates.h"
#include "tests/support/folder.h"
#include "tls/tls.h"

enum { TIMEOUT = 10000, PATH_SIZE = 128, BLOCK = 300 * 1024 };

static struct fixture {
    char directory[64], ca[PATH_SIZE], client[PATH_SIZE], key[PATH_SIZE], other_key[PATH_SIZE];
    char open_key[PATH_SIZE], locked_key[PATH_SIZE], no_key[PATH_SIZE];
    struct certificate root, good, expired, stranger, client_certificate;
} fixture;

/* One connection of a server in a thread. */
struct server {
    const struct certificate *certificate;
    int max_version;     /* 0: what OpenSSL has */
    bool wants_client;   /* a certificate from the client */
    const char *instead; /* bytes in place of a handshake, then a close */
    size_t instead_length;
    enum { CLOSES, CUTS, ECHOES } end;
    int fd;
    char sni[64]; /* what the client asked for */
    pthread_t thread;
};

#define INSTEAD(bytes) .instead = (bytes), .instead_length = sizeof(bytes) - 1

static int set_up(void **state)
{
    struct fixture *f = &fixture;

    *state = f;
    snprintf(f->directory, sizeof(f->directory), "/tmp/tls_test.XXXXXX");
    assert_non_null(mkdtemp(f->directory));
    snprintf(f->ca, PATH_SIZE, "%.60s/ca", f->directory);
    snprintf(f->client, PATH_SIZE, "%.60s/client", f->directory);
    snprintf(f->key, PATH_SIZE, "%.60s/key", f->directory);
    snprintf(f->other_key, PATH_SIZE, "%.60s/other", f->directory);
    snprintf(f->open_key, PATH_SIZE, "%.60s/open", f->directory);
    snprintf(f->locked_key, PATH_SIZE, "%.60s/locked", f->directory);
    snprintf(f->no_key, PATH_SIZE, "%.60s/none", f->directory);
    f->root = certificate_issue(&(struct certificate_request){.common_name = "Root"});
    f->good = certificate_issue(
        &(struct certificate_request){.common_name = "Good",
                                      .names = "DNS:mail.example,IP:127.0.0.1,IP:::1",
                                      .issuer = &f->root});
    f->expired = certificate_issue(&(struct certificate_request){.common_name = "Expired",
                                                                 .names = "DNS:mail.example",
                                                                 .issuer = &f->root,
                                                                 .begins = -9,
                                                                 .ends = -2});
    f->stranger = certificate_issue(
        &(struct certificate_request){.common_name = "Stranger", .names = "DNS:mail.example"});
    f->client_certificate = certificate_issue(&(struct certificate_request){
        .common_name = "Client", .names = "DNS:client.example", .issuer = &f->root});
    certificate_write(&f->root, f->directory, "ca");
    certificate_write(&f->client_certificate, f->directory, "client");
    certificate_write_key(&f->client_certificate, f->directory, "key");
    certificate_write_key(&f->good, f->directory, "other");
    certificate_write_key(&f->client_certificate, f->directory, "open");
    certificate_write_locked_key(&f->client_certificate, f->directory, "locked");
    certificate_write(&f->client_certificate, f->directory, "none");
    assert_int_equal(chmod(f->open_key, 0640), 0);
    assert_int_equal(chmod(f->no_key, 0600), 0);
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    certificate_free(&f->root);
    certificate_free(&f->good);
    certificate_free(&f->expired);
    certificate_free(&f->stranger);
    certificate_free(&f->client_certificate);
    return folder_remove(f->directory);
}

static SSL *make_session(const struct server *server)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    SSL *ssl;

    SSL_CTX_use_certificate(context, server->certificate->x509);
    SSL_CTX_use_PrivateKey(context, server->certificate->key);
    if (server->max_version != 0)
        SSL_CTX_set_max_proto_version(context, server->max_version);
    if (server->max_version == TLS1_1_VERSION) {
        SSL_CTX_set_min_proto_version(context, TLS1_1_VERSION);
        SSL_CTX_set_security_level(context, 0);
    }
    if (server->wants_client) {
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
        X509_STORE_add_cert(SSL_CTX_get_cert_store(context), fixture.root.x509);
    }
    ssl = SSL_new(context);
    SSL_CTX_free(context);
    SSL_set_fd(ssl, server->fd);
    return ssl;
}

/* Sends back all it gets, in the pieces it gets it. */
static void echo(SSL *ssl)
{
    static char bytes[16 * 1024];
    int got;

    while ((got = SSL_read(ssl, bytes, sizeof(bytes))) > 0)
        if (SSL_write(ssl, bytes, got) <= 0)
            return;
}

static void serve_session(struct server *server)
{
    SSL *ssl = make_session(server);
    const char *name;

    if (SSL_accept(ssl) == 1) {
        name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
        snprintf(server->sni, sizeof(server->sni), "%s", name != NULL ? name : "");
        SSL_write(ssl, "220 hello\r\n", 11);
        if (server->end == ECHOES)
            echo(ssl);
        if (server->end != CUTS)
            SSL_shutdown(ssl);
    }
    SSL_free(ssl);
}

static void *serve(void *argument)
{
    struct server *server = argument;

    if (server->instead != NULL)
        send(server->fd, server->instead, server->instead_length, MSG_NOSIGNAL);
    else
        serve_session(server);
    shutdown(server->fd, SHUT_WR);
    return NULL;
}

static void start(struct server *server, struct stream *stream)
{
    int ends[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    stream_init(stream, ends[0], TIMEOUT);
    server->fd = ends[1];
    assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
}

static void stop(struct server *server, struct stream *stream)
{
    stream_close(stream);
    pthread_join(server->thread, NULL);
    close(server->fd);
}

static struct tls *create(const struct tls_options *options)
{
    struct error error = {0};
    struct tls *tls = tls_create(options, &error);

    if (tls == NULL)
        fail_msg("%s", error.sentence);
    return tls;
}

static bool connect_tls(struct tls *tls, struct stream *stream, const char *host,
                        struct error *error)
{
    *error = (struct error){0};
    return tls_start(tls, stream, host, false, error) &&
           tls_handshake(stream, clock_deadline(TIMEOUT), error);
}

static void test_good_server(void **state)
{
    static const struct {
        const char *tls_name, *host, *sni;
        int version;
        const char *protocol;
    } rows[] = {
        {NULL, "mail.example", "mail.example", 0, "TLSv1.3"},
        {NULL, "mail.example", "mail.example", TLS1_2_VERSION, "TLSv1.2"},
        {NULL, "mail.example.", "mail.example", 0, "TLSv1.3"},
        {"mail.example", "192.0.2.1", "mail.example", 0, "TLSv1.3"},
        {NULL, "127.0.0.1", "", 0, "TLSv1.3"},
        {NULL, "::1", "", 0, "TLSv1.3"},
        {NULL, "[::1]", "", 0, "TLSv1.3"},
    };
    const struct fixture *f = *state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct server server = {.certificate = &f->good, .max_version = rows[i].version};
        struct tls_options options = {.ca_file = f->ca, .name = rows[i].tls_name};
        struct tls *tls = create(&options);
        struct stream stream;
        struct error error;

        start(&server, &stream);
        assert_string_equal(tls_protocol(&stream), "");
        assert_false(tls_answered(&stream));
        assert_true(connect_tls(tls, &stream, rows[i].host, &error));
        assert_true(tls_answered(&stream));
        assert_string_equal(tls_protocol(&stream), rows[i].protocol);
        assert_true(strlen(tls_cipher(&stream)) > 0);
        assert_true(stream_fill(&stream, clock_deadline(TIMEOUT), &error));
        assert_int_equal(stream_input(&stream).length, 11);
        stop(&server, &stream);
        assert_string_equal(server.sni, rows[i].sni);
        tls_free(tls);
    }
}

static void test_failures(void **state)
{
    const struct fixture *f = *state;
    const struct {
        const struct server server;
        const char *host;
        enum tls_version min_version;
        int exit_code;
        bool answered;
        const char *sentence;
    } rows[] = {
        {{.certificate = &f->good},
         "other.example",
         0,
         EX_NOPERM,
         true,
         "TLS: the server's certificate is for mail.example, 127.0.0.1, ::1, not for "
         "other.example; set tls_name *"},
        {{.certificate = &f->good}, "192.0.2.1", 0, EX_NOPERM, true, "*not for 192.0.2.1; *"},
        {{.certificate = &f->expired},
         "mail.example",
         0,
         EX_NOPERM,
         true,
         "TLS: the certificate of mail.example expired on *"},
        {{.certificate = &f->stranger}, "mail.example", 0, EX_NOPERM, true, "*self-signed*"},
        {{.certificate = &f->good, .max_version = TLS1_1_VERSION},
         "mail.example",
         0,
         EX_PROTOCOL,
         false,
         "TLS: the server and this machine have no TLS version or cipher in common"},
        {{.certificate = &f->good, .max_version = TLS1_2_VERSION},
         "mail.example",
         TLS_VERSION_1_3,
         EX_PROTOCOL,
         false,
         "TLS: the server and this machine have no TLS version *"},
        {{INSTEAD("220 mail.example ESMTP\r\n")},
         "mail.example",
         0,
         EX_PROTOCOL,
         false,
         "TLS: the server speaks no TLS on this port; use tls = starttls"},
        {{INSTEAD("HTTP/1.1 400 Bad Request\r\n")},
         "mail.example",
         0,
         EX_PROTOCOL,
         false,
         "TLS: the server speaks no TLS on this port; *"},
        {{INSTEAD("\x15\x03\x03\x00\x02\x02\x28")},
         "mail.example",
         0,
         EX_PROTOCOL,
         false,
         "TLS: the server and this machine have no *"},
        {{INSTEAD("\x15\x03\x03\x00\x02\x02\x50")},
         "mail.example",
         0,
         EX_TEMPFAIL,
         false,
         "TLS: the server reports an internal error"},
        {{INSTEAD("\x15\x03\x03\x00\x02\x02\x6d")},
         "mail.example",
         0,
         EX_PROTOCOL,
         false,
         "TLS: the server broke off with alert 109: *"},
        {{INSTEAD("")}, "mail.example", 0, EX_TEMPFAIL, false, "TLS: the connection was cut"},
        {{.certificate = &f->good}, "", 0, EX_CONFIG, false, "TLS: tls_name or host is empty *"},
        {{.certificate = &f->good}, "[]", 0, EX_CONFIG, false, "TLS: tls_name or host is empty *"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct server server = rows[i].server;
        struct tls_options options = {.ca_file = f->ca, .min_version = rows[i].min_version};
        struct tls *tls = create(&options);
        struct stream stream;
        struct error error;

        start(&server, &stream);
        assert_false(connect_tls(tls, &stream, rows[i].host, &error));
        if (fnmatch(rows[i].sentence, error.sentence, 0) != 0)
            fail_msg("row %zu: %s", i, error.sentence);
        assert_int_equal(error.exit_code, rows[i].exit_code);
        assert_int_equal(tls_answered(&stream), rows[i].answered);
        stop(&server, &stream);
        tls_free(tls);
    }
}

static void test_a_failure_is_final(void **state)
{
    const struct fixture *f = *state;
    struct server server = {.certificate = &f->expired};
    struct tls_options options = {.ca_file = f->ca};
    struct tls *tls = create(&options);
    struct stream stream;
    struct error error, again = {0};

    start(&server, &stream);
    assert_false(connect_tls(tls, &stream, "mail.example", &error));
    assert_false(tls_handshake(&stream, clock_deadline(TIMEOUT), &again));
    assert_string_equal(again.sentence, error.sentence);
    assert_int_equal(again.exit_code, EX_NOPERM);
    assert_true(stream_write(&stream, slice_of("secret"), &again));
    assert_false(stream_flush(&stream, &again));
    assert_int_equal(stream_try_fill(&stream, &again), STREAM_CUT);
    stop(&server, &stream);
    tls_free(tls);
}

static void test_nothing_passes_before_the_handshake(void **state)
{
    const struct fixture *f = *state;
    struct tls_options options = {.ca_file = f->ca};
    struct tls *tls = create(&options);
    struct stream stream;
    struct error error;
    char byte;
    int ends[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    stream_init(&stream, ends[0], TIMEOUT);
    assert_true(tls_start(tls, &stream, "mail.example", false, &error));
    assert_true(stream_write(&stream, slice_of("secret"), &error));
    assert_false(stream_flush(&stream, &error));
    assert_int_equal(error.exit_code, EX_SOFTWARE);
    assert_int_equal(recv(ends[1], &byte, 1, 0), -1);
    stream_close(&stream);
    close(ends[1]);
    tls_free(tls);
}

static void test_clear_bytes_are_an_attack(void **state)
{
    const struct fixture *f = *state;
    struct tls_options options = {.ca_file = f->ca};
    struct tls *tls = create(&options);
    struct stream stream;
    struct error error;
    int ends[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    stream_init(&stream, ends[0], TIMEOUT);
    assert_int_equal(send(ends[1], "250 x\r\n", 7, 0), 7);
    assert_true(stream_fill(&stream, clock_deadline(TIMEOUT), &error));
    assert_false(tls_start(tls, &stream, "mail.example", true, &error));
    assert_int_equal(error.exit_code, EX_PROTOCOL);
    stream_close(&stream);
    close(ends[1]);
    tls_free(tls);
}

static void test_silence(void **state)
{
    const struct fixture *f = *state;
    struct tls_options options = {.ca_file = f->ca};
    struct tls *tls = create(&options);
    struct stream stream;
    struct error error;
    int ends[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    stream_init(&stream, ends[0], TIMEOUT);
    assert_true(tls_start(tls, &stream, "mail.example", false, &error));
    assert_int_equal(tls_handshake_step(&stream, &error), STREAM_WANT_READ);
    assert_false(tls_handshake(&stream, clock_deadline(100), &error));
    assert_int_equal(error.exit_code, EX_TEMPFAIL);
    assert_int_equal(fnmatch("TLS: no answer within 0.* s", error.sentence, 0), 0);
    stream_close(&stream);
    close(ends[1]);
    tls_free(tls);
}

static void test_close_and_cut(void **state)
{
    const struct fixture *f = *state;
    const struct {
        int end;
        enum stream_status status;
        const char *sentence;
    } rows[] = {{CLOSES, STREAM_CLOSED, "connection closed by the server"},
                {CUTS, STREAM_CUT, "TLS: the connection was cut"}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct server server = {.certificate = &f->good, .end = rows[i].end};
        struct tls_options options = {.ca_file = f->ca};
        struct tls *tls = create(&options);
        struct stream stream;
        struct error error;

        start(&server, &stream);
        assert_true(connect_tls(tls, &stream, "mail.example", &error));
        while (stream_fill(&stream, clock_deadline(TIMEOUT), &error))
            ;
        assert_int_equal(stream_input(&stream).length, 11);
        assert_string_equal(error.sentence, rows[i].sentence);
        assert_int_equal(error.exit_code, EX_TEMPFAIL);
        assert_int_equal(stream_try_fill(&stream, &error), rows[i].status);
        stop(&server, &stream);
        tls_free(tls);
    }
}

/* More than both sockets hold goes out before anything is read on purpose. */
static void test_echo(void **state)
{
    const struct fixture *f = *state;
    struct server server = {.certificate = &f->good, .end = ECHOES};
    struct tls_options options = {.ca_file = f->ca};
    struct tls *tls = create(&options);
    struct stream stream;
    struct error error;
    struct slice input;
    char *block = malloc(BLOCK);

    for (size_t i = 0; i < BLOCK; i++)
        block[i] = (char)(i * 7 + i / 251);
    start(&server, &stream);
    assert_true(connect_tls(tls, &stream, "mail.example", &error));
    for (int i = 0; i < 8; i++)
        assert_true(stream_write(&stream, slice_make(block, BLOCK), &error));
    assert_true(stream_write(&stream, slice_make(block, 100), &error));
    while (stream_input(&stream).length < 11 + 8 * BLOCK + 100)
        assert_true(stream_fill(&stream, clock_deadline(TIMEOUT), &error));
    input = slice_from(stream_input(&stream), 11);
    assert_int_equal(input.length, 8 * BLOCK + 100);
    for (size_t i = 0; i < 8; i++)
        assert_memory_equal(input.bytes + i * BLOCK, block, BLOCK);
    assert_memory_equal(input.bytes + (size_t)8 * BLOCK, block, 100);
    stop(&server, &stream);
    tls_free(tls);
    free(block);
}

static void test_client_certificate(void **state)
{
    const struct fixture *f = *state;
    const struct {
        const char *cert, *key;
        int version;
        const char *sentence; /* NULL: accepted */
    } rows[] = {
        {f->client, f->key, 0, NULL},
        {f->client, f->key, TLS1_2_VERSION, NULL},
        {NULL, NULL, 0, "TLS: the server wants a client certificate; set tls_cert and tls_key"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct server server = {
            .certificate = &f->good, .wants_client = true, .max_version = rows[i].version};
        struct tls_options options = {.ca_file = f->ca, .cert = rows[i].cert, .key = rows[i].key};
        struct tls *tls = create(&options);
        struct stream stream;
        struct error error;
        bool good;

        start(&server, &stream);
        /* With TLS 1.3 a client learns only later that it was refused. */
        good = connect_tls(tls, &stream, "mail.example", &error) &&
               stream_fill(&stream, clock_deadline(TIMEOUT), &error);
        assert_int_equal(good, rows[i].sentence == NULL);
        if (!good) {
            assert_string_equal(error.sentence, rows[i].sentence);
            assert_int_equal(error.exit_code, EX_NOPERM);
        }
        stop(&server, &stream);
        tls_free(tls);
    }
}

static void test_bad_options(void **state)
{
    const struct fixture *f = *state;
    const struct {
        struct tls_options options;
        const char *sentence;
    } rows[] = {
        {{.ca_file = "/nonexistent"}, "TLS: tls_ca_file /nonexistent: No such file or directory"},
        {{.ca_file = f->ca, .cert = "/nonexistent"},
         "TLS: /nonexistent: No such file or directory; tls_cert must be *"},
        {{.ca_file = f->ca, .cert = f->key}, "TLS: *; tls_cert must be a PEM certificate"},
        {{.ca_file = f->ca, .cert = f->client, .key = f->no_key},
         "TLS: */none: *; tls_key must be a PEM key"},
        {{.ca_file = f->ca, .cert = f->client, .key = "/nonexistent"},
         "TLS: tls_key: /nonexistent: No such file or directory"},
        {{.ca_file = f->ca, .cert = f->client, .key = f->open_key},
         "TLS: tls_key */open: its group can read it (mode 0640); run: chmod 600 */open"},
        {{.ca_file = f->ca, .cert = f->client, .key = f->locked_key},
         "TLS: tls_key */locked has a passphrase, and there is nobody to ask for it; *"},
        {{.ca_file = f->ca, .cert = f->client, .key = f->other_key},
         "TLS: */other: key values mismatch; tls_key must be the key of tls_cert"},
        {{.ca_file = f->ca, .fingerprint = "sha1:00"}, "TLS: tls_fingerprint: must be sha256: *"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct error error = {0};

        assert_null(tls_create(&rows[i].options, &error));
        if (fnmatch(rows[i].sentence, error.sentence, 0) != 0)
            fail_msg("row %zu: %s", i, error.sentence);
        assert_int_equal(error.exit_code, EX_CONFIG);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_server),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_a_failure_is_final),
        cmocka_unit_test(test_nothing_passes_before_the_handshake),
        cmocka_unit_test(test_clear_bytes_are_an_attack),
        cmocka_unit_test(test_silence),
        cmocka_unit_test(test_close_and_cut),
        cmocka_unit_test(test_echo),
        cmocka_unit_test(test_client_certificate),
        cmocka_unit_test(test_bad_options),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

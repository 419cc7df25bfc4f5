/* Goal: no certificate is judged before the records are there that were asked for, also where the
 * handshake began in a race; and nobody is asked who would not be believed. (What each setting
 * accepts: trust_table_test.c.) */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/ssl.h>

#include "base/clock.h"
#include "base/text.h"
#include "tests/support/certificates.h"
#include "tests/support/dns.h"
#include "tls/tls.h"

enum { TIMEOUT = 20000, PORT = 465 };

#define HOST "mail.example"

/* A server in this thread, whose certificate a record of usage 3 is for. */
static struct fixture {
    struct certificate leaf;
    struct dns_server dns;
    char record[128];
    struct dns_row rows[2];
    SSL_CTX *context;
} fixture;

struct pair {
    struct tls *tls;
    struct stream stream;
    SSL *server;
    int fd;
};

static void make_record(struct fixture *f)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size;
    struct text text;

    assert_int_equal(X509_digest(f->leaf.x509, EVP_sha256(), digest, &size), 1);
    text_init(&text, f->record, sizeof(f->record));
    text_add(&text, "3 0 1 ");
    for (unsigned i = 0; i < size; i++)
        text_add_format(&text, "%02x", digest[i]);
    f->rows[0] = (struct dns_row){"_465._tcp." HOST, ns_t_tlsa, f->record, DNS_ROW_SIGNED};
}

static int set_up(void **state)
{
    struct fixture *f = &fixture;

    *state = f;
    f->leaf = certificate_issue(
        &(struct certificate_request){.common_name = "Leaf", .names = "DNS:other.example"});
    make_record(f);
    dns_server_start(&f->dns, f->rows);
    f->context = SSL_CTX_new(TLS_server_method());
    SSL_CTX_use_certificate(f->context, f->leaf.x509);
    SSL_CTX_use_PrivateKey(f->context, f->leaf.key);
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    dns_server_stop(&f->dns);
    SSL_CTX_free(f->context);
    certificate_free(&f->leaf);
    return 0;
}

static void begin(struct pair *pair, const struct tls_options *options, int version)
{
    struct error error = {0};
    int ends[2];

    pair->tls = tls_create(options, &error);
    assert_string_equal(error.sentence, "");
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    stream_init(&pair->stream, ends[0], TIMEOUT);
    pair->fd = ends[1];
    pair->server = SSL_new(fixture.context);
    SSL_set_max_proto_version(pair->server, version);
    SSL_set_fd(pair->server, pair->fd);
    SSL_set_accept_state(pair->server);
    assert_true(tls_start(pair->tls, &pair->stream, HOST, false, &error));
}

static void end(struct pair *pair)
{
    stream_close(&pair->stream);
    SSL_free(pair->server);
    close(pair->fd);
    tls_free(pair->tls);
}

static enum stream_status shake(struct pair *pair, int turns, struct error *error)
{
    enum stream_status status = STREAM_WANT_READ;

    while (turns-- > 0 && status == STREAM_WANT_READ) {
        status = tls_handshake_step(&pair->stream, error);
        SSL_do_handshake(pair->server);
    }
    return status;
}

/* As in a race for implicit TLS: the server's certificate is there before the records are. */
static void test_records_after_the_certificate(void **state)
{
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    const struct tls_options options = {.dane = TLS_DANE_YES};
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
        struct pair pair;
        struct error error = {0};

        begin(&pair, &options, versions[i]);
        assert_int_equal(shake(&pair, 9, &error), STREAM_WANT_READ);
        assert_true(tls_answered(&pair.stream));
        assert_string_equal(tls_protocol(&pair.stream), "");
        assert_false(SSL_is_init_finished(pair.server));
        assert_true(tls_look_up(&pair.stream, PORT, TIMEOUT, &f->dns.address, &error));
        assert_int_equal(shake(&pair, 9, &error), STREAM_MOVED);
        assert_string_equal(tls_voucher(&pair.stream), "TLSA");
        end(&pair);
    }
}

static void test_forgotten_look_up(void **state)
{
    struct error error = {0};
    struct pair pair;

    (void)state;
    begin(&pair, &(struct tls_options){.dane = TLS_DANE_YES}, 0);
    assert_false(tls_handshake(&pair.stream, clock_deadline(TIMEOUT), &error));
    assert_int_equal(error.exit_code, EX_SOFTWARE);
    assert_false(stream_write(&pair.stream, slice_of("x"), &error) &&
                 stream_flush(&pair.stream, &error));
    end(&pair);
}

/* A port of its own has records of its own. */
static void test_another_port(void **state)
{
    struct fixture *f = *state;
    struct error error = {0};
    struct pair pair;

    f->dns.denies_signed = true;
    begin(&pair, &(struct tls_options){.dane = TLS_DANE_YES}, 0);
    assert_false(tls_look_up(&pair.stream, 587, TIMEOUT, &f->dns.address, &error));
    assert_string_equal(error.sentence, "TLS: _587._tcp." HOST
                                        " has no TLSA records, which tls_dane = yes demands; "
                                        "tls_dane = auto does without");
    assert_int_equal(error.exit_code, EX_NOPERM);
    end(&pair);
}

/* Nothing is there to answer, so this would wait if it asked. */
static void test_resolver_not_believed(void **state)
{
    struct sockaddr_in nobody = {.sin_family = AF_INET, .sin_port = htons(53)};
    struct error error = {0};
    struct pair pair;

    (void)state;
    nobody.sin_addr.s_addr = inet_addr("192.0.2.1");
    begin(&pair, &(struct tls_options){.dane = TLS_DANE_YES}, 0);
    assert_false(tls_look_up(&pair.stream, PORT, TIMEOUT, &nobody, &error));
    assert_non_null(strstr(error.sentence, "not authenticated"));
    assert_int_equal(error.exit_code, EX_TEMPFAIL);
    end(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_records_after_the_certificate),
        cmocka_unit_test(test_forgotten_look_up),
        cmocka_unit_test(test_another_port),
        cmocka_unit_test(test_resolver_not_believed),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

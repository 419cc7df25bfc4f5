/* Goal: the records that are there are read as they are, a failure is never taken for their
 * absence, and an answer is authenticated only when the resolver's word counts. */
#include "net/dns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <arpa/nameser.h>

#include <cmocka.h>

#include "base/clock.h"
#include "tests/support/dns.h"

enum { PATIENCE = 20000, SHORT = 300, LONG_WAIT = 5000 };

static const struct dns_row rows[] = {
    {"_submission._tcp.example.com", ns_t_srv, "10 5 587 smtp.example.com", 0},
    {"_submission._tcp.example.com", ns_t_srv, "20 0 2525 backup.example.com", 0},
    {"_submissions._tcp.example.com", ns_t_srv, "0 0 0 .", 0},
    {"_587._tcp.smtp.example.com", ns_t_tlsa, "3 1 1 00112233", DNS_ROW_SIGNED},
    {"_587._tcp.unsigned.example.com", ns_t_tlsa, "2 0 2 ff", 0},
    {"_587._tcp.alias.example.com", ns_t_cname, "_587._tcp.smtp.example.com", 0},
    {"_587._tcp.bogus.example.com", ns_t_tlsa, "3 1 1 00", DNS_ROW_FAILS},
    {"_587._tcp.silent.example.com", ns_t_tlsa, "3 1 1 00", DNS_ROW_SILENT},
    {"_587._tcp.torn.example.com", ns_t_tlsa, "3 1 1 0011223344", DNS_ROW_TORN},
    {"_587._tcp.short.example.com", ns_t_tlsa, "3 1 1 ", 0},
    {NULL, 0, NULL, 0},
};

static bool look_up(struct dns_server *server, enum dns_type type, const char *name,
                    struct dns_answer *answer)
{
    struct error error = {0};
    bool found = dns_look_up(type, name, &server->address, PATIENCE, answer, &error);
    assert_true(found || error.exit_code == EX_TEMPFAIL);
    return found;
}

static void test_srv(void **state)
{
    struct dns_server *server = *state;
    struct dns_answer answer;
    assert_true(look_up(server, DNS_SRV, "_submission._tcp.example.com", &answer));
    assert_int_equal(answer.count, 2);
    assert_int_equal(answer.records.srv[0].priority, 10);
    assert_int_equal(answer.records.srv[0].weight, 5);
    assert_int_equal(answer.records.srv[0].port, 587);
    assert_string_equal(answer.records.srv[0].target, "smtp.example.com");
    assert_string_equal(answer.records.srv[1].target, "backup.example.com");
    assert_false(answer.authenticated);
    dns_free(&answer);
    assert_true(look_up(server, DNS_SRV, "_submissions._tcp.example.com", &answer));
    assert_int_equal(answer.count, 1);
    assert_string_equal(answer.records.srv[0].target, "");
    dns_free(&answer);
}

static void test_tlsa(void **state)
{
    static const struct {
        const char *name;
        size_t count;
        bool authenticated, fails;
    } cases[] = {
        {"_587._tcp.smtp.example.com", 1, true, false},
        {"_587._tcp.unsigned.example.com", 1, false, false},
        {"_587._tcp.alias.example.com", 1, true, false},
        {"_587._tcp.none.example.com", 0, false, false},
        {"_587._tcp.bogus.example.com", 0, false, true},
        {"_587._tcp.torn.example.com", 0, false, true},
        {"_587._tcp.short.example.com", 0, false, false},
    };
    struct dns_server *server = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct dns_answer answer;
        assert_int_equal(look_up(server, DNS_TLSA, cases[i].name, &answer), !cases[i].fails);
        assert_int_equal(answer.count, cases[i].count);
        assert_int_equal(answer.authenticated, cases[i].authenticated);
        dns_free(&answer);
    }
}

static void test_tlsa_octets(void **state)
{
    struct dns_server *server = *state;
    struct dns_answer answer;
    assert_true(look_up(server, DNS_TLSA, "_587._tcp.smtp.example.com", &answer));
    const struct dns_tlsa *tlsa = answer.records.tlsa;
    assert_int_equal(tlsa->usage, 3);
    assert_int_equal(tlsa->selector, 1);
    assert_int_equal(tlsa->matching, 1);
    assert_int_equal(tlsa->length, 4);
    assert_memory_equal(tlsa->data, "\x00\x11\x22\x33", 4);
    dns_free(&answer);
}

static void test_denial(void **state)
{
    struct dns_server server = {.denies_signed = true};
    struct dns_answer answer;
    (void)state;
    dns_server_start(&server, rows);
    assert_true(look_up(&server, DNS_TLSA, "_587._tcp.none.example.com", &answer));
    assert_int_equal(answer.count, 0);
    assert_true(answer.authenticated);
    dns_free(&answer);
    dns_server_stop(&server);
}

static void test_silence(void **state)
{
    struct dns_server *server = *state;
    struct dns_answer answer;
    struct error error = {0};
    int64_t started = clock_now();
    assert_false(dns_look_up(DNS_TLSA, "_587._tcp.silent.example.com", &server->address, SHORT,
                             &answer, &error));
    assert_int_equal(error.exit_code, EX_TEMPFAIL);
    assert_string_equal(error.sentence,
                        "DNS: no answer about _587._tcp.silent.example.com in time");
    assert_true(clock_now() - started < LONG_WAIT);
    dns_free(&answer);
}

static void test_name_that_is_none(void **state)
{
    struct dns_server *server = *state;
    struct dns_answer answer;
    char name[400];
    struct error error = {0};
    memset(name, 'a', sizeof name);
    name[sizeof name - 1] = '\0';
    assert_false(dns_look_up(DNS_SRV, name, &server->address, PATIENCE, &answer, &error));
    assert_int_equal(error.exit_code, EX_TEMPFAIL);
    dns_free(&answer);
}

/* Nobody is there to answer: it is not asked. */
static void test_resolver_not_believed(void **state)
{
    struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons(53)};
    struct dns_answer answer;
    struct error error = {0};
    (void)state;
    server.sin_addr.s_addr = htonl(0xc0000201); /* 192.0.2.1 */
    assert_true(
        dns_look_up(DNS_TLSA, "_587._tcp.smtp.example.com", &server, PATIENCE, &answer, &error));
    assert_int_equal(answer.count, 0);
    assert_false(answer.authenticated);
    dns_free(&answer);
}

static int start(void **state)
{
    static struct dns_server server;
    dns_server_start(&server, rows);
    *state = &server;
    return 0;
}

static int stop(void **state)
{
    dns_server_stop(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_srv),
        cmocka_unit_test(test_tlsa),
        cmocka_unit_test(test_tlsa_octets),
        cmocka_unit_test(test_denial),
        cmocka_unit_test(test_silence),
        cmocka_unit_test(test_name_that_is_none),
        cmocka_unit_test(test_resolver_not_believed),
    };
    return cmocka_run_group_tests(tests, start, stop);
}

/* Goal: SRV records are tried in the order that RFC 2782 says, with the chances it says, and only
 * what is the name of a host comes out of them. */
#include "net/service.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <arpa/nameser.h>

#include <cmocka.h>

#include "base/slice.h"
#include "tests/support/dns.h"

enum { PATIENCE = 20000, RECORDS_MAX = 8, ROUNDS = 1000 };

/* Says what it was told, in turn, and checks what it is asked. */
struct loaded_dice {
    const uint32_t *numbers;
    size_t next;
};

static uint32_t roll(void *context, uint32_t limit)
{
    struct loaded_dice *loaded = context;
    uint32_t number = loaded->numbers[loaded->next++];
    return number < limit ? number : limit;
}

/* "priority weight name" with a name of one letter. */
static size_t parse(const char *text, struct dns_srv *records)
{
    struct slice rest = slice_of(text), line, word;
    size_t count = 0;
    for (; slice_cut(&rest, ',', &line); count++) {
        uint64_t number = 0;
        records[count] = (struct dns_srv){.port = 1};
        assert_true(slice_cut_word(&line, &word) && slice_parse_number(word, 65535, &number));
        records[count].priority = (uint16_t)number;
        assert_true(slice_cut_word(&line, &word) && slice_parse_number(word, 65535, &number));
        records[count].weight = (uint16_t)number;
        assert_true(slice_cut_word(&line, &word));
        memcpy(records[count].target, word.bytes, word.length);
    }
    return count;
}

static void test_order(void **state)
{
    static const struct {
        const char *records;
        uint32_t numbers[RECORDS_MAX];
        const char *order;
    } rows[] = {
        {"10 5 a", {0}, "a"},
        {"20 0 b, 10 0 a", {0}, "ab"},
        {"10 0 a, 10 0 b", {0, 0}, "ab"},
        /* the running sums are 1, 4, 10; a number chooses the first sum that reaches it */
        {"1 1 a, 1 3 b, 1 6 c", {0, 0, 0}, "abc"},
        {"1 1 a, 1 3 b, 1 6 c", {1, 3, 0}, "abc"},
        {"1 1 a, 1 3 b, 1 6 c", {2, 1, 0}, "bac"},
        {"1 1 a, 1 3 b, 1 6 c", {4, 2, 0}, "bca"},
        {"1 1 a, 1 3 b, 1 6 c", {5, 0, 0}, "cab"},
        {"1 1 a, 1 3 b, 1 6 c", {10, 4, 0}, "cba"},
        /* weight 0 stands first: it has its chance, though a small one */
        {"1 9 a, 1 0 b", {0, 0}, "ba"},
        {"1 9 a, 1 0 b", {1, 0}, "ab"},
        /* each priority by itself */
        {"2 1 c, 2 1 d, 1 1 a, 1 1 b", {2, 0, 2, 0}, "badc"},
        {"1 65535 a, 1 65535 b", {131070, 0}, "ba"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct dns_srv records[RECORDS_MAX];
        struct loaded_dice loaded = {.numbers = rows[i].numbers};
        struct service_dice dice = {.roll = roll, .context = &loaded};
        char order[RECORDS_MAX + 1] = "";
        size_t count = parse(rows[i].records, records);
        service_order(records, count, &dice);
        for (size_t j = 0; j < count; j++)
            order[j] = records[j].target[0];
        assert_string_equal(order, rows[i].order);
    }
}

static void test_within(void **state)
{
    static const struct {
        const char *host, *domain;
        bool within;
    } rows[] = {
        {"example.com", "example.com", true},
        {"smtp.example.com", "example.com", true},
        {"a.b.example.com", "example.com", true},
        {"SMTP.Example.COM", "example.com", true},
        {"smtp.example.com.", "example.com", true},
        {"smtp.example.com", "example.com.", true},
        {"evilexample.com", "example.com", false},
        {"example.com.evil.example", "example.com", false},
        {"com", "example.com", false},
        {".example.com", "example.com", false},
        {"", "example.com", false},
        {"smtp.example.com", "", false},
        {"smtp.example.com", ".", false},
        {"example.org", "example.com", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(service_is_within(rows[i].host, rows[i].domain), rows[i].within);
}

static const struct dns_row rows[] = {
    {"_submission._tcp.two.example", ns_t_srv, "20 0 2525 backup.two.example", 0},
    {"_submission._tcp.two.example", ns_t_srv, "10 0 587 smtp.two.example", 0},
    {"_submission._tcp.signed.example", ns_t_srv, "0 0 587 mail.else.example", DNS_ROW_SIGNED},
    {"_submission._tcp.none.example", ns_t_srv, "0 0 0 .", 0},
    {"_submission._tcp.odd.example", ns_t_srv, "0 0 0 smtp.odd.example", 0},
    {"_submission._tcp.odd.example", ns_t_srv, "1 0 587 a\\032b.odd.example", 0},
    {"_submission._tcp.odd.example", ns_t_srv, "2 0 587 -v.odd.example", 0},
    {"_submission._tcp.odd.example", ns_t_srv, "3 0 588 good.odd.example", 0},
    {"_submission._tcp.worse.example", ns_t_srv, "1 0 587 a\\010b.worse.example", 0},
    {"_submission._tcp.bogus.example", ns_t_srv, "1 0 587 smtp.bogus.example", DNS_ROW_FAILS},
    {NULL, 0, NULL, 0},
};

static bool find(const char *domain, struct service *service, struct error *error)
{
    struct dns_server server = {.socket = -1};
    dns_server_start(&server, rows);
    struct service_query query = {SERVICE_STARTTLS, domain, &server.address, PATIENCE};
    bool found = service_find(&query, service, error);
    dns_server_stop(&server);
    return found;
}

static void test_targets(void **state)
{
    struct service service;
    struct error error;
    (void)state;
    assert_true(find("two.example", &service, &error));
    assert_int_equal(service.count, 2);
    assert_false(service.authenticated);
    assert_string_equal(service.targets[0].host, "smtp.two.example");
    assert_int_equal(service.targets[0].port, 587);
    assert_string_equal(service.targets[1].host, "backup.two.example");
    assert_int_equal(service.targets[1].port, 2525);
    assert_true(find("signed.example", &service, &error));
    assert_true(service.authenticated);
    assert_true(find("odd.example", &service, &error));
    assert_int_equal(service.count, 1);
    assert_string_equal(service.targets[0].host, "good.odd.example");
}

static void test_failures(void **state)
{
    static const struct {
        const char *domain;
        int exit_code;
        const char *sentence;
    } cases[] = {
        {"absent.example", EX_NOHOST, "resolve: absent.example has no SRV record _submission._tcp"},
        {"none.example", EX_NOHOST,
         "resolve: none.example says that it has no service _submission._tcp (SRV)"},
        {"worse.example", EX_NOHOST,
         "resolve: the SRV records _submission._tcp of worse.example name no host"},
        {"bogus.example", EX_TEMPFAIL,
         "DNS: no answer that can be believed about _submission._tcp.bogus.example"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct service service;
        struct error error;
        assert_false(find(cases[i].domain, &service, &error));
        assert_int_equal(error.exit_code, cases[i].exit_code);
        assert_string_equal(error.sentence, cases[i].sentence);
        assert_int_equal(service.count, 0);
    }
}

/* Records of one weight: each comes first sooner or later. */
static void test_real_chance(void **state)
{
    static const struct dns_row even[] = {
        {"_submission._tcp.even.example", ns_t_srv, "0 5 587 a.even.example", 0},
        {"_submission._tcp.even.example", ns_t_srv, "0 5 587 b.even.example", 0},
        {NULL, 0, NULL, 0},
    };
    struct dns_server server = {.socket = -1};
    int seen[2] = {0, 0};
    (void)state;
    dns_server_start(&server, even);
    struct service_query query = {SERVICE_STARTTLS, "even.example", &server.address, PATIENCE};
    for (int i = 0; i < ROUNDS && (seen[0] == 0 || seen[1] == 0); i++) {
        struct service service;
        struct error error;
        assert_true(service_find(&query, &service, &error));
        seen[service.targets[0].host[0] - 'a']++;
    }
    dns_server_stop(&server);
    assert_true(seen[0] > 0 && seen[1] > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),       cmocka_unit_test(test_within),
        cmocka_unit_test(test_targets),     cmocka_unit_test(test_failures),
        cmocka_unit_test(test_real_chance),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

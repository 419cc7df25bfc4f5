/* Goal: what is offered for a domain, in the order of trust: a name that the DNS alone vouches for
 * never stands before one that is known, and is marked. */
#include "agent/discover.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <arpa/nameser.h>

#include <cmocka.h>

#include "tests/support/dns.h"

enum { PATIENCE = 20000 };

static const struct dns_row rows[] = {
    {"_submission._tcp.own.example", ns_t_srv, "0 0 587 smtp.own.example", 0},
    {"_submissions._tcp.own.example", ns_t_srv, "0 0 465 smtp.own.example", 0},
    {"_submission._tcp.hosted.example", ns_t_srv, "0 0 587 smtp.fastmail.com", 0},
    {"_submissions._tcp.signed.example", ns_t_srv, "0 0 465 smtp.fastmail.com", DNS_ROW_SIGNED},
    {"_submission._tcp.mixed.example", ns_t_srv, "0 0 587 smtp.evil.example", 0},
    {"_submission._tcp.mixed.example", ns_t_srv, "9 0 587 smtp.mixed.example", 0},
    {"_submissions._tcp.mixed.example", ns_t_srv, "0 0 0 .", 0},
    {"_submission._tcp.gmail.com", ns_t_srv, "0 0 587 smtp.evil.example", 0},
    {"_submissions._tcp.broken.example", ns_t_srv, "0 0 465 smtp.broken.example", DNS_ROW_FAILS},
    {NULL, 0, NULL, 0},
};

/* "r smtp.own.example:465 Fastmail, ..." with the first letter of the origin, in capitals for
 * STARTTLS. */
static void list(const struct discover *discover, struct text *out)
{
    static const char origins[] = "rpsgu";
    for (size_t i = 0; i < discover->count; i++) {
        const struct discover_offer *offer = &discover->offers[i];
        text_add(out, i == 0 ? "" : ", ");
        text_add_byte(out, origins[offer->origin]);
        text_add_format(out, " %s:%u%s", offer->host, (unsigned)offer->port,
                        offer->implicit == (offer->port == 465) ? "" : "?");
        if (offer->provider != NULL)
            text_add_format(out, " %s", offer->provider->name);
        text_add(out, offer->authenticated ? " signed" : "");
    }
}

static void find(const char *domain, struct discover *discover)
{
    struct dns_server server = {.socket = -1};
    dns_server_start(&server, rows);
    struct discover_question question = {domain, &server.address, PATIENCE};
    discover_find(&question, discover);
    dns_server_stop(&server);
}

#define GUESSES(domain)                                                                            \
    "g smtp." domain ":465, g smtp." domain ":587, g mail." domain ":465, g mail." domain ":587"

static void test_order(void **state)
{
    static const struct {
        const char *domain, *offers;
    } cases[] = {
        {"own.example", "r smtp.own.example:465, r smtp.own.example:587, g mail.own.example:465, "
                        "g mail.own.example:587"},
        {"hosted.example", "s smtp.fastmail.com:587 Fastmail, " GUESSES("hosted.example")},
        {"signed.example", "r smtp.fastmail.com:465 Fastmail signed, " GUESSES("signed.example")},
        {"mixed.example",
         "r smtp.mixed.example:587, s smtp.evil.example:587, g smtp.mixed.example:465, "
         "g mail.mixed.example:465, g mail.mixed.example:587"},
        {"gmail.com", "p smtp.gmail.com:465 Gmail, s smtp.evil.example:587"},
        {"none.example", GUESSES("none.example")},
        {"tuta.com", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char bytes[1024];
        struct text offers;
        struct discover discover;
        text_init(&offers, bytes, sizeof bytes);
        find(cases[i].domain, &discover);
        list(&discover, &offers);
        assert_string_equal(bytes, cases[i].offers);
        assert_int_equal(discover.dns.exit_code, EX_OK);
        assert_int_equal(discover.closed != NULL, cases[i].offers[0] == '\0');
    }
}

static void test_broken_dns(void **state)
{
    struct discover discover;
    char bytes[1024];
    struct text offers;
    (void)state;
    text_init(&offers, bytes, sizeof bytes);
    find("broken.example", &discover);
    list(&discover, &offers);
    assert_int_equal(discover.dns.exit_code, EX_TEMPFAIL);
    assert_string_equal(bytes, GUESSES("broken.example"));
}

static void test_answers(void **state)
{
    static const struct {
        const char *answer, *offers;
    } cases[] = {
        {"smtp.example.com", "u smtp.example.com:465, u smtp.example.com:587"},
        {"ionos.de", "p smtp.ionos.de:465 IONOS"},
        {"smtp.gmail.com", "u smtp.gmail.com:465 Gmail, u smtp.gmail.com:587 Gmail"},
        {"tuta.com", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char bytes[1024];
        struct text offers;
        struct discover discover = {.count = 0};
        text_init(&offers, bytes, sizeof bytes);
        discover_add_answer(cases[i].answer, &discover);
        list(&discover, &offers);
        assert_string_equal(bytes, cases[i].offers);
    }
}

/* A person who answers without end fills the list and no more. */
static void test_many_answers(void **state)
{
    struct discover discover = {.count = 0};
    (void)state;
    for (int i = 0; i < 100; i++)
        discover_add_answer("smtp.example.com", &discover);
    assert_int_equal(discover.count, DISCOVER_OFFERS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_broken_dns),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_many_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

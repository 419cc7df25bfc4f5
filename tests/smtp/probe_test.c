/* Goal: a probe says what a submission would say up to RCPT and nothing more, takes it back, times
 * each step, and blames the step that failed with a submission's exit code. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/nameser.h>
#include <stdlib.h>
#include <string.h>

#include "net/service.h"
#include "smtp/probe.h"
#include "tests/support/dns.h"
#include "tests/support/peer.h"

enum { SCRIPTS_MAX = 3, PEERS = 2 };

#define HELLO "220 mx\n250-mx/250-8BITMIME/250 PIPELINING\n"
#define LOGIN "220 mx\n250-mx/250 AUTH CRAM-MD5\n334 PDFAYj4=\n"

static const struct row {
    const char *name;
    const char *scripts[SCRIPTS_MAX]; /* of the first port, */
    const char *others[SCRIPTS_MAX];  /* and of a second one; none: there is none */
    const char *service;              /* host, whose servers are in the DNS below, instead */
    int recipients;
    bool login, utf8;
    int exit_code; /* EX_OK: mail can be sent */
    enum probe_kind failed;
    const char *heard, *heard_other; /* NULL: nothing */
    const char *steps; /* a letter each: n look-up, c connect, g greeting, e EHLO, a login, m MAIL,
                          r RCPT, s RSET, q QUIT; in capitals where it failed, with a ! where it is
                          noted */
    int reached;       /* the port in the report, 0 or 1 */
    const char *words; /* in the error */
} rows[] = {
    {"a sender",
     {HELLO "250 ok\n250 ok\n221 bye\n"},
     .heard = "EHLO MAIL RSET QUIT",
     .steps = "cgeamsq"},
    {"a recipient",
     {HELLO "250 ok\n250 ok\n250 ok\n221 bye\n"},
     .recipients = 1,
     .heard = "EHLO MAIL RCPT RSET QUIT",
     .steps = "cgeamrsq"},
    {"a login",
     {LOGIN "235 ok\n250 ok\n250 ok\n221 bye\n"},
     .login = true,
     .heard = "EHLO AUTH + MAIL RSET QUIT",
     .steps = "cgeamsq"},
    {"RSET and QUIT refused",
     {HELLO "250 ok\n502 no\n500 no\n"},
     .heard = "EHLO MAIL RSET QUIT",
     .steps = "cgeams!q!"},
    {"EHLO put off, and nobody else",
     {"220 mx\n451 later\n"},
     .exit_code = EX_TEMPFAIL,
     .failed = PROBE_HELLO,
     .heard = "EHLO QUIT",
     .steps = "cgE",
     .words = "451 later"},
    {"EHLO refused",
     {"220 mx\n550 no\n550 no\n"},
     .exit_code = EX_UNAVAILABLE,
     .failed = PROBE_HELLO,
     .heard = "EHLO HELO QUIT",
     .steps = "cgE",
     .words = "550 no"},
    {"a greeting that is none",
     {"554 no\n"},
     .exit_code = EX_UNAVAILABLE,
     .failed = PROBE_CONNECT,
     .steps = "C",
     .words = "554 no"},
    {"login refused",
     {LOGIN "535 5.7.8 no\n"},
     .login = true,
     .exit_code = EX_NOPERM,
     .failed = PROBE_LOGIN,
     .heard = "EHLO AUTH + QUIT",
     .steps = "cgeA",
     .words = "535 5.7.8 no"},
    {"login not offered",
     {HELLO},
     .login = true,
     .exit_code = EX_NOPERM,
     .failed = PROBE_LOGIN,
     .heard = "EHLO QUIT",
     .steps = "cgeA",
     .words = "no login is offered"},
    {"login put off",
     {LOGIN "454 later\n"},
     .login = true,
     .exit_code = EX_TEMPFAIL,
     .failed = PROBE_LOGIN,
     .heard = "EHLO AUTH + QUIT",
     .steps = "cgeA",
     .words = "454 later"},
    {"sender refused",
     {HELLO "553 5.7.1 not you\n"},
     .recipients = 1,
     .exit_code = EX_UNAVAILABLE,
     .failed = PROBE_MAIL,
     .heard = "EHLO MAIL QUIT",
     .steps = "cgeaM",
     .words = "MAIL FROM:<me@x>: refused by 127.0.0.1"},
    {"sender needs a login",
     {HELLO "530 5.7.0 log in\n"},
     .exit_code = EX_NOPERM,
     .failed = PROBE_MAIL,
     .heard = "EHLO MAIL QUIT",
     .steps = "cgeaM",
     .words = "set user and password"},
    {"SMTPUTF8 not offered",
     {HELLO},
     .utf8 = true,
     .exit_code = EX_DATAERR,
     .failed = PROBE_MAIL,
     .heard = "EHLO QUIT",
     .steps = "cgeaM",
     .words = "needs SMTPUTF8"},
    {"all recipients refused",
     {HELLO "250 ok\n550 no\n551 no\n"},
     .recipients = 2,
     .exit_code = EX_NOUSER,
     .failed = PROBE_RECIPIENT,
     .heard = "EHLO MAIL RCPT RCPT QUIT",
     .steps = "cgeamRR",
     .words = "RCPT TO:<r0@x>: refused by 127.0.0.1"},
    {"one of two refused",
     {HELLO "250 ok\n250 ok\n550 no\n"},
     .recipients = 2,
     .exit_code = EX_UNAVAILABLE,
     .failed = PROBE_RECIPIENT,
     .heard = "EHLO MAIL RCPT RCPT QUIT",
     .steps = "cgeamrR",
     .words = "RCPT TO:<r1@x>"},
    {"one put off, one refused",
     {HELLO "250 ok\n450 wait\n550 no\n"},
     .recipients = 2,
     .exit_code = EX_UNAVAILABLE,
     .failed = PROBE_RECIPIENT,
     .heard = "EHLO MAIL RCPT RCPT QUIT",
     .steps = "cgeamRR",
     .words = "RCPT TO:<r1@x>"},
    {"one put off",
     {HELLO "250 ok\n450 wait\n"},
     .recipients = 1,
     .exit_code = EX_TEMPFAIL,
     .failed = PROBE_RECIPIENT,
     .heard = "EHLO MAIL RCPT QUIT",
     .steps = "cgeamR",
     .words = "450 wait"},
    {"goodbye at RCPT",
     {HELLO "250 ok\n421 bye\n"},
     .recipients = 2,
     .exit_code = EX_TEMPFAIL,
     .failed = PROBE_RECIPIENT,
     .heard = "EHLO MAIL RCPT QUIT",
     .steps = "cgeamR",
     .words = "421 bye"},
    {"cut at MAIL",
     {HELLO "close\n"},
     .exit_code = EX_TEMPFAIL,
     .failed = PROBE_MAIL,
     .heard = "EHLO MAIL",
     .steps = "cgeaM",
     .words = "closed by the server"},
    {"another port has its turn, and the first one's failure is a note",
     {"220 mx\n421 busy\n"},
     {HELLO "250 ok\n250 ok\n221 bye\n"},
     .heard = "EHLO QUIT",
     .heard_other = "EHLO MAIL RSET QUIT",
     .steps = "cge!cgeamsq",
     .reached = 1},
    {"a port that was not needed is tried at the end, and only greeted",
     {HELLO "250 ok\n250 ok\n221 bye\n"},
     {"220 other\n221 bye\n"},
     .heard = "EHLO MAIL RSET QUIT",
     .heard_other = "QUIT",
     .steps = "cgeamsqc"},
    {"a server's name that the DNS alone vouches for", .service = "srv:far.example",
     .exit_code = EX_NOPERM, .failed = PROBE_RESOLVE, .steps = "N",
     .words = "set tls_name = mx.elsewhere.example"},
    {"no servers in the DNS", .service = "srv:none.example", .exit_code = EX_NOHOST,
     .failed = PROBE_RESOLVE, .steps = "N", .words = "has no SRV record"},
};

static struct dns_server dns;

static int start_dns(void **state)
{
    static const struct dns_row records[] = {
        {"_submission._tcp.far.example", ns_t_srv, "0 0 587 mx.elsewhere.example", 0},
        {NULL, 0, NULL, 0},
    };
    (void)state;
    dns_server_start(&dns, records);
    return 0;
}

static int stop_dns(void **state)
{
    (void)state;
    dns_server_stop(&dns);
    return 0;
}

static void show_steps(const struct probe *probe, struct text *out)
{
    static const char letters[PROBE_KINDS] = {
        [PROBE_RESOLVE] = 'n',   [PROBE_CONNECT] = 'c', [PROBE_GREETING] = 'g', [PROBE_HELLO] = 'e',
        [PROBE_STARTTLS] = 't',  [PROBE_TLS] = 'h',     [PROBE_LOGIN] = 'a',    [PROBE_MAIL] = 'm',
        [PROBE_RECIPIENT] = 'r', [PROBE_RESET] = 's',   [PROBE_QUIT] = 'q'};
    for (size_t i = 0; i < probe->step_count; i++) {
        const struct probe_step *step = &probe->steps[i];
        bool failed = step->status == PROBE_FAILED;
        text_add_byte(out, (char)(letters[step->kind] - (failed ? 'a' - 'A' : 0)));
        text_add(out, step->status == PROBE_NOTED ? "!" : "");
        assert_true(step->started_ms >= 0 && step->elapsed_ms >= 0);
        assert_true(step->started_ms + step->elapsed_ms <= probe->total_ms);
        assert_true(step->words[0] != '\0');
    }
}

static void fill(struct envelope *envelope, const struct row *row)
{
    struct error error;
    char address[16];
    struct text text;
    assert_true(envelope_set_sender(envelope, "me@x", &error));
    envelope->needs_utf8 = row->utf8;
    for (int i = 0; i < row->recipients; i++) {
        text_init(&text, address, sizeof address);
        text_add_format(&text, "r%d@x", i);
        assert_true(envelope_add(envelope, address, &error));
    }
}

/* Where the peers are, one port after the other; or what the DNS says of the service. */
static struct dial_options find_way(const struct row *row, const struct peer peers[PEERS])
{
    struct dial_options way = {.hosts = {"127.0.0.1"},
                               .ports = {peers[0].port, peers[1].port},
                               .connect_timeout = 20000,
                               .fallback_delay = 20000};
    if (row->service == NULL)
        return way;
    way.hosts[0] = row->service;
    way.ports[0] = 587;
    way.service = SERVICE_STARTTLS;
    way.dns_server = &dns.address;
    return way;
}

static bool run(struct probe *probe, const struct row *row, const struct peer peers[PEERS],
                struct error *error)
{
    static const struct trace no_trace;
    static struct sasl_secret secret = {.bytes = "geheim12", .length = 8};
    struct envelope envelope = {0};
    struct smarthost smarthost = {
        .dial = find_way(row, peers),
        .tls_mode = SMARTHOST_CLEAR,
        .sasl = {.mechanism = row->login ? "cram-md5" : "auto",
                 .user = row->login ? "me" : NULL,
                 .secret = &secret},
        .helo = "client.example",
        .timeout = 20000,
        .pipelining = true,
    };
    struct probe_request request = {&smarthost, &envelope, &no_trace};
    fill(&envelope, row);
    probe_init(probe);
    bool good = probe_run(probe, &request, error);
    envelope_free(&envelope);
    return good;
}

static void assert_heard(struct peer *peer, const char *heard)
{
    peer_join(peer);
    assert_string_equal(peer->heard.length > 0 ? peer->heard.bytes : "",
                        heard != NULL ? heard : "");
    peer_free(peer);
}

static void run_row(const struct row *row)
{
    struct probe *probe = calloc(1, sizeof *probe);
    struct peer peers[PEERS] = {0};
    struct error error = {.exit_code = EX_OK};
    char steps_bytes[64];
    struct text steps;
    print_message("    %s\n", row->name);
    if (row->scripts[0] != NULL)
        peer_listen(&peers[0], row->scripts);
    if (row->others[0] != NULL)
        peer_listen(&peers[1], row->others);
    bool good = run(probe, row, peers, &error);
    text_init(&steps, steps_bytes, sizeof steps_bytes);
    show_steps(probe, &steps);
    assert_string_equal(steps_bytes, row->steps);
    if (row->scripts[0] != NULL)
        assert_heard(&peers[0], row->heard);
    if (row->others[0] != NULL)
        assert_heard(&peers[1], row->heard_other);
    assert_int_equal(good, row->exit_code == EX_OK);
    assert_int_equal(error.exit_code, row->exit_code);
    if (good) {
        assert_int_equal(probe->report.port, peers[row->reached].port);
    } else {
        assert_int_equal(probe->failed, row->failed);
        assert_non_null(strstr(error.sentence, row->words));
    }
    for (size_t i = 0; i < probe->step_count; i++)
        assert_null(strstr(probe->steps[i].words, "geheim"));
    free(probe);
}

static void probes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        run_row(&rows[i]);
}

/* More steps than there is room for are counted, and the last one is still told. */
static void bounded(void **state)
{
    struct probe *probe = calloc(1, sizeof *probe);
    struct error reason;
    (void)state;
    probe_init(probe);
    error_set(&reason, EX_TEMPFAIL, "no");
    for (size_t i = 0; i < PROBE_STEPS_MAX + 3; i++)
        probe_end(probe, probe_begin(probe, PROBE_CONNECT), &reason);
    assert_int_equal(probe->step_count, PROBE_STEPS_MAX);
    assert_int_equal(probe->left_out, 3);
    assert_string_equal(probe->steps[PROBE_STEPS_MAX - 1].words, "no");
    free(probe);
}

static void shows_offers(void **state)
{
    static const struct capability everything = {.size = true,
                                                 .size_limit = 1000,
                                                 .eight_bit = true,
                                                 .smtputf8 = true,
                                                 .dsn = true,
                                                 .auth = true,
                                                 .mechanisms = "PLAIN X\x1b"};
    static const struct capability nothing;
    char bytes[256];
    struct text text;
    (void)state;
    text_init(&text, bytes, sizeof bytes);
    probe_show_offer(&everything, &text);
    assert_string_equal(bytes, "SIZE 1000, 8BITMIME, SMTPUTF8, DSN, AUTH PLAIN X\\x1b");
    text_init(&text, bytes, sizeof bytes);
    probe_show_offer(&nothing, &text);
    assert_string_equal(bytes, "nothing but the least");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(probes),
        cmocka_unit_test(bounded),
        cmocka_unit_test(shows_offers),
    };
    return cmocka_run_group_tests(tests, start_dns, stop_dns);
}

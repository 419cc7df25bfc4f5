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

enum { SCRIPTS_MAX = 3 };

#define HELLO "220 mx\n250-mx/250-8BITMIME/250 PIPELINING\n"
#define LOGIN "220 mx\n250-mx/250 AUTH CRAM-MD5\n334 PDFAYj4=\n"

static const struct row {
    const char *name;
    const char *scripts[SCRIPTS_MAX];
    int recipients;
    bool login, utf8;
    int exit_code; /* EX_OK: mail can be sent */
    enum probe_kind failed;
    const char *heard;
    const char *steps; /* a letter each: c connect, g greeting, e EHLO, a login, m MAIL, r RCPT, s
                          RSET, q QUIT; in capitals where it failed, with a ! where it is noted */
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
     .heard = "",
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
};

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

static bool run(struct probe *probe, const struct row *row, uint16_t port, struct error *error)
{
    static const struct trace no_trace;
    static struct sasl_secret secret = {.bytes = "geheim12", .length = 8};
    struct envelope envelope = {0};
    struct smarthost smarthost = {
        .dial = {.hosts = {"127.0.0.1"},
                 .ports = {port},
                 .connect_timeout = 20000,
                 .fallback_delay = 1000},
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

static void run_row(const struct row *row)
{
    struct probe *probe = calloc(1, sizeof *probe);
    struct peer peer = {0};
    struct error error = {.exit_code = EX_OK};
    char steps_bytes[64];
    struct text steps;
    print_message("    %s\n", row->name);
    peer_listen(&peer, row->scripts);
    bool good = run(probe, row, peer.port, &error);
    peer_join(&peer);
    text_init(&steps, steps_bytes, sizeof steps_bytes);
    show_steps(probe, &steps);
    assert_string_equal(steps_bytes, row->steps);
    assert_string_equal(peer.heard.length > 0 ? peer.heard.bytes : "", row->heard);
    assert_int_equal(good, row->exit_code == EX_OK);
    assert_int_equal(error.exit_code, row->exit_code);
    if (!good) {
        assert_int_equal(probe->failed, row->failed);
        assert_non_null(strstr(error.sentence, row->words));
    }
    for (size_t i = 0; i < probe->step_count; i++)
        assert_null(strstr(probe->steps[i].words, "geheim"));
    peer_free(&peer);
    free(probe);
}

static void probes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        run_row(&rows[i]);
}

/* Another port has its turn where the first one's server cannot be used, and that is a note then.
 */
static void goes_on_to_the_next_port(void **state)
{
    static const char *const busy[] = {"220 mx\n421 busy\n", NULL};
    static const char *const fine[] = {HELLO "250 ok\n250 ok\n221 bye\n", NULL};
    static const struct trace no_trace;
    struct probe *probe = calloc(1, sizeof *probe);
    struct peer first = {0}, second = {0};
    struct envelope envelope = {.sender = "me@x"};
    struct error error;
    char steps_bytes[64];
    struct text steps;
    (void)state;
    peer_listen(&first, busy);
    peer_listen(&second, fine);
    struct smarthost smarthost = {
        .dial = {.hosts = {"127.0.0.1"},
                 .ports = {first.port, second.port},
                 .connect_timeout = 20000,
                 .fallback_delay = 20000},
        .tls_mode = SMARTHOST_CLEAR,
        .sasl = {.mechanism = "auto"},
        .helo = "client.example",
        .timeout = 20000,
    };
    struct probe_request request = {&smarthost, &envelope, &no_trace};
    probe_init(probe);
    assert_true(probe_run(probe, &request, &error));
    assert_int_equal(error.exit_code, EX_OK);
    peer_join(&first);
    peer_join(&second);
    text_init(&steps, steps_bytes, sizeof steps_bytes);
    show_steps(probe, &steps);
    assert_string_equal(steps_bytes, "cge!cgeamsq");
    assert_int_equal(probe->report.port, second.port);
    peer_free(&first);
    peer_free(&second);
    free(probe);
}

/* A port that was not needed is tried at the end, and only greeted. */
static void tries_the_others(void **state)
{
    static const char *const fine[] = {HELLO "250 ok\n250 ok\n221 bye\n", NULL};
    static const char *const other[] = {"220 other\n221 bye\n", NULL};
    static const struct trace no_trace;
    struct probe *probe = calloc(1, sizeof *probe);
    struct peer first = {0}, second = {0};
    struct envelope envelope = {.sender = "me@x"};
    struct error error;
    (void)state;
    peer_listen(&first, fine);
    peer_listen(&second, other);
    struct smarthost smarthost = {
        .dial = {.hosts = {"127.0.0.1"},
                 .ports = {first.port, second.port},
                 .connect_timeout = 20000,
                 .fallback_delay = 20000},
        .tls_mode = SMARTHOST_CLEAR,
        .sasl = {.mechanism = "auto"},
        .helo = "client.example",
        .timeout = 20000,
    };
    struct probe_request request = {&smarthost, &envelope, &no_trace};
    probe_init(probe);
    assert_true(probe_run(probe, &request, &error));
    peer_join(&first);
    peer_join(&second);
    assert_string_equal(second.heard.bytes, "QUIT");
    assert_int_equal(probe->steps[probe->step_count - 1].kind, PROBE_CONNECT);
    assert_int_equal(probe->steps[probe->step_count - 1].status, PROBE_GOOD);
    assert_int_equal(probe->report.port, first.port);
    peer_free(&first);
    peer_free(&second);
    free(probe);
}

/* What the DNS says of srv: is a matter of the look-up, not of a connection. */
static void blames_the_dns_for_srv(void **state)
{
    static const struct dns_row records[] = {
        {"_submission._tcp.far.example", ns_t_srv, "0 0 587 mx.elsewhere.example", 0},
        {NULL, 0, NULL, 0},
    };
    static const struct {
        const char *host;
        int exit_code;
        const char *words;
    } table[] = {{"srv:far.example", EX_NOPERM, "set tls_name = mx.elsewhere.example"},
                 {"srv:none.example", EX_NOHOST, "has no SRV record"}};
    static const struct trace no_trace;
    struct probe *probe = calloc(1, sizeof *probe);
    struct dns_server dns = {0};
    (void)state;
    dns_server_start(&dns, records);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct envelope envelope = {.sender = "me@x"};
        struct error error;
        struct smarthost smarthost = {
            .dial = {.hosts = {table[i].host},
                     .ports = {587},
                     .connect_timeout = 20000,
                     .fallback_delay = 20000,
                     .service = SERVICE_STARTTLS,
                     .dns_server = &dns.address},
            .tls_mode = SMARTHOST_CLEAR,
            .sasl = {.mechanism = "auto"},
            .timeout = 20000,
        };
        struct probe_request request = {&smarthost, &envelope, &no_trace};
        probe_init(probe);
        assert_false(probe_run(probe, &request, &error));
        assert_int_equal(error.exit_code, table[i].exit_code);
        assert_int_equal(probe->failed, PROBE_RESOLVE);
        assert_int_equal(probe->step_count, 1);
        assert_int_equal(probe->steps[0].kind, PROBE_RESOLVE);
        assert_int_equal(probe->steps[0].status, PROBE_FAILED);
        assert_non_null(strstr(probe->steps[0].words, table[i].words));
    }
    dns_server_stop(&dns);
    free(probe);
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
        cmocka_unit_test(probes),           cmocka_unit_test(goes_on_to_the_next_port),
        cmocka_unit_test(tries_the_others), cmocka_unit_test(bounded),
        cmocka_unit_test(shows_offers),     cmocka_unit_test(blames_the_dns_for_srv),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

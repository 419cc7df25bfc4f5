/* Goal: the report of --check is plain lines without a terminal, and on one it keeps to the width,
 * draws bars on one time axis, and uses colours and characters only where they are permitted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "agent/check_text.h"

static struct probe *probe;
static struct account account = {.name = "work"};
static struct envelope envelope = {.sender = "alice@example.com"};
static struct error outcome;
static struct hint hint;

static void add_step(enum probe_kind kind, enum probe_status status, int64_t started,
                     int64_t elapsed, const char *words)
{
    struct probe_step *step = probe_begin(probe, kind);
    step->status = status;
    step->started_ms = started;
    step->elapsed_ms = elapsed;
    text_copy(step->words, sizeof step->words, words);
}

static int make_probe(void **state)
{
    (void)state;
    probe = calloc(1, sizeof *probe);
    probe_init(probe);
    add_step(PROBE_RESOLVE, PROBE_GOOD, 0, 250, "mail.example: 192.0.2.1");
    add_step(PROBE_CONNECT, PROBE_NOTED, 250, 10, "connection refused");
    text_copy(probe->steps[1].address, sizeof probe->steps[1].address, "192.0.2.1:587");
    add_step(PROBE_HELLO, PROBE_GOOD, 260, 0,
             "SIZE 10240000, 8BITMIME, SMTPUTF8, PIPELINING, CHUNKING, DSN");
    add_step(PROBE_LOGIN, PROBE_FAILED, 500, 500, "535 5.7.8 no");
    probe->total_ms = 1000;
    text_copy(probe->report.host, sizeof probe->report.host, "mail.example");
    text_copy(probe->report.address, sizeof probe->report.address, "192.0.2.1:2525");
    error_set(&outcome, EX_NOPERM, "AUTH PLAIN: refused by mail.example: 535 5.7.8 no");
    hint = (struct hint){.section = "smarthost:work", .key = "password", .advice = "another one"};
    return 0;
}

static int free_probe(void **state)
{
    (void)state;
    free(probe);
    return 0;
}

/* To be freed by the caller. */
static char *write_report(const struct check_style *style)
{
    struct check_report report = {.probe = probe,
                                  .file = "/etc/config.ini",
                                  .account = &account,
                                  .envelope = &envelope,
                                  .error = &outcome,
                                  .hint = outcome.exit_code != EX_OK ? &hint : NULL};
    struct buffer out = {0};
    check_text_write(&report, style, &out);
    buffer_add_byte(&out, '\0');
    assert_false(out.failed);
    return out.bytes;
}

static void assert_written(const struct check_style *style, const char *expected)
{
    char *written = write_report(style);
    assert_string_equal(written, expected);
    free(written);
}

static void plain(void **state)
{
    (void)state;
    assert_written(&(struct check_style){0},
                   "ok   resolve      250 ms  mail.example: 192.0.2.1\n"
                   "note connect       10 ms  192.0.2.1:587 connection refused\n"
                   "ok   EHLO           0 ms  SIZE 10240000, 8BITMIME, SMTPUTF8, PIPELINING, "
                   "CHUNKING, DSN\n"
                   "FAIL login        500 ms  535 5.7.8 no\n"
                   "     total       1000 ms\n"
                   "\n"
                   "Mail cannot be sent.\n"
                   "  wrong    AUTH PLAIN: refused by mail.example: 535 5.7.8 no\n"
                   "  change   [smarthost:work] password in /etc/config.ini: another one\n"
                   "  exit     77\n");
}

static void ascii_terminal(void **state)
{
    (void)state;
    assert_written(&(struct check_style){.width = 80},
                   "ok   resolve      250 ms  ####             mail.example: 192.0.2.1\n"
                   "note connect       10 ms     #             192.0.2.1:587 connection refused\n"
                   "ok   EHLO           0 ms     #             SIZE 10240000, 8BITMIME, SMTPUTF8,\n"
                   "                                           PIPELINING, CHUNKING, DSN\n"
                   "FAIL login        500 ms         ########  535 5.7.8 no\n"
                   "     total       1000 ms\n"
                   "\n"
                   "Mail cannot be sent.\n"
                   "  wrong    AUTH PLAIN: refused by mail.example: 535 5.7.8 no\n"
                   "  change   [smarthost:work] password in /etc/config.ini: another one\n"
                   "  exit     77\n");
}

static void utf8_terminal(void **state)
{
    (void)state;
    char *written = write_report(&(struct check_style){.width = 80, .utf8 = true});
    assert_non_null(strstr(written, "\u2713 resolve      250 ms  \u2588\u2588\u2588\u258a"));
    assert_non_null(strstr(written, "! connect       10 ms     \u258e"));
    assert_non_null(strstr(written, "\u2717 login        500 ms         "
                                    "\u2588\u2588\u2588\u2588\u2588\u2588\u2588\u258c  535"));
    assert_null(strchr(written, '\033'));
    free(written);
}

static void colors(void **state)
{
    (void)state;
    char *written = write_report(&(struct check_style){.width = 80, .color = true});
    assert_non_null(
        strstr(written, "\033[32mok  \033[0m resolve      250 ms  \033[32m####\033[0m"));
    assert_non_null(strstr(written, "\033[31mFAIL\033[0m login"));
    assert_non_null(strstr(written, "\033[31mMail cannot be sent.\n\033[0m"));
    free(written);
}

/* Columns of the widest line, by characters. */
static size_t widest(const char *written)
{
    size_t most = 0, column = 0;
    for (; *written != '\0'; written++) {
        bool continues = ((unsigned char)*written & 0xc0) == 0x80;
        column = *written == '\n' ? 0 : column + !continues;
        most = column > most ? column : most;
    }
    return most;
}

static void keeps_to_the_width(void **state)
{
    (void)state;
    for (size_t width = 40; width < 300; width++) {
        struct check_style style = {.width = width, .utf8 = width % 2 == 0};
        char *written = write_report(&style);
        if (widest(written) > width)
            fail_msg("%zu columns of %zu:\n%s", widest(written), width, written);
        bool is_drawn = strstr(written, style.utf8 ? "\u2588" : "#") != NULL;
        assert_int_equal(is_drawn, width >= (style.utf8 ? 60 : 63));
        free(written);
    }
    for (size_t width = 1; width < 40; width++)
        free(write_report(&(struct check_style){.width = width}));
}

static void success_with_certificates(void **state)
{
    (void)state;
    outcome = (struct error){.exit_code = EX_OK};
    probe->step_count = 1;
    probe->left_out = 2;
    probe->chain_length = 2;
    probe->chain[0] = (struct tls_certificate){.subject = "CN=mail.example",
                                               .issuer = "CN=Middle",
                                               .names = "mail.example, 192.0.2.1",
                                               .not_before = "2026-01-01 00:00 UTC",
                                               .not_after = "2026-03-01 00:00 UTC",
                                               .days_left = 1,
                                               .sha256 = "sha256:aa",
                                               .spki = "spki:bb=",
                                               .key = "EC P-256"};
    probe->chain[1] = (struct tls_certificate){
        .subject = "CN=Middle", .not_after = "2025-01-01 00:00 UTC", .days_left = -3};
    assert_written(&(struct check_style){0},
                   "ok   resolve      250 ms  mail.example: 192.0.2.1\n"
                   "     total       1000 ms\n"
                   "2 further steps found no room here\n"
                   "\n"
                   "certificate of the server\n"
                   "  subject   CN=mail.example\n"
                   "  names     mail.example, 192.0.2.1\n"
                   "  issuer    CN=Middle\n"
                   "  valid     2026-01-01 00:00 UTC to 2026-03-01 00:00 UTC, 1 day left\n"
                   "  key       EC P-256\n"
                   "  pin       tls_fingerprint = sha256:aa\n"
                   "  or pin    tls_fingerprint = spki:bb=\n"
                   "  sent with CN=Middle, until 2025-01-01 00:00 UTC, expired 3 days ago\n"
                   "\n"
                   "Mail can be sent: mail.example (192.0.2.1:2525) takes mail from "
                   "<alice@example.com>; nothing was sent.\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(plain, make_probe, free_probe),
        cmocka_unit_test_setup_teardown(ascii_terminal, make_probe, free_probe),
        cmocka_unit_test_setup_teardown(utf8_terminal, make_probe, free_probe),
        cmocka_unit_test_setup_teardown(colors, make_probe, free_probe),
        cmocka_unit_test_setup_teardown(keeps_to_the_width, make_probe, free_probe),
        cmocka_unit_test_setup_teardown(success_with_certificates, make_probe, free_probe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

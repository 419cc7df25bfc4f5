/* Goal: each failure leads to the key that its owner would change, under the section it stands in.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "agent/hint.h"
#include "config/keys.h"

static const struct account work = {
    .name = "work", .password_command = "/bin/pass", .from = "a@example.com"};
static const struct account plain = {.name = "", .password = "x"};
static const struct account file = {.name = "", .password_file = "/x"};
static const struct account nobody; /* none was chosen yet */

/* What decides is the step, the codes and the words that are in the sentence, and where an account
 * sets one of several keys already, that one. */
static const struct row {
    enum probe_kind step;
    int exit_code, reply_code;
    const char *sentence;
    const char *key;               /* NULL: none helps */
    const char *section;           /* NULL: that of the account `work` */
    const struct account *account; /* NULL: `work` */
    const char *advice;            /* words in it; NULL: whatever it says */
} rows[] = {
    {PROBE_CONFIGURATION, EX_CONFIG, 0, "/c:4: [smarthost:w] timout: unknown key; did you mean x?",
     .key = "timout", .section = "smarthost:w"},
    {PROBE_CONFIGURATION, EX_CONFIG, 0, "/c:4: [qeue]: unknown section", .key = NULL},
    {PROBE_CONFIGURATION, EX_CONFIG, 0, "account: /c has no account \"x\"; it has y", .key = NULL},
    {PROBE_CONFIGURATION, EX_CONFIG, 0,
     "configuration: there is neither /a nor /b; run: sendmail --configure you@example.com",
     .key = NULL, .account = &nobody, .advice = "--configure"},
    {PROBE_CONFIGURATION, EX_USAGE, 0, "sender: no domain", .key = "from"},
    {PROBE_CONFIGURATION, EX_CONFIG, 0,
     "configuration: there is no /a; run: sendmail --configure you@example.com", .key = NULL,
     .account = &nobody, .advice = "--configure"},
    {PROBE_CONFIGURATION, EX_CONFIG, 0, "configuration: /c: No such file or directory", .key = NULL,
     .account = &nobody, .advice = "--configure"},
    {PROBE_PASSWORD, EX_TEMPFAIL, 0, "password_command: failed", .key = "password_command"},
    {PROBE_PASSWORD, EX_CONFIG, 0, "password_file: /x: its group can read it; run: chmod 600 /x",
     .key = NULL},
    {PROBE_PASSWORD, EX_TEMPFAIL, 0, "password_command: failed", .key = "password",
     .section = "smarthost", .account = &nobody},
    {PROBE_RESOLVE, EX_NOHOST, 0, "resolve: the name x does not exist", .key = "host"},
    {PROBE_RESOLVE, EX_TEMPFAIL, 0, "resolve: DNS gave no answer for x", .key = "host"},
    {PROBE_RESOLVE, EX_NOPERM, 0, "resolve: not believed: the DNS names a for b; set tls_name = a",
     .key = "tls_name"},
    {PROBE_RESOLVE, EX_NOHOST, 0, "resolve: a has no SRV record x; it has y: set tls = implicit",
     .key = "tls"},
    {PROBE_RESOLVE, EX_NOHOST, 0, "resolve: a has no SRV record x; name the servers themselves",
     .key = "host"},
    {PROBE_CONNECT, EX_TEMPFAIL, 0, "connect: x: connection refused; check host and port",
     .key = "port"},
    {PROBE_CONNECT, EX_TEMPFAIL, 0, "connect: x: no answer within 30 s", .key = "port"},
    {PROBE_CONNECT, EX_TEMPFAIL, 0, "connect: x: connected, but no greeting within 30 s",
     .key = "tls"},
    {PROBE_CONNECT, EX_PROTOCOL, 0, "connect: x: TLS on the wrong port: a greeting", .key = "tls"},
    {PROBE_CONNECT, EX_TEMPFAIL, 0, "connect: x: network unreachable", .key = "host"},
    {PROBE_CONNECT, EX_NOPERM, 0, "connect: x: a firewall", .key = NULL},
    {PROBE_CONNECT, EX_UNAVAILABLE, 554, "connect: x: greeting: 554 no", .key = "host"},
    {PROBE_CONNECT, EX_TEMPFAIL, 421, "connect: x: greeting: 421 busy", .key = NULL},
    {PROBE_GREETING, EX_CONFIG, 0, "connect: tls = none is only", .key = "tls"},
    {PROBE_GREETING, EX_UNAVAILABLE, 554, "greeting: refused: 554", .key = "host"},
    {PROBE_HELLO, EX_UNAVAILABLE, 550, "EHLO: refused: 550", .key = "helo"},
    {PROBE_HELLO, EX_TEMPFAIL, 0, "EHLO: x: no answer within 60 s", .key = "timeout"},
    {PROBE_HELLO, EX_TEMPFAIL, 421, "EHLO: refused: 421", .key = NULL},
    {PROBE_STARTTLS, EX_PROTOCOL, 0, "STARTTLS: x: not offered; use", .key = "port"},
    {PROBE_STARTTLS, EX_TEMPFAIL, 454, "STARTTLS: refused: 454", .key = NULL},
    {PROBE_TLS, EX_NOPERM, 0, "TLS: for a, not for b; set tls_name; or tls_fingerprint = x",
     .key = "tls_name"},
    {PROBE_TLS, EX_NOPERM, 0, "TLS: its issuer is unknown; set tls_ca_file; or tls_fingerprint = x",
     .key = "tls_ca_file", .advice = "that issuer"},
    {PROBE_TLS, EX_NOPERM, 0, "TLS: the certificate expired on x", .key = "tls_fingerprint"},
    {PROBE_TLS, EX_NOPERM, 0, "TLS: the certificate is none that tls_fingerprint names",
     .key = "tls_fingerprint"},
    {PROBE_TLS, EX_NOPERM, 0, "TLS: not what the DNS says (tls_dane)", .key = "tls_dane"},
    {PROBE_TLS, EX_NOPERM, 0, "TLS: set tls_cert and tls_key", .key = "tls_key"},
    {PROBE_TLS, EX_PROTOCOL, 0, "TLS: the server speaks no TLS on this port", .key = "tls"},
    {PROBE_TLS, EX_PROTOCOL, 0, "TLS: no TLS version or cipher in common", .key = "tls_min"},
    {PROBE_TLS, EX_CONFIG, 0, "TLS: tls_ca_file /x: No such file", .key = "tls_ca_file",
     .advice = "a hashed directory"},
    {PROBE_TLS, EX_TEMPFAIL, 0, "TLS: x are not authenticated, which tls_dane = yes demands: the",
     .key = "tls_dane"},
    {PROBE_TLS, EX_NOPERM, 0,
     "TLS: x has no TLSA records, which tls_dane = yes demands; tls_dane =", .key = "tls_dane"},
    {PROBE_TLS, EX_NOPERM, 0, "TLS: 192.0.2.1 is an address; tls_dane = yes needs a name as host",
     .key = "tls_dane"},
    {PROBE_TLS, EX_TEMPFAIL, 0, "TLS: DNS: no answer about x; nobody can tell whether tls_dane is",
     .key = "tls_dane"},
    {PROBE_TLS, EX_TEMPFAIL, 0, "TLS: by srv:, so that no TLSA record can vouch for it",
     .key = "tls_dane"},
    {PROBE_LOGIN, EX_NOPERM, 535, "AUTH PLAIN: refused: 535; check user and its password",
     .key = "password_command"},
    {PROBE_LOGIN, EX_NOPERM, 534, "AUTH PLAIN: refused: 534; see auth", .key = "auth"},
    {PROBE_LOGIN, EX_NOPERM, 0, "AUTH: no login is offered; unset user", .key = "user"},
    {PROBE_LOGIN, EX_NOPERM, 0, "AUTH: x is not offered by the server; see auth", .key = "auth"},
    {PROBE_LOGIN, EX_CONFIG, 0, "AUTH: user is set but no password", .key = "password_command"},
    {PROBE_LOGIN, EX_NOPERM, 0, "AUTH: in clear; without TLS it is sent only", .key = "tls"},
    {PROBE_LOGIN, EX_TEMPFAIL, 454, "AUTH PLAIN: refused: 454", .key = NULL},
    {PROBE_LOGIN, EX_NOPERM, 0, "AUTH: the server offers only XOAUTH2; an OAuth token is used when",
     .key = "auth"},
    {PROBE_LOGIN, EX_NOPERM, 0, "AUTH: the server offers only EXTERNAL; set tls_cert and tls_key",
     .key = "tls_cert"},
    /* Whoever is in between would like another mechanism to be taken. */
    {PROBE_LOGIN, EX_NOPERM, 0, "AUTH: the server could not prove that it knows the password",
     .key = NULL},
    {PROBE_LOGIN, EX_NOPERM, 0, "AUTH: says yes and does not prove that it knows the password",
     .key = NULL},
    {PROBE_LOGIN, EX_NOPERM, 0, "AUTH: in its list here: somebody may have taken it out on the way",
     .key = NULL},
    {PROBE_LOGIN, EX_NOPERM, 535, "AUTH PLAIN: 535", .key = "password", .section = "smarthost",
     .account = &plain},
    {PROBE_LOGIN, EX_NOPERM, 535, "AUTH PLAIN: 535", .key = "password_file", .section = "smarthost",
     .account = &file},
    {PROBE_MAIL, EX_NOPERM, 530, "MAIL FROM: refused: 530", .key = "user"},
    {PROBE_MAIL, EX_UNAVAILABLE, 553, "MAIL FROM: refused: 553", .key = "from"},
    {PROBE_MAIL, EX_DATAERR, 0, "MAIL FROM: an address needs SMTPUTF8", .key = "from"},
    {PROBE_MAIL, EX_TEMPFAIL, 0, "MAIL FROM: interrupted by SIGINT", .key = NULL},
    {PROBE_MAIL, EX_UNAVAILABLE, 553, "MAIL FROM: 553", .key = "domain", .section = "local",
     .account = &plain},
    {PROBE_RECIPIENT, EX_NOUSER, 550, "RCPT TO: refused: 550", .key = NULL},
    {PROBE_RECIPIENT, EX_TEMPFAIL, 450, "RCPT TO: refused: 450", .key = NULL},
};

static void find(const struct row *row, struct hint *hint)
{
    const struct account *account = row->account != NULL ? row->account : &work;
    struct error error;
    error_set(&error, row->exit_code, "%s", row->sentence);
    error.reply_code = row->reply_code;
    assert_true(hint_find(row->step, &error, account != &nobody ? account : NULL, hint));
}

static void leads_to_keys(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct row *row = &rows[i];
        const char *key = row->key != NULL ? row->key : "";
        const char *section = row->section != NULL ? row->section : "smarthost:work";
        struct hint hint;
        find(row, &hint);
        if (strcmp(hint.key, key) != 0 || strcmp(hint.section, key[0] != '\0' ? section : "") != 0)
            fail_msg("\"%s\": [%s] %s", row->sentence, hint.section, hint.key);
        assert_true(hint.advice[0] != '\0');
        if (row->advice != NULL && strstr(hint.advice, row->advice) == NULL)
            fail_msg("\"%s\": %s", row->sentence, hint.advice);
    }
}

/* But for the one that the user misspelt. */
static void keys_are_there(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *section = rows[i].section != NULL ? rows[i].section : "smarthost";
        if (rows[i].step != PROBE_CONFIGURATION && rows[i].key != NULL &&
            keys_find(section, rows[i].key) == NULL)
            fail_msg("there is no key %s in [%s]", rows[i].key, section);
    }
}

static void says_nothing_of_the_unknown(void **state)
{
    struct error error;
    struct hint hint;
    (void)state;
    error_set(&error, EX_SOFTWARE, "memory: none left");
    assert_false(hint_find(PROBE_QUIT, &error, NULL, &hint));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leads_to_keys),
        cmocka_unit_test(keys_are_there),
        cmocka_unit_test(says_nothing_of_the_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

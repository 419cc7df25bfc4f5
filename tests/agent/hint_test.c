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

static const struct row {
    enum probe_kind step;
    int exit_code, reply_code;
    const char *sentence;
    const char *section, *key; /* "": none helps */
} rows[] = {
    {PROBE_CONFIGURATION, EX_CONFIG, 0, "/c:4: [smarthost:w] timout: unknown key; did you mean x?",
     "smarthost:w", "timout"},
    {PROBE_CONFIGURATION, EX_CONFIG, 0, "/c:4: [queue]: unknown section", "", ""},
    {PROBE_CONFIGURATION, EX_CONFIG, 0, "account: /c has no account \"x\"; it has y", "", ""},
    {PROBE_CONFIGURATION, EX_CONFIG, 0,
     "configuration: there is neither /a nor /b; run: sendmail --configure you@example.com", "",
     ""},
    {PROBE_CONFIGURATION, EX_USAGE, 0, "sender: no domain", "smarthost:work", "from"},
    {PROBE_PASSWORD, EX_TEMPFAIL, 0, "password_command: failed", "smarthost:work",
     "password_command"},
    {PROBE_RESOLVE, EX_NOHOST, 0, "resolve: the name x does not exist", "smarthost:work", "host"},
    {PROBE_RESOLVE, EX_TEMPFAIL, 0, "resolve: DNS gave no answer for x", "smarthost:work", "host"},
    {PROBE_CONNECT, EX_TEMPFAIL, 0, "connect: x: connection refused; check host and port",
     "smarthost:work", "port"},
    {PROBE_CONNECT, EX_TEMPFAIL, 0, "connect: x: no answer within 30 s", "smarthost:work", "port"},
    {PROBE_CONNECT, EX_TEMPFAIL, 0, "connect: x: connected, but no greeting within 30 s",
     "smarthost:work", "tls"},
    {PROBE_CONNECT, EX_PROTOCOL, 0, "connect: x: TLS on the wrong port: a greeting",
     "smarthost:work", "tls"},
    {PROBE_CONNECT, EX_TEMPFAIL, 0, "connect: x: network unreachable", "smarthost:work", "host"},
    {PROBE_CONNECT, EX_NOPERM, 0, "connect: x: a firewall", "", ""},
    {PROBE_GREETING, EX_CONFIG, 0, "connect: tls = none is only", "smarthost:work", "tls"},
    {PROBE_GREETING, EX_UNAVAILABLE, 554, "greeting: refused: 554", "smarthost:work", "host"},
    {PROBE_HELLO, EX_UNAVAILABLE, 550, "EHLO: refused: 550", "smarthost:work", "helo"},
    {PROBE_HELLO, EX_TEMPFAIL, 0, "EHLO: x: no answer within 60 s", "smarthost:work", "timeout"},
    {PROBE_HELLO, EX_TEMPFAIL, 421, "EHLO: refused: 421", "", ""},
    {PROBE_STARTTLS, EX_PROTOCOL, 0, "STARTTLS: x: not offered; use", "smarthost:work", "port"},
    {PROBE_STARTTLS, EX_TEMPFAIL, 454, "STARTTLS: refused: 454", "", ""},
    {PROBE_TLS, EX_NOPERM, 0, "TLS: for a, not for b; set tls_name; or tls_fingerprint = x",
     "smarthost:work", "tls_name"},
    {PROBE_TLS, EX_NOPERM, 0, "TLS: its issuer is unknown; set tls_ca_file; or tls_fingerprint = x",
     "smarthost:work", "tls_ca_file"},
    {PROBE_TLS, EX_NOPERM, 0, "TLS: the certificate expired on x", "smarthost:work",
     "tls_fingerprint"},
    {PROBE_TLS, EX_NOPERM, 0, "TLS: the certificate is none that tls_fingerprint names",
     "smarthost:work", "tls_fingerprint"},
    {PROBE_TLS, EX_NOPERM, 0, "TLS: not what the DNS says (tls_dane)", "smarthost:work",
     "tls_dane"},
    {PROBE_TLS, EX_NOPERM, 0, "TLS: set tls_cert and tls_key", "smarthost:work", "tls_key"},
    {PROBE_TLS, EX_PROTOCOL, 0, "TLS: the server speaks no TLS on this port", "smarthost:work",
     "tls"},
    {PROBE_TLS, EX_PROTOCOL, 0, "TLS: no TLS version or cipher in common", "smarthost:work",
     "tls_min"},
    {PROBE_TLS, EX_CONFIG, 0, "TLS: tls_ca_file /x: No such file", "smarthost:work", "tls_ca_file"},
    {PROBE_LOGIN, EX_NOPERM, 535, "AUTH PLAIN: refused: 535; check user and its password",
     "smarthost:work", "password_command"},
    {PROBE_LOGIN, EX_NOPERM, 534, "AUTH PLAIN: refused: 534; see auth", "smarthost:work", "auth"},
    {PROBE_LOGIN, EX_NOPERM, 0, "AUTH: no login is offered; unset user", "smarthost:work", "user"},
    {PROBE_LOGIN, EX_NOPERM, 0, "AUTH: x is not offered by the server; see auth", "smarthost:work",
     "auth"},
    {PROBE_LOGIN, EX_CONFIG, 0, "AUTH: user is set but no password", "smarthost:work",
     "password_command"},
    {PROBE_LOGIN, EX_NOPERM, 0, "AUTH: in clear; without TLS it is sent only", "smarthost:work",
     "tls"},
    {PROBE_LOGIN, EX_TEMPFAIL, 454, "AUTH PLAIN: refused: 454", "", ""},
    {PROBE_MAIL, EX_NOPERM, 530, "MAIL FROM: refused: 530", "smarthost:work", "user"},
    {PROBE_MAIL, EX_UNAVAILABLE, 553, "MAIL FROM: refused: 553", "smarthost:work", "from"},
    {PROBE_MAIL, EX_DATAERR, 0, "MAIL FROM: an address needs SMTPUTF8", "smarthost:work", "from"},
    {PROBE_RECIPIENT, EX_NOUSER, 550, "RCPT TO: refused: 550", "", ""},
    {PROBE_RECIPIENT, EX_TEMPFAIL, 450, "RCPT TO: refused: 450", "", ""},
    {PROBE_MAIL, EX_TEMPFAIL, 0, "MAIL FROM: interrupted by SIGINT", "", ""},
    {PROBE_RESOLVE, EX_NOPERM, 0, "resolve: not believed: the DNS names a for b; set tls_name = a",
     "smarthost:work", "tls_name"},
    {PROBE_RESOLVE, EX_NOHOST, 0, "resolve: a has no SRV record x; it has y: set tls = implicit",
     "smarthost:work", "tls"},
    {PROBE_RESOLVE, EX_NOHOST, 0, "resolve: a has no SRV record x; name the servers themselves",
     "smarthost:work", "host"},
    {PROBE_TLS, EX_TEMPFAIL, 0, "TLS: x are not authenticated, which tls_dane = yes demands: the",
     "smarthost:work", "tls_dane"},
    {PROBE_TLS, EX_NOPERM, 0,
     "TLS: x has no TLSA records, which tls_dane = yes demands; tls_dane =", "smarthost:work",
     "tls_dane"},
    {PROBE_TLS, EX_NOPERM, 0, "TLS: 192.0.2.1 is an address; tls_dane = yes needs a name as host",
     "smarthost:work", "tls_dane"},
    {PROBE_TLS, EX_TEMPFAIL, 0, "TLS: DNS: no answer about x; nobody can tell whether tls_dane is",
     "smarthost:work", "tls_dane"},
    {PROBE_TLS, EX_TEMPFAIL, 0, "TLS: by srv:, so that no TLSA record can vouch for it",
     "smarthost:work", "tls_dane"},
    {PROBE_PASSWORD, EX_CONFIG, 0, "password_file: /x: its group can read it; run: chmod 600 /x",
     "", ""},
    {PROBE_LOGIN, EX_NOPERM, 0, "AUTH: the server offers only XOAUTH2; an OAuth token is used when",
     "smarthost:work", "auth"},
    {PROBE_LOGIN, EX_NOPERM, 0, "AUTH: the server offers only EXTERNAL; set tls_cert and tls_key",
     "smarthost:work", "tls_cert"},
    /* Whoever is in between would like another mechanism to be taken. */
    {PROBE_LOGIN, EX_NOPERM, 0, "AUTH: the server could not prove that it knows the password", "",
     ""},
    {PROBE_LOGIN, EX_NOPERM, 0, "AUTH: says yes and does not prove that it knows the password", "",
     ""},
    {PROBE_LOGIN, EX_NOPERM, 0, "AUTH: in its list here: somebody may have taken it out on the way",
     "", ""},
    {PROBE_CONNECT, EX_UNAVAILABLE, 554, "connect: x: greeting: 554 no", "smarthost:work", "host"},
    {PROBE_CONNECT, EX_TEMPFAIL, 421, "connect: x: greeting: 421 busy", "", ""},
};

static const struct account work = {
    .name = "work", .password_command = "/bin/pass", .from = "a@example.com"};

static void find(const struct row *row, const struct account *account, struct hint *hint)
{
    struct error error;
    error_set(&error, row->exit_code, "%s", row->sentence);
    error.reply_code = row->reply_code;
    assert_true(hint_find(row->step, &error, account, hint));
}

static void leads_to_keys(void **state)
{
    struct hint hint;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        find(&rows[i], &work, &hint);
        if (strcmp(hint.section, rows[i].section) != 0 || strcmp(hint.key, rows[i].key) != 0)
            fail_msg("\"%s\": [%s] %s", rows[i].sentence, hint.section, hint.key);
        assert_true(hint.advice[0] != '\0');
        bool own = rows[i].step != PROBE_CONFIGURATION && hint.key[0] != '\0';
        if (own && keys_find("smarthost", hint.key) == NULL)
            fail_msg("there is no key %s", hint.key);
    }
}

/* What an account has decides which of several keys it is. */
static void fits_the_account(void **state)
{
    static const struct account plain = {.name = "", .password = "x"};
    static const struct account file = {.name = "", .password_file = "/x"};
    static const struct row login = {PROBE_LOGIN, EX_NOPERM, 535, "AUTH PLAIN: 535", "", ""};
    static const struct row sender = {PROBE_MAIL, EX_UNAVAILABLE, 553, "MAIL FROM: 553", "", ""};
    struct hint hint;
    (void)state;
    find(&login, &plain, &hint);
    assert_string_equal(hint.section, "smarthost");
    assert_string_equal(hint.key, "password");
    find(&login, &file, &hint);
    assert_string_equal(hint.key, "password_file");
    find(&sender, &plain, &hint);
    assert_string_equal(hint.section, "local");
    assert_string_equal(hint.key, "domain");
    find(&rows[5], NULL, &hint);
    assert_string_equal(hint.section, "smarthost");
}

/* Whoever has no configuration is led to what writes one, root as well. */
static void leads_to_configure(void **state)
{
    static const struct row none[] = {
        {PROBE_CONFIGURATION, EX_CONFIG, 0,
         "configuration: there is neither /a nor /b; run: sendmail --configure you@example.com", "",
         ""},
        {PROBE_CONFIGURATION, EX_CONFIG, 0,
         "configuration: there is no /a; run: sendmail --configure you@example.com", "", ""},
        {PROBE_CONFIGURATION, EX_CONFIG, 0, "configuration: /c: No such file or directory", "", ""},
    };
    struct hint hint;
    (void)state;
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        find(&none[i], NULL, &hint);
        assert_non_null(strstr(hint.advice, "--configure"));
    }
}

/* A file that is not there is not in want of an issuer. */
static void tells_a_bad_file_from_a_missing_issuer(void **state)
{
    static const struct row file = {PROBE_TLS, EX_CONFIG, 0, "TLS: tls_ca_file /x: No such file",
                                    "",        ""};
    static const struct row issuer = {PROBE_TLS, EX_NOPERM, 0, "TLS: unknown; set tls_ca_file",
                                      "",        ""};
    struct hint hint;
    (void)state;
    find(&file, &work, &hint);
    assert_non_null(strstr(hint.advice, "a hashed directory"));
    find(&issuer, &work, &hint);
    assert_non_null(strstr(hint.advice, "that issuer"));
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
        cmocka_unit_test(fits_the_account),
        cmocka_unit_test(leads_to_configure),
        cmocka_unit_test(tells_a_bad_file_from_a_missing_issuer),
        cmocka_unit_test(says_nothing_of_the_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

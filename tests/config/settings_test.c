/* Goal: a file becomes exactly the settings its author wrote; whatever he mistyped, or this version
 * cannot do, is an error with its line and never ignored. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "config/settings.h"
#include "net/hostname.h"

static char path[64];
static struct settings settings;
static struct error error;

/* The names are set, so that nothing is looked up. */
#define PIN       "sha256:" PIN_OCTET PIN_OCTET PIN_OCTET PIN_OCTET
#define PIN_OCTET "00112233445566fF"
#define NAMES     "[local]\ndomain = d.example\n"
#define ACCOUNT   "[smarthost]\nhost = a\nhelo = h\n"

static bool load_as(const char *content, mode_t mode, enum paths_origin origin)
{
    snprintf(path, sizeof path, "/tmp/settings_test-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, strlen(content)), strlen(content));
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
    error = (struct error){0};
    struct paths_choice choice = {.file = path,
                                  .origin = origin,
                                  .spool = "/home/me/spool",
                                  .home = origin == PATHS_USER ? "/home/me" : NULL};
    bool done = settings_load(&settings, &choice, &error);
    unlink(path);
    return done;
}

static void load(const char *content)
{
    bool done = load_as(content, 0600, PATHS_USER);
    assert_string_equal(error.sentence, "");
    assert_true(done);
}

static void assert_fails(const char *content, const char *sentence)
{
    assert_false(load_as(content, 0600, PATHS_USER));
    assert_memory_equal(error.sentence, path, strlen(path));
    assert_string_equal(error.sentence + strlen(path), sentence);
    assert_int_equal(error.exit_code, EX_CONFIG);
    settings_free(&settings);
}

static void test_defaults(void **state)
{
    (void)state;
    load("[smarthost]\nhost = smtp.example\nhelo = h.example\n" NAMES);
    assert_int_equal(settings.account_count, 1);
    const struct account *account = &settings.accounts[0];
    const struct smarthost *smarthost = &account->smarthost;
    assert_string_equal(account->name, "");
    assert_string_equal(smarthost->dial.hosts[0], "smtp.example");
    assert_null(smarthost->dial.hosts[1]);
    assert_int_equal(smarthost->dial.ports[0], 587);
    assert_int_equal(smarthost->dial.ports[1], 2525);
    assert_int_equal(smarthost->dial.ports[2], 0);
    assert_int_equal(smarthost->dial.connect_timeout, 30000);
    assert_int_equal(smarthost->dial.fallback_delay, 2000);
    assert_int_equal(smarthost->tls_mode, SMARTHOST_STARTTLS);
    assert_int_equal(smarthost->tls.min_version, TLS_VERSION_1_2);
    assert_null(smarthost->tls.ca_file);
    assert_null(smarthost->tls.fingerprint);
    assert_int_equal(smarthost->tls.dane, TLS_DANE_NO);
    assert_null(smarthost->tls.name);
    assert_string_equal(smarthost->sasl.mechanism, "auto");
    assert_null(smarthost->sasl.user);
    assert_int_equal(smarthost->timeout, 60000);
    assert_true(smarthost->pipelining && smarthost->chunking);
    assert_null(account->from);
    assert_string_equal(account->allow_from_override, "yes");
    assert_string_equal(settings.local_domain, "d.example");
    assert_int_equal(settings.from_header, FIX_FROM_ADD);
    assert_true(settings.add_date && settings.add_message_id && settings.remove_bcc);
    assert_int_equal(settings.max_size, 0);
    const struct settings_queue *queue = &settings.queue;
    assert_int_equal(queue->mode, SETTINGS_QUEUE_AUTO);
    assert_false(queue->shared);
    assert_string_equal(queue->spool.directory, "/home/me/spool");
    assert_int_equal(queue->backoff.lifetime, 5LL * 86400 * 1000);
    assert_int_equal(queue->backoff.first, 300000);
    assert_int_equal(queue->backoff.cap, 4 * 3600000);
    assert_string_equal(queue->bounce_to, "sender");
    assert_int_equal(queue->spool.max_size, 1LL << 30);
    assert_int_equal(queue->spool.min_free, 64LL << 20);
    assert_int_equal(queue->spool.keep_failed, 30LL * 86400 * 1000);
    assert_int_equal(queue->pipeline_depth, 8);
    assert_int_equal(queue->connections, 1);
    assert_int_equal(settings.log.facility, LOG_MAIL);
    assert_null(settings.log.file);
    assert_string_equal(settings.ini.path, path);
    settings_free(&settings);
}

static void test_every_key(void **state)
{
    (void)state;
    load("[smarthost]\nhost = a.example [2001:db8::1]\nport = 26 27\ntls = implicit\n"
         "tls_ca_file = ~/ca\ntls_name = N.example\ntls_cert = /c\ntls_key = /k\ntls_min = 1.3\n"
         "tls_dane = auto\ntls_fingerprint = " PIN
         "\nauth = login\nuser = \"me \"\npassword = \"a#b\"\nfrom = *@a.example\n"
         "allow_from_override = *@b.example\npipelining = no\nchunking = no\n"
         "helo = [192.0.2.1]\ntimeout = 5s\nconnect_timeout = 6s\nfallback_delay = 70ms\n"
         "[local]\ndomain = D.example\n"
         "[message]\nfrom_header = replace\nadd_date = no\nadd_message_id = no\nremove_bcc = no\n"
         "max_size = 2K\n[queue]\nmode = never\ndirectory = ~/q\nlifetime = 2d\nretry = 1m 1h\n"
         "bounce_to = Ops <ops@EXAMPLE.com>\nmax_size = 3K\nmin_free = 0\nkeep_failed = 1h\n"
         "pipeline_depth = 64\nconnections = 20\n[security]\nconfine = no\n"
         "[log]\nsyslog = off\nfile = /var/log/x\n");
    const struct account *account = &settings.accounts[0];
    const struct smarthost *smarthost = &account->smarthost;
    assert_string_equal(smarthost->dial.hosts[1], "[2001:db8::1]");
    assert_int_equal(smarthost->dial.ports[1], 27);
    assert_int_equal(smarthost->tls_mode, SMARTHOST_IMPLICIT);
    assert_string_equal(smarthost->tls.ca_file, "/home/me/ca");
    assert_string_equal(smarthost->tls.name, "n.example");
    assert_string_equal(smarthost->tls.cert, "/c");
    assert_string_equal(smarthost->tls.key, "/k");
    assert_int_equal(smarthost->tls.min_version, TLS_VERSION_1_3);
    assert_int_equal(smarthost->tls.dane, TLS_DANE_AUTO);
    assert_string_equal(smarthost->tls.fingerprint, PIN);
    assert_string_equal(smarthost->sasl.mechanism, "login");
    assert_string_equal(smarthost->sasl.user, "me ");
    assert_string_equal(account->password, "a#b");
    assert_string_equal(account->from, "*@a.example");
    assert_string_equal(account->allow_from_override, "*@b.example");
    assert_false(smarthost->pipelining || smarthost->chunking);
    assert_string_equal(smarthost->helo, "[192.0.2.1]");
    assert_int_equal(smarthost->timeout, 5000);
    assert_int_equal(smarthost->dial.connect_timeout, 6000);
    assert_int_equal(smarthost->dial.fallback_delay, 70);
    assert_string_equal(settings.local_domain, "d.example");
    assert_int_equal(settings.from_header, FIX_FROM_REPLACE);
    assert_false(settings.add_date || settings.add_message_id || settings.remove_bcc);
    assert_int_equal(settings.max_size, 2048);
    const struct settings_queue *queue = &settings.queue;
    assert_int_equal(queue->mode, SETTINGS_QUEUE_NEVER);
    assert_string_equal(queue->spool.directory, "/home/me/q");
    assert_int_equal(queue->backoff.lifetime, 2LL * 86400 * 1000);
    assert_int_equal(queue->backoff.first, 60000);
    assert_int_equal(queue->backoff.cap, 3600000);
    assert_string_equal(queue->bounce_to, "ops@example.com");
    assert_int_equal(queue->spool.max_size, 3072);
    assert_int_equal(queue->spool.min_free, 0);
    assert_int_equal(queue->spool.keep_failed, 3600000);
    assert_int_equal(queue->pipeline_depth, 64);
    assert_int_equal(queue->connections, 20);
    assert_int_equal(settings.log.facility, -1);
    assert_string_equal(settings.log.file, "/var/log/x");
    settings_free(&settings);
}

static void test_local(void **state)
{
    char plain[HOSTNAME_SIZE];
    (void)state;
    hostname_plain(plain);
    load(ACCOUNT NAMES);
    assert_string_equal(settings.local.domain, "d.example");
    assert_string_equal(settings.local.aliases_file, "/etc/aliases");
    assert_false(settings.local.aliases_required);
    assert_null(settings.local.default_to);
    if (strcmp(plain, "localhost") != 0)
        assert_string_equal(settings.local.names[0], plain);
    settings_free(&settings);

    load(ACCOUNT NAMES "aliases = ~/aliases\ndefault_to = Ops <ops@EXAMPLE.com>\n");
    assert_string_equal(settings.local.aliases_file, "/home/me/aliases");
    assert_true(settings.local.aliases_required);
    assert_string_equal(settings.local.default_to, "ops@example.com");
    settings_free(&settings);

    load(ACCOUNT NAMES "aliases = /etc/aliases\n");
    assert_true(settings.local.aliases_required);
    settings_free(&settings);
    load(ACCOUNT NAMES "aliases = none\n");
    assert_null(settings.local.aliases_file);
    settings_free(&settings);
}

/* A default account with everything, and one more that sets what `own` says. */
static const struct account *load_heir(const char *own)
{
    char content[1024];
    snprintf(content, sizeof content,
             "[smarthost:heir]\n%s\n"
             "[smarthost]\nhost = a.example\nport = 26\nuser = me\npassword_file = /p\n"
             "from = me@a.example\ntls_name = n.example\ntls_cert = /c\ntls_key = /k\n"
             "tls_ca_file = /ca\ntimeout = 5s\nhelo = h.example\nallow_from_override = no\n" NAMES,
             own);
    load(content);
    assert_int_equal(settings.account_count, 2);
    assert_string_equal(settings.accounts[0].name, "");
    assert_string_equal(settings.accounts[1].name, "heir");
    return &settings.accounts[1];
}

static void assert_inherits_no_identity(const struct account *heir)
{
    assert_null(heir->password_file);
    assert_null(heir->from);
    assert_null(heir->smarthost.tls.name);
    assert_null(heir->smarthost.tls.cert);
    assert_null(heir->smarthost.tls.key);
    assert_string_equal(heir->smarthost.tls.ca_file, "/ca");
    assert_int_equal(heir->smarthost.dial.ports[0], 26);
    assert_int_equal(heir->smarthost.timeout, 5000);
    assert_string_equal(heir->allow_from_override, "no");
}

static void test_inheritance(void **state)
{
    (void)state;
    const struct account *heir = load_heir("port = 27");
    assert_string_equal(heir->smarthost.dial.hosts[0], "a.example");
    assert_int_equal(heir->smarthost.dial.ports[0], 27);
    assert_int_equal(settings.accounts[0].smarthost.dial.ports[0], 26);
    assert_string_equal(heir->smarthost.sasl.user, "me");
    assert_string_equal(heir->password_file, "/p");
    assert_string_equal(heir->from, "me@a.example");
    assert_false(heir->from_is_own);
    assert_true(settings.accounts[0].from_is_own);
    assert_string_equal(heir->smarthost.tls.name, "n.example");
    assert_string_equal(heir->smarthost.tls.cert, "/c");
    settings_free(&settings);

    heir = load_heir("host = b.example");
    assert_null(heir->smarthost.sasl.user);
    assert_string_equal(heir->smarthost.dial.hosts[0], "b.example");
    assert_inherits_no_identity(heir);
    settings_free(&settings);

    heir = load_heir("user = you\npassword = x");
    assert_string_equal(heir->smarthost.sasl.user, "you");
    assert_string_equal(heir->smarthost.dial.hosts[0], "a.example");
    assert_string_equal(heir->password, "x");
    assert_inherits_no_identity(heir);
    settings_free(&settings);

    heir = load_heir("password_command = /bin/x");
    assert_string_equal(heir->smarthost.sasl.user, "me");
    assert_null(heir->password_file);
    assert_null(heir->password);
    assert_string_equal(heir->password_command, "/bin/x");
    assert_string_equal(heir->smarthost.tls.name, "n.example");
    settings_free(&settings);
}

static void test_without_default_account(void **state)
{
    (void)state;
    load("[smarthost:a]\nhost = a.example\nhelo = h\n[smarthost:b@c]\nhost = b.example\n"
         "helo = h\n" NAMES);
    assert_int_equal(settings.account_count, 2);
    assert_string_equal(settings.accounts[0].name, "a");
    assert_string_equal(settings.accounts[1].name, "b@c");
    settings_free(&settings);
}

static void test_implicit_port(void **state)
{
    (void)state;
    load("[smarthost]\nhost = a\nhelo = h\ntls = implicit\n" NAMES);
    assert_int_equal(settings.accounts[0].smarthost.dial.ports[0], 465);
    assert_int_equal(settings.accounts[0].smarthost.dial.ports[1], 0);
    settings_free(&settings);
}

#define FROM "must be one bare address (the name comes from -F), or patterns such as *@example.com"
#define FINGERPRINT                                                                                \
    "must be sha256: with 64 hexadecimal digits, or spki: with the 44 characters of a SHA-256 in " \
    "base64, or several with blanks between them"

#define QUEUE  ACCOUNT "[queue]\n"
#define BOUNCE "must be sender, nobody, or one address with its domain, such as root@localhost"

#define OVERRIDE                                                                                   \
    "must be yes, no, or addresses and patterns such as *@example.com with blanks between them"

#define MECHANISMS                                                                                 \
    "auto, off, plain, login, cram-md5, scram-sha-1, scram-sha-256, scram-sha-512, "               \
    "scram-sha-1-plus, scram-sha-256-plus, scram-sha-512-plus, external, xoauth2 or oauthbearer"

static void test_errors(void **state)
{
    static const struct {
        const char *content, *sentence;
    } rows[] = {
        {ACCOUNT "timout = 5m\n", ":4: [smarthost] timout: unknown key; did you mean \"timeout\"?"},
        {ACCOUNT "Port = 25\n", ":4: [smarthost] Port: unknown key; did you mean \"port\"?"},
        {ACCOUNT "domain = d.example\n",
         ":4: [smarthost] domain: unknown key; it belongs into [local]"},
        {ACCOUNT "nonsense = 1\n", ":4: [smarthost] nonsense: unknown key"},
        {ACCOUNT "passwordeval = /bin/x\n",
         ":4: [smarthost] passwordeval: unknown key; did you mean \"password_command\"?"},
        {ACCOUNT "AuthUser = me\n",
         ":4: [smarthost] AuthUser: unknown key; did you mean \"user\"?"},
        {ACCOUNT "logfile = /x\n",
         ":4: [smarthost] logfile: unknown key; did you mean \"file\" in [log]?"},
        {ACCOUNT "[smarthost:x]\nhots = b\n",
         ":5: [smarthost:x] hots: unknown key; did you mean \"host\"?"},
        {ACCOUNT "[lokal]\ndomain = x\n", ":4: [lokal]: unknown section; did you mean \"local\"?"},
        {ACCOUNT "[smartohst:x]\n",
         ":4: [smartohst:x]: unknown section; did you mean \"smarthost\"?"},
        {ACCOUNT "[local:x]\n", ":4: [local:x]: unknown section; did you mean \"local\"?"},
        {ACCOUNT "[weather]\n", ":4: [weather]: unknown section"},
        {ACCOUNT "[smarthost:port]\n",
         ":4: [smarthost:port]: an account cannot have the name of a key"},
        {ACCOUNT "[smarthost:host]\n",
         ":4: [smarthost:host]: an account cannot have the name of a key"},
        {"[smarthost:host]\n" ACCOUNT,
         ":1: [smarthost:host]: an account cannot have the name of a key"},
        {ACCOUNT "auth = on\n", ":4: [smarthost] auth: must be " MECHANISMS},
        {ACCOUNT "auth = palin\n",
         ":4: [smarthost] auth: must be " MECHANISMS "; did you mean \"plain\"?"},
        {ACCOUNT "auth = external\n",
         ":1: [smarthost]: auth = external needs tls_cert and tls_key"},
        {ACCOUNT "tls_cert = /c\ntls_key = /k\nauth = plain\nuser = me\n",
         ":1: [smarthost]: user without password, password_file or password_command"},
        {"[smarthost]\nhost =\n", ":2: [smarthost] host: no value"},
        {"[smarthost]\nhost = a, b\n",
         ":2: [smarthost] host: must be names or addresses with blanks between them"},
        {ACCOUNT "tls = startls\n", ":4: [smarthost] tls: must be starttls, implicit or none; did "
                                    "you mean \"starttls\"?"},
        {ACCOUNT "timeout = 30\n", ":4: [smarthost] timeout: must be a number with its unit, such "
                                   "as 250ms, 30s, 5m, 4h or 5d"},
        {ACCOUNT "timeout = 2h\n", ":4: [smarthost] timeout: out of range, which is 1s to 1h"},
        {ACCOUNT "pipelining = maybe\n", ":4: [smarthost] pipelining: must be yes or no"},
        {ACCOUNT "port = 99999\n", ":4: [smarthost] port: must be port numbers, 1 to 65535, with "
                                   "blanks between them"},
        {ACCOUNT "tls_ca_file = ca.pem\n",
         ":4: [smarthost] tls_ca_file: must be an absolute path, or start with ~/"},
        {ACCOUNT "port = \" \"\n", ":4: [smarthost] port: nothing but blanks"},
        {ACCOUNT "user = me\n",
         ":1: [smarthost]: user without password, password_file or password_command"},
        {ACCOUNT "password = x\n", ":1: [smarthost]: a password without user"},
        {ACCOUNT "user = me\npassword = x\npassword_file = /x\n",
         ":1: [smarthost]: just one of password, password_file and password_command"},
        {ACCOUNT "user = me\npassword_file = $credentials_directory/x\n",
         ":5: [smarthost] password_file: must be an absolute path, or start with ~/"},
        {ACCOUNT "user = me\npassword = x # y\n",
         ":5: [smarthost] password: is that a comment or a part of it? Put the value in quotes"},
        {ACCOUNT "user = me\npassword_command = pass show\n",
         ":5: [smarthost] password_command: must start with the absolute path of a program"},
        {ACCOUNT "tls_cert = /c\n", ":1: [smarthost]: tls_cert and tls_key go together"},
        {ACCOUNT "from = a@@b\n", ":4: [smarthost] from: " FROM},
        {ACCOUNT "from = Me <me@a.example>\n", ":4: [smarthost] from: " FROM},
        {ACCOUNT "from = me@a.example, you@a.example\n", ":4: [smarthost] from: " FROM},
        {ACCOUNT "from = Me me@a.example\n", ":4: [smarthost] from: " FROM},
        {ACCOUNT "from = *@a.example (all)\n", ":4: [smarthost] from: " FROM},
        {ACCOUNT "allow_from_override = maybe\n", ":4: [smarthost] allow_from_override: " OVERRIDE},
        {ACCOUNT "allow_from_override = *@a.example,*@b.example\n",
         ":4: [smarthost] allow_from_override: " OVERRIDE},
        {"[smarthost]\nport = 25\n", ":1: [smarthost]: host is required"},
        {"[smarthost:x]\nport = 25\n", ":1: [smarthost:x]: host is required"},
        {NAMES, ": no [smarthost] section, so nowhere to send to"},
        {ACCOUNT "[smarthost:x]\nhost = b\nuser = me\n",
         ":4: [smarthost:x]: user without password, password_file or password_command; an account "
         "that sets host or user inherits no secret"},
        {ACCOUNT "tls_fingerprint = sha256:00\n", ":4: [smarthost] tls_fingerprint: " FINGERPRINT},
        {ACCOUNT "tls_fingerprint = \" \"\n",
         ":4: [smarthost] tls_fingerprint: nothing but blanks"},
        {ACCOUNT "tls_dane = maybe\n", ":4: [smarthost] tls_dane: must be no, auto or yes"},
        {ACCOUNT "[local]\naliases = aliases\n",
         ":5: [local] aliases: must be an absolute path, or start with ~/"},
        {ACCOUNT "[local]\ndefault_to = ops\n",
         ":5: [local] default_to: must be one address with its domain"},
        {ACCOUNT "[local]\ndefault_to = '\"a@b\"'\n",
         ":5: [local] default_to: must be one address with its domain"},
        {ACCOUNT "[local]\ndefault_to = a@b, c@d\n",
         ":5: [local] default_to: must be one address with its domain"},
        {"[smarthost]\nhost = a srv:example.com\ntls = none\n",
         ":1: [smarthost]: srv: goes with tls = starttls or implicit only"},
        {QUEUE "mode = on\n", ":5: [queue] mode: must be on-failure, always, never or auto"},
        {QUEUE "directory = q\n",
         ":5: [queue] directory: must be an absolute path, or start with ~/"},
        {QUEUE "lifetime = 5\n", ":5: [queue] lifetime: must be a number with its unit, such as "
                                 "250ms, 30s, 5m, 4h or 5d"},
        {QUEUE "lifetime = 0s\n", ":5: [queue] lifetime: out of range, which is 1s to 365d"},
        {QUEUE "retry = 5m\n", ":5: [queue] retry: must be two durations, as in 5m 4h"},
        {QUEUE "retry = 5m 4h 5h\n", ":5: [queue] retry: must be two durations, as in 5m 4h"},
        {QUEUE "retry = 5m, 4h\n", ":5: [queue] retry: must be a number with its unit, such as "
                                   "250ms, 30s, 5m, 4h or 5d"},
        {QUEUE "retry = 4h 5m\n", ":5: [queue] retry: the first wait is longer than its cap"},
        {QUEUE "retry = 0s 4h\n", ":5: [queue] retry: out of range, which is 1s to 30d"},
        {QUEUE "bounce_to = root\n", ":5: [queue] bounce_to: " BOUNCE},
        {QUEUE "bounce_to = nobdy\n",
         ":5: [queue] bounce_to: " BOUNCE "; did you mean \"nobody\"?"},
        {QUEUE "bounce_to = a@b, c@d\n", ":5: [queue] bounce_to: " BOUNCE},
        {QUEUE "max_size = 0\n", ":5: [queue] max_size: out of range, which is 1 to 1024T"},
        {QUEUE "min_free = much\n",
         ":5: [queue] min_free: must be a number of bytes, or one such as 64K or 50M"},
        {QUEUE "keep_failed = 9999d\n",
         ":5: [queue] keep_failed: out of range, which is 0ms to 3650d"},
        {QUEUE "pipeline_depth = 65\n",
         ":5: [queue] pipeline_depth: out of range, which is 1 to 64"},
        {QUEUE "pipeline_depth = -1\n", ":5: [queue] pipeline_depth: must be a number"},
        {QUEUE "connections = 0\n", ":5: [queue] connections: out of range, which is 1 to 20"},
        {QUEUE "depth = 1\n", ":5: [queue] depth: unknown key"},
        /* what is still to come */
        {ACCOUNT "[security]\nconfine = yes\n",
         ":5: [security] confine: \"yes\" is not in this version yet"},
        {ACCOUNT "[security]\nconfine = maybe\n", ":5: [security] confine: must be no"},
        {ACCOUNT "[log]\nsyslog = mial\n", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].sentence != NULL) {
            assert_fails(rows[i].content, rows[i].sentence);
            continue;
        }
        assert_false(load_as(rows[i].content, 0600, PATHS_USER));
        assert_non_null(strstr(error.sentence, "did you mean \"mail\"?"));
        settings_free(&settings);
    }
}

static void test_no_value_is_shown(void **state)
{
    static const char *const keys[] = {"tls",      "tls_min", "auth",        "timeout", "port",
                                       "chunking", "host",    "tls_ca_file", "helo",    "from"};
    (void)state;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        char content[128];
        snprintf(content, sizeof content, "[smarthost]\n%s = S3cr/t@@x\n", keys[i]);
        assert_false(load_as(content, 0600, PATHS_USER));
        assert_null(strstr(error.sentence, "S3cr"));
        settings_free(&settings);
    }
}

static void test_password_mode(void **state)
{
    static const char content[] = ACCOUNT "user = me\npassword = x\n" NAMES;
    char sentence[256];
    (void)state;
    assert_false(load_as(content, 0640, PATHS_SYSTEM));
    snprintf(sentence, sizeof sentence,
             "%s:5: [smarthost] password: its group can read this file; run: chmod 600 %s", path,
             path);
    assert_string_equal(error.sentence, sentence);
    settings_free(&settings);
    assert_false(load_as(content, 0604, PATHS_USER));
    snprintf(sentence, sizeof sentence,
             "%s:5: [smarthost] password: others can read this file; run: chmod 600 %s", path,
             path);
    assert_string_equal(error.sentence, sentence);
    settings_free(&settings);
    assert_true(load_as(content, 0400, PATHS_SYSTEM));
    settings_free(&settings);
    assert_true(load_as(ACCOUNT "user = me\npassword_file = /x\n" NAMES, 0644, PATHS_SYSTEM));
    settings_free(&settings);
}

/* Where a certificate may be the login there need be no secret. */
static void test_logins_without_a_secret(void **state)
{
    static const char *const lines[] = {"auth = external\n", "auth = external\nuser = me\n",
                                        "user = me\n", "auth = off\nuser = me\n"};
    char content[256];
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        snprintf(content, sizeof content, "%stls_cert = /c\ntls_key = /k\n%s%s", ACCOUNT, lines[i],
                 NAMES);
        assert_true(load_as(content, 0600, PATHS_USER));
        settings_free(&settings);
    }
}

/* A file given by -C that is not root's. As root the test becomes somebody else for it. */
static void test_strangers_file(void **state)
{
    static const char *const refused[] = {"user = me\npassword_command = /bin/x\n",
                                          "user = me\npassword_file = /x\n",
                                          "tls_cert = /c\ntls_key = /k\n",
                                          "[log]\nfile = /x\n",
                                          "[queue]\ndirectory = /x\n",
                                          "[local]\naliases = /x\n"};
    bool root = geteuid() == 0;
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        char content[256];
        snprintf(content, sizeof content, ACCOUNT "%s", refused[i]);
        assert_int_equal(root ? seteuid(65534) : 0, 0);
        assert_false(load_as(content, 0600, PATHS_GIVEN));
        assert_int_equal(root ? seteuid(0) : 0, 0);
        assert_non_null(strstr(error.sentence, ": not taken from a file given on the command line, "
                                               "unless root owns it; put it into "
                                               "~/.config/sendmail/config.ini"));
        settings_free(&settings);
    }
    assert_int_equal(root ? seteuid(65534) : 0, 0);
    bool done =
        load_as(ACCOUNT "user = me\npassword = x\n" NAMES "aliases = none\n", 0600, PATHS_GIVEN);
    assert_int_equal(root ? seteuid(0) : 0, 0);
    assert_true(done);
    settings_free(&settings);
}

static void test_roots_file(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    assert_true(load_as(ACCOUNT "user = me\npassword_file = /x\n" NAMES "[log]\nfile = /x\n", 0644,
                        PATHS_GIVEN));
    settings_free(&settings);
}

static void test_tilde_is_the_users(void **state)
{
    (void)state;
    assert_false(load_as(ACCOUNT "tls_ca_file = ~/ca\n", 0600, PATHS_SYSTEM));
    assert_non_null(strstr(error.sentence, "[smarthost] tls_ca_file: ~/ works only in "
                                           "~/.config/sendmail/config.ini"));
    settings_free(&settings);
    load(ACCOUNT "user = me\npassword_file = $CREDENTIALS_DIRECTORY/x\n" NAMES);
    assert_string_equal(settings.accounts[0].password_file, "$CREDENTIALS_DIRECTORY/x");
    settings_free(&settings);
}

static void test_too_many_accounts(void **state)
{
    char content[4096];
    (void)state;
    size_t used = (size_t)snprintf(content, sizeof content, ACCOUNT);
    for (int i = 1; i <= SETTINGS_ACCOUNTS_MAX; i++)
        used += (size_t)snprintf(content + used, sizeof content - used, "[smarthost:x%d]\n", i);
    assert_fails(content, ":67: more than 64 accounts");
}

static void test_names_of_the_host(void **state)
{
    (void)state;
    load("[smarthost]\nhost = a\n");
    assert_non_null(settings.local_domain);
    assert_true(settings.local_domain[0] != '\0');
    settings_free(&settings);
}

static void assert_spool(const char *content, enum paths_origin origin, bool shared,
                         const char *directory)
{
    assert_true(load_as(content, 0600, origin));
    assert_int_equal(settings.queue.shared, shared);
    assert_string_equal(settings.queue.spool.directory, directory);
    assert_true(settings_check_spool(&settings.queue, &error));
    settings_free(&settings);
}

/* The spool goes with the configuration. */
static void test_spool(void **state)
{
    (void)state;
    assert_spool(ACCOUNT NAMES, PATHS_USER, false, "/home/me/spool");
    assert_spool(ACCOUNT NAMES, PATHS_GIVEN, false, "/home/me/spool");
    assert_spool(ACCOUNT NAMES, PATHS_SYSTEM, true, "/home/me/spool");
    assert_spool(QUEUE "directory = /q\n" NAMES, PATHS_SYSTEM, true, "/q");
    assert_spool(QUEUE "directory = ~/q\n" NAMES, PATHS_USER, false, "/home/me/q");
}

static void test_spool_without_home(void **state)
{
    struct settings_queue queue = {.mode = SETTINGS_QUEUE_ALWAYS};
    (void)state;
    assert_false(settings_check_spool(&queue, &error));
    assert_int_equal(error.exit_code, EX_CONFIG);
    assert_non_null(strstr(error.sentence, "no home directory"));
}

static bool load_spool(const char *content, mode_t mode, struct spool_options *options)
{
    struct paths_choice choice = {.file = path, .origin = PATHS_SYSTEM, .spool = "/var/q"};
    snprintf(path, sizeof path, "/tmp/settings_test-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, strlen(content)), strlen(content));
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
    error = (struct error){0};
    bool done = settings_load_spool(&choice, options, &error);
    unlink(path);
    return done;
}

/* Whoever lends the spool's group looks at [queue] alone, in a file of root's without a secret. */
static void test_spool_alone(void **state)
{
    struct spool_options options;
    (void)state;
    if (geteuid() != 0)
        skip();
    assert_true(load_spool("[nonsense]\na = b\n[queue]\nmax_size = 5M\n", 0644, &options));
    assert_string_equal(options.directory, "/var/q");
    assert_int_equal(options.max_size, 5 << 20);
    assert_int_equal(options.min_free, 64 << 20);
    free((void *)(uintptr_t)options.directory);
    assert_true(load_spool(ACCOUNT "[queue]\ndirectory = /q\n", 0644, &options));
    assert_string_equal(options.directory, "/q");
    free((void *)(uintptr_t)options.directory);

    assert_false(load_spool("[queue]\nmax_size = much\n", 0644, &options));
    assert_int_equal(error.exit_code, EX_CONFIG);
    assert_null(options.directory);
    assert_false(load_spool(ACCOUNT "user = me\npassword = x\n", 0640, &options));
    assert_non_null(strstr(error.sentence, "password"));
    assert_int_equal(seteuid(65534), 0);
    bool strangers = load_spool("[queue]\n", 0644, &options);
    assert_int_equal(seteuid(0), 0);
    assert_false(strangers);
    assert_non_null(strstr(error.sentence, "owned by uid 65534, must be root's"));
}

/* Which SRV records srv: means, and when what they name may be anybody. */
static void test_service(void **state)
{
    static const struct {
        const char *lines, *service;
        bool any_target;
    } rows[] = {
        {"", "_submission._tcp", false},
        {"tls = starttls\n", "_submission._tcp", false},
        {"tls = implicit\n", "_submissions._tcp", false},
        {"tls_name = mail.example\n", "_submission._tcp", true},
        {"tls_fingerprint = " PIN "\n", "_submission._tcp", true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[256];
        snprintf(text, sizeof text, "[smarthost]\nhost = srv:a.example b.example\n%s%s",
                 rows[i].lines, NAMES);
        load(text);
        const struct dial_options *dial = &settings.accounts[0].smarthost.dial;
        assert_string_equal(dial->hosts[0], "srv:a.example");
        assert_string_equal(dial->hosts[1], "b.example");
        assert_string_equal(dial->service, rows[i].service);
        assert_int_equal(dial->any_target, rows[i].any_target);
        settings_free(&settings);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_service),
        cmocka_unit_test(test_spool),
        cmocka_unit_test(test_spool_without_home),
        cmocka_unit_test(test_spool_alone),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_every_key),
        cmocka_unit_test(test_local),
        cmocka_unit_test(test_inheritance),
        cmocka_unit_test(test_without_default_account),
        cmocka_unit_test(test_implicit_port),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_no_value_is_shown),
        cmocka_unit_test(test_password_mode),
        cmocka_unit_test(test_logins_without_a_secret),
        cmocka_unit_test(test_strangers_file),
        cmocka_unit_test(test_roots_file),
        cmocka_unit_test(test_tilde_is_the_users),
        cmocka_unit_test(test_too_many_accounts),
        cmocka_unit_test(test_names_of_the_host),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* All keys of the contract, also one whose capability is still to come: it is refused by name
 * instead of being ignored. */
#include "config/keys.h"

#include <string.h>

#include "base/text.h"
#include "config/settings.h"

#define ACCOUNT(member)  offsetof(struct account, member)
#define SETTINGS(member) offsetof(struct settings, member)

enum { SECOND = 1000, FIVE_MINUTES = 300 * SECOND, HOUR = 3600 * SECOND };
#define DAY   (24LL * HOUR)
#define MONTH (30 * DAY)
#define YEAR  (365 * DAY)
enum { HELP_WIDTH = 100 };

static const struct keys_row table[] = {
    {"smarthost", "host", KEYS_HOSTS, .offset = ACCOUNT(smarthost.dial.hosts),
     .otherwise = "required",
     .help = "names, addresses or srv:DOMAIN of the smarthost, tried in order"},
    {"smarthost", "port", KEYS_PORTS, .offset = ACCOUNT(smarthost.dial.ports),
     .otherwise = "587 2525, with tls = implicit 465", .help = "ports, tried in order"},
    {"smarthost", "tls", KEYS_CHOICE, .offset = ACCOUNT(smarthost.tls_mode), .fallback = "starttls",
     .choices = "starttls implicit none",
     .help = "STARTTLS, mandatory; TLS from the first byte; or none, to a loopback address only"},
    {"smarthost", "tls_ca_file", KEYS_PATH, .offset = ACCOUNT(smarthost.tls.ca_file),
     .otherwise = "the system's trust store",
     .help = "issuers to trust: a PEM file or a hashed directory"},
    {"smarthost", "tls_name", KEYS_DOMAIN, KEYS_IDENTITY, ACCOUNT(smarthost.tls.name),
     .otherwise = "host", .help = "name to verify in the certificate and to send as SNI"},
    {"smarthost", "tls_fingerprint", KEYS_FINGERPRINT, KEYS_IDENTITY,
     ACCOUNT(smarthost.tls.fingerprint), .otherwise = "none",
     .help = "sha256:HEX or spki:BASE64 of the certificates to trust instead of any issuer"},
    {"smarthost", "tls_cert", KEYS_PATH, KEYS_IDENTITY, ACCOUNT(smarthost.tls.cert),
     .otherwise = "none", .help = "client certificate, a PEM file"},
    {"smarthost", "tls_key", KEYS_PATH, KEYS_IDENTITY | KEYS_OWNERS, ACCOUNT(smarthost.tls.key),
     .otherwise = "none", .help = "its private key, a PEM file"},
    {"smarthost", "tls_min", KEYS_CHOICE, .offset = ACCOUNT(smarthost.tls.min_version),
     .fallback = "1.2", .choices = "1.2 1.3", .help = "oldest version of TLS to speak"},
    {"smarthost", "tls_dane", KEYS_CHOICE, .offset = ACCOUNT(smarthost.tls.dane), .fallback = "no",
     .choices = "no auto yes",
     .help = "TLSA records: not used, must match as well, or a match is enough"},
    {"smarthost", "auth", KEYS_WORD, .offset = ACCOUNT(smarthost.sasl.mechanism),
     .fallback = "auto",
     .choices = "auto off plain login cram-md5 scram-sha-1 scram-sha-256 scram-sha-512 "
                "scram-sha-1-plus scram-sha-256-plus scram-sha-512-plus external xoauth2 "
                "oauthbearer",
     .help = "SASL mechanism: the best that is offered, none, or this one"},
    {"smarthost", "user", KEYS_STRING, KEYS_IDENTITY, ACCOUNT(smarthost.sasl.user),
     .otherwise = "none: no AUTH", .help = "user name for AUTH"},
    {"smarthost", "password", KEYS_STRING, KEYS_IDENTITY | KEYS_SECRET, ACCOUNT(password),
     .otherwise = "none", .help = "the secret itself, in a file that its owner alone can read"},
    {"smarthost", "password_file", KEYS_SECRET_FILE, KEYS_IDENTITY | KEYS_SECRET | KEYS_OWNERS,
     ACCOUNT(password_file), .otherwise = "none",
     .help = "file that holds the secret; may start with $CREDENTIALS_DIRECTORY/"},
    {"smarthost", "password_command", KEYS_COMMAND, KEYS_IDENTITY | KEYS_SECRET | KEYS_OWNERS,
     ACCOUNT(password_command), .otherwise = "none",
     .help = "program whose first line of output is the secret, with its arguments"},
    {"smarthost", "from", KEYS_SENDERS, KEYS_IDENTITY, ACCOUNT(from), .otherwise = "LOGIN@domain",
     .help = "envelope sender; or patterns of the senders this account is for"},
    {"smarthost", "allow_from_override", KEYS_OVERRIDE, .offset = ACCOUNT(allow_from_override),
     .fallback = "yes",
     .help = "which -f may replace from: yes, no, or patterns such as *@example.com"},
    {"smarthost", "pipelining", KEYS_BOOLEAN, .offset = ACCOUNT(smarthost.pipelining),
     .fallback = "yes", .help = "use PIPELINING where it is offered"},
    {"smarthost", "chunking", KEYS_BOOLEAN, .offset = ACCOUNT(smarthost.chunking),
     .fallback = "yes", .help = "use CHUNKING (BDAT) where it is offered"},
    {"smarthost", "helo", KEYS_HELO, .offset = ACCOUNT(smarthost.helo),
     .otherwise = "the host's fully qualified name, else its address",
     .help = "name given with EHLO"},
    {"smarthost", "timeout", KEYS_DURATION, .offset = ACCOUNT(smarthost.timeout), .fallback = "1m",
     .range = {SECOND, HOUR},
     .help = "bound on each reply and each stretch without progress; ten times that at the end"},
    {"smarthost", "connect_timeout", KEYS_DURATION,
     .offset = ACCOUNT(smarthost.dial.connect_timeout), .fallback = "30s", .range = {SECOND, HOUR},
     .help = "bound on reaching the smarthost, over all addresses and ports"},
    {"smarthost", "fallback_delay", KEYS_DURATION, .offset = ACCOUNT(smarthost.dial.fallback_delay),
     .fallback = "2s", .range = {10, FIVE_MINUTES},
     .help = "silence after which the next port is tried as well"},

    {"local", "domain", KEYS_DOMAIN, .offset = SETTINGS(local_domain),
     .otherwise = "/etc/mailname, else the host's fully qualified name",
     .help = "appended to addresses without one"},
    {"local", "aliases", KEYS_ALIASES, KEYS_OWNERS, SETTINGS(local.aliases_file),
     .fallback = "/etc/aliases",
     .help = "aliases(5) file for local recipients, or none; without the key it may be missing"},
    {"local", "default_to", KEYS_RECIPIENT, .offset = SETTINGS(local.default_to),
     .otherwise = "none", .help = "address that gets mail for local users whom no alias covers"},

    {"message", "from_header", KEYS_CHOICE, .offset = SETTINGS(from_header), .fallback = "add",
     .choices = "add keep replace",
     .help = "From: added when missing, kept as it is, or replaced by the sender"},
    {"message", "add_date", KEYS_BOOLEAN, .offset = SETTINGS(add_date), .fallback = "yes",
     .help = "add Date: when missing"},
    {"message", "add_message_id", KEYS_BOOLEAN, .offset = SETTINGS(add_message_id),
     .fallback = "yes", .help = "add Message-ID: when missing"},
    {"message", "remove_bcc", KEYS_BOOLEAN, .offset = SETTINGS(remove_bcc), .fallback = "yes",
     .help = "take Bcc: out"},
    {"message", "max_size", KEYS_SIZE, .offset = SETTINGS(max_size),
     .otherwise = "no limit but the server's", .range = {1, 1LL << 50},
     .help = "refuse larger messages"},

    {"queue", "mode", KEYS_CHOICE, .offset = SETTINGS(queue.mode), .fallback = "auto",
     .choices = "on-failure always never auto",
     .help = "when mail is queued; auto: on-failure where the queue was run within a day"},
    {"queue", "directory", KEYS_PATH, KEYS_OWNERS, SETTINGS(queue.spool.directory),
     .otherwise = LOCALSTATEDIR "/spool/sendmail, a user's ~/.local/state/sendmail/queue",
     .help = "the spool"},
    {"queue", "lifetime", KEYS_DURATION, .offset = SETTINGS(queue.backoff.lifetime),
     .fallback = "5d", .range = {SECOND, YEAR}, .help = "how long to try"},
    {"queue", "retry", KEYS_RETRY, .offset = SETTINGS(queue.backoff.first), .fallback = "5m 4h",
     .range = {SECOND, MONTH}, .help = "first wait and its cap; it doubles in between"},
    {"queue", "bounce_to", KEYS_BOUNCE, .offset = SETTINGS(queue.bounce_to), .fallback = "sender",
     .choices = "sender nobody",
     .help = "who is told when a queued message fails for good, or an address"},
    {"queue", "max_size", KEYS_SIZE, .offset = SETTINGS(queue.spool.max_size), .fallback = "1G",
     .range = {1, 1LL << 50}, .help = "largest size of the spool"},
    {"queue", "min_free", KEYS_SIZE, .offset = SETTINGS(queue.spool.min_free), .fallback = "64M",
     .range = {0, 1LL << 50}, .help = "space left free on the spool's file system"},
    {"queue", "keep_failed", KEYS_DURATION, .offset = SETTINGS(queue.spool.keep_failed),
     .fallback = "30d", .range = {0, 10 * YEAR}, .help = "how long failed messages are kept"},
    {"queue", "pipeline_depth", KEYS_NUMBER, .offset = SETTINGS(queue.pipeline_depth),
     .fallback = "8", .range = {1, 64}, .help = "transactions in flight on one connection"},
    {"queue", "connections", KEYS_NUMBER, .offset = SETTINGS(queue.connections), .fallback = "1",
     .range = {1, 20}, .help = "connections that a run of the queue may use at once"},

    {"security", "confine", KEYS_CHECKED, .fallback = "no", .choices = "no yes", .available = "no",
     .help = "Landlock and seccomp"},

    {"log", "syslog", KEYS_FACILITY, .offset = SETTINGS(log.facility), .fallback = "mail",
     .help = "syslog facility, or off"},
    {"log", "file", KEYS_PATH, KEYS_OWNERS, SETTINGS(log.file), .otherwise = "none",
     .help = "file that gets one line a submission as well"},
};

enum { ROWS = sizeof table / sizeof table[0] };

const struct keys_row *keys_table(size_t *count)
{
    *count = ROWS;
    return table;
}

const struct keys_row *keys_find(const char *section, const char *key)
{
    for (size_t i = 0; i < ROWS; i++) {
        if (strcmp(table[i].section, section) == 0 && strcmp(table[i].key, key) == 0)
            return &table[i];
    }
    return NULL;
}

/* What msmtp, ssmtp and the like call it. */
static const struct {
    const char *name, *section, *key;
} foreign[] = {
    {"passwordeval", "smarthost", "password_command"},
    {"username", "smarthost", "user"},
    {"authuser", "smarthost", "user"},
    {"login", "smarthost", "user"},
    {"authpass", "smarthost", "password"},
    {"pass", "smarthost", "password"},
    {"authmethod", "smarthost", "auth"},
    {"mailhub", "smarthost", "host"},
    {"server", "smarthost", "host"},
    {"smarthost", "smarthost", "host"},
    {"hostname", "smarthost", "helo"},
    {"tls_starttls", "smarthost", "tls"},
    {"starttls", "smarthost", "tls"},
    {"usestarttls", "smarthost", "tls"},
    {"usetls", "smarthost", "tls"},
    {"tls_trust_file", "smarthost", "tls_ca_file"},
    {"tls_host_override", "smarthost", "tls_name"},
    {"tls_cert_file", "smarthost", "tls_cert"},
    {"tls_key_file", "smarthost", "tls_key"},
    {"fromlineoverride", "smarthost", "allow_from_override"},
    {"maildomain", "local", "domain"},
    {"auto_from", "local", "domain"},
    {"rewritedomain", "local", "domain"},
    {"set_from_header", "message", "from_header"},
    {"set_date_header", "message", "add_date"},
    {"set_msgid_header", "message", "add_message_id"},
    {"remove_bcc_headers", "message", "remove_bcc"},
    {"alias_maps", "local", "aliases"},
    {"logfile", "log", "file"},
};

const struct keys_row *keys_find_foreign(const char *name)
{
    for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++) {
        if (slice_equals_nocase(slice_of(name), slice_of(foreign[i].name)))
            return keys_find(foreign[i].section, foreign[i].key);
    }
    return NULL;
}

const char *const *keys_sections(void)
{
    static const char *const sections[] = {"smarthost", "local", "message", "queue",
                                           "security",  "log",   NULL};
    return sections;
}

bool keys_is_later(const struct keys_row *row, const char *value)
{
    if (row->available == NULL)
        return false;
    struct slice rest = slice_of(row->available), word;
    while (slice_cut_word(&rest, &word)) {
        if (slice_equals(word, slice_of(value)))
            return false;
    }
    return true;
}

/* The values and the default under the help, on as many lines as they take. */
static void write_values(const struct keys_row *row, void (*line)(const char *line))
{
    char buffer[256];
    struct text text;
    struct slice words = slice_of(row->available != NULL ? row->available : row->choices), word;
    text_init(&text, buffer, sizeof buffer);
    text_add_format(&text, "  %-20s ", "");
    while (slice_cut_word(&words, &word)) {
        if (text.length + word.length >= HELP_WIDTH) {
            line(buffer);
            text_init(&text, buffer, sizeof buffer);
            text_add_format(&text, "  %-20s ", "");
        }
        text_add_slice(&text, word);
        text_add_byte(&text, ' ');
    }
    text_add_format(&text, "(%s)", row->fallback != NULL ? row->fallback : row->otherwise);
    line(buffer);
}

static void write_row(const struct keys_row *row, void (*line)(const char *line))
{
    char buffer[256];
    struct text text;
    text_init(&text, buffer, sizeof buffer);
    text_add_format(&text, "  %-20s %s", row->key, row->help);
    line(buffer);
    write_values(row, line);
}

void keys_write_help(void (*line)(const char *line))
{
    line("The keys of the configuration, with defaults in parentheses; see sendmail.ini(5).");
    const char *section = "";
    for (size_t i = 0; i < ROWS; i++) {
        if (strcmp(section, table[i].section) != 0) {
            char heading[64];
            struct text text;
            section = table[i].section;
            text_init(&text, heading, sizeof heading);
            text_add_format(&text, "[%s]%s", section,
                            strcmp(section, "smarthost") == 0 ? " and [smarthost:NAME]" : "");
            line("");
            line(heading);
        }
        write_row(&table[i], line);
    }
}

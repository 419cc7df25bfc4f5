/* The first row that fits says what to change. Rows that name words look for them in our own
 * sentences; a server that writes them into its reply can at most make the hint a wrong one. */
#include "agent/hint.h"

#include <string.h>

/* Any step, as PROBE_KINDS is none. */
#define ANYWHERE PROBE_KINDS

/* Stands for that one of the three keys which is set. */
#define PASSWORD "password"

#define LATER "nothing is to be changed here: the server asks to try again later"

#define IMPOSTOR                                                                                   \
    "change nothing, no other mechanism either, before it is clear that this is the right server"

static const struct row {
    enum probe_kind step;
    int exit_code;     /* 0: any */
    int reply_code;    /* a whole code, or its first digit; 0: any */
    const char *words; /* of the sentence; NULL: any */
    const char *key;   /* NULL: none helps */
    const char *advice;
} rows[] = {
    {ANYWHERE, 0, 0, "interrupted by", NULL, "let it run to its end"},

    {PROBE_CONFIGURATION, 0, 0, "has no account \"", NULL,
     "give --account one of these names, or add a section [smarthost:NAME]"},
    {PROBE_CONFIGURATION, 0, 0, "choose with --account", NULL,
     "give --account, or write a [smarthost] for every sender"},
    {PROBE_CONFIGURATION, EX_USAGE, 0, "sender: ", "from", "an address such as you@example.com"},
    {PROBE_CONFIGURATION, EX_USAGE, 0, NULL, NULL, "give an address such as you@example.com"},
    {PROBE_CONFIGURATION, EX_NOPERM, 0, NULL, NULL,
     "make the file one that this user may read, or write one of its own"},
    {PROBE_CONFIGURATION, 0, 0, "run: sendmail --configure", NULL,
     "run sendmail --configure with your address; it asks for what it needs, tries the login and "
     "writes the file"},
    {PROBE_CONFIGURATION, 0, 0, "No such file", NULL,
     "name another file by -C, or let --configure with your address write this one"},
    {PROBE_CONFIGURATION, 0, 0, NULL, NULL, "mend the configuration where the sentence says"},

    {PROBE_PASSWORD, EX_TEMPFAIL, 0, NULL, PASSWORD, "run that command by hand as this user"},
    {PROBE_PASSWORD, EX_CONFIG, 0, "run: chmod", NULL, "run what the sentence says"},
    {PROBE_PASSWORD, EX_NOPERM, 0, NULL, PASSWORD, "a secret that this user may read"},
    {PROBE_PASSWORD, 0, 0, NULL, PASSWORD, "what gives the secret, and nothing else, as one line"},

    {PROBE_RESOLVE, EX_NOPERM, 0, "not believed", "tls_name",
     "the name that the DNS gives, once you know that it is the right server"},
    {PROBE_RESOLVE, EX_NOHOST, 0, "set tls = implicit", "tls", "implicit, as the domain has it"},
    {PROBE_RESOLVE, EX_NOHOST, 0, "set tls = starttls", "tls", "starttls, as the domain has it"},
    {PROBE_RESOLVE, EX_NOHOST, 0, NULL, "host", "the name of the server, as its operator gives it"},
    {PROBE_RESOLVE, 0, 0, NULL, "host",
     "the name may be right and the DNS of this machine not; see resolv.conf(5)"},

    {PROBE_CONNECT, 0, 0, "TLS on the wrong port", "tls", "implicit, as this port speaks TLS"},
    {PROBE_CONNECT, 0, 0, "speaks no TLS", "tls", "starttls, as this port begins in clear"},
    {PROBE_CONNECT, EX_NOPERM, 0, NULL, NULL,
     "let this machine's policy permit the connection; the configuration is not to blame"},
    {PROBE_CONNECT, 0, 0, "no greeting", "tls",
     "implicit, if the port waits for TLS as 465 does; else the server is overloaded"},
    {PROBE_CONNECT, 0, 0, "no answer", "port",
     "another one, such as 465 with tls = implicit: something drops what goes to this one"},
    {PROBE_CONNECT, 0, 0, "connection refused", "port",
     "587, or 465 with tls = implicit; nobody listens on this one"},
    {PROBE_CONNECT, 0, 5, NULL, "host", "another server; this one wants nobody from here"},
    {PROBE_CONNECT, 0, 4, NULL, NULL, LATER},
    {PROBE_CONNECT, 0, 0, "unreachable", "host",
     "an address that the network of this machine leads to; is it up?"},
    {PROBE_CONNECT, 0, 0, NULL, "host", "a server that takes mail from its users"},

    {PROBE_GREETING, EX_CONFIG, 0, NULL, "tls", "starttls, as the server is not this machine"},
    {PROBE_GREETING, 0, 5, NULL, "host", "another server; this one wants nobody from here"},
    {PROBE_HELLO, 0, 5, NULL, "helo", "the fully qualified name of this machine"},
    {PROBE_STARTTLS, 0, 0, "not offered", "port",
     "587, where servers offer STARTTLS, or 465 with tls = implicit"},

    {PROBE_TLS, EX_OSFILE, 0, NULL, "tls_ca_file", "the issuers to trust"},
    {PROBE_TLS, 0, 0, "tls_key", "tls_key", "the PEM key of tls_cert"},
    {PROBE_TLS, 0, 0, "tls_cert", "tls_cert", "the PEM certificate the server wants from us"},
    {PROBE_TLS, EX_NOPERM, 0, "expired", "tls_fingerprint",
     "its owner must renew it; a pin shown above accepts it knowingly"},
    {PROBE_TLS, EX_NOPERM, 0, "not valid before", "tls_fingerprint",
     "check this machine's clock; a pin shown above accepts it knowingly"},
    {PROBE_TLS, 0, 0, "(tls_dane)", "tls_dane",
     "no, if you know that the DNS is out of date; else somebody is between you and the server"},
    {PROBE_TLS, EX_TEMPFAIL, 0, "not authenticated", "tls_dane",
     "auto or no, as long as the zone is not signed or the resolver is not believed"},
    {PROBE_TLS, EX_TEMPFAIL, 0, "no TLSA record can vouch", "tls_dane",
     "auto or no; or name the servers themselves in host"},
    {PROBE_TLS, EX_NOPERM, 0, "tls_dane = yes", "tls_dane",
     "auto or no, as the DNS has nothing for this host that could vouch for it"},
    {PROBE_TLS, EX_TEMPFAIL, 0, "tls_dane", "tls_dane",
     "no, if this machine's DNS never answers such questions; see resolv.conf(5)"},
    {PROBE_TLS, 0, 0, "tls_name", "tls_name",
     "the name in the certificate, if it is the right one"},
    {PROBE_TLS, EX_CONFIG, 0, "tls_ca_file", "tls_ca_file", "a PEM file or a hashed directory"},
    {PROBE_TLS, 0, 0, "tls_ca_file", "tls_ca_file",
     "a PEM file with that issuer; or tls_fingerprint with a pin shown above"},
    {PROBE_TLS, 0, 0, "tls_fingerprint", "tls_fingerprint",
     "the pin shown above, once you know that it is the right server"},
    {PROBE_TLS, 0, 0, "speaks no TLS", "tls", "starttls, as this port begins in clear"},
    {PROBE_TLS, EX_NOPERM, 0, NULL, "tls_fingerprint",
     "a pin shown above, once you know that it is the right server"},
    {PROBE_TLS, EX_CONFIG, 0, "policy", NULL, "see the openssl.cnf of this machine"},
    {PROBE_TLS, EX_CONFIG, 0, NULL, "tls_ca_file", "a PEM file or a hashed directory"},
    {PROBE_TLS, 0, 0, "TLS version", "tls_min", "1.2, unless the server is older than that"},

    {PROBE_LOGIN, 0, 0, "no login is offered", "user",
     "unset it, or use the port where users log in (587)"},
    {PROBE_LOGIN, 0, 0, "prove that it knows", NULL, IMPOSTOR},
    {PROBE_LOGIN, 0, 0, "taken it out on the way", NULL, IMPOSTOR},
    {PROBE_LOGIN, EX_NOPERM, 0, "offers only EXTERNAL", "tls_cert",
     "the certificate to log in with"},
    {PROBE_LOGIN, EX_NOPERM, 0, "an OAuth token is used", "auth",
     "oauthbearer or xoauth2, with a password_command that prints a token"},
    {PROBE_LOGIN, EX_CONFIG, 0, "tls_cert", "tls_cert", "the certificate to log in with"},
    {PROBE_LOGIN, EX_CONFIG, 0, "auth = ", "auth", "auto, or a mechanism of this version"},
    {PROBE_LOGIN, EX_CONFIG, 0, NULL, PASSWORD, "the account's secret"},
    {PROBE_LOGIN, 0, 0, "token", PASSWORD, "a token that is valid now, for the user given"},
    {PROBE_LOGIN, 0, 0, "app password", PASSWORD, "an app password, made at the provider"},
    {PROBE_LOGIN, 0, 0, "tls_cert", "tls_cert", "a certificate that the server knows"},
    {PROBE_LOGIN, 0, 535, NULL, PASSWORD, "the secret of the user given; or user is another one"},
    {PROBE_LOGIN, 0, 0, "wrong credentials", PASSWORD,
     "the secret of the user given; or user is another one"},
    {PROBE_LOGIN, EX_NOPERM, 0, "TLS", "tls", "starttls or implicit, as a login needs it"},
    {PROBE_LOGIN, 0, 5, NULL, "auth", "auto, or a mechanism that the server takes"},
    {PROBE_LOGIN, EX_NOPERM, 0, NULL, "auth", "auto, or one of the mechanisms offered"},

    {PROBE_MAIL, 0, 530, NULL, "user", "the server wants a login"},
    {PROBE_MAIL, 0, 0, "SMTPUTF8", "from", "an address in ASCII"},
    {PROBE_MAIL, 0, 5, NULL, "from", "an address that the server lets this user send from"},
    {PROBE_RECIPIENT, 0, 530, NULL, "user", "the server wants a login"},
    {PROBE_RECIPIENT, 0, 5, NULL, NULL,
     "is the address right? a server that does not relay wants a login, or mail through another"},

    {ANYWHERE, EX_TEMPFAIL, 0, "no answer within", "timeout",
     "a longer one, if the server is slow"},
    {ANYWHERE, 0, 4, NULL, NULL, LATER},
    {ANYWHERE, EX_TEMPFAIL, 0, NULL, NULL, "try again; if it stays so, ask the server's operator"},
    {ANYWHERE, EX_PROTOCOL, 0, NULL, "host", "a server that speaks SMTP, at the right port"},
};

static bool fits(const struct row *row, enum probe_kind step, const struct error *error)
{
    int code = row->reply_code < 10 ? error->reply_code / 100 : error->reply_code;
    return (row->step == ANYWHERE || row->step == step) &&
           (row->exit_code == 0 || row->exit_code == error->exit_code) &&
           (row->reply_code == 0 || row->reply_code == code) &&
           (row->words == NULL || strstr(error->sentence, row->words) != NULL);
}

static const char *password_key(const struct account *account)
{
    if (account != NULL && account->password_file != NULL)
        return "password_file";
    return account != NULL && account->password_command != NULL ? "password_command" : PASSWORD;
}

/* Who has no `from` sends from LOGIN@domain. */
static const char *sender_key(const struct account *account)
{
    return account != NULL && account->from == NULL ? "domain" : "from";
}

static void name_key(const char *key, const struct account *account, struct hint *hint)
{
    struct text section;
    if (strcmp(key, PASSWORD) == 0)
        key = password_key(account);
    if (strcmp(key, "from") == 0)
        key = sender_key(account);
    bool local = strcmp(key, "domain") == 0;
    text_copy(hint->key, sizeof hint->key, key);
    text_init(&section, hint->section, sizeof hint->section);
    text_add(&section, local ? "local" : "smarthost");
    if (!local && account != NULL && account->name[0] != '\0')
        text_add_format(&section, ":%s", account->name);
}

/* Errors of the configuration say it themselves: "FILE:LINE: [SECTION] KEY: what is wrong". */
static bool find_named(const struct error *error, struct hint *hint)
{
    const char *open = strstr(error->sentence, ": [");
    const char *close = open == NULL ? NULL : strstr(open, "] ");
    if (close == NULL)
        return false;
    struct slice section = slice_make(open + 3, (size_t)(close - open - 3));
    struct slice key = slice_of(close + 2);
    struct text text;
    key = slice_to(key, slice_find(key, ':'));
    if (slice_find(key, ' ') < key.length || key.length >= sizeof hint->key)
        return false;
    text_init(&text, hint->section, sizeof hint->section);
    text_add_slice(&text, section);
    text_init(&text, hint->key, sizeof hint->key);
    text_add_slice(&text, key);
    hint->advice = "as the sentence says";
    return true;
}

bool hint_find(enum probe_kind step, const struct error *error, const struct account *account,
               struct hint *hint)
{
    *hint = (struct hint){.advice = ""};
    if (step == PROBE_CONFIGURATION && error->exit_code == EX_CONFIG && find_named(error, hint))
        return true;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (!fits(&rows[i], step, error))
            continue;
        hint->advice = rows[i].advice;
        if (rows[i].key != NULL)
            name_key(rows[i].key, account, hint);
        return true;
    }
    return false;
}

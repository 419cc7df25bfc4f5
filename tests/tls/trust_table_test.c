/* Goal: for each certificate a server may show and each setting of whom to trust, it is stated here
 * what becomes of the connection, and each cell is tried over a real handshake. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/nameser.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/ssl.h>

#include "tests/support/certificates.h"
#include "tests/support/dns.h"
#include "tests/support/folder.h"
#include "tls/certificate.h"
#include "tls/fingerprint.h"
#include "tls/tls.h"

enum { TIMEOUT = 20000, PATH_SIZE = 128, RECORD_SIZE = 2048, PORT = 587 };

#define HOST   "mail.example"
#define OWNER  "_587._tcp." HOST
#define A_NAME "xn--bcher-kva.example" /* of U+00FC */

/* --- the certificates ------------------------------------------------------------------------- */

enum shown {
    GOOD,
    CHAIN, /* good, with an issuer between; sends the root too */
    EXPIRED,
    NOT_YET,
    WRONG_NAME,
    COMMON_NAME, /* alone */
    WILDCARD,
    PARTIAL_WILDCARD,
    ADDRESS,
    A_LABEL,
    U_LABEL,
    SELF_SIGNED,
    STRANGER, /* of an unknown issuer */
    WEAK,
    NUL_IN_NAME,
    SHOWN_COUNT
};

static const struct {
    const char *title;
    const char *host; /* the one connected to; NULL: HOST */
} shown_rows[SHOWN_COUNT] = {
    [GOOD] = {"good", NULL},
    [CHAIN] = {"good, with an issuer between", NULL},
    [EXPIRED] = {"expired", NULL},
    [NOT_YET] = {"not yet valid", NULL},
    [WRONG_NAME] = {"wrong name", NULL},
    [COMMON_NAME] = {"common name only", NULL},
    [WILDCARD] = {"wildcard", "mail.wild.example"},
    [PARTIAL_WILDCARD] = {"partial wildcard", "mail.wild.example"},
    [ADDRESS] = {"address", "192.0.2.1"},
    [A_LABEL] = {"A-label", A_NAME},
    [U_LABEL] = {"U-label", A_NAME},
    [SELF_SIGNED] = {"self-signed", NULL},
    [STRANGER] = {"unknown issuer", NULL},
    [WEAK] = {"weak key", NULL},
    [NUL_IN_NAME] = {"NUL in the name", NULL},
};

/* --- the settings ----------------------------------------------------------------------------- */

enum setting {
    SYSTEM,       /* nothing set: the system's store, which has the root */
    CA_FILE,      /* tls_ca_file = the root */
    CA_DIRECTORY, /* the same, hashed */
    CA_OTHER,     /* the root of others */
    CA_BETWEEN,   /* the issuer between alone, which is no root */
    CA_LEAF,      /* what the server shows */
    NAME_OTHER,   /* tls_name = other.example, which just WRONG_NAME has */
    PRINT,        /* tls_fingerprint of this certificate, behind another one */
    PRINT_OTHER,
    KEY_PRINT, /* of this key */
    KEY_PRINT_OTHER,
    YES_KEY,     /* tls_dane = yes: 3 1 1 of this key */
    YES_ISSUER,  /* 2 0 0 of the root; for CHAIN 2 1 1 of the issuer between */
    YES_OTHER,   /* 3 1 1 of another key */
    YES_USAGE_1, /* 1 1 1 of this key: passed over */
    YES_NONE,    /* an authenticated answer that there are none */
    YES_UNSIGNED,
    YES_FAILS, /* SERVFAIL, as for a signature that does not hold */
    AUTO_KEY,  /* tls_dane = auto: the same */
    AUTO_ISSUER,
    AUTO_OTHER,
    AUTO_USAGE_1,
    AUTO_NONE,
    AUTO_UNSIGNED,
    AUTO_FAILS,
    BOTH, /* tls_fingerprint of this certificate, and tls_dane = yes with no answer */
    SETTING_COUNT
};

static const char *const setting_titles[SETTING_COUNT] = {
    "system",     "ca_file",     "ca directory", "ca other",     "ca between",   "ca leaf",
    "name other", "sha256",      "sha256 other", "spki",         "spki other",   "yes key",
    "yes issuer", "yes other",   "yes usage 1",  "yes none",     "yes unsigned", "yes fails",
    "auto key",   "auto issuer", "auto other",   "auto usage 1", "auto none",    "auto unsigned",
    "auto fails", "both",
};

/* --- the verdicts ----------------------------------------------------------------------------- */

enum verdict {
    okay, /* accepted */
    late, /* expired */
    soon, /* not yet valid */
    name, /* for another name */
    nobo, /* names nobody */
    self, /* self-signed */
    issu, /* unknown issuer */
    root, /* unknown root */
    weak, /* weak key */
    prin, /* another fingerprint */
    tlsa, /* other TLSA records */
    none, /* no TLSA records */
    used, /* none that can be used */
    addr, /* an address has none */
    auth, /* not authenticated */
    fail  /* no answer */
};

static const struct {
    int exit_code;
    const char *words;
} verdict_rows[] = {
    [okay] = {EX_OK, ""},
    [late] = {EX_NOPERM, " expired on "},
    [soon] = {EX_NOPERM, " is not valid before "},
    [name] = {EX_NOPERM, "; set tls_name if "},
    [nobo] = {EX_NOPERM, " names no host (its subject "},
    [self] = {EX_NOPERM, " is self-signed and not trusted here; set tls_ca_file to a copy "},
    [issu] = {EX_NOPERM, " is unknown here; set tls_ca_file to that issuer's certificate "},
    [root] = {EX_NOPERM, " is unknown here; set tls_ca_file to that root's certificate "},
    [weak] = {EX_NOPERM, " too weak for this machine's policy (SECLEVEL "},
    [prin] = {EX_NOPERM, " is none that tls_fingerprint names: "},
    [tlsa] = {EX_NOPERM, " matches none of the server's TLSA records (tls_dane): "},
    [none] = {EX_NOPERM, " has no TLSA records, which tls_dane = yes demands; "},
    [used] = {EX_NOPERM, " can be used (usages 2 and 3 can), which tls_dane = yes demands; "},
    [addr] = {EX_NOPERM, " is an address, which has no TLSA records; "},
    [auth] = {EX_TEMPFAIL, " are not authenticated, which tls_dane = yes demands: "},
    [fail] = {EX_TEMPFAIL, "DNS: no answer that can be believed about _587._tcp."},
};

/* clang-format off */
static const enum verdict table[SHOWN_COUNT][SETTING_COUNT] = {
/*                  tls_ca_file                         name  sha256      spki        tls_dane = yes                            tls_dane = auto
             sys-              oth-  bet-              oth-        oth-        oth-        iss-  oth-        no-   un-         key   iss-  oth-  us-   no-   un-
             tem   file  dir   er    ween  leaf        er    this  er    this  er    key   uer   er    us.1  ne    sgnd  fail        uer   er    age1  ne    sgnd  fail  both */
[GOOD]    = {okay, okay, okay, issu, issu, okay,       name, okay, prin, okay, prin, okay, okay, tlsa, used, none, auth, fail, okay, okay, tlsa, okay, okay, okay, fail, okay},
[CHAIN]   = {okay, okay, okay, root, okay, okay,       name, okay, prin, okay, prin, okay, okay, tlsa, used, none, auth, fail, okay, okay, tlsa, okay, okay, okay, fail, okay},
[EXPIRED] = {late, late, late, issu, issu, late,       name, okay, prin, okay, prin, okay, late, tlsa, used, none, auth, fail, late, late, late, late, late, late, fail, okay},
[NOT_YET] = {soon, soon, soon, issu, issu, soon,       name, okay, prin, okay, prin, okay, soon, tlsa, used, none, auth, fail, soon, soon, soon, soon, soon, soon, fail, okay},
[WRONG_NAME] =
            {name, name, name, issu, issu, name,       okay, okay, prin, okay, prin, okay, name, tlsa, used, none, auth, fail, name, name, name, name, name, name, fail, okay},
[COMMON_NAME] =
            {nobo, nobo, nobo, issu, issu, nobo,       nobo, okay, prin, okay, prin, okay, nobo, tlsa, used, none, auth, fail, nobo, nobo, nobo, nobo, nobo, nobo, fail, okay},
[WILDCARD] =
            {okay, okay, okay, issu, issu, okay,       name, okay, prin, okay, prin, okay, okay, tlsa, used, none, auth, fail, okay, okay, tlsa, okay, okay, okay, fail, okay},
[PARTIAL_WILDCARD] =
            {name, name, name, issu, issu, name,       name, okay, prin, okay, prin, okay, name, tlsa, used, none, auth, fail, name, name, name, name, name, name, fail, okay},
[ADDRESS] = {okay, okay, okay, issu, issu, okay,       name, okay, prin, okay, prin, addr, addr, addr, addr, addr, addr, addr, okay, okay, okay, okay, okay, okay, okay, okay},
[A_LABEL] = {okay, okay, okay, issu, issu, okay,       name, okay, prin, okay, prin, okay, okay, tlsa, used, none, auth, fail, okay, okay, tlsa, okay, okay, okay, fail, okay},
[U_LABEL] = {name, name, name, issu, issu, name,       name, okay, prin, okay, prin, okay, name, tlsa, used, none, auth, fail, name, name, name, name, name, name, fail, okay},
[SELF_SIGNED] =
            {self, self, self, self, self, okay,       self, okay, prin, okay, prin, okay, tlsa, tlsa, used, none, auth, fail, self, self, self, self, self, self, fail, okay},
[STRANGER] =
            {issu, issu, issu, okay, issu, okay,       issu, okay, prin, okay, prin, okay, tlsa, tlsa, used, none, auth, fail, issu, issu, issu, issu, issu, issu, fail, okay},
[WEAK]    = {weak, weak, weak, weak, weak, weak,       weak, weak, prin, weak, prin, weak, weak, weak, used, none, auth, fail, weak, weak, weak, weak, weak, weak, fail, weak},
[NUL_IN_NAME] =
            {name, name, name, issu, issu, name,       name, okay, prin, okay, prin, okay, name, tlsa, used, none, auth, fail, name, name, name, name, name, name, fail, okay},
};
/* clang-format on */

/* --- what they are made of -------------------------------------------------------------------- */

static struct fixture {
    char directory[64], root_path[PATH_SIZE], hashed[PATH_SIZE], other_path[PATH_SIZE];
    char between_path[PATH_SIZE], leaf_path[PATH_SIZE];
    struct certificate root, between, other_root;
    struct certificate leaves[SHOWN_COUNT];
    SSL_CTX *contexts[SHOWN_COUNT];
    struct dns_server dns;
} fixture;

static void issue_all(struct fixture *f)
{
    const struct certificate_request requests[SHOWN_COUNT] = {
        [GOOD] = {.names = "DNS:" HOST},
        [CHAIN] = {.names = "DNS:" HOST, .issuer = &f->between},
        [EXPIRED] = {.names = "DNS:" HOST, .begins = -30, .ends = -20},
        [NOT_YET] = {.names = "DNS:" HOST, .begins = 20, .ends = 30},
        [WRONG_NAME] = {.names = "DNS:other.example"},
        [COMMON_NAME] = {.names = "", .common_name = HOST},
        [WILDCARD] = {.names = "DNS:*.wild.example"},
        [PARTIAL_WILDCARD] = {.names = "DNS:ma*.wild.example"},
        [ADDRESS] = {.names = "IP:192.0.2.1"},
        [A_LABEL] = {.names = "DNS:" A_NAME},
        [U_LABEL] = {.raw_name = "b\xc3\xbc"
                                 "cher.example",
                     .raw_length = 15},
        [SELF_SIGNED] = {.names = "DNS:" HOST},
        [STRANGER] = {.names = "DNS:" HOST, .issuer = &f->other_root},
        [WEAK] = {.names = "DNS:" HOST, .weak = true},
        [NUL_IN_NAME] = {.raw_name = HOST "\0.evil.example", .raw_length = sizeof(HOST) + 13},
    };

    for (int i = 0; i < SHOWN_COUNT; i++) {
        struct certificate_request request = requests[i];

        if (request.issuer == NULL && i != SELF_SIGNED)
            request.issuer = &f->root;
        if (request.common_name == NULL)
            request.common_name = "Leaf";
        f->leaves[i] = certificate_issue(&request);
    }
}

static SSL_CTX *make_context(const struct fixture *f, enum shown shown)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());

    SSL_CTX_set_security_level(context, 0);
    assert_int_equal(SSL_CTX_use_certificate(context, f->leaves[shown].x509), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(context, f->leaves[shown].key), 1);
    if (shown == CHAIN) {
        SSL_CTX_add1_chain_cert(context, f->between.x509);
        SSL_CTX_add1_chain_cert(context, f->root.x509);
    }
    return context;
}

static void set_path(char *path, const struct fixture *f, const char *file)
{
    snprintf(path, PATH_SIZE, "%.60s/%s", f->directory, file);
}

static int set_up(void **state)
{
    struct fixture *f = &fixture;
    static const struct dns_row no_rows[] = {{NULL, 0, NULL, 0}};

    *state = f;
    snprintf(f->directory, sizeof(f->directory), "/tmp/trust_table_test.XXXXXX");
    assert_non_null(mkdtemp(f->directory));
    set_path(f->root_path, f, "root");
    set_path(f->other_path, f, "other");
    set_path(f->between_path, f, "between");
    set_path(f->leaf_path, f, "leaf");
    set_path(f->hashed, f, "hashed");
    assert_int_equal(mkdir(f->hashed, 0700), 0);
    f->root = certificate_issue(&(struct certificate_request){.common_name = "Root"});
    f->other_root = certificate_issue(&(struct certificate_request){.common_name = "Other Root"});
    f->between = certificate_issue(
        &(struct certificate_request){.common_name = "Between", .issuer = &f->root});
    issue_all(f);
    for (int i = 0; i < SHOWN_COUNT; i++)
        f->contexts[i] = make_context(f, i);
    certificate_write(&f->root, f->directory, "root");
    certificate_write(&f->other_root, f->directory, "other");
    certificate_write(&f->between, f->directory, "between");
    certificate_write_hashed(&f->root, f->hashed);
    dns_server_start(&f->dns, no_rows);
    setenv("SSL_CERT_DIR", f->hashed, 1);
    setenv("SSL_CERT_FILE", "/nonexistent", 1);
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    dns_server_stop(&f->dns);
    for (int i = 0; i < SHOWN_COUNT; i++) {
        SSL_CTX_free(f->contexts[i]);
        certificate_free(&f->leaves[i]);
    }
    certificate_free(&f->root);
    certificate_free(&f->other_root);
    certificate_free(&f->between);
    return folder_remove(f->directory);
}

/* --- a cell ----------------------------------------------------------------------------------- */

struct cell {
    enum shown shown;
    enum setting setting;
    const char *host;
    struct tls_options options;
    char fingerprints[2 * 80], owner[64], record[RECORD_SIZE];
    struct dns_row rows[2];
};

static void set_files(struct cell *cell, const struct fixture *f)
{
    static const size_t paths[SETTING_COUNT] = {
        [CA_FILE] = offsetof(struct fixture, root_path),
        [CA_DIRECTORY] = offsetof(struct fixture, hashed),
        [CA_OTHER] = offsetof(struct fixture, other_path),
        [CA_BETWEEN] = offsetof(struct fixture, between_path),
        [CA_LEAF] = offsetof(struct fixture, leaf_path),
    };

    if (paths[cell->setting] > 0)
        cell->options.ca_file = (const char *)f + paths[cell->setting];
    if (cell->setting == CA_LEAF)
        certificate_write(&f->leaves[cell->shown], f->directory, "leaf");
    if (cell->setting == NAME_OTHER)
        cell->options.name = "other.example";
}

static void set_fingerprints(struct cell *cell, const struct fixture *f)
{
    bool other = cell->setting == PRINT_OTHER || cell->setting == KEY_PRINT_OTHER;
    X509 *wanted = other ? f->other_root.x509 : f->leaves[cell->shown].x509;
    struct text text;

    text_init(&text, cell->fingerprints, sizeof(cell->fingerprints));
    if (cell->setting == PRINT || cell->setting == PRINT_OTHER || cell->setting == BOTH) {
        fingerprint_add(&text, f->between.x509);
        text_add(&text, " ");
        fingerprint_add(&text, wanted);
    } else if (cell->setting == KEY_PRINT || cell->setting == KEY_PRINT_OTHER) {
        fingerprint_add_key(&text, wanted);
    }
    if (text.length > 0)
        cell->options.fingerprint = cell->fingerprints;
}

static void add_hex(struct text *text, const unsigned char *octets, size_t length)
{
    for (size_t i = 0; i < length; i++)
        text_add_format(text, "%02x", octets[i]);
}

/* "USAGE 1 1" of the certificate's key. */
static void add_key_record(struct text *text, int usage, X509 *certificate)
{
    unsigned char *der = NULL, digest[EVP_MAX_MD_SIZE];
    int length = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
    unsigned size;

    assert_int_equal(EVP_Digest(der, (size_t)length, digest, &size, EVP_sha256(), NULL), 1);
    OPENSSL_free(der);
    text_add_format(text, "%d 1 1 ", usage);
    add_hex(text, digest, size);
}

static void add_whole_record(struct text *text, X509 *certificate)
{
    unsigned char *der = NULL;
    int length = i2d_X509(certificate, &der);

    text_add(text, "2 0 0 ");
    add_hex(text, der, (size_t)length);
    OPENSSL_free(der);
}

/* Settings with tls_dane come twice, in one order. */
static enum setting as_yes(enum setting setting)
{
    return setting >= AUTO_KEY && setting <= AUTO_FAILS ? setting - AUTO_KEY + YES_KEY : setting;
}

static void set_record(struct cell *cell, struct fixture *f)
{
    enum setting setting = as_yes(cell->setting);
    struct text text;

    if (setting < YES_KEY)
        return;
    cell->options.dane = setting == cell->setting ? TLS_DANE_YES : TLS_DANE_AUTO;
    snprintf(cell->owner, sizeof(cell->owner), "_587._tcp.%s", cell->host);
    text_init(&text, cell->record, sizeof(cell->record));
    if (setting == YES_OTHER)
        add_key_record(&text, 3, f->root.x509);
    else if (setting == YES_ISSUER && cell->shown == CHAIN)
        add_key_record(&text, 2, f->between.x509);
    else if (setting == YES_ISSUER)
        add_whole_record(&text, f->root.x509);
    else
        add_key_record(&text, setting == YES_USAGE_1 ? 1 : 3, f->leaves[cell->shown].x509);
    assert_false(text.overflow);
    cell->rows[0] = (struct dns_row){cell->owner, ns_t_tlsa, cell->record, DNS_ROW_SIGNED};
    if (setting == YES_UNSIGNED)
        cell->rows[0].manner = 0;
    else if (setting == YES_FAILS || setting == BOTH)
        cell->rows[0].manner = DNS_ROW_FAILS;
    else if (setting == YES_NONE)
        cell->rows[0].name = NULL;
    f->dns.rows = cell->rows;
    f->dns.denies_signed = true;
}

/* Both ends in turn, until ours knows. */
static bool shake(struct stream *stream, SSL *server, struct error *error)
{
    enum stream_status status;

    do {
        status = tls_handshake_step(stream, error);
        SSL_do_handshake(server);
    } while (status == STREAM_WANT_READ);
    return status == STREAM_MOVED;
}

static void assert_shown(const struct fixture *f, enum shown shown, const struct stream *stream)
{
    struct tls_certificate chain[4];
    char bytes[CERTIFICATE_SHA256_SIZE];
    struct text text;

    text_init(&text, bytes, sizeof(bytes));
    fingerprint_add(&text, f->leaves[shown].x509);
    assert_int_equal(certificate_chain(stream, chain, 4), shown == CHAIN ? 3 : 1);
    assert_string_equal(chain[0].sha256, bytes);
}

static void run(struct cell *cell, struct fixture *f, struct error *error)
{
    struct tls *tls = tls_create(&cell->options, error);
    SSL *server = SSL_new(f->contexts[cell->shown]);
    struct stream stream;
    int ends[2];

    if (tls == NULL)
        fail_msg("%s", error->sentence);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    stream_init(&stream, ends[0], TIMEOUT);
    SSL_set_fd(server, ends[1]);
    SSL_set_accept_state(server);
    if (tls_start(tls, &stream, cell->host, true, error) &&
        tls_look_up(&stream, PORT, TIMEOUT, &f->dns.address, error)) {
        bool good = shake(&stream, server, error);

        assert_int_equal(good, error->exit_code == EX_OK);
        assert_shown(f, cell->shown, &stream);
    }
    stream_close(&stream);
    SSL_free(server);
    close(ends[1]);
    tls_free(tls);
}

/* What is advised must be what was shown: the columns of fingerprints prove that it is accepted. */
static bool advice_is_right(const struct cell *cell, const struct fixture *f, enum verdict verdict,
                            const struct error *error)
{
    char bytes[CERTIFICATE_SHA256_SIZE + 32];
    struct text text;
    size_t length = strlen(error->sentence);

    if (verdict == okay || verdict == weak || verdict > tlsa)
        return true;
    text_init(&text, bytes, sizeof(bytes));
    text_add(&text, "tls_fingerprint = ");
    (cell->setting == KEY_PRINT_OTHER ? fingerprint_add_key
                                      : fingerprint_add)(&text, f->leaves[cell->shown].x509);
    return length > text.length && strcmp(error->sentence + length - text.length, bytes) == 0;
}

static bool is_as_stated(struct fixture *f, enum shown shown, enum setting setting)
{
    enum verdict verdict = table[shown][setting];
    const char *host = shown_rows[shown].host != NULL ? shown_rows[shown].host : HOST;
    struct cell cell = {.shown = shown, .setting = setting, .host = host};
    struct error error = {0};

    set_files(&cell, f);
    set_fingerprints(&cell, f);
    set_record(&cell, f);
    run(&cell, f, &error);
    bool good = error.exit_code == verdict_rows[verdict].exit_code &&
                strstr(error.sentence, verdict_rows[verdict].words) != NULL &&
                advice_is_right(&cell, f, verdict, &error) && !error.permanent;
    if (!good)
        print_error("%s x %s: %d %s\n", shown_rows[shown].title, setting_titles[setting],
                    error.exit_code, error.sentence);
    return good;
}

static void test_table(void **state)
{
    struct fixture *f = *state;
    int wrong = 0;

    for (int shown = 0; shown < SHOWN_COUNT; shown++)
        for (int setting = 0; setting < SETTING_COUNT; setting++)
            wrong += !is_as_stated(f, shown, setting);
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_table)};

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

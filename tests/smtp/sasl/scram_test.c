/* Goal: SCRAM says what RFC 5802 and RFC 7677 say, believes nothing that is not said in just their
 * way, and takes no server for ours that does not know the password. */
#include "smtp/sasl/sasl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "tests/smtp/sasl/binding.h"

#define OURS "rOprNGfwEbeRWgbNEkqO"
#define PLUS "SCRAM-SHA-256-PLUS SCRAM-SHA-256"

static struct sasl_secret pencil = {.bytes = "pencil", .length = 6},
                          umlaut = {.bytes = "p\xc3\xa4", .length = 3};

static struct sasl_options options = {.mechanism = "auto", .user = "user", .secret = &pencil};
static struct sasl_exchange exchange;
static char said[SASL_RESPONSE_SIZE];
static struct error error;

static void begin(const struct sasl_mechanism *mechanism, const char *nonce, const char *offered)
{
    const struct sasl_channel channel = {.encrypted = true, .offered = slice_of(offered)};
    sasl_begin(&exchange, mechanism, &options, &channel);
    exchange.nonce = nonce;
    error = (struct error){.exit_code = EX_OK};
}

static bool hear(const char *challenge)
{
    struct text response;
    text_init(&response, said, sizeof said);
    return sasl_respond(&exchange, slice_of(challenge), &response, &error);
}

/* The examples of RFC 5802 section 5 and RFC 7677 section 3, and some by another implementation. */
static void says_what_the_rfcs_say(void **state)
{
    (void)state;
    static const struct {
        const struct sasl_mechanism *mechanism;
        unsigned bindings;
        const char *offered;
        const char *user;
        struct sasl_secret *secret;
        const char *nonce;
        const char *first, *server_first, *final, *server_final;
    } rows[] = {
        {&sasl_scram_sha_1, 0, "SCRAM-SHA-1", "user", &pencil, "fyko+d2lbbFgONRv9qkxdawL",
         "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
         "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
         "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
         "v=rmF9pqV8S7suAoZWja4dJRkFsKQ="},
        {&sasl_scram_sha_256, 0, "SCRAM-SHA-256", "user", &pencil, OURS, "n,,n=user,r=" OURS,
         "r=" OURS "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
         "c=biws,r=" OURS "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
         "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
         "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="},
        {&sasl_scram_sha_512, 1, "SCRAM-SHA-512", "a,b=c", &umlaut, OURS, "y,,n=a=2Cb=3Dc,r=" OURS,
         "r=" OURS "0123456789,s=c2FsdA==,i=4097",
         "c=eSws,r=" OURS "0123456789,p=zczlMRzHsEwursws2aTGe9CMXxIdh9GsNyygbjN53AVK7natDWnu"
         "C+2tJBC2VdMOjGgmm2yU4pnIgzd/HWdZ5Q==",
         "v=mPlfq6ZP4uvj+sudVCwi2hnPYU7o8oglhLK0CWB5n/uBJgWh8FGZOwsJDxnVU2pBgNp20Vw8UIQuiQbg6eyX"
         "cQ=="},
        {&sasl_scram_sha_256_plus, 3, PLUS, "user", &pencil, OURS, "p=tls-exporter,,n=user,r=" OURS,
         "r=" OURS "0123456789,s=c2FsdA==,i=4096",
         "c=cD10bHMtZXhwb3J0ZXIsLGJpbmRpbmc=,r=" OURS
         "0123456789,p=TZ81ADhzuKGhw54tDjSdaS5YDvOBNHuGCvvDh5x8+Ls=",
         "v=5f8eJjK2wqYzPQUGzvBIst9NcDpCxu+E/Dn4qqEQwbo="},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bindings_available = rows[i].bindings;
        options.user = rows[i].user;
        options.secret = rows[i].secret;
        begin(rows[i].mechanism, rows[i].nonce, rows[i].offered);
        assert_true(hear(""));
        assert_string_equal(said, rows[i].first);
        assert_true(hear(rows[i].server_first));
        assert_string_equal(said, rows[i].final);
        assert_false(sasl_conclude(&exchange, slice_of(""), &error));
        assert_true(hear(rows[i].server_final));
        assert_string_equal(said, "");
        assert_true(sasl_conclude(&exchange, slice_of(""), &error));
        assert_false(hear(rows[i].server_final));
        assert_int_equal(error.exit_code, EX_PROTOCOL);
        sasl_end(&exchange);
        sasl_end(&exchange);
    }
    options.user = "user";
    options.secret = &pencil;
}

static void tells_what_it_can_bind_to(void **state)
{
    (void)state;
    static const struct {
        const struct sasl_mechanism *mechanism;
        unsigned bindings, refused;
        const char *offered, *header; /* NULL: it cannot begin */
    } rows[] = {
        {&sasl_scram_sha_256, 0, 0, PLUS, "n,,"},
        {&sasl_scram_sha_256, 3, 0, PLUS, "n,,"}, /* it was not taken, though it was there */
        {&sasl_scram_sha_256, 3, 0, "SCRAM-SHA-256 SCRAM-SHA-1-PLUS", "n,,"},
        {&sasl_scram_sha_256, 1, 0, "SCRAM-SHA-256 PLAIN", "y,,"},
        {&sasl_scram_sha_256, 2, 0, "SCRAM-SHA-256 PLAIN", "y,,"},
        {&sasl_scram_sha_256_plus, 1, 0, PLUS, "p=tls-exporter,,"},
        {&sasl_scram_sha_256_plus, 2, 0, PLUS, "p=tls-server-end-point,,"},
        {&sasl_scram_sha_256_plus, 3, 1, PLUS, "p=tls-server-end-point,,"},
        {&sasl_scram_sha_256_plus, 3, 3, PLUS, NULL},
        {&sasl_scram_sha_256_plus, 0, 0, PLUS, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bindings_available = rows[i].bindings;
        begin(rows[i].mechanism, OURS, rows[i].offered);
        exchange.refused_bindings = rows[i].refused;
        assert_int_equal(hear(""), rows[i].header != NULL);
        if (rows[i].header != NULL)
            assert_memory_equal(said, rows[i].header, strlen(rows[i].header));
        sasl_end(&exchange);
    }
    bindings_available = 0;
}

#define SALT  ",s=c2FsdA=="
#define NONCE "r=" OURS "x"

static void believes_no_first_message_but_a_good_one(void **state)
{
    (void)state;
    static const struct {
        const char *message;
        int exit_code;
        const char *words;
    } rows[] = {
        {NONCE SALT ",i=4096", EX_OK, ""},
        {NONCE SALT ",i=4096,a=later,Z=b=c", EX_OK, ""},
        {"", EX_PROTOCOL, "not SCRAM"},
        {"r=", EX_PROTOCOL, "not SCRAM"},
        {",", EX_PROTOCOL, "not SCRAM"},
        {"i=4096" SALT "," NONCE, EX_PROTOCOL, "not SCRAM"},
        {NONCE ",i=4096" SALT, EX_PROTOCOL, "not SCRAM"},
        {NONCE SALT, EX_PROTOCOL, "not SCRAM"},
        {NONCE ",s=,i=4096", EX_PROTOCOL, "not SCRAM"},
        {NONCE SALT ",i=4096,", EX_PROTOCOL, "not SCRAM"},
        {NONCE SALT ",i=4096,,a=b", EX_PROTOCOL, "not SCRAM"},
        {NONCE SALT ",i=4096,a", EX_PROTOCOL, "not SCRAM"},
        {NONCE SALT ",i=4096,1=b", EX_PROTOCOL, "not SCRAM"},
        {NONCE SALT ",i=", EX_PROTOCOL, "not SCRAM"},
        {NONCE SALT ",i=4096x", EX_PROTOCOL, "not SCRAM"},
        {NONCE SALT ",i=-4096", EX_PROTOCOL, "not SCRAM"},
        {NONCE SALT ",i=+4096", EX_PROTOCOL, "not SCRAM"},
        {NONCE SALT ",i=04096", EX_PROTOCOL, "not SCRAM"},
        {NONCE SALT ",i=99999999999999999999999", EX_PROTOCOL, "not SCRAM"},
        {NONCE ",s=c2FsdA=,i=4096", EX_PROTOCOL, "salt is not base64"},
        {NONCE ",s=c2FsdB==,i=4096", EX_PROTOCOL, "salt is not base64"},
        {NONCE ",s=c2 sdA==,i=4096", EX_PROTOCOL, "salt is not base64"},
        {"m=x," NONCE SALT ",i=4096", EX_PROTOCOL, "extension"},
        {"r=" OURS SALT ",i=4096", EX_PROTOCOL, "nonce does not continue ours"},
        {"r=rOprNGfwEbeRWgbNEkqX" SALT ",i=4096", EX_PROTOCOL, "nonce does not continue ours"},
        {"r=x" OURS SALT ",i=4096", EX_PROTOCOL, "nonce does not continue ours"},
        {"r=rOprN" SALT ",i=4096", EX_PROTOCOL, "nonce does not continue ours"},
        {NONCE " y" SALT ",i=4096", EX_PROTOCOL, "nonce does not continue ours"},
        {NONCE "\xc3\xa4" SALT ",i=4096", EX_PROTOCOL, "nonce does not continue ours"},
        {NONCE SALT ",i=1", EX_NOPERM, "iteration count is 1, and only 4096 to 1000000"},
        {NONCE SALT ",i=4095", EX_NOPERM, "iteration count is 4095"},
        {NONCE SALT ",i=1000001", EX_NOPERM, "iteration count is 1000001"},
        {NONCE SALT ",i=4294971392", EX_NOPERM, "iteration count is 4294971392"},
        {"e=unknown-user", EX_NOPERM, "refused by the server: unknown-user; check user"},
        {"e=no-resources", EX_TEMPFAIL, "no-resources"},
        {"e=\x1b[31m", EX_NOPERM, "refused by the server: \\x1b[31m"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        begin(&sasl_scram_sha_1, OURS, "SCRAM-SHA-1");
        assert_true(hear(""));
        bool good = hear(rows[i].message);
        if (error.exit_code != rows[i].exit_code || strstr(error.sentence, rows[i].words) == NULL)
            fail_msg("%s: %s", rows[i].message, error.sentence);
        assert_int_equal(good, rows[i].exit_code == EX_OK);
        assert_false(sasl_conclude(&exchange, slice_of(""), &error));
        sasl_end(&exchange);
    }
}

static void counts_a_nul_as_no_text(void **state)
{
    (void)state;
    static const char message[] = NONCE SALT ",i=4096,a=\0";
    struct text response;
    begin(&sasl_scram_sha_1, OURS, "SCRAM-SHA-1");
    assert_true(hear(""));
    text_init(&response, said, sizeof said);
    assert_false(
        sasl_respond(&exchange, slice_make(message, sizeof message - 1), &response, &error));
    assert_int_equal(error.exit_code, EX_PROTOCOL);
    sasl_end(&exchange);
}

static void believes_no_last_message_but_a_good_one(void **state)
{
    (void)state;
    static const struct {
        const char *message;
        int exit_code;
        const char *words;
    } rows[] = {
        {"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=", EX_OK, ""},
        {"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=,a=b", EX_OK, ""},
        {"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G5=", EX_PROTOCOL, "not SCRAM"},
        {"v=7rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=", EX_NOPERM, "could not prove"},
        {"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl9", EX_NOPERM, "could not prove"},
        {"v=6rri", EX_NOPERM, "could not prove"},
        {"v=", EX_PROTOCOL, "not SCRAM"},
        {"", EX_PROTOCOL, "not SCRAM"},
        {"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=,", EX_PROTOCOL, "not SCRAM"},
        {"V=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=", EX_PROTOCOL, "not SCRAM"},
        {"e=invalid-proof", EX_NOPERM, "invalid-proof; check user and its password"},
        {"e=invalid-proof,x=y", EX_NOPERM, "invalid-proof; check user and its password"},
        {"e=channel-bindings-dont-match", EX_NOPERM, "somebody may stand in between"},
        {"e=server-does-support-channel-binding", EX_NOPERM, "taken it out on the way"},
        {"e=", EX_NOPERM, "refused by the server"},
    };
    static const char first[] =
        "r=" OURS "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        begin(&sasl_scram_sha_256, OURS, "SCRAM-SHA-256");
        assert_true(hear(""));
        assert_true(hear(first));
        bool good = hear(rows[i].message);
        if (error.exit_code != rows[i].exit_code || strstr(error.sentence, rows[i].words) == NULL)
            fail_msg("%s: %s", rows[i].message, error.sentence);
        assert_int_equal(good, rows[i].exit_code == EX_OK);
        assert_int_equal(sasl_conclude(&exchange, slice_of(""), &error), good);
        sasl_end(&exchange);
    }
}

/* "v=6rri..." in base64, as some servers put it behind the 235. */
static void takes_the_proof_behind_the_235(void **state)
{
    (void)state;
    static const char good[] = "dj02cnJpVFJCaTIzV3BSUi93dHVwK21NaFVaVW4vZEI1bkxUSlJzamw5NUc0PQ==";
    static const char wrong[] = "dj03cnJpVFJCaTIzV3BSUi93dHVwK21NaFVaVW4vZEI1bkxUSlJzamw5NUc0PQ==";
    static const struct {
        int rounds;
        const char *words;
        bool accepted;
    } rows[] = {{2, good, true},  {2, wrong, false}, {2, "welcome", false}, {2, "", false},
                {1, good, false}, {1, "", false},    {0, good, false},      {2, "2.7.0 ok", false}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        begin(&sasl_scram_sha_256, OURS, "SCRAM-SHA-256");
        assert_true(rows[i].rounds < 1 || hear(""));
        assert_true(
            rows[i].rounds < 2 ||
            hear("r=" OURS "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"));
        assert_int_equal(sasl_conclude(&exchange, slice_of(rows[i].words), &error),
                         rows[i].accepted);
        assert_int_equal(error.exit_code, rows[i].accepted ? EX_OK : EX_NOPERM);
        sasl_end(&exchange);
    }
}

static void learns_which_bindings_are_refused(void **state)
{
    (void)state;
    bindings_available = 3;
    begin(&sasl_scram_sha_256_plus, OURS, PLUS);
    assert_true(hear(""));
    assert_false(hear("e=unsupported-channel-binding-type"));
    assert_int_equal(exchange.refused_bindings, 1u << CHANNEL_EXPORTER);
    sasl_end(&exchange);
    begin(&sasl_scram_sha_256, OURS, "SCRAM-SHA-256");
    assert_true(hear(""));
    assert_false(hear("e=unsupported-channel-binding-type"));
    assert_int_equal(exchange.refused_bindings, 0);
    sasl_end(&exchange);
    bindings_available = 0;
}

/* The 535 alone leaves open what it was, but for a reason in base64 behind it. */
static void explains_a_refusal(void **state)
{
    (void)state;
    static const struct {
        unsigned bindings;
        const char *said, *words;
    } rows[] = {
        {0, "no", "AUTH: no"},
        {1, "no", "AUTH: no"},
        {0, "ZT1pbnZhbGlkLXByb29m",
         "AUTH: no; refused by the server: invalid-proof; check user and its password"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bindings_available = rows[i].bindings;
        begin(&sasl_scram_sha_256, OURS, "SCRAM-SHA-256");
        assert_true(hear("") && hear(NONCE SALT ",i=4096"));
        error_set(&error, EX_NOPERM, "AUTH: no");
        sasl_explain(&exchange, slice_of(rows[i].said), &error);
        assert_string_equal(error.sentence, rows[i].words);
        sasl_end(&exchange);
    }
    bindings_available = 0;
}

static void takes_a_new_nonce_each_time(void **state)
{
    (void)state;
    char before[SASL_RESPONSE_SIZE];
    begin(&sasl_scram_sha_1, NULL, "SCRAM-SHA-1");
    assert_true(hear(""));
    assert_int_equal(strlen(said), strlen("n,,n=user,r=") + 24);
    text_copy(before, sizeof before, said);
    exchange.round = 0; /* asked for again, where the line would have been too long */
    assert_true(hear(""));
    assert_string_not_equal(said, before);
    sasl_end(&exchange);
}

static void says_what_it_cannot_normalise(void **state)
{
    (void)state;
    static struct sasl_secret ligature = {.bytes = "\xef\xac\x81", .length = 3};
    options.secret = &ligature;
    begin(&sasl_scram_sha_1, OURS, "SCRAM-SHA-1");
    assert_false(hear(""));
    assert_int_equal(error.exit_code, EX_CONFIG);
    assert_non_null(strstr(error.sentence, "the password holds"));
    sasl_end(&exchange);
    options.secret = &pencil;
    options.user = "\xff";
    begin(&sasl_scram_sha_1, OURS, "SCRAM-SHA-1");
    assert_false(hear(""));
    assert_non_null(strstr(error.sentence, "user holds"));
    sasl_end(&exchange);
    options.user = "user";
}

static void gives_up_when_it_takes_too_long(void **state)
{
    (void)state;
    begin(&sasl_scram_sha_512, OURS, "SCRAM-SHA-512");
    exchange.deadline = 0;
    assert_true(hear(""));
    assert_false(hear(NONCE SALT ",i=1000000"));
    assert_int_equal(error.exit_code, EX_TEMPFAIL);
    sasl_end(&exchange);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_what_the_rfcs_say),
        cmocka_unit_test(tells_what_it_can_bind_to),
        cmocka_unit_test(believes_no_first_message_but_a_good_one),
        cmocka_unit_test(counts_a_nul_as_no_text),
        cmocka_unit_test(believes_no_last_message_but_a_good_one),
        cmocka_unit_test(takes_the_proof_behind_the_235),
        cmocka_unit_test(learns_which_bindings_are_refused),
        cmocka_unit_test(explains_a_refusal),
        cmocka_unit_test(takes_a_new_nonce_each_time),
        cmocka_unit_test(says_what_it_cannot_normalise),
        cmocka_unit_test(gives_up_when_it_takes_too_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

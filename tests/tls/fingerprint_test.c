/* Goal: a fingerprint is read however people write it, half of one is refused, and it matches the
 * one certificate, or the one key, that it is of. */
#include "tls/fingerprint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/certificates.h"

#define HEX_30 "00112233445566778899aabbccddeeff00112233445566778899aabbccdd"
#define BASE64 "ABEiM0RVZneImaq7zN3u/wARIjNEVWZ3iJmqu8zd7v8="
#define GOOD   "sha256:" HEX_30 "eeff"
#define SHAPE                                                                                      \
    "must be sha256: with 64 hexadecimal digits, or spki: with the 44 "                            \
    "characters of a SHA-256 in base64, or several with blanks between them"

static void test_forms(void **state)
{
    static const char colons[] =
        "SHA256:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:"
        "BB:CC:DD:EE:FF";
    static const struct {
        const char *value;
        size_t count;
        bool of_key;
    } rows[] = {
        {NULL, 0, false},
        {GOOD, 1, false},
        {colons, 1, false},
        {"spki:" BASE64, 1, true},
        {"SPKI:" BASE64, 1, true},
        {"  " GOOD "\t spki:" BASE64 " ", 2, false},
        {GOOD " " GOOD " " GOOD " " GOOD " " GOOD " " GOOD " " GOOD " " GOOD, 8, false},
    };
    static const char octets[] = "\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff"
                                 "\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff";
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fingerprints read;
        struct error error = {0};
        assert_true(fingerprint_parse(rows[i].value, &read, &error));
        assert_int_equal(read.count, rows[i].count);
        for (size_t j = 0; j < read.count; j++)
            assert_memory_equal(read.list[j].sha256, octets, FINGERPRINT_OCTETS);
        if (read.count > 0)
            assert_int_equal(read.list[0].of_key, rows[i].of_key);
    }
}

static void test_refused(void **state)
{
    static const struct {
        const char *value, *sentence;
    } rows[] = {
        {"", "names no fingerprint"},
        {" ", "names no fingerprint"},
        {HEX_30 "eeff", SHAPE},
        {"md5:" HEX_30, SHAPE},
        {"sha256:", SHAPE},
        {"sha256:" HEX_30 "ee", SHAPE},
        {"sha256:" HEX_30 "eef", SHAPE},
        {"sha256:" HEX_30 "eeff0", SHAPE},
        {"sha256:" HEX_30 "eeff00", SHAPE},
        {"sha256:" HEX_30 "eeff:", SHAPE},
        {"sha256::" HEX_30 "eeff", SHAPE},
        {"sha256:" HEX_30 "e:eff", SHAPE},
        {"sha256:" HEX_30 "eefg", SHAPE},
        {"sha256:" HEX_30 "eef\xc6", SHAPE},
        {"sha256:" BASE64, SHAPE},
        {"spki:" HEX_30 "eeff", SHAPE},
        {"spki:", SHAPE},
        {"spki:ABEi", SHAPE},
        {"spki:" BASE64 "AAAA", SHAPE},
        {"spki:AAAA" BASE64, SHAPE},
        {GOOD "," GOOD, SHAPE},
        {GOOD " sha256:00", SHAPE},
        {GOOD " " GOOD " " GOOD " " GOOD " " GOOD " " GOOD " " GOOD " " GOOD " " GOOD,
         "more than 8 fingerprints"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fingerprints read;
        struct error error = {0};
        assert_false(fingerprint_parse(rows[i].value, &read, &error));
        assert_string_equal(error.sentence, rows[i].sentence);
        assert_int_equal(error.exit_code, EX_CONFIG);
    }
}

/* A renewed certificate keeps the key, and only that. */
static void test_renewal(void **state)
{
    struct certificate_request request = {.common_name = "Leaf", .names = "DNS:mail.example"};
    struct certificate old = certificate_issue(&request);
    struct certificate renewed = {old.key, X509_dup(old.x509)};
    struct certificate stranger = certificate_issue(&request);
    char bytes[2][128];
    struct text whole, key;
    struct fingerprints of_whole, of_key;
    struct error error = {0};
    (void)state;
    X509_gmtime_adj(X509_getm_notAfter(renewed.x509), 99L * 24 * 60 * 60);
    assert_true(X509_sign(renewed.x509, old.key, EVP_sha256()) > 0);
    text_init(&whole, bytes[0], sizeof bytes[0]);
    text_init(&key, bytes[1], sizeof bytes[1]);
    fingerprint_add(&whole, old.x509);
    fingerprint_add_key(&key, old.x509);
    assert_true(fingerprint_parse(whole.bytes, &of_whole, &error));
    assert_true(fingerprint_parse(key.bytes, &of_key, &error));
    assert_true(fingerprint_matches(&of_whole, old.x509));
    assert_true(fingerprint_matches(&of_key, old.x509));
    assert_false(fingerprint_matches(&of_whole, renewed.x509));
    assert_true(fingerprint_matches(&of_key, renewed.x509));
    assert_false(fingerprint_matches(&of_whole, stranger.x509));
    assert_false(fingerprint_matches(&of_key, stranger.x509));
    assert_false(fingerprint_matches(&of_key, NULL));
    /* The digest of one kind is none of the other. */
    of_whole.list[0].of_key = true;
    of_key.list[0].of_key = false;
    assert_false(fingerprint_matches(&of_whole, old.x509));
    assert_false(fingerprint_matches(&of_key, old.x509));
    X509_free(renewed.x509);
    certificate_free(&old);
    certificate_free(&stranger);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_renewal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Goal: digests, HMAC and PBKDF2 give what the RFCs say they give, for every hash and the odd
 * lengths; randomness differs; a deadline is kept. */
#include "tls/digest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

static void assert_hex(const struct digest *digest, const char *hex)
{
    char shown[2 * DIGEST_SIZE + 1] = "";
    for (size_t i = 0; i < digest->length; i++)
        snprintf(shown + 2 * i, 3, "%02x", (unsigned)(unsigned char)digest->bytes[i]);
    assert_string_equal(shown, hex);
}

/* RFC 1321 appendix A.5, FIPS 180-4. */
static void test_hash(void **state)
{
    (void)state;
    static const struct {
        enum digest_hash hash;
        const char *in, *hex;
    } rows[] = {
        {DIGEST_MD5, "", "d41d8cd98f00b204e9800998ecf8427e"},
        {DIGEST_MD5, "abc", "900150983cd24fb0d6963f7d28e17f72"},
        {DIGEST_SHA1, "abc", "a9993e364706816aba3e25717850c26c9cd0d89d"},
        {DIGEST_SHA256, "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {DIGEST_SHA512, "abc",
         "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
         "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct digest digest;
        struct error error;
        assert_true(digest_of(rows[i].hash, slice_of(rows[i].in), &digest, &error));
        assert_hex(&digest, rows[i].hex);
    }
}

/* RFC 2202 section 2, RFC 4231 section 4.3, and the empty key. */
static void test_hmac(void **state)
{
    (void)state;
    static const char what[] = "what do ya want for nothing?";
    static const struct {
        enum digest_hash hash;
        const char *key, *in, *hex;
    } rows[] = {
        {DIGEST_MD5, "Jefe", what, "750c783e6ab0b503eaa86e310a5db738"},
        {DIGEST_SHA1, "Jefe", what, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"},
        {DIGEST_SHA256, "Jefe", what,
         "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
        {DIGEST_SHA512, "Jefe", what,
         "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
         "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737"},
        {DIGEST_MD5, "", "", "74e6f7298a9c2d168935f58c001bad88"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct digest digest;
        struct error error;
        assert_true(digest_hmac(rows[i].hash, slice_of(rows[i].key), slice_of(rows[i].in), &digest,
                                &error));
        assert_hex(&digest, rows[i].hex);
    }
}

/* RFC 6070 section 2; the others by another implementation. */
static void test_stretch(void **state)
{
    (void)state;
    static const struct {
        enum digest_hash hash;
        uint32_t iterations;
        const char *hex;
    } rows[] = {
        {DIGEST_SHA1, 1, "0c60c80f961f0e71f3a9b524af6012062fe037a6"},
        {DIGEST_SHA1, 2, "ea6c014dc72d6f8ccd1ed92ace1d41f0d8de8957"},
        {DIGEST_SHA1, 4096, "4b007901b765489abead49d926f721d065a429c1"},
        {DIGEST_SHA256, 4096, "c5e478d59288c841aa530db6845c4c8d962893a001ce4e11a4963873aa98134a"},
        {DIGEST_SHA512, 4097,
         "aee38ede306178b83c71ac45e7606589b96860a45e1013c32560d8ccace25b77"
         "1a8c774ebc4f8641596a66c541d808b4551abe0a8d0ec9111ba4f27916b756b8"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct digest_stretch how = {.hash = rows[i].hash,
                                           .salt = slice_of("salt"),
                                           .iterations = rows[i].iterations,
                                           .deadline = INT64_MAX};
        struct digest digest;
        struct error error;
        assert_true(digest_stretch(&how, slice_of("password"), &digest, &error));
        assert_hex(&digest, rows[i].hex);
    }
}

static void test_deadline(void **state)
{
    (void)state;
    static const struct digest nothing;
    const struct digest_stretch how = {
        .hash = DIGEST_SHA512, .salt = slice_of("salt"), .iterations = 1000000, .deadline = 0};
    struct digest digest = {.length = 1};
    struct error error;
    assert_false(digest_stretch(&how, slice_of("password"), &digest, &error));
    assert_int_equal(error.exit_code, EX_TEMPFAIL);
    assert_memory_equal(&digest, &nothing, sizeof nothing);
}

static void test_random(void **state)
{
    (void)state;
    char a[32] = "", b[32] = "";
    struct error error;
    assert_true(digest_random(a, sizeof a, &error));
    assert_true(digest_random(b, sizeof b, &error));
    assert_memory_not_equal(a, b, sizeof a);
}

static void test_equals(void **state)
{
    (void)state;
    assert_true(digest_equals(slice_of(""), slice_make(NULL, 0)));
    assert_true(digest_equals(slice_of("same"), slice_of("same")));
    assert_false(digest_equals(slice_of("same"), slice_of("samf")));
    assert_false(digest_equals(slice_of("same"), slice_of("sam")));
}

static void test_wipe(void **state)
{
    (void)state;
    char bytes[4] = "abc";
    digest_wipe(bytes, 3);
    assert_memory_equal(bytes, "\0\0\0", 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hash),    cmocka_unit_test(test_hmac),
        cmocka_unit_test(test_stretch), cmocka_unit_test(test_deadline),
        cmocka_unit_test(test_random),  cmocka_unit_test(test_equals),
        cmocka_unit_test(test_wipe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Goal: the checksum is CRC-32C, into whatever pieces the bytes are cut, and no error of one or two
 * bits escapes it. */
#include "base/checksum.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* RFC 3720 appendix B.4; "123456789" is the catalogue's check value. */
static void test_known_values(void **state)
{
    char bytes[32];
    (void)state;
    assert_int_equal(checksum_add(0, slice_of("")), 0);
    assert_int_equal(checksum_add(0, slice_of("123456789")), 0xe3069283);
    memset(bytes, 0, sizeof bytes);
    assert_int_equal(checksum_add(0, slice_make(bytes, sizeof bytes)), 0x8a9136aa);
    memset(bytes, 0xff, sizeof bytes);
    assert_int_equal(checksum_add(0, slice_make(bytes, sizeof bytes)), 0x62a8ab43);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)i;
    assert_int_equal(checksum_add(0, slice_make(bytes, sizeof bytes)), 0x46dd794e);
}

/* A bit at a time, as the definition has it. */
static uint32_t naive(const char *bytes, size_t length)
{
    uint32_t sum = 0xffffffff;
    for (size_t i = 0; i < length; i++) {
        sum ^= (unsigned char)bytes[i];
        for (int bit = 0; bit < 8; bit++)
            sum = sum >> 1 ^ ((sum & 1) != 0 ? 0x82f63b78 : 0);
    }
    return ~sum;
}

static void fill(char *bytes, size_t length)
{
    uint32_t random = 1;
    for (size_t i = 0; i < length; i++) {
        random = random * 1664525 + 1013904223;
        bytes[i] = (char)(random >> 24);
    }
}

/* Every octet at every place among eight, every length and every cut. */
static void test_pieces(void **state)
{
    char bytes[600];
    (void)state;
    fill(bytes, sizeof bytes);
    for (size_t length = 0; length <= sizeof bytes; length++)
        assert_int_equal(checksum_add(0, slice_make(bytes, length)), naive(bytes, length));
    for (size_t cut = 0; cut <= 64; cut++) {
        uint32_t sum = checksum_add(0, slice_make(bytes, cut));
        sum = checksum_add(sum, slice_make(bytes + cut, sizeof bytes - cut));
        assert_int_equal(sum, naive(bytes, sizeof bytes));
    }
    for (size_t octet = 0; octet < 256; octet++)
        for (size_t place = 0; place < 8; place++) {
            char eight[8] = {0};
            eight[place] = (char)octet;
            assert_int_equal(checksum_add(0, slice_make(eight, 8)), naive(eight, 8));
        }
}

static void test_flips_are_seen(void **state)
{
    char bytes[40];
    (void)state;
    fill(bytes, sizeof bytes);
    uint32_t good = checksum_add(0, slice_make(bytes, sizeof bytes));
    for (size_t first = 0; first < 8 * sizeof bytes; first++)
        for (size_t second = first; second < 8 * sizeof bytes; second++) {
            bytes[first / 8] ^= (char)(1 << first % 8);
            if (second != first)
                bytes[second / 8] ^= (char)(1 << second % 8);
            assert_int_not_equal(checksum_add(0, slice_make(bytes, sizeof bytes)), good);
            fill(bytes, sizeof bytes);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_values),
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_flips_are_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

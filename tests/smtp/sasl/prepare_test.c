/* Goal: what passes is what SASLprep (RFC 4013) leaves as it is; what it would change or prohibit,
 * and what is not text, does not. */
#include "smtp/sasl/prepare.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void keeps(void **state)
{
    (void)state;
    static const struct {
        const char *string;
        bool kept;
        const char *why;
    } rows[] = {
        {"", true, "nothing"},
        {"user", true, "ASCII (RFC 4013 section 3)"},
        {"USER", true, "case stays (section 3)"},
        {" p w ", true, "blanks stay"},
        {"~!\"#$%&'", true, "ASCII"},
        {"\x7f", false, "a control character (section 3)"},
        {"a\tb", false, "a control character"},
        {"I\xc2\xadX", false, "a soft hyphen, mapped to nothing (section 3)"},
        {"\xc2\xaa", false, "becomes an a (section 3)"},
        {"\xe2\x85\xa8", false, "becomes IX (section 3)"},
        {"\xd8\xa7\x31", false, "written from right to left (section 3)"},
        {"\xc2\xa0", false, "a no-break space"},
        {"p\xc3\xa4ss", true, "a letter of Latin-1"},
        {"pa\xcc\x88ss", false, "the same in two pieces"},
        {"\xc3\x97\xc3\xbf", true, "the end of Latin-1"},
        {"\xc2\xb5", false, "becomes another mu"},
        {"\xc4\xb3", false, "a ligature"},
        {"\xc5\xbf", false, "a long s"},
        {"\xce\xa9\xd0\x96", true, "Greek and Cyrillic"},
        {"\xe2\x82\xac", true, "the euro"},
        {"\xe2\x80\xa6", false, "becomes three dots"},
        {"\xe6\xbc\xa2\xed\x95\x9c", true, "Han and Hangul"},
        {"\xe1\x84\x80\xe1\x85\xa1", false, "Hangul in pieces"},
        {"\xf0\x9f\x98\x80", false, "not in Unicode 3.2"},
        {"\xff", false, "no UTF-8"},
        {"\xc3", false, "a piece of UTF-8"},
        {"\xed\xa0\x80", false, "a surrogate"},
        {"\xef\xbb\xbf", false, "a byte order mark"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (prepare_keeps(slice_of(rows[i].string)) != rows[i].kept)
            fail_msg("%s", rows[i].why);
    assert_false(prepare_keeps(slice_make("a\0b", 3)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(keeps)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

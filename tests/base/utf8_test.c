/* Goal: what is UTF-8 and what is not, in one piece and wherever the text is cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/utf8.h"

static bool check_cut(struct slice text, size_t first, size_t second)
{
    struct utf8 utf8 = {0};
    utf8_add(&utf8, slice_to(text, first));
    utf8_add(&utf8, slice_from(slice_to(text, second), first));
    utf8_add(&utf8, slice_from(text, second));
    return utf8_ended_well(&utf8);
}

static void cuts_make_no_difference(void **state)
{
    static const struct {
        struct slice text;
        bool valid;
    } rows[] = {
        {{"", 0}, true},
        {{"plain", 5}, true},
        {{"gr\xc3\xbc\xc3\x9f", 6}, true},
        {{"\xc2\x80", 2}, true},
        {{"\xdf\xbf", 2}, true},
        {{"\xe0\xa0\x80", 3}, true},
        {{"\xed\x9f\xbf", 3}, true},
        {{"\xee\x80\x80", 3}, true},
        {{"\xef\xbf\xbf", 3}, true},
        {{"\xf0\x90\x80\x80", 4}, true},
        {{"\xf4\x8f\xbf\xbf", 4}, true},
        {{"12345678\xe2\x82\xac"
          "12345678",
          19},
         true},
        {{"\x80", 1}, false}, /* a continuation alone */
        {{"\xc3", 1}, false}, /* cut */
        {{"\xe2\x82", 2}, false},
        {{"\xf0\x9f\x98", 3}, false},
        {{"\xc3(", 2}, false}, /* not a continuation */
        {{"\xe2\x82(", 3}, false},
        {{"\xc0\x80", 2}, false}, /* overlong */
        {{"\xc1\xbf", 2}, false},
        {{"\xe0\x9f\xbf", 3}, false},
        {{"\xf0\x8f\xbf\xbf", 4}, false},
        {{"\xed\xa0\x80", 3}, false}, /* surrogates */
        {{"\xed\xbf\xbf", 3}, false},
        {{"\xf4\x90\x80\x80", 4}, false}, /* above U+10FFFF */
        {{"\xf5\x80\x80\x80", 4}, false},
        {{"\xff", 1}, false},
        {{"a\xc3\xbc\xe2\x82\xac\xf0\x9f\x93\xa7z", 11}, true},
        {{"\xed\x9f\xbf\xee\x80\x80", 6}, true},
        {{"\xc0\xaf", 2}, false},
        {{"caf\xe9 au lait", 12}, false},
        {{"\0\xc3\xbc\0", 4}, true}, /* NUL is a character */
        {{NULL, 0}, true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct slice text = rows[i].text;
        assert_int_equal(utf8_is_valid(text), rows[i].valid);
        for (size_t first = 0; first <= text.length; first++) {
            for (size_t second = first; second <= text.length; second++)
                assert_int_equal(check_cut(text, first, second), rows[i].valid);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(cuts_make_no_difference)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

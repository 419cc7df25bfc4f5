/* Goal: the checker in pieces says the same as the one for whole slices, wherever text is cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "message/utf8.h"

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
        {{"a\xc3\xbc\xe2\x82\xac\xf0\x9f\x93\xa7z", 11}, true},
        {{"\xf4\x8f\xbf\xbf", 4}, true},
        {{"\xed\x9f\xbf\xee\x80\x80", 6}, true},
        {{"\xc3", 1}, false},
        {{"\xe2\x82", 2}, false},
        {{"\x80", 1}, false},
        {{"\xc0\xaf", 2}, false},
        {{"\xe0\x9f\xbf", 3}, false},
        {{"\xed\xa0\x80", 3}, false},
        {{"\xf0\x8f\xbf\xbf", 4}, false},
        {{"\xf4\x90\x80\x80", 4}, false},
        {{"\xf5\x80\x80\x80", 4}, false},
        {{"caf\xe9 au lait", 12}, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct slice text = rows[i].text;
        assert_int_equal(slice_is_utf8(text), rows[i].valid);
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

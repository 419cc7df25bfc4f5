/* Goal: a message ends where its framing says and nowhere else, its dots are taken off, and a line
 * end of another kind is seen, however the octets are cut into pieces. */
#include "smtp/framing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"

/* Takes `piece`; how much of it the message used. */
static size_t take(struct framing *framing, struct slice piece, struct buffer *out)
{
    struct slice rest = piece;
    while (rest.length > 0 && !framing->ended)
        buffer_add(out, framing_next(framing, &rest));
    return piece.length - rest.length;
}

static void data(void **state)
{
    static const struct {
        bool line_feed_only;
        const char *input, *message; /* the message is compared where it is not mixed */
        size_t used;
        bool ended, mixed;
    } rows[] = {
        {false, ".\r\nQUIT", "", 3, true, false},
        {false, "a\r\n.\r\n.\r\n", "a\r\n", 6, true, false},
        {false, "..\r\n.a\r\n.\r\n", ".\r\na\r\n", 11, true, false},
        {false, "a.\r\n.\r\n", "a.\r\n", 7, true, false},
        {false, "a\r\n.", "a\r\n", 4, false, false},
        {false, "a\r\n.\r", "a\r\n", 5, false, false},
        {false, "a\r", "a\r", 2, false, false},
        {false, ".\n", "", 2, false, true},
        {false, ".\r.\r\n", "", 5, false, true},
        {false, ".\r\r\n.\r\n", "", 7, true, true},
        {false, "a\n.\r\n", "", 5, false, true},
        {false, "a\r.\r\n.\r\n", "", 8, true, true},
        {false, "\r\r\n.\r\n", "", 6, true, true},
        {false, "\n\r\n.\r\n", "", 6, true, true},
        {true, ".\nQUIT", "", 2, true, false},
        {true, "a\n..b\n.\n", "a\n.b\n", 8, true, false},
        {true, "a\n.", "a\n", 3, false, false},
        {true, "a\n.\r\n", "", 5, false, true},
        {true, "a\r\n.\n", "", 5, true, true},
        {true, "\r.\n.\n", "", 5, true, true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct slice input = slice_of(rows[i].input);
        for (size_t first = 0; first <= input.length; first++) {
            struct framing framing = {.line_feed_only = rows[i].line_feed_only};
            struct buffer out = {0};
            size_t used = take(&framing, slice_to(input, first), &out);
            if (used == first)
                used += take(&framing, slice_from(input, first), &out);
            assert_int_equal(used, rows[i].used);
            assert_int_equal(framing.ended, rows[i].ended);
            assert_int_equal(framing.mixed, rows[i].mixed);
            assert_true(framing.mixed ||
                        slice_equals(buffer_slice(&out), slice_of(rows[i].message)));
            buffer_free(&out);
        }
    }
}

static void chunks(void **state)
{
    static const struct {
        bool line_feed_only;
        const char *input;
        bool mixed;
    } rows[] = {
        {false, "", false},          {false, "a", false},     {false, ".\r\n.\r\n", false},
        {false, "a\r\n\r\n", false}, {false, "a\n", true},    {false, "a\r", true},
        {false, "a\rb", true},       {false, "\r\r\n", true}, {false, "\r\n\n", true},
        {true, ".\n\n", false},      {true, "a\r\n", true},   {true, "\r", true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct slice input = slice_of(rows[i].input);
        for (size_t first = 0; first <= input.length; first++) {
            struct framing framing = {.line_feed_only = rows[i].line_feed_only};
            framing_look(&framing, slice_to(input, first));
            framing_look(&framing, slice_from(input, first));
            framing_look_last(&framing);
            assert_int_equal(framing.mixed, rows[i].mixed);
            assert_false(framing.ended);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(data),
        cmocka_unit_test(chunks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

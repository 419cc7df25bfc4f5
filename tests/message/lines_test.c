/* Goal: lines come out of a store whole where they can, in pieces where they are longer, none lost,
 * wherever blocks end; and a survey of them does not depend on the pieces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "message/lines.h"
#include "message/survey.h"

static void fill(struct buffer *text)
{
    static const size_t lengths[] = {0, 1, 70, 998, 999, 5000, LINES_PIECE, LINES_PIECE - 2};
    for (size_t lines = 0; lines < 300; lines++) {
        size_t length = lengths[(size_t)rand() % (lines % 50 == 0 ? 8 : 5)];
        for (size_t i = 0; i < length; i++)
            buffer_add_byte(text, (char)('a' + i % 26));
        buffer_add_string(text, "\r\n");
    }
}

static void lines_come_whole(void **state)
{
    (void)state;
    srand(1);
    for (size_t round = 0; round < 20; round++) {
        struct buffer text = {0}, out = {0};
        struct store store;
        struct error error = {0};
        struct lines lines;
        struct lines_piece piece;
        bool inside = false;
        store_init(&store, NULL);
        fill(&text);
        assert_true(store_append(&store, slice_of("before"), &error));
        assert_true(store_append(&store, buffer_slice(&text), &error));
        assert_true(lines_open(&lines, &store, (struct extent){6, text.length}, &error));
        while (lines_next(&lines, &piece, &error) && piece.octets.length > 0) {
            assert_int_equal(piece.starts_line, !inside);
            assert_int_equal(piece.offset, 6 + out.length);
            assert_int_equal(piece.ends, piece.octets.bytes[piece.octets.length - 1] == '\n');
            assert_true(piece.ends || piece.octets.length == LINES_PIECE);
            inside = !piece.ends;
            buffer_add(&out, piece.octets);
        }
        lines_close(&lines);
        assert_true(slice_equals(buffer_slice(&out), buffer_slice(&text)));
        store_free(&store);
        buffer_free(&text);
        buffer_free(&out);
    }
}

static void a_survey_does_not_depend_on_pieces(void **state)
{
    static const struct {
        struct slice text;
        uint64_t longest, to_quote;
        bool has_8bit, has_nul, dense;
    } rows[] = {
        {{"", 0}, 0, 0, false, false, false},
        {{"\r\nabc\r\nd\r\n", 10}, 3, 0, false, false, false},
        {{"a=\xc3\xbc\r\nb", 7}, 4, 3, true, false, true},
        {{"abcdefg\0\r\n", 10}, 8, 1, false, true, true},
        {{"a\r\nabcde", 8}, 5, 0, false, false, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (size_t step = 1; step < 12; step++) {
            struct survey survey = {0};
            for (size_t j = 0; j < rows[i].text.length; j += step)
                survey_add(&survey, slice_to(slice_from(rows[i].text, j), step));
            assert_int_equal(survey_longest(&survey), rows[i].longest);
            assert_int_equal(survey.to_quote, rows[i].to_quote);
            assert_int_equal(survey.length, rows[i].text.length);
            assert_int_equal(survey.has_8bit, rows[i].has_8bit);
            assert_int_equal(survey.has_nul, rows[i].has_nul);
            assert_int_equal(survey_is_dense(&survey), rows[i].dense);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_come_whole),
        cmocka_unit_test(a_survey_does_not_depend_on_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

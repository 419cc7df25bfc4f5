/* Goal: whatever a value is made of, its lines fit, and it cannot start a field of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "message/fold.h"

struct result {
    char bytes[8192];
    bool wrote_8bit;
};

static void write_field(struct slice value, enum field_kind kind, bool utf8, struct result *result)
{
    struct store store;
    struct fold fold;
    struct error error = {0};
    store_init(&store, NULL);
    fold_open(&fold, &store, utf8, &error);
    fold_begin(&fold, slice_of("Name"), kind);
    assert_int_equal(fold_column(&fold), 5);
    for (size_t i = 0; i < value.length; i += 3)
        fold_add(&fold, slice_to(slice_from(value, i), 3));
    fold_end(&fold);
    result->wrote_8bit = fold.wrote_8bit;
    assert_true(fold_close(&fold));
    size_t size = (size_t)store_size(&store);
    assert_true(size < sizeof result->bytes);
    assert_true(store_read(&store, 0, result->bytes, size, &error));
    result->bytes[size] = '\0';
    store_free(&store);
}

static void values_cannot_escape(void **state)
{
    static const struct {
        struct slice value;
        const char *ascii;
    } rows[] = {
        {{"", 0}, "Name:\r\n"},
        {{" a\r\n b\r\n\tc", 10}, "Name: a\r\n b\r\n\tc\r\n"},
        {{" a\r\nBcc: x", 10}, "Name: a Bcc: x\r\n"},
        {{" a\nb\rc\r\n\r\n d", 12}, "Name: a bc\r\n d\r\n"},
        {{" a\r\n", 4}, "Name: a\r\n"},
        {{" a\r\n \r\n\t \r\n b", 13}, "Name: a\r\n b\r\n"},
        {{" a\0b\xff", 5}, "Name: a b?\r\n"},
    };
    struct result result;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        write_field(rows[i].value, FIELD_UNSTRUCTURED, false, &result);
        assert_string_equal(result.bytes, rows[i].ascii);
        assert_false(result.wrote_8bit);
    }
    write_field(slice_of(" \xc3\xbc"), FIELD_UNSTRUCTURED, true, &result);
    assert_string_equal(result.bytes, "Name: \xc3\xbc\r\n");
    assert_true(result.wrote_8bit);
}

static void lines_are_folded_only_where_needed(void **state)
{
    static const struct {
        const char *piece;
        size_t octets; /* of the value */
        enum field_kind kind;
        size_t longest; /* line that comes out */
    } rows[] = {
        {" word", 990, FIELD_UNSTRUCTURED, 995}, {" word", 1000, FIELD_UNSTRUCTURED, 75},
        {"x", 993, FIELD_UNSTRUCTURED, 998},     {"x", 994, FIELD_UNSTRUCTURED, 995},
        {"x,", 1000, FIELD_UNSTRUCTURED, 997},   {"x,", 1000, FIELD_ADDRESSES, 77},
        {"x;", 1000, FIELD_STRUCTURED, 77},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        static char value[1100];
        struct result result;
        size_t longest = 0, period = strlen(rows[i].piece);
        for (size_t j = 0; j < rows[i].octets; j++)
            value[j] = rows[i].piece[j % period];
        write_field(slice_make(value, rows[i].octets), rows[i].kind, false, &result);
        struct slice rest = slice_of(result.bytes), line;
        while (slice_cut(&rest, '\n', &line))
            longest = line.length - 1 > longest ? line.length - 1 : longest;
        assert_int_equal(longest, rows[i].longest);
    }
}

static void quoted_strings_are_not_torn(void **state)
{
    char value[1100];
    struct result result;
    (void)state;
    memset(value, ',', sizeof value);
    memcpy(value, " a, \"\\\"", 7);
    value[900] = '"';
    write_field(slice_make(value, 1000), FIELD_ADDRESSES, false, &result);
    const char *quote = strchr(result.bytes, '"');
    assert_non_null(quote);
    assert_true((size_t)(strchr(quote, '\r') - quote) > 890);
}

static void failures_stay(void **state)
{
    struct store store;
    struct fold fold;
    struct error error = {0};
    char value[1000];
    (void)state;
    memset(value, 'x', sizeof value);
    store_init(&store, "/nonexistent/directory");
    fold_open(&fold, &store, false, &error);
    for (size_t i = 0; i < 400; i++) {
        fold_begin(&fold, slice_of("Name"), FIELD_UNSTRUCTURED);
        fold_add(&fold, slice_make(value, sizeof value));
        fold_end(&fold);
    }
    assert_false(fold_close(&fold));
    assert_int_equal(error.exit_code, EX_CANTCREAT);
    store_free(&store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_cannot_escape),
        cmocka_unit_test(lines_are_folded_only_where_needed),
        cmocka_unit_test(quoted_strings_are_not_torn),
        cmocka_unit_test(failures_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

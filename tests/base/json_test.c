/* Goal: whatever a value holds, the text is one legal JSON value in printable ASCII. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"

static struct buffer out;

static const char *written(void)
{
    buffer_add_byte(&out, '\0');
    assert_false(out.failed);
    return out.bytes;
}

static int tear_down(void **state)
{
    (void)state;
    buffer_free(&out);
    return 0;
}

static void test_strings(void **state)
{
    static const struct {
        const char *value, *written;
    } rows[] = {
        {"", "\"\""},
        {NULL, "null"},
        {"a b", "\"a b\""},
        {"say \"x\\y\"", "\"say \\\"x\\\\y\\\"\""},
        {"a\r\n\x1b\x7f", "\"a\\u000d\\u000a\\u001b\\u007f\""},
        {"\xc3\xbc\xf0\x9f\x98\x80", "\"\\u00fc\\ud83d\\ude00\""},
        {"\xff<", "\"\\u00ff<\""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct json json = {.out = &out};
        buffer_clear(&out);
        json_string(&json, NULL, rows[i].value);
        assert_string_equal(written(), rows[i].written);
    }
}

static void test_structure(void **state)
{
    struct json json = {.out = &out};
    (void)state;
    buffer_clear(&out);
    json_open(&json, NULL, '{');
    json_number(&json, "number", INT64_MIN);
    json_open(&json, "list", '[');
    json_close(&json, ']');
    json_open(&json, "objects", '[');
    json_open(&json, NULL, '{');
    json_truth(&json, "no", false);
    json_close(&json, '}');
    json_number(&json, NULL, 2);
    json_close(&json, ']');
    json_null(&json, "nothing");
    json_known(&json, "unknown", "");
    json_words(&json, "words", " a  b ");
    json_close(&json, '}');
    assert_string_equal(written(),
                        "{\"number\": -9223372036854775808, \"list\": [], \"objects\": [{\"no\": "
                        "false}, 2], \"nothing\": null, \"unknown\": null, \"words\": [\"a\", "
                        "\"b\"]}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_structure),
    };
    return cmocka_run_group_tests(tests, NULL, tear_down);
}

/* Goal: one entry is one object in one line of printable ASCII, whatever it holds, with what is not
 * known as null. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "agent/mailq_json.h"

static struct buffer out;

static int tear_down(void **state)
{
    (void)state;
    buffer_free(&out);
    return 0;
}

static void assert_written(const struct mailq_item *item, const char *line)
{
    buffer_clear(&out);
    mailq_json_write(item, &out);
    buffer_add_byte(&out, '\0');
    assert_false(out.failed);
    assert_string_equal(out.bytes, line);
}

static void test_entry(void **state)
{
    struct recipient recipients[] = {
        {.address = "bob@example.net", .state = RECIPIENT_DEFERRED, .reply = "450 4.2.1 \"busy\""},
        {.address = "a\n\xc3\xbc@example.net", .state = RECIPIENT_PENDING}};
    struct entry entry = {.about = {.created = 1700000000, .account = "work"},
                          .envelope = {.sender = "", .recipients = recipients, .count = 2},
                          .tries = 1,
                          .last_try = 1700000060,
                          .reason = "later\x1b"};
    struct mailq_item item = {.state = MAILQ_IN_HAND,
                              .id = "0123456789abcdEF",
                              .owner = 1000,
                              .size = 5,
                              .entry = &entry};
    (void)state;
    assert_written(
        &item,
        "{\"id\": \"0123456789abcdEF\", \"state\": \"in hand\", \"uid\": 1000, \"size\": 5, "
        "\"arrived\": \"2023-11-14T22:13:20Z\", \"sender\": \"\", \"account\": \"work\", "
        "\"report\": false, \"held\": false, \"tries\": 1, \"last_try\": "
        "\"2023-11-14T22:14:20Z\", \"next_try\": null, \"reason\": \"later\\u001b\", "
        "\"recipients\": [{\"address\": \"bob@example.net\", \"state\": \"deferred\", \"reply\": "
        "\"450 4.2.1 \\\"busy\\\"\"}, {\"address\": \"a\\u000a\\u00fc@example.net\", \"state\": "
        "\"pending\", \"reply\": null}]}\n");
}

static void test_damaged(void **state)
{
    struct mailq_item item = {.state = MAILQ_DAMAGED,
                              .id = "0123456789abcdEF",
                              .size = UINT64_MAX,
                              .problem = "two links"};
    (void)state;
    assert_written(&item, "{\"id\": \"0123456789abcdEF\", \"state\": \"damaged\", \"uid\": 0, "
                          "\"size\": 9223372036854775807, \"problem\": \"two links\"}\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_entry),
        cmocka_unit_test(test_damaged),
    };
    return cmocka_run_group_tests(tests, NULL, tear_down);
}

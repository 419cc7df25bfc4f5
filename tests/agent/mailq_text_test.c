/* Goal: the listing has the columns and the last line that people and monitoring know, says why
 * something waits and when it is tried, and shows nothing of an entry unescaped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "agent/mailq_text.h"

enum { NOW = 1700000000 };

static struct buffer out;
static struct recipient recipients[3];
static struct entry entry;

static struct mailq_item make(enum mailq_state state, int64_t next)
{
    memset(recipients, 0, sizeof recipients);
    recipients[0].address = "bob@example.net";
    entry = (struct entry){
        .about.created = NOW - 7800,
        .envelope = {.sender = "alice@example.com", .recipients = recipients, .count = 1},
        .size = 2458,
        .fd = -1};
    return (struct mailq_item){.state = state,
                               .id = "0123456789abcdEF",
                               .owner = 1000,
                               .size = 2458,
                               .now = NOW,
                               .next = next,
                               .entry = &entry};
}

static void assert_written(const char *text)
{
    buffer_add_byte(&out, '\0');
    assert_false(out.failed);
    assert_string_equal(out.bytes, text);
    buffer_clear(&out);
}

static void test_one_that_waits(void **state)
{
    struct mailq_item item = make(MAILQ_WAITING, NOW + 245);
    (void)state;
    entry.tries = 3;
    entry.reason = "connect: nobody answers (smtp.example.com:587)";
    mailq_text_write_heading(&out);
    mailq_text_write(&item, &out);
    assert_written(
        "-Id-------------- ----Size ----Arrived--------- -Sender, recipients----------\n"
        "0123456789abcdEF      2458 Tue Nov 14 20:03:20  alice@example.com\n"
        "                  (connect: nobody answers (smtp.example.com:587); 3 tries in 2h10m, next "
        "try in 4m)\n"
        "                                                bob@example.net\n"
        "\n");
}

static void test_marks_and_prospects(void **state)
{
    static const struct {
        enum mailq_state state;
        int64_t next;
        const char *mark, *words;
    } rows[] = {
        {MAILQ_WAITING, 0, "abcdEF ", "(due)"},
        {MAILQ_WAITING, NOW + 59, "abcdEF ", "(next try in 59s)"},
        {MAILQ_WAITING, NOW + 3600, "abcdEF ", "(next try in 1h)"},
        {MAILQ_WAITING, NOW + 183600, "abcdEF ", "(next try in 2d3h)"},
        {MAILQ_IN_HAND, 0, "abcdEF* ", "(tried just now)"},
        {MAILQ_HELD, 0, "abcdEF! ", "(held)"},
        {MAILQ_FAILED, 0, "abcdEF# ", "(failed for good)"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct mailq_item item = make(rows[i].state, rows[i].next);
        mailq_text_write(&item, &out);
        buffer_add_byte(&out, '\0');
        if (strstr(out.bytes, rows[i].mark) == NULL || strstr(out.bytes, rows[i].words) == NULL)
            fail_msg("%s, %s: %s", rows[i].mark, rows[i].words, out.bytes);
        buffer_clear(&out);
    }
}

static void test_damaged(void **state)
{
    struct mailq_item item = make(MAILQ_DAMAGED, 0);
    (void)state;
    item.entry = NULL;
    item.problem = "two links";
    mailq_text_write(&item, &out);
    assert_written("0123456789abcdEF?     2458 uid 1000\n"
                   "                  (two links)\n\n");
}

static void test_recipients(void **state)
{
    struct mailq_item item = make(MAILQ_WAITING, 0);
    (void)state;
    entry.envelope.count = 3;
    recipients[0].state = RECIPIENT_DEFERRED;
    recipients[0].reply = "450 4.2.1 busy";
    recipients[1] = (struct recipient){.address = "carol@example.net", .state = RECIPIENT_ACCEPTED};
    recipients[2] = (struct recipient){.address = "dora@example.net", .state = RECIPIENT_REFUSED};
    entry.envelope.sender = "";
    mailq_text_write(&item, &out);
    assert_written("0123456789abcdEF      2458 Tue Nov 14 20:03:20  <>\n"
                   "                  (due)\n"
                   "                                                bob@example.net\n"
                   "                  (450 4.2.1 busy)\n"
                   "                                                dora@example.net\n"
                   "                                                (1 more got it)\n"
                   "\n");
}

/* Whatever was planted there. */
static void test_hostile(void **state)
{
    struct mailq_item item = make(MAILQ_WAITING, 0);
    char *endless = malloc(100001);
    (void)state;
    assert_non_null(endless);
    memset(endless, 'x', 100000);
    endless[100000] = '\0';
    entry.envelope.sender = "\x1b[2J\n-- 0 Kbytes in 0 Requests.";
    entry.reason = endless;
    recipients[0].address = "\"a\r\nb\"@\x9b\xc3\xbc";
    recipients[0].reply = "\x07\\x";
    mailq_text_write(&item, &out);
    mailq_text_write_details(&item, &out);
    free(endless);
    for (size_t i = 0; i < out.length; i++) {
        char byte = out.bytes[i];
        assert_true(byte == '\n' || (byte >= ' ' && byte < 0x7f));
        if (byte == '\n' && i + 1 < out.length)
            assert_int_not_equal(out.bytes[i + 1], '-');
    }
    assert_true(out.length < 4096);
    buffer_clear(&out);
}

/* A sentence was escaped when it was recorded, and is not once more. */
static void test_escaped_once(void **state)
{
    struct mailq_item item = make(MAILQ_WAITING, 0);
    (void)state;
    entry.reason = "450 \\x1b";
    mailq_text_write(&item, &out);
    buffer_add_byte(&out, '\0');
    assert_non_null(strstr(out.bytes, "(450 \\x1b; due)"));
    buffer_clear(&out);
}

static void test_outage(void **state)
{
    struct outage outage = {.smarthost = "smtp.example.com",
                            .failures = 2,
                            .next = NOW + 60,
                            .reason = "connect: nobody answers"};
    (void)state;
    mailq_text_write_outage(&outage, NOW, &out);
    assert_written("No connection to smtp.example.com, 2 tries; next try in 1m: connect: nobody "
                   "answers\n");
    outage.reason = NULL;
    outage.failures = 1;
    mailq_text_write_outage(&outage, NOW + 61, &out);
    assert_written("No connection to smtp.example.com, 1 try; due\n");
}

static void test_ends(void **state)
{
    static const struct {
        struct mailq_totals totals;
        const char *text;
    } rows[] = {
        {{0}, "Mail queue is empty\n"},
        {{.waiting = 1, .octets = 1}, "-- 1 Kbytes in 1 Request.\n"},
        {{.waiting = 2, .octets = 2048}, "-- 2 Kbytes in 2 Requests.\n"},
        {{.waiting = 100000, .octets = UINT64_MAX},
         "-- 18014398509481984 Kbytes in 100000 Requests.\n"},
        {{.failed = 1, .damaged = 2},
         "1 failed for good, marked #.\n2 damaged, set aside in /q/damaged.\nMail queue is "
         "empty\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        mailq_text_write_end(&rows[i].totals, "/q", &out);
        assert_written(rows[i].text);
    }
}

static void test_details(void **state)
{
    struct mailq_item item = make(MAILQ_WAITING, NOW + 60);
    (void)state;
    entry.tries = 1;
    entry.last_try = NOW - 60;
    entry.about.account = "work";
    entry.reason = "450 later";
    recipients[0].state = RECIPIENT_DEFERRED;
    recipients[0].reply = "450 4.2.1 busy";
    mailq_text_write_details(&item, &out);
    assert_written("id        0123456789abcdEF\n"
                   "state     next try in 1m\n"
                   "uid       1000\n"
                   "size      2458\n"
                   "arrived   Tue, 14 Nov 2023 20:03:20 +0000\n"
                   "tries     1\n"
                   "last try  Tue, 14 Nov 2023 22:12:20 +0000\n"
                   "next try  Tue, 14 Nov 2023 22:14:20 +0000\n"
                   "account   work\n"
                   "reason    450 later\n"
                   "from      alice@example.com\n"
                   "to        bob@example.net, put off: 450 4.2.1 busy\n");
}

static int set_up(void **state)
{
    (void)state;
    return setenv("TZ", "UTC0", 1);
}

static int tear_down(void **state)
{
    (void)state;
    buffer_free(&out);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_that_waits), cmocka_unit_test(test_marks_and_prospects),
        cmocka_unit_test(test_damaged),        cmocka_unit_test(test_recipients),
        cmocka_unit_test(test_hostile),        cmocka_unit_test(test_escaped_once),
        cmocka_unit_test(test_outage),         cmocka_unit_test(test_ends),
        cmocka_unit_test(test_details),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

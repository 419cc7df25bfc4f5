/* Goal: Date and Message-ID come out right in any zone, and no two Message-IDs are alike. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "message/stamp.h"

static void dates_follow_the_time_zone(void **state)
{
    static const struct {
        const char *zone;
        time_t now;
        const char *date;
    } rows[] = {
        {"UTC0", 0, "Thu, 1 Jan 1970 00:00:00 +0000"},
        {"UTC0", 1795435200, "Mon, 23 Nov 2026 12:00:00 +0000"},
        {"CET-1", 1795435200, "Mon, 23 Nov 2026 13:00:00 +0100"},
        {"NST3:30", 1795435200, "Mon, 23 Nov 2026 08:30:00 -0330"},
        {"IST-5:30", 951868799, "Wed, 1 Mar 2000 05:29:59 +0530"},
        {"XXX0:15", 0, "Wed, 31 Dec 1969 23:45:00 -0015"},
        {"UTC0", INT64_MAX, "Thu, 1 Jan 1970 00:00:00 +0000"},
    };
    (void)state;
    setenv("LC_ALL", "de_DE.UTF-8", 1);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char storage[64];
        struct text date;
        setenv("TZ", rows[i].zone, 1);
        text_init(&date, storage, sizeof storage);
        stamp_date(&date, rows[i].now);
        assert_string_equal(storage, rows[i].date);
        assert_false(date.overflow);
    }
}

static void message_ids_are_random(void **state)
{
    static const char alphabet[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    char ids[50][64];
    (void)state;
    for (size_t i = 0; i < 50; i++) {
        struct text id;
        struct error error = {0};
        text_init(&id, ids[i], sizeof ids[i]);
        assert_true(stamp_message_id(&id, "example.com", &error));
        assert_int_equal(ids[i][0], '<');
        assert_int_equal(strspn(ids[i] + 1, alphabet), 24);
        assert_string_equal(ids[i] + 25, "@example.com>");
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(ids[i], ids[j]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dates_follow_the_time_zone),
        cmocka_unit_test(message_ids_are_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

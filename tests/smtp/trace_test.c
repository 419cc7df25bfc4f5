/* Goal: a transcript shows who said what and when, in printable characters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "smtp/trace.h"

static char lines[3][4096];
static int count;

static void keep(void *context, const char *line)
{
    assert_ptr_equal(context, lines);
    assert_true(count < 3);
    snprintf(lines[count++], sizeof lines[0], "%s", line);
}

static void shows_lines(void **state)
{
    (void)state;
    struct trace trace = {.line = keep, .context = lines, .started = clock_now()};
    count = 0;
    trace_sent(&trace, slice_of("EHLO \x1b[0m"));
    trace_received(&trace, slice_make("250 a\0b", 7));
    trace_note(&trace, "refused by %s: \\x1b", "192.0.2.1");
    assert_non_null(strstr(lines[0], " ms >>> EHLO \\x1b[0m"));
    assert_non_null(strstr(lines[1], " ms <<< 250 a\\x00b"));
    assert_non_null(strstr(lines[2], " ms *** refused by 192.0.2.1: \\x1b"));
}

static void is_silent_without_a_reader(void **state)
{
    (void)state;
    struct trace trace = {0};
    count = 0;
    trace_sent(&trace, slice_of("EHLO"));
    trace_received(&trace, slice_of("250"));
    trace_note(&trace, "connected");
    assert_int_equal(count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shows_lines),
        cmocka_unit_test(is_silent_without_a_reader),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

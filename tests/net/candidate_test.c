/* Goal: candidates stand lane after lane, a host has lost when all of them have, and what is told
 * of them names host, address and port. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "net/candidate.h"

static const uint16_t ports[] = {587, 2525, 0};
static const struct place place = {.host = "mx\x1b", .ports = ports};

/* A host of two lanes with two addresses each: 192.0.2.1 and 2001:db8::1. */
static void fill(struct candidate_host *host, struct arena *arena)
{
    struct error error;
    *host = (struct candidate_host){.place = &place, .name = place.host, .lane_count = 2};
    assert_true(resolve_start(&host->resolve, "192.0.2.1", &error));
    assert_int_equal(host->resolve.count, 1);
    struct resolve other;
    assert_true(resolve_start(&other, "2001:db8::1", &error));
    host->resolve.addresses[1] = other.addresses[0];
    host->resolve.count = 2;
    assert_int_equal(candidate_count(host), 0);
    assert_true(candidate_make(host, arena, &error));
}

static void stand_lane_after_lane(void **state)
{
    static const char *const shown[] = {"mx\\x1b (192.0.2.1:587)", "mx\\x1b ([2001:db8::1]:587)",
                                        "mx\\x1b (192.0.2.1:2525)", "mx\\x1b ([2001:db8::1]:2525)"};
    struct candidate_host host;
    struct arena arena = {0};
    (void)state;
    fill(&host, &arena);
    assert_int_equal(candidate_count(&host), 4);
    assert_ptr_equal(candidate_lane(&host, 1), &host.candidates[2]);
    for (size_t i = 0; i < candidate_count(&host); i++) {
        char bytes[CANDIDATE_SHOWN_SIZE];
        struct text whose;
        text_init(&whose, bytes, sizeof bytes);
        assert_string_equal(candidate_show(&host.candidates[i], &whose), shown[i]);
        assert_int_equal(host.candidates[i].state, CANDIDATE_WAITING);
        assert_int_equal(host.candidates[i].stream.fd, -1);
    }
    arena_free(&arena);
}

static void lose_one_by_one(void **state)
{
    struct candidate_host host;
    struct arena arena = {0};
    (void)state;
    fill(&host, &arena);
    for (size_t i = 0; i < 4; i++) {
        assert_false(candidate_host_is_lost(&host));
        assert_false(candidate_lane_is_lost(&host, i / 2));
        host.candidates[i].state = CANDIDATE_SILENT;
        assert_true(candidate_is_racing(&host.candidates[i]));
        host.candidates[i].state = CANDIDATE_LOST;
        assert_false(candidate_is_racing(&host.candidates[i]));
    }
    assert_true(candidate_lane_is_lost(&host, 0));
    assert_true(candidate_host_is_lost(&host));
    host.known = false;
    assert_false(candidate_host_is_lost(&host));
    host.state = CANDIDATE_HOST_NAMELESS;
    assert_true(candidate_host_is_lost(&host));
    arena_free(&arena);
}

static struct dial_news heard;

static void take(void *context, const struct dial_news *news)
{
    (void)context;
    heard = *news;
}

static void are_reported(void **state)
{
    static const struct dial_watcher watcher = {.take = take};
    static const struct dial_greeter greeter = {.watcher = &watcher}, deaf = {.watcher = NULL};
    struct candidate_host host;
    struct arena arena = {0};
    (void)state;
    fill(&host, &arena);
    host.candidates[3].started = 7;
    candidate_report(&deaf, &host.candidates[3], NULL);
    assert_null(heard.host);
    candidate_report(&greeter, &host.candidates[3], NULL);
    assert_string_equal(heard.address, "[2001:db8::1]:2525");
    assert_int_equal(heard.started, 7);
    assert_null(heard.reason);
    host.started = CANDIDATE_NEVER;
    candidate_report_host(&greeter, &host);
    assert_ptr_equal(heard.found, &host.resolve);
    assert_int_equal(heard.started, 0);
    host.known = false;
    candidate_report_host(&greeter, &host);
    assert_null(heard.found);
    assert_ptr_equal(heard.reason, &host.reason);
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stand_lane_after_lane),
        cmocka_unit_test(lose_one_by_one),
        cmocka_unit_test(are_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

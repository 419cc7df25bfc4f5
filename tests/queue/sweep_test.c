/* Goal: what is old enough goes, oldest first and no more than asked for; what somebody holds, or
 * is young, stays. */
#include "queue/sweep.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/file.h>
#include <time.h>

#include <cmocka.h>

#include "tests/queue/scratch.h"

enum { HOUR = 3600 };

struct told {
    char ids[8][SPOOL_ID_SIZE];
    size_t count;
};

static void tell(void *context, const char *id)
{
    struct told *told = context;
    assert_true(told->count < 8);
    memcpy(told->ids[told->count++], id, SPOOL_ID_SIZE);
}

static void sweep(struct scratch *scratch, time_t later, size_t most, struct told *told)
{
    struct sweep how = {time(NULL) + later, most, tell, told};
    *told = (struct told){.count = 0};
    assert_true(sweep_run(&scratch->spool, &how, &scratch->error));
}

static void plant(const struct scratch *scratch, const char *name)
{
    int fd = open(scratch_path(scratch, name), O_CREAT | O_EXCL | O_WRONLY, 0600);
    assert_true(fd >= 0);
    close(fd);
}

static bool is_there(const struct scratch *scratch, const char *name)
{
    return faccessat(AT_FDCWD, scratch_path(scratch, name), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void there_is_nothing_to_sweep(void **state)
{
    struct told told;
    sweep(*state, 1000000, 10, &told);
    assert_int_equal(told.count, 0);
}

/* Times of change cannot be set, but the order in which they come about can. */
static void the_oldest_failed_go_first(void **state)
{
    static const char *const ids[] = {"cccccccccccccccc", "aaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbb"};
    struct scratch *scratch = *state;
    struct told told;
    char path[64];
    scratch->options.keep_failed = 100 * 1000;
    plant(scratch, "0000000000000000");
    assert_int_equal(mkdir(scratch_path(scratch, "failed"), 0700), 0);
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "failed/%s", ids[i]);
        plant(scratch, path);
        /* The clock of file systems goes in steps of some milliseconds. */
        usleep(15000);
    }
    plant(scratch, "failed/no-id");
    sweep(scratch, 95, 10, &told);
    assert_int_equal(told.count, 0);
    sweep(scratch, 105, 0, &told);
    assert_int_equal(told.count, 0);
    sweep(scratch, 105, 1, &told);
    assert_int_equal(told.count, 1);
    assert_string_equal(told.ids[0], ids[0]);
    /* One that somebody has in hand stays. */
    snprintf(path, sizeof path, "failed/%s", ids[1]);
    int fd = open(scratch_path(scratch, path), O_RDWR);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    sweep(scratch, 105, 10, &told);
    assert_int_equal(told.count, 1);
    assert_string_equal(told.ids[0], ids[2]);
    close(fd);
    sweep(scratch, 105, 10, &told);
    assert_int_equal(told.count, 1);
    assert_string_equal(told.ids[0], ids[1]);
    assert_true(is_there(scratch, "0000000000000000"));
    assert_true(is_there(scratch, "failed/no-id"));
}

static void what_never_became_an_entry(void **state)
{
    struct scratch *scratch = *state;
    struct told told;
    assert_int_equal(mkdir(scratch_path(scratch, "tmp"), 0700), 0);
    plant(scratch, "0000000000000000");
    plant(scratch, "state");
    plant(scratch, "state.0000000000000000");
    plant(scratch, "tmp/0000000000000000");
    plant(scratch, "tmp/whatever");
    plant(scratch, "tmp/locked");
    assert_int_equal(mkfifo(scratch_path(scratch, "tmp/fifo"), 0600), 0);
    assert_int_equal(symlink("/nowhere", scratch_path(scratch, "tmp/link")), 0);
    assert_int_equal(mkdir(scratch_path(scratch, "tmp/directory"), 0700), 0);
    int fd = open(scratch_path(scratch, "tmp/locked"), O_RDWR);
    assert_int_equal(flock(fd, LOCK_EX), 0);

    sweep(scratch, HOUR - 10, 10, &told);
    assert_true(is_there(scratch, "tmp/whatever") && is_there(scratch, "tmp/fifo"));
    sweep(scratch, HOUR + 10, 10, &told);
    assert_int_equal(told.count, 0);
    assert_false(is_there(scratch, "tmp/0000000000000000"));
    assert_false(is_there(scratch, "tmp/whatever"));
    assert_false(is_there(scratch, "tmp/fifo"));
    assert_false(is_there(scratch, "tmp/link"));
    assert_false(is_there(scratch, "state.0000000000000000"));
    assert_true(is_there(scratch, "tmp/locked"));
    assert_true(is_there(scratch, "state"));
    assert_true(is_there(scratch, "0000000000000000"));
    close(fd);
    sweep(scratch, HOUR + 10, 10, &told);
    assert_false(is_there(scratch, "tmp/locked"));
    assert_int_equal(told.count, 0);
}

/* With the clock that everybody has. */
static void nothing_young_is_swept(void **state)
{
    struct scratch *scratch = *state;
    struct told told = {.count = 0};
    scratch->options.keep_failed = 100 * 1000;
    assert_int_equal(mkdir(scratch_path(scratch, "failed"), 0700), 0);
    plant(scratch, "failed/0000000000000000");
    assert_true(spool_sweep(&scratch->spool, 10, tell, &told, &scratch->error));
    assert_int_equal(told.count, 0);
    scratch->options.keep_failed = -100 * 1000;
    assert_true(spool_sweep(&scratch->spool, 10, NULL, NULL, &scratch->error));
    assert_false(is_there(scratch, "failed/0000000000000000"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        TEST(there_is_nothing_to_sweep),
        TEST(the_oldest_failed_go_first),
        TEST(what_never_became_an_entry),
        TEST(nothing_young_is_swept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

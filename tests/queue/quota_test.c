/* Goal: what is on the disk counts, whatever a file says of itself, and the numbers are told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "queue/quota.h"
#include "tests/queue/scratch.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

enum { MEBIBYTE = 1024 * 1024, STRANGER = 12345 };

/* A file of `size` octets that are really there, under `name`. */
static void plant(const struct scratch *scratch, const char *name, size_t size, uid_t owner)
{
    static char bytes[MEBIBYTE];
    int fd = open(scratch_path(scratch, name), O_CREAT | O_EXCL | O_WRONLY, 0600);
    assert_true(fd >= 0 && size <= sizeof bytes);
    memset(bytes, 'x', sizeof bytes);
    assert_int_equal(write(fd, bytes, size), size);
    assert_int_equal(fsync(fd), 0);
    if (owner != geteuid())
        assert_int_equal(fchown(fd, owner, (gid_t)-1), 0);
    close(fd);
}

static bool allows(struct scratch *scratch, uint64_t size, uid_t owner)
{
    struct stat status = {.st_uid = owner,
                          .st_size = (off_t)size,
                          .st_blocks = (blkcnt_t)(size / 512),
                          .st_mode = S_IFREG | 0600};
    return quota_allows(&scratch->spool, &status, &scratch->error);
}

static void the_whole_spool_is_counted(void **state)
{
    struct scratch *scratch = *state;
    scratch->options.max_size = 4 * MEBIBYTE;
    assert_true(allows(scratch, 4 * MEBIBYTE, geteuid()));
    assert_false(allows(scratch, 4 * MEBIBYTE + 1, geteuid()));
    plant(scratch, "0000000000000000", MEBIBYTE, geteuid());
    assert_int_equal(mkdir(scratch_path(scratch, "failed"), 0700), 0);
    assert_int_equal(mkdir(scratch_path(scratch, "tmp"), 0700), 0);
    assert_int_equal(mkdir(scratch_path(scratch, "damaged"), 0700), 0);
    plant(scratch, "failed/0000000000000000", MEBIBYTE, geteuid());
    plant(scratch, "tmp/whatever", MEBIBYTE / 2, geteuid());
    plant(scratch, "damaged/0000000000000000", MEBIBYTE, geteuid());
    assert_true(allows(scratch, MEBIBYTE, geteuid()));
    assert_false(allows(scratch, 3 * MEBIBYTE / 2 + 1, geteuid()));
    assert_int_equal(scratch->error.exit_code, EX_TEMPFAIL);
    assert_false(scratch->error.permanent);
    assert_non_null(strstr(scratch->error.sentence,
                           "full: 3 messages take 2.5 MiB of the 4.0 MiB that [queue] max_size "
                           "allows, this one would take 1.5 MiB"));
    scratch->options.max_size = 0;
    assert_true(allows(scratch, 1u << 30, geteuid()));
}

static void what_waits_in_tmp_is_not_counted_twice(void **state)
{
    struct scratch *scratch = *state;
    struct stat status;
    scratch->options.max_size = MEBIBYTE + 100000;
    assert_int_equal(mkdir(scratch_path(scratch, "tmp"), 0700), 0);
    plant(scratch, "tmp/0000000000000000", MEBIBYTE, geteuid());
    assert_int_equal(stat(scratch_path(scratch, "tmp/0000000000000000"), &status), 0);
    assert_true(quota_allows(&scratch->spool, &status, &scratch->error));
}

static void holes_are_not_believed(void **state)
{
    struct scratch *scratch = *state;
    char id[SPOOL_ID_SIZE];
    scratch->options.max_size = 4 * MEBIBYTE;
    /* One that is there already takes nothing away from others, however large it says it is. */
    plant(scratch, "0000000000000000", 4096, geteuid());
    assert_int_equal(truncate(scratch_path(scratch, "0000000000000000"), INT64_C(1) << 40), 0);
    assert_true(allows(scratch, 3 * MEBIBYTE, geteuid()));
    /* But none is added that could be filled later. */
    int fd = spool_create(&scratch->spool, &scratch->error);
    assert_int_equal(ftruncate(fd, INT64_C(1) << 40), 0);
    assert_false(spool_commit(&scratch->spool, fd, id, &scratch->error));
    assert_int_equal(scratch->error.exit_code, EX_TEMPFAIL);
    assert_int_equal(ftruncate(fd, 100), 0);
    assert_true(spool_commit(&scratch->spool, fd, id, &scratch->error));
    close(fd);
}

static void sums_do_not_overflow(void **state)
{
    struct scratch *scratch = *state;
    struct stat status = {.st_size = INT64_MAX, .st_blocks = INT64_MAX, .st_mode = S_IFREG};
    assert_true(quota_octets(&status) == UINT64_MAX);
    assert_false(quota_allows(&scratch->spool, &status, &scratch->error));
    status.st_blocks = 0;
    assert_int_equal(quota_octets(&status), 4096);
    scratch->options.max_size = UINT64_MAX;
    assert_true(quota_allows(&scratch->spool, &status, &scratch->error));
    scratch->options.max_size = 1;
    status.st_size = 0;
    assert_false(quota_allows(&scratch->spool, &status, &scratch->error));
}

static void a_user_has_a_quarter(void **state)
{
    struct scratch *scratch = *state;
    if (geteuid() != 0)
        skip();
    scratch->options.max_size = 4 * MEBIBYTE;
    plant(scratch, "0000000000000000", MEBIBYTE / 2, STRANGER);
    plant(scratch, "0000000000000001", MEBIBYTE, 0);
    /* In a spool of his own he has all of it. */
    assert_true(allows(scratch, MEBIBYTE, STRANGER));
    assert_true(scratch_reopen(scratch, true));
    assert_true(allows(scratch, MEBIBYTE / 2, STRANGER));
    assert_false(allows(scratch, MEBIBYTE / 2 + 512, STRANGER));
    assert_int_equal(scratch->error.exit_code, EX_TEMPFAIL);
    assert_non_null(strstr(scratch->error.sentence,
                           "full for uid 12345: 1 messages take 512 KiB of the 1.0 MiB that one "
                           "user may have"));
    assert_true(allows(scratch, MEBIBYTE, STRANGER + 1));
    assert_true(allows(scratch, 2 * MEBIBYTE, 0));
}

/* Files grow after they were judged. */
static void nobody_takes_the_share_of_others(void **state)
{
    struct scratch *scratch = *state;
    char name[] = "000000000000000A";
    if (geteuid() != 0)
        skip();
    for (; name[15] <= 'D'; name[15]++)
        plant(scratch, name, MEBIBYTE, STRANGER);
    scratch->options.max_size = 4 * MEBIBYTE;
    assert_false(allows(scratch, 4096, STRANGER + 1));
    assert_true(scratch_reopen(scratch, true));
    assert_false(allows(scratch, 4096, STRANGER));
    assert_true(allows(scratch, MEBIBYTE, STRANGER + 1));
    assert_true(allows(scratch, 3 * MEBIBYTE, 0));
    assert_false(allows(scratch, 3 * MEBIBYTE + 4096, 0));
}

static void reports_have_a_quarter(void **state)
{
    struct scratch *scratch = *state;
    if (geteuid() != 0)
        skip();
    scratch->options.max_size = 4 * MEBIBYTE;
    plant(scratch, "0000000000000000", MEBIBYTE, 0);
    assert_true(scratch_reopen(scratch, true));
    scratch->spool.reporting = true;
    assert_false(allows(scratch, 4096, 0));
    scratch->spool.reporting = false;
    assert_true(allows(scratch, 4096, 0));
}

static void some_of_the_disk_stays_free(void **state)
{
    struct scratch *scratch = *state;
    scratch->options.min_free = UINT64_MAX;
    for (int limited = 0; limited < 2; limited++) {
        scratch->options.max_size = limited * 64 * MEBIBYTE;
        assert_false(allows(scratch, 4096, geteuid()));
        assert_int_equal(scratch->error.exit_code, EX_IOERR);
        assert_non_null(strstr(scratch->error.sentence, "MiB are left on the disk"));
    }
    scratch->options.min_free = 1;
    assert_true(allows(scratch, 4096, geteuid()));
}

static void what_is_set_aside_has_a_bound(void **state)
{
    struct scratch *scratch = *state;
    scratch->options.max_size = 4 * MEBIBYTE;
    plant(scratch, "0000000000000000", MEBIBYTE, geteuid());
    plant(scratch, "0000000000000001", 4096, geteuid());
    plant(scratch, "0000000000000002", 4096, geteuid());
    assert_true(spool_move(&scratch->spool, "0000000000000000", SPOOL_DAMAGED, &scratch->error));
    assert_true(spool_move(&scratch->spool, "0000000000000001", SPOOL_DAMAGED, &scratch->error));
    assert_false(spool_move(&scratch->spool, "0000000000000002", SPOOL_DAMAGED, &scratch->error));
    assert_int_equal(scratch->error.exit_code, EX_TEMPFAIL);
    assert_true(spool_move(&scratch->spool, "0000000000000002", SPOOL_FAILED, &scratch->error));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_whole_spool_is_counted),    TEST(what_waits_in_tmp_is_not_counted_twice),
        TEST(holes_are_not_believed),        TEST(sums_do_not_overflow),
        TEST(a_user_has_a_quarter),          TEST(some_of_the_disk_stays_free),
        TEST(what_is_set_aside_has_a_bound), TEST(nobody_takes_the_share_of_others),
        TEST(reports_have_a_quarter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Goal: a spool is only opened where nobody else can spoil it, and what is taken out of it, or
 * noted in it, is so for good. */
#include "queue/spool.h"

#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>

#include <cmocka.h>

#include "tests/queue/scratch.h"
#include "tests/support/refuse.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

enum { STRANGER = 12345, GROUP = 23456 };

static mode_t mode_of(const char *path)
{
    struct stat status;
    return lstat(path, &status) == 0 ? status.st_mode & 07777 : 07777;
}

static void what_is_missing_is_made_private(void **state)
{
    struct scratch *scratch = *state;
    char deep[160], middle[160];
    snprintf(middle, sizeof middle, "%s/a/b", scratch->folder);
    snprintf(deep, sizeof deep, "%s/a/b//queue/", scratch->folder);
    assert_int_equal(mode_of(scratch->directory), 0700);
    scratch->options.directory = deep;
    assert_true(scratch_reopen(scratch, false));
    assert_int_equal(mode_of(middle), 0700);
    assert_int_equal(mode_of(deep), 0700);
    assert_true(scratch_reopen(scratch, false));
}

static void it_is_closed_as_often_as_one_likes(void **state)
{
    struct scratch *scratch = *state;
    struct spool zeroed = {0};
    spool_close(&zeroed);
    spool_close(&scratch->spool);
    spool_close(&scratch->spool);
    assert_int_not_equal(fcntl(0, F_GETFD), -1);
}

static void modes_are_judged(void **state)
{
    static const struct {
        mode_t mode;
        bool shared;
        const char *words; /* NULL: opened */
    } cases[] = {
        {0700, false, NULL},
        {0755, false, NULL},
        {0770, false, "run: chmod go-w "},
        {01770, false, "run: chmod go-w "},
        {0702, false, "run: chmod go-w "},
        {01777, false, "run: chmod go-w "},
        {0700, true, NULL},
        {01770, true, NULL},
        {01775, true, NULL},
        {0770, true, "run: chmod +t "},
        {01777, true, "run: chmod o-w "},
        {01733, true, "run: chmod o-w "},
    };
    struct scratch *scratch = *state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_int_equal(chmod(scratch->directory, cases[i].mode), 0);
        assert_int_equal(scratch_reopen(scratch, cases[i].shared), cases[i].words == NULL);
        if (cases[i].words == NULL)
            continue;
        assert_int_equal(scratch->error.exit_code, EX_CONFIG);
        assert_non_null(strstr(scratch->error.sentence, cases[i].words));
        assert_non_null(strstr(scratch->error.sentence, scratch->directory));
    }
    assert_int_equal(chmod(scratch->directory, 0700), 0);
}

static void only_a_directory_is_a_spool(void **state)
{
    struct scratch *scratch = *state;
    char link[160], below[160], long_name[300];
    snprintf(link, sizeof link, "%s/link", scratch->folder);
    snprintf(below, sizeof below, "%s/file/below", scratch->folder);
    memset(long_name, 'x', sizeof long_name - 1);
    long_name[0] = '/';
    long_name[sizeof long_name - 1] = '\0';
    assert_int_equal(symlink(scratch->directory, link), 0);
    const struct {
        const char *directory;
        int exit_code;
    } cases[] = {{link, EX_CONFIG},
                 {below, EX_CONFIG},
                 {"", EX_CONFIG},
                 {NULL, EX_CONFIG},
                 {"/dev/null", EX_CONFIG},
                 {long_name, EX_CONFIG},
                 {"/proc/nowhere/queue", EX_CANTCREAT}};
    char file[160];
    snprintf(file, sizeof file, "%s/file", scratch->folder);
    close(open(file, O_CREAT | O_WRONLY, 0600));
    for (size_t i = 0; i < COUNT(cases); i++) {
        scratch->options.directory = cases[i].directory;
        assert_false(scratch_reopen(scratch, false));
        assert_int_equal(scratch->error.exit_code, cases[i].exit_code);
    }
}

static void somebody_elses_is_not_entered(void **state)
{
    struct scratch *scratch = *state;
    if (geteuid() != 0)
        skip();
    assert_int_equal(chown(scratch->directory, STRANGER, (gid_t)-1), 0);
    for (int shared = 0; shared < 2; shared++) {
        assert_false(scratch_reopen(scratch, shared));
        assert_int_equal(scratch->error.exit_code, EX_CONFIG);
        assert_non_null(strstr(scratch->error.sentence, "belongs to uid 12345"));
    }
}

/* Becomes a user whose only group is `group`. */
static bool become_stranger(gid_t group)
{
    return setgroups(0, NULL) == 0 && setresgid(group, group, group) == 0 &&
           setresuid(STRANGER, STRANGER, STRANGER) == 0;
}

static int open_as_stranger(void *context)
{
    struct scratch *scratch = context;
    if (!become_stranger(STRANGER))
        return 100;
    return scratch_reopen(scratch, true) ? 0 : scratch->error.exit_code;
}

static int use_as_member(void *context)
{
    struct scratch *scratch = context;
    char id[SPOOL_ID_SIZE];
    struct stat status;
    int found = -1;
    if (!become_stranger(GROUP) || !scratch_reopen(scratch, true))
        return 100;
    if (unlink(scratch_path(scratch, SCRATCH_PLANTED)) == 0 ||
        spool_open_entry(&scratch->spool, SPOOL_QUEUE, SCRATCH_PLANTED, false, &found, &status,
                         &scratch->error) != SPOOL_GONE)
        return 101;
    if (spool_remove(&scratch->spool, SPOOL_QUEUE, SCRATCH_PLANTED, &scratch->error) ||
        scratch->error.exit_code != EX_NOPERM)
        return 102;
    int fd = scratch_add(scratch, "mine", id);
    if (fd < 0)
        return 103;
    close(fd);
    if (spool_open_entry(&scratch->spool, SPOOL_QUEUE, id, true, &fd, &status, &scratch->error) !=
            SPOOL_OPENED ||
        status.st_uid != STRANGER)
        return 104;
    return spool_remove(&scratch->spool, SPOOL_QUEUE, id, &scratch->error) &&
                   scratch_count(scratch, SPOOL_QUEUE) == 1
               ? 0
               : 105;
}

static void the_systems_is_for_its_group(void **state)
{
    struct scratch *scratch = *state;
    if (geteuid() != 0)
        skip();
    close(open(scratch_path(scratch, SCRATCH_PLANTED), O_CREAT | O_WRONLY, 0600));
    assert_int_equal(chmod(scratch->folder, 0755), 0);
    assert_int_equal(chown(scratch->directory, 0, GROUP), 0);
    assert_int_equal(chmod(scratch->directory, 01770), 0);
    assert_int_equal(refuse_in_child(open_as_stranger, scratch), EX_NOPERM);
    assert_int_equal(refuse_in_child(use_as_member, scratch), 0);
    /* Root makes the folders in it like the spool, but for the one that is its own. */
    assert_true(scratch_reopen(scratch, true));
    assert_true(spool_move(&scratch->spool, SCRATCH_PLANTED, SPOOL_FAILED, &scratch->error));
    assert_int_equal(mode_of(scratch_path(scratch, "failed")), 01770);
    struct stat status;
    assert_int_equal(stat(scratch_path(scratch, "failed"), &status), 0);
    assert_int_equal(status.st_gid, GROUP);
    close(open(scratch_path(scratch, SCRATCH_PLANTED), O_CREAT | O_WRONLY, 0600));
    assert_true(spool_move(&scratch->spool, SCRATCH_PLANTED, SPOOL_DAMAGED, &scratch->error));
    assert_int_equal(mode_of(scratch_path(scratch, "damaged")), 0700);
}

static void an_id_is_sixteen_letters_and_digits(void **state)
{
    static const struct {
        const char *text;
        bool is_id;
    } cases[] = {
        {"0123456789abcdef", true},        {"ABCDEFGHIJKLMNOP", true},
        {"zzzzzzzzzzzzzzzz", true},        {"", false},
        {"0123456789abcde", false},        {"0123456789abcdef0", false},
        {"0123456789abcd/f", false},       {"../../../../etc/", false},
        {"0123456789abcde.", false},       {"0123456789abcde-", false},
        {"0123456789abcd\xc3\xa4", false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(spool_is_id(slice_of(cases[i].text)), cases[i].is_id);
    assert_false(spool_is_id(slice_make("0123456789abcde", 16)));
}

/* The system's is root's to keep, whoever may enter it; a helper's caller keeps nothing. */
static void who_keeps_it(void **state)
{
    struct spool own = {.directory = -1}, systems = {.shared = true, .directory = -1};
    bool root = geteuid() == 0;
    (void)state;
    assert_true(spool_is_kept_by_us(&own));
    assert_int_equal(spool_is_kept_by_us(&systems), root);
    assert_int_equal(root ? seteuid(12345) : 0, 0);
    assert_true(spool_is_kept_by_us(&own));
    assert_false(spool_is_kept_by_us(&systems));
    assert_int_equal(root ? seteuid(0) : 0, 0);
    struct helper *helper = (void *)&own; /* not looked into */
    systems.helper = helper;
    assert_false(spool_is_kept_by_us(&systems));
}

static void entries_are_removed_and_moved(void **state)
{
    struct scratch *scratch = *state;
    char ids[3][SPOOL_ID_SIZE];
    for (int i = 0; i < 3; i++)
        close(scratch_add(scratch, "text", ids[i]));
    assert_int_equal(scratch_count(scratch, SPOOL_QUEUE), 3);
    assert_true(spool_remove(&scratch->spool, SPOOL_QUEUE, ids[0], &scratch->error));
    assert_true(spool_remove(&scratch->spool, SPOOL_QUEUE, ids[0], &scratch->error));
    assert_int_equal(scratch_count(scratch, SPOOL_FAILED), 0);
    assert_true(spool_move(&scratch->spool, ids[1], SPOOL_FAILED, &scratch->error));
    assert_int_equal(scratch_count(scratch, SPOOL_QUEUE), 1);
    assert_int_equal(scratch_count(scratch, SPOOL_FAILED), 1);
    assert_true(spool_remove(&scratch->spool, SPOOL_FAILED, ids[1], &scratch->error));
    assert_int_equal(scratch_count(scratch, SPOOL_FAILED), 0);
    /* A name that is taken there. */
    assert_true(spool_move(&scratch->spool, ids[2], SPOOL_DAMAGED, &scratch->error));
    close(open(scratch_path(scratch, ids[2]), O_CREAT | O_WRONLY, 0600));
    assert_true(spool_move(&scratch->spool, ids[2], SPOOL_DAMAGED, &scratch->error));
    assert_int_equal(scratch_count(scratch, SPOOL_DAMAGED), 2);
    assert_int_equal(scratch_count(scratch, SPOOL_QUEUE), 0);
    assert_false(spool_move(&scratch->spool, ids[2], SPOOL_DAMAGED, &scratch->error));
    assert_false(spool_remove(&scratch->spool, SPOOL_QUEUE, "../spool", &scratch->error));
    assert_false(spool_move(&scratch->spool, "../x", SPOOL_FAILED, &scratch->error));
}

static int move_without_flags(void *context)
{
    if (!refuse_call(SYS_renameat2, EINVAL, 0, 0, 0))
        return 77;
    entries_are_removed_and_moved(&context);
    return 0;
}

static void a_file_system_that_cannot_refuse_to_replace(void **state)
{
    assert_int_equal(refuse_in_child(move_without_flags, *state), 0);
}

/* With a directory that cannot be synced, each sync is seen as a failure. */
static int remove_unsynced(void *context)
{
    struct scratch *scratch = context;
    char id[SPOOL_ID_SIZE];
    memset(id, 'x', sizeof id - 1);
    id[SPOOL_ID_LENGTH] = '\0';
    if (!refuse_call(SYS_fsync, EIO, 0, ~0u, (uint32_t)scratch->spool.directory))
        return 77;
    for (int i = 1; i <= 64; i++) {
        close(open(scratch_path(scratch, id), O_CREAT | O_WRONLY, 0600));
        if (spool_remove(&scratch->spool, SPOOL_QUEUE, id, &scratch->error) == (i % 32 == 0))
            return i;
    }
    if (scratch->error.exit_code != EX_IOERR || !spool_settle(&scratch->spool, &scratch->error))
        return 98;
    close(open(scratch_path(scratch, id), O_CREAT | O_WRONLY, 0600));
    return spool_remove(&scratch->spool, SPOOL_QUEUE, id, &scratch->error) &&
                   !spool_settle(&scratch->spool, &scratch->error)
               ? 0
               : 99;
}

static void the_directory_is_synced_every_32_removals(void **state)
{
    assert_int_equal(refuse_in_child(remove_unsynced, *state), 0);
}

static void assert_state(struct scratch *scratch, const char *expected)
{
    char bytes[32];
    int fd = spool_open_state(&scratch->spool);
    assert_true(fd >= 0);
    ssize_t count = read(fd, bytes, sizeof bytes);
    close(fd);
    assert_int_equal(count, strlen(expected));
    assert_memory_equal(bytes, expected, strlen(expected));
}

/* Something that a state not written left behind. */
static bool has_remainder(const struct scratch *scratch)
{
    DIR *directory = opendir(scratch->directory);
    bool found = false;
    assert_non_null(directory);
    for (const struct dirent *entry; (entry = readdir(directory)) != NULL;)
        found |= strncmp(entry->d_name, "state", 5) == 0;
    closedir(directory);
    return found;
}

static void the_runners_stamp(void **state)
{
    struct scratch *scratch = *state;
    const struct timeval times[2] = {{1000, 0}, {1234567, 0}};
    const char *path = scratch_path(scratch, "state");
    assert_int_equal(spool_stamp(&scratch->spool), 0);
    assert_int_equal(spool_open_state(&scratch->spool), -1);
    assert_true(spool_write_state(&scratch->spool, slice_of("first"), &scratch->error));
    assert_true(spool_write_state(&scratch->spool, slice_of("second one"), &scratch->error));
    assert_int_equal(mode_of(path), 0600);
    assert_state(scratch, "second one");
    assert_true(spool_stamp(&scratch->spool) >= time(NULL) - 5);
    assert_int_equal(utimes(path, times), 0);
    assert_int_equal(spool_stamp(&scratch->spool), 1234567);
    assert_int_equal(scratch_count(scratch, SPOOL_QUEUE), 0);
    assert_int_equal(chmod(path, 0660), 0);
    assert_int_equal(spool_stamp(&scratch->spool), 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    assert_int_equal(spool_stamp(&scratch->spool), 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(spool_stamp(&scratch->spool), 0);
    assert_int_equal(spool_open_state(&scratch->spool), -1);
    assert_true(spool_write_state(&scratch->spool, slice_of("third"), &scratch->error));
    assert_state(scratch, "third");
    if (geteuid() == 0) {
        assert_int_equal(chown(path, STRANGER, (gid_t)-1), 0);
        assert_int_equal(spool_stamp(&scratch->spool), 0);
    }
    assert_true(scratch_reopen(scratch, true));
    assert_true(spool_write_state(&scratch->spool, slice_of("fourth"), &scratch->error));
    assert_int_equal(mode_of(path), 0644);
    assert_true(scratch_reopen(scratch, false));
    /* A directory in its place: the new one is not left behind. */
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_false(spool_write_state(&scratch->spool, slice_of("x"), &scratch->error));
    assert_int_equal(scratch->error.exit_code, EX_IOERR);
    assert_int_equal(rmdir(path), 0);
    assert_false(has_remainder(scratch));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        TEST(what_is_missing_is_made_private),
        TEST(it_is_closed_as_often_as_one_likes),
        TEST(modes_are_judged),
        TEST(only_a_directory_is_a_spool),
        TEST(somebody_elses_is_not_entered),
        TEST(the_systems_is_for_its_group),
        cmocka_unit_test(an_id_is_sixteen_letters_and_digits),
        cmocka_unit_test(who_keeps_it),
        TEST(entries_are_removed_and_moved),
        TEST(a_file_system_that_cannot_refuse_to_replace),
        TEST(the_directory_is_synced_every_32_removals),
        TEST(the_runners_stamp),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Goal: what spool_commit says is queued is whole and durable under one name, and where it says no,
 * nothing is left; with and without unnamed files. */
#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "base/file.h"
#include "tests/queue/scratch.h"
#include "tests/support/refuse.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

enum { SKIPPED = 77, STRANGER = 12345 };

/* As on a file system without unnamed files. */
static bool refuse_unnamed(int failure)
{
    return refuse_call(SYS_openat2, ENOSYS, 0, 0, 0) &&
           refuse_call(SYS_openat, failure, 2, O_TMPFILE, O_TMPFILE);
}

static int count_in(const struct scratch *scratch, const char *folder)
{
    DIR *directory = opendir(scratch_path(scratch, folder));
    int count = 0;
    if (directory == NULL)
        return errno == ENOENT ? 0 : -1;
    for (const struct dirent *entry; (entry = readdir(directory)) != NULL;)
        count += entry->d_name[0] != '.' && entry->d_type == DT_REG;
    closedir(directory);
    return count;
}

/* From the first octet to the claim by another; 0 when all was as it must be. */
static int add_one(struct scratch *scratch, int names_before)
{
    char id[SPOOL_ID_SIZE] = "", bytes[8] = "";
    struct stat status;
    int other = -1, fd = spool_create(&scratch->spool, &scratch->error);
    if (fd < 0 || (fcntl(fd, F_GETFD) & FD_CLOEXEC) == 0)
        return 1;
    if (count_in(scratch, ".") != names_before || write(fd, "text", 4) != 4 || fsync(fd) != 0)
        return 2;
    if (!spool_commit(&scratch->spool, fd, id, &scratch->error) || !spool_is_id(slice_of(id)))
        return 3;
    if (lstat(scratch_path(scratch, id), &status) != 0 || status.st_mode != (S_IFREG | 0600) ||
        status.st_nlink != 1 || status.st_size != 4)
        return 4;
    if (count_in(scratch, ".") != names_before + 1 || count_in(scratch, "tmp") != 0)
        return 5;
    if (spool_open_entry(&scratch->spool, SPOOL_QUEUE, id, true, &other, &status,
                         &scratch->error) != SPOOL_BUSY)
        return 6;
    close(fd);
    if (spool_open_entry(&scratch->spool, SPOOL_QUEUE, id, true, &other, &status,
                         &scratch->error) != SPOOL_OPENED)
        return 7;
    bool same = pread(other, bytes, sizeof bytes, 0) == 4 && strcmp(bytes, "text") == 0;
    close(other);
    return same ? 0 : 8;
}

static void an_entry_is_added(void **state)
{
    struct scratch *scratch = *state;
    assert_int_equal(add_one(scratch, 0), 0);
    assert_int_equal(add_one(scratch, 1), 0);
    assert_int_not_equal(access(scratch_path(scratch, "tmp"), F_OK), 0);
}

static const int none[] = {EOPNOTSUPP, EISDIR, ENOENT, EINVAL};

static int add_without_unnamed(void *context)
{
    struct scratch *scratch = context;
    int failure = (int)scratch->options.min_free;
    scratch->options.min_free = 0;
    if (!refuse_unnamed(failure))
        return SKIPPED;
    return add_one(scratch, count_in(scratch, "."));
}

static void an_entry_is_added_without_unnamed_files(void **state)
{
    struct scratch *scratch = *state;
    for (size_t i = 0; i < COUNT(none); i++) {
        scratch->options.min_free = (uint64_t)none[i];
        assert_int_equal(refuse_in_child(add_without_unnamed, scratch), 0);
    }
    assert_int_equal(scratch_count(scratch, SPOOL_QUEUE), COUNT(none));
}

static int add_without_both(void *context)
{
    if (!refuse_unnamed(EOPNOTSUPP) || !refuse_call(SYS_renameat2, EINVAL, 0, 0, 0))
        return SKIPPED;
    return add_one(context, 0);
}

static void an_entry_is_added_where_little_is_supported(void **state)
{
    assert_int_equal(refuse_in_child(add_without_both, *state), 0);
}

/* Unlinks of others are not seen: the descriptor says which file it is. */
static int find_among_many(void *context)
{
    struct scratch *scratch = context;
    char ids[5][SPOOL_ID_SIZE], byte;
    int fds[5];
    if (!refuse_unnamed(EOPNOTSUPP))
        return SKIPPED;
    for (int i = 0; i < 5; i++) {
        fds[i] = spool_create(&scratch->spool, &scratch->error);
        byte = (char)('a' + i);
        if (fds[i] < 0 || write(fds[i], &byte, 1) != 1)
            return 1;
    }
    for (int i = 4; i >= 0; i -= 2)
        if (!spool_commit(&scratch->spool, fds[i], ids[i], &scratch->error))
            return 2;
    if (count_in(scratch, "tmp") != 2)
        return 3;
    for (int i = 0; i < 5; i += 2) {
        int fd = open(scratch_path(scratch, ids[i]), O_RDONLY);
        if (fd < 0 || read(fd, &byte, 1) != 1 || byte != 'a' + i)
            return 4;
        close(fd);
    }
    return 0;
}

static void each_finds_its_own_name(void **state)
{
    assert_int_equal(refuse_in_child(find_among_many, *state), 0);
}

static int add_unsynced(void *context)
{
    struct scratch *scratch = context;
    char id[SPOOL_ID_SIZE];
    int before = count_in(scratch, ".");
    if (!refuse_call(SYS_fsync, EIO, 0, ~0u, (uint32_t)scratch->spool.directory))
        return SKIPPED;
    for (int round = 0; round < 2; round++) {
        if (scratch_add(scratch, "text", id) >= 0 || scratch->error.exit_code != EX_IOERR)
            return 1;
        if (count_in(scratch, ".") != before || count_in(scratch, "tmp") != 0)
            return 2 + round;
        if (!refuse_unnamed(EOPNOTSUPP))
            return SKIPPED;
        scratch->error.exit_code = EX_OK;
    }
    return 0;
}

static void a_directory_that_is_not_synced_takes_it_back(void **state)
{
    close(scratch_add(*state, "text", (char[SPOOL_ID_SIZE]){0}));
    assert_int_equal(mkdir(scratch_path(*state, "tmp"), 0700), 0);
    assert_int_equal(refuse_in_child(add_unsynced, *state), 0);
    assert_int_equal(scratch_count(*state, SPOOL_QUEUE), 1);
}

static int add_with(void *context, int number, int failure)
{
    struct scratch *scratch = context;
    char id[SPOOL_ID_SIZE];
    if (!refuse_call(number, failure, 0, 0, 0))
        return SKIPPED;
    if (scratch_add(scratch, "text", id) >= 0)
        return 1;
    return count_in(scratch, ".") == 0 ? scratch->error.exit_code : 2;
}

static int refuse_linkat(void *context)
{
    return add_with(context, SYS_linkat, ENOSPC);
}

static int refuse_linkat_always_taken(void *context)
{
    return add_with(context, SYS_linkat, EEXIST);
}

static int refuse_getrandom(void *context)
{
    return add_with(context, SYS_getrandom, ENOSYS);
}

static int refuse_flock(void *context)
{
    return add_with(context, SYS_flock, ENOLCK);
}

static void what_the_system_refuses_is_said(void **state)
{
    static const struct {
        int (*act)(void *context);
        int exit_code;
    } cases[] = {{refuse_linkat, EX_IOERR},
                 {refuse_linkat_always_taken, EX_IOERR},
                 {refuse_getrandom, EX_OSERR},
                 {refuse_flock, EX_IOERR}};
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(refuse_in_child(cases[i].act, *state), cases[i].exit_code);
}

static int add_without_descriptors(void *context)
{
    struct scratch *scratch = context;
    char id[SPOOL_ID_SIZE];
    struct stat status;
    struct rlimit few;
    int names = 0, other = -1, spare = dup(0), fd = spool_create(&scratch->spool, &scratch->error);
    if (fd < 0 || spare < 0 || getrlimit(RLIMIT_NOFILE, &few) != 0)
        return 1;
    close(spare);
    few.rlim_cur = (rlim_t)spare;
    if (setrlimit(RLIMIT_NOFILE, &few) != 0)
        return 2;
    /* The scan has no descriptor either: nothing is queued rather than too much. */
    while (dup(0) >= 0)
        names++;
    if (spool_commit(&scratch->spool, fd, id, &scratch->error) ||
        scratch->error.exit_code != EX_OSERR)
        return 3;
    if (spool_create(&scratch->spool, &scratch->error) >= 0 || scratch->error.exit_code != EX_OSERR)
        return 4;
    return spool_open_entry(&scratch->spool, SPOOL_QUEUE, SCRATCH_PLANTED, true, &other, &status,
                            &scratch->error) == SPOOL_FAILURE &&
                   scratch->error.exit_code == EX_OSERR
               ? 0
               : 5;
}

static void without_descriptors_nothing_is_queued(void **state)
{
    close(open(scratch_path(*state, SCRATCH_PLANTED), O_CREAT | O_WRONLY, 0600));
    assert_int_equal(refuse_in_child(add_without_descriptors, *state), 0);
    assert_int_equal(scratch_count(*state, SPOOL_QUEUE), 1);
}

static void only_a_file_from_here_is_taken(void **state)
{
    struct scratch *scratch = *state;
    char id[SPOOL_ID_SIZE], first[SPOOL_ID_SIZE];
    int queued = scratch_add(scratch, "text", first);
    int wide = spool_create(&scratch->spool, &scratch->error);
    int folder = open(scratch->folder, O_RDONLY | O_DIRECTORY);
    int named = open(scratch_path(scratch, "../named"), O_CREAT | O_RDWR, 0600);
    int path = open(scratch_path(scratch, "../named"), O_PATH);
    int locked = open(scratch_path(scratch, first), O_RDWR);
    int pipes[2];
    assert_int_equal(pipe(pipes), 0);
    assert_int_equal(fchmod(wide, 0640), 0);
    const int fds[] = {queued, wide, folder, named, path, locked, pipes[0], 12345};
    for (size_t i = 0; i < COUNT(fds); i++) {
        assert_false(spool_commit(&scratch->spool, fds[i], id, &scratch->error));
        assert_int_equal(scratch->error.exit_code, fds[i] == 12345 ? EX_OSERR : EX_NOPERM);
    }
    if (geteuid() == 0) {
        assert_int_equal(fchmod(wide, 0600), 0);
        assert_int_equal(fchown(wide, STRANGER, (gid_t)-1), 0);
        assert_false(spool_commit(&scratch->spool, wide, id, &scratch->error));
        assert_int_equal(scratch->error.exit_code, EX_NOPERM);
    }
    for (size_t i = 0; i + 1 < COUNT(fds); i++)
        close(fds[i]);
    close(pipes[1]);
    assert_int_equal(scratch_count(scratch, SPOOL_QUEUE), 1);
}

static void signals_come_through_afterwards(void **state)
{
    struct scratch *scratch = *state;
    sigset_t mask, after;
    char id[SPOOL_ID_SIZE];
    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR2);
    sigprocmask(SIG_SETMASK, &mask, NULL);
    int fd = scratch_add(scratch, "text", id);
    assert_true(fd >= 0);
    close(fd);
    sigprocmask(SIG_SETMASK, NULL, &after);
    assert_int_equal(sigismember(&after, SIGUSR2), 1);
    assert_int_equal(sigismember(&after, SIGTERM), 0);
    sigemptyset(&mask);
    sigprocmask(SIG_SETMASK, &mask, NULL);
}

/* A process is asked to end while it adds, as often as it likes: whatever has a name was said to be
 * queued, but for the one of which it could not tell any more. */
static void a_signal_never_leaves_what_was_not_told(void **state)
{
    struct scratch *scratch = *state;
    for (int round = 0; round < 10; round++) {
        int told[2], before = scratch_count(scratch, SPOOL_QUEUE), after = 0;
        char byte, id[SPOOL_ID_SIZE];
        assert_int_equal(pipe(told), 0);
        pid_t pid = fork();
        if (pid == 0) {
            for (;;) {
                int fd = scratch_add(scratch, "text", id);
                if (fd < 0 || write(told[1], "+", 1) != 1)
                    _exit(1);
                close(fd);
            }
        }
        close(told[1]);
        usleep(1000 + (useconds_t)round * 211);
        kill(pid, SIGTERM);
        int status;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
        while (read(told[0], &byte, 1) == 1)
            after++;
        close(told[0]);
        int more = scratch_count(scratch, SPOOL_QUEUE) - before - after;
        assert_true(more == 0 || more == 1);
        assert_int_equal(count_in(scratch, "tmp"), 0);
    }
}

enum { COMMITTERS = 6, EACH = 10 };

static int add_many(struct scratch *scratch)
{
    char id[SPOOL_ID_SIZE];
    for (int i = 0; i < EACH; i++) {
        int fd = scratch_add(scratch, "text", id);
        if (fd < 0)
            return 1;
        close(fd);
    }
    return 0;
}

static void many_at_once(void **state)
{
    struct scratch *scratch = *state;
    pid_t pids[COMMITTERS];
    int status;
    for (int i = 0; i < COMMITTERS; i++) {
        pids[i] = fork();
        if (pids[i] == 0)
            _exit((i < 2 || refuse_unnamed(EOPNOTSUPP)) && scratch_reopen(scratch, false)
                      ? add_many(scratch)
                      : 2);
    }
    for (int i = 0; i < COMMITTERS; i++) {
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_int_equal(status, 0);
    }
    assert_int_equal(scratch_count(scratch, SPOOL_QUEUE), COMMITTERS * EACH);
    assert_int_equal(count_in(scratch, "tmp"), 0);
}

/* A disk of 256 KiB. */
static int add_to_full_disk(void *context)
{
    struct scratch *scratch = context;
    static char bytes[64 * 1024];
    char id[SPOOL_ID_SIZE];
    int added = 0;
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("none", scratch->directory, "tmpfs", 0, "size=256k,mode=0700") != 0 ||
        !scratch_reopen(scratch, false))
        return SKIPPED;
    for (; added < 10; added++) {
        int fd = spool_create(&scratch->spool, &scratch->error);
        if (fd < 0 || !file_write_all(fd, slice_make(bytes, sizeof bytes), &scratch->error))
            break;
        if (fsync(fd) != 0 || !spool_commit(&scratch->spool, fd, id, &scratch->error))
            return 2;
        close(fd);
    }
    if (added != 4 || scratch->error.exit_code != EX_IOERR)
        return 3;
    if (scratch_count(scratch, SPOOL_QUEUE) != 4)
        return 4;
    /* One is gone, and there is room for one again, but not for min_free. */
    if (!spool_remove(&scratch->spool, SPOOL_QUEUE, id, &scratch->error))
        return 5;
    scratch->options.min_free = 128 * 1024;
    if (scratch_add(scratch, "text", id) >= 0 || scratch->error.exit_code != EX_IOERR ||
        strstr(scratch->error.sentence, "min_free keeps 128 KiB") == NULL)
        return 6;
    scratch->options.min_free = 1024;
    return scratch_add(scratch, "text", id) >= 0 ? 0 : 7;
}

static void a_full_disk(void **state)
{
    int result = refuse_in_child(add_to_full_disk, *state);
    if (result == SKIPPED)
        skip();
    assert_int_equal(result, 0);
}

static int add_without_proc(void *context)
{
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        umount2("/proc", MNT_DETACH) != 0 || access("/proc/self/fd", F_OK) == 0)
        return SKIPPED;
    return add_one(context, 0);
}

static void an_entry_is_added_without_proc(void **state)
{
    int result = refuse_in_child(add_without_proc, *state);
    if (result == SKIPPED)
        skip();
    assert_int_equal(result, 0);
}

/* The way of an ordinary user with a spool of his own. */
static int add_as_stranger(void *context)
{
    struct scratch *scratch = context;
    char home[80];
    snprintf(home, sizeof home, "%s/home", scratch->folder);
    if (mkdir(home, 0700) != 0 || chown(home, STRANGER, STRANGER) != 0 ||
        chmod(scratch->folder, 0755) != 0 || setgroups(0, NULL) != 0 ||
        setresgid(STRANGER, STRANGER, STRANGER) != 0 ||
        setresuid(STRANGER, STRANGER, STRANGER) != 0)
        return SKIPPED;
    snprintf(scratch->directory, sizeof scratch->directory, "%s/state/queue", home);
    if (!scratch_reopen(scratch, false))
        return 20;
    int result = add_one(scratch, 0);
    return result != 0 || !refuse_unnamed(EOPNOTSUPP) ? result : add_one(scratch, 1);
}

static void an_ordinary_user_adds(void **state)
{
    int result = refuse_in_child(add_as_stranger, *state);
    if (result == SKIPPED)
        skip();
    assert_int_equal(result, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        TEST(an_entry_is_added),
        TEST(an_entry_is_added_without_unnamed_files),
        TEST(an_entry_is_added_where_little_is_supported),
        TEST(each_finds_its_own_name),
        TEST(a_directory_that_is_not_synced_takes_it_back),
        TEST(what_the_system_refuses_is_said),
        TEST(without_descriptors_nothing_is_queued),
        TEST(only_a_file_from_here_is_taken),
        TEST(signals_come_through_afterwards),
        TEST(a_signal_never_leaves_what_was_not_told),
        TEST(many_at_once),
        TEST(a_full_disk),
        TEST(an_entry_is_added_without_proc),
        TEST(an_ordinary_user_adds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

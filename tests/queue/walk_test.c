/* Goal: a walk sees each entry once, and of what others may have planted under an entry's name
 * nothing is opened as one, waited for, or disturbed. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "tests/queue/scratch.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

enum { STRANGER = 12345, MANY = 1000 };

/* What happens to the next file just before it is locked. */
static struct {
    void (*act)(const struct scratch *scratch);
    const struct scratch *scratch;
} before_lock;

/* Stands in front of libc's. */
int flock(int fd, int operation)
{
    void (*act)(const struct scratch *scratch) = before_lock.act;
    before_lock.act = NULL;
    if (act != NULL)
        act(before_lock.scratch);
    return (int)syscall(SYS_flock, fd, operation);
}

static enum spool_opened try_open(struct scratch *scratch, const char *id, bool claim)
{
    struct stat status;
    int fd = -1;
    scratch->error.exit_code = EX_OK;
    enum spool_opened opened =
        spool_open_entry(&scratch->spool, SPOOL_QUEUE, id, claim, &fd, &status, &scratch->error);
    assert_int_equal(fd >= 0, opened == SPOOL_OPENED);
    if (fd >= 0)
        close(fd);
    return opened;
}

static void assert_foreign(struct scratch *scratch, const char *words)
{
    for (int claim = 0; claim < 2; claim++) {
        assert_int_equal(try_open(scratch, SCRATCH_PLANTED, claim), SPOOL_FOREIGN);
        assert_int_equal(scratch->error.exit_code, EX_DATAERR);
        assert_non_null(strstr(scratch->error.sentence, words));
        assert_non_null(strstr(scratch->error.sentence, SCRATCH_PLANTED));
    }
}

static const char *planted(const struct scratch *scratch)
{
    return scratch_path(scratch, SCRATCH_PLANTED);
}

static void plant_file(const struct scratch *scratch, mode_t mode)
{
    int fd = open(planted(scratch), O_CREAT | O_EXCL | O_RDWR, 0600);
    assert_true(fd >= 0);
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

/* Without a sync for each, of which a disk can do so many. */
static void plant_many(const struct scratch *scratch, int count)
{
    char name[32];
    for (int i = 0; i < count; i++) {
        snprintf(name, sizeof name, "%016d", i);
        int fd = open(scratch_path(scratch, name), O_CREAT | O_EXCL | O_WRONLY, 0600);
        assert_true(fd >= 0);
        close(fd);
    }
}

static void each_entry_is_seen_once(void **state)
{
    struct scratch *scratch = *state;
    static unsigned seen[MANY];
    struct spool_name found;
    plant_many(scratch, MANY);
    static const char *const others[] = {"state", "state.0000000000000000", ".hidden000000000",
                                         "0000",  "00000000000000000",      "000000000000000~"};
    for (size_t i = 0; i < COUNT(others); i++)
        close(open(scratch_path(scratch, others[i]), O_CREAT | O_WRONLY, 0600));
    struct spool_walk *walk = spool_walk_open(&scratch->spool, SPOOL_QUEUE, &scratch->error);
    assert_non_null(walk);
    while (spool_walk_next(walk, &found, &scratch->error)) {
        assert_int_equal(found.owner, geteuid());
        assert_int_equal(found.size, 4096);
        seen[atol(found.id)]++;
    }
    assert_int_equal(scratch->error.exit_code, EX_OK);
    spool_walk_close(walk);
    for (int i = 0; i < MANY; i++)
        assert_int_equal(seen[i], 1);
    assert_int_equal(scratch_count(scratch, SPOOL_QUEUE), MANY);
}

/* What is no entry, and what waits no more, is no reason to keep a connection for. */
static void tells_whether_anything_waits(void **state)
{
    struct scratch *scratch = *state;
    char id[SPOOL_ID_SIZE];
    assert_false(spool_has_entries(&scratch->spool));
    close(open(scratch_path(scratch, "state"), O_CREAT | O_WRONLY, 0600));
    assert_false(spool_has_entries(&scratch->spool));
    int fd = scratch_add(scratch, "x", id);
    assert_true(spool_has_entries(&scratch->spool));
    assert_true(spool_move(&scratch->spool, id, SPOOL_FAILED, &scratch->error));
    assert_false(spool_has_entries(&scratch->spool));
    close(fd);
}

static void a_folder_that_is_not_there_is_empty(void **state)
{
    assert_int_equal(scratch_count(*state, SPOOL_FAILED), 0);
    assert_int_equal(scratch_count(*state, SPOOL_DAMAGED), 0);
    spool_walk_close(NULL);
    struct scratch *scratch = *state;
    assert_int_equal(symlink("/tmp", scratch_path(scratch, "failed")), 0);
    assert_int_equal(scratch_count(scratch, SPOOL_FAILED), -1);
    assert_int_equal(scratch->error.exit_code, EX_CONFIG);
}

static void entries_are_taken_out_while_walking(void **state)
{
    struct scratch *scratch = *state;
    struct spool_name found;
    int removed = 0;
    plant_many(scratch, 200);
    struct spool_walk *walk = spool_walk_open(&scratch->spool, SPOOL_QUEUE, &scratch->error);
    while (spool_walk_next(walk, &found, &scratch->error)) {
        assert_true(spool_remove(&scratch->spool, SPOOL_QUEUE, found.id, &scratch->error));
        removed++;
    }
    spool_walk_close(walk);
    assert_int_equal(removed, 200);
}

static void an_entry_is_claimed_by_one(void **state)
{
    struct scratch *scratch = *state;
    struct stat status, named;
    int fd, other;
    plant_file(scratch, 0600);
    assert_int_equal(spool_open_entry(&scratch->spool, SPOOL_QUEUE, SCRATCH_PLANTED, true, &fd,
                                      &status, &scratch->error),
                     SPOOL_OPENED);
    assert_int_equal(lstat(planted(scratch), &named), 0);
    assert_int_equal(status.st_ino, named.st_ino);
    assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDWR);
    assert_int_equal(try_open(scratch, SCRATCH_PLANTED, true), SPOOL_BUSY);
    /* To look at it, it need not be claimed. */
    assert_int_equal(spool_open_entry(&scratch->spool, SPOOL_QUEUE, SCRATCH_PLANTED, false, &other,
                                      &status, &scratch->error),
                     SPOOL_OPENED);
    close(other);
    close(fd);
    assert_int_equal(try_open(scratch, SCRATCH_PLANTED, true), SPOOL_OPENED);
}

static void what_is_no_entry_is_not_there(void **state)
{
    struct scratch *scratch = *state;
    static const char *const ids[] = {"0123456789abcdef", "state", "..", "", "../spool/0000000"};
    for (size_t i = 0; i < COUNT(ids); i++)
        assert_int_equal(try_open(scratch, ids[i], true), SPOOL_GONE);
}

static void wrong_modes(void **state)
{
    static const mode_t modes[] = {0640, 0604, 0620, 0602, 0700, 0601, 04600, 02600, 01600, 0666};
    for (size_t i = 0; i < COUNT(modes); i++) {
        plant_file(*state, modes[i]);
        assert_foreign(*state, "a file with rights for others");
        assert_int_equal(unlink(planted(*state)), 0);
    }
}

static void two_names(void **state)
{
    plant_file(*state, 0600);
    assert_int_equal(link(planted(*state), scratch_path(*state, "second")), 0);
    assert_foreign(*state, "a file with another name");
    assert_int_equal(unlink(scratch_path(*state, "second")), 0);
    assert_int_equal(try_open(*state, SCRATCH_PLANTED, true), SPOOL_OPENED);
}

static void links_are_not_followed(void **state)
{
    static const char *const targets[] = {"/nowhere", "state", "/dev/zero", SCRATCH_PLANTED};
    close(open(scratch_path(*state, "state"), O_CREAT | O_WRONLY, 0600));
    for (size_t i = 0; i < COUNT(targets); i++) {
        assert_int_equal(symlink(targets[i], planted(*state)), 0);
        assert_foreign(*state, "a link");
        assert_int_equal(unlink(planted(*state)), 0);
    }
}

static void directories_and_sockets(void **state)
{
    assert_int_equal(mkdir(planted(*state), 0700), 0);
    assert_foreign(*state, "a directory");
    assert_int_equal(rmdir(planted(*state)), 0);

    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(snprintf(address.sun_path, sizeof address.sun_path, "%s", planted(*state)) <
                (int)sizeof address.sun_path);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    assert_foreign(*state, "a socket");
    close(fd);
}

/* Whoever waits at the fifo for a reader goes on waiting. */
static void a_fifo_is_not_disturbed(void **state)
{
    int status;
    assert_int_equal(mkfifo(planted(*state), 0600), 0);
    pid_t pid = fork();
    if (pid == 0)
        _exit(open(planted(*state), O_WRONLY) >= 0);
    usleep(20000);
    for (int i = 0; i < 20; i++)
        assert_foreign(*state, "a fifo");
    usleep(20000);
    assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
}

static void a_device_is_not_opened(void **state)
{
    if (geteuid() != 0 || mknod(planted(*state), S_IFCHR | 0600, makedev(1, 5)) != 0)
        skip();
    assert_foreign(*state, "a device");
}

static void a_file_of_holes(void **state)
{
    struct scratch *scratch = *state;
    plant_file(scratch, 0600);
    assert_int_equal(truncate(planted(scratch), (64 << 20) + 1), 0);
    assert_foreign(scratch, "a file of holes");
    assert_int_equal(truncate(planted(scratch), 64 << 20), 0);
    assert_int_equal(try_open(scratch, SCRATCH_PLANTED, true), SPOOL_OPENED);
    /* What is really there stays an entry, also where max_size was made smaller since. */
    scratch->options.max_size = 1;
    assert_int_equal(truncate(planted(scratch), 4096), 0);
    assert_int_equal(try_open(scratch, SCRATCH_PLANTED, true), SPOOL_OPENED);
}

/* The owner of an entry may take a lease on it: opening it would wait for him to give it up. */
static void a_lease_is_not_waited_for(void **state)
{
    plant_file(*state, 0600);
    int ready[2], status;
    char byte;
    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();
    if (pid == 0) {
        signal(SIGIO, SIG_IGN);
        int fd = open(planted(*state), O_RDWR);
        byte = fd >= 0 && fcntl(fd, F_SETLEASE, F_WRLCK) == 0 ? '+' : '-';
        if (write(ready[1], &byte, 1) == 1)
            pause();
        _exit(0);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    if (byte == '+')
        assert_int_equal(try_open(*state, SCRATCH_PLANTED, true), SPOOL_BUSY);
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    close(ready[0]);
    close(ready[1]);
    if (byte != '+')
        skip();
}

static void whose_it_is(void **state)
{
    struct scratch *scratch = *state;
    struct stat status;
    int fd;
    if (geteuid() != 0)
        skip();
    plant_file(scratch, 0600);
    assert_int_equal(chown(planted(scratch), STRANGER, (gid_t)-1), 0);
    assert_foreign(scratch, "a file of another user's");
    assert_true(scratch_reopen(scratch, true));
    assert_int_equal(spool_open_entry(&scratch->spool, SPOOL_QUEUE, SCRATCH_PLANTED, true, &fd,
                                      &status, &scratch->error),
                     SPOOL_OPENED);
    assert_int_equal(status.st_uid, STRANGER);
    close(fd);
}

/* While one has it in hand, it is renamed, replaced or unlinked by its owner: nobody who comes then
 * claims what is not under that name. The children exchange the file as fast as they can. */
static void a_name_that_changes_hands(void **state)
{
    struct scratch *scratch = *state;
    int status;
    plant_file(scratch, 0600);
    pid_t pid = fork();
    if (pid == 0) {
        for (;;) {
            rename(planted(scratch), scratch_path(scratch, "aside"));
            close(open(planted(scratch), O_CREAT | O_EXCL | O_WRONLY, 0600));
            unlink(planted(scratch));
            mkfifo(planted(scratch), 0600);
            unlink(planted(scratch));
            rename(scratch_path(scratch, "aside"), planted(scratch));
            if (link(planted(scratch), scratch_path(scratch, "second")) == 0)
                unlink(scratch_path(scratch, "second"));
            if (symlink("aside", scratch_path(scratch, "linked")) == 0)
                rename(scratch_path(scratch, "linked"), planted(scratch));
            unlink(planted(scratch));
        }
    }
    unsigned counts[SPOOL_FAILURE + 1] = {0};
    for (int i = 0; i < 1000; i++)
        counts[try_open(scratch, SCRATCH_PLANTED, true)]++;
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(counts[SPOOL_FAILURE], 0);
    assert_int_equal(counts[SPOOL_BUSY], 0);
}

static void move_away(const struct scratch *scratch)
{
    assert_int_equal(rename(planted(scratch), scratch_path(scratch, "failed/" SCRATCH_PLANTED)), 0);
}

static void unlink_it(const struct scratch *scratch)
{
    assert_int_equal(unlink(planted(scratch)), 0);
}

static void put_another_there(const struct scratch *scratch)
{
    move_away(scratch);
    plant_file(scratch, 0600);
}

static void put_a_fifo_there(const struct scratch *scratch)
{
    move_away(scratch);
    assert_int_equal(mkfifo(planted(scratch), 0600), 0);
}

static void put_a_link_there(const struct scratch *scratch)
{
    move_away(scratch);
    assert_int_equal(symlink("failed/" SCRATCH_PLANTED, planted(scratch)), 0);
}

static void name_it_twice(const struct scratch *scratch)
{
    assert_int_equal(link(planted(scratch), scratch_path(scratch, "failed/second")), 0);
}

static void open_it_to_others(const struct scratch *scratch)
{
    assert_int_equal(chmod(planted(scratch), 0666), 0);
}

static void leave_it(const struct scratch *scratch)
{
    (void)scratch;
}

/* Between opening and locking it, all can happen that whoever had the lock before, or the owner at
 * any time, can do. */
static void what_is_claimed_is_what_was_found(void **state)
{
    static const struct {
        void (*act)(const struct scratch *scratch);
        enum spool_opened opened;
    } cases[] = {
        {leave_it, SPOOL_OPENED},          {move_away, SPOOL_GONE},
        {unlink_it, SPOOL_GONE},           {put_another_there, SPOOL_GONE},
        {put_a_fifo_there, SPOOL_FOREIGN}, {put_a_link_there, SPOOL_FOREIGN},
        {name_it_twice, SPOOL_FOREIGN},    {open_it_to_others, SPOOL_FOREIGN},
    };
    struct scratch *scratch = *state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_int_equal(mkdir(scratch_path(scratch, "failed"), 0700), 0);
        plant_file(scratch, 0600);
        before_lock.act = cases[i].act;
        before_lock.scratch = scratch;
        assert_int_equal(try_open(scratch, SCRATCH_PLANTED, true), cases[i].opened);
        assert_null(before_lock.act);
        unlink(planted(scratch));
        assert_int_equal(folder_remove(scratch_path(scratch, "failed")), 0);
    }
}

enum { CLAIMERS = 4, ENTRIES = 100 };

static int claim_all(struct scratch *scratch, int out)
{
    struct spool_name name;
    struct stat status;
    int fd;
    struct spool_walk *walk = spool_walk_open(&scratch->spool, SPOOL_QUEUE, &scratch->error);
    if (walk == NULL)
        return 1;
    while (spool_walk_next(walk, &name, &scratch->error)) {
        if (spool_open_entry(&scratch->spool, SPOOL_QUEUE, name.id, true, &fd, &status,
                             &scratch->error) != SPOOL_OPENED)
            continue;
        bool done = write(out, "+", 1) == 1 &&
                    spool_remove(&scratch->spool, SPOOL_QUEUE, name.id, &scratch->error);
        close(fd);
        if (!done)
            return 2;
    }
    spool_walk_close(walk);
    return scratch->error.exit_code == EX_OK ? 0 : 3;
}

/* Each entry is finished by one of many, and not again by a second that opened it before. */
static void each_is_finished_once(void **state)
{
    struct scratch *scratch = *state;
    char byte;
    int told[2], status, finished = 0;
    plant_many(scratch, ENTRIES);
    assert_int_equal(pipe(told), 0);
    pid_t pids[CLAIMERS];
    for (int i = 0; i < CLAIMERS; i++) {
        pids[i] = fork();
        if (pids[i] == 0)
            _exit(scratch_reopen(scratch, false) ? claim_all(scratch, told[1]) : 9);
    }
    close(told[1]);
    for (int i = 0; i < CLAIMERS; i++) {
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_int_equal(status, 0);
    }
    while (read(told[0], &byte, 1) == 1)
        finished++;
    close(told[0]);
    assert_int_equal(finished, ENTRIES);
    assert_int_equal(scratch_count(scratch, SPOOL_QUEUE), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        TEST(each_entry_is_seen_once),
        TEST(tells_whether_anything_waits),
        TEST(a_folder_that_is_not_there_is_empty),
        TEST(entries_are_taken_out_while_walking),
        TEST(an_entry_is_claimed_by_one),
        TEST(what_is_no_entry_is_not_there),
        TEST(wrong_modes),
        TEST(two_names),
        TEST(links_are_not_followed),
        TEST(directories_and_sockets),
        TEST(a_fifo_is_not_disturbed),
        TEST(a_device_is_not_opened),
        TEST(a_file_of_holes),
        TEST(a_lease_is_not_waited_for),
        TEST(whose_it_is),
        TEST(a_name_that_changes_hands),
        TEST(what_is_claimed_is_what_was_found),
        TEST(each_is_finished_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

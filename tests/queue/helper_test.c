/* Goal: the helper does its few things for its caller's own entries, and nothing else for anybody:
 * whatever else it is sent ends it. As root also: who was started set-group-ID has the group no
 * more, and what holds it has nothing of the caller's. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/packet.h"
#include "queue/helper.h"
#include "queue/helper_server.h"
#include "queue/helper_task.h"
#include "tests/support/child.h"
#include "tests/support/folder.h"

enum { USER = 54321, GROUP = 54322, OTHER = 54323 };

static char directory[64];
static bool misconfigured;

static bool configure(struct spool_options *options, struct error *error)
{
    if (misconfigured)
        return error_set(error, EX_CONFIG, "config.ini:7: [queue] directory: no path");
    *options = (struct spool_options){
        .directory = directory, .max_size = 16 * 1024 * 1024, .keep_failed = 1000};
    return true;
}

static int make_spool(void **state)
{
    (void)state;
    misconfigured = false;
    snprintf(directory, sizeof directory, "/tmp/helper_test.XXXXXX");
    return mkdtemp(directory) != NULL ? 0 : -1;
}

static int remove_spool(void **state)
{
    (void)state;
    return folder_remove(directory);
}

static char *path_of(char path[128], const char *name)
{
    snprintf(path, 128, "%s/%s", directory, name);
    return path;
}

static bool exists(const char *name)
{
    char path[128];
    struct stat status;
    return lstat(path_of(path, name), &status) == 0;
}

/* How many descriptors a process has; 0 when we may not look. */
static unsigned count_descriptors(pid_t pid)
{
    char path[64], target[64];
    unsigned count = 0;
    for (int fd = 0; fd < 256; fd++) {
        snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)pid, fd);
        count += readlink(path, target, sizeof target) >= 0;
    }
    return count;
}

/* --- a server of our own, in a process of its own */
static void serve(struct helper *helper)
{
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(ends[0]);
        helper_server_run(ends[1], configure);
        _exit(0);
    }
    close(ends[1]);
    *helper = (struct helper){.socket = ends[0], .pid = pid};
}

/* It ended by itself, and in good order. */
static void assert_ended(struct helper *helper)
{
    int status;
    assert_int_equal(waitpid(helper->pid, &status, 0), helper->pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    close(helper->socket);
    *helper = (struct helper){.socket = -1};
}

static void end(struct helper *helper)
{
    shutdown(helper->socket, SHUT_WR);
    assert_ended(helper);
}

static void add(struct helper *helper, const char *content, char id[SPOOL_ID_SIZE])
{
    struct error error = {.exit_code = EX_OK};
    int fd = helper_create(helper, &error);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, strlen(content)), (ssize_t)strlen(content));
    assert_int_equal(fsync(fd), 0);
    assert_true(helper_commit(helper, fd, id, &error));
    close(fd);
}

/* --- what it does */
static void test_life_of_an_entry(void **state)
{
    (void)state;
    struct helper helper;
    struct error error = {.exit_code = EX_OK};
    struct stat status;
    char id[SPOOL_ID_SIZE], content[16], path[128];
    int fd;
    serve(&helper);
    add(&helper, "hello", id);
    assert_true(spool_is_id(slice_of(id)));
    assert_int_equal(stat(path_of(path, id), &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    assert_int_equal(status.st_nlink, 1);

    assert_int_equal(helper_open(&helper, SPOOL_QUEUE, id, &fd, &error), SPOOL_OPENED);
    assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    assert_int_equal(pread(fd, content, sizeof content, 0), 5);
    assert_memory_equal(content, "hello", 5);
    /* No lock of the helper's is in our way. */
    assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
    close(fd);
    assert_int_equal(helper_open(&helper, SPOOL_FAILED, id, &fd, &error), SPOOL_GONE);

    assert_true(helper_remove(&helper, SPOOL_QUEUE, id, &error));
    assert_false(exists(id));
    assert_int_equal(helper_open(&helper, SPOOL_QUEUE, id, &fd, &error), SPOOL_GONE);
    assert_int_equal(fd, -1);
    end(&helper);
}

static void test_new_file_is_locked(void **state)
{
    (void)state;
    struct helper helper;
    struct error error;
    char path[64];
    serve(&helper);
    int fd = helper_create(&helper, &error);
    assert_true(fd >= 0);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int again = open(path, O_RDWR | O_CLOEXEC);
    assert_true(again >= 0);
    assert_int_equal(flock(again, LOCK_EX | LOCK_NB), -1);
    close(again);
    close(fd);
    end(&helper);
}

static size_t count_walk(struct helper *helper, enum spool_folder folder)
{
    struct error error = {.exit_code = EX_OK};
    struct spool_name name;
    size_t count = 0;
    assert_true(helper_walk(helper, folder, &error));
    while (helper_walk_next(helper, &name, &error)) {
        assert_int_equal(name.owner, getuid());
        assert_true(spool_is_id(slice_of(name.id)));
        count++;
    }
    assert_int_equal(error.exit_code, EX_OK);
    return count;
}

static void test_walk(void **state)
{
    (void)state;
    struct helper helper;
    struct spool_name name;
    struct error error = {.exit_code = EX_OK};
    char ids[3][SPOOL_ID_SIZE];
    serve(&helper);
    /* Without a beginning it is at its end. */
    assert_false(helper_walk_next(&helper, &name, &error));
    assert_int_equal(error.exit_code, EX_OK);
    assert_int_equal(count_walk(&helper, SPOOL_QUEUE), 0);
    for (size_t i = 0; i < 3; i++)
        add(&helper, "x", ids[i]);
    assert_int_equal(count_walk(&helper, SPOOL_QUEUE), 3);
    assert_int_equal(count_walk(&helper, SPOOL_FAILED), 0);
    /* One begun anew, with other work in between. */
    assert_true(helper_walk(&helper, SPOOL_QUEUE, &error));
    assert_true(helper_walk_next(&helper, &name, &error));
    assert_true(helper_remove(&helper, SPOOL_QUEUE, ids[0], &error));
    assert_int_equal(count_walk(&helper, SPOOL_QUEUE), 2);
    end(&helper);
}

static void test_state(void **state)
{
    (void)state;
    struct helper helper;
    struct stat status;
    char path[128], content[8];
    time_t stamp = 1;
    serve(&helper);
    assert_int_equal(helper_open_state(&helper, &stamp), -1);
    assert_int_equal(stamp, 0);
    int fd = open(path_of(path, "state"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, "known", 5), 5);
    assert_int_equal(fstat(fd, &status), 0);
    close(fd);
    fd = helper_open_state(&helper, &stamp);
    assert_true(fd >= 0);
    assert_int_equal(stamp, status.st_mtime);
    assert_int_equal(read(fd, content, sizeof content), 5);
    assert_int_equal(write(fd, "x", 1), -1);
    close(fd);
    end(&helper);
}

static void test_errors_come_across(void **state)
{
    (void)state;
    struct helper helper;
    struct error error = {.exit_code = EX_OK};
    misconfigured = true;
    serve(&helper);
    assert_int_equal(helper_create(&helper, &error), -1);
    assert_int_equal(error.exit_code, EX_CONFIG);
    assert_string_equal(error.sentence, "config.ini:7: [queue] directory: no path");
    end(&helper);
}

/* The caller's own, though it can be no entry, can be taken away; that it was none is no error. */
static void test_what_is_no_entry_is_removed(void **state)
{
    (void)state;
    struct helper helper;
    struct error error = {.exit_code = EX_OK};
    char id[SPOOL_ID_SIZE], path[128];
    int fd;
    serve(&helper);
    add(&helper, "x", id);
    assert_int_equal(chmod(path_of(path, id), 0644), 0);
    assert_int_equal(helper_open(&helper, SPOOL_QUEUE, id, &fd, &error), SPOOL_FOREIGN);
    error = (struct error){.exit_code = EX_OK};
    assert_true(helper_remove(&helper, SPOOL_QUEUE, id, &error));
    assert_int_equal(error.exit_code, EX_OK);
    assert_false(exists(id));
    end(&helper);
}

/* Descriptors are gone with each answer. */
static void test_nothing_grows(void **state)
{
    (void)state;
    struct helper helper;
    struct error error;
    char id[SPOOL_ID_SIZE];
    int fd;
    serve(&helper);
    add(&helper, "x", id);
    /* What was given is closed behind the answer: this one brought nothing. */
    assert_int_equal(count_walk(&helper, SPOOL_QUEUE), 1);
    unsigned before = count_descriptors(helper.pid);
    assert_true(before > 0);
    for (unsigned i = 0; i < 20; i++) {
        assert_int_equal(helper_open(&helper, SPOOL_QUEUE, id, &fd, &error), SPOOL_OPENED);
        assert_false(helper_commit(&helper, fd, id, &error));
        close(fd);
        add(&helper, "x", id);
        helper_walk(&helper, SPOOL_QUEUE, &error);
        assert_true(helper_remove(&helper, SPOOL_QUEUE, id, &error));
        add(&helper, "x", id);
    }
    while (helper_walk_next(&helper, &(struct spool_name){.owner = 0}, &error))
        continue;
    assert_int_equal(count_descriptors(helper.pid), before);
    end(&helper);
}

/* --- what it does not */
static const char good_id[] = "0123456789ABCDEF";

/* Each in place of what is asked of a helper that has something to give away. */
static void test_illegal_requests(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        struct helper_request request;
        size_t size;
        bool descriptor;
    } cases[] = {
        {"no task", {.task = HELPER_TASKS}, 0, false},
        {"a far task", {.task = UINT32_MAX}, 0, false},
        {"too short", {.task = HELPER_WALK}, sizeof(struct helper_request) - 1, false},
        {"one octet", {.task = HELPER_WALK}, 1, false},
        {"too long", {.task = HELPER_WALK}, sizeof(struct helper_request) + 1, false},
        {"what is set aside", {.task = HELPER_WALK, .folder = SPOOL_DAMAGED}, 0, false},
        {"a far folder", {.task = HELPER_WALK, .folder = UINT32_MAX}, 0, false},
        {"a folder to create in", {.task = HELPER_CREATE, .folder = SPOOL_FAILED}, 0, false},
        {"a folder to commit to", {.task = HELPER_COMMIT, .folder = SPOOL_FAILED}, 0, true},
        {"an id to commit to", {.task = HELPER_COMMIT, .id = "0123456789ABCDEF"}, 0, true},
        {"an id to walk", {.task = HELPER_WALK, .id = "0123456789ABCDEF"}, 0, false},
        {"no id", {.task = HELPER_OPEN}, 0, false},
        {"a path up", {.task = HELPER_OPEN, .id = "../../etc/passwd"}, 0, false},
        {"a path down", {.task = HELPER_OPEN, .id = "failed/01234567a"}, 0, false},
        {"a short id", {.task = HELPER_OPEN, .id = "0123456789ABCDE"}, 0, false},
        {"an id without end", {.task = HELPER_OPEN, .id = "0123456789ABCDEFG"}, 0, false},
        {"state as an id", {.task = HELPER_REMOVE, .id = "state"}, 0, false},
        {"more than is meant",
         {.task = HELPER_OPEN, .id = "0123456789ABCDEF", .unused = "x"},
         0,
         false},
        {"a descriptor to open", {.task = HELPER_OPEN, .id = "0123456789ABCDEF"}, 0, true},
        {"a descriptor to create", {.task = HELPER_CREATE}, 0, true},
        {"none to commit", {.task = HELPER_COMMIT}, 0, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char packet[sizeof cases[i].request + 1] = {0};
        struct helper helper;
        size_t size = cases[i].size != 0 ? cases[i].size : sizeof cases[i].request;
        memcpy(packet, &cases[i].request, sizeof cases[i].request);
        serve(&helper);
        assert_true(
            packet_send(helper.socket, packet, size, cases[i].descriptor ? STDERR_FILENO : -1));
        /* Nothing is answered. */
        char answer;
        if (recv(helper.socket, &answer, 1, 0) > 0)
            fail_msg("%s: was answered", cases[i].what);
        assert_ended(&helper);
    }
    assert_string_equal(good_id, cases[9].request.id);
}

static void test_two_descriptors(void **state)
{
    (void)state;
    struct helper helper;
    struct helper_request request;
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(2 * sizeof(int))];
    } control;
    static const int both[2] = {STDIN_FILENO, STDERR_FILENO};
    memset(&request, 0, sizeof request);
    memset(&control, 0, sizeof control);
    request.task = HELPER_COMMIT;
    control.header = (struct cmsghdr){
        .cmsg_len = CMSG_LEN(sizeof both), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    memcpy(CMSG_DATA(&control.header), both, sizeof both);
    struct iovec part = {.iov_base = &request, .iov_len = sizeof request};
    const struct msghdr message = {.msg_iov = &part,
                                   .msg_iovlen = 1,
                                   .msg_control = control.bytes,
                                   .msg_controllen = sizeof control.bytes};
    serve(&helper);
    assert_int_equal(sendmsg(helper.socket, &message, MSG_NOSIGNAL), sizeof request);
    assert_ended(&helper);
}

static int open_in_spool(const char *name, int flags, mode_t mode)
{
    char path[128];
    int fd = open(path_of(path, name), flags | O_CLOEXEC, mode);
    assert_true(fd >= 0);
    return fd;
}

static int open_memory(void)
{
    int fd = memfd_create("x", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(fchmod(fd, 0600), 0);
    return fd;
}

/* What the caller has, but not from the helper. */
static void test_descriptors_that_are_no_entry(void **state)
{
    (void)state;
    struct helper helper;
    struct error error;
    char id[SPOOL_ID_SIZE], queued[SPOOL_ID_SIZE];
    int pipes[2], opened;
    serve(&helper);
    add(&helper, "x", queued);
    assert_int_equal(helper_open(&helper, SPOOL_QUEUE, queued, &opened, &error), SPOOL_OPENED);
    assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
    const struct {
        const char *what;
        int fd;
    } cases[] = {
        {"a directory", open_in_spool(".", O_RDONLY | O_DIRECTORY, 0)},
        {"a pipe", pipes[0]},
        {"an entry that is queued", opened},
        {"a name elsewhere", open_in_spool("named", O_RDWR | O_CREAT, 0600)},
        {"rights for others", open_in_spool(".", O_TMPFILE | O_RDWR, 0644)},
        {"a program", open_in_spool(".", O_TMPFILE | O_RDWR, 0700)},
        {"another file system", open_memory()},
        {"a device", open("/dev/null", O_RDWR | O_CLOEXEC)},
        {"no rights at all", open_in_spool("named", O_PATH, 0)},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        error.exit_code = EX_OK;
        assert_true(cases[i].fd >= 0);
        if (helper_commit(&helper, cases[i].fd, id, &error) || error.exit_code == EX_OK)
            fail_msg("%s: got a place in the spool", cases[i].what);
        close(cases[i].fd);
    }
    close(pipes[1]);
    assert_int_equal(count_walk(&helper, SPOOL_QUEUE), 1);
    end(&helper);
}

/* It can be killed by its owner at any time: then there is an error, and nobody hangs or dies. */
static void test_helper_is_gone(void **state)
{
    (void)state;
    struct helper helper;
    struct spool_name name;
    struct error error;
    char id[SPOOL_ID_SIZE];
    time_t stamp;
    int fd, status;
    serve(&helper);
    kill(helper.pid, SIGKILL);
    assert_int_equal(waitpid(helper.pid, &status, 0), helper.pid);
    assert_int_equal(helper_create(&helper, &error), -1);
    assert_int_equal(error.exit_code, EX_OSERR);
    assert_false(helper_commit(&helper, STDIN_FILENO, id, &error));
    assert_non_null(strstr(error.sentence, "whether the message was queued is not known"));
    assert_false(helper_walk(&helper, SPOOL_QUEUE, &error));
    error.exit_code = EX_OK;
    assert_false(helper_walk_next(&helper, &name, &error));
    assert_int_equal(error.exit_code, EX_OSERR);
    assert_int_equal(helper_open(&helper, SPOOL_QUEUE, good_id, &fd, &error), SPOOL_FAILURE);
    assert_false(helper_remove(&helper, SPOOL_QUEUE, good_id, &error));
    assert_int_equal(helper_open_state(&helper, &stamp), -1);
    close(helper.socket);
}

static void test_no_helper(void **state)
{
    (void)state;
    struct helper helper = {0};
    struct error error;
    helper_stop(&helper);
    assert_true(helper_start(&helper, configure, &error));
    assert_int_equal(helper.pid, 0);
    helper_stop(&helper);
    helper_stop(&helper);
    assert_true(fcntl(STDIN_FILENO, F_GETFD) != -1);
}

/* --- a real start, as root: each in a process of its own, whose exit status is the line of the
 * check that failed */
static const char others_id[] = "others0123456789";

/* The system's spool, with an entry of another user. */
static int make_system_spool(void **state)
{
    static const char *const folders[] = {".", "failed", "tmp"};
    char path[128];
    if (make_spool(state) != 0)
        return -1;
    if (geteuid() != 0)
        return 0;
    for (size_t i = 0; i < 3; i++) {
        mkdir(path_of(path, folders[i]), 0700);
        if (chown(path, 0, GROUP) != 0 || chmod(path, 01770) != 0)
            return -1;
    }
    int fd = open(path_of(path, others_id), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    int owned = fchown(fd, OTHER, GROUP);
    close(fd);
    return owned;
}

static int start_as_user(struct helper *helper)
{
    struct error error;
    CHECK(setgroups(0, NULL) == 0);
    CHECK(setresgid(USER, GROUP, GROUP) == 0 && setresuid(USER, USER, USER) == 0);
    CHECK(helper_start(helper, configure, &error));
    CHECK(helper->pid > 0 && helper->socket > STDERR_FILENO);
    return 0;
}

static bool add_quietly(struct helper *helper, char id[SPOOL_ID_SIZE])
{
    struct error error;
    int fd = helper_create(helper, &error);
    bool added = fd >= 0 && helper_commit(helper, fd, id, &error);
    if (fd >= 0)
        close(fd);
    /* The helper has let go of it already. */
    bool free = added && helper_open(helper, SPOOL_QUEUE, id, &fd, &error) == SPOOL_OPENED;
    if (!free)
        return false;
    free = flock(fd, LOCK_EX | LOCK_NB) == 0;
    close(fd);
    return free;
}

static int serve_own_alone(void)
{
    struct helper helper;
    struct spool_name name;
    struct error error = {.exit_code = EX_OK};
    struct stat status;
    char id[SPOOL_ID_SIZE], path[128];
    int fd;
    CHECK(start_as_user(&helper) == 0);
    CHECK(getegid() == USER && setegid(GROUP) != 0);
    CHECK(open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC) == -1 && errno == EACCES);
    CHECK(stat(path_of(path, others_id), &status) == -1 && errno == EACCES);

    CHECK(add_quietly(&helper, id));
    CHECK(helper_walk(&helper, SPOOL_QUEUE, &error));
    CHECK(helper_walk_next(&helper, &name, &error));
    CHECK(strcmp(name.id, id) == 0 && name.owner == USER);
    CHECK(!helper_walk_next(&helper, &name, &error) && error.exit_code == EX_OK);
    CHECK(helper_open(&helper, SPOOL_QUEUE, id, &fd, &error) == SPOOL_OPENED);
    CHECK(fstat(fd, &status) == 0 && status.st_uid == USER);
    close(fd);

    /* Another's is as if it were not there. */
    CHECK(helper_open(&helper, SPOOL_QUEUE, others_id, &fd, &error) == SPOOL_GONE);
    CHECK(fd == -1);
    CHECK(!helper_remove(&helper, SPOOL_QUEUE, others_id, &error));
    CHECK(helper_remove(&helper, SPOOL_QUEUE, id, &error));
    CHECK(helper_open(&helper, SPOOL_QUEUE, id, &fd, &error) == SPOOL_GONE);
    helper_stop(&helper);
    return 0;
}

static void test_own_alone(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    assert_good_in_child(serve_own_alone);
    assert_true(exists(others_id));
}

static int become_without_descriptors(void)
{
    struct helper helper;
    char id[SPOOL_ID_SIZE];
    for (int fd = 0; fd < 3; fd++)
        close(fd);
    CHECK(start_as_user(&helper) == 0);
    for (int fd = 0; fd < 3; fd++)
        CHECK(fcntl(fd, F_GETFD) == -1);
    CHECK(add_quietly(&helper, id));
    return 0;
}

static int become_with_signals_against_it(void)
{
    struct helper helper;
    char id[SPOOL_ID_SIZE];
    sigset_t all;
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_IGN);
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    alarm(1000);
    CHECK(start_as_user(&helper) == 0);
    CHECK(add_quietly(&helper, id));
    /* And the other way round: what comes by the terminal, or to it, is not heard. */
    for (int number = 1; number < 32; number++) {
        if (number != SIGKILL && number != SIGSTOP)
            kill(helper.pid, number);
    }
    CHECK(add_quietly(&helper, id));
    CHECK(getsid(helper.pid) == helper.pid);
    return 0;
}

/* A folder that is gone, a file size of nothing, a mask that forbids all. */
static int become_under_limits(void)
{
    struct helper helper;
    char id[SPOOL_ID_SIZE];
    static const struct rlimit nothing = {0, 0};
    CHECK(setrlimit(RLIMIT_FSIZE, &nothing) == 0 && setrlimit(RLIMIT_CORE, &nothing) == 0);
    umask(0777);
    CHECK(start_as_user(&helper) == 0);
    CHECK(add_quietly(&helper, id));
    return 0;
}

/* Whoever was forked may use it on after its parent. */
static int outlive_parent(void)
{
    struct helper helper;
    char id[SPOOL_ID_SIZE];
    CHECK(start_as_user(&helper) == 0);
    pid_t pid = fork();
    if (pid == 0)
        _exit(add_quietly(&helper, id) ? 0 : 1);
    close(helper.socket);
    int status;
    CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    /* It ends with the last of them. */
    CHECK(waitpid(helper.pid, &status, 0) == helper.pid);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    return 0;
}

static int start_as_root(void)
{
    struct helper helper;
    struct error error;
    CHECK(setresgid(0, GROUP, GROUP) == 0);
    CHECK(helper_start(&helper, configure, &error));
    CHECK(helper.pid == 0 && getegid() == 0);
    gid_t real, effective, saved;
    CHECK(getresgid(&real, &effective, &saved) == 0 && saved == 0);
    return 0;
}

static void test_starts(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    assert_good_in_child(become_without_descriptors);
    assert_good_in_child(become_with_signals_against_it);
    assert_good_in_child(become_under_limits);
    assert_good_in_child(outlive_parent);
    assert_good_in_child(start_as_root);
}

/* And with the last answer no descriptor came. */
static bool do_everything(struct helper *helper)
{
    struct error error = {.exit_code = EX_OK};
    struct spool_name name;
    char id[SPOOL_ID_SIZE];
    int fd;
    if (!add_quietly(helper, id) ||
        helper_open(helper, SPOOL_QUEUE, id, &fd, &error) != SPOOL_OPENED)
        return false;
    close(fd);
    if (!helper_walk(helper, SPOOL_QUEUE, &error))
        return false;
    while (helper_walk_next(helper, &name, &error))
        continue;
    return error.exit_code == EX_OK;
}

/* What root sees of a helper whose caller handed down whatever he had. */
static void test_nothing_is_inherited(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    int ready[2], go[2];
    pid_t told[2];
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(go), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct helper helper;
        char byte;
        /* The spool is in /tmp, from where the helper must be gone too. */
        if (chdir("/tmp") != 0 || dup2(ready[1], 200) != 200 || start_as_user(&helper) != 0)
            _exit(1);
        if (!do_everything(&helper))
            _exit(1);
        told[0] = helper.pid;
        close(go[1]);
        if (write(ready[1], told, sizeof told) != sizeof told)
            _exit(1);
        _exit(read(go[0], &byte, 1) == 0 ? 0 : 1);
    }
    close(go[0]);
    assert_int_equal(read(ready[0], told, sizeof told), sizeof told);

    char path[64], target[256];
    unsigned sockets = 0, spools = 0;
    for (int fd = 0; fd < 256; fd++) {
        snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)told[0], fd);
        ssize_t length = readlink(path, target, sizeof target - 1);
        if (length < 0)
            continue;
        target[length] = '\0';
        if (strncmp(target, "socket:", 7) == 0)
            sockets++;
        else if (strcmp(target, directory) == 0)
            spools++;
        else
            assert_string_equal(target, "/");
    }
    assert_int_equal(sockets, 1);
    assert_int_equal(spools, 1);
    snprintf(path, sizeof path, "/proc/%d/cwd", (int)told[0]);
    ssize_t length = readlink(path, target, sizeof target);
    assert_true(length == 1 && target[0] == '/');
    /* What is not dumpable belongs to root in /proc. */
    struct stat status;
    snprintf(path, sizeof path, "/proc/%d/mem", (int)told[0]);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_uid, 0);

    int end;
    close(go[1]);
    assert_int_equal(waitpid(pid, &end, 0), pid);
    assert_int_equal(end, 0);
    close(ready[0]);
    close(ready[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_life_of_an_entry, make_spool, remove_spool),
        cmocka_unit_test_setup_teardown(test_new_file_is_locked, make_spool, remove_spool),
        cmocka_unit_test_setup_teardown(test_walk, make_spool, remove_spool),
        cmocka_unit_test_setup_teardown(test_state, make_spool, remove_spool),
        cmocka_unit_test_setup_teardown(test_errors_come_across, make_spool, remove_spool),
        cmocka_unit_test_setup_teardown(test_what_is_no_entry_is_removed, make_spool, remove_spool),
        cmocka_unit_test_setup_teardown(test_nothing_grows, make_spool, remove_spool),
        cmocka_unit_test_setup_teardown(test_illegal_requests, make_spool, remove_spool),
        cmocka_unit_test_setup_teardown(test_two_descriptors, make_spool, remove_spool),
        cmocka_unit_test_setup_teardown(test_descriptors_that_are_no_entry, make_spool,
                                        remove_spool),
        cmocka_unit_test_setup_teardown(test_helper_is_gone, make_spool, remove_spool),
        cmocka_unit_test(test_no_helper),
        cmocka_unit_test_setup_teardown(test_own_alone, make_system_spool, remove_spool),
        cmocka_unit_test_setup_teardown(test_starts, make_system_spool, remove_spool),
        cmocka_unit_test_setup_teardown(test_nothing_is_inherited, make_system_spool, remove_spool),
    };
    return cmocka_run_group_tests_name("helper", tests, NULL, NULL);
}

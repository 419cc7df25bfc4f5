/* The side of the helper that whoever was started set-group-ID is on: it starts the helper, gives
 * the group up and asks. The helper is this very program, and yet its answers are checked: who may
 * stop or kill it owns both. */
#include "queue/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/packet.h"
#include "base/privilege.h"
#include "base/process.h"
#include "base/text.h"
#include "queue/helper_server.h"
#include "queue/helper_task.h"

/* --- its start and its end */
static bool has_foreign_group(void)
{
    gid_t real, effective, saved;
    return getresgid(&real, &effective, &saved) == 0 && (effective != real || saved != real);
}

/* Above 2, which may be closed: those are not ours to take. */
static bool lift(int *fd)
{
    int lifted = fcntl(*fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    int reason = errno;
    close(*fd);
    *fd = lifted;
    errno = reason;
    return lifted >= 0;
}

static bool make_sockets(int ends[2])
{
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return false;
    bool lifted = lift(&ends[0]);
    int reason = errno;
    if (lift(&ends[1]) && lifted)
        return true;
    reason = lifted ? errno : reason;
    for (int i = 0; i < 2; i++) {
        if (ends[i] >= 0)
            close(ends[i]);
    }
    errno = reason;
    return false;
}

/* The first lines of the helper, and its last. */
static void help(int socket, helper_configure *configure)
{
    if (process_seclude(socket)) {
        prctl(PR_SET_NAME, "sendmail-helper");
        helper_server_run(socket, configure);
    }
    _exit(EX_OK);
}

static bool start(struct helper *helper, helper_configure *configure, struct error *error)
{
    int ends[2];
    if (!make_sockets(ends))
        return error_set_errno(error, EX_OSERR, "start: no socket for the spool's helper");
    /* Before there are two of us, so that nobody can look into either. */
    prctl(PR_SET_DUMPABLE, 0);
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        help(ends[1], configure);
    }
    int reason = errno;
    close(ends[1]);
    if (pid > 0) {
        *helper = (struct helper){.socket = ends[0], .pid = pid};
        return true;
    }
    close(ends[0]);
    errno = reason;
    return error_set_errno(error, EX_OSERR, "start: the spool's helper cannot be started");
}

bool helper_start(struct helper *helper, helper_configure *configure, struct error *error)
{
    struct error later;
    *helper = (struct helper){.socket = -1};
    bool started = !has_foreign_group() || geteuid() == 0 || start(helper, configure, error);
    if (privilege_drop_group(started ? error : &later))
        return started;
    helper_stop(helper);
    return false;
}

void helper_stop(struct helper *helper)
{
    if (helper->pid <= 0)
        return;
    close(helper->socket);
    /* Whatever it did is done; who else has the socket may need it for long. */
    waitpid(helper->pid, NULL, WNOHANG);
    *helper = (struct helper){.socket = -1};
}

/* --- why there is none */
static bool has_set_group_id_bit(void)
{
    struct stat program;
    return stat("/proc/self/exe", &program) == 0 && (program.st_mode & S_ISGID) != 0;
}

static bool is_on_nosuid(void)
{
    struct statvfs system;
    return statvfs("/proc/self/exe", &system) == 0 && (system.f_flag & ST_NOSUID) != 0;
}

bool helper_explain(const char *directory, struct error *error)
{
    struct stat status;
    struct text_shown shown;
    if (stat(directory, &status) != 0)
        return false;
    const struct group *group = memory_is_there(MEMORY_FOR_NAMES) ? getgrgid(status.st_gid) : NULL;
    if (group != NULL)
        error_add_advice(error, "it is for group %s", text_show(&shown, slice_of(group->gr_name)));
    else
        error_add_advice(error, "it is for gid %u", (unsigned)status.st_gid);
    if (!has_set_group_id_bit())
        return error_add_advice(error, "this program is not set-group-ID, which make "
                                       "install-sendmail sets up");
    if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
        return error_add_advice(error,
                                "this program's set-group-ID bit has no effect under "
                                "NoNewPrivileges; in a systemd unit, take that out or add "
                                "SupplementaryGroups=%s",
                                group != NULL ? shown.bytes : "with that group");
    if (is_on_nosuid())
        return error_add_advice(error, "this program's set-group-ID bit has no effect, since its "
                                       "file system is mounted nosuid");
    return false;
}

/* --- asking */
static bool fail_ended(struct error *error)
{
    return error_set(error, EX_OSERR, "spool: its helper process has ended");
}

static void close_descriptor(int fd)
{
    if (fd >= 0)
        close(fd);
}

/* Sends the request and waits for its answer, and for the descriptor that may come with it. False
 * when there is none. */
static bool ask(const struct helper *helper, const struct helper_request *request, int given,
                struct helper_answer *answer, int *handed, struct error *error)
{
    *handed = -1;
    memset(answer, 0, sizeof *answer);
    if (!packet_send(helper->socket, request, sizeof *request, given) ||
        packet_receive(helper->socket, answer, sizeof *answer, handed) != PACKET_RECEIVED)
        return fail_ended(error);
    answer->error.sentence[sizeof answer->error.sentence - 1] = '\0';
    answer->error.enhanced[sizeof answer->error.enhanced - 1] = '\0';
    answer->name.id[SPOOL_ID_LENGTH] = '\0';
    if (answer->error.exit_code != EX_OK)
        *error = answer->error;
    return true;
}

/* For tasks whose answer is just yes or no. */
static bool ask_plainly(const struct helper *helper, const struct helper_request *request,
                        struct error *error)
{
    struct helper_answer answer;
    int handed;
    if (!ask(helper, request, -1, &answer, &handed, error))
        return false;
    close_descriptor(handed);
    return answer.done;
}

static struct helper_request request_for(enum helper_task task, enum spool_folder folder,
                                         const char *id)
{
    struct helper_request request;
    memset(&request, 0, sizeof request);
    request.task = task;
    request.folder = folder;
    if (id != NULL)
        text_copy(request.id, sizeof request.id, id);
    return request;
}

int helper_create(struct helper *helper, struct error *error)
{
    struct helper_request request = request_for(HELPER_CREATE, SPOOL_QUEUE, NULL);
    struct helper_answer answer;
    int handed;
    if (!ask(helper, &request, -1, &answer, &handed, error))
        return -1;
    if (answer.done && handed < 0)
        error_set(error, EX_OSERR, "spool: no descriptor is left for a new entry");
    return handed;
}

bool helper_commit(struct helper *helper, int fd, char id[SPOOL_ID_SIZE], struct error *error)
{
    struct helper_request request = request_for(HELPER_COMMIT, SPOOL_QUEUE, NULL);
    struct helper_answer answer;
    int handed;
    if (!ask(helper, &request, fd, &answer, &handed, error))
        return error_add_advice(error, "whether the message was queued is not known");
    close_descriptor(handed);
    return answer.done && text_copy(id, SPOOL_ID_SIZE, answer.name.id);
}

bool helper_walk(struct helper *helper, enum spool_folder folder, struct error *error)
{
    struct helper_request request = request_for(HELPER_WALK, folder, NULL);
    return ask_plainly(helper, &request, error);
}

bool helper_walk_next(struct helper *helper, struct spool_name *name, struct error *error)
{
    struct helper_request request = request_for(HELPER_WALK_NEXT, SPOOL_QUEUE, NULL);
    struct helper_answer answer;
    int handed;
    if (!ask(helper, &request, -1, &answer, &handed, error))
        return false;
    close_descriptor(handed);
    *name = answer.name;
    return answer.done;
}

enum spool_opened helper_open(struct helper *helper, enum spool_folder folder, const char *id,
                              int *fd, struct error *error)
{
    struct helper_request request = request_for(HELPER_OPEN, folder, id);
    struct helper_answer answer;
    if (!ask(helper, &request, -1, &answer, fd, error))
        return SPOOL_FAILURE;
    if (answer.opened == SPOOL_OPENED && *fd < 0) {
        error_set(error, EX_OSERR, "spool: no descriptor is left for an entry");
        return SPOOL_FAILURE;
    }
    return answer.opened <= SPOOL_FAILURE ? (enum spool_opened)answer.opened : SPOOL_FAILURE;
}

bool helper_remove(struct helper *helper, enum spool_folder folder, const char *id,
                   struct error *error)
{
    struct helper_request request = request_for(HELPER_REMOVE, folder, id);
    return ask_plainly(helper, &request, error);
}

int helper_open_state(struct helper *helper, time_t *stamp)
{
    struct helper_request request = request_for(HELPER_STATE, SPOOL_QUEUE, NULL);
    struct helper_answer answer;
    struct error ignored;
    int handed;
    *stamp = 0;
    if (!ask(helper, &request, -1, &answer, &handed, &ignored))
        return -1;
    *stamp = (time_t)answer.stamp;
    return handed;
}

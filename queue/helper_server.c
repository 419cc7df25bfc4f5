/* The helper's own side. Whoever talks to it has the uid that it works for, and may be anybody's
 * prey: it reads arguments, environment and mail. So a request is of one size, each of its octets
 * has one meaning, and whatever is else ends this process.
 *
 * Invariants: nothing is done to a file that is not the caller's, whatever the modes on the disk
 * say; no lock outlives a request, but with a descriptor that went to the caller; after each answer
 * there are as many descriptors open as before, but for one walk. */
#include "queue/helper_server.h"

#include <string.h>
#include <unistd.h>

#include "base/packet.h"
#include "queue/helper_task.h"

struct server {
    int socket;
    uid_t caller;
    helper_configure *configure;
    struct spool_options options;
    struct spool spool;
    bool open;
    struct spool_walk *walk;
    struct helper_request request;
    struct helper_answer answer;
    int given, handed; /* descriptors of request and answer; -1 */
};

/* --- requests */
static bool has_no_id(const struct helper_request *request)
{
    static const char none[SPOOL_ID_SIZE];
    return memcmp(request->id, none, sizeof none) == 0;
}

static bool has_id(const struct helper_request *request)
{
    return request->id[SPOOL_ID_LENGTH] == '\0' &&
           spool_is_id((struct slice){.bytes = request->id, .length = SPOOL_ID_LENGTH});
}

static bool is_request(const struct helper_request *request, int given)
{
    static const char unused[sizeof request->unused];
    bool names_folder = false, names_id = false;
    switch (request->task) {
    case HELPER_OPEN:
    case HELPER_REMOVE:
        names_id = true; /* fall through */
    case HELPER_WALK:
        names_folder = true;
        break;
    default:
        break;
    }
    return request->task < HELPER_TASKS && memcmp(request->unused, unused, sizeof unused) == 0 &&
           (request->folder == SPOOL_QUEUE || (names_folder && request->folder == SPOOL_FAILED)) &&
           (names_id ? has_id(request) : has_no_id(request)) &&
           (given >= 0) == (request->task == HELPER_COMMIT);
}

/* --- tasks */
static bool create(struct server *server)
{
    server->handed = spool_create(&server->spool, &server->answer.error);
    return server->handed >= 0;
}

/* The descriptor may be any that the caller has: spool_commit judges it. */
static bool commit(struct server *server)
{
    return spool_commit(&server->spool, server->given, server->answer.name.id,
                        &server->answer.error);
}

static void end_walk(struct server *server)
{
    if (server->walk != NULL)
        spool_walk_close(server->walk);
    server->walk = NULL;
}

static bool walk(struct server *server)
{
    end_walk(server);
    server->walk = spool_walk_open(&server->spool, (enum spool_folder)server->request.folder,
                                   &server->answer.error);
    return server->walk != NULL;
}

static bool walk_next(struct server *server)
{
    struct spool_name *name = &server->answer.name;
    while (server->walk != NULL && spool_walk_next(server->walk, name, &server->answer.error)) {
        if (name->owner == server->caller)
            return true;
    }
    memset(name, 0, sizeof *name);
    end_walk(server);
    return false;
}

/* Another's entry is as good as none: not even that there is one is told. */
static enum spool_opened open_own(struct server *server, int *fd, struct error *error)
{
    struct stat status;
    const struct helper_request *request = &server->request;
    enum spool_opened opened = spool_open_entry(&server->spool, (enum spool_folder)request->folder,
                                                request->id, false, fd, &status, error);
    if (opened != SPOOL_OPENED || status.st_uid == server->caller)
        return opened;
    close(*fd);
    return SPOOL_GONE;
}

static bool open_entry(struct server *server)
{
    int fd = -1;
    enum spool_opened opened = open_own(server, &fd, &server->answer.error);
    server->answer.opened = opened;
    if (opened == SPOOL_OPENED)
        server->handed = fd;
    if (opened == SPOOL_OPENED || opened == SPOOL_GONE)
        server->answer.error = (struct error){.exit_code = EX_OK};
    return opened == SPOOL_OPENED;
}

/* Durable when it is answered: nobody asks the helper for anything like spool_settle. */
static bool remove_entry(struct server *server)
{
    int fd;
    struct error *error = &server->answer.error;
    const struct helper_request *request = &server->request;
    enum spool_opened opened = open_own(server, &fd, error);
    if (opened == SPOOL_GONE)
        return error_set(error, EX_IOERR, "spool: there is no entry %s", request->id);
    if (opened == SPOOL_OPENED)
        close(fd);
    /* What it is does not matter any more. */
    if (opened == SPOOL_FOREIGN)
        *error = (struct error){.exit_code = EX_OK};
    return (opened == SPOOL_OPENED || opened == SPOOL_FOREIGN) &&
           spool_remove(&server->spool, (enum spool_folder)request->folder, request->id, error) &&
           spool_settle(&server->spool, error);
}

static bool open_state(struct server *server)
{
    server->answer.stamp = spool_stamp(&server->spool);
    server->handed = spool_open_state(&server->spool);
    return true;
}

/* --- the process */
static bool open_spool(struct server *server)
{
    struct error *error = &server->answer.error;
    if (server->open)
        return true;
    if (server->options.directory == NULL && !server->configure(&server->options, error))
        return false;
    server->open = spool_open(&server->spool, &server->options, true, NULL, error);
    if (!server->open)
        spool_close(&server->spool);
    return server->open;
}

static void close_descriptor(int fd)
{
    if (fd >= 0)
        close(fd);
}

/* False when there is nothing more to do. */
static bool serve(struct server *server)
{
    static bool (*const tasks[HELPER_TASKS])(struct server *) = {
        [HELPER_CREATE] = create,       [HELPER_COMMIT] = commit,   [HELPER_WALK] = walk,
        [HELPER_WALK_NEXT] = walk_next, [HELPER_OPEN] = open_entry, [HELPER_REMOVE] = remove_entry,
        [HELPER_STATE] = open_state,
    };
    struct helper_request *request = &server->request;
    memset(&server->answer, 0, sizeof server->answer);
    server->answer.opened = SPOOL_FAILURE;
    server->handed = -1;
    if (packet_receive(server->socket, request, sizeof *request, &server->given) != PACKET_RECEIVED)
        return false;
    bool legal = is_request(request, server->given);
    if (legal)
        server->answer.done = open_spool(server) && tasks[request->task](server);
    /* Before the answer: with it goes the lock of a new entry, which may be tried at once. */
    close_descriptor(server->given);
    bool sent = legal &&
                packet_send(server->socket, &server->answer, sizeof server->answer, server->handed);
    close_descriptor(server->handed);
    return sent;
}

void helper_server_run(int socket, helper_configure *configure)
{
    struct server server = {.socket = socket, .caller = getuid(), .configure = configure};
    while (serve(&server))
        continue;
    end_walk(&server);
    if (server.open)
        spool_close(&server.spool);
}

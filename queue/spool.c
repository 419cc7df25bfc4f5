/* The spool as a whole: opening it, taking entries out, and the names they have. What is added goes
 * through queue/commit.c, what is found through queue/walk.c. */
#include "queue/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "queue/folder.h"
#include "queue/helper.h"
#include "queue/name.h"
#include "queue/quota.h"
#include "queue/record.h"

enum { SYNC_EVERY = 32 };

static int open_place(void *context, struct error *error)
{
    return spool_create(context, error);
}

/* Root makes what the system's spool has inside while it may still give it to the group; a folder
 * that cannot be made is missed only by who needs it. */
static void make_folders(const struct spool *spool)
{
    const char *const names[] = {folder_name(SPOOL_FAILED), folder_name(SPOOL_DAMAGED),
                                 FOLDER_TEMPORARY};
    struct error ignored;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        int fd = folder_open(spool, names[i], true, &ignored);
        if (fd >= 0)
            close(fd);
    }
}

bool spool_open(struct spool *spool, const struct spool_options *options, bool shared,
                struct helper *helper, struct error *error)
{
    struct stat status;
    *spool = (struct spool){.options = options,
                            .shared = shared,
                            .helper = helper,
                            .directory = -1,
                            .place = {open_place, spool, RECORD_PREAMBLE}};
    if (helper != NULL)
        return true;
    if (options->directory == NULL)
        return error_set(error, EX_CONFIG, "queue: there is no home for it; set [queue] directory");
    spool->directory = folder_open_spool(options->directory, shared, error);
    if (spool->directory < 0 && shared && error->exit_code == EX_NOPERM)
        helper_explain(options->directory, error);
    if (spool->directory < 0 || !shared)
        return spool->directory >= 0;
    if (fstat(spool->directory, &status) != 0)
        return error_set_errno(error, EX_OSERR, "queue: the spool's status");
    spool->group = status.st_gid;
    if (geteuid() == 0)
        make_folders(spool);
    return true;
}

void spool_close(struct spool *spool)
{
    struct error ignored;
    if (spool->options == NULL)
        return;
    spool_settle(spool, &ignored);
    if (spool->directory >= 0)
        close(spool->directory);
    *spool = (struct spool){.directory = -1};
}

bool spool_is_kept_by_us(const struct spool *spool)
{
    return spool->helper == NULL && (!spool->shared || geteuid() == 0);
}

bool spool_settle(struct spool *spool, struct error *error)
{
    if (spool->directory < 0 || spool->removed == 0)
        return true;
    /* A sync that failed says nothing when it is repeated. */
    spool->removed = 0;
    return fsync(spool->directory) == 0 ||
           error_set_errno(error, EX_IOERR, "queue: sync of the spool");
}

static bool remove_from(struct spool *spool, const char *folder, const char *id,
                        struct error *error)
{
    int fd = folder_open(spool, folder, false, error);
    if (fd < 0)
        return error->exit_code == EX_OK;
    bool removed = (unlinkat(fd, id, 0) == 0 && fsync(fd) == 0) || errno == ENOENT;
    if (!removed)
        error_set_errno(error, folder_exit_code(errno), "queue: %s cannot be removed", id);
    close(fd);
    return removed;
}

bool spool_remove(struct spool *spool, enum spool_folder folder, const char *id,
                  struct error *error)
{
    if (!spool_is_id(slice_of(id)))
        return error_set(error, EX_USAGE, "queue: no id");
    if (spool->helper != NULL)
        return helper_remove(spool->helper, folder, id, error);
    if (folder != SPOOL_QUEUE)
        return remove_from(spool, folder_name(folder), id, error);
    if (unlinkat(spool->directory, id, 0) != 0 && errno != ENOENT)
        return error_set_errno(error, folder_exit_code(errno), "queue: %s cannot be removed", id);
    return ++spool->removed < SYNC_EVERY || spool_settle(spool, error);
}

static bool move_to(struct spool *spool, const char *id, int folder, struct error *error)
{
    char name[SPOOL_ID_SIZE];
    memcpy(name, id, sizeof name);
    for (unsigned tries = 0; tries < NAME_TRIES; tries++) {
        if (name_move(spool->directory, id, folder, name))
            return (fsync(folder) == 0 && fsync(spool->directory) == 0) ||
                   error_set_errno(error, EX_IOERR, "queue: sync of the spool");
        if (errno != EEXIST)
            break;
        if (!name_make(name, error))
            return false;
    }
    return error_set_errno(error, folder_exit_code(errno), "queue: %s cannot be moved", id);
}

static bool may_set_aside(struct spool *spool, const char *id, struct error *error)
{
    struct stat status;
    if (fstatat(spool->directory, id, &status, AT_SYMLINK_NOFOLLOW) != 0)
        return error_set_errno(error, folder_exit_code(errno), "queue: %s cannot be moved", id);
    return quota_allows_damaged(spool, &status, error);
}

bool spool_move(struct spool *spool, const char *id, enum spool_folder to, struct error *error)
{
    if (!spool_is_id(slice_of(id)) || spool->directory < 0 || to == SPOOL_QUEUE)
        return error_set(error, EX_SOFTWARE, "queue: nothing to be moved");
    if (to == SPOOL_DAMAGED && !may_set_aside(spool, id, error))
        return false;
    int folder = folder_open(spool, folder_name(to), true, error);
    if (folder < 0)
        return false;
    bool moved = move_to(spool, id, folder, error);
    close(folder);
    return moved;
}

/* Taking away what nobody will ask for again: failed entries after keep_failed, files that never
 * became entries. Age is the time of the last change of the inode (st_ctime): moving a file sets
 * it, and its owner cannot set it back. */
#include "queue/sweep.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "queue/folder.h"

enum { ABANDONED = 3600 /* seconds */, MOST = 4096, MILLISECONDS = 1000 };

struct aged {
    struct timespec changed;
    char id[SPOOL_ID_SIZE];
};

/* The oldest so far, oldest first. */
struct oldest {
    struct aged *list;
    size_t count, most;
};

static bool is_before(struct timespec a, struct timespec b)
{
    return a.tv_sec != b.tv_sec ? a.tv_sec < b.tv_sec : a.tv_nsec < b.tv_nsec;
}

static void keep_oldest(struct oldest *oldest, const char *id, struct timespec changed)
{
    size_t i = oldest->count;
    if (i == oldest->most && (i == 0 || !is_before(changed, oldest->list[i - 1].changed)))
        return;
    if (i == oldest->most)
        i--;
    else
        oldest->count++;
    for (; i > 0 && is_before(changed, oldest->list[i - 1].changed); i--)
        oldest->list[i] = oldest->list[i - 1];
    oldest->list[i].changed = changed;
    memcpy(oldest->list[i].id, id, SPOOL_ID_SIZE);
}

static bool find_oldest(struct spool *spool, struct oldest *oldest, time_t before,
                        struct error *error)
{
    DIR *directory = folder_read(spool, folder_name(SPOOL_FAILED), error);
    const char *name;
    struct stat status;
    if (directory == NULL)
        return error->exit_code == EX_OK;
    while ((name = folder_next(directory)) != NULL)
        if (spool_is_id(slice_of(name)) &&
            fstatat(dirfd(directory), name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
            status.st_ctime < before)
            keep_oldest(oldest, name, status.st_ctim);
    bool complete = errno == 0 || error_set_errno(error, EX_IOERR, "queue: failed/");
    closedir(directory);
    return complete;
}

/* False where somebody has it in hand, or it cannot be unlinked. */
static bool remove_failed(struct spool *spool, int folder, const char *id)
{
    struct error ignored;
    struct stat status;
    int fd = -1;
    enum spool_opened opened =
        spool_open_entry(spool, SPOOL_FAILED, id, true, &fd, &status, &ignored);
    bool removed =
        (opened == SPOOL_OPENED || opened == SPOOL_FOREIGN) && unlinkat(folder, id, 0) == 0;
    if (fd >= 0)
        close(fd);
    return removed;
}

static bool remove_oldest(struct spool *spool, const struct sweep *sweep,
                          const struct oldest *oldest, struct error *error)
{
    if (oldest->count == 0)
        return true;
    int folder = folder_open(spool, folder_name(SPOOL_FAILED), false, error);
    if (folder < 0)
        return error->exit_code == EX_OK;
    for (size_t i = 0; i < oldest->count; i++)
        if (remove_failed(spool, folder, oldest->list[i].id) && sweep->removed != NULL)
            sweep->removed(sweep->context, oldest->list[i].id);
    bool synced = fsync(folder) == 0 || error_set_errno(error, EX_IOERR, "queue: sync of failed/");
    close(folder);
    return synced;
}

static bool sweep_failed(struct spool *spool, const struct sweep *sweep, struct error *error)
{
    struct oldest oldest = {.most = sweep->most < MOST ? sweep->most : MOST};
    time_t before = sweep->now - (time_t)(spool->options->keep_failed / MILLISECONDS);
    oldest.list = calloc(oldest.most + 1, sizeof *oldest.list);
    if (oldest.list == NULL)
        return error_set_memory(error);
    bool swept =
        find_oldest(spool, &oldest, before, error) && remove_oldest(spool, sweep, &oldest, error);
    free(oldest.list);
    return swept;
}

/* A regular file is somebody's as long as it is locked; anything else there is nobody's. */
static void remove_abandoned(int folder, const char *name, time_t now)
{
    struct stat status;
    int fd = -1;
    if (fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) != 0 || S_ISDIR(status.st_mode) ||
        status.st_ctime > now - ABANDONED)
        return;
    if (S_ISREG(status.st_mode)) {
        fd = file_open_beneath(folder, name, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
        if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) != 0)
            name = NULL;
    }
    if (name != NULL)
        unlinkat(folder, name, 0);
    if (fd >= 0)
        close(fd);
}

/* Those whose names begin with `prefix`. */
static bool sweep_abandoned(struct spool *spool, const char *folder, const char *prefix, time_t now,
                            struct error *error)
{
    DIR *directory = folder_read(spool, folder, error);
    const char *name;
    if (directory == NULL)
        return error->exit_code == EX_OK;
    while ((name = folder_next(directory)) != NULL)
        if (strncmp(name, prefix, strlen(prefix)) == 0)
            remove_abandoned(dirfd(directory), name, now);
    bool complete = errno == 0 || error_set_errno(error, EX_IOERR, "queue: the spool");
    closedir(directory);
    return complete;
}

bool sweep_run(struct spool *spool, const struct sweep *sweep, struct error *error)
{
    if (spool->directory < 0)
        return true;
    return sweep_failed(spool, sweep, error) &&
           sweep_abandoned(spool, FOLDER_TEMPORARY, "", sweep->now, error) &&
           sweep_abandoned(spool, folder_name(SPOOL_QUEUE), FOLDER_STATE ".", sweep->now, error);
}

bool spool_sweep(struct spool *spool, size_t most, void (*removed)(void *context, const char *id),
                 void *context, struct error *error)
{
    struct sweep sweep = {clock_wall(), most, removed, context};
    return sweep_run(spool, &sweep, error);
}

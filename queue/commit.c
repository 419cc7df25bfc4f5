/* Adding to the spool. The order is everything: a file without a place is locked, filled and synced
 * by the caller, then gets its name, and then the directory is synced; only after that it is in the
 * queue. Before, it vanishes with its descriptor, whatever happens.
 *
 * Where the file system has no unnamed files it has a name in tmp/, by which nobody takes it for an
 * entry. Who commits knows nothing but the descriptor (it may have come from another process), so
 * the name is found again by looking through tmp/ for the file. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/file.h"
#include "queue/folder.h"
#include "queue/helper.h"
#include "queue/name.h"
#include "queue/quota.h"
#include "queue/spool.h"

/* A file that is to be an entry. */
struct newcomer {
    int fd;
    int temporary; /* tmp/, where it has a name there; -1 */
    char name[SPOOL_ID_SIZE];
};

static bool fail_create(struct error *error)
{
    int exit_code = folder_exit_code(errno);
    if (exit_code != EX_OSERR && errno != ENOSPC && errno != EDQUOT && errno != EIO)
        exit_code = EX_CANTCREAT;
    return error_set_errno(error, exit_code, "queue: no file can be made in the spool");
}

static int create_named(struct spool *spool, struct error *error)
{
    char name[SPOOL_ID_SIZE];
    int folder = folder_open(spool, FOLDER_TEMPORARY, true, error), fd = -1;
    if (folder < 0)
        return -1;
    for (unsigned tries = 0; fd < 0 && tries < NAME_TRIES; tries++) {
        if (!name_make(name, error))
            break;
        fd = file_open_beneath(folder, name, O_RDWR | O_CREAT | O_EXCL, 0600);
        if (fd >= 0 || errno == EEXIST)
            continue;
        fail_create(error);
        break;
    }
    close(folder);
    return fd;
}

static int create_unlocked(struct spool *spool, struct error *error)
{
    int fd = file_open_beneath(spool->directory, ".", O_TMPFILE | O_RDWR, 0600);
    if (fd >= 0)
        return fd;
    /* What file systems and kernels say that have no such thing. */
    if (errno == EOPNOTSUPP || errno == EISDIR || errno == ENOENT || errno == EINVAL)
        return create_named(spool, error);
    fail_create(error);
    return -1;
}

int spool_create(struct spool *spool, struct error *error)
{
    if (spool->helper != NULL)
        return helper_create(spool->helper, error);
    int fd = create_unlocked(spool, error);
    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) == 0)
        return fd;
    error_set_errno(error, EX_IOERR, "queue: a file in the spool cannot be locked");
    close(fd);
    return -1;
}

/* The descriptor may be any that the caller of a helper has: it is linked only where he could have
 * had it from spool_create. */
static bool judge(int fd, struct stat *status, struct error *error)
{
    if (fstat(fd, status) != 0)
        return error_set_errno(error, EX_OSERR, "queue: the new message's file");
    if (!S_ISREG(status->st_mode) || status->st_uid != geteuid() || status->st_nlink > 1 ||
        (status->st_mode & 07777) != 0600)
        return error_set(error, EX_NOPERM,
                         "queue: a file of uid %u with mode %04o and %u names is no new message",
                         (unsigned)status->st_uid, (unsigned)status->st_mode & 07777,
                         (unsigned)status->st_nlink);
    return flock(fd, LOCK_EX | LOCK_NB) == 0 ||
           error_set_errno(error, errno == EWOULDBLOCK ? EX_NOPERM : EX_IOERR,
                           "queue: the new message is not locked");
}

static bool has_name(const struct newcomer *newcomer, const char *name, const struct stat *status)
{
    struct stat found;
    return spool_is_id(slice_of(name)) &&
           fstatat(newcomer->temporary, name, &found, AT_SYMLINK_NOFOLLOW) == 0 &&
           found.st_dev == status->st_dev && found.st_ino == status->st_ino;
}

static bool find_name(struct spool *spool, struct newcomer *newcomer, const struct stat *status,
                      struct error *error)
{
    DIR *directory = folder_read(spool, FOLDER_TEMPORARY, error);
    const char *name = NULL;
    if (directory != NULL) {
        while ((name = folder_next(directory)) != NULL && !has_name(newcomer, name, status))
            continue;
        if (name != NULL)
            memcpy(newcomer->name, name, sizeof newcomer->name);
        closedir(directory);
    }
    return name != NULL || error_set(error, EX_NOPERM, "queue: that file is not in tmp/");
}

static bool give_unnamed(const struct spool *spool, int fd, const char *id)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (linkat(AT_FDCWD, path, spool->directory, id, AT_SYMLINK_FOLLOW) == 0)
        return true;
    /* Without /proc; kernels before 6.10 let nobody but root do it so. */
    return (errno == ENOENT || errno == EACCES || errno == ENOTDIR) &&
           linkat(fd, "", spool->directory, id, AT_EMPTY_PATH) == 0;
}

static bool give_name(const struct spool *spool, const struct newcomer *newcomer,
                      char id[SPOOL_ID_SIZE], struct error *error)
{
    for (unsigned tries = 0; tries < NAME_TRIES; tries++) {
        if (!name_make(id, error))
            return false;
        if (newcomer->temporary < 0
                ? give_unnamed(spool, newcomer->fd, id)
                : name_move(newcomer->temporary, newcomer->name, spool->directory, id))
            return true;
        if (errno != EEXIST)
            break;
    }
    return error_set_errno(error, EX_IOERR, "queue: the message cannot be put into the spool");
}

static bool give_place(const struct spool *spool, const struct newcomer *newcomer,
                       char id[SPOOL_ID_SIZE], struct error *error)
{
    if (!give_name(spool, newcomer, id, error))
        return false;
    if (fsync(spool->directory) == 0)
        return true;
    error_set_errno(error, EX_IOERR, "queue: sync of the spool");
    unlinkat(spool->directory, id, 0);
    return false;
}

/* A signal between the name and the sync would leave a message in the queue of which the caller was
 * told that it is not. */
static bool give_place_undisturbed(const struct spool *spool, const struct newcomer *newcomer,
                                   char id[SPOOL_ID_SIZE], struct error *error)
{
    sigset_t all, before;
    sigfillset(&all);
    if (sigprocmask(SIG_SETMASK, &all, &before) != 0)
        return error_set_errno(error, EX_OSERR, "queue: signals");
    bool placed = give_place(spool, newcomer, id, error);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return placed;
}

bool spool_commit(struct spool *spool, int fd, char id[SPOOL_ID_SIZE], struct error *error)
{
    struct newcomer newcomer = {.fd = fd, .temporary = -1};
    struct stat status;
    if (spool->helper != NULL)
        return helper_commit(spool->helper, fd, id, error);
    if (!judge(fd, &status, error) || !quota_allows(spool, &status, error))
        return false;
    if (status.st_nlink == 0)
        return give_place_undisturbed(spool, &newcomer, id, error);
    newcomer.temporary = folder_open(spool, FOLDER_TEMPORARY, false, error);
    if (newcomer.temporary < 0)
        return error_set(error, EX_NOPERM, "queue: that file is not in tmp/");
    bool placed = find_name(spool, &newcomer, &status, error) &&
                  give_place_undisturbed(spool, &newcomer, id, error);
    close(newcomer.temporary);
    return placed;
}

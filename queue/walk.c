/* Finding entries. Nothing about a name is believed: another user may have put anything there, and
 * may change it at any time. So a file is looked at before it is opened, since opening alone has
 * effects (a device, whoever waits at a fifo), opened without waiting or following, judged again by
 * its descriptor, and after locking the name must still lead to it. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/file.h"
#include "queue/folder.h"
#include "queue/helper.h"
#include "queue/quota.h"
#include "queue/spool.h"

enum { HOLES_LIMIT = 1024 * 1024 };

struct spool_walk {
    struct helper *helper; /* NULL: */
    DIR *directory;        /* NULL: an empty one */
};

struct spool_walk *spool_walk_open(struct spool *spool, enum spool_folder folder,
                                   struct error *error)
{
    struct spool_walk *walk = calloc(1, sizeof *walk);
    bool opened = false;
    if (walk == NULL) {
        error_set_memory(error);
        return NULL;
    }
    walk->helper = spool->helper;
    if (walk->helper != NULL) {
        opened = helper_walk(walk->helper, folder, error);
    } else {
        walk->directory = folder_read(spool, folder_name(folder), error);
        opened = walk->directory != NULL || error->exit_code == EX_OK;
    }
    if (opened)
        return walk;
    free(walk);
    return NULL;
}

static bool walk_on(DIR *directory, struct spool_name *name, struct error *error)
{
    const char *found;
    struct stat status;
    while ((found = folder_next(directory)) != NULL) {
        if (!spool_is_id(slice_of(found)) ||
            fstatat(dirfd(directory), found, &status, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        memcpy(name->id, found, sizeof name->id);
        name->owner = status.st_uid;
        name->size = quota_octets(&status);
        name->changed = status.st_mtim;
        return true;
    }
    if (errno != 0)
        return error_set_errno(error, EX_IOERR, "queue: the spool cannot be read");
    error->exit_code = EX_OK;
    return false;
}

bool spool_walk_next(struct spool_walk *walk, struct spool_name *name, struct error *error)
{
    if (walk->helper != NULL)
        return helper_walk_next(walk->helper, name, error);
    if (walk->directory != NULL)
        return walk_on(walk->directory, name, error);
    error->exit_code = EX_OK;
    return false;
}

void spool_walk_close(struct spool_walk *walk)
{
    if (walk == NULL)
        return;
    if (walk->directory != NULL)
        closedir(walk->directory);
    free(walk);
}

bool spool_has_entries(struct spool *spool)
{
    struct error ignored;
    struct spool_name name;
    struct spool_walk *walk = spool_walk_open(spool, SPOOL_QUEUE, &ignored);
    bool found = walk != NULL && spool_walk_next(walk, &name, &ignored);
    spool_walk_close(walk);
    return found;
}

static enum spool_opened foreign(struct error *error, const char *id, const char *what)
{
    error_set(error, EX_DATAERR, "queue: %s: %s, and no message", id, what);
    return SPOOL_FOREIGN;
}

static enum spool_opened failure(struct error *error, const char *id)
{
    error_set_errno(error, folder_exit_code(errno), "queue: %s", id);
    return SPOOL_FAILURE;
}

static const char *name_kind(mode_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFLNK:
        return "a link";
    case S_IFIFO:
        return "a fifo";
    case S_IFDIR:
        return "a directory";
    case S_IFSOCK:
        return "a socket";
    default:
        return "a device";
    }
}

/* Reading holes costs time and no disk: a file may not claim more than the whole spool can hold. */
static bool is_hollow(const struct spool *spool, const struct stat *status)
{
    uint64_t size = (uint64_t)status->st_size, limit = spool->options->max_size;
    return limit > 0 && size > limit && size > quota_octets(status);
}

/* Only what the helper made, or a member of the group, has the spool's group. An owner can take it
 * away from his file, which is the first step to give the file itself to one of the uids that his
 * user namespaces have (user_namespaces(7)), each with a share and a turn of its own; he cannot
 * take the second step and still have the group. */
static bool is_given_away(const struct spool *spool, const struct stat *status)
{
    return spool->shared && spool->helper == NULL && status->st_uid != 0 &&
           status->st_gid != spool->group;
}

static enum spool_opened judge(const struct spool *spool, const char *id, const struct stat *status,
                               struct error *error)
{
    if (!S_ISREG(status->st_mode))
        return foreign(error, id, name_kind(status->st_mode));
    if ((status->st_mode & 07777 & ~(S_IRUSR | S_IWUSR)) != 0)
        return foreign(error, id, "a file with rights for others");
    if (status->st_nlink > 1)
        return foreign(error, id, "a file with another name");
    if (!spool->shared && spool->helper == NULL && status->st_uid != geteuid())
        return foreign(error, id, "a file of another user's");
    if (is_given_away(spool, status))
        return foreign(error, id, "a file of another group");
    if (is_hollow(spool, status))
        return foreign(error, id, "a file of holes");
    return status->st_nlink == 0 ? SPOOL_GONE : SPOOL_OPENED;
}

static enum spool_opened open_here(const struct spool *spool, int folder, const char *id, int *fd,
                                   struct error *error)
{
    struct stat status;
    uid_t user = geteuid();
    if (fstatat(folder, id, &status, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? SPOOL_GONE : failure(error, id);
    if (spool->shared && user != 0 && status.st_uid != user)
        return SPOOL_GONE;
    enum spool_opened found = judge(spool, id, &status, error);
    if (found != SPOOL_OPENED)
        return found;
    *fd = file_open_beneath(folder, id, O_RDWR | O_NONBLOCK | O_NOCTTY, 0);
    if (*fd >= 0)
        return SPOOL_OPENED;
    switch (errno) {
    case ENOENT:
        return SPOOL_GONE;
    case EAGAIN: /* its owner has a lease on it (fcntl(2)) */
        return SPOOL_BUSY;
    case ELOOP:
    case ENXIO:
    case EISDIR:
    case ETXTBSY:
        return foreign(error, id, "a file that was changed while it was opened");
    default:
        return (status.st_mode & 0600) != 0600 && user != 0
                   ? foreign(error, id, "a file without rights for its owner")
                   : failure(error, id);
    }
}

static enum spool_opened open_in(struct spool *spool, enum spool_folder folder, const char *id,
                                 int *fd, struct error *error)
{
    if (spool->helper != NULL)
        return helper_open(spool->helper, folder, id, fd, error);
    if (folder == SPOOL_QUEUE)
        return open_here(spool, spool->directory, id, fd, error);
    int directory = folder_open(spool, folder_name(folder), false, error);
    if (directory < 0)
        return error->exit_code == EX_OK ? SPOOL_GONE : SPOOL_FAILURE;
    enum spool_opened opened = open_here(spool, directory, id, fd, error);
    close(directory);
    return opened;
}

/* Another user's file is counted by what it takes on the disk, and costs by its length whoever
 * reads it: the difference is bounded. What we write has no holes; a file system that compresses
 * may have few blocks for it, and some show long runs of zeroes as holes, which no mail has. */
static bool has_holes(const struct spool *spool, int fd, const struct stat *status)
{
    uint64_t size = (uint64_t)status->st_size, taken = quota_octets(status);
    return spool->shared && status->st_uid != geteuid() && size > taken &&
           size - taken > HOLES_LIMIT && lseek(fd, 0, SEEK_HOLE) < status->st_size;
}

/* Whoever finished or moved the entry had it locked: with the lock in hand, one look is enough. */
static enum spool_opened check_name(struct spool *spool, enum spool_folder folder, const char *id,
                                    const struct stat *status, struct error *error)
{
    struct stat named;
    int again = -1;
    enum spool_opened opened = open_in(spool, folder, id, &again, error);
    if (opened != SPOOL_OPENED)
        return opened;
    if (fstat(again, &named) != 0)
        opened = failure(error, id);
    else if (named.st_dev != status->st_dev || named.st_ino != status->st_ino)
        opened = SPOOL_GONE;
    close(again);
    return opened;
}

static enum spool_opened claim_it(struct spool *spool, enum spool_folder folder, const char *id,
                                  int fd, struct stat *status, struct error *error)
{
    if (flock(fd, LOCK_EX | LOCK_NB) != 0)
        return errno == EWOULDBLOCK ? SPOOL_BUSY : failure(error, id);
    if (fstat(fd, status) != 0)
        return failure(error, id);
    enum spool_opened found = judge(spool, id, status, error);
    if (found == SPOOL_OPENED && has_holes(spool, fd, status))
        return foreign(error, id, "a file of holes");
    return found != SPOOL_OPENED ? found : check_name(spool, folder, id, status, error);
}

enum spool_opened spool_open_entry(struct spool *spool, enum spool_folder folder, const char *id,
                                   bool claim, int *fd, struct stat *status, struct error *error)
{
    *fd = -1;
    if (!spool_is_id(slice_of(id)))
        return SPOOL_GONE;
    enum spool_opened opened = open_in(spool, folder, id, fd, error);
    if (opened == SPOOL_OPENED && fstat(*fd, status) != 0)
        opened = failure(error, id);
    if (opened == SPOOL_OPENED)
        opened = judge(spool, id, status, error);
    if (opened == SPOOL_OPENED && claim)
        opened = claim_it(spool, folder, id, *fd, status, error);
    if (opened != SPOOL_OPENED && *fd >= 0) {
        close(*fd);
        *fd = -1;
    }
    return opened;
}

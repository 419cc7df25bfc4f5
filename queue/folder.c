/* The spool's directories. Whoever can write to one of them could plant or take away what we
 * believe or wait for: so they are root's or ours, and where a group may add to them, the sticky
 * bit keeps its members from each other's files. */
#include "queue/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"

enum { OPEN_FLAGS = O_RDONLY | O_DIRECTORY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW };

const char *folder_name(enum spool_folder folder)
{
    switch (folder) {
    case SPOOL_FAILED:
        return "failed";
    case SPOOL_DAMAGED:
        return "damaged";
    case SPOOL_QUEUE:
    default:
        return ".";
    }
}

int folder_exit_code(int number)
{
    switch (number) {
    case EACCES:
    case EPERM:
        return EX_NOPERM;
    case ELOOP:
    case ENOTDIR:
    case ENAMETOOLONG:
        return EX_CONFIG;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
        return EX_OSERR;
    default:
        return EX_IOERR;
    }
}

static int fail_open(const char *shown, struct error *error)
{
    int exit_code = folder_exit_code(errno);
    if (exit_code == EX_NOPERM)
        error_set(error, exit_code, "queue: %s: uid %u may not enter it", shown,
                  (unsigned)geteuid());
    else if (errno == ELOOP || errno == ENOTDIR)
        error_set(error, exit_code, "queue: %s: is not a directory", shown);
    else
        error_set_errno(error, exit_code, "queue: %s: cannot be opened", shown);
    return -1;
}

static bool judge_mode(mode_t mode, const char *shown, bool shared, struct error *error)
{
    unsigned bits = (unsigned)mode & 07777;
    if ((mode & S_IWOTH) != 0 || (!shared && (mode & S_IWGRP) != 0))
        return error_set(error, EX_CONFIG,
                         "queue: %s: others may write to it (mode %04o); run: chmod %s %s", shown,
                         bits, shared ? "o-w" : "go-w", shown);
    if ((mode & S_IWGRP) != 0 && (mode & S_ISVTX) == 0)
        return error_set(error, EX_CONFIG,
                         "queue: %s: its group may remove anybody's mail (mode %04o); "
                         "run: chmod +t %s",
                         shown, bits, shown);
    return true;
}

/* The system's spool is root's; as whoever runs this has it where nobody is root. */
static bool judge(int fd, const char *shown, bool shared, struct error *error)
{
    struct stat status;
    uid_t user = geteuid();
    if (fstat(fd, &status) != 0)
        return error_set_errno(error, EX_OSERR, "queue: %s: its status", shown);
    if (status.st_uid != user && !(shared && status.st_uid == 0))
        return error_set(
            error, EX_CONFIG, "queue: %s: belongs to uid %u, and not to %suid %u, who runs this",
            shown, (unsigned)status.st_uid, shared && user != 0 ? "root or " : "", (unsigned)user);
    return judge_mode(status.st_mode, shown, shared, error);
}

/* `path` is followed by what was made in it. */
static bool sync_above(char *path, char *slash, struct error *error)
{
    const char *above = slash == path ? "/" : path;
    char kept = *slash;
    *slash = '\0';
    int fd = open(above, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool synced = true;
    if (fd >= 0) {
        synced = fsync(fd) == 0 || error_set_errno(error, EX_IOERR, "queue: sync of a directory");
        close(fd);
    } else {
        sync();
    }
    *slash = kept;
    return synced;
}

/* Makes the directory that ends at `end`, the part behind the last slash of `path` so far. */
static bool make_one(char *path, char *end, struct error *error)
{
    struct text_shown shown;
    char kept = *end;
    *end = '\0';
    char *slash = strrchr(path, '/');
    bool made = mkdir(path, 0700) == 0, ready = made || errno == EEXIST;
    if (!ready)
        error_set_errno(error, EX_CANTCREAT, "queue: %s: cannot be made",
                        text_show(&shown, slice_of(path)));
    else if (made && slash != NULL)
        ready = sync_above(path, slash, error);
    *end = kept;
    return ready;
}

static bool make_all(const char *path, struct error *error)
{
    char copy[PATH_MAX];
    if (!text_copy(copy, sizeof copy, path))
        return error_set(error, EX_CONFIG, "queue: the directory's name is too long");
    for (char *end = strchr(copy + 1, '/'); end != NULL; end = strchr(end + 1, '/'))
        if (!make_one(copy, end, error))
            return false;
    return make_one(copy, copy + strlen(copy), error);
}

int folder_open_spool(const char *path, bool shared, struct error *error)
{
    struct text_shown buffer;
    const char *shown = text_show(&buffer, slice_of(path));
    if (path[0] == '\0') {
        error_set(error, EX_CONFIG, "queue: the directory has no name");
        return -1;
    }
    int fd = open(path, OPEN_FLAGS);
    if (fd < 0 && errno == ENOENT) {
        if (!make_all(path, error))
            return -1;
        fd = open(path, OPEN_FLAGS);
    }
    if (fd < 0)
        return fail_open(shown, error);
    if (judge(fd, shown, shared, error))
        return fd;
    close(fd);
    return -1;
}

/* A folder has the mode and the group of the spool, but for what only the runner enters. */
static bool make_folder(const struct spool *spool, const char *name)
{
    struct stat status;
    if (fstat(spool->directory, &status) != 0 || mkdirat(spool->directory, name, 0700) != 0)
        return false;
    if (!spool->shared || strcmp(name, folder_name(SPOOL_DAMAGED)) == 0)
        return fsync(spool->directory) == 0;
    int fd = file_open_beneath(spool->directory, name, OPEN_FLAGS, 0);
    bool made = fd >= 0 && fchown(fd, (uid_t)-1, status.st_gid) == 0 &&
                fchmod(fd, status.st_mode & 07777) == 0 && fsync(spool->directory) == 0;
    if (fd >= 0)
        close(fd);
    return made;
}

int folder_open(const struct spool *spool, const char *name, bool make, struct error *error)
{
    struct text_shown buffer;
    const char *shown = text_show(&buffer, slice_of(name));
    int fd = file_open_beneath(spool->directory, name, OPEN_FLAGS, 0);
    if (fd < 0 && errno == ENOENT && !make) {
        error->exit_code = EX_OK;
        return -1;
    }
    if (fd < 0 && errno == ENOENT) {
        if (!make_folder(spool, name) && errno != EEXIST) {
            error_set_errno(error, EX_CANTCREAT, "queue: %s cannot be made in the spool", shown);
            return -1;
        }
        fd = file_open_beneath(spool->directory, name, OPEN_FLAGS, 0);
    }
    if (fd < 0)
        return fail_open(shown, error);
    if (judge(fd, shown, spool->shared, error))
        return fd;
    close(fd);
    return -1;
}

DIR *folder_read(const struct spool *spool, const char *name, struct error *error)
{
    int fd = folder_open(spool, name, false, error);
    if (fd < 0)
        return NULL;
    DIR *directory = fdopendir(fd);
    if (directory == NULL) {
        error_set_errno(error, EX_OSERR, "queue: the spool cannot be read");
        close(fd);
    }
    return directory;
}

const char *folder_next(DIR *directory)
{
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(directory);
        if (entry == NULL)
            return NULL;
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            return entry->d_name;
    }
}

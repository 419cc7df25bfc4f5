/* The file that a runner leaves behind: what it knows of smarthosts, and by its time that it was
 * here. Whoever could write it could hold back mail or say that a runner is at work, so it is
 * believed only of root and of this user. It is replaced as a whole and not synced: what is lost
 * with the power is known again after one attempt. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "queue/folder.h"
#include "queue/helper.h"
#include "queue/name.h"
#include "queue/spool.h"

enum { NEW_NAME_SIZE = sizeof FOLDER_STATE + 1 + SPOOL_ID_LENGTH };

static bool is_believed(const struct stat *status)
{
    return S_ISREG(status->st_mode) && (status->st_uid == 0 || status->st_uid == geteuid()) &&
           (status->st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

static int open_here(const struct spool *spool, struct stat *status)
{
    if (spool->directory < 0 ||
        fstatat(spool->directory, FOLDER_STATE, status, AT_SYMLINK_NOFOLLOW) != 0 ||
        !is_believed(status))
        return -1;
    int fd = file_open_beneath(spool->directory, FOLDER_STATE, O_RDONLY | O_NONBLOCK, 0);
    if (fd < 0 || (fstat(fd, status) == 0 && is_believed(status)))
        return fd;
    close(fd);
    return -1;
}

time_t spool_stamp(struct spool *spool)
{
    struct stat status = {0};
    time_t stamp = 0;
    if (spool->helper == NULL) {
        int fd = open_here(spool, &status);
        if (fd < 0)
            return 0;
        close(fd);
        return status.st_mtime;
    }
    int fd = helper_open_state(spool->helper, &stamp);
    if (fd < 0)
        return 0;
    close(fd);
    return stamp;
}

int spool_open_state(struct spool *spool)
{
    struct stat status;
    time_t ignored;
    return spool->helper != NULL ? helper_open_state(spool->helper, &ignored)
                                 : open_here(spool, &status);
}

/* The directory keeps others out; its group reads the file without having to own it, since a runner
 * may have given up the right to give files away. */
static bool fill(const struct spool *spool, int fd, struct slice content, struct error *error)
{
    if (spool->shared && fchmod(fd, 0644) != 0)
        return error_set_errno(error, EX_IOERR, "queue: the runner's state");
    return file_write_all(fd, content, error) ||
           error_add_context(error, "queue: the runner's state");
}

bool spool_write_state(struct spool *spool, struct slice content, struct error *error)
{
    char id[SPOOL_ID_SIZE], name[NEW_NAME_SIZE];
    if (spool->directory < 0)
        return error_set(error, EX_SOFTWARE, "queue: the runner's state without a spool");
    if (!name_make(id, error))
        return false;
    snprintf(name, sizeof name, FOLDER_STATE ".%s", id);
    int fd = file_open_beneath(spool->directory, name, O_WRONLY | O_CREAT | O_EXCL, 0600);
    if (fd < 0)
        return error_set_errno(error, EX_IOERR, "queue: the runner's state");
    bool written = fill(spool, fd, content, error);
    close(fd);
    if (written && renameat(spool->directory, name, spool->directory, FOLDER_STATE) == 0)
        return true;
    if (written)
        error_set_errno(error, EX_IOERR, "queue: the runner's state");
    unlinkat(spool->directory, name, 0);
    return false;
}

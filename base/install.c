/* A new file gets its name in one step when all of it is written and synced. Invariant: the final
 * name leads to the old content or to the new one, never to something between. */
#include "base/install.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"

static bool fail(const char *path, struct error *error)
{
    struct text_shown shown;
    return error_set_errno(error, EX_CANTCREAT, "%s: cannot be written",
                           text_show(&shown, slice_of(path)));
}

bool install_parents(const char *path, mode_t mode, struct error *error)
{
    char directory[PATH_MAX];
    if (!text_copy(directory, sizeof directory, path)) {
        errno = ENAMETOOLONG;
        return fail(path, error);
    }
    for (char *slash = strchr(directory + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        /* The mask of the process is not to have its say. */
        bool made = mkdir(directory, mode) == 0;
        if ((!made && errno != EEXIST) || (made && chmod(directory, mode) != 0))
            return fail(directory, error);
        *slash = '/';
    }
    return true;
}

/* From a path to that of the directory it is in. */
static void go_up(char path[PATH_MAX])
{
    char *slash = strrchr(path, '/');
    if (slash == NULL)
        text_copy(path, PATH_MAX, ".");
    else
        slash[slash == path] = '\0';
}

bool install_is_possible(const char *path, bool parents, struct error *error)
{
    char directory[PATH_MAX];
    if (!text_copy(directory, sizeof directory, path)) {
        errno = ENAMETOOLONG;
        return fail(path, error);
    }
    do {
        go_up(directory);
        if (faccessat(AT_FDCWD, directory, W_OK | X_OK, AT_EACCESS) == 0)
            return true;
    } while (parents && errno == ENOENT && strcmp(directory, "/") != 0);
    return fail(directory, error);
}

static bool sync_directory(const char *path)
{
    char directory[PATH_MAX];
    text_copy(directory, sizeof directory, path);
    go_up(directory);
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool done = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return done;
}

static bool give_name(const char *temporary, const char *path, bool replace)
{
    if (replace)
        return rename(temporary, path) == 0;
    if (renameat2(AT_FDCWD, temporary, AT_FDCWD, path, RENAME_NOREPLACE) == 0)
        return true;
    if (errno != EINVAL && errno != ENOSYS)
        return false;
    return link(temporary, path) == 0 && unlink(temporary) == 0;
}

static bool fill(int fd, const char *temporary, struct slice content, struct error *error)
{
    if (!file_write_all(fd, content, error))
        return error_add_context(error, "%s", temporary);
    return fsync(fd) == 0 || error_set_errno(error, EX_IOERR, "%s: fsync", temporary);
}

bool install_file(const char *path, struct slice content, bool replace, struct error *error)
{
    char target[PATH_MAX], temporary[PATH_MAX + 16];
    if (!(replace && realpath(path, target) != NULL) && !text_copy(target, sizeof target, path)) {
        errno = ENAMETOOLONG;
        return fail(path, error);
    }
    snprintf(temporary, sizeof temporary, "%s.XXXXXX", target);
    int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0)
        return fail(path, error);
    bool done = fill(fd, temporary, content, error);
    close(fd);
    if (done && !give_name(temporary, target, replace))
        done = fail(path, error);
    if (!done)
        unlink(temporary);
    return done && (sync_directory(target) ||
                    error_set_errno(error, EX_IOERR, "%s: its directory cannot be synced", target));
}

/* Files: whom to believe, and reading and writing all of it. A file is judged on the opened
 * descriptor, so that nobody can change what the name leads to between the look and the use. */
#include "base/file.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/text.h"

enum { READ_SIZE = 16 * 1024 };

static bool fail_open(const char *shown, struct error *error)
{
    switch (errno) {
    case ENOENT:
    case ENOTDIR:
        return error_set_errno(error, EX_NOINPUT, "%s", shown);
    case EACCES:
    case EPERM:
        return error_set(error, EX_NOPERM, "%s: cannot be read by uid %u", shown,
                         (unsigned)geteuid());
    case ELOOP:
    case ENAMETOOLONG:
        return error_set_errno(error, EX_CONFIG, "%s", shown);
    case ENXIO:
    case ENODEV:
        return error_set(error, EX_CONFIG, "%s: not a regular file", shown);
    default:
        return error_set_errno(error, EX_OSERR, "%s: cannot be opened", shown);
    }
}

static bool judge(int fd, const struct stat *status, const char *shown, struct error *error)
{
    struct statfs system;
    if (fstatfs(fd, &system) != 0)
        return error_set_errno(error, EX_OSERR, "%s: its file system", shown);
    if (!S_ISREG(status->st_mode))
        return error_set(error, EX_CONFIG, "%s: not a regular file", shown);
    /* A regular file, but its contents are whatever the caller's environment is. */
    if (system.f_type == PROC_SUPER_MAGIC)
        return error_set(error, EX_CONFIG, "%s: not believed, it is on procfs", shown);

    unsigned user = (unsigned)geteuid();
    if (status->st_uid != 0 && status->st_uid != user)
        return error_set(error, EX_CONFIG,
                         "%s: not believed, it belongs to uid %u and to neither root nor the user "
                         "who runs this; run: chown %u %s",
                         shown, (unsigned)status->st_uid, user, shown);
    if ((status->st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return error_set(error, EX_CONFIG,
                         "%s: not believed, its group or others may write to it (mode %04o, owner "
                         "uid %u); run: chmod go-w %s",
                         shown, (unsigned)status->st_mode & 07777, (unsigned)status->st_uid, shown);
    return true;
}

int file_open_trusted_or_empty(const char *path, struct stat *status, struct error *error)
{
    struct text_shown buffer;
    const char *shown = text_show(&buffer, slice_of(path));
    /* Without O_NONBLOCK a FIFO would keep us waiting for its writer. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        fail_open(shown, error);
        return -1;
    }
    if (fstat(fd, status) != 0)
        error_set_errno(error, EX_OSERR, "%s: its status", shown);
    else if (judge(fd, status, shown, error))
        return fd;
    close(fd);
    return -1;
}

int file_open_trusted(const char *path, struct stat *status, struct error *error)
{
    struct text_shown shown;
    int fd = file_open_trusted_or_empty(path, status, error);
    if (fd < 0 || status->st_size > 0)
        return fd;
    close(fd);
    error_set(error, EX_CONFIG, "%s: is empty", text_show(&shown, slice_of(path)));
    return -1;
}

/* An access list as the kernel gives it, all of it little-endian: a version, then entries. */
enum {
    ACCESS_LIST_VERSION = 2,
    ACCESS_LIST_USER_OWNER = 0x01,
    ACCESS_LIST_USER = 0x02,
    ACCESS_LIST_MASK = 0x10,
    ACCESS_LIST_ENTRIES_MAX = 16
};

struct access_entry {
    uint16_t tag, permissions;
    uint32_t id;
};

static bool is_for_user_only(const struct access_entry *entry)
{
    uint32_t id = le32toh(entry->id);
    switch (le16toh(entry->tag)) {
    case ACCESS_LIST_USER_OWNER:
    case ACCESS_LIST_MASK:
        return true;
    case ACCESS_LIST_USER:
        return id == geteuid() || id == 0 || entry->permissions == 0;
    default:
        return entry->permissions == 0;
    }
}

bool file_is_shared_with_user(int fd)
{
    struct {
        uint32_t version;
        struct access_entry entries[ACCESS_LIST_ENTRIES_MAX];
    } list;
    ssize_t size = fgetxattr(fd, "system.posix_acl_access", &list, sizeof list);
    if (size < (ssize_t)sizeof list.version || le32toh(list.version) != ACCESS_LIST_VERSION)
        return false;
    size_t count = ((size_t)size - sizeof list.version) / sizeof list.entries[0];
    for (size_t i = 0; i < count; i++)
        if (!is_for_user_only(&list.entries[i]))
            return false;
    return true;
}

ssize_t file_read_some(int fd, size_t limit, struct buffer *buffer)
{
    /* One byte more than allowed tells too much from just enough. */
    size_t size = READ_SIZE;
    if (buffer->length > limit || limit - buffer->length < size)
        size = buffer->length > limit ? 1 : limit - buffer->length + 1;
    if (!buffer_reserve(buffer, size)) {
        errno = ENOMEM;
        return -1;
    }
    ssize_t count;
    do {
        count = read(fd, buffer->bytes + buffer->length, size);
    } while (count < 0 && errno == EINTR);
    if (count > 0)
        buffer->length += (size_t)count;
    return count;
}

bool file_read_all(int fd, size_t limit, struct buffer *buffer, struct error *error)
{
    for (;;) {
        ssize_t count = file_read_some(fd, limit, buffer);
        if (count == 0)
            return true;
        if (count < 0 && errno == ENOMEM)
            return error_set_memory(error);
        if (count < 0)
            return error_set_errno(error, EX_IOERR, "read");
        if (buffer->length > limit)
            return error_set(error, EX_CONFIG, "read: more than %zu bytes", limit);
    }
}

/* True when a write that failed can be repeated: at once, or now that there is room again. */
static bool may_write_again(int fd)
{
    if (errno == EINTR)
        return true;
    if (errno != EAGAIN)
        return false;
    struct pollfd wait = {.fd = fd, .events = POLLOUT};
    return poll(&wait, 1, -1) >= 0 || errno == EINTR;
}

bool file_write_all(int fd, struct slice bytes, struct error *error)
{
    while (bytes.length > 0) {
        ssize_t count = write(fd, bytes.bytes, bytes.length);
        if (count >= 0)
            bytes = slice_from(bytes, (size_t)count);
        else if (!may_write_again(fd))
            return error_set_errno(error, EX_IOERR, "write");
    }
    return true;
}

bool file_read_at(int fd, char *bytes, size_t size, uint64_t offset, struct error *error)
{
    size_t done = 0;
    while (done < size) {
        ssize_t count = pread(fd, bytes + done, size - done, (off_t)(offset + done));
        if (count == 0)
            return error_set(error, EX_IOERR, "read: the file ends too early");
        if (count > 0)
            done += (size_t)count;
        else if (errno != EINTR)
            return error_set_errno(error, EX_IOERR, "read");
    }
    return true;
}

int file_open_beneath(int directory, const char *name, int flags, mode_t mode)
{
    /* Unlike openat, it minds a mode for nothing. */
    bool makes = (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
    struct open_how how = {.flags = (uint64_t)(flags | O_CLOEXEC | O_NOFOLLOW),
                           .mode = makes ? mode : 0,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};
    if (strchr(name, '/') != NULL || strcmp(name, "..") == 0) {
        errno = EXDEV;
        return -1;
    }
    long fd = syscall(SYS_openat2, directory, name, &how, sizeof how);
    /* Kernels before 5.6, and filters that do not know the call. */
    if (fd < 0 && (errno == ENOSYS || errno == EPERM))
        return openat(directory, name, flags | O_CLOEXEC | O_NOFOLLOW, mode);
    return (int)fd;
}

/* Where the file system has no O_TMPFILE: a random name, gone before anybody could use it. */
static int open_and_unlink(const char *directory)
{
    char path[PATH_MAX];
    int length = snprintf(path, sizeof path, "%s/.sendmail-XXXXXX", directory);
    if (length < 0 || (size_t)length >= sizeof path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    int fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0)
        unlink(path);
    return fd;
}

int file_open_unnamed(const char *directory, struct error *error)
{
    int fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    /* Kernels and file systems without it say one of these. */
    if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL || errno == ENOENT))
        fd = open_and_unlink(directory);
    if (fd < 0) {
        struct text_shown shown;
        error_set_errno(error, EX_CANTCREAT, "%s: cannot create a file there",
                        text_show(&shown, slice_of(directory)));
    }
    return fd;
}

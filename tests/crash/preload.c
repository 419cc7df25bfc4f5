/* Stands between sendmail and libc for every call that touches the spool: counts them, lets one of
 * them go wrong, or writes all of them down, so that a test can end the process, fail the system or
 * pull the plug at each. What goes by in other folders is none of its business.
 *
 *   CRASH_SPOOL   the folder; without it nothing is done
 *   CRASH_COUNT   a file of 4 octets, shared by all processes of the run: the calls so far
 *   CRASH_AT      the number of the call that goes wrong, from 1 on; 0: none
 *   CRASH_DO      kill (before the call), after (kill behind it), or ENOSPC, EIO, EMFILE, EINTR
 *   CRASH_TRACE   a file to which each call that changes something is appended, see tests/crash/run
 *
 * They are read before main, since main cuts its environment. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static char spool[PATH_MAX];
static size_t spool_length;
static _Atomic uint32_t *calls;
static uint32_t fatal_call;
static char deed[16];
static int trace = -1;

/* The functions of libc, by the name of ours. */
#define REAL(name) ((__typeof__(&name))(uintptr_t)dlsym(RTLD_NEXT, #name))

/* --- what is watched ------------------------------------------------------------------------- */

__attribute__((constructor)) static void start(void)
{
    const char *count = getenv("CRASH_COUNT"), *at = getenv("CRASH_AT"), *what = getenv("CRASH_DO");
    const char *traced = getenv("CRASH_TRACE"), *where = getenv("CRASH_SPOOL");
    if (where == NULL)
        return;
    snprintf(spool, sizeof spool, "%s", where);
    spool_length = strlen(spool);
    snprintf(deed, sizeof deed, "%s", what != NULL ? what : "");
    fatal_call = at != NULL ? (uint32_t)strtoul(at, NULL, 10) : 0;
    if (count != NULL) {
        int fd = REAL(open)(count, O_RDWR);
        void *memory = mmap(NULL, sizeof *calls, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        calls = memory != MAP_FAILED ? memory : NULL;
        close(fd);
    }
    if (traced != NULL) {
        int fd = REAL(open)(traced, O_WRONLY | O_APPEND | O_CREAT, 0600);
        trace = fcntl(fd, F_DUPFD_CLOEXEC, 200);
        close(fd);
    }
}

static bool is_in_spool(const char *path)
{
    return spool_length > 0 && strncmp(path, spool, spool_length) == 0 &&
           (path[spool_length] == '/' || path[spool_length] == '\0' || path[spool_length] == ' ');
}

/* Where a descriptor leads to; "" where that is not in the spool. */
static const char *place_of(int fd, char path[PATH_MAX])
{
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = spool_length > 0 ? readlink(link, path, PATH_MAX - 1) : 0;
    path[length > 0 ? length : 0] = '\0';
    if (!is_in_spool(path))
        path[0] = '\0';
    return path;
}

/* The absolute form of what an *at call names; "" where that is not in the spool. */
static const char *place_at(int directory, const char *name, char path[PATH_MAX])
{
    char folder[PATH_MAX];
    path[0] = '\0';
    if (name[0] == '/')
        snprintf(path, PATH_MAX, "%s", name);
    else if (directory != AT_FDCWD && place_of(directory, folder)[0] != '\0')
        snprintf(path, PATH_MAX, "%.3000s/%.1000s", folder, name);
    if (!is_in_spool(path))
        path[0] = '\0';
    return path;
}

/* --- what goes wrong ------------------------------------------------------------------------- */

static int error_to_make(void)
{
    static const struct {
        const char *name;
        int number;
    } errors[] = {{"ENOSPC", ENOSPC}, {"EIO", EIO}, {"EMFILE", EMFILE}, {"EINTR", EINTR}};
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        if (strcmp(deed, errors[i].name) == 0)
            return errors[i].number;
    }
    return 0;
}

/* All processes of this run, which the test put into a group of their own, end like one machine. */
static void end_all(void)
{
    kill(0, SIGKILL);
    for (;;)
        pause();
}

/* True when the call is to fail now, with errno set. `is_fatal` is for behind the call. */
static bool goes_wrong(const char *place, bool *is_fatal)
{
    *is_fatal = false;
    if (place[0] == '\0' || calls == NULL)
        return false;
    uint32_t number = ++*calls;
    if (number != fatal_call)
        return false;
    if (strcmp(deed, "kill") == 0)
        end_all();
    *is_fatal = strcmp(deed, "after") == 0;
    errno = error_to_make();
    return errno != 0;
}

/* --- writing down ---------------------------------------------------------------------------- */

static uint64_t inode_of(int fd)
{
    struct stat status;
    return fstat(fd, &status) == 0 ? status.st_ino : 0;
}

static void note(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void note(const char *format, ...)
{
    char line[PATH_MAX * 2 + 256];
    int reason = errno;
    va_list arguments;
    if (trace < 0)
        return;
    va_start(arguments, format);
    int length = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (length > 0)
        (void)!REAL(write)(trace, line, (size_t)length);
    errno = reason;
}

static void note_bytes(int fd, off_t offset, const void *bytes, ssize_t count)
{
    if (trace < 0 || count <= 0)
        return;
    char *line = malloc((size_t)count * 2 + 128);
    int length = snprintf(line, 128, "write %llu %lld ", (unsigned long long)inode_of(fd),
                          (long long)offset);
    for (ssize_t i = 0; i < count; i++)
        length += snprintf(line + length, 3, "%02x", ((const unsigned char *)bytes)[i]);
    line[length++] = '\n';
    (void)!REAL(write)(trace, line, (size_t)length);
    free(line);
}

static long finish(long result, bool is_fatal)
{
    if (is_fatal)
        end_all();
    return result;
}

/* --- the calls ------------------------------------------------------------------------------- */

static bool creates(int flags)
{
    return (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
}

/* `place` is what was opened. */
static int opened(int fd, const char *place, int flags, bool is_fatal)
{
    if (fd >= 0 && place[0] != '\0' && creates(flags)) {
        bool unnamed = (flags & O_TMPFILE) == O_TMPFILE;
        note("create %llu %s\n", (unsigned long long)inode_of(fd), unnamed ? "" : place);
    }
    if (fd >= 0 && place[0] != '\0' && (flags & O_TRUNC) != 0)
        note("truncate %llu 0\n", (unsigned long long)inode_of(fd));
    return (int)finish(fd, is_fatal);
}

static int open_at(int directory, const char *name, int flags, mode_t mode)
{
    char path[PATH_MAX];
    const char *place = place_at(directory, name, path);
    bool is_fatal;
    if (goes_wrong(place, &is_fatal))
        return -1;
    return opened(REAL(openat)(directory, name, flags, mode), place, flags, is_fatal);
}

static mode_t mode_of(int flags, va_list arguments)
{
    return creates(flags) ? va_arg(arguments, mode_t) : 0;
}

#define OPEN(name)                                                                                 \
    int name(const char *path, int flags, ...)                                                     \
    {                                                                                              \
        va_list arguments;                                                                         \
        va_start(arguments, flags);                                                                \
        mode_t mode = mode_of(flags, arguments);                                                   \
        va_end(arguments);                                                                         \
        return open_at(AT_FDCWD, path, flags, mode);                                               \
    }
#define OPEN_AT(name)                                                                              \
    int name(int directory, const char *path, int flags, ...)                                      \
    {                                                                                              \
        va_list arguments;                                                                         \
        va_start(arguments, flags);                                                                \
        mode_t mode = mode_of(flags, arguments);                                                   \
        va_end(arguments);                                                                         \
        return open_at(directory, path, flags, mode);                                              \
    }
OPEN(open)
OPEN(open64)
OPEN_AT(openat)
OPEN_AT(openat64)

int __open_2(const char *path, int flags);
int __open_2(const char *path, int flags)
{
    return open_at(AT_FDCWD, path, flags, 0);
}

int __openat_2(int directory, const char *path, int flags);
int __openat_2(int directory, const char *path, int flags)
{
    return open_at(directory, path, flags, 0);
}

/* Only openat2 is looked at: its third argument begins with 64 bits of flags. */
long syscall(long number, ...)
{
    long a[6];
    va_list arguments;
    va_start(arguments, number);
    for (size_t i = 0; i < 6; i++)
        a[i] = va_arg(arguments, long);
    va_end(arguments);
    long (*real)(long, ...) = REAL(syscall);
    if (number != SYS_openat2)
        return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
    char path[PATH_MAX];
    uint64_t flags;
    bool is_fatal;
    const char *place = place_at((int)a[0], (const char *)a[1], path);
    memcpy(&flags, (const void *)a[2], sizeof flags);
    if (goes_wrong(place, &is_fatal))
        return -1;
    long fd = real(number, a[0], a[1], a[2], a[3]);
    return opened((int)fd, place, (int)flags, is_fatal);
}

ssize_t write(int fd, const void *bytes, size_t count)
{
    char path[PATH_MAX];
    bool is_fatal;
    if (goes_wrong(place_of(fd, path), &is_fatal))
        return -1;
    off_t offset = path[0] != '\0' ? lseek(fd, 0, SEEK_CUR) : 0;
    ssize_t written = REAL(write)(fd, bytes, count);
    if (path[0] != '\0')
        note_bytes(fd, offset, bytes, written);
    return finish(written, is_fatal);
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
    char path[PATH_MAX];
    bool is_fatal;
    if (goes_wrong(place_of(fd, path), &is_fatal))
        return -1;
    off_t offset = path[0] != '\0' ? lseek(fd, 0, SEEK_CUR) : 0;
    ssize_t written = REAL(writev)(fd, parts, count), left = written;
    for (int i = 0; path[0] != '\0' && i < count && left > 0; i++) {
        ssize_t here = left < (ssize_t)parts[i].iov_len ? left : (ssize_t)parts[i].iov_len;
        note_bytes(fd, offset, parts[i].iov_base, here);
        offset += here;
        left -= here;
    }
    return finish(written, is_fatal);
}

static ssize_t write_at(int fd, const void *bytes, size_t count, off_t offset)
{
    char path[PATH_MAX];
    bool is_fatal;
    if (goes_wrong(place_of(fd, path), &is_fatal))
        return -1;
    ssize_t written = REAL(pwrite)(fd, bytes, count, offset);
    if (path[0] != '\0')
        note_bytes(fd, offset, bytes, written);
    return finish(written, is_fatal);
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset)
{
    return write_at(fd, bytes, count, offset);
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off_t offset)
{
    return write_at(fd, bytes, count, offset);
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset)
{
    ssize_t sum = 0;
    for (int i = 0; i < count; i++) {
        ssize_t written = write_at(fd, parts[i].iov_base, parts[i].iov_len, offset + sum);
        if (written < 0)
            return sum > 0 ? sum : -1;
        sum += written;
        if (written < (ssize_t)parts[i].iov_len)
            break;
    }
    return sum;
}

static int sync_with(int (*real)(int), int fd)
{
    char path[PATH_MAX];
    struct stat status;
    bool is_fatal;
    if (goes_wrong(place_of(fd, path), &is_fatal))
        return -1;
    int result = real(fd);
    if (result == 0 && path[0] != '\0' && fstat(fd, &status) == 0) {
        if (S_ISDIR(status.st_mode))
            note("syncdir %s\n", path);
        else
            note("sync %llu\n", (unsigned long long)status.st_ino);
    }
    return (int)finish(result, is_fatal);
}

int fsync(int fd)
{
    return sync_with(REAL(fsync), fd);
}

int fdatasync(int fd)
{
    return sync_with(REAL(fdatasync), fd);
}

static int truncate_at(int fd, off_t length)
{
    char path[PATH_MAX];
    bool is_fatal;
    if (goes_wrong(place_of(fd, path), &is_fatal))
        return -1;
    int result = REAL(ftruncate)(fd, length);
    if (result == 0 && path[0] != '\0')
        note("truncate %llu %lld\n", (unsigned long long)inode_of(fd), (long long)length);
    return (int)finish(result, is_fatal);
}

int ftruncate(int fd, off_t length)
{
    return truncate_at(fd, length);
}

int ftruncate64(int fd, off_t length)
{
    return truncate_at(fd, length);
}

int flock(int fd, int operation)
{
    char path[PATH_MAX];
    bool is_fatal;
    if (goes_wrong(place_of(fd, path), &is_fatal))
        return -1;
    return (int)finish(REAL(flock)(fd, operation), is_fatal);
}

int linkat(int from, const char *old, int to, const char *new, int flags)
{
    char path[PATH_MAX];
    struct stat status;
    bool is_fatal;
    if (goes_wrong(place_at(to, new, path), &is_fatal))
        return -1;
    int result = REAL(linkat)(from, old, to, new, flags);
    if (result == 0 && path[0] != '\0' && fstatat(to, new, &status, AT_SYMLINK_NOFOLLOW) == 0)
        note("link %llu %s\n", (unsigned long long)status.st_ino, path);
    return (int)finish(result, is_fatal);
}

int unlinkat(int directory, const char *name, int flags)
{
    char path[PATH_MAX];
    bool is_fatal;
    if (goes_wrong(place_at(directory, name, path), &is_fatal))
        return -1;
    int result = REAL(unlinkat)(directory, name, flags);
    if (result == 0 && path[0] != '\0')
        note("unlink %s\n", path);
    return (int)finish(result, is_fatal);
}

int unlink(const char *name)
{
    return unlinkat(AT_FDCWD, name, 0);
}

static int rename_at(int from, const char *old, int to, const char *new, unsigned flags)
{
    char old_path[PATH_MAX], path[PATH_MAX];
    bool is_fatal;
    place_at(from, old, old_path);
    if (goes_wrong(place_at(to, new, path), &is_fatal))
        return -1;
    int result = REAL(renameat2)(from, old, to, new, flags);
    if (result == 0 && path[0] != '\0')
        note("rename %s %s\n", old_path, path);
    return (int)finish(result, is_fatal);
}

int renameat(int from, const char *old, int to, const char *new)
{
    return rename_at(from, old, to, new, 0);
}

int renameat2(int from, const char *old, int to, const char *new, unsigned flags)
{
    return rename_at(from, old, to, new, flags);
}

int rename(const char *old, const char *new)
{
    return rename_at(AT_FDCWD, old, AT_FDCWD, new, 0);
}

int mkdirat(int directory, const char *name, mode_t mode)
{
    char path[PATH_MAX];
    bool is_fatal;
    if (goes_wrong(place_at(directory, name, path), &is_fatal))
        return -1;
    int result = REAL(mkdirat)(directory, name, mode);
    if (result == 0 && path[0] != '\0')
        note("mkdir %s\n", path);
    return (int)finish(result, is_fatal);
}

int mkdir(const char *name, mode_t mode)
{
    return mkdirat(AT_FDCWD, name, mode);
}

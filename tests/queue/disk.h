/* The system calls that change a file, counted, and failing when a test wants it: the program that
 * includes this has them instead of libc's. Syncs are not waited for. */
#ifndef TESTS_QUEUE_DISK_H
#define TESTS_QUEUE_DISK_H

#include <errno.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum disk_call { DISK_WRITE, DISK_TRUNCATE, DISK_SYNC, DISK_SYNC_DATA, DISK_CALLS };

static struct {
    int count[DISK_CALLS];
    int failing[DISK_CALLS]; /* which one fails, counted from 1; 0: none */
    int reason;              /* with this errno */
    size_t most;             /* octets that one write takes; 0: any */
} disk;

static void disk_reset(void)
{
    memset(&disk, 0, sizeof disk);
}

/* Whether this call is to fail. */
static bool disk_fails(enum disk_call call)
{
    if (++disk.count[call] != disk.failing[call])
        return false;
    errno = disk.reason;
    return true;
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t offset)
{
    if (disk_fails(DISK_WRITE))
        return -1;
    if (disk.most > 0 && size > disk.most)
        size = disk.most;
    return syscall(SYS_pwrite64, fd, bytes, size, offset);
}

ssize_t pwritev(int fd, const struct iovec *pieces, int count, off_t offset)
{
    if (disk_fails(DISK_WRITE))
        return -1;
    if (disk.most == 0)
        return syscall(SYS_pwritev, fd, pieces, count, offset, 0L);
    struct iovec first = pieces[0];
    if (first.iov_len > disk.most)
        first.iov_len = disk.most;
    return syscall(SYS_pwritev, fd, &first, 1, offset, 0L);
}

int ftruncate(int fd, off_t size)
{
    return disk_fails(DISK_TRUNCATE) ? -1 : (int)syscall(SYS_ftruncate, fd, size);
}

int fsync(int fd)
{
    (void)fd;
    return disk_fails(DISK_SYNC) ? -1 : 0;
}

int fdatasync(int fd)
{
    (void)fd;
    return disk_fails(DISK_SYNC_DATA) ? -1 : 0;
}

#endif

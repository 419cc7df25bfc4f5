/* How much may be in the spool. What a file takes is what the disk says (st_blocks): the length of
 * one with holes says nothing, and is bounded only so that it cannot become true later. */
#include "queue/quota.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/text.h"
#include "queue/folder.h"
#include "queue/shares.h"

enum { BLOCK = 512, LEAST = 4096, SHARE = 4 };

struct usage {
    struct shares shares;
    uint64_t octets, entries;         /* of all */
    uint64_t own_octets, own_entries; /* of the newcomer's owner */
};

static uint64_t add(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static uint64_t multiply(uint64_t a, uint64_t b)
{
    return b != 0 && a > UINT64_MAX / b ? UINT64_MAX : a * b;
}

uint64_t quota_octets(const struct stat *status)
{
    uint64_t octets = multiply((uint64_t)status->st_blocks, BLOCK);
    return octets > LEAST ? octets : LEAST;
}

static void count(struct usage *usage, const struct stat *status, const struct stat *newcomer)
{
    if (!S_ISREG(status->st_mode) ||
        (status->st_dev == newcomer->st_dev && status->st_ino == newcomer->st_ino))
        return;
    shares_add(&usage->shares, status->st_uid, quota_octets(status));
    usage->entries++;
    if (status->st_uid != newcomer->st_uid)
        return;
    usage->own_octets = add(usage->own_octets, quota_octets(status));
    usage->own_entries++;
}

/* A folder that is not there, or root's alone, takes nothing away from this user. */
static bool measure(const struct spool *spool, const char *folder, const struct stat *newcomer,
                    struct usage *usage, struct error *error)
{
    DIR *directory = folder_read(spool, folder, error);
    const char *name;
    struct stat status;
    if (directory == NULL)
        return error->exit_code == EX_OK || error->exit_code == EX_NOPERM;
    while ((name = folder_next(directory)) != NULL)
        if (fstatat(dirfd(directory), name, &status, AT_SYMLINK_NOFOLLOW) == 0)
            count(usage, &status, newcomer);
    bool complete = errno == 0 || error_set_errno(error, EX_IOERR, "queue: the spool");
    closedir(directory);
    return complete;
}

/* False where not all was measured. */
static bool sum_up(struct usage *usage, const struct spool *spool, bool measured,
                   struct error *error)
{
    uint64_t most = spool->shared ? spool->options->max_size / SHARE : UINT64_MAX;
    bool complete = measured && (!usage->shares.failed || error_set_memory(error));
    usage->octets = shares_sum(&usage->shares, most);
    shares_free(&usage->shares);
    return complete;
}

/* "12.3 MiB", "900 KiB" */
struct size_shown {
    char bytes[32];
};

static const char *show(struct size_shown *shown, uint64_t octets)
{
    static const uint64_t kibibyte = 1024, mebibyte = 1024 * kibibyte;
    if (octets < mebibyte)
        snprintf(shown->bytes, sizeof shown->bytes, "%u KiB", (unsigned)(octets / kibibyte));
    else
        snprintf(shown->bytes, sizeof shown->bytes, "%.1f MiB", (double)octets / (double)mebibyte);
    return shown->bytes;
}

static bool fits(uint64_t used, uint64_t more, uint64_t limit)
{
    return add(used, more) <= limit;
}

/* Root's mail is not held to a share, but who makes others' mail fail could fill the spool with
 * root's reports of it. */
static bool has_share(const struct spool *spool, const struct stat *status)
{
    return spool->shared && (status->st_uid != 0 || spool->reporting);
}

static bool judge_usage(const struct spool *spool, const struct usage *usage,
                        const struct stat *status, struct error *error)
{
    uint64_t limit = spool->options->max_size;
    struct size_shown used = {""}, most = {""}, wanted = {""};
    uint64_t size = (uint64_t)status->st_size, more = quota_octets(status), share = limit / SHARE;
    if (size > more)
        more = size;
    if (!fits(usage->octets, more, limit))
        return error_set(error, EX_TEMPFAIL,
                         "queue: full: %llu messages take %s of the %s that [queue] max_size "
                         "allows, this one would take %s",
                         (unsigned long long)usage->entries, show(&used, usage->octets),
                         show(&most, limit), show(&wanted, more));
    if (has_share(spool, status) && !fits(usage->own_octets, more, share))
        return error_set(error, EX_TEMPFAIL,
                         "queue: full for uid %u: %llu messages take %s of the %s that one user "
                         "may have, a quarter of [queue] max_size; this one would take %s",
                         (unsigned)status->st_uid, (unsigned long long)usage->own_entries,
                         show(&used, usage->own_octets), show(&most, share), show(&wanted, more));
    return true;
}

static bool judge_free(const struct spool *spool, struct error *error)
{
    struct statvfs disk;
    struct size_shown left = {""}, asked = {""};
    if (spool->options->min_free == 0)
        return true;
    if (fstatvfs(spool->directory, &disk) != 0)
        return error_set_errno(error, EX_IOERR, "queue: the file system of the spool");
    /* A file system without a limit says 0 of 0. */
    uint64_t octets = multiply(disk.f_bavail, disk.f_frsize);
    if (disk.f_blocks == 0 || octets >= spool->options->min_free)
        return true;
    return error_set(error, EX_IOERR,
                     "queue: only %s are left on the disk, [queue] min_free keeps %s free",
                     show(&left, octets), show(&asked, spool->options->min_free));
}

bool quota_allows(const struct spool *spool, const struct stat *status, struct error *error)
{
    struct usage usage = {0};
    if (spool->options->max_size == 0)
        return judge_free(spool, error);
    bool measured = measure(spool, folder_name(SPOOL_QUEUE), status, &usage, error) &&
                    measure(spool, folder_name(SPOOL_FAILED), status, &usage, error) &&
                    measure(spool, FOLDER_TEMPORARY, status, &usage, error);
    return sum_up(&usage, spool, measured, error) && judge_usage(spool, &usage, status, error) &&
           judge_free(spool, error);
}

static bool measure_damaged(struct spool *spool, struct error *error)
{
    static const struct stat nobody;
    struct usage usage = {0};
    spool->damaged_known = measure(spool, folder_name(SPOOL_DAMAGED), &nobody, &usage, error);
    spool->damaged = shares_sum(&usage.shares, UINT64_MAX);
    shares_free(&usage.shares);
    return spool->damaged_known;
}

bool quota_allows_damaged(struct spool *spool, const struct stat *status, struct error *error)
{
    struct size_shown used = {""};
    if (spool->options->max_size == 0)
        return true;
    if (!spool->damaged_known && !measure_damaged(spool, error))
        return false;
    if (!fits(spool->damaged, 0, spool->options->max_size / SHARE))
        return error_set(error, EX_TEMPFAIL,
                         "queue: nothing more is set aside: damaged/ takes %s already; look at it, "
                         "and empty it",
                         show(&used, spool->damaged));
    spool->damaged = add(spool->damaged, quota_octets(status));
    return true;
}

/* Files: who may have written them, and how bytes get into them. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <sys/stat.h>
#include <sys/types.h>

#include "base/buffer.h"
#include "base/error.h"

/* Opens a file whose contents we are going to believe, and judges the opened descriptor: regular,
 * not empty, not on procfs, owned by root or the effective uid, not writable by group or others.
 * Returns the descriptor (close-on-exec) with its `status`, or -1. A missing file is EX_NOINPUT, a
 * forbidden one EX_NOPERM, a judgement against it EX_CONFIG with the owner or the chmod to run. */
int file_open_trusted(const char *path, struct stat *status, struct error *error);

/* The same, for a file that may say nothing at all. */
int file_open_trusted_or_empty(const char *path, struct stat *status, struct error *error);

/* True when an access list (acl(5)) lets the effective user read the file, and nobody else: no
 * group, no other user but root. The owner is not looked at. */
bool file_is_shared_with_user(int fd);

/* One read(2) behind the bytes in `buffer`, at most to limit + 1 bytes in all, so that the caller
 * can tell too much from enough. Returns as read(2), never with EINTR; ENOMEM without memory. */
ssize_t file_read_some(int fd, size_t limit, struct buffer *buffer);

/* Reads to the end into `buffer`; more than `limit` bytes is EX_CONFIG, a read error EX_IOERR. */
bool file_read_all(int fd, size_t limit, struct buffer *buffer, struct error *error);

/* Writes every byte at the file's position, through short writes and EINTR; EX_IOERR. */
bool file_write_all(int fd, struct slice bytes, struct error *error);

/* Reads exactly `size` bytes at `offset`; EX_IOERR, also when the file ends before. */
bool file_read_at(int fd, char *bytes, size_t size, uint64_t offset, struct error *error);

/* Opens `name`, one component of a path, in `directory`, close-on-exec and without following a
 * link: nothing outside is ever reached. `mode` is for flags with O_CREAT, or O_TMPFILE, whose name
 * is ".". Returns as openat(2); EXDEV for a name that leads away. */
int file_open_beneath(int directory, const char *name, int flags, mode_t mode);

/* An unnamed, private file for reading and writing in `directory`: O_TMPFILE, or a name made and
 * unlinked at once where the file system has no such thing. -1 with EX_CANTCREAT. */
int file_open_unnamed(const char *directory, struct error *error);

#endif

/* The spool: a directory with one file an entry, and what the kernel promises about it. It knows
 * names, owners, sizes, locks and what is on the disk, and nothing of what an entry says
 * (queue/entry.h).
 *
 *   SPOOL/             root:GROUP 1770 where it serves the system, 0700 of its user else
 *     ID               an entry: 16 of [0-9A-Za-z], its owner's, 0600, one link
 *     failed/          as SPOOL: entries that failed for good, kept keep_failed
 *     damaged/         0700: what could not be believed, never deleted by us
 *     tmp/             as SPOOL: files without a place yet, where O_TMPFILE is missing
 *     state            the runner's, 0644 or 0600: its stamp and what it knows of smarthosts
 *                      (queue/outage.h); state.ID while it is written
 *
 * Where this process may not enter the directory itself, a helper does it (queue/helper.h), for the
 * caller's own entries only; the functions are the same. */
#ifndef QUEUE_SPOOL_H
#define QUEUE_SPOOL_H

#include <sys/stat.h>
#include <sys/types.h>

#include "base/error.h"
#include "message/store.h"

enum { SPOOL_ID_LENGTH = 16, SPOOL_ID_SIZE };

enum spool_folder { SPOOL_QUEUE, SPOOL_FAILED, SPOOL_DAMAGED };

/* What [queue] says of it. */
struct spool_options {
    const char *directory;
    uint64_t max_size;   /* octets of all entries, the failed ones too; a uid other than root, where
                            the spool is the system's, may hold a quarter */
    uint64_t min_free;   /* octets to be left free on the file system */
    int64_t keep_failed; /* milliseconds */
};

struct helper;

struct spool {
    const struct spool_options *options;
    bool shared;           /* it is the system's, with entries of many users */
    struct helper *helper; /* NULL: this process enters the directory itself */
    int directory;         /* -1 with a helper */
    gid_t group;           /* the directory's; entries in a shared one have it too, but root's */
    bool reporting;        /* what is added is a report: root's too may take a quarter only */
    unsigned removed;      /* since the directory was synced */
    bool damaged_known;    /* how much is in damaged/ by now: */
    uint64_t damaged;
    struct store_place place; /* for store_init: a message too large for memory grows where it can
                                 be linked into place */
};

/* Opens the spool, which must not be moved afterwards. Where it is missing, it is made with
 * whatever is missing above it, 0700: the system's with its group is set up by who installs. Root
 * makes the folders in the system's as that is.
 * `helper` NULL where there is none. EX_CANTCREAT (73), EX_NOPERM naming the directory, EX_CONFIG
 * where it is not as it must be (owner root or this user, nobody else may write, but a group with
 * the sticky bit set). On false it is good for spool_close. */
bool spool_open(struct spool *spool, const struct spool_options *options, bool shared,
                struct helper *helper, struct error *error);

/* Syncs what is not synced yet. Harmless on a zeroed struct and twice. */
void spool_close(struct spool *spool);

/* True for whoever keeps house in it, so that others count on him: root in the system's, the user
 * in his own. He alone takes out what is finished, sets aside what is damaged and leaves the stamp.
 */
bool spool_is_kept_by_us(const struct spool *spool);

/* True for 16 characters of [0-9A-Za-z]. Nothing else ever becomes part of a path. */
bool spool_is_id(struct slice text);

/* --- adding ---------------------------------------------------------------------------------- */

/* A new file without a place in the spool, for reading and writing, 0600, locked (flock) by its
 * descriptor, which lasts until that is closed. -1 with EX_CANTCREAT, EX_IOERR, EX_OSERR. */
int spool_create(struct spool *spool, struct error *error);

/* Gives the file, whose content is complete and synced, its place under a new random id, and syncs
 * the directory: after true it survives everything. Signals are blocked meanwhile. EX_TEMPFAIL with
 * the numbers where a quota is used up (0 is none), EX_NOPERM for a file that spool_create cannot
 * have made, EX_IOERR where min_free would not be left or the disk says
 * no; then nothing is in the queue. Names of files that were created but never got here vanish with
 * their descriptor, or, from tmp/, when they are unlocked and an hour old. */
bool spool_commit(struct spool *spool, int fd, char id[SPOOL_ID_SIZE], struct error *error);

/* --- finding --------------------------------------------------------------------------------- */

/* One name in the spool, as the directory has it; nothing of it was opened. */
struct spool_name {
    char id[SPOOL_ID_SIZE];
    uid_t owner;
    uint64_t size;           /* octets on the disk, at least 4096 */
    struct timespec changed; /* when it was queued or last tried; its owner can make it any time */
};

struct spool_walk;

/* Every entry of a folder once, in no order; with a helper the caller's own. Memory does not grow
 * with their number. What was added or taken out meanwhile may be seen or not. NULL with EX_IOERR,
 * EX_NOPERM, EX_OSERR; a folder that is not there is an empty one. */
struct spool_walk *spool_walk_open(struct spool *spool, enum spool_folder folder,
                                   struct error *error);

/* False at the end, and when it could not go on: `error` then has an exit code. */
bool spool_walk_next(struct spool_walk *walk, struct spool_name *name, struct error *error);

void spool_walk_close(struct spool_walk *walk);

/* True where the queue has an entry (with a helper: of the caller's): worth keeping a connection.
 */
bool spool_has_entries(struct spool *spool);

/* How an attempt to open an entry ended. */
enum spool_opened {
    SPOOL_OPENED,
    SPOOL_BUSY,    /* somebody else has it in hand */
    SPOOL_GONE,    /* there is no such entry (any more), or it is not the caller's */
    SPOOL_FOREIGN, /* no file that can be an entry: a link, a fifo, two links, bits for others, ...;
                      error says what */
    SPOOL_FAILURE  /* of the system: error says which */
};

/* Opens an entry for reading and writing without following or waiting for anything, and claims it
 * where `claim`: it is locked without waiting, has one link, and its name still leads to it.
 * `status` is the open file's. The lock goes with the descriptor. */
enum spool_opened spool_open_entry(struct spool *spool, enum spool_folder folder, const char *id,
                                   bool claim, int *fd, struct stat *status, struct error *error);

/* --- taking out ------------------------------------------------------------------------------ */

/* Unlinks a claimed entry. The directory is synced at least every 32 times and by spool_settle.
 * EX_IOERR. */
bool spool_remove(struct spool *spool, enum spool_folder folder, const char *id,
                  struct error *error);

/* Moves a claimed entry from the queue to `to`, durably; a name that is taken there gets a new id
 * (then only its owner planted it). Needs no helper: only a runner does it. EX_IOERR; EX_TEMPFAIL
 * where a quarter of max_size is set aside in damaged/ already: the entry stays where it is. */
bool spool_move(struct spool *spool, const char *id, enum spool_folder to, struct error *error);

/* The directory is synced. EX_IOERR. */
bool spool_settle(struct spool *spool, struct error *error);

/* Unlinks what is in failed/ longer than keep_failed, oldest first, at most `most` of them, and
 * files in tmp/ that nobody holds; tells `removed` of each of the former. */
bool spool_sweep(struct spool *spool, size_t most, void (*removed)(void *context, const char *id),
                 void *context, struct error *error);

/* --- the runner's stamp ---------------------------------------------------------------------- */

/* When a runner was here last; 0 where none ever was, or nobody knows. */
time_t spool_stamp(struct spool *spool);

/* The file `state`, opened for reading; -1 where there is none. With a helper as well. */
int spool_open_state(struct spool *spool);

/* Replaces the file `state` as a whole, which leaves the stamp. Needs no helper. EX_IOERR. */
bool spool_write_state(struct spool *spool, struct slice content, struct error *error);

#endif

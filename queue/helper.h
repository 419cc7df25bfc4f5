/* The small process that holds the spool group's right, where the program was started set-group-ID:
 * forked first of all, so that the process which looks at arguments, environment and input has no
 * right to lose. Over a socket it does four things for its caller's uid, and says when a runner was
 * last here: it makes a file and gives it its place, lists the caller's entries, opens one of his,
 * unlinks one of his. It looks at nothing of the caller's, holds no lock and keeps no secret, and
 * ends with its parent. */
#ifndef QUEUE_HELPER_H
#define QUEUE_HELPER_H

#include "queue/spool.h"

struct helper {
    int socket;
    pid_t pid; /* 0: there is none */
};

/* Where the system's spool is, and its limits; asked by the helper itself, at its first task. What
 * it points to stays. */
typedef bool helper_configure(struct spool_options *options, struct error *error);

/* First thing in main. Where this process has a group by set-group-ID: forks the helper, and gives
 * that group up in this process for good, which is checked; also when it fails. Else there is none.
 * Root needs none and just drops the group. EX_OSERR. */
bool helper_start(struct helper *helper, helper_configure *configure, struct error *error);

/* Adds to the error why a process without a helper may not enter the system's spool `directory`:
 * for whose group it is, and where that can be told, why this program did not get it, and what to
 * do. False. */
bool helper_explain(const char *directory, struct error *error);

/* What queue/spool.c asks; each as the function of spool.h that it stands behind, for the caller's
 * own entries. helper_open claims nothing, that is its caller's to do with the descriptor; one walk
 * at a time; what was removed is removed durably. A helper that has ended is EX_OSERR. After a fork
 * both processes have it, but one at a time may ask. */
int helper_create(struct helper *helper, struct error *error);
bool helper_commit(struct helper *helper, int fd, char id[SPOOL_ID_SIZE], struct error *error);
bool helper_walk(struct helper *helper, enum spool_folder folder, struct error *error);
bool helper_walk_next(struct helper *helper, struct spool_name *name, struct error *error);
enum spool_opened helper_open(struct helper *helper, enum spool_folder folder, const char *id,
                              int *fd, struct error *error);
bool helper_remove(struct helper *helper, enum spool_folder folder, const char *id,
                   struct error *error);
int helper_open_state(struct helper *helper, time_t *stamp);

/* Ends it, once nobody else has it. Harmless without one, and twice. */
void helper_stop(struct helper *helper);

#endif

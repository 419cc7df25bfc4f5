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
    int socket; /* -1: there is none */
    pid_t pid;
};

/* Where the system's spool is, and its limits; asked by the helper itself, at its first task. */
typedef bool helper_configure(struct spool_options *options, struct error *error);

/* First thing in main. Where this process has a group by set-group-ID: forks the helper, and gives
 * that group up in this process for good, which is checked. Else does nothing (socket -1). Root
 * needs none and just drops the group. EX_OSERR. */
bool helper_start(struct helper *helper, helper_configure *configure, struct error *error);

/* What queue/spool.c asks; each as the function of spool.h that it stands behind. */
int helper_create(struct helper *helper, struct error *error);
bool helper_commit(struct helper *helper, int fd, char id[SPOOL_ID_SIZE], struct error *error);
bool helper_walk(struct helper *helper, enum spool_folder folder, struct error *error);
bool helper_walk_next(struct helper *helper, struct spool_name *name, struct error *error);
enum spool_opened helper_open(struct helper *helper, enum spool_folder folder, const char *id,
                              int *fd, struct error *error);
bool helper_remove(struct helper *helper, enum spool_folder folder, const char *id,
                   struct error *error);
int helper_open_state(struct helper *helper, time_t *stamp);

/* Ends it. Harmless without one. */
void helper_stop(struct helper *helper);

#endif

/* Which configuration file holds, and for whom. */
#ifndef CONFIG_PATHS_H
#define CONFIG_PATHS_H

#include "base/arena.h"
#include "base/error.h"

enum paths_origin { PATHS_SYSTEM, PATHS_USER, PATHS_GIVEN };

struct paths {
    const char *system_file; /* SYSCONFDIR/sendmail/config.ini */
    const char *user_file;   /* NULL for uid 0, and for a user without a home */
    const char *home;        /* $HOME, or from passwd; NULL when there is none */
    const char *user_spool;  /* in the user's, and root's own, state directory; NULL without one */
};

struct paths_choice {
    const char *file;
    enum paths_origin origin;
    bool missing;      /* there is neither file */
    const char *spool; /* where the queue is by default; NULL: there is no home to have it in */
    const char *home;  /* what "~/" stands for in that file; NULL where it may not be used */
};

/* Where the files would be. Strings live in `arena`. EX_OSERR. */
bool paths_find(struct paths *paths, struct arena *arena, struct error *error);

/* `given` (-C, --config; NULL for none), else the user's file if there is one, else the system's.
 * EX_CONFIG naming both when there is neither; EX_NOPERM when that cannot be told. */
bool paths_choose(const struct paths *paths, const char *given, struct paths_choice *choice,
                  struct error *error);

/* The system's file and spool, whoever asks, and whether they are there or not. */
void paths_choose_system(struct paths_choice *choice);

/* Adds whose a file is that may not be read, and what its reader can do about it. */
bool paths_add_owner(const char *path, struct error *error);

#endif

/* The directories of the spool: made where they are missing, judged on the opened descriptor. */
#ifndef QUEUE_FOLDER_H
#define QUEUE_FOLDER_H

#include <dirent.h>

#include "queue/spool.h"

/* The names in the spool that are no entries. */
#define FOLDER_TEMPORARY "tmp"
#define FOLDER_STATE     "state"

/* What `folder` is called inside the spool; "." for the queue itself. */
const char *folder_name(enum spool_folder folder);

/* Opens the spool's own directory `path`, made with what is missing above it. -1 with EX_CANTCREAT,
 * EX_NOPERM, EX_CONFIG, EX_IOERR, EX_OSERR, always naming it. */
int folder_open_spool(const char *path, bool shared, struct error *error);

/* Opens the folder `name` of the spool, made like the spool itself where it is missing and `make`.
 * -1 as above; EX_OK for one that is not there. */
int folder_open(const struct spool *spool, const char *name, bool make, struct error *error);

/* The same, to be read; NULL. */
DIR *folder_read(const struct spool *spool, const char *name, struct error *error);

/* The next name that is not the directory itself or the one above; NULL at the end with errno 0,
 * and when it cannot be read. */
const char *folder_next(DIR *directory);

/* The exit code for an errno about a folder or a file in it. */
int folder_exit_code(int number);

#endif

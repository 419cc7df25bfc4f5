/* Putting a file in place: whole or not at all, whatever happens meanwhile. */
#ifndef BASE_INSTALL_H
#define BASE_INSTALL_H

#include <sys/types.h>

#include "base/error.h"
#include "base/slice.h"

/* Makes the directories above the file `path` that are missing, each with just `mode`.
 * EX_CANTCREAT. */
bool install_parents(const char *path, mode_t mode, struct error *error);

/* Whether this process may put a file `path` in place, as far as that can be known without trying;
 * `parents`: directories that are missing would be made. EX_CANTCREAT. */
bool install_is_possible(const char *path, bool parents, struct error *error);

/* A file `path` of mode 0600 with this content, under a name of its own until it and its directory
 * are on the disk. A file that is there is replaced where `replace` (a link is followed), else it
 * is kept and the error is EX_CANTCREAT. Also EX_CANTCREAT, EX_IOERR; nothing is left behind. */
bool install_file(const char *path, struct slice content, bool replace, struct error *error);

#endif

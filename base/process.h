/* The state of the process: what the caller handed us is put in order before anything is read. */
#ifndef BASE_PROCESS_H
#define BASE_PROCESS_H

#include "base/error.h"

/* The first lines of main: umask 077, file size limit's and pipe's signals ignored, every other
 * handler, the mask and the timers reset, descriptors 0-2 open (a closed one becomes /dev/null),
 * and the environment cut to what this uid may bring along. A set-group-ID start may bring less,
 * and takes HOME from passwd. Nobody but root can look into the process from then on, and it leaves
 * no core behind. */
bool process_start(struct error *error);

/* Every signal's handler to the default and the mask emptied: for a child. */
void process_reset_signals(void);

/* For a child that is to have nothing of what its parent was handed, and to be reached by nothing
 * but `descriptor` (above 2): the environment, all other descriptors and the folder are gone, 0-2
 * lead nowhere; in a session of its own, with all signals blocked, it hears of no terminal. Nobody
 * but root can look into it. umask 077. False where that cannot be had. */
bool process_seclude(int descriptor);

/* Reads and throws away what is left on `fd`, if that is a pipe or a socket: a caller that is still
 * writing must not die of SIGPIPE. */
void process_drain(int fd);

#endif

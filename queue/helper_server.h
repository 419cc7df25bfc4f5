/* The helper's own side: what the process that holds the spool group's right does. */
#ifndef QUEUE_HELPER_SERVER_H
#define QUEUE_HELPER_SERVER_H

#include "queue/helper.h"

/* Serves the requests that come by `socket` for this process's real uid until the other end is
 * closed, or sends what is no request. */
void helper_server_run(int socket, helper_configure *configure);

#endif

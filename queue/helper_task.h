/* What goes between the two sides of the helper, which are one program: one request, one answer,
 * each a packet of a fixed size. A request that is not exactly one of these ends the helper. */
#ifndef QUEUE_HELPER_TASK_H
#define QUEUE_HELPER_TASK_H

#include <stdint.h>

#include "queue/spool.h"

/*                   request has         answer brings besides `done` or `error` */
enum helper_task {
    HELPER_CREATE,    /*                     a descriptor */
    HELPER_COMMIT,    /* the descriptor      name.id */
    HELPER_WALK,      /* folder              */
    HELPER_WALK_NEXT, /*                     name; at the end neither done nor an error */
    HELPER_OPEN,      /* folder, id          opened, a descriptor */
    HELPER_REMOVE,    /* folder, id          */
    HELPER_STATE,     /*                     stamp, a descriptor where there is one */
    HELPER_TASKS
};

struct helper_request {
    uint32_t task;
    uint32_t folder;        /* SPOOL_QUEUE or SPOOL_FAILED; 0 without one */
    char id[SPOOL_ID_SIZE]; /* all zero without one */
    char unused[3];         /* zero */
};

struct helper_answer {
    uint32_t done;
    uint32_t opened; /* enum spool_opened */
    int64_t stamp;
    struct spool_name name;
    struct error error;
};

#endif

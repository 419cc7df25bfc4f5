/* What is not there yet, until it is: a queue that cannot be opened, and that nobody runs. */
#include <unistd.h>

#include "agent/runner.h"
#include "base/file.h"
#include "queue/entry.h"

#pragma weak entry_add
#pragma weak runner_has_work
#pragma weak runner_take_along
#pragma weak runner_try_behind

bool entry_add(struct spool *spool, struct message *message, struct envelope *envelope,
               const struct record_envelope *about, char id[SPOOL_ID_SIZE], struct error *error)
{
    (void)message;
    int fd = spool_create(spool, error);
    bool done = fd >= 0 && file_write_all(fd, slice_of(about->reason), error) && fsync(fd) == 0 &&
                spool_commit(spool, fd, id, error);
    if (fd >= 0)
        close(fd);
    for (size_t i = 0; done && i < envelope->count; i++)
        if (envelope->recipients[i].state == RECIPIENT_PENDING ||
            envelope->recipients[i].state == RECIPIENT_DEFERRED)
            envelope->recipients[i].state = RECIPIENT_QUEUED;
    return done;
}

bool runner_has_work(struct call *call)
{
    (void)call;
    return false;
}

void runner_take_along(struct call *call, const struct account *account,
                       struct submission *submission)
{
    (void)call;
    (void)account;
    (void)submission;
}

bool runner_try_behind(struct call *call, const char *id, struct error *error)
{
    (void)call;
    (void)id;
    return error_set(error, EX_OSERR, "there is no queue yet");
}

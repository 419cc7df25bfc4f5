/* What is not there yet, until it is: a queue that cannot be opened, and that nobody runs. */
#include "agent/runner.h"

#pragma weak runner_has_work
#pragma weak runner_take_along
#pragma weak runner_try_behind

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

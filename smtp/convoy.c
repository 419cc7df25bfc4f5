/* One after the other. */
#include "smtp/convoy.h"

#include <string.h>

bool convoy_run(struct submission *submission, const struct convoy *convoy, struct error *error)
{
    struct convoy_item *item;
    while ((item = convoy->next(convoy->context)) != NULL) {
        struct error ending = {.exit_code = EX_OK};
        bool delivered =
            submission_deliver(submission, item->message, item->envelope, item->report, &ending);
        bool reached = item->report->size > 0 && ending.reply_code != 0 &&
                       ending.reply_code != 421 && strstr(ending.sentence, "AUTH") == NULL;
        item->over = !delivered && !ending.permanent && !reached;
        *error = ending;
        bool over = item->over;
        if (!convoy->done(convoy->context, item, &ending))
            return true;
        if (over)
            return false;
    }
    return true;
}

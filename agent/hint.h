/* From what failed to the key that its owner would change. */
#ifndef AGENT_HINT_H
#define AGENT_HINT_H

#include "config/settings.h"
#include "smtp/probe.h"

struct hint {
    char section[128];  /* "smarthost:work", "" where no key of the configuration helps; as it came,
                           to be escaped where it is shown */
    char key[64];       /* "" likewise */
    const char *advice; /* what to do, or what to set it to; never NULL */
};

/* What to do about `error`, met at `step` with `account` (NULL: none was chosen yet). False where
 * there is nothing to say. */
bool hint_find(enum probe_kind step, const struct error *error, const struct account *account,
               struct hint *hint);

#endif

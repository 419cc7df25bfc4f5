/* Who calls, what he asked for, and the configuration that holds for him: what all mails of one run
 * share. */
#ifndef AGENT_CALLER_H
#define AGENT_CALLER_H

#include "config/account.h"
#include "config/options.h"
#include "config/settings.h"

struct caller {
    struct options options;
    struct settings settings;
    struct account_person person;
    struct arena arena; /* owns the options' and the person's strings */
};

/* Loads the configuration that options.config_file and the caller's uid lead to, opens its log, and
 * finds the person. Errors as paths_choose and settings_load. */
bool caller_load(struct caller *caller, struct error *error);

/* Wipes what may be secret and frees everything. A zeroed struct may be freed. */
void caller_free(struct caller *caller);

#endif

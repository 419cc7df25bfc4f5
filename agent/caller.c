/* The configuration is chosen by who calls and by -C, never by the environment of root or by what a
 * message says. */
#include "agent/caller.h"

bool caller_load(struct caller *caller, struct error *error)
{
    struct paths paths;
    struct paths_choice choice;
    if (!paths_find(&paths, &caller->arena, error) ||
        !paths_choose(&paths, caller->options.config_file, &choice, error) ||
        !settings_load(&caller->settings, &choice, error))
        return false;
    log_open(&caller->settings.log);
    return account_find_person(&caller->person, &caller->arena, error);
}

void caller_free(struct caller *caller)
{
    settings_free(&caller->settings);
    arena_free(&caller->arena);
}

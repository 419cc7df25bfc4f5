/* The configuration is chosen by who calls and by -C, never by the environment of root or by what a
 * message says. */
#include "agent/call.h"

bool call_load(struct call *call, struct error *error)
{
    struct paths paths;
    struct paths_choice choice;
    if (!paths_find(&paths, &call->arena, error) ||
        !paths_choose(&paths, call->options.config_file, &choice, error) ||
        !settings_load(&call->settings, &choice, error))
        return false;
    log_open(&call->settings.log);
    return account_find_person(&call->person, &call->arena, error);
}

void call_free(struct call *call)
{
    settings_free(&call->settings);
    arena_free(&call->arena);
}

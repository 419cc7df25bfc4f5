/* The configuration is chosen by who calls and by -C, never by the environment of root or by what a
 * message says. */
#include "agent/call.h"

#include <stdio.h>
#include <syslog.h>
#include <unistd.h>

#include "base/log.h"

enum { WARNINGS_LIMIT = 5 };

/* A line of the alias file that is passed over. A file that is full of them is told of in few. */
static void warn(void *context, const char *sentence)
{
    struct call *call = context;
    if (call->warnings++ > WARNINGS_LIMIT)
        return;
    if (call->warnings > WARNINGS_LIMIT)
        sentence = "more lines of the alias file are passed over; newaliases names them all";
    char buffer[LOG_LINE_SIZE];
    struct text line;
    struct error ignored;
    text_init(&line, buffer, sizeof buffer);
    log_add_whole(&line, "warning", slice_of(sentence));
    log_line(LOG_WARNING, buffer, &ignored);
    if (call->options.verbose)
        puts(sentence);
}

bool call_load(struct call *call, struct error *error)
{
    struct paths paths;
    struct paths_choice choice;
    if (!paths_find(&paths, &call->arena, error))
        return false;
    bool chosen = paths_choose(&paths, call->options.config_file, &choice, error);
    call->unconfigured = choice.missing;
    if (!chosen || !settings_load(&call->settings, &choice, error))
        return false;
    log_open(&call->settings.log);
    call->settings.local.note = warn;
    call->settings.local.note_context = call;
    return account_find_person(&call->person, &call->arena, error);
}

bool call_leave_directory(struct error *error)
{
    return chdir("/") == 0 || error_set_errno(error, EX_OSERR, "chdir: /");
}

void call_free(struct call *call)
{
    helper_stop(&call->helper);
    settings_free(&call->settings);
    arena_free(&call->arena);
}

/* The configuration is chosen by who calls and by -C, never by the environment of root or by what a
 * message says. */
#include "agent/call.h"

#include <limits.h>
#include <stdio.h>
#include <syslog.h>
#include <unistd.h>

#include "base/log.h"
#include "base/privilege.h"

enum { WARNINGS_LIMIT = 5 };

void call_warn(const struct call *call, const char *sentence)
{
    char buffer[LOG_LINE_SIZE];
    struct text line;
    struct error ignored;
    text_init(&line, buffer, sizeof buffer);
    log_add_whole(&line, "warning", slice_of(sentence));
    log_line(LOG_WARNING, buffer, &ignored);
    if (call->options.verbose)
        puts(sentence);
}

/* A line of the alias file that is passed over. A file that is full of them is told of in few. */
static void warn_of_alias(void *context, const char *sentence)
{
    struct call *call = context;
    if (call->warnings++ > WARNINGS_LIMIT)
        return;
    if (call->warnings > WARNINGS_LIMIT)
        sentence = "more lines of the alias file are passed over; newaliases names them all";
    call_warn(call, sentence);
}

/* A process that goes on elsewhere finds the file by it. */
static bool complete_path(struct call *call, struct error *error)
{
    const char *given = call->options.config_file;
    char directory[PATH_MAX];
    call->config_path = given;
    if (given == NULL || given[0] == '/')
        return true;
    if (getcwd(directory, sizeof directory) == NULL)
        return true; /* it is not found anyway */
    call->config_path = arena_format(&call->arena, "%s/%s", directory, given);
    return call->config_path != NULL || error_set_memory(error);
}

bool call_load(struct call *call, struct error *error)
{
    struct paths paths;
    struct paths_choice choice;
    if (!complete_path(call, error) || !paths_find(&paths, &call->arena, error))
        return false;
    bool chosen = paths_choose(&paths, call->options.config_file, &choice, error);
    call->unconfigured = choice.missing;
    if (!chosen || !settings_load(&call->settings, &choice, error))
        return false;
    log_open(&call->settings.log);
    call->settings.local.note = warn_of_alias;
    call->settings.local.note_context = call;
    return account_find_person(&call->person, &call->arena, error);
}

bool call_open_spool(struct call *call, struct error *error)
{
    const struct settings_queue *queue = &call->settings.queue;
    struct helper *helper = queue->shared && call->helper.pid > 0 ? &call->helper : NULL;
    if (call->spool_open)
        return true;
    if (!settings_check_spool(queue, error))
        return false;
    call->spool_open = spool_open(&call->spool, &queue->spool, queue->shared, helper, error);
    if (!call->spool_open)
        spool_close(&call->spool);
    return call->spool_open;
}

bool call_drop_rights(struct error *error)
{
    log_hold();
    return privilege_keep(0, error);
}

bool call_leave_directory(struct error *error)
{
    return chdir("/") == 0 || error_set_errno(error, EX_OSERR, "chdir: /");
}

void call_free(struct call *call)
{
    if (call->spool_open)
        spool_close(&call->spool);
    call->spool_open = false;
    helper_stop(&call->helper);
    settings_free(&call->settings);
    arena_free(&call->arena);
}

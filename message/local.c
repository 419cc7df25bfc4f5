/* Local recipients. Invariant: nothing without a domain gets into an envelope, and the alias file
 * is not touched for the sake of a recipient that is not local. */
#include "message/local.h"

#include <string.h>

#include "message/expand.h"

/* Names that mean this machine on every machine. */
static const char *const loopback[] = {"localhost", "localhost.localdomain", NULL};

static bool is_among(const char *domain, const char *const *names)
{
    for (; *names != NULL; names++)
        if (slice_equals_nocase(slice_of(domain), slice_of(*names)))
            return true;
    return false;
}

static bool is_local(const struct local *local, const char *domain)
{
    if (is_among(domain, loopback))
        return true;
    return !slice_equals_nocase(slice_of(domain), slice_of(local->domain)) &&
           is_among(domain, local->names);
}

/* --- targets ---------------------------------------------------------------------------------- */

static bool add_target(struct local_targets *targets, const char *address, const char *via,
                       struct error *error)
{
    uint32_t place;
    struct text_shown shown;
    if (table_find(&targets->table, address, &place))
        return true;
    if (targets->count == LOCAL_TARGETS_MAX)
        return error_set(error, EX_CONFIG, "%s: more than %d addresses",
                         text_show(&shown, slice_of(targets->written)), LOCAL_TARGETS_MAX);
    struct local_target target = {arena_copy(&targets->arena, slice_of(address)), via};
    if (target.address == NULL ||
        !table_add(&targets->table, target.address, (uint32_t)targets->count) ||
        !buffer_add(&targets->list, slice_make((const char *)&target, sizeof target)))
        return error_set_memory(error);
    targets->targets = (const void *)targets->list.bytes;
    targets->count++;
    return true;
}

void local_targets_free(struct local_targets *targets)
{
    buffer_free(&targets->list);
    table_free(&targets->table);
    arena_free(&targets->arena);
    targets->targets = NULL;
    targets->count = 0;
}

/* --- one local name --------------------------------------------------------------------------- */

/* A local name and where it goes. */
struct resolution {
    const struct local *local;
    struct local_targets *targets;
    const char *last_trail, *last_via; /* the walk's words and our copy, which outlives it */
};

/* `trail` is NULL where no alias was used. */
static bool take_final_name(struct resolution *resolution, const char *name, const char *trail,
                            struct error *error)
{
    struct local_targets *targets = resolution->targets;
    const struct local *local = resolution->local;
    char bytes[ADDRESS_SIZE];
    struct text address;
    struct text_shown shown;
    uint32_t place;
    bool ignored;
    text_init(&address, bytes, sizeof bytes);
    if (local->default_to == NULL)
        return address_parse_one(slice_of(name), local->domain, &address, &ignored, error) &&
               add_target(targets, bytes, trail, error);
    if (table_find(&targets->table, local->default_to, &place))
        return true;
    text_show(&shown, slice_of(name));
    const char *via = arena_format(&targets->arena, "%s%s%s > default_to", trail ? trail : "",
                                   trail ? " > " : "", shown.bytes);
    return via != NULL ? add_target(targets, local->default_to, via, error)
                       : error_set_memory(error);
}

static bool take(void *context, struct expand *expand, const struct aliases_target *target,
                 struct error *error)
{
    struct resolution *resolution = context;
    const char *trail = expand_trail(expand);
    if (trail == NULL)
        return error_set_memory(error);
    if (trail != resolution->last_trail) {
        resolution->last_trail = trail;
        resolution->last_via = arena_copy(&resolution->targets->arena, slice_of(trail));
        if (resolution->last_via == NULL)
            return error_set_memory(error);
    }
    if (target->kind == ALIASES_ADDRESS)
        return add_target(resolution->targets, target->bytes, resolution->last_via, error);
    return take_final_name(resolution, target->bytes, resolution->last_via, error);
}

static bool follow(struct local *local, struct local_targets *targets, struct aliases_entry *entry,
                   struct error *error)
{
    struct resolution resolution = {.local = local, .targets = targets};
    const struct expand_listener listener = {.take = take, .context = &resolution};
    struct expand expand;
    expand_start(&expand, &local->aliases, &listener);
    bool done = expand_follow(&expand, entry, error);
    expand_end(&expand);
    return done;
}

static void pass_note(void *context, unsigned line, const char *sentence)
{
    const struct local *local = context;
    (void)line;
    if (local->note != NULL)
        local->note(local->note_context, sentence);
}

/* No file is as good as an empty one, unless it was asked for. */
static bool may_be_missing(const struct local *local, const struct error *failure)
{
    return failure->exit_code == EX_NOINPUT && !local->aliases_required;
}

static bool fail(const struct error *failure, struct error *error)
{
    *error = *failure;
    /* 66 is for the message's file. */
    if (error->exit_code == EX_NOINPUT)
        error->exit_code = EX_CONFIG;
    return error_add_context(error, "aliases");
}

static bool load(struct local *local, struct error *error)
{
    const struct aliases_notes notes = {.note = pass_note, .context = local};
    struct error failure;
    if (local->loaded || local->aliases_file == NULL)
        return true;
    local->loaded = aliases_load(&local->aliases, local->aliases_file, &notes, &failure);
    if (local->loaded)
        return true;
    aliases_free(&local->aliases);
    local->loaded = may_be_missing(local, &failure);
    return local->loaded || fail(&failure, error);
}

static bool resolve_name(struct local *local, const char *name, struct local_targets *targets,
                         struct error *error)
{
    struct resolution resolution = {.local = local, .targets = targets};
    if (!load(local, error))
        return false;
    struct aliases_entry *entry = aliases_find(&local->aliases, name);
    if (entry == NULL)
        return take_final_name(&resolution, name, NULL, error);
    return follow(local, targets, entry, error) || error_add_context(error, "aliases");
}

bool local_resolve(struct local *local, const struct address_mailbox *mailbox,
                   struct local_targets *targets, struct error *error)
{
    char name[ADDRESS_SIZE];
    struct text written, local_part;
    bool ignored;
    local_targets_free(targets);
    text_init(&written, targets->written, sizeof targets->written);
    if (!address_canonical(mailbox, local->domain, &written, &ignored, error))
        return false;
    /* A canonical domain has no "@", a quoted local part may. */
    const char *at = strrchr(targets->written, '@');
    targets->is_local = mailbox->domain.length == 0 || is_local(local, at + 1);
    if (!targets->is_local) {
        targets->single = (struct local_target){.address = targets->written};
        targets->targets = &targets->single;
        targets->count = 1;
        return true;
    }
    text_init(&local_part, name, sizeof name);
    text_add_slice(&local_part, slice_make(targets->written, (size_t)(at - targets->written)));
    return resolve_name(local, name, targets, error);
}

bool local_check(const struct local *local, void (*report)(void *context, const char *sentence),
                 void *context, struct aliases_check *result, struct error *error)
{
    struct error failure;
    *result = (struct aliases_check){0};
    return local->aliases_file == NULL ||
           aliases_check(local->aliases_file, report, context, result, &failure) ||
           may_be_missing(local, &failure) || fail(&failure, error);
}

void local_free(struct local *local)
{
    aliases_free(&local->aliases);
    local->loaded = false;
}

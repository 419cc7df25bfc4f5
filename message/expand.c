/* The walk along aliases, depth first with its own stack.
 *
 * Invariants: the frames on the stack are those entries and included files that are open; whatever
 * is open is not opened again (that is a loop), and whatever was closed in this walk is not either
 * (its targets were taken then). So each list is read once and the walk ends. */
#include "message/expand.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

enum { FIRST_CAPACITY = 8, TRAIL_SHOWN = 10, TRAIL_LAST = 3, LABEL_LIMIT = 40 };

void expand_start(struct expand *expand, struct aliases *aliases,
                  const struct expand_listener *listener)
{
    *expand = (struct expand){.aliases = aliases, .listener = listener};
    aliases->walks++;
}

void expand_end(struct expand *expand)
{
    for (size_t i = 0; i < expand->depth; i++)
        if (expand->frames[i].entry != NULL)
            expand->frames[i].entry->open = 0;
    for (size_t i = 0; i < expand->include_count; i++)
        buffer_free(&expand->includes[i].content);
    free(expand->frames);
    free(expand->includes);
    table_free(&expand->include_table);
    arena_free(&expand->arena);
    *expand = (struct expand){0};
}

/* --- the way that led here -------------------------------------------------------------------- */

static void add_label(const struct expand *expand, const struct expand_frame *frame,
                      struct text *out)
{
    const char *name =
        frame->entry != NULL ? frame->entry->name : expand->includes[frame->include].path;
    text_add(out, frame->entry != NULL ? "" : ":include:");
    text_add_escaped(out, slice_of(name), LABEL_LIMIT);
}

static void add_trail(const struct expand *expand, size_t first, struct text *out)
{
    size_t left_out = expand->depth;
    if (expand->depth - first > TRAIL_SHOWN)
        left_out = first + TRAIL_SHOWN - TRAIL_LAST;
    for (size_t i = first; i < expand->depth; i++) {
        text_add(out, i > first ? " > " : "");
        if (i == left_out) {
            text_add(out, "... > ");
            i = expand->depth - TRAIL_LAST;
        }
        add_label(expand, &expand->frames[i], out);
    }
}

const char *expand_trail(struct expand *expand)
{
    struct expand_frame *top = &expand->frames[expand->depth - 1];
    if (top->trail == NULL) {
        char bytes[EXPAND_TRAIL_SIZE];
        struct text text;
        text_init(&text, bytes, sizeof bytes);
        add_trail(expand, 0, &text);
        top->trail = arena_copy(&expand->arena, text_slice(&text));
    }
    return top->trail;
}

static bool fail_loop(const struct expand *expand, size_t first, struct error *error)
{
    char bytes[EXPAND_TRAIL_SIZE];
    struct text text;
    const struct expand_frame *top = &expand->frames[expand->depth - 1];
    text_init(&text, bytes, sizeof bytes);
    add_trail(expand, first, &text);
    text_add(&text, " > ");
    add_label(expand, &expand->frames[first], &text);
    error_set(error, EX_CONFIG, "loop: %s", bytes);
    return aliases_add_place(&top->list, top->line, error);
}

/* --- the stack -------------------------------------------------------------------------------- */

static struct expand_frame *push(struct expand *expand, struct error *error)
{
    if (expand->depth == expand->capacity) {
        size_t capacity = expand->capacity > 0 ? 2 * expand->capacity : FIRST_CAPACITY;
        struct expand_frame *frames = realloc(expand->frames, capacity * sizeof *frames);
        if (frames == NULL) {
            error_set_memory(error);
            return NULL;
        }
        expand->frames = frames;
        expand->capacity = capacity;
    }
    struct expand_frame *frame = &expand->frames[expand->depth++];
    *frame = (struct expand_frame){0};
    return frame;
}

static bool open_entry(struct expand *expand, struct aliases_entry *entry, struct error *error)
{
    if (entry->open > 0)
        return fail_loop(expand, entry->open - 1, error);
    if (entry->walk == expand->aliases->walks)
        return true;
    struct expand_frame *frame = push(expand, error);
    if (frame == NULL)
        return false;
    frame->entry = entry;
    frame->alias = expand->depth - 1;
    frame->list = aliases_targets(expand->aliases, entry);
    entry->walk = expand->aliases->walks;
    entry->open = frame->alias + 1;
    return true;
}

/* A new row for an included file. */
static bool add_include(struct expand *expand, const char *path, uint32_t *place,
                        struct error *error)
{
    if (expand->include_count == EXPAND_INCLUDES_MAX)
        return error_set(error, EX_CONFIG, "more than %d included files", EXPAND_INCLUDES_MAX);
    if (expand->include_count == expand->include_capacity) {
        size_t capacity =
            expand->include_capacity > 0 ? 2 * expand->include_capacity : FIRST_CAPACITY;
        struct expand_include *includes = realloc(expand->includes, capacity * sizeof *includes);
        if (includes == NULL)
            return error_set_memory(error);
        expand->includes = includes;
        expand->include_capacity = capacity;
    }
    *place = (uint32_t)expand->include_count;
    const char *copy = arena_copy(&expand->arena, slice_of(path));
    if (copy == NULL || !table_add(&expand->include_table, copy, *place))
        return error_set_memory(error);
    expand->includes[expand->include_count++] = (struct expand_include){.path = copy};
    return true;
}

static bool read_include(struct expand *expand, uint32_t place, struct error *error)
{
    struct expand_include *include = &expand->includes[place];
    struct aliases_list list;
    if (!aliases_include(include->path, &include->content, &list, &expand->arena, error)) {
        buffer_free(&include->content);
        return false;
    }
    struct expand_frame *frame = push(expand, error);
    if (frame == NULL)
        return false;
    frame->include = place;
    frame->alias = frame[-1].alias;
    frame->list = list;
    include->open = expand->depth;
    include->visited = true;
    return true;
}

static bool open_include(struct expand *expand, const char *path, struct error *error)
{
    uint32_t place;
    const struct expand_frame *top = &expand->frames[expand->depth - 1];
    const struct aliases_list list = top->list;
    unsigned line = top->line;
    bool known = table_find(&expand->include_table, path, &place);
    if (known && expand->includes[place].open > 0)
        return fail_loop(expand, expand->includes[place].open - 1, error);
    if (known && expand->includes[place].visited)
        return true;
    return ((known || add_include(expand, path, &place, error)) &&
            read_include(expand, place, error)) ||
           aliases_add_place(&list, line, error);
}

static bool close_frame(struct expand *expand, struct error *error)
{
    struct expand_frame *top = &expand->frames[--expand->depth];
    if (top->entry == NULL) {
        expand->includes[top->include].open = 0;
        buffer_free(&expand->includes[top->include].content);
        return true;
    }
    top->entry->open = 0;
    if (top->found)
        return true;
    expand->line = top->entry->line;
    error_set(error, EX_CONFIG, "nothing behind the \":\"");
    return aliases_add_place(&top->list, top->entry->line, error);
}

/* --- the walk --------------------------------------------------------------------------------- */

static bool refuse(struct expand *expand, struct error *error)
{
    static const char *const kinds[] = {[ALIASES_COMMAND] = "a command",
                                        [ALIASES_FILE] = "a file",
                                        [ALIASES_SPECIAL] = "an order to a mail server"};
    const struct aliases_target *target = &expand->target;
    struct text_shown shown;
    expand->unsupported = true;
    error_set(error, EX_CONFIG, "\"%s\" is %s, and mail goes to addresses only",
              text_show(&shown, slice_of(target->bytes)), kinds[target->kind]);
    return aliases_add_place(&expand->frames[expand->depth - 1].list, target->line, error);
}

static bool take(struct expand *expand, struct error *error)
{
    const struct expand_listener *listener = expand->listener;
    return listener->take == NULL ||
           listener->take(listener->context, expand, &expand->target, error);
}

static bool take_name(struct expand *expand, struct error *error)
{
    struct aliases_entry *entry = aliases_find(expand->aliases, expand->target.bytes);
    const struct expand_frame *top = &expand->frames[expand->depth - 1];
    if (entry == NULL || entry == expand->frames[top->alias].entry)
        return take(expand, error);
    return open_entry(expand, entry, error);
}

/* One target of the innermost frame. */
static bool step(struct expand *expand, struct error *error)
{
    struct expand_frame *top = &expand->frames[expand->depth - 1];
    struct aliases_target *target = &expand->target;
    expand->unsupported = false;
    bool good = aliases_next(&top->list, target, error);
    if (good && target->kind == ALIASES_END)
        return close_frame(expand, error);
    top->found = true;
    top->line = target->line;
    expand->line = expand->frames[top->alias].line;
    if (!good)
        return false;
    switch (target->kind) {
    case ALIASES_ADDRESS:
    case ALIASES_FINAL:
        return take(expand, error);
    case ALIASES_NAME:
        return take_name(expand, error);
    case ALIASES_INCLUDE:
        return open_include(expand, target->bytes, error);
    default:
        return refuse(expand, error);
    }
}

bool expand_follow(struct expand *expand, struct aliases_entry *entry, struct error *error)
{
    const struct expand_listener *listener = expand->listener;
    if (!open_entry(expand, entry, error))
        return false;
    while (expand->depth > 0) {
        struct error problem;
        if (step(expand, &problem))
            continue;
        if (listener->problem == NULL || problem.exit_code == EX_OSERR) {
            *error = problem;
            return false;
        }
        listener->problem(listener->context, expand->line, expand->unsupported, &problem);
    }
    return true;
}

/* The check follows the aliases in whatever order they lead to each other, so that the faults are
 * collected first and told in the order of the file. */
#include "message/aliases_check.h"

#include <stdlib.h>

#include "base/text.h"
#include "message/expand.h"

enum { FIRST_CAPACITY = 16 };

struct finding {
    unsigned line;
    size_t number; /* in the order of finding */
    const char *sentence;
};

struct inspection {
    struct aliases_check *result;
    struct finding *findings;
    size_t count, capacity;
    bool failed; /* memory ran out */
    struct arena arena;
};

static bool grow(struct inspection *inspection)
{
    size_t capacity = inspection->capacity > 0 ? 2 * inspection->capacity : FIRST_CAPACITY;
    struct finding *findings = realloc(inspection->findings, capacity * sizeof *findings);
    if (findings == NULL)
        return false;
    inspection->findings = findings;
    inspection->capacity = capacity;
    return true;
}

static void add(struct inspection *inspection, unsigned line, const char *sentence)
{
    const char *copy = arena_copy(&inspection->arena, slice_of(sentence));
    inspection->failed = inspection->failed || copy == NULL ||
                         (inspection->count == inspection->capacity && !grow(inspection));
    if (inspection->failed)
        return;
    size_t number = inspection->count++;
    inspection->findings[number] = (struct finding){line, number, copy};
}

static void take_note(void *context, unsigned line, const char *sentence)
{
    struct inspection *inspection = context;
    inspection->result->faults++;
    add(inspection, line, sentence);
}

static void take_problem(void *context, unsigned line, bool unsupported,
                         const struct error *problem)
{
    struct inspection *inspection = context;
    inspection->result->faults += !unsupported;
    inspection->result->unsupported += unsupported;
    add(inspection, line, problem->sentence);
}

static int compare(const void *a, const void *b)
{
    const struct finding *one = a, *other = b;
    if (one->line != other->line)
        return one->line < other->line ? -1 : 1;
    return one->number < other->number ? -1 : 1;
}

static bool inspect(struct inspection *inspection, struct aliases *aliases, const char *path,
                    struct error *error)
{
    const struct aliases_notes notes = {.note = take_note, .context = inspection};
    const struct expand_listener listener = {.problem = take_problem, .context = inspection};
    struct expand expand;
    bool done = true;
    if (!aliases_load(aliases, path, &notes, error))
        return false;
    expand_start(&expand, aliases, &listener);
    for (size_t i = 0; i < aliases->count && done; i++)
        done = expand_follow(&expand, &aliases->entries[i], error);
    expand_end(&expand);
    inspection->result->names = aliases->count;
    return done;
}

bool aliases_check(const char *path, void (*report)(void *context, const char *sentence),
                   void *context, struct aliases_check *result, struct error *error)
{
    struct inspection inspection = {.result = result};
    struct aliases aliases = {0};
    *result = (struct aliases_check){0};
    bool done = inspect(&inspection, &aliases, path, error);
    if (done && inspection.failed)
        done = error_set_memory(error);
    if (inspection.count > 0)
        qsort(inspection.findings, inspection.count, sizeof *inspection.findings, compare);
    for (size_t i = 0; i < inspection.count; i++)
        report(context, inspection.findings[i].sentence);
    if (done && result->faults > 0)
        done = error_set(error, EX_CONFIG, "%s: %zu %s in it%s", aliases.path, result->faults,
                         result->faults == 1 ? "fault" : "faults",
                         result->unsupported > 0 ? ", beside what is one only when used" : "");
    aliases_free(&aliases);
    arena_free(&inspection.arena);
    free(inspection.findings);
    return done;
}

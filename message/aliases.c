/* The format of aliases(5), as Sendmail has it.
 *
 * A file is unfolded in place: what continues a line is moved up to it, with one LF left for each
 * line end, so that a target's line can be counted. Names are read when the file is loaded, targets
 * only when somebody asks for them: a fault in a list nobody uses is nobody's fault. Time is linear
 * in the file, and nothing recurs. */
#include "message/aliases.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/ascii.h"
#include "base/file.h"
#include "base/text.h"
#include "message/address.h"

enum { FIRST_CAPACITY = 32 };

/* --- files ------------------------------------------------------------------------------------ */

static bool read_file(const char *path, struct buffer *content, struct error *error)
{
    struct stat status;
    struct text_shown shown;
    int fd = file_open_trusted_or_empty(path, &status, error);
    if (fd < 0)
        return false;
    bool done = file_read_all(fd, ALIASES_FILE_LIMIT, content, error) ||
                error_add_context(error, "%s", text_show(&shown, slice_of(path)));
    close(fd);
    return done;
}

static const char *copy_shown(struct arena *arena, const char *path)
{
    struct text_shown shown;
    return arena_copy(arena, slice_of(text_show(&shown, slice_of(path))));
}

/* --- names ------------------------------------------------------------------------------------ */

static void fold(char *name)
{
    for (; *name != '\0'; name++)
        *name = ascii_lower(*name);
}

struct aliases_entry *aliases_find(const struct aliases *aliases, const char *name)
{
    char folded[ADDRESS_SIZE];
    uint32_t place;
    if (!text_copy(folded, sizeof folded, name))
        return NULL;
    fold(folded);
    return table_find(&aliases->table, folded, &place) ? &aliases->entries[place] : NULL;
}

static bool grow(struct aliases *aliases)
{
    size_t capacity = aliases->capacity > 0 ? 2 * aliases->capacity : FIRST_CAPACITY;
    struct aliases_entry *entries = realloc(aliases->entries, capacity * sizeof *entries);
    if (entries == NULL)
        return false;
    aliases->entries = entries;
    aliases->capacity = capacity;
    return true;
}

static bool add_entry(struct aliases *aliases, const struct aliases_entry *entry,
                      struct error *error)
{
    if ((aliases->count == aliases->capacity && !grow(aliases)) ||
        !table_add(&aliases->table, entry->name, (uint32_t)aliases->count))
        return error_set_memory(error);
    aliases->entries[aliases->count++] = *entry;
    return true;
}

/* Cuts "name" off "name: targets". */
static bool cut_name(struct slice *text, struct slice *name)
{
    struct slice rest = *text;
    struct address_token token;
    do {
        token = address_next_token(&rest);
        if (token.kind == ADDRESS_END)
            return false;
    } while (token.kind != ADDRESS_SPECIAL || token.span.bytes[0] != ':');
    *name = slice_to(*text, (size_t)(token.span.bytes - text->bytes));
    *text = rest;
    return true;
}

/* The name as it is looked up. */
static bool read_name(struct slice written, struct text *name, struct error *error)
{
    struct address_mailbox mailbox, second;
    struct text_shown shown;
    struct slice rest = written;
    bool found, again = false, ignored;
    if (!address_next(&rest, &mailbox, &found, error) ||
        (found && !address_next(&rest, &second, &again, error)))
        return false;
    if (!found)
        return error_set(error, EX_CONFIG, "there is no name before the \":\"");
    text_show(&shown, slice_trim(written));
    if (again)
        return error_set(error, EX_CONFIG, "\"%s\" is more than one name", shown.bytes);
    if (mailbox.domain.length > 0)
        return error_set(error, EX_CONFIG,
                         "\"%s\" has a domain, and only local names can be aliases", shown.bytes);
    if (!address_canonical(&mailbox, NULL, name, &ignored, error))
        return false;
    fold(name->bytes);
    return true;
}

/* --- lines ------------------------------------------------------------------------------------ */

struct reader {
    struct aliases *aliases;
    const struct aliases_notes *notes;
    char *bytes;       /* of the file */
    char *start, *end; /* the unfolded line that is being put together; NULL: there is none */
    unsigned start_line, line;
    bool joined;        /* the line before ended in a backslash */
    unsigned line_ends; /* behind which nothing was divided yet */
};

/* Tells of a line that is passed over. */
static void tell(const struct reader *reader, unsigned line, struct error *fault)
{
    error_add_context(fault, "%s:%u", reader->aliases->path, line);
    if (reader->notes->note != NULL)
        reader->notes->note(reader->notes->context, line, fault->sentence);
}

static unsigned count_lines(struct slice text)
{
    unsigned count = 0;
    for (size_t i = 0; i < text.length; i++)
        count += text.bytes[i] == '\n';
    return count;
}

static bool take_entry(struct reader *reader, struct slice text, struct error *error)
{
    struct aliases *aliases = reader->aliases;
    char bytes[ADDRESS_SIZE];
    struct text name;
    struct text_shown shown;
    struct slice written;
    text_init(&name, bytes, sizeof bytes);
    if (!cut_name(&text, &written)) {
        struct slice first = slice_to(text, slice_find(text, '\n'));
        return error_set(error, EX_CONFIG, "\"%s\" has no \":\" behind a name",
                         text_show(&shown, slice_trim(first)));
    }
    if (!read_name(written, &name, error))
        return false;
    const struct aliases_entry *known = aliases_find(aliases, bytes);
    if (known != NULL)
        return error_set(error, EX_CONFIG, "%s: has its targets in line %u already; those hold",
                         text_show(&shown, text_slice(&name)), known->line);
    struct aliases_entry entry = {.name = arena_copy(&aliases->arena, text_slice(&name)),
                                  .targets = text,
                                  .line = reader->start_line + count_lines(written)};
    return entry.name != NULL ? add_entry(aliases, &entry, error) : error_set_memory(error);
}

/* The unfolded line is complete. */
static bool end_entry(struct reader *reader, struct error *error)
{
    if (reader->start == NULL)
        return true;
    struct slice text = slice_make(reader->start, (size_t)(reader->end - reader->start));
    reader->start = reader->end = NULL;
    reader->line_ends = 0;
    struct error fault;
    if (take_entry(reader, text, &fault))
        return true;
    if (fault.exit_code == EX_OSERR) {
        *error = fault;
        return false;
    }
    tell(reader, reader->start_line, &fault);
    return true;
}

/* Nothing is torn apart between these two. */
static bool may_divide(char before, char behind)
{
    return ascii_is_space(before) || before == ',' || ascii_is_space(behind);
}

/* Moves the line up behind what it continues. Invariant: what is written stands before what is
 * still to be read, since each LF written was one there. */
static void append(struct reader *reader, struct slice line)
{
    for (size_t i = 0; i < line.length; i++) {
        char byte = line.bytes[i];
        char before = reader->end > reader->start ? reader->end[-1] : ' ';
        for (; reader->line_ends > 0 && may_divide(before, byte); reader->line_ends--)
            *reader->end++ = '\n';
        *reader->end++ = byte;
    }
}

static bool take_line(struct reader *reader, struct slice line, struct error *error)
{
    bool joined = reader->joined;
    struct slice said = slice_trim(line);
    if (line.length > 0 && line.bytes[line.length - 1] == '\r')
        line.length--;
    if (said.length == 0 || said.bytes[0] == '#') {
        reader->line_ends += reader->start != NULL;
        reader->joined = joined && said.length > 0;
        return true;
    }
    reader->joined = line.bytes[line.length - 1] == '\\';
    if (reader->joined)
        line.length--;
    if (reader->start != NULL && (joined || ascii_is_blank(line.bytes[0]))) {
        reader->line_ends++;
        append(reader, line);
        return true;
    }
    if (!end_entry(reader, error))
        return false;
    if (line.length > 0 && ascii_is_blank(line.bytes[0])) {
        struct error fault;
        error_set(&fault, EX_CONFIG, "starts with a blank, and there is no line that it continues");
        tell(reader, reader->line, &fault);
        return true;
    }
    reader->start_line = reader->line;
    reader->start = reader->end = reader->bytes + (line.bytes - reader->bytes);
    append(reader, line);
    return true;
}

bool aliases_load(struct aliases *aliases, const char *path, const struct aliases_notes *notes,
                  struct error *error)
{
    struct reader reader = {.aliases = aliases, .notes = notes};
    struct slice line;
    aliases->path = copy_shown(&aliases->arena, path);
    if (aliases->path == NULL)
        return error_set_memory(error);
    if (!read_file(path, &aliases->content, error))
        return false;
    struct slice rest = buffer_slice(&aliases->content);
    reader.bytes = aliases->content.bytes;
    if (reader.bytes == NULL)
        return true;
    while (slice_cut(&rest, '\n', &line)) {
        reader.line++;
        if (!take_line(&reader, line, error))
            return false;
    }
    return end_entry(&reader, error);
}

/* --- targets ---------------------------------------------------------------------------------- */

struct aliases_list aliases_targets(const struct aliases *aliases,
                                    const struct aliases_entry *entry)
{
    return (struct aliases_list){
        .path = aliases->path, .name = entry->name, .rest = entry->targets, .line = entry->line};
}

bool aliases_include(const char *path, struct buffer *content, struct aliases_list *list,
                     struct arena *arena, struct error *error)
{
    *list = (struct aliases_list){.path = copy_shown(arena, path)};
    if (list->path == NULL)
        return error_set_memory(error);
    if (!read_file(path, content, error)) {
        /* 66 is for the message's file. */
        if (error->exit_code == EX_NOINPUT)
            error->exit_code = EX_CONFIG;
        return false;
    }
    list->lines = buffer_slice(content);
    return true;
}

bool aliases_add_place(const struct aliases_list *list, unsigned line, struct error *error)
{
    struct text_shown shown;
    /* A bad address is a fault of this mail elsewhere; here it is one of the file. */
    if (error->exit_code == EX_USAGE)
        error->exit_code = EX_CONFIG;
    error->permanent = false;
    if (list->name != NULL)
        error_add_context(error, "%s", text_show(&shown, slice_of(list->name)));
    return error_add_context(error, "%s:%u", list->path, line);
}

/* Skips what stands between targets; false when there is nothing behind it. */
static bool find_target(struct aliases_list *list)
{
    for (;;) {
        while (list->rest.length > 0 &&
               (ascii_is_space(list->rest.bytes[0]) || list->rest.bytes[0] == ',')) {
            list->line += list->rest.bytes[0] == '\n';
            list->rest = slice_from(list->rest, 1);
        }
        if (list->rest.length > 0)
            return true;
        struct slice line;
        if (!slice_cut(&list->lines, '\n', &line))
            return false;
        list->line++;
        list->rest = slice_trim(line);
        if (list->rest.length > 0 && list->rest.bytes[0] == '#')
            list->rest.length = 0;
    }
}

/* Cuts off what stands before the next comma. */
static struct slice cut_item(struct aliases_list *list, bool *has_at)
{
    struct slice start = list->rest;
    struct address_token token;
    *has_at = false;
    do {
        token = address_next_token(&list->rest);
        bool special = token.kind == ADDRESS_SPECIAL;
        *has_at = *has_at || (special && token.span.bytes[0] == '@');
        if (special && token.span.bytes[0] == ',')
            break;
    } while (token.kind != ADDRESS_END);
    return slice_trim(slice_to(start, (size_t)(token.span.bytes - start.bytes)));
}

/* "a b" without its quotes, wherever they stand. */
static void add_unquoted(struct text *out, struct slice item)
{
    bool quoted = false;
    for (size_t i = 0; i < item.length; i++) {
        if (item.bytes[i] == '"')
            quoted = !quoted;
        else if (quoted && item.bytes[i] == '\\' && i + 1 < item.length)
            text_add_byte(out, item.bytes[++i]);
        else
            text_add_byte(out, item.bytes[i]);
    }
}

static bool has_control(struct slice text)
{
    for (size_t i = 0; i < text.length; i++)
        if (ascii_is_control(text.bytes[i]))
            return true;
    return false;
}

static bool take_include(struct text *text, struct error *error)
{
    struct text_shown shown;
    struct slice path = slice_trim(slice_from(text_slice(text), strlen(":include:")));
    const char *wrong = text->overflow                             ? "is too long"
                        : path.length == 0 || path.bytes[0] != '/' ? "is no absolute path"
                        : has_control(path)                        ? "has a control character"
                                                                   : NULL;
    if (wrong != NULL)
        return error_set(error, EX_CONFIG, ":include: \"%s\" %s", text_show(&shown, path), wrong);
    memmove(text->bytes, path.bytes, path.length);
    text->bytes[path.length] = '\0';
    return true;
}

/* What is no address: its kind shows at its start. */
static bool take_other(struct aliases_list *list, struct slice item, struct aliases_target *target,
                       struct error *error)
{
    struct text text;
    text_init(&text, target->bytes, sizeof target->bytes);
    add_unquoted(&text, item);
    if (slice_starts_nocase(text_slice(&text), ":include:")) {
        target->kind = ALIASES_INCLUDE;
        return take_include(&text, error);
    }
    target->kind = text.bytes[0] == '|'   ? ALIASES_COMMAND
                   : text.bytes[0] == '/' ? ALIASES_FILE
                                          : ALIASES_SPECIAL;
    /* The words behind ":fail:" may have commas in them. */
    if (target->kind == ALIASES_SPECIAL)
        list->rest.length = 0;
    return true;
}

static bool read_address(struct slice item, struct aliases_target *target, struct error *error)
{
    struct address_mailbox mailbox, second;
    struct text text;
    struct text_shown shown;
    struct slice rest = item;
    bool found, again = false, ignored;
    text_init(&text, target->bytes, ADDRESS_SIZE);
    if (!address_next(&rest, &mailbox, &found, error))
        return false;
    text_show(&shown, item);
    if (!found)
        return error_set(error, EX_CONFIG, "\"%s\" is no address: there is none in it",
                         shown.bytes);
    if (mailbox.whole.bytes != item.bytes)
        return error_set(error, EX_CONFIG, "\"%s\" is no address: unexpected \":\"", shown.bytes);
    if (!address_next(&rest, &second, &again, error))
        return false;
    if (again)
        return error_set(error, EX_CONFIG, "\"%s\" is more than one address", shown.bytes);
    if (mailbox.domain.length > 0)
        target->kind = ALIASES_ADDRESS;
    return address_canonical(&mailbox, NULL, &text, &ignored, error);
}

static bool take_address(struct slice item, struct aliases_target *target, struct error *error)
{
    bool final = item.bytes[0] == '\\';
    target->kind = final ? ALIASES_FINAL : ALIASES_NAME;
    if (read_address(slice_trim(slice_from(item, final)), target, error))
        return true;
    if (slice_find(item, '#') < item.length)
        error_add_advice(error, "a comment has a line of its own");
    return false;
}

bool aliases_next(struct aliases_list *list, struct aliases_target *target, struct error *error)
{
    bool has_at, done;
    target->kind = ALIASES_END;
    if (!find_target(list))
        return true;
    target->line = list->line;
    struct slice item = cut_item(list, &has_at);
    list->line += count_lines(slice_make(item.bytes, (size_t)(list->rest.bytes - item.bytes)));
    char first = item.bytes[item.bytes[0] == '"' && item.length > 1];
    if (first == '|' || first == ':' || (first == '/' && !has_at) ||
        slice_starts_nocase(item, "error:"))
        done = take_other(list, item, target, error);
    else
        done = take_address(item, target, error);
    return done || aliases_add_place(list, target->line, error);
}

void aliases_free(struct aliases *aliases)
{
    free(aliases->entries);
    table_free(&aliases->table);
    buffer_free(&aliases->content);
    arena_free(&aliases->arena);
    *aliases = (struct aliases){0};
}

/* The only file that knows iniparser, and all its traps (measured on 4.1): it prints lines it does
 * not understand; cuts an unquoted value at '#' or ';' wherever that stands; takes "a\"b" for a\;
 * closes a quote that was never closed; joins a line that ends in a backslash, be it a comment, to
 * the next; merges sections of one name; forgets line numbers; and gives up on a line over 1,022
 * characters, or without '='.
 *
 * So the lines are scanned here first, strictly, and what the scan saw is compared with what
 * iniparser made of the same bytes. Invariants: a value handed out is the same in both; a password
 * is in a vault and nowhere else, so that iniparser, which leaves copies of all it reads behind,
 * sees only the shape of one. */
#include "config/ini.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include INIPARSER_HEADER

#include "base/ascii.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/vault.h"
#include "config/paths.h"

enum { GROWTH_LIMIT = 4096, MEMORY_FOR_INIPARSER = 256 * 1024 };

struct scan {
    struct ini *ini;
    struct arena *arena;
    char *content; /* the file's; passwords are blotted out as they are found */
    unsigned line; /* number of the line looked at, from 1 */
};

bool ini_add_place(const struct ini *ini, unsigned line, struct error *error)
{
    return error_add_context(error, "%s:%u", ini->path, line);
}

const struct ini_entry *ini_find(const struct ini *ini, size_t section, const char *key)
{
    for (size_t i = 0; i < ini->entry_count; i++) {
        const struct ini_entry *entry = &ini->entries[i];
        if (entry->section == section && strcmp(entry->key, key) == 0)
            return entry;
    }
    return NULL;
}

static void wipe_value(struct ini_entry *entry)
{
    if (entry->secret) {
        vault_free(entry->value);
        entry->value = NULL;
    } else {
        explicit_bzero(entry->value, strlen(entry->value));
    }
}

void ini_wipe(struct ini *ini)
{
    for (size_t i = 0; i < ini->entry_count; i++)
        wipe_value(&ini->entries[i]);
}

static bool is_comment(struct slice text)
{
    return text.length > 0 && (text.bytes[0] == '#' || text.bytes[0] == ';');
}

static bool is_lower_or_digit(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9');
}

/* What a line may not hold wherever it stands. */
static bool check_line(struct slice line, struct error *error)
{
    for (size_t i = 0; i < line.length; i++) {
        char byte = line.bytes[i];
        if (byte == '\0')
            return error_set(error, EX_CONFIG, "NUL byte; is this a text file in UTF-8?");
        if (ascii_is_control(byte) && byte != '\t')
            return error_set(error, EX_CONFIG, "control character");
    }
    struct slice text = slice_trim(line);
    if (text.length > 0 && text.bytes[text.length - 1] == '\\')
        return error_set(error, EX_CONFIG,
                         "ends in a backslash, which would swallow the next line; "
                         "put a value that ends so in quotes");
    return true;
}

/* [NAME] or [KIND:NAME], in lower case because iniparser would fold the case. */
static bool check_section_name(struct slice name, struct error *error)
{
    if (name.length == 0)
        return error_set(error, EX_CONFIG, "section without a name");
    size_t colon = slice_find(name, ':');
    struct slice second = slice_from(name, colon + 1);
    if (slice_find(second, ':') < second.length)
        return error_set(error, EX_CONFIG, "a section's name has one colon at most");
    if (colon == 0 || colon + 1 == name.length)
        return error_set(error, EX_CONFIG, "a section's name is missing beside its colon");
    for (size_t i = 0; i < name.length; i++) {
        char byte = name.bytes[i];
        if (byte >= 'A' && byte <= 'Z')
            return error_set(error, EX_CONFIG, "a section's name is written in lower case");
        if (!is_lower_or_digit(byte) && strchr(":._-@+", byte) == NULL)
            return error_set(error, EX_CONFIG,
                             "a section's name consists of letters, digits and . _ - @ +");
    }
    return true;
}

static bool add_section(struct scan *scan, struct slice name, struct error *error)
{
    struct ini *ini = scan->ini;
    for (size_t i = 0; i < ini->section_count; i++) {
        if (slice_equals(name, slice_of(ini->sections[i].name)))
            return error_set(error, EX_CONFIG, "[%s] is there twice, first in line %u",
                             ini->sections[i].name, ini->sections[i].line);
    }
    if (ini->section_count == INI_SECTIONS_MAX)
        return error_set(error, EX_CONFIG, "more than %d sections", INI_SECTIONS_MAX);
    struct ini_section *section = &ini->sections[ini->section_count++];
    section->line = scan->line;
    section->name = arena_copy(scan->arena, name);
    return section->name != NULL || error_set_memory(error);
}

static bool scan_section(struct scan *scan, struct slice text, struct error *error)
{
    size_t end = slice_find(text, ']');
    if (end == text.length)
        return error_set(error, EX_CONFIG, "section without its closing bracket");
    struct slice name = slice_trim(slice_to(slice_from(text, 1), end - 1));
    if (end + 1 != text.length)
        return error_set(error, EX_CONFIG,
                         "nothing may follow a section's closing bracket, not "
                         "even a comment");
    return check_section_name(name, error) && add_section(scan, name, error);
}

/* A value that starts with a quote; `text` starts there. */
static bool scan_quoted(struct slice text, struct slice *value, bool *commented,
                        struct error *error)
{
    char quote = text.bytes[0];
    struct slice inside = slice_from(text, 1);
    size_t end = slice_find(inside, quote);
    if (end == inside.length)
        return error_set(error, EX_CONFIG, "quote without its end");
    *value = slice_to(inside, end);
    if (end > 0 && inside.bytes[end - 1] == '\\')
        return error_set(error, EX_CONFIG,
                         "a backslash before a quote is no escape; put a value with %s into %s",
                         quote == '"' ? "\" in it" : "' in it",
                         quote == '"' ? "single quotes" : "double quotes");
    struct slice behind = slice_trim(slice_from(inside, end + 1));
    *commented = is_comment(behind);
    if (behind.length > 0 && !*commented)
        return error_set(error, EX_CONFIG,
                         "text behind the closing quote; quotes enclose the whole value (a value "
                         "with \" in it goes into single quotes)");
    return true;
}

static bool scan_bare(struct slice text, struct slice *value, bool *commented, struct error *error)
{
    size_t end = 0;
    while (end < text.length && text.bytes[end] != '#' && text.bytes[end] != ';')
        end++;
    *commented = end < text.length;
    *value = slice_trim(slice_to(text, end));
    if (*commented && end > 0 && !ascii_is_blank(text.bytes[end - 1]))
        return error_set(error, EX_CONFIG, "the value would end at its %c; put it in quotes",
                         text.bytes[end]);
    if (*commented && slice_find(*value, '"') < value->length)
        return error_set(error, EX_CONFIG,
                         "the value would end at its %c; put all of it in single quotes",
                         text.bytes[end]);
    return true;
}

static bool check_key(struct slice key, struct error *error)
{
    if (key.length == 0)
        return error_set(error, EX_CONFIG, "no key before the =");
    for (size_t i = 0; i < key.length; i++) {
        char byte = key.bytes[i];
        bool upper = byte >= 'A' && byte <= 'Z';
        if (!is_lower_or_digit(byte) && !upper && byte != '_' && byte != '-')
            return error_set(error, EX_CONFIG,
                             "what stands before the = is no key: letters, digits and _");
    }
    return true;
}

/* iniparser folds the case of keys: of `user` and `USER` only one would be left. */
static bool check_first(const struct ini *ini, const struct ini_entry *entry, struct error *error)
{
    for (const struct ini_entry *other = ini->entries; other < entry; other++) {
        if (other->section != entry->section ||
            !slice_equals_nocase(slice_of(other->key), slice_of(entry->key)))
            continue;
        return error_set(error, EX_CONFIG, "[%s] %.40s: set twice, first in line %u%s",
                         ini->sections[entry->section].name, other->key, other->line,
                         strcmp(other->key, entry->key) == 0 ? "" : " (case does not count)");
    }
    return true;
}

/* What is a letter to iniparser, and any other; what means something to it stays. */
static char blotted(char byte)
{
    return byte == '\0' || strchr("#;\"'\\=[] \t", byte) != NULL ? byte : 'x';
}

static void blot_out(char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        bytes[i] = blotted(bytes[i]);
}

static bool have_one_shape(const char *one, const char *other)
{
    while (*one != '\0' && blotted(*one) == blotted(*other)) {
        one++;
        other++;
    }
    return *one == *other;
}

static bool add_entry(struct scan *scan, const struct ini_entry *facts, struct slice key,
                      struct slice value, struct error *error)
{
    struct ini *ini = scan->ini;
    struct ini_entry *entry = &ini->entries[ini->entry_count];
    *entry = *facts;
    entry->line = scan->line;
    entry->section = ini->section_count - 1;
    entry->key = arena_copy(scan->arena, key);
    entry->secret = slice_equals_nocase(key, slice_of("password"));
    entry->value = entry->secret ? vault_copy(value) : arena_copy(scan->arena, value);
    if (entry->value == NULL)
        return error_set_memory(error);
    ini->entry_count++;
    if (entry->key == NULL)
        return error_set_memory(error);
    if (entry->secret)
        blot_out(scan->content + (value.bytes - scan->content), value.length);
    return check_first(ini, entry, error);
}

static bool scan_entry(struct scan *scan, struct slice text, struct error *error)
{
    size_t equals = slice_find(text, '=');
    if (equals == text.length)
        return error_set(error, EX_CONFIG, "neither a [section] nor key = value");
    if (scan->ini->section_count == 0)
        return error_set(error, EX_CONFIG, "a key before the first [section]");
    if (scan->ini->entry_count == INI_ENTRIES_MAX)
        return error_set(error, EX_CONFIG, "more than %d keys", INI_ENTRIES_MAX);
    struct slice key = slice_trim(slice_to(text, equals)), value = {0};
    if (!check_key(key, error))
        return false;
    text = slice_trim(slice_from(text, equals + 1));
    struct ini_entry facts = {.quoted = text.length > 0 && strchr("\"'", text.bytes[0]) != NULL};
    if (!(facts.quoted ? scan_quoted : scan_bare)(text, &value, &facts.commented, error))
        return false;
    if (value.length == 0)
        return error_set(error, EX_CONFIG, "[%s] %.*s: no value%s",
                         scan->ini->sections[scan->ini->section_count - 1].name,
                         (int)slice_to(key, 40).length, key.bytes,
                         facts.commented ? "; one with # or ; in it goes into quotes" : "");
    return add_entry(scan, &facts, key, value, error);
}

static bool scan_line(struct scan *scan, struct slice line, struct error *error)
{
    if (line.length > INI_LINE_LIMIT)
        return error_set(error, EX_CONFIG,
                         "more than %d characters in a line; a long secret goes into a "
                         "password_file",
                         INI_LINE_LIMIT);
    if (line.length > 0 && line.bytes[line.length - 1] == '\r')
        line.length--;
    if (!check_line(line, error))
        return false;
    struct slice text = slice_trim(line);
    if (text.length == 0 || is_comment(text))
        return true;
    if (text.bytes[0] == '[')
        return scan_section(scan, text, error);
    return scan_entry(scan, text, error);
}

static bool scan_all(struct scan *scan, struct slice content, struct error *error)
{
    struct slice line;
    if (slice_starts_nocase(content, "\xef\xbb\xbf")) {
        scan->line = 1;
        error_set(error, EX_CONFIG, "starts with a byte order mark; save the file without");
        return ini_add_place(scan->ini, scan->line, error);
    }
    while (slice_cut(&content, '\n', &line)) {
        scan->line++;
        if (!scan_line(scan, line, error))
            return ini_add_place(scan->ini, scan->line, error);
    }
    return true;
}

/* [smarthost:host] and the host of [smarthost] are one and the same to iniparser. */
static bool check_collisions(const struct ini *ini, struct error *error)
{
    for (size_t i = 0; i < ini->section_count; i++) {
        struct slice name = slice_of(ini->sections[i].name);
        size_t colon = slice_find(name, ':');
        for (size_t j = 0; j < ini->entry_count; j++) {
            const struct ini_entry *entry = &ini->entries[j];
            if (!slice_equals(slice_of(ini->sections[entry->section].name),
                              slice_to(name, colon)) ||
                !slice_equals_nocase(slice_of(entry->key), slice_from(name, colon + 1)))
                continue;
            error_set(error, EX_CONFIG, "[%s]: an account cannot have the name of a key",
                      ini->sections[i].name);
            return ini_add_place(ini, ini->sections[i].line, error);
        }
    }
    return true;
}

/* iniparser's complaints print the line, and there may be a password in it. */
static int ignore_complaint(const char *format, ...)
{
    (void)format;
    return 0;
}

/* iniparser takes a path only: it gets one of the very bytes that were scanned, or where there is
 * no /proc that of the file; if that was changed meanwhile, the comparison will tell. NULL with
 * errno when it was the system that failed, with 0 when it did not like the file. */
static dictionary *load_dictionary(const char *path, struct slice content)
{
    char copy[64];
    struct error ignored;
    if (!memory_is_there(MEMORY_FOR_INIPARSER + 16 * content.length))
        return NULL;
    iniparser_set_error_callback(ignore_complaint);
    int fd = memfd_create("configuration", MFD_CLOEXEC);
    snprintf(copy, sizeof copy, "/proc/self/fd/%d", fd);
    if (fd >= 0 && file_write_all(fd, content, &ignored) && access(copy, R_OK) == 0)
        path = copy;
    errno = 0;
    dictionary *loaded = iniparser_load(path);
    int reason = errno;
    if (fd >= 0)
        close(fd);
    errno = reason;
    return loaded;
}

static void free_dictionary(dictionary *loaded)
{
    for (ssize_t i = 0; i < (ssize_t)loaded->size; i++) {
        if (loaded->val[i] != NULL)
            explicit_bzero(loaded->val[i], strlen(loaded->val[i]));
    }
    iniparser_freedict(loaded);
}

static bool compare_entry(struct scan *scan, const dictionary *loaded,
                          const struct ini_entry *entry, struct error *error)
{
    const char *section = scan->ini->sections[entry->section].name;
    char *name = arena_format(scan->arena, "%s:%s", section, entry->key);
    if (name == NULL)
        return error_set_memory(error);
    const char *value = iniparser_getstring(loaded, name, NULL);
    if (value != NULL &&
        (entry->secret ? have_one_shape(value, entry->value) : strcmp(value, entry->value) == 0))
        return true;
    error_set(
        error, EX_CONFIG,
        "[%s] %s: iniparser reads another value than stands there; quotes around it may help, "
        "and a secret can go into a password_file",
        section, entry->key);
    return ini_add_place(scan->ini, entry->line, error);
}

static bool compare(struct scan *scan, const dictionary *loaded, struct error *error)
{
    const struct ini *ini = scan->ini;
    for (size_t i = 0; i < ini->entry_count; i++) {
        if (!compare_entry(scan, loaded, &ini->entries[i], error))
            return false;
    }
    if ((size_t)loaded->n != ini->section_count + ini->entry_count)
        return error_set(error, EX_CONFIG, "%s: iniparser reads other keys than stand there",
                         ini->path);
    return true;
}

static bool load_and_compare(struct scan *scan, const char *path, struct slice content,
                             struct error *error)
{
    dictionary *loaded = load_dictionary(path, content);
    /* Also where iniparser did not notice. */
    if (errno == ENOMEM) {
        if (loaded != NULL)
            free_dictionary(loaded);
        return error_set_memory(error);
    }
    if (loaded == NULL && errno != 0)
        return error_set_errno(error, EX_OSERR, "%s: cannot be read", scan->ini->path);
    if (loaded == NULL)
        return error_set(error, EX_CONFIG, "%s: iniparser cannot read it", scan->ini->path);
    bool same = compare(scan, loaded, error);
    free_dictionary(loaded);
    return same;
}

static bool allocate(struct scan *scan, const char *path, struct error *error)
{
    struct text_shown shown;
    struct ini *ini = scan->ini;
    ini->path = arena_copy(scan->arena, slice_of(text_show(&shown, slice_of(path))));
    ini->sections = arena_allocate(scan->arena, INI_SECTIONS_MAX * sizeof *ini->sections);
    ini->entries = arena_allocate(scan->arena, INI_ENTRIES_MAX * sizeof *ini->entries);
    if (ini->path == NULL || ini->sections == NULL || ini->entries == NULL)
        return error_set_memory(error);
    return true;
}

static bool read_content(const char *path, struct ini *ini, struct buffer *content,
                         struct error *error)
{
    int fd = file_open_trusted(path, &ini->status, error);
    if (fd < 0) {
        /* 66 is for the message's file. */
        if (error->exit_code == EX_NOINPUT)
            error->exit_code = EX_CONFIG;
        if (error->exit_code == EX_NOPERM)
            paths_add_owner(path, error);
        return error_add_context(error, "configuration");
    }
    /* As large as the file is, or a little larger by now. */
    size_t limit = INI_FILE_LIMIT - GROWTH_LIMIT;
    if (ini->status.st_size < (off_t)limit)
        limit = (size_t)ini->status.st_size;
    limit += GROWTH_LIMIT;
    bool done = vault_open_buffer(content, limit + 1) || error_set_memory(error);
    if (done && !file_read_all(fd, limit, content, error))
        done = error_add_context(error, "%s", ini->path);
    close(fd);
    return done;
}

bool ini_load(struct ini *ini, const char *path, struct arena *arena, struct error *error)
{
    *ini = (struct ini){0};
    struct scan scan = {.ini = ini, .arena = arena};
    struct buffer content = {0};
    bool done = allocate(&scan, path, error) && read_content(path, ini, &content, error);
    scan.content = content.bytes;
    done = done && scan_all(&scan, buffer_slice(&content), error) && check_collisions(ini, error) &&
           load_and_compare(&scan, path, buffer_slice(&content), error);
    vault_free(content.bytes);
    if (!done)
        ini_wipe(ini);
    return done;
}

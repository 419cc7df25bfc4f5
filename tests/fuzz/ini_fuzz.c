/* Property: a configuration is an error fit to be shown, or each of its values stands in its line
 * of the file as it is, behind its key, and without quotes ends before a comment. */
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <sys/stat.h>

#include "config/ini.h"

/* The line with this number, from 1 on. */
static struct slice find_line(struct slice file, unsigned number)
{
    struct slice line = {0};
    for (; number > 0; number--)
        demand(slice_cut(&file, '\n', &line));
    return line;
}

static void check_entry(const struct ini *ini, const struct ini_entry *entry, struct slice file)
{
    struct slice line = find_line(file, entry->line);
    size_t equals = slice_find(line, '=');
    struct slice value = slice_of(entry->value), rest = slice_from(line, equals + 1);
    demand(entry->section < ini->section_count && value.length > 0);
    demand(entry->line > ini->sections[entry->section].line);
    demand(slice_equals_nocase(slice_trim(slice_to(line, equals)), slice_of(entry->key)));
    demand(memmem(rest.bytes, rest.length, value.bytes, value.length) != NULL);
    demand(entry->quoted || strpbrk(entry->value, "#;") == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct ini ini = {0};
    struct arena arena = {0};
    struct error error;
    char path[64];
    int fd = memfd_create("config", MFD_CLOEXEC);
    demand(fd >= 0 && fchmod(fd, 0600) == 0 && write(fd, bytes, size) == (ssize_t)size);
    demand(snprintf(path, sizeof path, "/proc/self/fd/%d", fd) > 0);

    if (ini_load(&ini, path, &arena, &error)) {
        for (size_t i = 0; i < ini.entry_count; i++)
            check_entry(&ini, &ini.entries[i], slice_make((const char *)bytes, size));
    } else {
        demand(error.exit_code != EX_OK && error.sentence[0] != '\0');
        fuzz_check_printable(error.sentence);
    }
    ini_wipe(&ini);
    arena_free(&arena);
    close(fd);
    return 0;
}

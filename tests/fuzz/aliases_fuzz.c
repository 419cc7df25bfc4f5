/* Property: whatever an alias file holds, each name in it is found, each target has its line, and
 * what a name leads to are addresses fit for an envelope. */
#include "tests/fuzz/fuzz.h"

#include <stdio.h>

#include "base/file.h"
#include "message/local.h"

/* The file that is being tried, as no directory has it. */
static int make_file(struct slice bytes, char *path, size_t size)
{
    struct error error;
    int fd = memfd_create("aliases", MFD_CLOEXEC);
    demand(fd >= 0 && fchmod(fd, 0600) == 0 && file_write_all(fd, bytes, &error));
    snprintf(path, size, "/proc/self/fd/%d", fd);
    return fd;
}

static void check_target(const struct aliases_target *target)
{
    char bytes[ADDRESS_SIZE];
    struct text text;
    struct error error;
    bool utf8;
    text_init(&text, bytes, sizeof bytes);
    demand(memchr(target->bytes, '\0', sizeof target->bytes) != NULL);
    if (target->kind == ALIASES_ADDRESS || target->kind == ALIASES_NAME ||
        target->kind == ALIASES_FINAL) {
        demand(address_parse_one(slice_of(target->bytes), NULL, &text, &utf8, &error));
        demand(strcmp(bytes, target->bytes) == 0);
    } else if (target->kind == ALIASES_INCLUDE) {
        demand(target->bytes[0] == '/');
    }
}

static void check_list(struct aliases_list list, unsigned lines)
{
    static struct aliases_target target;
    struct error error;
    unsigned before = list.line;
    do {
        if (!aliases_next(&list, &target, &error)) {
            demand(error.exit_code == EX_CONFIG && strpbrk(error.sentence, "\r\n") == NULL);
            target.kind = ALIASES_SPECIAL;
            continue;
        }
        demand(list.line >= before && list.line <= lines);
        before = list.line;
        check_target(&target);
    } while (target.kind != ALIASES_END);
}

static void check_name(struct local *local, const char *name)
{
    struct address_mailbox mailbox;
    struct local_targets targets = {0};
    struct slice rest = slice_of(name);
    struct error error;
    bool found;
    demand(address_next(&rest, &mailbox, &found, &error) && found);
    if (local_resolve(local, &mailbox, &targets, &error)) {
        for (size_t i = 0; i < targets.count; i++) {
            const char *address = targets.targets[i].address;
            demand(strchr(address, '@') != NULL && strpbrk(address, "\r\n") == NULL);
        }
    } else {
        demand(error.exit_code != EX_OK && strpbrk(error.sentence, "\r\n") == NULL);
    }
    local_targets_free(&targets);
}

static void ignore(void *context, const char *sentence)
{
    (void)context;
    demand(strpbrk(sentence, "\r\n") == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct slice content = slice_make((const char *)bytes, size);
    char path[64];
    struct error error;
    struct aliases_check result;
    int fd = make_file(content, path, sizeof path);
    struct local local = {
        .domain = "example.com", .aliases_file = path, .note = ignore, .default_to = NULL};
    check_name(&local, "nobody-of-this-name");
    demand(local.loaded);
    unsigned lines = 1;
    for (size_t i = 0; i < size; i++)
        lines += bytes[i] == '\n';
    for (size_t i = 0; i < local.aliases.count; i++) {
        const struct aliases_entry *entry = &local.aliases.entries[i];
        demand(aliases_find(&local.aliases, entry->name) == entry);
        check_list(aliases_targets(&local.aliases, entry), lines);
        check_name(&local, entry->name);
    }
    local_check(&local, ignore, NULL, &result, &error);
    demand(result.names == local.aliases.count);
    local_free(&local);
    close(fd);
    return 0;
}

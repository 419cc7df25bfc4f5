/* Property: a configuration is an error, or each of its values stands in the file as it is. */
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <sys/stat.h>

#include "config/ini.h"

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
        for (size_t i = 0; i < ini.entry_count; i++) {
            const char *value = ini.entries[i].value;
            demand(ini.entries[i].section < ini.section_count && value[0] != '\0');
            demand(memmem(bytes, size, value, strlen(value)) != NULL);
        }
    } else {
        demand(error.exit_code != EX_OK && error.sentence[0] != '\0');
    }
    ini_wipe(&ini);
    arena_free(&arena);
    close(fd);
    return 0;
}

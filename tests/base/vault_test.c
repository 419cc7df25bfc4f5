/* Goal: what is in a vault is in no other process and no core, and is gone when it is freed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/vault.h"

/* The flags of the mapping that holds `memory`, as " rd wr ..." of smaps. */
static void read_flags(const void *memory, char flags[256])
{
    char line[200];
    unsigned long first, behind, at = (unsigned long)memory;
    bool here = false;
    FILE *maps = fopen("/proc/self/smaps", "re");
    assert_non_null(maps);
    flags[0] = '\0';
    while (flags[0] == '\0' && fgets(line, sizeof line, maps) != NULL) {
        if (sscanf(line, "%lx-%lx ", &first, &behind) == 2)
            here = at >= first && at < behind;
        else if (here && strncmp(line, "VmFlags:", 8) == 0)
            snprintf(flags, 256, "%s", line + 8);
    }
    fclose(maps);
}

/* Whether memory can be locked at all: not beyond RLIMIT_MEMLOCK, nor under AddressSanitizer. */
static bool can_lock(void)
{
    char flags[256];
    size_t size = (size_t)sysconf(_SC_PAGESIZE);
    char *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(page != MAP_FAILED);
    mlock(page, size);
    read_flags(page, flags);
    munmap(page, size);
    return strstr(flags, " lo") != NULL;
}

static void is_apart(void **state)
{
    char flags[256];
    (void)state;
    char *secret = vault_copy(slice_of("hunter2"));
    assert_non_null(secret);
    assert_string_equal(secret, "hunter2");
    read_flags(secret, flags);
    if (flags[0] == '\0')
        skip();
    assert_non_null(strstr(flags, " dd"));                    /* in no core */
    assert_non_null(strstr(flags, " wf"));                    /* in no child */
    assert_true(strstr(flags, " lo") != NULL || !can_lock()); /* in no swap */
    vault_free(secret);
}

static void a_child_finds_nothing(void **state)
{
    int status;
    (void)state;
    char *secret = vault_copy(slice_of("hunter2"));
    assert_non_null(secret);
    pid_t pid = fork();
    if (pid == 0) {
        bool empty = secret[0] == '\0' && secret[6] == '\0';
        vault_free(secret);
        _exit(empty ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_string_equal(secret, "hunter2");
    vault_free(secret);
}

/* As an ordinary user: root may lock what it likes. */
static void does_without_locks(void **state)
{
    int status;
    (void)state;
    pid_t pid = fork();
    if (pid == 0) {
        static const struct rlimit none;
        setrlimit(RLIMIT_MEMLOCK, &none);
        if (geteuid() == 0 && setuid(65534) != 0)
            _exit(2);
        char *secret = vault_copy(slice_of("hunter2"));
        bool same = secret != NULL && strcmp(secret, "hunter2") == 0;
        vault_free(secret);
        _exit(same ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void holds_what_it_is_asked_for(void **state)
{
    static const size_t sizes[] = {0, 1, 4000, 4096, 8195, 16385, 1024 * 1024};
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct buffer buffer;
        assert_true(vault_open_buffer(&buffer, sizes[i]));
        char *bytes = buffer.bytes;
        for (size_t j = 0; j < sizes[i]; j++) {
            assert_int_equal(bytes[j], 0);
            assert_true(buffer_add_byte(&buffer, 'x'));
        }
        assert_ptr_equal(buffer.bytes, bytes);
        vault_free(buffer.bytes);
    }
    assert_null(vault_allocate(SIZE_MAX));
    assert_null(vault_allocate(SIZE_MAX / 2));
    vault_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_apart),
        cmocka_unit_test(a_child_finds_nothing),
        cmocka_unit_test(does_without_locks),
        cmocka_unit_test(holds_what_it_is_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Goal: bytes come back as they went in, from memory, from the file and from across the two, and
 * what the system refuses is an error with the right exit code. */
#include "message/store.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { MEGABYTE = 1024 * 1024 };

static char pattern[2 * MEGABYTE];

static int fill_pattern(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof pattern; i++)
        pattern[i] = (char)((i * 2654435761u) >> 13);
    return 0;
}

static void append(struct store *store, size_t size)
{
    struct error error;
    size_t offset = (size_t)store_size(store);

    assert_true(store_append(store, slice_make(pattern + offset, size), &error));
    assert_int_equal(store_size(store), offset + size);
}

static void assert_stretch(struct store *store, size_t offset, size_t size)
{
    char *bytes = malloc(size + 1);
    struct error error;

    assert_non_null(bytes);
    assert_true(store_read(store, offset, bytes, size, &error));
    assert_memory_equal(bytes, pattern + offset, size);
    free(bytes);
}

static void test_few_bytes_stay_in_memory(void **state)
{
    struct store store;

    (void)state;
    store_init(&store, "/nowhere");
    assert_int_equal(store_size(&store), 0);
    append(&store, 0);
    append(&store, STORE_MEMORY_LIMIT - 1);
    append(&store, 1);
    assert_int_equal(store.fd, -1);
    assert_stretch(&store, 0, STORE_MEMORY_LIMIT);
    assert_stretch(&store, 17, 4);
    assert_stretch(&store, STORE_MEMORY_LIMIT, 0);
    store_free(&store);
}

static void test_more_goes_to_an_unnamed_private_file(void **state)
{
    struct store store;
    struct stat status;

    (void)state;
    store_init(&store, NULL);
    append(&store, STORE_MEMORY_LIMIT);
    append(&store, 1);
    assert_true(store.fd >= 0);
    assert_int_equal(fstat(store.fd, &status), 0);
    assert_int_equal(status.st_nlink, 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_true(fcntl(store.fd, F_GETFD) & FD_CLOEXEC);
    assert_stretch(&store, 0, STORE_MEMORY_LIMIT + 1);
    store_free(&store);
    assert_int_equal(store.fd, -1);
    store_free(&store);
}

/* Every size of append, with reads in between that must not disturb the next one. */
static void test_mixed_appends_and_reads(void **state)
{
    static const size_t sizes[] = {1,      100,    65535, 65536, 65537, 262143,
                                   262144, 262145, 3,     0,     70000};
    size_t count = sizeof sizes / sizeof sizes[0];

    (void)state;
    for (size_t first = 0; first < count; first++) {
        struct store store;

        store_init(&store, NULL);
        for (size_t i = 0; store_size(&store) + 300000 < sizeof pattern; i++) {
            size_t size = sizes[(first + i * 7) % count], end;

            append(&store, size);
            end = (size_t)store_size(&store);
            assert_stretch(&store, end - size, size);
            assert_stretch(&store, end / 3, end - end / 3);
            if (store.written > 10 && store.written + 10 < end)
                assert_stretch(&store, (size_t)store.written - 10, 20);
            assert_true(store.memory.capacity <= 2 * STORE_MEMORY_LIMIT);
        }
        store_free(&store);
    }
}

static void test_directory(void **state)
{
    static const struct {
        const char *directory, *temporary; /* TMPDIR */
        const char *used;
        int exit_code;
    } cases[] = {
        {NULL, "/nonexistent", "/var/tmp", EX_OK},
        {NULL, "", "/var/tmp", EX_OK},
        {NULL, ".", "/var/tmp", EX_OK},
        {NULL, NULL, "/var/tmp", EX_OK},
        {NULL, "/tmp", "/tmp", EX_OK},
        {"/tmp", "/nonexistent", "/tmp", EX_OK},
        {"/nonexistent", NULL, "/nonexistent", EX_CANTCREAT},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct store store;
        struct error error = {.exit_code = EX_OK};

        if (cases[i].temporary != NULL)
            setenv("TMPDIR", cases[i].temporary, 1);
        else
            unsetenv("TMPDIR");
        store_init(&store, cases[i].directory);
        assert_int_equal(store_append(&store, slice_make(pattern, MEGABYTE), &error),
                         cases[i].exit_code == EX_OK);
        assert_int_equal(error.exit_code, cases[i].exit_code);
        assert_string_equal(store.directory, cases[i].used);
        store_free(&store);
    }
}

static void test_no_room_left(void **state)
{
    struct rlimit before, small;
    struct store store;
    struct error error;

    (void)state;
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before);
    small = (struct rlimit){.rlim_cur = 300 * 1024, .rlim_max = before.rlim_max};
    setrlimit(RLIMIT_FSIZE, &small);
    store_init(&store, NULL);
    assert_true(store_append(&store, slice_make(pattern, 290 * 1024), &error));
    assert_false(store_append(&store, slice_make(pattern, 70 * 1024), &error));
    setrlimit(RLIMIT_FSIZE, &before);
    assert_int_equal(error.exit_code, EX_IOERR);
    assert_false(error.permanent);
    assert_non_null(strstr(error.sentence, "message: cannot be kept in /"));
    assert_non_null(strstr(error.sentence, ": File too large; make room, or set TMPDIR"));
    store_free(&store);
}

static void test_an_octet_is_changed(void **state)
{
    struct store store;
    struct error error;
    char bytes[3];

    (void)state;
    for (size_t size = 100; size < MEGABYTE; size += MEGABYTE / 2) {
        store_init(&store, NULL);
        append(&store, size);
        append(&store, 100);
        assert_true(store_change(&store, 50, 'x', &error));
        assert_true(store_change(&store, size + 50, 'y', &error));
        assert_true(store_read(&store, 49, bytes, 3, &error));
        assert_true(bytes[0] == pattern[49] && bytes[1] == 'x' && bytes[2] == pattern[51]);
        assert_true(store_read(&store, size + 50, bytes, 1, &error));
        assert_int_equal(bytes[0], 'y');
        append(&store, 100);
        assert_stretch(&store, size + 51, 149);
        store_free(&store);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_few_bytes_stay_in_memory),
        cmocka_unit_test(test_more_goes_to_an_unnamed_private_file),
        cmocka_unit_test(test_mixed_appends_and_reads),
        cmocka_unit_test(test_directory),
        cmocka_unit_test(test_no_room_left),
        cmocka_unit_test(test_an_octet_is_changed),
    };

    return cmocka_run_group_tests(tests, fill_pattern, NULL);
}

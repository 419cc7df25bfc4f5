/* Goal: bytes come back as they went in, from memory, from the file and from across the two, and
 * what the system refuses is an error with the right exit code. */
#include "message/store.h"

#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "tests/support/refuse.h"

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

/* --- a place of its own */
struct place_of_test {
    struct store_place place;
    int opened;
};

static int open_in_tmp(void *context, struct error *error)
{
    struct place_of_test *test = context;

    test->opened++;
    return file_open_unnamed("/tmp", error);
}

static int open_nothing(void *context, struct error *error)
{
    struct place_of_test *test = context;

    test->opened++;
    error_set(error, EX_IOERR, "no place");
    return -1;
}

static int open_pipe(void *context, struct error *error)
{
    int ends[2];

    (void)context, (void)error;
    if (pipe(ends) != 0)
        return -1;
    close(ends[0]);
    return ends[1];
}

enum { RESERVED = 64 };

static void init_in_place(struct store *store, struct place_of_test *test,
                          int (*open_file)(void *context, struct error *error))
{
    test->opened = 0;
    test->place = (struct store_place){open_file, test, RESERVED};
    store_init(store, NULL);
    store->place = &test->place;
}

static void test_it_grows_in_its_place(void **state)
{
    struct place_of_test test;
    struct store store;
    struct error error;
    char octets[RESERVED + 16];

    (void)state;
    init_in_place(&store, &test, open_in_tmp);
    append(&store, STORE_MEMORY_LIMIT);
    assert_int_equal(test.opened, 0);
    for (size_t size = 1; store_size(&store) < MEGABYTE; size = size * 7 % 100000 + 1) {
        append(&store, size);
        assert_stretch(&store, (size_t)store_size(&store) / 3, (size_t)store_size(&store) / 2);
    }
    assert_int_equal(test.opened, 1);
    assert_int_equal(store.reserved, RESERVED);
    assert_true(store_change(&store, 3, 'x', &error));
    assert_int_equal(pread(store.fd, octets, sizeof octets, 0), sizeof octets);
    for (size_t i = 0; i < RESERVED; i++)
        assert_int_equal(octets[i], 0);
    assert_memory_equal(octets + RESERVED, pattern, 3);
    assert_int_equal(octets[RESERVED + 3], 'x');
    assert_memory_equal(octets + RESERVED + 4, pattern + 4, 12);
    /* Used again it has its place again. */
    store_free(&store);
    assert_int_equal(store.reserved, 0);
    append(&store, MEGABYTE);
    assert_int_equal(test.opened, 2);
    assert_int_equal(store.reserved, RESERVED);
    store_free(&store);
}

static void test_without_a_place_it_is_temporary(void **state)
{
    struct place_of_test test;
    struct store store;

    (void)state;
    init_in_place(&store, &test, open_nothing);
    append(&store, MEGABYTE);
    assert_int_equal(test.opened, 1);
    assert_int_equal(store.reserved, 0);
    assert_stretch(&store, 0, MEGABYTE);
    store_free(&store);
    init_in_place(&store, &test, open_pipe);
    append(&store, MEGABYTE);
    assert_int_equal(store.reserved, 0);
    assert_stretch(&store, 0, MEGABYTE);
    store_free(&store);
}

/* The place is a disk of a quarter of a megabyte more than it takes to begin there. */
static int open_on_small_disk(void *context, struct error *error)
{
    (void)context;
    return file_open_unnamed("/mnt", error);
}

static int leave_small_disk(void *context)
{
    struct place_of_test test;
    struct store store;
    struct error error;
    char octets[STORE_MEMORY_LIMIT];

    (void)context;
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("none", "/mnt", "tmpfs", 0, "size=512k,mode=0700") != 0)
        return 77;
    init_in_place(&store, &test, open_on_small_disk);
    while (store_size(&store) < MEGABYTE) {
        size_t offset = (size_t)store_size(&store);
        bool in_place = offset > STORE_MEMORY_LIMIT && offset < 400 * 1024;

        if (!store_append(&store, slice_make(pattern + offset, 50000), &error))
            return 1;
        if (in_place && store.reserved != RESERVED)
            return 2;
    }
    if (store.reserved != 0)
        return 3;
    for (size_t offset = 0; offset + sizeof octets < MEGABYTE; offset += sizeof octets / 2)
        if (!store_read(&store, offset, octets, sizeof octets, &error) ||
            memcmp(octets, pattern + offset, sizeof octets) != 0)
            return 4;
    store_free(&store);
    return 0;
}

static void test_it_leaves_a_place_that_is_full(void **state)
{
    int result = refuse_in_child(leave_small_disk, NULL);

    (void)state;
    if (result == 77)
        skip();
    assert_int_equal(result, 0);
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
        cmocka_unit_test(test_it_grows_in_its_place),
        cmocka_unit_test(test_without_a_place_it_is_temporary),
        cmocka_unit_test(test_it_leaves_a_place_that_is_full),
    };

    return cmocka_run_group_tests(tests, fill_pattern, NULL);
}

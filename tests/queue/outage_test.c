/* Goal: what is known of smarthosts comes back as it was written, a file that says anything else is
 * forgotten and harms nobody, and the list never outgrows its bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "queue/outage.h"

#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])

static const struct backoff_options options = {
    .first = 300 * 1000, .cap = 4 * 3600 * 1000, .lifetime = INT64_C(5) * 86400 * 1000};

/* --- a spool that is nothing but its file `state` --------------------------------------------- */

static struct {
    struct buffer state;
    int (*open)(void); /* NULL: the file is what is in `state` */
    bool full;         /* the disk */
} disk;

int spool_open_state(struct spool *spool)
{
    FILE *file = disk.open == NULL ? tmpfile() : NULL;

    (void)spool;
    if (file == NULL)
        return disk.open != NULL ? disk.open() : -1;
    if (disk.state.length > 0)
        assert_int_equal(fwrite(disk.state.bytes, disk.state.length, 1, file), 1);
    assert_int_equal(fflush(file), 0);
    int fd = dup(fileno(file));
    fclose(file);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    return fd;
}

bool spool_write_state(struct spool *spool, struct slice content, struct error *error)
{
    (void)spool;
    if (disk.full)
        return error_set(error, EX_IOERR, "queue: no room");
    buffer_clear(&disk.state);
    assert_true(buffer_add(&disk.state, content));
    return true;
}

static int empty_disk(void **state)
{
    (void)state;
    buffer_free(&disk.state);
    disk.open = NULL;
    disk.full = false;
    return 0;
}

static void put(struct slice content)
{
    buffer_clear(&disk.state);
    assert_true(buffer_add(&disk.state, content));
}

/* What `outages` are after they were written and read. */
static void store_and_load(struct outages *outages)
{
    struct error error = {0};
    assert_true(outages_write(outages, NULL, &error));
    outages_free(outages);
    outages_read(outages, NULL);
}

/* --- what is known ---------------------------------------------------------------------------- */

static void failures_add_up_and_end(void **state)
{
    struct outages outages;
    (void)state;
    outages_read(&outages, NULL);
    assert_int_equal(outages.count, 0);
    assert_null(outages_find(&outages, "a"));
    outages_failed(&outages, "a", &options, 1000, 0, "connect: refused");
    outages_failed(&outages, "b", &options, 1001, 0, "connect: timed out");
    outages_failed(&outages, "a", &options, 2000, 0, "login: later");

    const struct outage *outage = outages_find(&outages, "a");
    assert_int_equal(outage->failures, 2);
    assert_int_equal(outage->next, 2000 + 300);
    assert_int_equal(outage->last[0], 2000);
    assert_int_equal(outage->last[1], 1000);
    assert_int_equal(outage->last[2], 0);
    assert_string_equal(outage->reason, "login: later");

    outages_mended(&outages, "a");
    outages_mended(&outages, "c");
    assert_null(outages_find(&outages, "a"));
    assert_int_equal(outages_find(&outages, "b")->failures, 1);
    outages_mended(&outages, "b");
    assert_int_equal(outages.count, 0);
    outages_free(&outages);
    outages_free(&outages);
}

static void come_back_as_they_were_written(void **state)
{
    static const char everything[] =
        "work smtp.example.com:587,[2001:db8::1] \"quoted\" back\\slash \r\n\t\x01\x7f\xc3\xbc";
    struct outages outages;
    (void)state;
    outages_read(&outages, NULL);
    for (int64_t now = 1; now <= 7; now++)
        outages_failed(&outages, everything, &options, now - 3, 0, "said \"no\" \\x0a");
    outages.list[0].failures = UINT_MAX;
    outages_failed(&outages, everything, &options, INT64_MIN + 1, 7, "the clock is mad");
    outages_failed(&outages, " ", &options, INT64_MAX, UINT32_MAX, NULL);
    store_and_load(&outages);
    assert_int_equal(outages.count, 2);

    const struct outage *outage = outages_find(&outages, everything);
    assert_int_equal(outage->failures, UINT_MAX);
    assert_true(outage->next == INT64_MIN + 1 + 4800);
    assert_true(outage->last[0] == INT64_MIN + 1);
    assert_int_equal(outage->last[1], 4);
    assert_int_equal(outage->last[4], 1);
    assert_string_equal(outage->reason, "the clock is mad");
    outage = outages_find(&outages, " ");
    assert_true(outage->next == INT64_MAX);
    assert_string_equal(outage->reason, "unknown");
    outages_free(&outages);
}

static void nothing_known_is_a_file_as_well(void **state)
{
    struct outages outages;
    (void)state;
    outages_read(&outages, NULL);
    store_and_load(&outages);
    assert_int_equal(outages.count, 0);
    assert_memory_equal(disk.state.bytes, "sendmail-state 1\n", disk.state.length);
    outages_free(&outages);
}

static void the_one_tried_longest_ago_gives_way(void **state)
{
    struct outages outages;
    (void)state;
    outages_read(&outages, NULL);
    for (unsigned i = 0; i <= OUTAGE_MAX; i++) {
        char name[16];
        snprintf(name, sizeof name, "host%u", i);
        outages_failed(&outages, name, &options, i == 7 ? 10 : 1000 + i, 0, "no");
    }
    assert_int_equal(outages.count, OUTAGE_MAX);
    assert_null(outages_find(&outages, "host7"));
    assert_non_null(outages_find(&outages, "host64"));
    outages_free(&outages);
}

static void reasons_are_printable_and_short(void **state)
{
    struct outages outages;
    char *long_reason = malloc(100001);
    (void)state;
    memset(long_reason, 'x', 100000);
    long_reason[100000] = '\0';
    outages_read(&outages, NULL);
    outages_failed(&outages, "a", &options, 1, 0, "one\ntwo \xff");
    outages_failed(&outages, "b", &options, 1, 0, long_reason);
    store_and_load(&outages);
    assert_string_equal(outages_find(&outages, "a")->reason, "one\\ntwo \\xff");
    assert_int_equal(strlen(outages_find(&outages, "b")->reason), 1024);
    outages_free(&outages);
    free(long_reason);
}

/* The longest names there can be still leave a file that can be read. */
static void a_full_list_of_long_names_is_kept(void **state)
{
    struct outages outages;
    char name[5001];
    (void)state;
    outages_read(&outages, NULL);
    for (unsigned i = 0; i < OUTAGE_MAX; i++) {
        memset(name, 'a', sizeof name);
        snprintf(name + 4000, 64, "%u", i);
        outages_failed(&outages, name, &options, 1000, 0, "no");
    }
    memset(name, 'b', 5000);
    name[5000] = '\0';
    outages_mended(&outages, outages.list[0].smarthost);
    outages_failed(&outages, name, &options, 1000, 0, "too long to be remembered");
    assert_int_equal(outages_find(&outages, name)->failures, 1);
    store_and_load(&outages);
    assert_int_equal(outages.count, OUTAGE_MAX - 1);
    outages_free(&outages);
}

static void counts_tries_in_a_life(void **state)
{
    static const struct {
        int64_t created, now;
        unsigned tries;
    } rows[] = {
        {0, 1000, 4},
        {100, 1000, 4},
        {101, 1000, 3},
        {400, 1000, 1},
        {401, 1000, 0},
        {0, 399, 3},     /* the clock was set back */
        {2000, 1000, 0}, /* born in the future */
        {INT64_MIN, INT64_MAX, 4},
    };
    static const struct outage outage = {.failures = 4, .last = {400, 300, 200, 100, 0}};
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_int_equal(outage_tries_since(&outage, rows[i].created, rows[i].now), rows[i].tries);
}

/* --- files that lie --------------------------------------------------------------------------- */

#define HEAD "sendmail-state 1\n"
#define SLICE(literal)                                                                             \
    {                                                                                              \
        literal, sizeof(literal) - 1                                                               \
    }
#define GOOD "1 2 3 0 0 0 0 \"good\" \"no\"\n"

static void what_is_damaged_was_never_there(void **state)
{
    static const struct {
        struct slice content;
        size_t count;
    } rows[] = {
        {SLICE(""), 0},
        {SLICE("\n"), 0},
        {SLICE(HEAD), 0},
        {SLICE(GOOD), 0},
        {SLICE("sendmail-state 2\n" GOOD), 0},
        {SLICE("sendmail-state 1 \n" GOOD), 0},
        {SLICE("sendmail-state 1\r\n" GOOD), 0},
        {SLICE("sendmail-state 1"), 0},
        {SLICE(HEAD GOOD), 1},
        {SLICE(HEAD GOOD GOOD), 1},
        {SLICE(HEAD "1 2 3 0 0 0 0 \"good\" \"no\""), 0},
        {SLICE(HEAD GOOD "1 2 3 0 0 0 0 \"torn\" \"n"), 0},
        {SLICE(HEAD "\n\n" GOOD "\n"), 1},
        {SLICE(HEAD "0 2 3 0 0 0 0 \"a\" \"no\"\n" GOOD), 1},
        {SLICE(HEAD "-1 2 3 0 0 0 0 \"a\" \"no\"\n" GOOD), 1},
        {SLICE(HEAD "4294967296 2 3 0 0 0 0 \"a\" \"no\"\n" GOOD), 1},
        {SLICE(HEAD "4294967295 2 3 0 0 0 0 \"a\" \"no\"\n" GOOD), 2},
        {SLICE(HEAD "1 9223372036854775808 3 0 0 0 0 \"a\" \"no\"\n" GOOD), 1},
        {SLICE(HEAD "1 99999999999999999999999999 3 0 0 0 0 \"a\" \"no\"\n" GOOD), 1},
        {SLICE(HEAD "1 -9223372036854775807 3 0 0 0 0 \"a\" \"no\"\n" GOOD), 2},
        {SLICE(HEAD "1 -9223372036854775808 3 0 0 0 0 \"a\" \"no\"\n" GOOD), 1},
        {SLICE(HEAD "1 2 3 0 0 0 \"a\" \"no\"\n" GOOD), 1},
        {SLICE(HEAD "1 2 3 0 0 0 0 0 \"a\" \"no\"\n" GOOD), 1},
        {SLICE(HEAD "1  2 3 0 0 0 0 \"a\" \"no\"\n" GOOD), 1},
        {SLICE(HEAD " 1 2 3 0 0 0 0 \"a\" \"no\"\n" GOOD), 1},
        {SLICE(HEAD "+1 2 3 0 0 0 0 \"a\" \"no\"\n" GOOD), 1},
        {SLICE(HEAD "1 - 3 0 0 0 0 \"a\" \"no\"\n" GOOD), 1},
        {SLICE(HEAD "1 2 3 0 0 0 0 a no\n" GOOD), 1},
        {SLICE(HEAD "1 2 3 0 0 0 0 \"\" \"no\"\n" GOOD), 1},
        {SLICE(HEAD "1 2 3 0 0 0 0 \"a\" \"\"\n" GOOD), 1},
        {SLICE(HEAD "1 2 3 0 0 0 0 \"a\" \"no\" \n" GOOD), 1},
        {SLICE(HEAD "1 2 3 0 0 0 0 \"a\"\"no\"\n" GOOD), 1},
        {SLICE(HEAD "1 2 3 0 0 0 0 \"a\"\n" GOOD), 1},
        {SLICE(HEAD "1 2 3 0 0 0 0 \"a\\\" \"no\"\n" GOOD), 1},
        {SLICE(HEAD "1 2 3 0 0 0 0 \"a\\q\" \"no\"\n" GOOD), 1},
        {SLICE(HEAD "1 2 3 0 0 0 0 \"a\\x4\" \"no\"\n" GOOD), 1},
        {SLICE(HEAD "1 2 3 0 0 0 0 \"a\\xg0\" \"no\"\n" GOOD), 1},
        {SLICE(HEAD "1 2 3 0 0 0 0 \"a\\x00b\" \"no\"\n" GOOD), 1},
        {SLICE(HEAD "1 2 3 0 0 0 0 \"a\\"), 0},
        {SLICE(HEAD "1 2 3 0 0 0 0 \"a\\x"), 0},
        {SLICE(HEAD "1 2 3 0 0 0 0 \"a\x1b[m\" \"no\"\n" GOOD), 1},
        {SLICE(HEAD "1 2 3 0 0 0 0 \"a\xc3\xbc\" \"no\"\n" GOOD), 1},
        {SLICE(HEAD "1 2 3 0 0 0 0 \"a\" \"no\\n\"\n" GOOD), 1},
        {SLICE(HEAD "1 2 3 0 0 0 0 \"a\" \"\\x1b[m\"\n" GOOD), 1},
        {SLICE(HEAD "1 2 3 0 0 0 0 \"a\0\" \"no\"\n" GOOD), 1},
        {SLICE("\0\0\0\0\0\0\0\0"), 0},
        {SLICE("sendmail-state 1\0\n" GOOD), 0},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct outages outages;
        put(rows[i].content);
        outages_read(&outages, NULL);
        if (outages.count != rows[i].count)
            fail_msg("row %zu: %zu outages", i, outages.count);
        if (outages.count > 0 && outages_find(&outages, "good") == NULL)
            fail_msg("row %zu: the good one is lost", i);
        outages_free(&outages);
    }
}

/* Every octet changed to every other: nothing but values of the right kind come out. */
static void any_octet_may_be_wrong(void **state)
{
    static const char content[] = HEAD "12 -2 3 0 0 0 0 \"a\\\"\\x41\" \"no\\\\\"\n" GOOD;
    (void)state;
    for (size_t i = 0; i < sizeof content - 1; i++) {
        for (unsigned octet = 0; octet < 256; octet++) {
            struct outages outages;
            put(slice_of(content));
            disk.state.bytes[i] = (char)octet;
            outages_read(&outages, NULL);
            assert_in_range(outages.count, 0, 3);
            for (size_t j = 0; j < outages.count; j++) {
                assert_true(outages.list[j].smarthost[0] != '\0');
                for (const char *byte = outages.list[j].reason; *byte != '\0'; byte++)
                    assert_in_range(*byte, ' ', '~');
            }
            outages_free(&outages);
        }
    }
}

static void more_lines_than_places(void **state)
{
    struct outages outages;
    (void)state;
    put(slice_of(HEAD));
    for (unsigned i = 0; i < 1000; i++) {
        char line[64];
        snprintf(line, sizeof line, "1 2 3 0 0 0 0 \"host%u\" \"no\"\n", i);
        assert_true(buffer_add_string(&disk.state, line));
    }
    outages_read(&outages, NULL);
    assert_int_equal(outages.count, OUTAGE_MAX);
    outages_free(&outages);
}

static int open_nothing(void)
{
    return -1;
}

static int open_folder(void)
{
    return open("/", O_RDONLY | O_CLOEXEC);
}

static int open_zeros(void)
{
    return open("/dev/zero", O_RDONLY | O_CLOEXEC);
}

/* Five thousand million octets that take no room. */
static int open_hole(void)
{
    FILE *file = tmpfile();
    int fd = dup(fileno(file));
    fclose(file);
    assert_int_equal(pwrite(fd, HEAD GOOD, sizeof HEAD GOOD - 1, 0), sizeof HEAD GOOD - 1);
    assert_int_equal(ftruncate(fd, INT64_C(5000000000)), 0);
    return fd;
}

static int open_pipe(void)
{
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    assert_int_equal(write(ends[1], HEAD GOOD, sizeof HEAD GOOD - 1), sizeof HEAD GOOD - 1);
    close(ends[1]);
    return ends[0];
}

static void no_file_of_ours(void **state)
{
    static int (*const openers[])(void) = {open_nothing, open_folder, open_zeros, open_hole,
                                           open_pipe};
    (void)state;
    for (size_t i = 0; i < COUNT(openers); i++) {
        struct outages outages;
        disk.open = openers[i];
        outages_read(&outages, NULL);
        assert_int_equal(outages.count, 0);
        outages_free(&outages);
    }
}

static void says_that_it_cannot_be_written(void **state)
{
    struct outages outages;
    struct error error = {0};
    (void)state;
    outages_read(&outages, NULL);
    disk.full = true;
    assert_false(outages_write(&outages, NULL, &error));
    assert_int_equal(error.exit_code, EX_IOERR);
    outages_free(&outages);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, empty_disk, empty_disk)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(failures_add_up_and_end),
        TEST(come_back_as_they_were_written),
        TEST(nothing_known_is_a_file_as_well),
        TEST(the_one_tried_longest_ago_gives_way),
        TEST(reasons_are_printable_and_short),
        TEST(a_full_list_of_long_names_is_kept),
        TEST(counts_tries_in_a_life),
        TEST(what_is_damaged_was_never_there),
        TEST(any_octet_may_be_wrong),
        TEST(more_lines_than_places),
        TEST(no_file_of_ours),
        TEST(says_that_it_cannot_be_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

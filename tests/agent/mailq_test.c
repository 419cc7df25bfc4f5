/* Goal: a listing shows every entry once with the state it is in, takes nothing out of anybody's
 * hands, stumbles over nothing that lies in the spool, and counts what waits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>

#include "tests/agent/queued.h"

static char *listed;
static size_t listed_length;
static struct error error;

static void list(bool json)
{
    struct mailq_options options = {.queue = &queued_settings, .json = json, .now = QUEUED_NOW};
    free(listed);
    FILE *stream = open_memstream(&listed, &listed_length);
    assert_non_null(stream);
    bool done = mailq_list(&queued_spool, &options, stream, &error);
    fclose(stream);
    if (!done)
        fail_msg("%s", error.sentence);
    assert_int_equal(error.exit_code, EX_OK);
}

static void assert_listed(const char *words)
{
    if (strstr(listed, words) == NULL)
        fail_msg("lacks \"%s\":\n%s", words, listed);
}

static void assert_last(const char *line)
{
    size_t length = strlen(line);
    if (listed_length < length || strcmp(listed + listed_length - length, line) != 0)
        fail_msg("does not end with \"%s\":\n%s", line, listed);
}

/* The id with what follows it. */
static void assert_marked(const char *id, char mark)
{
    const char *place = strstr(listed, id);
    if (place == NULL || place[SPOOL_ID_LENGTH] != mark)
        fail_msg("%s is not marked '%c':\n%s", id, mark, listed);
}

static void test_empty(void **state)
{
    (void)state;
    list(false);
    assert_string_equal(listed, "Mail queue is empty\n");
    list(true);
    assert_string_equal(listed, "");
}

static void test_states(void **state)
{
    char waiting[SPOOL_ID_SIZE], held[SPOOL_ID_SIZE], failed[SPOOL_ID_SIZE], busy[SPOOL_ID_SIZE];
    struct entry entry;
    (void)state;
    queued_add("Subject: a\n\nx\n", waiting);
    queued_add("Subject: b\n\nx\n", held);
    queued_add("Subject: c\n\nx\n", failed);
    queued_add("Subject: d\n\nx\n", busy);
    queued_open(held, &entry);
    assert_true(entry_record_mark(&entry, RECORD_HOLD, &error));
    entry_close(&entry);
    queued_fail(failed);
    queued_open(busy, &entry);
    list(false);
    assert_marked(waiting, ' ');
    assert_marked(held, '!');
    assert_marked(failed, '#');
    assert_marked(busy, '*');
    assert_listed("(no connection; next try in 4m)");
    assert_listed("1 failed for good, marked #.\n");
    assert_last("\n-- 1 Kbytes in 3 Requests.\n");
    list(true);
    assert_listed("\"state\": \"in hand\"");
    assert_listed("\"next_try\": \"2023-11-14T22:17:20Z\"");
    entry_close(&entry);
}

/* Who looks does not keep an entry. */
static void test_looking_claims_nothing(void **state)
{
    char id[SPOOL_ID_SIZE];
    struct entry entry;
    (void)state;
    queued_add("Subject: a\n\nx\n", id);
    list(false);
    assert_marked(id, ' ');
    queued_open(id, &entry);
    list(false);
    assert_marked(id, '*');
    entry_close(&entry);
    list(false);
    assert_marked(id, ' ');
}

static void test_only_failed_is_empty(void **state)
{
    char id[SPOOL_ID_SIZE];
    uint64_t count;
    (void)state;
    queued_add("Subject: a\n\nx\n", id);
    assert_true(mailq_count(&queued_spool, &count, &error));
    assert_int_equal(count, 1);
    queued_fail(id);
    list(false);
    assert_marked(id, '#');
    assert_last("\nMail queue is empty\n");
    assert_true(mailq_count(&queued_spool, &count, &error));
    assert_int_equal(count, 0);
}

static void plant(const char *name, const char *content)
{
    char path[160];
    snprintf(path, sizeof path, "%s/%s", queued_directory, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, strlen(content)), strlen(content));
    close(fd);
}

static void test_planted(void **state)
{
    char id[SPOOL_ID_SIZE];
    (void)state;
    queued_add("Subject: a\n\nx\n", id);
    plant("AAAAAAAAAAAAAAAA", "\x1b[2J no entry at all");
    plant("not-an-id", "x");
    list(false);
    assert_marked("AAAAAAAAAAAAAAAA", '?');
    assert_marked(id, ' ');
    assert_null(strchr(listed, '\x1b'));
    assert_null(strstr(listed, "not-an-id"));
    assert_last("\n-- 1 Kbytes in 1 Request.\n");
    list(true);
    assert_listed("{\"id\": \"AAAAAAAAAAAAAAAA\", \"state\": \"damaged\", ");
}

/* A line an entry, so that no consumer must hold them all. */
static void test_many(void **state)
{
    char id[SPOOL_ID_SIZE];
    size_t lines = 0;
    (void)state;
    for (size_t i = 0; i < 50; i++)
        queued_add("Subject: a\n\nx\n", id);
    list(true);
    for (const char *at = listed; (at = strchr(at, '\n')) != NULL; at++)
        lines++;
    assert_int_equal(lines, 50);
    list(false);
    assert_last("in 50 Requests.\n");
}

static void test_standard_output_that_fails(void **state)
{
    struct mailq_options options = {.queue = &queued_settings, .now = QUEUED_NOW};
    char id[SPOOL_ID_SIZE];
    (void)state;
    queued_add("Subject: a\n\nx\n", id);
    FILE *stream = fopen("/dev/full", "we");
    assert_non_null(stream);
    setvbuf(stream, NULL, _IONBF, 0);
    assert_false(mailq_list(&queued_spool, &options, stream, &error));
    assert_int_equal(error.exit_code, EX_IOERR);
    fclose(stream);
}

static int tear_down(void **state)
{
    (void)state;
    free(listed);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, queued_set_up, queued_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_empty),
        TEST(test_states),
        TEST(test_looking_claims_nothing),
        TEST(test_only_failed_is_empty),
        TEST(test_planted),
        TEST(test_many),
        TEST(test_standard_output_that_fails),
    };
    return cmocka_run_group_tests(tests, NULL, tear_down);
}

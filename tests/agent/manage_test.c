/* Goal: one message is shown, held, released and removed by its id; what somebody has in hand, what
 * is not there and what is damaged are told apart, and nothing of a message reaches a terminal that
 * could move its cursor. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>

#include "agent/manage.h"
#include "tests/agent/queued.h"

#define NOBODYS "AAAAAAAAAAAAAAAA"

static char *shown;
static size_t shown_length;
static struct error error;

static bool show(const char *id, bool json, bool escape)
{
    struct mailq_options options = {.queue = &queued_settings, .json = json, .now = QUEUED_NOW};
    free(shown);
    FILE *stream = open_memstream(&shown, &shown_length);
    assert_non_null(stream);
    error = (struct error){.exit_code = EX_OK};
    bool done = manage_show(&queued_spool, id, &options, escape, stream, &error);
    fclose(stream);
    return done;
}

static void assert_fails(bool done, int exit_code, const char *words)
{
    assert_false(done);
    assert_int_equal(error.exit_code, exit_code);
    if (strstr(error.sentence, words) == NULL)
        fail_msg("%s", error.sentence);
}

static bool is_held(const char *id)
{
    struct entry entry;
    queued_open(id, &entry);
    bool held = entry.held;
    entry_close(&entry);
    return held;
}

static void test_show(void **state)
{
    char id[SPOOL_ID_SIZE];
    (void)state;
    queued_add("Subject: a\n\n\tb\xc3\xbc\x1b[2J\n", id);
    assert_true(show(id, false, false));
    assert_non_null(strstr(shown, "reason    no connection\n"));
    assert_non_null(strstr(shown, "to        bob@example.net, waiting\n\nSubject: a\n\n\tb"));
    assert_non_null(strstr(shown, "\xc3\xbc\x1b[2J\n"));
    assert_null(strchr(shown, '\r'));
    assert_true(show(id, false, true));
    assert_non_null(strstr(shown, "\n\n\tb\\xc3\\xbc\\x1b[2J\n"));
    assert_true(show(id, true, true));
    assert_non_null(strstr(shown, "\"state\": \"waiting\""));
    assert_null(strstr(shown, "Subject"));
}

static void test_show_failed(void **state)
{
    char id[SPOOL_ID_SIZE];
    (void)state;
    queued_add("Subject: a\n\nb\n", id);
    queued_fail(id);
    assert_true(show(id, false, false));
    assert_int_equal(error.exit_code, EX_OK);
    assert_non_null(strstr(shown, "state     failed for good\n"));
}

static void test_hold_and_release(void **state)
{
    char id[SPOOL_ID_SIZE];
    struct entry entry;
    (void)state;
    queued_add("Subject: a\n\nb\n", id);
    assert_true(manage_mark(&queued_spool, id, RECORD_RELEASE, &error));
    assert_false(is_held(id));
    assert_true(manage_mark(&queued_spool, id, RECORD_HOLD, &error));
    assert_true(manage_mark(&queued_spool, id, RECORD_HOLD, &error));
    assert_true(is_held(id));
    assert_true(manage_mark(&queued_spool, id, RECORD_RELEASE, &error));
    assert_false(is_held(id));
    queued_open(id, &entry);
    assert_int_equal(entry.next_try, 0);
    entry_close(&entry);
}

static void test_remove(void **state)
{
    char id[SPOOL_ID_SIZE], other[SPOOL_ID_SIZE];
    uint64_t count;
    (void)state;
    queued_add("Subject: a\n\nb\n", id);
    queued_add("Subject: a\n\nb\n", other);
    assert_true(manage_remove(&queued_spool, id, &error));
    assert_fails(manage_remove(&queued_spool, id, &error), EX_NOINPUT, "there is no message ");
    assert_true(mailq_count(&queued_spool, &count, &error));
    assert_int_equal(count, 1);
}

static void test_remove_failed(void **state)
{
    char id[SPOOL_ID_SIZE];
    (void)state;
    queued_add("Subject: a\n\nb\n", id);
    queued_fail(id);
    error = (struct error){.exit_code = EX_OK};
    assert_fails(manage_mark(&queued_spool, id, RECORD_HOLD, &error), EX_NOINPUT,
                 "failed for good and is not tried any more");
    error = (struct error){.exit_code = EX_OK};
    assert_true(manage_remove(&queued_spool, id, &error));
    assert_int_equal(error.exit_code, EX_OK);
    assert_fails(show(id, false, false), EX_NOINPUT, "there is no message ");
}

static void test_in_hand(void **state)
{
    char id[SPOOL_ID_SIZE];
    struct entry entry;
    (void)state;
    queued_add("Subject: a\n\nb\n", id);
    queued_open(id, &entry);
    assert_fails(manage_remove(&queued_spool, id, &error), EX_TEMPFAIL, "is being tried just now");
    assert_fails(manage_mark(&queued_spool, id, RECORD_HOLD, &error), EX_TEMPFAIL,
                 "is being tried just now");
    assert_true(show(id, false, false));
    entry_close(&entry);
    assert_true(manage_remove(&queued_spool, id, &error));
}

static void test_not_there(void **state)
{
    (void)state;
    assert_fails(show(NOBODYS, false, false), EX_NOINPUT, "there is no message " NOBODYS);
    assert_fails(manage_mark(&queued_spool, NOBODYS, RECORD_HOLD, &error), EX_NOINPUT,
                 "there is no message " NOBODYS);
    assert_fails(manage_remove(&queued_spool, NOBODYS, &error), EX_NOINPUT,
                 "there is no message " NOBODYS);
}

/* What cannot be read can be taken out; a link to elsewhere is not followed. */
static void test_damaged(void **state)
{
    char path[160];
    (void)state;
    snprintf(path, sizeof path, "%s/" NOBODYS, queued_directory);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, "damaged", 7), 7);
    close(fd);
    assert_fails(show(NOBODYS, false, false), EX_DATAERR, "; --remove takes it out");
    assert_non_null(strstr(error.sentence, NOBODYS ": damaged: "));
    assert_fails(manage_mark(&queued_spool, NOBODYS, RECORD_HOLD, &error), EX_DATAERR, "damaged");
    assert_true(manage_remove(&queued_spool, NOBODYS, &error));
    assert_int_equal(symlink("/etc/passwd", path), 0);
    assert_fails(show(NOBODYS, false, false), EX_DATAERR, NOBODYS);
    assert_fails(manage_remove(&queued_spool, NOBODYS, &error), EX_DATAERR,
                 "; a run of the queue sets it aside");
    assert_int_equal(access("/etc/passwd", F_OK), 0);
}

static int tear_down(void **state)
{
    (void)state;
    free(shown);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, queued_set_up, queued_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_show),      TEST(test_show_failed),   TEST(test_hold_and_release),
        TEST(test_remove),    TEST(test_remove_failed), TEST(test_in_hand),
        TEST(test_not_there), TEST(test_damaged),
    };
    return cmocka_run_group_tests(tests, NULL, tear_down);
}

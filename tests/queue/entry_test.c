/* Goal: what was added comes back octet by octet and word by word, what happened to it is never
 * forgotten, and a file that was cut off, changed or made up is either the entry as it was before
 * its last record, or none at all. */
#include "queue/entry.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/checksum.h"
#include "message/input.h"
#include "tests/support/folder.h"

#include <cmocka.h>

static char home[64];
static char directory[80];
static const struct spool_options options = {.directory = directory, .max_size = 1 << 30};

static int make_home(void **state)
{
    (void)state;
    text_copy(home, sizeof home, "/tmp/entry_test.XXXXXX");
    if (mkdtemp(home) == NULL)
        return -1;
    snprintf(directory, sizeof directory, "%s/queue", home);
    return 0;
}

static int remove_home(void **state)
{
    (void)state;
    return folder_remove(home);
}

static void open_spool(struct spool *spool)
{
    struct error error;
    if (!spool_open(spool, &options, false, NULL, &error))
        fail_msg("%s", error.sentence);
}

/* A message that came in through `place` (NULL: none). */
static void read_message(struct message *message, const struct store_place *place,
                         struct slice content)
{
    struct input_options how = {0};
    struct error error;
    message_init(message, place);
    struct input *input = input_open(message, &how, &error);
    assert_true(input_add(input, content, &error));
    assert_true(input_end(input, &error));
}

static void add_recipients(struct envelope *envelope, size_t count)
{
    struct error error;
    char address[64];
    assert_true(envelope_set_sender(envelope, "sender@example.com", &error));
    for (size_t i = 0; i < count; i++) {
        snprintf(address, sizeof address, "recipient%zu@example.net", i);
        assert_true(envelope_add(envelope, address, &error));
    }
}

static void add(struct spool *spool, struct message *message, struct envelope *envelope,
                char id[SPOOL_ID_SIZE])
{
    struct record_envelope about = {
        .created = 1700000000, .next = 1700000300, .account = "work", .reason = "busy"};
    struct error error;
    if (!entry_add(spool, message, envelope, &about, id, &error))
        fail_msg("%s", error.sentence);
}

/* An entry with `count` recipients and a small message. */
static void add_small(struct spool *spool, size_t count, char id[SPOOL_ID_SIZE])
{
    struct message message;
    struct envelope envelope = {0};
    read_message(&message, NULL, slice_of("Subject: small\r\n\r\nbody\r\n"));
    add_recipients(&envelope, count);
    add(spool, &message, &envelope, id);
    assert_int_equal(envelope_count(&envelope, RECIPIENT_QUEUED), count);
    envelope_free(&envelope);
    message_free(&message);
}

static void open_entry(struct spool *spool, const char *id, struct entry *entry)
{
    struct error error;
    if (entry_open(spool, SPOOL_QUEUE, id, true, entry, &error) != SPOOL_OPENED)
        fail_msg("%s", error.sentence);
}

static void set_outcome(struct entry *entry, size_t recipient, enum recipient_state state, int code,
                        const char *reply)
{
    struct error error;
    assert_true(
        envelope_set_outcome(&entry->envelope, recipient, state, code, slice_of(reply), &error));
}

static void record(struct entry *entry, int64_t when, const char *reason)
{
    struct record_try what = {.when = when, .next = when + 300, .counted = true, .reason = reason};
    struct error error;
    if (!entry_record_try(entry, &what, &error))
        fail_msg("%s", error.sentence);
}

static void assert_content(struct store *store, struct extent extent, const char *content)
{
    char *bytes = malloc((size_t)extent.length + 1);
    struct error error;
    assert_non_null(bytes);
    assert_int_equal(extent.length, strlen(content));
    assert_true(store_read(store, extent.offset, bytes, (size_t)extent.length, &error));
    assert_memory_equal(bytes, content, (size_t)extent.length);
    free(bytes);
}

static void test_what_is_added_comes_back(void **state)
{
    struct spool spool;
    struct entry entry;
    struct message message;
    struct error error;
    char id[SPOOL_ID_SIZE];
    (void)state;
    open_spool(&spool);
    add_small(&spool, 2, id);
    open_entry(&spool, id, &entry);
    assert_string_equal(entry.id, id);
    assert_int_equal(entry.owner, geteuid());
    assert_int_equal(entry.about.created, 1700000000);
    assert_int_equal(entry.next_try, 1700000300);
    assert_string_equal(entry.about.account, "work");
    assert_string_equal(entry.reason, "busy");
    assert_false(entry.about.report);
    assert_int_equal(entry.envelope.count, 2);
    assert_string_equal(entry.envelope.sender, "sender@example.com");
    assert_string_equal(entry.envelope.recipients[1].address, "recipient1@example.net");
    assert_true(entry_is_unfinished(&entry));
    message_init(&message, NULL);
    assert_true(entry_read_message(&entry, &message, &error));
    assert_content(&message.store, message.header, "Subject: small\r\n");
    assert_content(&message.store, message.body, "body\r\n");
    assert_int_equal(entry.size, message_size(&message));
    message_free(&message);
    entry_close(&entry);
    spool_close(&spool);
}

static void test_what_happened_is_remembered(void **state)
{
    struct spool spool;
    struct entry entry;
    struct error error;
    char id[SPOOL_ID_SIZE];
    (void)state;
    open_spool(&spool);
    add_small(&spool, 4, id);
    open_entry(&spool, id, &entry);
    set_outcome(&entry, 0, RECIPIENT_ACCEPTED, 250, "2.0.0 ok");
    set_outcome(&entry, 2, RECIPIENT_DEFERRED, 450, "busy \\ later");
    record(&entry, 1700000400, "some are busy");
    set_outcome(&entry, 1, RECIPIENT_REFUSED, 550, "no such user");
    set_outcome(&entry, 2, RECIPIENT_REFUSED, 550, "no such user");
    record(&entry, 1700000800, NULL);
    assert_true(entry_owes_report(&entry));
    assert_true(entry_record_mark(&entry, RECORD_REPORTED, &error));
    assert_false(entry_owes_report(&entry));
    set_outcome(&entry, 3, RECIPIENT_REFUSED, 554, "no");
    record(&entry, 1700000900, "over");
    assert_true(entry_record_mark(&entry, RECORD_HOLD, &error));
    entry_close(&entry);

    open_entry(&spool, id, &entry);
    assert_int_equal(entry.tries, 3);
    assert_int_equal(entry.last_try, 1700000900);
    assert_int_equal(entry.next_try, 1700001200);
    assert_string_equal(entry.reason, "over");
    assert_true(entry.held);
    assert_false(entry_is_unfinished(&entry));
    assert_int_equal(entry.envelope.recipients[0].state, RECIPIENT_ACCEPTED);
    assert_int_equal(entry.envelope.recipients[0].reply_code, 250);
    assert_string_equal(entry.envelope.recipients[0].reply, "2.0.0 ok");
    assert_string_equal(entry.envelope.recipients[2].reply, "no such user");
    assert_true(entry_is_told(&entry, 1) && entry_is_told(&entry, 2));
    assert_false(entry_is_told(&entry, 0) || entry_is_told(&entry, 3));
    assert_true(entry_owes_report(&entry));
    assert_true(entry_record_mark(&entry, RECORD_RELEASE, &error));
    assert_false(entry.held);
    entry_close(&entry);
    spool_close(&spool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_added_comes_back),
        cmocka_unit_test(test_what_happened_is_remembered),
    };
    return cmocka_run_group_tests(tests, make_home, remove_home);
}

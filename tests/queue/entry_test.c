/* Goal: what was added comes back octet by octet and word by word, what happened to it is never
 * forgotten, and a file that was cut off, changed or made up is either the entry as it was before
 * its last record, or none at all. */
#include "queue/entry.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/checksum.h"
#include "message/input.h"
#include "tests/queue/disk.h"
#include "tests/support/folder.h"

#include <cmocka.h>

static char home[64];
static char directory[80];
static const struct spool_options options = {.directory = directory, .max_size = 1 << 30};

/* Each test's own. */
static struct spool spool;
static struct error error;

static int set_up(void **state)
{
    (void)state;
    text_copy(home, sizeof home, "/tmp/entry_test.XXXXXX");
    if (mkdtemp(home) == NULL)
        return -1;
    snprintf(directory, sizeof directory, "%s/queue", home);
    return spool_open(&spool, &options, false, NULL, &error) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    spool_close(&spool);
    return folder_remove(home);
}

/* A message that came in through `place` (NULL: none). */
static void read_message(struct message *message, const struct store_place *place,
                         struct slice content)
{
    struct input_options how = {0};
    message_init(message, place);
    struct input *input = input_open(message, &how, &error);
    assert_true(input_add(input, content, &error));
    assert_true(input_end(input, &error));
}

static void add_recipients(struct envelope *envelope, size_t count)
{
    char address[64];
    assert_true(envelope_set_sender(envelope, "sender@example.com", &error));
    for (size_t i = 0; i < count; i++) {
        snprintf(address, sizeof address, "recipient%zu@example.net", i);
        assert_true(envelope_add(envelope, address, &error));
    }
}

static void add(struct message *message, struct envelope *envelope, char id[SPOOL_ID_SIZE])
{
    struct record_envelope about = {
        .created = 1700000000, .next = 1700000300, .account = "work", .reason = "busy"};
    if (!entry_add(&spool, message, envelope, &about, id, &error))
        fail_msg("%s", error.sentence);
}

/* An entry with `count` recipients and a small message. */
static void add_small(size_t count, char id[SPOOL_ID_SIZE])
{
    struct message message;
    struct envelope envelope = {0};
    read_message(&message, NULL, slice_of("Subject: small\r\n\r\nbody\r\n"));
    add_recipients(&envelope, count);
    add(&message, &envelope, id);
    assert_int_equal(envelope_count(&envelope, RECIPIENT_QUEUED), count);
    envelope_free(&envelope);
    message_free(&message);
}

static void open_entry(const char *id, struct entry *entry)
{
    if (entry_open(&spool, SPOOL_QUEUE, id, true, entry, &error) != SPOOL_OPENED)
        fail_msg("%s", error.sentence);
}

static void set_outcome(struct entry *entry, size_t recipient, enum recipient_state state, int code,
                        const char *reply)
{
    assert_true(
        envelope_set_outcome(&entry->envelope, recipient, state, code, slice_of(reply), &error));
}

static void record(struct entry *entry, int64_t when, const char *reason)
{
    struct record_try what = {.when = when, .next = when + 300, .counted = true, .reason = reason};
    if (!entry_record_try(entry, &what, &error))
        fail_msg("%s", error.sentence);
}

static void assert_content(struct store *store, struct extent extent, const char *content)
{
    char *bytes = malloc((size_t)extent.length + 1);
    assert_non_null(bytes);
    assert_int_equal(extent.length, strlen(content));
    assert_true(store_read(store, extent.offset, bytes, (size_t)extent.length, &error));
    assert_memory_equal(bytes, content, (size_t)extent.length);
    free(bytes);
}

static void test_what_is_added_comes_back(void **state)
{
    struct entry entry;
    struct message message;
    char id[SPOOL_ID_SIZE];
    (void)state;
    add_small(2, id);
    open_entry(id, &entry);
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
}

static void test_what_happened_is_remembered(void **state)
{
    struct entry entry;
    char id[SPOOL_ID_SIZE];
    (void)state;
    add_small(4, id);
    open_entry(id, &entry);
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

    open_entry(id, &entry);
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
}

/* --- where the bytes go ---------------------------------------------------------------------- */

static size_t count_entries(void)
{
    DIR *open = opendir(directory);
    size_t count = 0;
    assert_non_null(open);
    for (struct dirent *entry; (entry = readdir(open)) != NULL;)
        count += spool_is_id(slice_of(entry->d_name));
    closedir(open);
    return count;
}

static ino_t inode_of(const char *id)
{
    char path[160];
    struct stat status;
    snprintf(path, sizeof path, "%s/%s", directory, id);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_nlink, 1);
    return status.st_ino;
}

/* A message whose body has `lines` lines of 100 octets. */
static void read_large(struct message *message, const struct store_place *place, size_t lines)
{
    struct buffer content = {0};
    buffer_add_string(&content, "Subject: large\r\n\r\n");
    for (size_t i = 0; i < lines; i++) {
        char line[101];
        snprintf(line, sizeof line, "%098zu\r\n", i);
        buffer_add_string(&content, line);
    }
    read_message(message, place, buffer_slice(&content));
    buffer_free(&content);
}

static uint32_t sum_of(struct message *message, struct extent left, uint32_t sum)
{
    struct slice octets;
    char block[4096];
    do {
        assert_true(store_read_next(&message->store, &left, block, sizeof block, &octets, &error));
        sum = checksum_add(sum, octets);
    } while (octets.length > 0);
    return sum;
}

static bool same_content(struct message *a, struct message *b)
{
    return a->header.length == b->header.length && a->body.length == b->body.length &&
           sum_of(a, a->body, sum_of(a, a->header, 0)) ==
               sum_of(b, b->body, sum_of(b, b->header, 0));
}

static void assert_entry_is(const char *id, struct message *message)
{
    struct entry entry;
    struct message again;
    open_entry(id, &entry);
    assert_int_equal(entry.size, message_size(message));
    message_init(&again, NULL);
    if (!entry_read_message(&entry, &again, &error))
        fail_msg("%s", error.sentence);
    assert_true(same_content(message, &again));
    message_free(&again);
    entry_close(&entry);
}

static void add_one(struct message *message, char id[SPOOL_ID_SIZE])
{
    struct envelope envelope = {0};
    add_recipients(&envelope, 1);
    add(message, &envelope, id);
    envelope_free(&envelope);
}

/* The header is moved behind the body, as when it is mended. */
static void mend(struct message *message)
{
    static const char header[] = "Subject: mended\r\nDate: today\r\n";
    message->header.offset = store_size(&message->store);
    message->header.length = sizeof header - 1;
    assert_true(store_append(&message->store, slice_of(header), &error));
}

static void test_one_write_and_two_syncs(void **state)
{
    struct message message;
    char id[SPOOL_ID_SIZE];
    (void)state;
    read_message(&message, &spool.place, slice_of("Subject: small\r\n\r\nbody\r\n"));
    mend(&message);
    disk_reset();
    add_one(&message, id);
    assert_int_equal(disk.count[DISK_WRITE], 1);
    assert_int_equal(disk.count[DISK_SYNC], 2);
    assert_int_equal(disk.count[DISK_SYNC_DATA], 0);
    assert_entry_is(id, &message);
    message_free(&message);
}

/* Large enough for a file, the last part of which is still in memory. */
static void test_a_message_in_the_spool_is_linked_where_it_is(void **state)
{
    struct message message;
    struct stat status;
    char id[SPOOL_ID_SIZE], other[SPOOL_ID_SIZE];
    (void)state;
    read_large(&message, &spool.place, 10000);
    mend(&message);
    assert_true(message.store.fd >= 0 && message.store.memory.length > 0);
    disk_reset();
    add_one(&message, id);
    assert_int_equal(disk.count[DISK_WRITE], 2);
    assert_int_equal(disk.count[DISK_SYNC], 2);
    assert_int_equal(fstat(message.store.fd, &status), 0);
    assert_int_equal(status.st_ino, inode_of(id));
    /* Others may claim it although this message is still in use; the second time it is a copy. */
    assert_entry_is(id, &message);
    add_one(&message, other);
    assert_int_not_equal(inode_of(other), inode_of(id));
    assert_entry_is(other, &message);
    assert_entry_is(id, &message);
    message_free(&message);
}

/* The preamble could not be written, and then there are fewer recipients. */
static void test_what_an_attempt_left_behind_is_cut_off(void **state)
{
    struct message message;
    struct envelope envelope = {0};
    struct record_envelope about = {0};
    struct stat status;
    char id[SPOOL_ID_SIZE];
    (void)state;
    read_large(&message, &spool.place, 4000);
    add_recipients(&envelope, 100);
    disk_reset();
    disk.failing[DISK_WRITE] = 2;
    disk.reason = ENOSPC;
    assert_false(entry_add(&spool, &message, &envelope, &about, id, &error));
    disk_reset();
    envelope_forget(&envelope, 3);
    assert_true(entry_add(&spool, &message, &envelope, &about, id, &error));
    assert_int_equal(fstat(message.store.fd, &status), 0);
    assert_int_equal(status.st_ino, inode_of(id));
    assert_entry_is(id, &message);
    envelope_free(&envelope);
    message_free(&message);
}

static void test_a_message_elsewhere_is_copied(void **state)
{
    struct message message;
    char id[SPOOL_ID_SIZE];
    (void)state;
    read_large(&message, NULL, 10000);
    mend(&message);
    assert_true(message.store.fd >= 0);
    disk_reset();
    add_one(&message, id);
    assert_int_equal(disk.count[DISK_SYNC], 2);
    assert_entry_is(id, &message);
    message_free(&message);
}

/* What is no longer part of the message is not kept for days. */
static void test_a_file_of_leftovers_is_copied(void **state)
{
    struct message message;
    struct stat status;
    char id[SPOOL_ID_SIZE];
    size_t size = (size_t)ENTRY_UNUSED_LIMIT + 1;
    char *rest = calloc(1, size);
    (void)state;
    assert_non_null(rest);
    read_large(&message, &spool.place, 10000);
    assert_true(store_append(&message.store, slice_make(rest, size), &error));
    add_one(&message, id);
    assert_int_equal(fstat(message.store.fd, &status), 0);
    assert_int_not_equal(status.st_ino, inode_of(id));
    assert_entry_is(id, &message);
    message_free(&message);
    free(rest);
}

static void test_short_and_interrupted_writes(void **state)
{
    (void)state;
    for (int large = 0; large < 2; large++) {
        struct message message;
        char id[SPOOL_ID_SIZE];
        if (large)
            read_large(&message, NULL, 4000);
        else
            read_message(&message, NULL, slice_of("Subject: small\r\n\r\nbody\r\n"));
        disk_reset();
        disk.most = large ? 1000 : 1;
        disk.failing[DISK_WRITE] = 3;
        disk.reason = EINTR;
        add_one(&message, id);
        disk_reset();
        assert_entry_is(id, &message);
        message_free(&message);
    }
}

/* Each write and each sync fails once: nothing is queued then, and nothing says that it is. */
static void test_what_fails_is_not_queued(void **state)
{
    static const struct {
        size_t lines;
        bool in_place;
        enum disk_call call;
        int which, reason;
        const char *sentence;
    } cases[] = {
        {1, false, DISK_WRITE, 1, ENOSPC, "cannot be written in /tmp/"},
        {1, false, DISK_WRITE, 1, EDQUOT, "; make room there"},
        {1, false, DISK_WRITE, 1, EIO, "Input/output error"},
        {1, false, DISK_SYNC, 1, EIO, "cannot be synced in /tmp/"},
        {1, false, DISK_SYNC, 1, EINTR, "cannot be synced in /tmp/"},
        {1, false, DISK_SYNC, 2, EIO, "queue: "},
        {4000, true, DISK_WRITE, 1, ENOSPC, "; make room there"},
        {4000, true, DISK_WRITE, 2, ENOSPC, "; make room there"},
        {4000, true, DISK_SYNC, 1, ENOSPC, "; make room there"},
        {4000, true, DISK_SYNC, 2, EIO, "queue: "},
        {4000, false, DISK_WRITE, 1, ENOSPC, "; make room there"},
        {4000, false, DISK_WRITE, 4, ENOSPC, "; make room there"},
        {4000, false, DISK_SYNC, 1, EIO, "cannot be synced in /tmp/"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct message message;
        struct envelope envelope = {0};
        struct record_envelope about = {0};
        char id[SPOOL_ID_SIZE];
        size_t before = count_entries();
        read_large(&message, cases[i].in_place ? &spool.place : NULL, cases[i].lines);
        add_recipients(&envelope, 2);
        disk_reset();
        disk.failing[cases[i].call] = cases[i].which;
        disk.reason = cases[i].reason;
        assert_false(entry_add(&spool, &message, &envelope, &about, id, &error));
        assert_int_equal(disk.count[DISK_SYNC], cases[i].call == DISK_SYNC ? cases[i].which : 0);
        disk_reset();
        assert_int_equal(error.exit_code, EX_IOERR);
        assert_false(error.permanent);
        if (strstr(error.sentence, cases[i].sentence) == NULL)
            fail_msg("%s", error.sentence);
        assert_int_equal(envelope_count(&envelope, RECIPIENT_PENDING), 2);
        assert_int_equal(count_entries(), before);
        /* Once there is room, it goes. */
        assert_true(entry_add(&spool, &message, &envelope, &about, id, &error));
        assert_entry_is(id, &message);
        envelope_free(&envelope);
        message_free(&message);
    }
}

static void test_only_who_is_waiting_is_queued(void **state)
{
    struct message message;
    struct envelope envelope = {0};
    struct entry entry;
    struct record_envelope about = {0};
    char id[SPOOL_ID_SIZE];
    (void)state;
    read_message(&message, NULL, slice_of("\r\nbody\r\n"));
    add_recipients(&envelope, 5);
    envelope.recipients[0].state = RECIPIENT_ACCEPTED;
    envelope.recipients[1].state = RECIPIENT_REFUSED;
    envelope.recipients[2].state = RECIPIENT_DEFERRED;
    envelope.recipients[4].state = RECIPIENT_QUEUED;
    add(&message, &envelope, id);
    assert_int_equal(envelope.recipients[0].state, RECIPIENT_ACCEPTED);
    assert_int_equal(envelope.recipients[1].state, RECIPIENT_REFUSED);
    assert_int_equal(envelope_count(&envelope, RECIPIENT_QUEUED), 3);
    open_entry(id, &entry);
    assert_int_equal(entry.envelope.count, 2);
    assert_string_equal(entry.envelope.recipients[0].address, "recipient2@example.net");
    assert_int_equal(entry.envelope.recipients[0].state, RECIPIENT_DEFERRED);
    assert_string_equal(entry.envelope.recipients[1].address, "recipient3@example.net");
    entry_close(&entry);
    /* Nobody is left, or one whom nobody could read again. */
    assert_false(entry_add(&spool, &message, &envelope, &about, id, &error));
    assert_int_equal(error.exit_code, EX_SOFTWARE);
    envelope.recipients[3].state = RECIPIENT_PENDING;
    envelope.recipients[3].address = "not canonical@example.net";
    assert_false(entry_add(&spool, &message, &envelope, &about, id, &error));
    assert_int_equal(error.exit_code, EX_SOFTWARE);
    assert_int_equal(envelope.recipients[3].state, RECIPIENT_PENDING);
    envelope_free(&envelope);
    message_free(&message);
}

/* --- what happened --------------------------------------------------------------------------- */

static void test_no_outcome_is_no_change(void **state)
{
    struct entry entry;
    char id[SPOOL_ID_SIZE];
    (void)state;
    add_small(3, id);
    open_entry(id, &entry);
    set_outcome(&entry, 0, RECIPIENT_ACCEPTED, 250, "ok");
    set_outcome(&entry, 1, RECIPIENT_DEFERRED, 450, "busy");
    record(&entry, 1, "first");
    uint64_t end = entry.journal.end;
    /* As a runner leaves it that offered them the message again and was cut off. */
    entry.envelope.recipients[0].state = RECIPIENT_PENDING;
    entry.envelope.recipients[1].state = RECIPIENT_PENDING;
    entry.envelope.recipients[2].state = RECIPIENT_OFFERED;
    record(&entry, 2, NULL);
    assert_true(entry.journal.end - end < 50);
    set_outcome(&entry, 1, RECIPIENT_DEFERRED, 450, "busier");
    record(&entry, 3, NULL);
    entry_close(&entry);
    open_entry(id, &entry);
    assert_int_equal(entry.envelope.recipients[0].state, RECIPIENT_ACCEPTED);
    assert_int_equal(entry.envelope.recipients[1].state, RECIPIENT_DEFERRED);
    assert_string_equal(entry.envelope.recipients[1].reply, "busier");
    assert_int_equal(entry.envelope.recipients[2].state, RECIPIENT_PENDING);
    assert_null(entry.reason);
    assert_int_equal(entry.tries, 3);
    entry_close(&entry);
}

static void test_a_released_entry_is_due(void **state)
{
    struct entry entry;
    char id[SPOOL_ID_SIZE];
    (void)state;
    add_small(1, id);
    for (int release = 0; release < 2; release++) {
        open_entry(id, &entry);
        assert_true(entry_record_mark(&entry, release ? RECORD_RELEASE : RECORD_HOLD, &error));
        assert_int_equal(entry.next_try, release ? 0 : 1700000300);
        entry_close(&entry);
        open_entry(id, &entry);
        assert_int_equal(entry.held, !release);
        assert_int_equal(entry.next_try, release ? 0 : 1700000300);
        entry_close(&entry);
    }
}

/* A record costs one write and one sync, and none is believed after one that failed. */
static void test_what_cannot_be_recorded(void **state)
{
    static const struct {
        enum disk_call call;
        int reason;
        size_t most;
        bool again; /* whether the next one goes */
    } cases[] = {
        {DISK_WRITE, ENOSPC, 0, true},
        {DISK_WRITE, EIO, 5, true}, /* the second write of one record */
        {DISK_SYNC_DATA, EIO, 0, false},
        {DISK_SYNC_DATA, ENOSPC, 0, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct entry entry;
        struct stat status;
        struct record_try what = {.when = 7};
        char id[SPOOL_ID_SIZE];
        add_small(2, id);
        open_entry(id, &entry);
        set_outcome(&entry, 0, RECIPIENT_ACCEPTED, 250, "ok");
        disk_reset();
        record(&entry, 1, NULL);
        assert_int_equal(disk.count[DISK_WRITE], 1);
        assert_int_equal(disk.count[DISK_SYNC_DATA], 1);
        assert_int_equal(disk.count[DISK_TRUNCATE] + disk.count[DISK_SYNC], 0);

        uint64_t end = entry.journal.end;
        disk_reset();
        disk.most = cases[i].most;
        disk.failing[cases[i].call] = cases[i].most > 0 ? 2 : 1;
        disk.reason = cases[i].reason;
        set_outcome(&entry, 1, RECIPIENT_ACCEPTED, 250, "ok");
        assert_false(entry_record_try(&entry, &what, &error));
        assert_int_equal(error.exit_code, EX_IOERR);
        assert_non_null(strstr(error.sentence, id));
        assert_int_equal(fstat(entry.fd, &status), 0);
        assert_int_equal(status.st_size, end);
        assert_int_equal(entry.last_try, 1);
        disk_reset();
        assert_int_equal(entry_record_try(&entry, &what, &error), cases[i].again);
        assert_int_equal(disk.count[DISK_SYNC_DATA], cases[i].again ? 1 : 0);
        entry_close(&entry);
        open_entry(id, &entry);
        assert_int_equal(entry.envelope.recipients[0].state, RECIPIENT_ACCEPTED);
        assert_int_equal(entry.envelope.recipients[1].state,
                         cases[i].again ? RECIPIENT_ACCEPTED : RECIPIENT_PENDING);
        entry_close(&entry);
    }
}

/* What could neither be synced nor be cut off. */
static void test_a_tear_that_stays_is_cut_off_and_synced_first(void **state)
{
    struct entry entry;
    struct record_try what = {.when = 7};
    char id[SPOOL_ID_SIZE];
    (void)state;
    add_small(1, id);
    open_entry(id, &entry);
    disk_reset();
    disk.most = 10;
    disk.failing[DISK_WRITE] = 3;
    disk.failing[DISK_TRUNCATE] = 1;
    disk.reason = EIO;
    assert_false(entry_record_try(&entry, &what, &error));
    disk_reset();
    record(&entry, 8, "short");
    assert_int_equal(disk.count[DISK_TRUNCATE], 1);
    assert_int_equal(disk.count[DISK_SYNC_DATA], 2);
    entry_close(&entry);
    open_entry(id, &entry);
    assert_int_equal(entry.last_try, 8);
    assert_int_equal(entry.tries, 1);
    entry_close(&entry);
}

/* --- cut off, changed, made up --------------------------------------------------------------- */

enum { STEPS = 4, FILE_MOST = 2000 };

/* An entry's file, and what it said when it was as long as `ends` says. */
struct history {
    char id[SPOOL_ID_SIZE], path[160];
    char bytes[FILE_MOST];
    size_t size, part; /* of the file; the end of the message part */
    size_t ends[STEPS];
    char said[STEPS][80];
};

static void describe(const struct entry *entry, char said[80])
{
    struct text text;
    text_init(&text, said, 80);
    for (size_t i = 0; i < entry->envelope.count; i++)
        text_add_format(&text, "%d/%d%s ", entry->envelope.recipients[i].state,
                        entry->envelope.recipients[i].reply_code,
                        entry_is_told(entry, i) ? "*" : "");
    text_add_format(&text, "%u %lld %d", entry->tries, (long long)entry->last_try, entry->held);
    assert_false(text.overflow);
}

static void step(struct history *history, int number, const struct entry *entry)
{
    history->ends[number] = (size_t)entry->journal.end;
    describe(entry, history->said[number]);
}

static void write_history(struct history *history)
{
    struct entry entry;
    add_small(3, history->id);
    snprintf(history->path, sizeof history->path, "%s/%s", directory, history->id);
    open_entry(history->id, &entry);
    history->part = (size_t)(RECORD_PREAMBLE + entry.preamble.length);
    step(history, 0, &entry);
    set_outcome(&entry, 0, RECIPIENT_ACCEPTED, 250, "2.0.0 ok");
    set_outcome(&entry, 1, RECIPIENT_REFUSED, 550, "no");
    set_outcome(&entry, 2, RECIPIENT_DEFERRED, 450, "busy");
    record(&entry, 100, "busy");
    step(history, 1, &entry);
    assert_true(entry_record_mark(&entry, RECORD_REPORTED, &error));
    step(history, 2, &entry);
    set_outcome(&entry, 2, RECIPIENT_ACCEPTED, 250, "2.0.0 ok");
    record(&entry, 200, NULL);
    step(history, 3, &entry);
    entry_close(&entry);
    int fd = open(history->path, O_RDONLY | O_CLOEXEC);
    ssize_t size = read(fd, history->bytes, FILE_MOST);
    assert_true(size > 0 && size < FILE_MOST);
    history->size = (size_t)size;
    assert_int_equal(history->ends[3], history->size);
    close(fd);
}

static void write_file(const char *path, struct slice bytes)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    /* Some file systems write a file out at once that was cut off to nothing. */
    assert_int_equal(ftruncate(fd, (off_t)bytes.length), 0);
    assert_int_equal(write(fd, bytes.bytes, bytes.length), bytes.length);
    close(fd);
}

/* Which step the file tells of as it is now; -1 when it is damaged. */
static int find_step(struct history *history)
{
    struct entry entry;
    error = (struct error){.exit_code = EX_OK};
    char said[80], start[40];
    enum spool_opened opened = entry_open(&spool, SPOOL_QUEUE, history->id, true, &entry, &error);
    if (opened != SPOOL_OPENED) {
        snprintf(start, sizeof start, "queue: %s: ", history->id);
        assert_int_equal(opened, SPOOL_FOREIGN);
        assert_int_equal(error.exit_code, EX_DATAERR);
        assert_int_equal(strncmp(error.sentence, start, strlen(start)), 0);
        return -1;
    }
    describe(&entry, said);
    entry_close(&entry);
    for (int i = 0; i < STEPS; i++)
        if (strcmp(said, history->said[i]) == 0)
            return i;
    fail_msg("never said: %s", said);
    return -1;
}

/* The last step that was complete when the file had `size` octets. */
static int step_at(const struct history *history, size_t size)
{
    int step = -1;
    while (step + 1 < STEPS && history->ends[step + 1] <= size)
        step++;
    return step;
}

static void test_cut_off_at_every_octet(void **state)
{
    struct history history;
    (void)state;
    write_history(&history);
    for (size_t size = 0; size <= history.size; size++) {
        write_file(history.path, slice_make(history.bytes, size));
        assert_int_equal(find_step(&history), step_at(&history, size));
    }
}

/* It goes on where it was cut off, as if nothing had been there. */
static void test_what_was_cut_off_goes_on(void **state)
{
    struct history history;
    struct entry entry;
    struct stat status;
    (void)state;
    write_history(&history);
    for (size_t size = history.ends[0]; size <= history.size; size++) {
        write_file(history.path, slice_make(history.bytes, size));
        open_entry(history.id, &entry);
        assert_int_equal(entry.journal.end, history.ends[step_at(&history, size)]);
        assert_true(entry_record_mark(&entry, RECORD_HOLD, &error));
        assert_int_equal(fstat(entry.fd, &status), 0);
        assert_int_equal(status.st_size, entry.journal.end);
        entry_close(&entry);
        open_entry(history.id, &entry);
        assert_true(entry.held);
        entry_close(&entry);
    }
}

/* No bit of what was synced is changed without being noticed, the last record's included. */
static void test_every_bit_flipped(void **state)
{
    struct history history;
    (void)state;
    write_history(&history);
    for (size_t bit = 0; bit < 8 * history.size; bit++) {
        bool in_message = bit / 8 >= RECORD_PREAMBLE && bit / 8 < history.part;
        history.bytes[bit / 8] ^= (char)(1 << bit % 8);
        write_file(history.path, slice_make(history.bytes, history.size));
        assert_int_equal(find_step(&history), in_message ? STEPS - 1 : -1);
        history.bytes[bit / 8] ^= (char)(1 << bit % 8);
    }
}

/* In a file that was cut off as well, there is no more in it than the records before the cut. */
static void test_cut_off_and_flipped(void **state)
{
    struct history history;
    (void)state;
    write_history(&history);
    for (size_t size = history.ends[0]; size < history.size; size += 7)
        for (size_t bit = 8 * history.part; bit < 8 * size; bit += 3) {
            history.bytes[bit / 8] ^= (char)(1 << bit % 8);
            write_file(history.path, slice_make(history.bytes, size));
            int step = find_step(&history);
            assert_true(step == -1 || step == step_at(&history, size));
            assert_true(step == -1 || bit / 8 >= history.ends[step]);
            history.bytes[bit / 8] ^= (char)(1 << bit % 8);
        }
}

static void test_the_message_flipped_or_cut_off(void **state)
{
    struct history history;
    struct entry entry;
    struct message message;
    (void)state;
    write_history(&history);
    for (size_t bit = 8 * RECORD_PREAMBLE; bit < 8 * history.part; bit++) {
        history.bytes[bit / 8] ^= (char)(1 << bit % 8);
        write_file(history.path, slice_make(history.bytes, history.size));
        open_entry(history.id, &entry);
        message_init(&message, NULL);
        assert_false(entry_read_message(&entry, &message, &error));
        assert_int_equal(error.exit_code, EX_DATAERR);
        message_free(&message);
        entry_close(&entry);
        history.bytes[bit / 8] ^= (char)(1 << bit % 8);
    }
    /* By its owner, while it is open. */
    write_file(history.path, slice_make(history.bytes, history.size));
    open_entry(history.id, &entry);
    assert_int_equal(truncate(history.path, RECORD_PREAMBLE + 3), 0);
    message_init(&message, NULL);
    assert_false(entry_read_message(&entry, &message, &error));
    assert_int_equal(error.exit_code, EX_IOERR);
    message_free(&message);
    entry_close(&entry);
}

/* After a power loss a file may be as long as it was to become, and its end never written. */
static void test_zeroes_at_the_end(void **state)
{
    static const size_t more[] = {1, 15, 16, 17, 4096, 100000};
    struct history history;
    char *bytes = calloc(1, FILE_MOST + 100000);
    (void)state;
    assert_non_null(bytes);
    write_history(&history);
    for (size_t from = history.ends[2]; from < history.size; from++) {
        memset(bytes, 0, FILE_MOST);
        memcpy(bytes, history.bytes, from);
        write_file(history.path, slice_make(bytes, history.size));
        assert_int_equal(find_step(&history), 2);
    }
    /* What had been synced must not be lost like that, but may: then it is noticed, or said what
     * was so before. */
    for (size_t from = history.ends[0]; from < history.ends[2]; from++) {
        memset(bytes, 0, FILE_MOST);
        memcpy(bytes, history.bytes, from);
        write_file(history.path, slice_make(bytes, history.size));
        assert_true(find_step(&history) <= step_at(&history, from));
    }
    memcpy(bytes, history.bytes, history.size);
    for (size_t i = 0; i < sizeof more / sizeof more[0]; i++) {
        write_file(history.path, slice_make(bytes, history.size + more[i]));
        assert_int_equal(find_step(&history), STEPS - 1);
    }
    /* More than any record has room for was not left by us. */
    assert_int_equal(truncate(history.path, (off_t)history.size + RECORD_LIMIT + 100), 0);
    assert_int_equal(find_step(&history), -1);
    free(bytes);
}

static void test_something_else_at_the_end(void **state)
{
    struct history history;
    (void)state;
    write_history(&history);
    memset(history.bytes + history.size, 'x', 20);
    write_file(history.path, slice_make(history.bytes, history.size + RECORD_HEAD - 1));
    assert_int_equal(find_step(&history), STEPS - 1);
    write_file(history.path, slice_make(history.bytes, history.size + RECORD_HEAD + 1));
    assert_int_equal(find_step(&history), -1);
    /* Its envelope once more. */
    size_t length = history.ends[0] - history.part;
    memcpy(history.bytes + history.size, history.bytes + history.part, length);
    write_file(history.path, slice_make(history.bytes, history.size + length));
    assert_int_equal(find_step(&history), -1);
}

/* An entry made by hand: `size` octets for the message part, most of them a hole. */
static void plant(const char *path, uint64_t length, uint32_t sum, struct extent header,
                  struct extent body)
{
    struct record_preamble preamble = {.length = length, .checksum = sum};
    struct record_envelope about = {.header = header, .body = body};
    struct envelope envelope = {.sender = ""};
    struct buffer records = {0};
    char bytes[RECORD_PREAMBLE];
    record_put_preamble(bytes, &preamble);
    write_file(path, slice_make(bytes, sizeof bytes));
    assert_true(envelope_add(&envelope, "a@b.example", &error));
    assert_true(record_put_envelope(&records, &about, &envelope, &error));
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (length < UINT64_C(1) << 42)
        assert_int_equal(
            pwrite(fd, records.bytes, records.length, (off_t)(RECORD_PREAMBLE + length)),
            records.length);
    close(fd);
    envelope_free(&envelope);
    buffer_free(&records);
}

static void test_lengths_that_lie(void **state)
{
    static const struct {
        uint64_t length;
        struct extent header, body;
        bool good;
    } cases[] = {
        {20, {0, 10}, {10, 10}, true},
        {20, {10, 10}, {0, 10}, true},
        {20, {0, 0}, {0, 0}, true},
        {20, {5, 5}, {20, 0}, true},
        {20, {0, 10}, {10, 11}, false},
        {20, {0, 20}, {0, 20}, false},
        {20, {21, 0}, {0, 20}, false},
        {20, {UINT64_MAX, 2}, {0, 10}, false},
        {20, {2, UINT64_MAX}, {0, 10}, false},
        {20, {0, UINT64_MAX}, {0, UINT64_MAX}, false},
        {20, {UINT64_MAX - 5, 10}, {0, 10}, false},
        {2 << 20, {0, 10}, {10, 10}, false}, /* to be read for nothing */
        {UINT64_MAX, {0, 10}, {10, 10}, false},
        {UINT64_MAX - RECORD_PREAMBLE, {0, 10}, {10, 10}, false},
        {UINT64_C(1) << 63, {0, 10}, {10, 10}, false},
    };
    char path[160];
    static const char id[] = "planted123456789";
    (void)state;
    snprintf(path, sizeof path, "%s/%s", directory, id);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct entry entry;
        plant(path, cases[i].length, 0, cases[i].header, cases[i].body);
        enum spool_opened opened = entry_open(&spool, SPOOL_QUEUE, id, true, &entry, &error);
        assert_int_equal(opened, cases[i].good ? SPOOL_OPENED : SPOOL_FOREIGN);
        if (opened == SPOOL_OPENED)
            entry_close(&entry);
        else if (strstr(error.sentence, "queue: planted123456789: damaged: ") == NULL)
            fail_msg("%s", error.sentence);
    }
}

static void test_a_journal_without_end(void **state)
{
    struct history history;
    (void)state;
    write_history(&history);
    write_file(history.path, slice_make(history.bytes, history.size));
    assert_int_equal(truncate(history.path, (off_t)600 << 20), 0);
    assert_int_equal(find_step(&history), -1);
}

/* A message that only its author could have put so: nothing but its checksum is right. */
static void test_a_message_that_lies_is_read_as_from_outside(void **state)
{
    static const char part[] = "From: a\nBcc: b\rc\n\n\n.\r\nQUIT\n.\0x";
    struct extent header = {0, 17}, body = {17, sizeof part - 1 - 17};
    struct entry entry;
    struct message message;
    char path[160];
    static const char id[] = "planted123456780";
    (void)state;
    snprintf(path, sizeof path, "%s/%s", directory, id);
    struct slice octets = slice_make(part, sizeof part - 1);
    plant(path, octets.length, checksum_add(0, octets), header, body);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite(fd, part, sizeof part - 1, RECORD_PREAMBLE), sizeof part - 1);
    close(fd);
    open_entry(id, &entry);
    message_init(&message, NULL);
    assert_true(entry_read_message(&entry, &message, &error));
    assert_content(&message.store, message.header, "From: a\r\nBcc: b c\r\n");
    assert_int_equal(message.body.length, strlen("\r\n\r\n.\r\nQUIT\r\n.") + 4);
    assert_true(message.body_nul);
    message_free(&message);
    entry_close(&entry);
}

/* A hundred thousand recipients, each with a reply of its own. */
static void test_many_recipients(void **state)
{
    enum { MANY = 100000 };
    struct entry entry;
    char id[SPOOL_ID_SIZE], reply[64];
    (void)state;
    add_small(MANY, id);
    open_entry(id, &entry);
    assert_int_equal(entry.envelope.count, MANY);
    for (size_t i = 0; i < MANY; i++) {
        snprintf(reply, sizeof reply, "busy, come back to %zu", i);
        set_outcome(&entry, i, i % 3 == 0 ? RECIPIENT_ACCEPTED : RECIPIENT_DEFERRED, 450, reply);
    }
    record(&entry, 1, NULL);
    uint64_t end = entry.journal.end;
    record(&entry, 2, NULL);
    assert_true(entry.journal.end - end < 50);
    entry_close(&entry);
    open_entry(id, &entry);
    assert_int_equal(envelope_count(&entry.envelope, RECIPIENT_ACCEPTED), MANY / 3 + 1);
    assert_string_equal(entry.envelope.recipients[MANY - 1].reply, reply);
    assert_int_equal(entry.tries, 2);
    entry_close(&entry);
}

/* Servers that say something else each time must not fill the disk. */
static void test_replies_without_end(void **state)
{
    enum { MANY = 60000 };
    struct entry entry;
    char id[SPOOL_ID_SIZE], reply[TEXT_SHOWN_LIMIT];
    uint64_t start = 0;
    (void)state;
    add_small(MANY, id);
    open_entry(id, &entry);
    start = entry.journal.end;
    for (int try = 0; try < 4; try++) {
        for (size_t i = 0; i < MANY; i++) {
            snprintf(reply, sizeof reply, "%0200zu", i + (size_t)try);
            set_outcome(&entry, i, RECIPIENT_DEFERRED, 450, reply);
        }
        record(&entry, 1, NULL);
    }
    assert_true(entry.journal.end - start < 2 * (uint64_t)RECORD_REPLIES_LIMIT);
    entry_close(&entry);
    open_entry(id, &entry);
    assert_int_equal(envelope_count(&entry.envelope, RECIPIENT_DEFERRED), MANY);
    assert_non_null(entry.envelope.recipients[0].reply);
    assert_null(entry.envelope.recipients[MANY - 1].reply);
    entry_close(&entry);
}

/* Who only looks is not in the way, and reads what is there while somebody writes. */
static void test_looking_without_a_claim(void **state)
{
    struct entry mine, theirs;
    char id[SPOOL_ID_SIZE];
    (void)state;
    add_small(1, id);
    open_entry(id, &mine);
    assert_int_equal(entry_open(&spool, SPOOL_QUEUE, id, true, &theirs, &error), SPOOL_BUSY);
    assert_int_equal(entry_open(&spool, SPOOL_QUEUE, id, false, &theirs, &error), SPOOL_OPENED);
    assert_true(entry_is_unfinished(&theirs));
    entry_close(&theirs);
    set_outcome(&mine, 0, RECIPIENT_ACCEPTED, 250, "ok");
    record(&mine, 1, NULL);
    assert_int_equal(entry_open(&spool, SPOOL_QUEUE, id, false, &theirs, &error), SPOOL_OPENED);
    assert_false(entry_is_unfinished(&theirs));
    entry_close(&theirs);
    entry_close(&mine);
    assert_int_equal(entry_open(&spool, SPOOL_QUEUE, "0000000000000000", true, &mine, &error),
                     SPOOL_GONE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_what_is_added_comes_back),
        TEST(test_what_happened_is_remembered),
        TEST(test_one_write_and_two_syncs),
        TEST(test_a_message_in_the_spool_is_linked_where_it_is),
        TEST(test_what_an_attempt_left_behind_is_cut_off),
        TEST(test_a_message_elsewhere_is_copied),
        TEST(test_a_file_of_leftovers_is_copied),
        TEST(test_short_and_interrupted_writes),
        TEST(test_what_fails_is_not_queued),
        TEST(test_only_who_is_waiting_is_queued),
        TEST(test_no_outcome_is_no_change),
        TEST(test_a_released_entry_is_due),
        TEST(test_what_cannot_be_recorded),
        TEST(test_a_tear_that_stays_is_cut_off_and_synced_first),
        TEST(test_cut_off_at_every_octet),
        TEST(test_what_was_cut_off_goes_on),
        TEST(test_every_bit_flipped),
        TEST(test_cut_off_and_flipped),
        TEST(test_the_message_flipped_or_cut_off),
        TEST(test_zeroes_at_the_end),
        TEST(test_something_else_at_the_end),
        TEST(test_lengths_that_lie),
        TEST(test_a_journal_without_end),
        TEST(test_a_message_that_lies_is_read_as_from_outside),
        TEST(test_many_recipients),
        TEST(test_replies_without_end),
        TEST(test_looking_without_a_claim),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

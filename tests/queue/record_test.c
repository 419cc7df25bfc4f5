/* Goal: what is put comes back the same, and of bytes that somebody else made up nothing is
 * believed that could not have been put. What is cut off or changed: tests/queue/entry_test.c. */
#include "queue/record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checksum.h"

#include <cmocka.h>

enum { VERSION_AT = 16 };

static void add(struct envelope *envelope, const char *address)
{
    struct error error;
    assert_true(envelope_add(envelope, address, &error));
}

/* The payload of the only record in `records`. */
static struct slice payload_of(const struct buffer *records, enum record_kind expected)
{
    struct slice rest = buffer_slice(records), payload = {0};
    enum record_kind kind = RECORD_HOLD;
    assert_int_equal(record_span(rest, rest.length), rest.length);
    assert_int_equal(record_next(&rest, &kind, &payload), RECORD_FOUND);
    assert_int_equal(kind, expected);
    assert_int_equal(rest.length, 0);
    assert_int_equal(record_next(&rest, &kind, &payload), RECORD_END);
    return payload;
}

static void test_preamble(void **state)
{
    struct record_preamble in = {.length = UINT64_C(0x123456789abc), .checksum = 0xdeadbeef}, out;
    char bytes[RECORD_PREAMBLE];
    struct error error;
    (void)state;
    record_put_preamble(bytes, &in);
    assert_true(record_get_preamble(bytes, &out, &error));
    assert_int_equal(out.length, in.length);
    assert_int_equal(out.checksum, in.checksum);
    for (size_t bit = 0; bit < 8 * sizeof bytes; bit++) {
        bytes[bit / 8] ^= (char)(1 << bit % 8);
        assert_false(record_get_preamble(bytes, &out, &error));
        assert_int_equal(error.exit_code, EX_DATAERR);
        bytes[bit / 8] ^= (char)(1 << bit % 8);
    }
}

static void test_another_version_is_named(void **state)
{
    struct record_preamble preamble = {.length = 1};
    char bytes[RECORD_PREAMBLE];
    struct error error;
    (void)state;
    record_put_preamble(bytes, &preamble);
    bytes[VERSION_AT] = 7;
    uint32_t sum = checksum_add(0, slice_make(bytes, RECORD_PREAMBLE - 4));
    for (int i = 0; i < 4; i++)
        bytes[RECORD_PREAMBLE - 4 + i] = (char)(sum >> 8 * i);
    assert_false(record_get_preamble(bytes, &preamble, &error));
    assert_string_equal(error.sentence, "in format version 7, and only 1 is known here");
}

static void fill_envelope(struct envelope *envelope)
{
    struct error error;
    assert_true(envelope_set_sender(envelope, "sender@example.com", &error));
    assert_true(envelope_set_id(envelope, "id+2B1", &error));
    envelope->returned = DSN_RETURN_HEADERS;
    add(envelope, "a@example.net");
    add(envelope, "gone@example.net");
    add(envelope, "\"b b\"@example.net");
    add(envelope, "c\xc3\xa9@[192.0.2.1]");
    envelope->recipients[0].original = "rfc822;staff";
    envelope->recipients[0].notify = DSN_FAILURE | DSN_DELAY;
    envelope->recipients[1].state = RECIPIENT_ACCEPTED;
    envelope->recipients[2].original = "rfc822;staff";
    envelope->recipients[2].notify = DSN_NEVER;
    assert_true(
        envelope_set_outcome(envelope, 2, RECIPIENT_DEFERRED, 450, slice_of("later"), &error));
    assert_true(
        envelope_set_outcome(envelope, 3, RECIPIENT_DEFERRED, 450, slice_of("later"), &error));
}

static void test_envelope(void **state)
{
    struct record_envelope in = {.created = 1700000000,
                                 .next = 1700000001,
                                 .header = {3, 4},
                                 .body = {UINT64_C(1) << 40, 5},
                                 .report = true,
                                 .account = "w\xc3\xb6rk",
                                 .reason = "no \x07 bell"};
    struct record_envelope out;
    struct envelope envelope = {0}, read = {0};
    struct buffer records = {0};
    struct error error;
    (void)state;
    fill_envelope(&envelope);
    assert_true(record_put_envelope(&records, &in, &envelope, &error));
    assert_true(record_get_envelope(payload_of(&records, RECORD_ENVELOPE), &out, &read, &error));
    assert_int_equal(out.created, in.created);
    assert_int_equal(out.next, in.next);
    assert_memory_equal(&out.header, &in.header, sizeof in.header);
    assert_memory_equal(&out.body, &in.body, sizeof in.body);
    assert_true(out.report);
    assert_string_equal(out.account, in.account);
    assert_string_equal(out.reason, "no ? bell");
    assert_string_equal(read.sender, envelope.sender);
    assert_string_equal(read.id, envelope.id);
    assert_int_equal(read.returned, DSN_RETURN_HEADERS);
    assert_true(read.needs_utf8);
    assert_int_equal(read.count, 3);
    assert_string_equal(read.recipients[0].address, "a@example.net");
    assert_string_equal(read.recipients[0].original, "rfc822;staff");
    assert_int_equal(read.recipients[0].notify, DSN_FAILURE | DSN_DELAY);
    assert_int_equal(read.recipients[0].state, RECIPIENT_PENDING);
    assert_null(read.recipients[0].reply);
    assert_string_equal(read.recipients[1].address, "\"b b\"@example.net");
    assert_string_equal(read.recipients[1].original, "rfc822;staff");
    assert_int_equal(read.recipients[1].notify, DSN_NEVER);
    assert_int_equal(read.recipients[1].state, RECIPIENT_DEFERRED);
    assert_string_equal(read.recipients[2].address, envelope.recipients[3].address);
    assert_null(read.recipients[2].original);
    assert_int_equal(read.recipients[2].reply_code, 450);
    assert_string_equal(read.recipients[2].reply, "later");
    envelope_free(&envelope);
    envelope_free(&read);
    buffer_free(&records);
}

/* Clocks may say anything, and there need not be more than one recipient and the null sender. */
static void test_least_envelope(void **state)
{
    static const struct {
        int64_t put, got;
    } times[] = {{0, 0}, {-1, 0}, {INT64_MIN, 0}, {INT64_MAX, INT64_C(1) << 48}};
    (void)state;
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        struct record_envelope in = {.created = times[i].put}, out;
        struct envelope envelope = {.sender = ""}, read = {0};
        struct buffer records = {0};
        struct error error;
        add(&envelope, "a@b");
        assert_true(record_put_envelope(&records, &in, &envelope, &error));
        assert_true(
            record_get_envelope(payload_of(&records, RECORD_ENVELOPE), &out, &read, &error));
        assert_int_equal(out.created, times[i].got);
        assert_null(out.account);
        assert_null(out.reason);
        assert_null(read.id);
        assert_string_equal(read.sender, "");
        envelope_free(&envelope);
        envelope_free(&read);
        buffer_free(&records);
    }
}

/* An envelope that was put as it is, though nobody should: what is wrong is found by who reads. */
static void test_lies_in_the_envelope(void **state)
{
    static const struct {
        const char *sender, *id, *address, *original, *account;
        unsigned char notify;
        const char *sentence;
    } cases[] = {
        {"", NULL, "a@b.example", NULL, NULL, 0, NULL},
        {"Name <a@b.example>", NULL, "a@b.example", NULL, NULL, 0, "sender"},
        {NULL, NULL, "a@b.example", NULL, NULL, 0, "sender"},
        {"bare", NULL, "a@b.example", NULL, NULL, 0, "sender"},
        {"", NULL, "", NULL, NULL, 0, "recipient"},
        {"", NULL, "bare", NULL, NULL, 0, "recipient"},
        {"", NULL, "a@B.example", NULL, NULL, 0, "recipient"},
        {"", NULL, "a@b.example ", NULL, NULL, 0, "recipient"},
        {"", NULL, "<a@b.example>", NULL, NULL, 0, "recipient"},
        {"", NULL, "a@b.example,c@d.example", NULL, NULL, 0, "recipient"},
        {"", NULL, "a(comment)@b.example", NULL, NULL, 0, "recipient"},
        {"", NULL, "\"a\"@b.example", NULL, NULL, 0, "recipient"},
        {"", NULL, "a\r\nRCPT TO:<c@d>@b.example", NULL, NULL, 0, "recipient"},
        {"", NULL, "a\x01@b.example", NULL, NULL, 0, "recipient"},
        {"", NULL, "a@b\xc3\xa9.example", NULL, NULL, 0, "recipient"},
        {"", NULL, "a@b..example", NULL, NULL, 0, "recipient"},
        {"", NULL, "a@[300.0.2.1]", NULL, NULL, 0, "recipient"},
        {"", "id", "a@b.example", NULL, NULL, 0, NULL},
        {"", "", "a@b.example", NULL, NULL, 0, "envelope"},
        {"", "a b", "a@b.example", NULL, NULL, 0, "envelope"},
        {"", "a\r\nb", "a@b.example", NULL, NULL, 0, "envelope"},
        {"", NULL, "a@b.example", "rfc822;a", NULL, 0, NULL},
        {"", NULL, "a@b.example", "rfc822", NULL, 0, "envelope"},
        {"", NULL, "a@b.example", "rfc822;a b", NULL, 0, "envelope"},
        {"", NULL, "a@b.example", NULL, "work\nhome", 0, "envelope"},
        {"", NULL, "a@b.example", NULL, NULL, DSN_NEVER | DSN_DELAY, "envelope"},
        {"", NULL, "a@b.example", NULL, NULL, 16, "envelope"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct record_envelope in = {.account = cases[i].account}, out;
        struct envelope envelope = {.sender = cases[i].sender, .id = cases[i].id}, read = {0};
        struct buffer records = {0};
        struct error error = {.exit_code = EX_OK, .sentence = ""};
        add(&envelope, "x@y");
        envelope.recipients[0].address = cases[i].address;
        envelope.recipients[0].original = cases[i].original;
        envelope.recipients[0].notify = cases[i].notify;
        assert_true(record_put_envelope(&records, &in, &envelope, &error));
        bool good = record_get_envelope(payload_of(&records, RECORD_ENVELOPE), &out, &read, &error);
        assert_int_equal(good, cases[i].sentence == NULL);
        if (!good) {
            assert_int_equal(error.exit_code, EX_DATAERR);
            assert_non_null(strstr(error.sentence, "damaged: "));
            assert_non_null(strstr(error.sentence, cases[i].sentence));
        }
        envelope_free(&envelope);
        envelope_free(&read);
        buffer_free(&records);
    }
}

static void test_nobody_is_there_twice(void **state)
{
    struct record_envelope what = {0};
    struct envelope envelope = {.sender = ""}, read = {0};
    struct buffer records = {0};
    struct error error;
    (void)state;
    add(&envelope, "a@b");
    add(&envelope, "b@b");
    envelope.recipients[1].address = "a@b";
    assert_true(record_put_envelope(&records, &what, &envelope, &error));
    assert_false(record_get_envelope(payload_of(&records, RECORD_ENVELOPE), &what, &read, &error));
    assert_string_equal(error.sentence, "damaged: recipient \"a@b\" is there twice");
    envelope_free(&envelope);
    envelope_free(&read);
    buffer_free(&records);
}

static void test_nobody_is_there(void **state)
{
    struct record_envelope what = {0};
    struct envelope envelope = {.sender = ""}, read = {0};
    struct buffer records = {0};
    struct error error;
    (void)state;
    add(&envelope, "a@b");
    envelope.recipients[0].state = RECIPIENT_REFUSED;
    assert_true(record_put_envelope(&records, &what, &envelope, &error));
    assert_false(record_get_envelope(payload_of(&records, RECORD_ENVELOPE), &what, &read, &error));
    assert_int_equal(error.exit_code, EX_DATAERR);
    envelope_free(&envelope);
    envelope_free(&read);
    buffer_free(&records);
}

/* An envelope of three, of whom the second is done with. */
static void fill_three(struct envelope *envelope)
{
    add(envelope, "a@b");
    add(envelope, "b@b");
    add(envelope, "c@b");
    envelope->recipients[1].state = RECIPIENT_ACCEPTED;
}

static void test_try(void **state)
{
    struct record_try in = {.when = 5, .next = 6, .counted = true, .reason = "it said \"no\""}, out;
    struct envelope envelope = {.sender = ""}, read = {.sender = ""};
    struct buffer records = {0};
    struct error error;
    uint32_t changed[3] = {0, 2}, got[3];
    size_t count;
    (void)state;
    fill_three(&envelope);
    fill_three(&read);
    envelope_set_outcome(&envelope, 0, RECIPIENT_REFUSED, 550, slice_of("a\r\nb"), &error);
    envelope_set_outcome(&envelope, 2, RECIPIENT_REFUSED, 550, slice_of("a\r\nb"), &error);
    assert_true(record_put_try(&records, &in, &envelope, changed, 2, &error));
    assert_true(record_get_try(payload_of(&records, RECORD_TRY), &out, &read, got, &count, &error));
    assert_true(out.when == 5 && out.next == 6 && out.counted);
    assert_string_equal(out.reason, in.reason);
    assert_int_equal(count, 2);
    assert_memory_equal(got, changed, 2 * sizeof got[0]);
    assert_int_equal(read.recipients[0].state, RECIPIENT_REFUSED);
    assert_int_equal(read.recipients[1].state, RECIPIENT_ACCEPTED);
    assert_int_equal(read.recipients[2].reply_code, 550);
    assert_string_equal(read.recipients[2].reply, "a\\r\\nb");
    envelope_free(&envelope);
    envelope_free(&read);
    buffer_free(&records);
}

static void test_lies_in_an_attempt(void **state)
{
    static const struct {
        uint32_t changed[2];
        size_t count;
        enum recipient_state becomes;
        bool good;
    } cases[] = {
        {{0}, 0, RECIPIENT_DEFERRED, true},     {{0, 2}, 2, RECIPIENT_ACCEPTED, true},
        {{0}, 1, RECIPIENT_DEFERRED, true},     {{0}, 1, RECIPIENT_PENDING, false},
        {{0}, 1, RECIPIENT_OFFERED, false},     {{0}, 1, RECIPIENT_QUEUED, false},
        {{1}, 1, RECIPIENT_ACCEPTED, false}, /* is ACCEPTED */
        {{1}, 1, RECIPIENT_DEFERRED, false},    {{1}, 1, RECIPIENT_REFUSED, false},
        {{0, 0}, 2, RECIPIENT_DEFERRED, false}, {{2, 0}, 2, RECIPIENT_DEFERRED, false},
        {{3}, 1, RECIPIENT_DEFERRED, false}, /* of three */
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct record_try what = {.when = 1};
        struct envelope written = {.sender = ""}, read = {.sender = ""};
        struct buffer records = {0};
        struct error error = {.exit_code = EX_OK};
        uint32_t got[3];
        size_t count;
        fill_three(&written);
        add(&written, "d@b");
        fill_three(&read);
        for (size_t k = 0; k < 4; k++)
            written.recipients[k].state = (unsigned char)cases[i].becomes;
        assert_true(
            record_put_try(&records, &what, &written, cases[i].changed, cases[i].count, &error));
        assert_int_equal(
            record_get_try(payload_of(&records, RECORD_TRY), &what, &read, got, &count, &error),
            cases[i].good);
        assert_int_equal(error.exit_code, cases[i].good ? EX_OK : EX_DATAERR);
        assert_int_equal(read.recipients[1].state, RECIPIENT_ACCEPTED);
        envelope_free(&written);
        envelope_free(&read);
        buffer_free(&records);
    }
}

/* Each octet of a payload becomes each other one: refused, or something that could have been put;
 * what is printable stays so, and nothing is read behind the end. */
static void test_every_octet_of_a_payload(void **state)
{
    struct record_envelope in = {.account = "w", .reason = "r"}, what;
    struct envelope envelope = {0};
    struct buffer records = {0};
    struct error error;
    (void)state;
    fill_envelope(&envelope);
    assert_true(record_put_envelope(&records, &in, &envelope, &error));
    struct slice payload = payload_of(&records, RECORD_ENVELOPE);
    for (size_t i = 0; i < payload.length; i++)
        for (int octet = 0; octet < 256; octet += octet < 40 || octet > 240 ? 1 : 13) {
            struct envelope read = {0};
            char *bytes = malloc(payload.length);
            assert_non_null(bytes);
            memcpy(bytes, payload.bytes, payload.length);
            bytes[i] = (char)octet;
            if (record_get_envelope(slice_make(bytes, payload.length), &what, &read, &error)) {
                struct buffer again = {0};
                assert_true(record_put_envelope(&again, &what, &read, &error));
                for (size_t k = 0; k < read.count; k++)
                    for (const char *reply = read.recipients[k].reply; reply && *reply; reply++)
                        assert_in_range(*reply, ' ', '~');
                buffer_free(&again);
            } else {
                assert_int_equal(error.exit_code, EX_DATAERR);
            }
            envelope_free(&read);
            free(bytes);
        }
    for (size_t length = 0; length < payload.length; length++) {
        struct envelope read = {0};
        char *bytes = malloc(length + (length == 0));
        assert_non_null(bytes);
        memcpy(bytes, payload.bytes, length);
        assert_false(record_get_envelope(slice_make(bytes, length), &what, &read, &error));
        assert_int_equal(error.exit_code, EX_DATAERR);
        envelope_free(&read);
        free(bytes);
    }
    envelope_free(&envelope);
    buffer_free(&records);
}

static void test_marks(void **state)
{
    (void)state;
    for (enum record_kind kind = RECORD_HOLD; kind <= RECORD_REPORTED; kind++) {
        struct buffer records = {0};
        struct error error;
        int64_t when;
        assert_true(record_put_mark(&records, kind, 1234567890123, &error));
        struct slice payload = payload_of(&records, kind);
        assert_true(record_get_mark(payload, &when, &error));
        assert_int_equal(when, 1234567890123);
        payload.length--;
        assert_false(record_get_mark(payload, &when, &error));
        buffer_free(&records);
    }
}

/* A head whose checksum is right, and what it says. */
static void make_head(char head[RECORD_HEAD], uint32_t kind, uint32_t length)
{
    uint32_t numbers[4] = {kind, length, 0, 0};
    for (int i = 0; i < 4; i++) {
        if (i == 3)
            numbers[3] = checksum_add(0, slice_make(head, 12));
        for (int octet = 0; octet < 4; octet++)
            head[4 * i + octet] = (char)(numbers[i] >> 8 * octet);
    }
}

static void test_lengths_are_bounded_before_they_are_believed(void **state)
{
    static const struct {
        uint32_t kind, length;
        uint64_t left;
        uint64_t span; /* 0: as much as the largest record has room for, and one */
    } cases[] = {
        {RECORD_HOLD, 8, 1000, 29},
        {RECORD_HOLD, 8, 28, 28},
        {RECORD_HOLD, 8, 27, 27},
        {RECORD_HOLD, RECORD_LIMIT, UINT64_MAX, 0},
        {RECORD_HOLD, 0, 1000, 21},
        {RECORD_HOLD, RECORD_LIMIT + 1u, UINT64_MAX, 0},
        {RECORD_HOLD, UINT32_MAX, 100, 100},
        {RECORD_HOLD, UINT32_MAX, UINT64_MAX, 0},
        {0, 8, UINT64_MAX, 0},
        {RECORD_REPORTED + 1, 8, UINT64_MAX, 0},
    };
    char head[RECORD_HEAD];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t most = (size_t)RECORD_HEAD + RECORD_LIMIT + RECORD_TAIL + 1;
        make_head(head, cases[i].kind, cases[i].length);
        assert_int_equal(record_span(slice_make(head, sizeof head), cases[i].left),
                         cases[i].span != 0 ? cases[i].span : most);
    }
    assert_int_equal(record_span(slice_make(head, 3), 3), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_preamble),
        cmocka_unit_test(test_another_version_is_named),
        cmocka_unit_test(test_envelope),
        cmocka_unit_test(test_least_envelope),
        cmocka_unit_test(test_lies_in_the_envelope),
        cmocka_unit_test(test_nobody_is_there_twice),
        cmocka_unit_test(test_nobody_is_there),
        cmocka_unit_test(test_try),
        cmocka_unit_test(test_lies_in_an_attempt),
        cmocka_unit_test(test_every_octet_of_a_payload),
        cmocka_unit_test(test_marks),
        cmocka_unit_test(test_lengths_are_bounded_before_they_are_believed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

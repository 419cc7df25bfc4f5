/* Goal: the fields of a header come out whole and in order, however long or many they are and
 * wherever the scanner's blocks end. */
#include "message/header.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { BLOCK_SIZE = 64 * 1024 };

static void start(struct message *message, struct slice header)
{
    struct error error;

    message_init(message, NULL);
    assert_true(store_append(&message->store, slice_of("before"), &error));
    assert_true(store_append(&message->store, header, &error));
    assert_true(store_append(&message->store, slice_of(" behind: x\r\n"), &error));
    message->header = (struct extent){.offset = 6, .length = header.length};
}

static void assert_slice(struct slice slice, const char *expected)
{
    assert_int_equal(slice.length, strlen(expected));
    assert_memory_equal(slice.bytes, expected, slice.length);
}

static void next_field(struct header_scanner *scanner, struct header_field *field)
{
    struct error error;
    bool found;

    assert_true(header_next(scanner, field, &found, &error));
    assert_true(found);
}

/* Also when it is asked again. */
static void assert_end(struct header_scanner *scanner)
{
    struct header_field field;
    struct error error;
    bool found;

    for (int twice = 0; twice < 2; twice++) {
        assert_true(header_next(scanner, &field, &found, &error));
        assert_false(found);
    }
}

static void test_fields(void **state)
{
    static const struct {
        const char *header;
        struct {
            enum field_id id;
            const char *name, *value, *raw;
        } fields[4];
        size_t count;
    } cases[] = {
        {"", {{0}}, 0},
        {"Subject: x\r\n", {{FIELD_SUBJECT, "Subject", " x", "Subject: x\r\n"}}, 1},
        {"subject : \r\n", {{FIELD_SUBJECT, "subject", " ", "subject : \r\n"}}, 1},
        {"To:\r\nX-A: b\r\n",
         {{FIELD_TO, "To", "", "To:\r\n"}, {FIELD_OTHER, "X-A", " b", "X-A: b\r\n"}},
         2},
        {"Cc: a,\r\n b,\r\n\tc\r\nTo: d\r\n e\r\n",
         {{FIELD_CC, "Cc", " a,\r\n b,\r\n\tc", "Cc: a,\r\n b,\r\n\tc\r\n"},
          {FIELD_TO, "To", " d\r\n e", "To: d\r\n e\r\n"}},
         2},
        {" odd\r\n more\r\nTo: a\r\nno field\r\n",
         {{FIELD_GARBAGE, "", " odd\r\n more", " odd\r\n more\r\n"},
          {FIELD_TO, "To", " a", "To: a\r\n"},
          {FIELD_GARBAGE, "", "no field", "no field\r\n"}},
         3},
        {": x\r\nFrom: y\r\n \r\n",
         {{FIELD_GARBAGE, "", ": x", ": x\r\n"},
          {FIELD_FROM, "From", " y\r\n ", "From: y\r\n \r\n"}},
         2},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct message message;
        struct header_scanner scanner;
        struct header_field field;

        start(&message, slice_of(cases[i].header));
        header_open(&scanner, &message);
        for (size_t j = 0; j < cases[i].count; j++) {
            next_field(&scanner, &field);
            assert_int_equal(field.id, cases[i].fields[j].id);
            assert_slice(field.name, cases[i].fields[j].name);
            assert_slice(field.value, cases[i].fields[j].value);
            assert_slice(field.raw, cases[i].fields[j].raw);
        }
        assert_end(&scanner);
        header_close(&scanner);
        message_free(&message);
    }
}

/* Three fields, the second folded, with the first so long that the block ends at each octet of what
 * follows in turn. */
static void test_every_place_of_the_block_end(void **state)
{
    static const char rest[] = "To: a\r\n b\r\nSubject: c\r\n";
    char *header = malloc(BLOCK_SIZE + 100);

    (void)state;
    assert_non_null(header);
    for (size_t first = BLOCK_SIZE - sizeof rest - 4; first < BLOCK_SIZE + 4; first++) {
        struct message message;
        struct header_scanner scanner;
        struct header_field field;

        memset(header, 'x', first);
        memcpy(header, "X: ", 3);
        memcpy(header + first - 2, "\r\n", 2);
        memcpy(header + first, rest, sizeof rest - 1);
        start(&message, slice_make(header, first + sizeof rest - 1));
        header_open(&scanner, &message);
        next_field(&scanner, &field);
        assert_int_equal(field.raw.length, first);
        next_field(&scanner, &field);
        assert_slice(field.raw, "To: a\r\n b\r\n");
        next_field(&scanner, &field);
        assert_slice(field.raw, "Subject: c\r\n");
        assert_end(&scanner);
        header_close(&scanner);
        message_free(&message);
    }
    free(header);
}

static void test_a_field_of_a_megabyte(void **state)
{
    enum { SIZE = 1024 * 1024, SUBJECT = 12, DATE = 11 };
    struct buffer header = {0};
    struct message message;
    struct header_scanner scanner;
    struct header_field field;

    (void)state;
    buffer_add_string(&header, "Subject: s\r\nTo: ");
    while (header.length < SIZE)
        buffer_add_string(&header, "someone@example.org,\r\n\t");
    buffer_add_string(&header, "last@example.org\r\nDate: now\r\n");
    assert_false(header.failed);
    start(&message, buffer_slice(&header));
    header_open(&scanner, &message);
    next_field(&scanner, &field);
    next_field(&scanner, &field);
    assert_int_equal(field.id, FIELD_TO);
    assert_int_equal(field.raw.length, header.length - SUBJECT - DATE);
    assert_memory_equal(field.raw.bytes, header.bytes + SUBJECT, field.raw.length);
    next_field(&scanner, &field);
    assert_slice(field.raw, "Date: now\r\n");
    assert_end(&scanner);
    header_close(&scanner);
    message_free(&message);
    buffer_free(&header);
}

static void test_a_hundred_thousand_fields(void **state)
{
    enum { COUNT = 100000 };
    struct buffer header = {0};
    struct message message;
    struct header_scanner scanner;
    struct header_field field;
    char line[40];

    (void)state;
    for (int i = 0; i < COUNT; i++) {
        snprintf(line, sizeof line, "X-%d: %d\r\n", i, i);
        buffer_add_string(&header, line);
    }
    start(&message, buffer_slice(&header));
    header_open(&scanner, &message);
    for (int i = 0; i < COUNT; i++) {
        snprintf(line, sizeof line, "X-%d: %d\r\n", i, i);
        next_field(&scanner, &field);
        assert_slice(field.raw, line);
        assert_true(scanner.window.capacity <= 4 * BLOCK_SIZE);
    }
    assert_end(&scanner);
    header_close(&scanner);
    message_free(&message);
    buffer_free(&header);
}

/* Pieces join to what whole fields are, wherever their ends fall. */
static void test_pieces(void **state)
{
    struct buffer header = {0}, joined = {0};
    struct message message;
    struct header_scanner scanner;
    struct header_field field;
    size_t fields = 0, pieces = 0;

    (void)state;
    srand(822);
    for (size_t i = 0; i < 40; i++) {
        buffer_add_string(&header, i % 2 == 0 ? "To: a" : "Subject: b");
        for (int j = rand() % 30000; j > 0; j--)
            buffer_add_string(&header, rand() % 2 == 0 ? "\r\n " : "some words");
        buffer_add_string(&header, "\r\n");
    }
    start(&message, buffer_slice(&header));
    header_open(&scanner, &message);
    scanner.in_pieces = true;
    while (joined.length < header.length) {
        next_field(&scanner, &field);
        assert_true(field.raw.length <= HEADER_PIECE);
        pieces += field.continued;
        fields += !field.continued;
        assert_int_equal(field.id, fields % 2 == 1 ? FIELD_TO : FIELD_SUBJECT);
        buffer_add(&joined, field.raw);
    }
    assert_end(&scanner);
    assert_true(slice_equals(buffer_slice(&joined), buffer_slice(&header)));
    assert_int_equal(fields, 40);
    assert_true(pieces > 20);
    header_close(&scanner);
    message_free(&message);
    buffer_free(&header);
    buffer_free(&joined);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_every_place_of_the_block_end),
        cmocka_unit_test(test_a_field_of_a_megabyte),
        cmocka_unit_test(test_a_hundred_thousand_fields),
        cmocka_unit_test(test_pieces),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

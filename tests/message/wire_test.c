/* Goal: what goes over the wire is what a naive encoder makes of the message, wherever lines and
 * dots fall among the blocks; no slice is empty before the end, none longer than a block. */
#include "message/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { BLOCK_SIZE = 64 * 1024 };

/* RFC 5321 section 4.5.2, octet by octet. */
static void encode_naively(struct buffer *out, struct slice text, bool dots)
{
    for (size_t i = 0; i < text.length; i++) {
        if (dots && text.bytes[i] == '.' && (i == 0 || text.bytes[i - 1] == '\n'))
            buffer_add_byte(out, '.');
        buffer_add_byte(out, text.bytes[i]);
    }
    if (dots)
        buffer_add_string(out, ".\r\n");
}

static void start(struct message *message, struct slice header, struct slice body)
{
    struct error error;

    message_init(message, NULL);
    /* The header behind the body, as fix leaves it. */
    assert_true(store_append(&message->store, body, &error));
    assert_true(store_append(&message->store, header, &error));
    message->body = (struct extent){.offset = 0, .length = body.length};
    message->header = (struct extent){.offset = body.length, .length = header.length};
}

static void read_wire(struct buffer *out, struct message *message, bool dots)
{
    struct wire wire;
    struct slice octets;
    struct error error;
    bool last = false;

    wire_open(&wire, message, dots);
    for (;;) {
        assert_true(wire_next(&wire, &octets, &error));
        assert_true(octets.length <= BLOCK_SIZE);
        if (octets.length == 0)
            break;
        assert_false(last);
        last = wire_is_last(&wire);
        buffer_add(out, octets);
    }
    assert_true(last);
    assert_true(wire_next(&wire, &octets, &error));
    assert_int_equal(octets.length, 0);
    wire_close(&wire);
}

static void assert_wire(struct slice header, struct slice body)
{
    struct buffer text = {0};
    struct message message;

    buffer_add(&text, header);
    buffer_add_string(&text, "\r\n");
    buffer_add(&text, body);
    start(&message, header, body);
    for (int dots = 0; dots <= 1; dots++) {
        struct buffer expected = {0}, sent = {0};

        encode_naively(&expected, buffer_slice(&text), dots);
        read_wire(&sent, &message, dots);
        assert_int_equal(sent.length, expected.length);
        assert_memory_equal(sent.bytes, expected.bytes, sent.length);
        assert_true(dots || sent.length == message_size(&message));
        buffer_free(&expected);
        buffer_free(&sent);
    }
    message_free(&message);
    buffer_free(&text);
}

static void test_small_messages(void **state)
{
    static const struct {
        const char *header, *body, *sent;
    } cases[] = {
        {"", "", "\r\n.\r\n"},
        {"A: b\r\n", "", "A: b\r\n\r\n.\r\n"},
        {"", "x\r\n", "\r\nx\r\n.\r\n"},
        {"A: b\r\n", ".\r\n", "A: b\r\n\r\n..\r\n.\r\n"},
        {".A: b\r\n", "..\r\n.x\r\nx.\r\n", "..A: b\r\n\r\n...\r\n..x\r\nx.\r\n.\r\n"},
        {"A: b\r\n", "\r\n\r\n", "A: b\r\n\r\n\r\n\r\n.\r\n"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct message message;
        struct buffer sent = {0};

        start(&message, slice_of(cases[i].header), slice_of(cases[i].body));
        read_wire(&sent, &message, true);
        assert_int_equal(sent.length, strlen(cases[i].sent));
        assert_memory_equal(sent.bytes, cases[i].sent, sent.length);
        buffer_free(&sent);
        message_free(&message);
        assert_wire(slice_of(cases[i].header), slice_of(cases[i].body));
    }
}

static void test_a_small_message_is_one_slice(void **state)
{
    struct message message;
    struct wire wire;
    struct slice octets;
    struct error error;

    (void)state;
    start(&message, slice_of("A: b\r\n"), slice_of("x\r\n"));
    wire_open(&wire, &message, false);
    assert_true(wire_next(&wire, &octets, &error));
    assert_int_equal(octets.length, message_size(&message));
    wire_close(&wire);
    message_free(&message);
}

/* Lines with dots in every place, moved octet by octet over the end of a block: by the header's
 * length, so that its end and the blank line cross it as well. */
static void test_every_place_of_the_block_end(void **state)
{
    static const char *const bodies[] = {
        "", ".\r\n", "\r\n.\r\n..\r\n", ".a\r\n.b\r\n\r\n.\r\n", "x\r\n.\r\ny.\r\n.z\r\n",
    };
    char *header = malloc(BLOCK_SIZE + 100);

    (void)state;
    assert_non_null(header);
    memset(header, 'h', BLOCK_SIZE + 100);
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        for (size_t length = BLOCK_SIZE - 24; length < BLOCK_SIZE + 8; length++) {
            memcpy(header + length - 2, "\r\n", 2);
            assert_wire(slice_make(header, length), slice_of(bodies[i]));
            memset(header + length - 2, 'h', 2);
        }
    }
    free(header);
}

/* Short bodies and some of three blocks, of short and long lines, many starting with dots. */
static void test_random_bodies(void **state)
{
    static const char *const pieces[] = {"\r\n", "\r\n", ".",     "..",        "a",
                                         "abc",  ". ",   ".\r\n", "\r\n.\r\n", "a longer piece"};
    unsigned random = 1;

    (void)state;
    for (size_t round = 0; round < 400; round++) {
        struct buffer body = {0};
        size_t size = round % 8 == 0 ? 3 * BLOCK_SIZE + 77 : round;

        while (body.length < size) {
            random = random * 1103515245u + 12345u;
            buffer_add_string(&body, pieces[(random >> 16) % 10]);
        }
        buffer_add_string(&body, "\r\n");
        assert_wire(slice_of(round % 3 == 0 ? "" : "Subject: x\r\n"), buffer_slice(&body));
        buffer_free(&body);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_small_messages),
        cmocka_unit_test(test_a_small_message_is_one_slice),
        cmocka_unit_test(test_every_place_of_the_block_end),
        cmocka_unit_test(test_random_bodies),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

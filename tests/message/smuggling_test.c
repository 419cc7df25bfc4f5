/* Goal: whatever mix of CR, LF, dots and NUL a caller writes, wherever it is cut and wherever it
 * falls among the blocks, a receiver that knows nothing but CRLF gets one message with the same
 * lines, and neither it nor one that takes other line ends finds anything behind it. */
#include "message/input.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "message/wire.h"

enum { MIX_MAX = 6, BLOCK = 64 * 1024, STORE = 256 * 1024, FILLER_LINE = 500 };

static const char alphabet[] = {'\r', '\n', '.', '\0', 'x'};
enum { LETTERS = sizeof alphabet };

static const struct slice header = {"A: b\n\n", 6};

/* --- what is expected ------------------------------------------------------------------------ */

/* The body's lines: CR*LF and a lone CR end one each, the last one is ended where it is not. */
static void add_lines(struct buffer *out, struct slice text)
{
    for (size_t i = 0; i < text.length; i++) {
        size_t feed = i;

        while (feed < text.length && text.bytes[feed] == '\r')
            feed++;
        if (feed < text.length && text.bytes[feed] == '\n')
            i = feed;
        if (text.bytes[i] == '\r' || text.bytes[i] == '\n')
            buffer_add_string(out, "\r\n");
        else
            buffer_add_byte(out, text.bytes[i]);
    }
    if (out->length < 2 || memcmp(out->bytes + out->length - 2, "\r\n", 2) != 0)
        buffer_add_string(out, "\r\n");
}

/* --- the receiver ---------------------------------------------------------------------------- */

/* No other line end than CRLF, for whoever takes others. */
static void assert_clean(struct slice octets)
{
    for (size_t i = 0; i < octets.length; i++) {
        char before = i > 0 ? octets.bytes[i - 1] : 0;
        char after = i + 1 < octets.length ? octets.bytes[i + 1] : 0;

        if ((octets.bytes[i] == '\r' && after != '\n') ||
            (octets.bytes[i] == '\n' && before != '\r'))
            fail_msg("a bare octet %02x at %zu", (unsigned)octets.bytes[i], i);
    }
}

/* RFC 5321 section 4.5.2, a line at a time: the message, and nothing behind its end. */
static void receive(struct slice octets, struct buffer *message)
{
    while (octets.length > 0) {
        size_t end = slice_find(octets, '\n') + 1;
        struct slice line = slice_to(octets, end);

        octets = slice_from(octets, end);
        if (slice_equals(line, slice_of(".\r\n"))) {
            assert_int_equal(octets.length, 0);
            return;
        }
        buffer_add(message, slice_from(line, line.bytes[0] == '.'));
    }
    fail_msg("no end");
}

static void send_as(struct message *message, bool dots, struct buffer *octets)
{
    struct wire wire;
    struct slice piece;
    struct error error;

    wire_open(&wire, message, dots);
    do {
        assert_true(wire_next(&wire, &piece, &error));
        buffer_add(octets, piece);
    } while (piece.length > 0);
    wire_close(&wire);
}

static void assert_received(struct message *message, struct slice expected)
{
    struct buffer octets = {0}, received = {0};

    send_as(message, true, &octets);
    assert_clean(buffer_slice(&octets));
    receive(buffer_slice(&octets), &received);
    if (!slice_equals(buffer_slice(&received), expected))
        fail_msg("DATA brought something else");
    buffer_clear(&octets);
    send_as(message, false, &octets);
    assert_int_equal(octets.length, message_size(message));
    if (!slice_equals(buffer_slice(&octets), expected))
        fail_msg("BDAT brought something else");
    buffer_free(&octets);
    buffer_free(&received);
}

/* --- the caller ------------------------------------------------------------------------------ */

/* Handed in by pieces of `piece` octets, the first one `first` octets long. */
static void read_message(struct message *message, struct slice text, size_t first, size_t piece)
{
    const struct input_options options = {0};
    struct error error;
    struct input *input = input_open(message, &options, &error);

    assert_non_null(input);
    for (size_t length = first; text.length > 0; length = piece) {
        assert_true(input_add(input, slice_to(text, length), &error));
        text = slice_from(text, length);
    }
    assert_true(input_end(input, &error));
}

static void check(struct slice text, struct slice expected, size_t first, size_t piece)
{
    struct message message;

    message_init(&message, NULL);
    read_message(&message, text, first, piece);
    assert_received(&message, expected);
    message_free(&message);
}

/* Calls `act` with every mix of `length` letters. */
static void for_each_mix(size_t length, void (*act)(struct slice mix))
{
    char mix[MIX_MAX] = "";
    size_t letters[MIX_MAX] = {0}, changed = 0;

    while (changed < length || length == 0) {
        for (size_t i = 0; i < length; i++)
            mix[i] = alphabet[letters[i]];
        act(slice_make(mix, length));
        for (changed = 0; changed < length && ++letters[changed] == LETTERS; changed++)
            letters[changed] = 0;
        if (length == 0)
            return;
    }
}

static void cut_everywhere(struct slice mix)
{
    struct buffer text = {0}, expected = {0};

    buffer_add(&text, header);
    buffer_add(&text, mix);
    buffer_add_string(&expected, "A: b\r\n\r\n");
    if (mix.length > 0)
        add_lines(&expected, mix);
    check(buffer_slice(&text), buffer_slice(&expected), text.length, 1);
    check(buffer_slice(&text), buffer_slice(&expected), 1, 1);
    check(buffer_slice(&text), buffer_slice(&expected), header.length + mix.length / 2, MIX_MAX);
    buffer_free(&text);
    buffer_free(&expected);
}

static void every_mix_is_one_message(void **state)
{
    (void)state;
    for (size_t length = 0; length <= MIX_MAX; length++)
        for_each_mix(length, cut_everywhere);
}

/* The mix begins where `offset` octets are before it: of what the caller writes, or (`on_wire`) of
 * what is sent. One long line is before it, or many. */
static void check_at(struct slice mix, size_t offset, bool on_wire, bool lines)
{
    struct buffer text = {0}, expected = {0};
    size_t room = offset - header.length - (on_wire ? 2 : 0);

    buffer_add(&text, header);
    buffer_add_string(&expected, "A: b\r\n\r\n");
    for (size_t i = 0; i < room; i++) {
        bool feeds = lines && i % FILLER_LINE == FILLER_LINE - 1 && i + FILLER_LINE < room;

        buffer_add_byte(&text, feeds && !on_wire ? '\n' : 'x');
    }
    buffer_add(&text, mix);
    add_lines(&expected, slice_from(buffer_slice(&text), header.length));
    check(buffer_slice(&text), buffer_slice(&expected), text.length, 1);
    check(buffer_slice(&text), buffer_slice(&expected), BLOCK, BLOCK);
    buffer_free(&text);
    buffer_free(&expected);
}

static void around_a_block(struct slice mix)
{
    for (size_t before = 0; before <= mix.length; before++) {
        check_at(mix, BLOCK - before, false, false);
        check_at(mix, BLOCK - before, true, false);
    }
}

static void around_the_store(struct slice mix)
{
    for (size_t before = 0; before <= mix.length; before++) {
        check_at(mix, STORE - before, false, true);
        check_at(mix, STORE - before, true, false);
    }
}

static void wherever_blocks_end(void **state)
{
    (void)state;
    for_each_mix(3, around_a_block);
    for_each_mix(2, around_the_store);
}

/* --- the header ------------------------------------------------------------------------------ */

static void in_a_field(struct slice mix)
{
    struct buffer text = {0}, octets = {0}, received = {0};
    struct message message;

    buffer_add_string(&text, "A: b");
    buffer_add(&text, mix);
    buffer_add_string(&text, "c\nD: e\n\n.\n");
    message_init(&message, NULL);
    read_message(&message, buffer_slice(&text), text.length, 1);
    send_as(&message, true, &octets);
    assert_clean(buffer_slice(&octets));
    receive(buffer_slice(&octets), &received);
    message_free(&message);
    buffer_free(&text);
    buffer_free(&octets);
    buffer_free(&received);
}

static void in_the_header_as_well(void **state)
{
    (void)state;
    for (size_t length = 0; length <= 4; length++)
        for_each_mix(length, in_a_field);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_mix_is_one_message),
        cmocka_unit_test(wherever_blocks_end),
        cmocka_unit_test(in_the_header_as_well),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

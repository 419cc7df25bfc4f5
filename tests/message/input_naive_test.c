/* Goal: whatever mixture of CR, LF, dots and octets a caller writes, in pieces of any size and
 * wherever blocks end, becomes the message that a naive reader of the rules makes of it. */
#include "message/input.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/message/stretch.h"

enum { BLOCK_SIZE = 64 * 1024, MEGABYTE = 1024 * 1024 };

static const struct input_options no_options;

/* The naive reader: the whole input at once, byte by byte, one rule after the other. */
struct expected {
    struct buffer header, body;
    bool header_8bit, body_8bit, body_nul;
    size_t longest_line;
};

static bool has(struct slice text, char byte)
{
    return slice_find(text, byte) < text.length;
}

static void unify_line_ends(struct buffer *out, struct slice input)
{
    bool only_carriage = !has(input, '\n');
    size_t next = 0; /* the first octet from here on that is no CR */

    for (size_t i = 0; i < input.length; i++) {
        next = next < i ? i : next;
        while (next < input.length && input.bytes[next] == '\r')
            next++;
        if (input.bytes[i] == '\r' && only_carriage)
            buffer_add_byte(out, '\n');
        else if (input.bytes[i] != '\r' || next == input.length || input.bytes[next] != '\n')
            buffer_add_byte(out, input.bytes[i]);
    }
}

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r';
}

static bool is_field(struct slice line)
{
    size_t i = 0;

    while (i < line.length && line.bytes[i] >= '!' && line.bytes[i] <= '~' && line.bytes[i] != ':')
        i++;
    if (i == 0)
        return false;
    while (i < line.length && is_blank(line.bytes[i]))
        i++;
    return i < line.length && line.bytes[i] == ':' && i <= 998;
}

/* Appends `line` in canonical form, bare CRs as `bare`. */
static void add_line(struct buffer *out, struct slice line, char bare)
{
    for (size_t i = 0; i < line.length; i++)
        buffer_add_byte(out, line.bytes[i] == '\r' ? bare : line.bytes[i]);
    buffer_add_string(out, "\r\n");
}

static struct slice read_header(struct expected *expected, struct slice rest)
{
    struct slice line, after;

    for (bool first = true; rest.length > 0; first = false) {
        after = rest;
        slice_cut(&after, '\n', &line);
        if (line.length == 0)
            return after;
        if (first && line.length > 5 && memcmp(line.bytes, "From ", 5) == 0 && !is_field(line)) {
            rest = after;
            continue;
        }
        if (!is_field(line) && (expected->header.length == 0 || !is_blank(line.bytes[0])))
            return rest;
        add_line(&expected->header, line, ' ');
        rest = after;
    }
    return rest;
}

static void read_body(struct expected *expected, struct slice rest,
                      const struct input_options *options)
{
    struct buffer lines = {0};
    struct slice text, line;
    bool dot = false;

    for (size_t i = 0; i < rest.length; i++)
        buffer_add_byte(&lines, rest.bytes[i] == '\r' ? '\n' : rest.bytes[i]);
    text = buffer_slice(&lines);
    while (!(dot && options->dot_ends) && slice_cut(&text, '\n', &line)) {
        dot = line.length == 1 && line.bytes[0] == '.';
        add_line(&expected->body, line, '\n');
        if (line.length > expected->longest_line)
            expected->longest_line = line.length;
    }
    if (dot && (options->dot_ends || options->drop_last_dot))
        expected->body.length -= 3;
    buffer_free(&lines);
}

static void read_naively(struct expected *expected, struct slice input,
                         const struct input_options *options)
{
    struct buffer text = {0};

    *expected = (struct expected){.longest_line = 0};
    unify_line_ends(&text, input);
    read_body(expected, read_header(expected, buffer_slice(&text)), options);
    expected->header_8bit = slice_has_8bit(buffer_slice(&expected->header));
    expected->body_8bit = slice_has_8bit(buffer_slice(&expected->body));
    expected->body_nul = has(buffer_slice(&expected->body), '\0');
    buffer_free(&text);
}

static void free_expected(struct expected *expected)
{
    buffer_free(&expected->header);
    buffer_free(&expected->body);
}

/* Each read(2) gets one piece; `cuts` are where they end, in order. */
static int open_pieces(struct slice input, const size_t *cuts, size_t count)
{
    int ends[2];
    size_t done = 0;

    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
    for (size_t i = 0; i <= count; i++) {
        size_t end = i < count ? cuts[i] : input.length;

        if (end > done)
            assert_int_equal(write(ends[1], input.bytes + done, end - done), end - done);
        done = end;
    }
    close(ends[1]);
    return ends[0];
}

/* Reads `fd`, closes it and compares with what is expected. */
static void assert_read(int fd, struct slice input, const struct input_options *options)
{
    struct message message;
    struct expected expected;
    struct error error;

    read_naively(&expected, input, options);
    message_init(&message, NULL);
    assert_true(input_read(&message, fd, options, &error));
    assert_stretch(&message, message.header, buffer_slice(&expected.header));
    assert_stretch(&message, message.body, buffer_slice(&expected.body));
    assert_int_equal(message.header_8bit, expected.header_8bit);
    assert_int_equal(message.body_longest_line, expected.longest_line);
    /* The block that a lone dot ends may hold more behind it. */
    assert_true(message.body_8bit == expected.body_8bit || options->dot_ends);
    assert_true(message.body_nul == expected.body_nul || options->dot_ends);
    message_free(&message);
    free_expected(&expected);
    close(fd);
}

static unsigned next_random(unsigned *seed)
{
    *seed = *seed * 1103515245u + 12345u;
    return *seed >> 16;
}

static void test_random_inputs_in_random_pieces(void **state)
{
    static const char alphabet[] = {'\r', '\n', '.', ' ', ':', 'a', '\0', '\xe9', '\r', '\n'};
    static const char *const starts[] = {"", "", "A:", "A: b\n", "A: b\n\n", "From ", "A: b\r\r"};
    unsigned seed = 20;

    (void)state;
    for (int round = 0; round < 10000; round++) {
        struct buffer input = {0};
        size_t cuts[8], count = 0, at = 0, more = next_random(&seed) % 24;
        /* One time in four an alphabet without LF. */
        size_t letters = round % 4 == 0 ? 1 : sizeof alphabet;
        struct input_options options = {.dot_ends = round % 5 == 0,
                                        .drop_last_dot = round % 3 == 0};

        buffer_add_string(&input, starts[next_random(&seed) % 7]);
        for (size_t i = 0; i < more; i++) {
            char byte = alphabet[next_random(&seed) % sizeof alphabet];

            buffer_add_byte(&input, letters == 1 && byte == '\n' ? '\r' : byte);
        }
        while (count < 8 && at < input.length)
            cuts[count++] = at += 1 + next_random(&seed) % 5;
        if (count > 0 && cuts[count - 1] > input.length)
            cuts[count - 1] = input.length;
        assert_read(open_pieces(buffer_slice(&input), cuts, count), buffer_slice(&input), &options);
        buffer_free(&input);
    }
}

/* Every sequence of four out of CR, LF, dot and letter, half before and half behind the end of a
 * block. */
static void assert_across_block_end(struct slice start, char filling)
{
    enum { HALF = 2, LENGTH = BLOCK_SIZE + 8 };
    static const char alphabet[] = {'\r', '\n', '.', 'a'};
    static const struct input_options drops = {.drop_last_dot = true};
    char *bytes = malloc(LENGTH);

    assert_non_null(bytes);
    memset(bytes, filling, LENGTH);
    memcpy(bytes, start.bytes, start.length);
    for (unsigned sequence = 0; sequence < 256; sequence++) {
        /* Sometimes with more behind it. */
        struct slice input = slice_make(bytes, BLOCK_SIZE + HALF + sequence % 3);

        for (unsigned i = 0; i < 2 * HALF; i++)
            bytes[BLOCK_SIZE - HALF + i] = alphabet[sequence >> (2 * i) & 3];
        assert_read(open_file(input), input, sequence % 2 == 0 ? &drops : &no_options);
    }
    free(bytes);
}

static void test_every_mixture_across_the_block_end(void **state)
{
    (void)state;
    assert_across_block_end(slice_of("A: b\n\n"), 'x');  /* in a line of the body */
    assert_across_block_end(slice_of("A: b\n"), '\r');   /* a long run of CR in the header */
    assert_across_block_end(slice_of("A: b\n\n"), '\n'); /* at a line's start */
    assert_across_block_end(slice_of("A: b\n"), ' ');    /* in a line of the header */
    assert_across_block_end(slice_of("A: b\r\r"), 'x');  /* no LF before */
}

/* Runs of CR longer than all blocks, dropped before an LF and kept before anything else. */
static void test_long_runs_of_carriage_returns(void **state)
{
    static const char *const starts[] = {"", "A: b\n", "A: b\n\n", "A", "\nc"};
    static const char *const ends[] = {"", "\n", "d\n", ": e\n", "\n\n.\n"};
    enum { RUN = 3 * BLOCK_SIZE + 5 };

    (void)state;
    for (size_t i = 0; i < 25; i++) {
        struct buffer input = {0};

        buffer_add_string(&input, starts[i % 5]);
        for (size_t j = 0; j < RUN; j++)
            buffer_add_byte(&input, '\r');
        buffer_add_string(&input, ends[i / 5]);
        assert_read(open_file(buffer_slice(&input)), buffer_slice(&input), &no_options);
        buffer_free(&input);
    }
}

static void add_repeated(struct buffer *out, const char *text, size_t size)
{
    while (out->length < size)
        buffer_add_string(out, text);
    assert_false(out->failed);
}

/* Messages of a megabyte and more, through file and store. */
static void test_large_inputs(void **state)
{
    static const struct {
        const char *start, *repeated, *end;
    } cases[] = {
        {"A: b\n\n", "a line of text\n", ""},
        {"A: b\r\n\r\n", "a line of text\r\n.\r\n", "."},
        {"A: b\n\n", "\n", ".\n"},
        {"A: b\r\r", "no LF anywhere\r", "x"},
        {"A: b\r\r", "an LF at the very end\r", "x\n"},
        {"", "onelinewithoutanycolon", ": x"},
        {"From a", " and on and on", "\nA: b\n\nc\n"},
        {"Subject: x", " and on and on", "\n\nc\n"},
        {"Subject: x\n", "To: a@example.org,\n\tb@example.org\n", "\nc\n"},
        {"", "A:\n", "\nc\n"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buffer input = {0};

        buffer_add_string(&input, cases[i].start);
        add_repeated(&input, cases[i].repeated, MEGABYTE + 17 * i);
        buffer_add_string(&input, cases[i].end);
        assert_read(open_file(buffer_slice(&input)), buffer_slice(&input), &no_options);
        buffer_free(&input);
    }
}

/* A name that is as long as a line may be is one, a longer one is text. */
static void test_longest_name(void **state)
{
    struct buffer input = {0};

    (void)state;
    for (size_t length = 996; length < 1001; length++) {
        for (size_t blanks = 0; blanks < 3; blanks++) {
            size_t cut = 5 + length; /* just before the colon */

            buffer_clear(&input);
            buffer_add_string(&input, "A: b\n");
            add_repeated(&input, "n", 5 + length - blanks);
            add_repeated(&input, " ", 5 + length);
            buffer_add_string(&input, ": x\n");
            assert_read(open_pieces(buffer_slice(&input), &cut, 1), buffer_slice(&input),
                        &no_options);
        }
    }
    buffer_free(&input);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_inputs_in_random_pieces),
        cmocka_unit_test(test_every_mixture_across_the_block_end),
        cmocka_unit_test(test_long_runs_of_carriage_returns),
        cmocka_unit_test(test_large_inputs),
        cmocka_unit_test(test_longest_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

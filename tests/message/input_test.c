/* Goal: whatever mixture of CR, LF, dots and octets a caller writes, in pieces of any size, becomes
 * the message that a naive reader of the rules makes of it; what cannot be taken is an error, and
 * the caller is never left writing. */
#include "message/input.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

enum { BLOCK_SIZE = 64 * 1024, MEGABYTE = 1024 * 1024 };

static const struct input_options no_options;

/* --- a naive reader: the whole input at once, byte by byte, one rule after the other --- */

struct expected {
    struct buffer header, body;
    bool header_8bit, header_nul, body_8bit, body_nul;
    size_t longest_line;
};

static bool has(struct slice text, char byte)
{
    return slice_find(text, byte) < text.length;
}

static void unify_line_ends(struct buffer *out, struct slice input)
{
    bool only_carriage = !has(input, '\n');

    for (size_t i = 0; i < input.length; i++) {
        size_t next = i;

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
    expected->header_nul = has(buffer_slice(&expected->header), '\0');
    expected->body_8bit = slice_has_8bit(buffer_slice(&expected->body));
    expected->body_nul = has(buffer_slice(&expected->body), '\0');
    buffer_free(&text);
}

static void free_expected(struct expected *expected)
{
    buffer_free(&expected->header);
    buffer_free(&expected->body);
}

/* --- ways to hand in an input --- */

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

/* All at once: read(2) then fills each block to its end. */
static int open_file(struct slice input)
{
    int fd = memfd_create("input", MFD_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, input.bytes, input.length), input.length);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    return fd;
}

static void assert_stretch(struct message *message, struct extent extent, struct slice expected)
{
    char *bytes = malloc(extent.length + 1);
    struct error error;

    assert_non_null(bytes);
    assert_true(store_read(&message->store, extent.offset, bytes, extent.length, &error));
    assert_int_equal(extent.length, expected.length);
    assert_memory_equal(bytes, expected.bytes, expected.length);
    free(bytes);
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
    assert_int_equal(message.header_nul, expected.header_nul);
    assert_int_equal(message.body_longest_line, expected.longest_line);
    /* The block that a lone dot ends may hold more behind it. */
    assert_true(message.body_8bit == expected.body_8bit || options->dot_ends);
    assert_true(message.body_nul == expected.body_nul || options->dot_ends);
    message_free(&message);
    free_expected(&expected);
    close(fd);
}

/* --- the rules, one by one --- */

static void test_rules(void **state)
{
    static const struct {
        const char *input, *header, *body;
    } cases[] = {
        {"", "", ""},
        {"A: b\n\nc\n", "A: b\r\n", "c\r\n"},
        {"A: b\r\n\r\nc\r\n", "A: b\r\n", "c\r\n"},
        {"A: b\r\r\n\r\r\nc\r\r\r\n", "A: b\r\n", "c\r\n"},
        {"A: b\r\n\nc\nd\r\n", "A: b\r\n", "c\r\nd\r\n"},
        /* the last line is completed */
        {"A: b", "A: b\r\n", ""},
        {"A: b\n", "A: b\r\n", ""},
        {"A: b\n\n", "A: b\r\n", ""},
        {"A: b\n\nc", "A: b\r\n", "c\r\n"},
        /* where the header ends */
        {"Hello", "", "Hello\r\n"},
        {"Hello\nA: b\n", "", "Hello\r\nA: b\r\n"},
        {"\n", "", ""},
        {"\nA: b\n", "", "A: b\r\n"},
        {"\n\nc\n", "", "\r\nc\r\n"},
        {"A: b\nc\nD: e\n\nf\n", "A: b\r\n", "c\r\nD: e\r\n\r\nf\r\n"},
        {"A: b\n c\n\td\n\ne\n", "A: b\r\n c\r\n\td\r\n", "e\r\n"},
        {" A: b\n\nc\n", "", " A: b\r\n\r\nc\r\n"},
        {"A : b\n\nc\n", "A : b\r\n", "c\r\n"},
        {"A b: c\n", "", "A b: c\r\n"},
        {": b\n", "", ": b\r\n"},
        {"\xc3\xa9: b\n", "", "\xc3\xa9: b\r\n"},
        /* a bare CR: a line end in the body, a blank in the header, where nothing can hide */
        {"A: b\n\n10%\r20%\rdone\n", "A: b\r\n", "10%\r\n20%\r\ndone\r\n"},
        {"A: b\n\nc\r\rd\n\r", "A: b\r\n", "c\r\n\r\nd\r\n\r\n"},
        {"A: b\rBcc: c\n\nd\n", "A: b Bcc: c\r\n", "d\r\n"},
        {"A: b\n\rBcc: c\n\nd\n", "A: b\r\n Bcc: c\r\n", "d\r\n"},
        {"A\r: b\n\nc\n", "A : b\r\n", "c\r\n"},
        {"A: b\nc\rd\n", "A: b\r\n", "c\r\nd\r\n"},
        {"a\rb: c\n", "", "a\r\nb: c\r\n"},
        {"\ra\n", "", "\r\na\r\n"},
        {"A: b\r\rc\n", "A: b  c\r\n", ""},
        {"A: b\n\r", "A: b\r\n \r\n", ""},
        /* no LF anywhere: CR is the line end */
        {"A: b\rC: d\r\re\rf", "A: b\r\nC: d\r\n", "e\r\nf\r\n"},
        {"A: b\r", "A: b\r\n", ""},
        {"\r", "", ""},
        {"\r\r", "", "\r\n"},
        {"a\r\rb\r", "", "a\r\n\r\nb\r\n"},
        /* the mbox line */
        {"From a@b Mon Jan 1\nA: b\n\nc\n", "A: b\r\n", "c\r\n"},
        {"From a@b Mon Jan 1\n\nc\n", "", "c\r\n"},
        {"From a@b Mon Jan 1 10:00:00\r\nA: b\r\n", "A: b\r\n", ""},
        {"From a", "", ""},
        {"From a\nFrom b\n", "", "From b\r\n"},
        {"From a\rA: b\r\rc\r", "A: b\r\n", "c\r\n"},
        {"From : a\n\nc\n", "From : a\r\n", "c\r\n"},
        {"From: a\nFrom b\n", "From: a\r\n", "From b\r\n"},
        {">From a\nA: b\n", "", ">From a\r\nA: b\r\n"},
        {"From \nA: b\n", "", "From \r\nA: b\r\n"},
        {"\nFrom a\n", "", "From a\r\n"},
        /* dots are text */
        {"A: b\n\n.\nc\n.\n", "A: b\r\n", ".\r\nc\r\n.\r\n"},
        {"A: b\n.\nc\n", "A: b\r\n", ".\r\nc\r\n"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct slice input = slice_of(cases[i].input);
        struct message message;
        struct error error;
        int fd = open_file(input);

        message_init(&message, NULL);
        assert_true(input_read(&message, fd, &no_options, &error));
        assert_stretch(&message, message.header, slice_of(cases[i].header));
        assert_stretch(&message, message.body, slice_of(cases[i].body));
        message_free(&message);
        close(fd);
        assert_read(open_file(input), input, &no_options);
    }
}

static void test_lone_dots(void **state)
{
    static const struct {
        const char *input, *ended, *dropped; /* the body with dot_ends, with drop_last_dot */
    } cases[] = {
        {"\na\n.\nb\n.\nc\n", "a\r\n", "a\r\n.\r\nb\r\n.\r\nc\r\n"},
        {"\na\n.\n", "a\r\n", "a\r\n"},
        {"\na\n.", "a\r\n", "a\r\n"},
        {"\na\r\n.\r\n", "a\r\n", "a\r\n"},
        {"\na\n.\r", "a\r\n", "a\r\n"},
        {"\na\n.\r.\r\n", "a\r\n", "a\r\n.\r\n"},
        {"\na\n.\n\n", "a\r\n", "a\r\n.\r\n\r\n"},
        {"\na\n..\n", "a\r\n..\r\n", "a\r\n..\r\n"},
        {"\na.\n", "a.\r\n", "a.\r\n"},
        {"\n. \n", ". \r\n", ". \r\n"},
        {"\n.\n", "", ""},
        {".\n", "", ""},
        {".", "", ""},
        {".\nA: b\n", "", ".\r\nA: b\r\n"},
        {"A: b\n.\n", "", ""},
        {"A: b\n.\nC: d\n", "", ".\r\nC: d\r\n"},
        {"\ra\r.\r", "a\r\n", "a\r\n"},
    };
    static const struct input_options ends = {.dot_ends = true}, drops = {.drop_last_dot = true};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct slice input = slice_of(cases[i].input);
        struct message message;
        struct error error;
        int fd = open_file(input);

        message_init(&message, NULL);
        assert_true(input_read(&message, fd, &ends, &error));
        assert_stretch(&message, message.body, slice_of(cases[i].ended));
        message_free(&message);
        assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
        assert_true(input_read(&message, fd, &drops, &error));
        assert_stretch(&message, message.body, slice_of(cases[i].dropped));
        message_free(&message);
        close(fd);
    }
}

/* The terminal: behind the lone dot nothing is waited for. */
static void test_a_lone_dot_ends_the_reading(void **state)
{
    static const struct input_options options = {.dot_ends = true};
    struct message message;
    struct error error;
    int ends[2];

    (void)state;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "A: b\n\nc\n.\n", 10), 10);
    message_init(&message, NULL);
    assert_true(input_read(&message, ends[0], &options, &error));
    assert_stretch(&message, message.header, slice_of("A: b\r\n"));
    assert_stretch(&message, message.body, slice_of("c\r\n"));
    message_free(&message);
    close(ends[0]);
    close(ends[1]);
}

static void test_facts(void **state)
{
    static const struct {
        struct slice input;
        bool header_8bit, header_nul, body_8bit, body_nul;
        size_t longest_line;
    } cases[] = {
        {{"A: b\n\nccc\nd\n", 12}, false, false, false, false, 3},
        {{"A: \xe9\n\nc\n", 8}, true, false, false, false, 1},
        {{"A: \0\n\nc\n", 8}, false, true, false, false, 1},
        {{"A: b\n\n\xff\n", 8}, false, false, true, false, 1},
        {{"A: b\n\n\0\n", 8}, false, false, false, true, 1},
        {{"A: b\n\nlonger line\0\xe9", 19}, false, false, true, true, 13},
        {{"A: a long field\n\n", 17}, false, false, false, false, 0},
        {{"From \xe9\nA: b\n\nc\r1234\n", 19}, false, false, false, false, 4},
        {{"\0: b\n", 5}, false, false, false, true, 4},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct message message;
        struct error error;
        int fd = open_file(cases[i].input);

        message_init(&message, NULL);
        assert_true(input_read(&message, fd, &no_options, &error));
        assert_int_equal(message.header_8bit, cases[i].header_8bit);
        assert_int_equal(message.header_nul, cases[i].header_nul);
        assert_int_equal(message.body_8bit, cases[i].body_8bit);
        assert_int_equal(message.body_nul, cases[i].body_nul);
        assert_int_equal(message.body_longest_line, cases[i].longest_line);
        message_free(&message);
        close(fd);
    }
}

/* --- against the naive reader --- */

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
    for (int round = 0; round < 20000; round++) {
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

/* Every sequence of four out of CR, LF, dot and letter, laid over the end of a block. */
static void assert_across_block_end(struct slice start, char filling)
{
    enum { LENGTH = BLOCK_SIZE + 8, WIDTH = 4 };
    static const char alphabet[] = {'\r', '\n', '.', 'a'};
    static const struct input_options drops = {.drop_last_dot = true};
    char *bytes = malloc(LENGTH);
    size_t end;

    assert_non_null(bytes);
    memset(bytes, filling, LENGTH);
    memcpy(bytes, start.bytes, start.length);
    for (unsigned sequence = 0; sequence < 256; sequence++) {
        for (unsigned offset = 1; offset < WIDTH; offset++) {
            for (unsigned i = 0; i < WIDTH; i++)
                bytes[BLOCK_SIZE - offset + i] = alphabet[sequence >> (2 * i) & 3];
            /* With and without more behind it. */
            end = BLOCK_SIZE - offset + WIDTH + (sequence + offset) % 2;
            assert_read(open_file(slice_make(bytes, end)), slice_make(bytes, end),
                        sequence % 3 == 0 ? &drops : &no_options);
        }
        memset(bytes + BLOCK_SIZE - WIDTH, filling, 2 * WIDTH);
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
            size_t cut = length;

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

/* --- what cannot be taken --- */

struct refusal {
    const char *start, *repeated;
    size_t size;
    uint64_t max_size;
    int exit_code; /* EX_OK: can be taken */
};

static void assert_refusal(const struct refusal *refusal)
{
    struct input_options options = {.max_size = refusal->max_size};
    struct error error = {.exit_code = EX_OK};
    struct buffer input = {0};
    struct message message;
    int fd;

    buffer_add_string(&input, refusal->start);
    add_repeated(&input, refusal->repeated, refusal->size);
    fd = open_file(buffer_slice(&input));
    message_init(&message, NULL);
    assert_int_equal(input_read(&message, fd, &options, &error), refusal->exit_code == EX_OK);
    assert_int_equal(error.exit_code, refusal->exit_code);
    assert_true(refusal->exit_code == EX_OK || error.permanent);
    assert_true(refusal->max_size == 0 || refusal->exit_code == EX_OK ||
                strstr(error.sentence, "max_size") != NULL);
    message_free(&message);
    close(fd);
    buffer_free(&input);
}

static void test_limits(void **state)
{
    static const struct refusal cases[] = {
        {"A: b\r\n\r\n", "12345678\r\n", 48, 48, EX_OK},
        {"A: b\r\n\r\n", "12345678\r\n", 48, 47, EX_DATAERR},
        {"A: b\r\n\r\n", "12345678\r\n", MEGABYTE, 4711, EX_DATAERR},
        {"A: b\n", "", 5, 8, EX_OK},
        {"A: b\n", "", 5, 7, EX_DATAERR},
        {"no LF anywhere", ".", 10 * MEGABYTE, MEGABYTE, EX_DATAERR},
        {"only CR", "\r", 10 * MEGABYTE, MEGABYTE, EX_DATAERR},
        {"A: ", "x", INPUT_HEADER_LIMIT - 2, 0, EX_OK},
        {"A: ", "x", INPUT_HEADER_LIMIT - 1, 0, EX_DATAERR},
        {"A:\n", " x\r\n", INPUT_HEADER_LIMIT + 100, 0, EX_DATAERR},
        {"\n", "x\r\n", INPUT_HEADER_LIMIT + 100, 0, EX_OK},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_refusal(&cases[i]);
}

static void test_a_dropped_dot_does_not_count(void **state)
{
    struct input_options options = {.drop_last_dot = true, .max_size = 5};
    struct slice input = slice_of("\na\n.\n");

    (void)state;
    assert_read(open_file(input), input, &options);
}

static void *write_a_megabyte(void *argument)
{
    int fd = *(int *)argument;
    static char bytes[MEGABYTE];
    ssize_t written = write(fd, bytes, sizeof bytes);

    close(fd);
    return written == MEGABYTE ? argument : NULL;
}

/* Runs `options` on a pipe that somebody else fills: he must come to his end. */
static void assert_drained(const struct input_options *options, int exit_code)
{
    struct message message;
    struct error error;
    pthread_t writer;
    void *result;
    int ends[2];
    char byte;

    assert_int_equal(pipe(ends), 0);
    assert_int_equal(pthread_create(&writer, NULL, write_a_megabyte, &ends[1]), 0);
    message_init(&message, NULL);
    assert_false(input_read(&message, ends[0], options, &error));
    assert_int_equal(error.exit_code, exit_code);
    assert_int_equal(pthread_join(writer, &result), 0);
    assert_non_null(result);
    assert_int_equal(read(ends[0], &byte, 1), 0);
    message_free(&message);
    close(ends[0]);
}

static void test_the_rest_is_drained(void **state)
{
    static const struct input_options small = {.max_size = 1000};
    struct rlimit before, limit;

    (void)state;
    assert_drained(&small, EX_DATAERR);
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before);
    limit = (struct rlimit){.rlim_cur = 100 * 1024, .rlim_max = before.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
    assert_drained(&no_options, EX_IOERR);
    setrlimit(RLIMIT_FSIZE, &before);
}

static void test_what_cannot_be_read(void **state)
{
    struct message message;
    struct error error;
    int fd = open("/", O_RDONLY);

    (void)state;
    message_init(&message, NULL);
    assert_false(input_read(&message, fd, &no_options, &error));
    assert_int_equal(error.exit_code, EX_IOERR);
    assert_string_equal(error.sentence, "reading the message: Is a directory");
    close(fd);
    assert_false(input_read(&message, fd, &no_options, &error));
    assert_int_equal(error.exit_code, EX_IOERR);
    message_free(&message);
}

/* --- a slow caller --- */

static const char slow_input[] = "Subject: slow\r\n\r\nline\r\n";

static void *write_slowly(void *argument)
{
    static const struct timespec pause = {.tv_nsec = 3 * 1000 * 1000};
    int fd = *(int *)argument;

    for (const char *byte = slow_input; *byte != '\0'; byte++) {
        nanosleep(&pause, NULL);
        if (write(fd, byte, 1) != 1)
            return NULL;
    }
    close(fd);
    return argument;
}

static void ignore_alarm(int number)
{
    (void)number;
}

static void assert_slow(int flags)
{
    int ends[2];
    pthread_t writer;
    void *result;

    assert_int_equal(pipe(ends), 0);
    assert_int_equal(fcntl(ends[0], F_SETFL, flags), 0);
    assert_int_equal(pthread_create(&writer, NULL, write_slowly, &ends[1]), 0);
    assert_read(ends[0], slice_of(slow_input), &no_options);
    assert_int_equal(pthread_join(writer, &result), 0);
    assert_non_null(result);
}

/* A read that would block is waited for, one that a signal interrupts is repeated. */
static void test_a_slow_caller(void **state)
{
    static const struct itimerval often = {{.tv_usec = 1000}, {.tv_usec = 1000}}, never;
    struct sigaction action = {.sa_handler = ignore_alarm}, before;

    (void)state;
    assert_slow(O_NONBLOCK);
    sigaction(SIGALRM, &action, &before);
    setitimer(ITIMER_REAL, &often, NULL);
    assert_slow(0);
    assert_slow(O_NONBLOCK);
    setitimer(ITIMER_REAL, &never, NULL);
    sigaction(SIGALRM, &before, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_lone_dots),
        cmocka_unit_test(test_a_lone_dot_ends_the_reading),
        cmocka_unit_test(test_facts),
        cmocka_unit_test(test_random_inputs_in_random_pieces),
        cmocka_unit_test(test_every_mixture_across_the_block_end),
        cmocka_unit_test(test_long_runs_of_carriage_returns),
        cmocka_unit_test(test_large_inputs),
        cmocka_unit_test(test_longest_name),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_a_dropped_dot_does_not_count),
        cmocka_unit_test(test_the_rest_is_drained),
        cmocka_unit_test(test_what_cannot_be_read),
        cmocka_unit_test(test_a_slow_caller),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Goal: each rule about line ends, header, dots and the mbox line holds; what cannot be taken is an
 * error, and the caller is never left writing or waiting. */
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
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/message/stretch.h"

enum { MEGABYTE = 1024 * 1024 };

static const struct input_options no_options;

/* Reads `fd`, closes it and compares. */
static void assert_read(int fd, const struct input_options *options, const char *header,
                        const char *body)
{
    struct message message;
    struct error error;

    message_init(&message, NULL);
    assert_true(input_read(&message, fd, options, &error));
    assert_stretch(&message, message.header, slice_of(header));
    assert_stretch(&message, message.body, slice_of(body));
    message_free(&message);
    close(fd);
}

/* The same, handed in as two pieces, and as pieces of one byte. */
static void assert_pieces(struct slice input, const char *header, const char *body)
{
    for (size_t first = 0; first <= input.length + 1; first++) {
        size_t size = first > input.length ? 1 : input.length;
        struct message message;
        struct error error;
        struct input *pieces;

        message_init(&message, NULL);
        pieces = input_open(&message, &no_options, &error);
        assert_non_null(pieces);
        if (first <= input.length)
            assert_true(input_add(pieces, slice_to(input, first), &error));
        for (size_t i = first <= input.length ? first : 0; i < input.length; i += size)
            assert_true(input_add(pieces, slice_to(slice_from(input, i), size), &error));
        assert_true(input_end(pieces, &error));
        assert_stretch(&message, message.header, slice_of(header));
        assert_stretch(&message, message.body, slice_of(body));
        message_free(&message);
    }
}

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
        assert_read(open_file(slice_of(cases[i].input)), &no_options, cases[i].header,
                    cases[i].body);
        assert_pieces(slice_of(cases[i].input), cases[i].header, cases[i].body);
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
        bool header_8bit, body_8bit, body_nul;
        size_t longest_line;
    } cases[] = {
        {{"A: b\n\nccc\nd\n", 12}, false, false, false, 3},
        {{"A: \xe9\n\nc\n", 8}, true, false, false, 1},
        {{"A: \0\n\nc\n", 8}, false, false, false, 1},
        {{"A: b\n\n\xff\n", 8}, false, true, false, 1},
        {{"A: b\n\n\0\n", 8}, false, false, true, 1},
        {{"A: b\n\nlonger line\0\xe9", 19}, false, true, true, 13},
        {{"A: a long field\n\n", 17}, false, false, false, 0},
        {{"From \xe9\nA: b\n\nc\r1234\n", 19}, false, false, false, 4},
        {{"\0: b\n", 5}, false, false, true, 4},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct message message;
        struct error error;
        int fd = open_file(cases[i].input);

        message_init(&message, NULL);
        assert_true(input_read(&message, fd, &no_options, &error));
        assert_int_equal(message.header_8bit, cases[i].header_8bit);
        assert_int_equal(message.body_8bit, cases[i].body_8bit);
        assert_int_equal(message.body_nul, cases[i].body_nul);
        assert_int_equal(message.body_longest_line, cases[i].longest_line);
        message_free(&message);
        close(fd);
    }
}

static void add_repeated(struct buffer *out, const char *text, size_t size)
{
    while (out->length < size)
        buffer_add_string(out, text);
    assert_false(out->failed);
}

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
        {"From a line that does not count\nA: b\r\r\n", "", 0, 8, EX_OK},
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

/* Hands `refusal` in by pieces of `size`: what is too much is so in whatever pieces it comes, and
 * stays so. */
static void assert_refused_pieces(const struct refusal *refusal, size_t size)
{
    struct input_options options = {.max_size = refusal->max_size};
    struct error error = {.exit_code = EX_OK}, last = {.exit_code = EX_OK};
    struct buffer input = {0};
    struct message message;
    struct input *pieces;
    bool good = true;

    buffer_add_string(&input, refusal->start);
    add_repeated(&input, refusal->repeated, refusal->size);
    message_init(&message, NULL);
    pieces = input_open(&message, &options, &error);
    assert_non_null(pieces);
    for (size_t i = 0; i < input.length; i += size) {
        struct slice piece = slice_to(slice_from(buffer_slice(&input), i), size);
        bool taken = input_add(pieces, piece, &error);

        assert_true(good || !taken);
        good = taken;
    }
    assert_int_equal(input_end(pieces, &last), refusal->exit_code == EX_OK);
    assert_int_equal(last.exit_code, refusal->exit_code);
    assert_true(good || strcmp(error.sentence, last.sentence) == 0);
    message_free(&message);
    buffer_free(&input);
}

static void test_limits_of_pieces(void **state)
{
    static const struct refusal cases[] = {
        {"A: b\r\n\r\n", "12345678\r\n", 48, 48, EX_OK},
        {"A: b\r\n\r\n", "12345678\r\n", 48, 47, EX_DATAERR},
        {"A: b\r\n\r\n", "12345678\r\n", MEGABYTE, 4711, EX_DATAERR},
        {"From a line that does not count\nA: b\r\r\n", "", 0, 8, EX_OK},
        {"no LF anywhere", ".", 2 * MEGABYTE, MEGABYTE, EX_DATAERR},
        {"only CR", "\r", MEGABYTE / 2 - 2, MEGABYTE, EX_OK},
        {"only CR", "\r", MEGABYTE / 2 + 10, MEGABYTE, EX_DATAERR},
        {"A:\n", " x\r\n", INPUT_HEADER_LIMIT + 100, 0, EX_DATAERR},
    };
    static const size_t sizes[] = {7, 1000, 100 * 1000};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (size_t j = 0; j < sizeof sizes / sizeof sizes[0]; j++)
            assert_refused_pieces(&cases[i], sizes[j]);
}

/* A lone dot ends what is handed in, too; nothing is left behind by what is given up. */
static void test_over_and_abandoned(void **state)
{
    static const struct input_options options = {.dot_ends = true};
    struct message message;
    struct error error;
    struct input *pieces;

    (void)state;
    message_init(&message, NULL);
    pieces = input_open(&message, &options, &error);
    assert_non_null(pieces);
    assert_true(input_add(pieces, slice_of("A: b\n\nc\n."), &error));
    assert_false(input_is_over(pieces));
    assert_true(input_add(pieces, slice_of("\nd\n"), &error));
    assert_true(input_is_over(pieces));
    assert_true(input_add(pieces, slice_of("e\n"), &error));
    assert_true(input_end(pieces, &error));
    assert_stretch(&message, message.body, slice_of("c\r\n"));
    message_free(&message);
    pieces = input_open(&message, &options, &error);
    assert_non_null(pieces);
    assert_true(input_add(pieces, slice_of("kept ahead"), &error));
    input_abandon(pieces);
    input_abandon(NULL);
    message_free(&message);
}

static void test_a_dropped_dot_does_not_count(void **state)
{
    struct input_options options = {.drop_last_dot = true, .max_size = 5};

    (void)state;
    assert_read(open_file(slice_of("\na\n.\n")), &options, "", "a\r\n");
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
    assert_int_equal(error.exit_code, EX_NOINPUT);
    assert_string_equal(error.sentence, "message: cannot be read: Is a directory");
    close(fd);
    assert_false(input_read(&message, fd, &no_options, &error));
    assert_int_equal(error.exit_code, EX_NOINPUT);
    message_free(&message);
}

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
    assert_read(ends[0], &no_options, "Subject: slow\r\n", "line\r\n");
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
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_limits_of_pieces),
        cmocka_unit_test(test_over_and_abandoned),
        cmocka_unit_test(test_a_dropped_dot_does_not_count),
        cmocka_unit_test(test_the_rest_is_drained),
        cmocka_unit_test(test_what_cannot_be_read),
        cmocka_unit_test(test_a_slow_caller),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

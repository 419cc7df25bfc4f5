/* Goal: bytes arrive whole and in time, no peer can make us wait for ever, fill our memory or hide
 * how it left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/interrupt.h"
#include "net/stream.h"

enum { TIMEOUT = 5000, SHORT_TIMEOUT = 150 };

struct pair {
    struct stream stream;
    int peer; /* blocking */
};

static void open_pair(struct pair *pair, int64_t timeout)
{
    int ends[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    stream_init(&pair->stream, ends[0], timeout);
    pair->peer = ends[1];
}

/* The same over TCP, which alone knows of resets. */
static void open_tcp_pair(struct pair *pair, int64_t timeout)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(listener, 1), 0);
    getsockname(listener, (struct sockaddr *)&address, &size);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, size), 0);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    stream_init(&pair->stream, fd, timeout);
    pair->peer = accept(listener, NULL, NULL);
    assert_true(pair->peer >= 0);
    close(listener);
}

static void close_pair(struct pair *pair)
{
    stream_close(&pair->stream);
    stream_close(&pair->stream);
    if (pair->peer >= 0)
        close(pair->peer);
}

static void reset(struct pair *pair)
{
    struct linger linger = {.l_onoff = 1};

    setsockopt(pair->peer, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
    close(pair->peer);
    pair->peer = -1;
}

static void say(const struct pair *pair, const char *words)
{
    assert_int_equal(send(pair->peer, words, strlen(words), MSG_NOSIGNAL), strlen(words));
}

static void assert_input(const struct stream *stream, const char *expected)
{
    struct slice input = stream_input(stream);

    assert_int_equal(input.length, strlen(expected));
    assert_memory_equal(input.bytes, expected, input.length);
}

static void test_sends_nothing_before_flush_and_all_at_once(void **state)
{
    struct pair pair;
    struct error error;
    char got[64];

    (void)state;
    open_pair(&pair, TIMEOUT);
    assert_true(stream_write(&pair.stream, slice_of("EHLO a\r\n"), &error));
    assert_true(stream_write(&pair.stream, slice_of("NOOP\r\n"), &error));
    assert_int_equal(recv(pair.peer, got, sizeof(got), MSG_DONTWAIT), -1);
    assert_true(stream_flush(&pair.stream, &error));
    assert_int_equal(recv(pair.peer, got, sizeof(got), MSG_DONTWAIT), 14);
    assert_memory_equal(got, "EHLO a\r\nNOOP\r\n", 14);
    close_pair(&pair);
}

static void test_fill_consume_fill(void **state)
{
    struct pair pair;
    struct error error;

    (void)state;
    open_pair(&pair, TIMEOUT);
    assert_int_equal(stream_try_fill(&pair.stream, &error), STREAM_WANT_READ);
    say(&pair, "220 hello\r\n250");
    assert_true(stream_fill(&pair.stream, clock_deadline(TIMEOUT), &error));
    assert_input(&pair.stream, "220 hello\r\n250");
    stream_consume(&pair.stream, 11);
    assert_input(&pair.stream, "250");
    say(&pair, " ok\r\n");
    assert_int_equal(stream_try_fill(&pair.stream, &error), STREAM_MOVED);
    assert_input(&pair.stream, "250 ok\r\n");
    close_pair(&pair);
}

static void test_output_does_not_stay_in_memory(void **state)
{
    static const char secret[] = "AUTH PLAIN AGFsaWNlAGh1bnRlcjI=\r\n";
    struct pair pair;
    struct error error;

    (void)state;
    open_pair(&pair, TIMEOUT);
    assert_true(stream_write(&pair.stream, slice_of(secret), &error));
    assert_true(stream_flush(&pair.stream, &error));
    for (size_t i = 0; i < sizeof(secret) - 1; i++)
        assert_int_equal(pair.stream.output.bytes[i], 0);
    close_pair(&pair);
}

struct way_to_leave {
    const char *last_words;
    bool reset;
    enum stream_status status;
    const char *sentence;
};

static void test_tells_how_the_peer_left(void **state)
{
    static const struct way_to_leave ways[] = {
        {"", false, STREAM_CLOSED, "connection closed by the server"},
        {"", true, STREAM_CUT, "connection reset by the server"},
        {"421 bye\r\n", false, STREAM_CLOSED, "connection closed by the server"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        struct pair pair;
        struct error error = {0};

        open_tcp_pair(&pair, TIMEOUT);
        say(&pair, ways[i].last_words);
        if (ways[i].reset) {
            reset(&pair);
        } else {
            close(pair.peer);
            pair.peer = -1;
        }
        if (*ways[i].last_words != '\0')
            assert_true(stream_fill(&pair.stream, clock_deadline(TIMEOUT), &error));
        for (int again = 0; again < 2; again++) {
            memset(&error, 0, sizeof(error));
            assert_false(stream_fill(&pair.stream, clock_deadline(TIMEOUT), &error));
            assert_string_equal(error.sentence, ways[i].sentence);
            assert_int_equal(error.exit_code, EX_TEMPFAIL);
            assert_int_equal(stream_try_fill(&pair.stream, &error), ways[i].status);
        }
        assert_input(&pair.stream, ways[i].last_words);
        close_pair(&pair);
    }
}

static void test_silence_ends_at_the_deadline(void **state)
{
    struct pair pair;
    struct error error;
    int64_t started = clock_now();

    (void)state;
    open_pair(&pair, TIMEOUT);
    assert_false(stream_fill(&pair.stream, clock_deadline(SHORT_TIMEOUT), &error));
    assert_int_equal(error.exit_code, EX_TEMPFAIL);
    assert_non_null(strstr(error.sentence, "no answer within 0."));
    assert_in_range(clock_now() - started, SHORT_TIMEOUT, TIMEOUT - 1);
    close_pair(&pair);
}

/* Runs in a process of its own. 0 where each kind of waiting ends as it should. */
static int wait_interrupted(void)
{
    static const char sentence[] = "interrupted by SIGTERM; nothing was sent";
    static char bytes[4 * 1024 * 1024];
    struct pair pair, blocked;
    struct error error, lasting;

    alarm(30);
    open_pair(&pair, TIMEOUT);
    open_pair(&blocked, TIMEOUT);
    if (!interrupt_hold(&error))
        return 1;
    if (fork() == 0) {
        usleep(20 * 1000);
        _exit(kill(getppid(), SIGTERM));
    }
    if (stream_fill(&pair.stream, clock_deadline(60000), &error) ||
        strcmp(error.sentence, sentence) != 0 || error.exit_code != EX_TEMPFAIL)
        return 2;
    /* Words go out, as a goodbye does, but nothing is waited for. */
    if (!stream_write(&pair.stream, slice_of("QUIT"), &error) ||
        !stream_flush(&pair.stream, &error) || read(pair.peer, bytes, 10) != 4)
        return 3;
    if (stream_write(&blocked.stream, slice_make(bytes, sizeof(bytes)), &error) ||
        strcmp(error.sentence, sentence) != 0)
        return 4;
    return stream_write(&blocked.stream, slice_make(bytes, sizeof(bytes)), &lasting) ? 5 : 0;
}

/* The same behind the point of no return: what is said later is still heard. */
static int wait_deferred(void)
{
    struct pair pair;
    struct error error;

    alarm(30);
    open_pair(&pair, TIMEOUT);
    if (!interrupt_hold(&error) || !interrupt_defer(&error))
        return 1;
    if (fork() == 0) {
        kill(getppid(), SIGTERM);
        usleep(50 * 1000);
        _exit(write(pair.peer, "250\r\n", 5) != 5);
    }
    if (!stream_fill(&pair.stream, clock_deadline(20000), &error))
        return 2;
    interrupt_resume();
    return interrupt_came(&error) ? 0 : 3;
}

static void assert_good_in_child(int (*body)(void))
{
    int status;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0)
        _exit(body());
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void test_an_interrupt_ends_the_waiting(void **state)
{
    (void)state;
    assert_good_in_child(wait_interrupted);
    assert_good_in_child(wait_deferred);
}

static void test_a_peer_that_does_not_read_times_out(void **state)
{
    static char block[256 * 1024];
    struct pair pair;
    struct error error;
    bool sent = true;

    (void)state;
    open_pair(&pair, SHORT_TIMEOUT);
    for (int i = 0; i < 64 && sent; i++)
        sent = stream_write(&pair.stream, slice_make(block, sizeof(block)), &error);
    assert_false(sent);
    assert_int_equal(error.exit_code, EX_TEMPFAIL);
    assert_non_null(strstr(error.sentence, "no answer within"));
    /* Half of something has been sent: nothing may follow it. */
    assert_true(stream_write(&pair.stream, slice_of("QUIT\r\n"), &error));
    assert_false(stream_flush(&pair.stream, &error));
    close_pair(&pair);
}

enum { FLOOD_REPLIES = 3 * 1024 * 1024, FLOOD_DATA = 8 * 1024 * 1024 };

/* Says all it has to say before it reads anything. */
static void *flood(void *argument)
{
    static char replies[FLOOD_REPLIES];
    static char sink[64 * 1024];
    const struct pair *pair = argument;
    uintptr_t sum = 0, total = 0;
    ssize_t got;

    memset(replies, 'r', sizeof(replies));
    for (size_t sent = 0; sent < sizeof(replies);) {
        ssize_t count = send(pair->peer, replies + sent, sizeof(replies) - sent, MSG_NOSIGNAL);

        if (count <= 0)
            return NULL;
        sent += (size_t)count;
    }
    while (total < FLOOD_DATA && (got = recv(pair->peer, sink, sizeof(sink), 0)) > 0) {
        for (ssize_t i = 0; i < got; i++)
            sum = (sum * 31 + (unsigned char)sink[i]) & 0xffffff;
        total += (uintptr_t)got;
    }
    return (void *)sum;
}

/* Pieces of all sizes: appended, flushed in between, sent from where they are. */
static void test_two_talkers_do_not_deadlock(void **state)
{
    static const size_t sizes[] = {1, 65536, 14, 1000, 131072, 40000, 131071, 32768, 300000};
    struct pair pair;
    struct error error;
    pthread_t thread;
    void *sum;
    uintptr_t expected = 0;
    char *data = malloc(FLOOD_DATA);

    (void)state;
    for (size_t i = 0; i < FLOOD_DATA; i++) {
        data[i] = (char)(i * 7 + i / 251);
        expected = (expected * 31 + (unsigned char)data[i]) & 0xffffff;
    }
    open_pair(&pair, TIMEOUT);
    pthread_create(&thread, NULL, flood, &pair);
    for (size_t at = 0, i = 0; at < FLOOD_DATA; at += sizes[i], i = (i + 1) % 9)
        assert_true(stream_write(
            &pair.stream, slice_to(slice_make(data + at, FLOOD_DATA - at), sizes[i]), &error));
    assert_true(stream_flush(&pair.stream, &error));
    pthread_join(thread, &sum);
    assert_int_equal((uintptr_t)sum, expected);
    while (stream_input(&pair.stream).length < FLOOD_REPLIES)
        assert_true(stream_fill(&pair.stream, clock_deadline(TIMEOUT), &error));
    assert_int_equal(stream_input(&pair.stream).length, FLOOD_REPLIES);
    close_pair(&pair);
    free(data);
}

static void *talk_for_ever(void *argument)
{
    static char replies[64 * 1024];
    const struct pair *pair = argument;

    while (send(pair->peer, replies, sizeof(replies), MSG_NOSIGNAL) > 0)
        ;
    return NULL;
}

static void test_input_is_bounded(void **state)
{
    struct pair pair;
    struct error error;
    pthread_t thread;
    bool more = true;

    (void)state;
    open_pair(&pair, TIMEOUT);
    pthread_create(&thread, NULL, talk_for_ever, &pair);
    while (more)
        more = stream_fill(&pair.stream, clock_deadline(TIMEOUT), &error);
    assert_int_equal(error.exit_code, EX_PROTOCOL);
    assert_non_null(strstr(error.sentence, "4 MiB"));
    assert_in_range(pair.stream.input.capacity, 1, 3 * STREAM_INPUT_LIMIT);
    stream_close(&pair.stream);
    pthread_join(thread, NULL);
    close_pair(&pair);
}

/* A server that hangs up in the middle of a message says why first. */
static void test_last_words_survive_a_failed_write(void **state)
{
    static char block[64 * 1024];
    struct pair pair;
    struct error error;
    bool sent = true;

    (void)state;
    open_pair(&pair, TIMEOUT);
    say(&pair, "554 no more\r\n");
    close(pair.peer);
    pair.peer = -1;
    for (int i = 0; i < 64 && sent; i++)
        sent = stream_write(&pair.stream, slice_make(block, sizeof(block)), &error);
    assert_false(sent);
    assert_int_equal(error.exit_code, EX_TEMPFAIL);
    assert_string_equal(error.sentence, "connection closed by the server");
    assert_input(&pair.stream, "554 no more\r\n");
    close_pair(&pair);
}

/* A transport that moves one byte at a time, and wants to read before each write. */
struct slow {
    int fd;
    bool asked;
    bool *closed;
};

static enum stream_status slow_read(void *context, char *bytes, size_t size, size_t *moved,
                                    struct error *error)
{
    struct slow *slow = context;
    ssize_t got = recv(slow->fd, bytes, size > 0 ? 1 : 0, 0);

    (void)error;
    *moved = got > 0 ? 1 : 0;
    return got > 0 ? STREAM_MOVED : STREAM_WANT_READ;
}

static enum stream_status slow_write(void *context, const char *bytes, size_t length, size_t *moved,
                                     struct error *error)
{
    struct slow *slow = context;

    (void)error;
    slow->asked = !slow->asked;
    if (slow->asked)
        return STREAM_WANT_READ;
    *moved = (size_t)send(slow->fd, bytes, length > 0 ? 1 : 0, 0);
    return STREAM_MOVED;
}

static void slow_close(void *context)
{
    struct slow *slow = context;

    *slow->closed = true;
    free(slow);
}

static void test_transport(void **state)
{
    static const struct stream_transport transport = {slow_read, slow_write, slow_close};
    struct slow *slow = calloc(1, sizeof(*slow));
    bool closed = false;
    struct pair pair;
    struct error error;
    char got[8];

    (void)state;
    open_pair(&pair, TIMEOUT);
    *slow = (struct slow){.fd = pair.stream.fd, .closed = &closed};
    stream_set_transport(&pair.stream, &transport, slow);
    say(&pair, "abc");
    assert_true(stream_write(&pair.stream, slice_of("x"), &error));
    assert_true(stream_flush(&pair.stream, &error));
    assert_int_equal(recv(pair.peer, got, sizeof(got), MSG_DONTWAIT), 1);
    assert_input(&pair.stream, "abc");
    close_pair(&pair);
    assert_true(closed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sends_nothing_before_flush_and_all_at_once),
        cmocka_unit_test(test_fill_consume_fill),
        cmocka_unit_test(test_output_does_not_stay_in_memory),
        cmocka_unit_test(test_tells_how_the_peer_left),
        cmocka_unit_test(test_silence_ends_at_the_deadline),
        cmocka_unit_test(test_an_interrupt_ends_the_waiting),
        cmocka_unit_test(test_a_peer_that_does_not_read_times_out),
        cmocka_unit_test(test_two_talkers_do_not_deadlock),
        cmocka_unit_test(test_input_is_bounded),
        cmocka_unit_test(test_last_words_survive_a_failed_write),
        cmocka_unit_test(test_transport),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

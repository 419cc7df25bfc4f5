/* Goal: whatever the addresses and ports of a smarthost do, one that greets is found as early as
 * the schedule promises, and where none does, each is named with its own reason. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <fnmatch.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/interrupt.h"
#include "net/dial.h"
#include "tests/support/dns.h"
#include "tests/support/names.h"

/* Milliseconds. LONG: what must not be waited for. SOON: far less, and enough on a busy machine. */
enum { SOON = 3000, LONG = 30000, DELAY = 300 };
enum { SERVERS_MAX = 4, WORDS_MAX = 4 };

static const struct name table[] = {
    {.name = "two.example", .addresses = "127.0.0.1 127.0.0.2"},
    /* One after the other, 250 ms apart, these would take longer than SOON. */
    {.name = "many.example",
     .addresses = "127.0.1.1 127.0.1.2 127.0.1.3 127.0.1.4 127.0.1.5 127.0.1.6 127.0.1.7 "
                  "127.0.1.8 127.0.1.9 127.0.1.10 127.0.1.11 127.0.1.12 127.0.1.13 127.0.1.14 "
                  "127.0.0.2"},
    {.name = "later.example", .status = EAI_AGAIN},
    {.name = "hangs.example", .manner = NAME_HANGS},
    {.name = "smtp.srv.example", .addresses = "127.0.0.1"},
    {.name = "elsewhere.example", .addresses = "127.0.0.1"},
    {.name = NULL},
};

/* Says its next words at each connection, and stays connected unless they are "". After the last
 * ones it says nothing more. `count` belongs to the thread until it was stopped. */
struct server {
    const char *words[WORDS_MAX];
    int wait; /* milliseconds before it speaks */
    int fd;
    uint16_t port;
    pthread_t thread;
    int connections[WORDS_MAX];
    int count;
};

static int listen_on(const char *host, uint16_t *port, int backlog)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(*port)};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    inet_pton(AF_INET, host, &address.sin_addr);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    if (backlog >= 0)
        assert_int_equal(listen(fd, backlog), 0);
    getsockname(fd, (struct sockaddr *)&address, &size);
    *port = ntohs(address.sin_port);
    return fd;
}

static void *serve(void *argument)
{
    struct server *server = argument;
    int fd;

    while ((fd = accept(server->fd, NULL, NULL)) >= 0) {
        const char *words = server->count < WORDS_MAX ? server->words[server->count] : NULL;

        usleep((useconds_t)server->wait * 1000);
        if (words != NULL)
            send(fd, words, strlen(words), MSG_NOSIGNAL);
        if ((words != NULL && *words == '\0') || server->count == WORDS_MAX)
            close(fd);
        else
            server->connections[server->count++] = fd;
    }
    return NULL;
}

static void start(struct server *server, const char *host)
{
    server->count = 0;
    server->fd = listen_on(host, &server->port, 8);
    assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
}

static void stop(struct server *server)
{
    shutdown(server->fd, SHUT_RDWR);
    pthread_join(server->thread, NULL);
    for (int i = 0; i < server->count; i++)
        close(server->connections[i]);
    close(server->fd);
}

static bool begin(void *context, struct stream *stream, const char *host, struct error *error)
{
    (void)context;
    (void)stream;
    (void)error;
    return host != NULL;
}

static enum dial_verdict judge(void *context, struct stream *stream, struct error *error)
{
    enum stream_status status = stream_try_fill(stream, error);
    struct slice input = stream_input(stream);

    (void)context;
    if (slice_starts_nocase(input, "220"))
        return DIAL_WON;
    if (input.length > 0) {
        error_set(error, EX_UNAVAILABLE, "greeting: 554");
        return DIAL_LOST;
    }
    return status == STREAM_CLOSED || status == STREAM_CUT ? DIAL_LOST : DIAL_WAIT;
}

static int told;

static void tell(void *context, const char *sentence)
{
    (void)context;
    assert_int_equal(fnmatch("* (*:*): *", sentence, 0), 0);
    told++;
}

static const struct dial_greeter greeter = {
    .begin = begin, .judge = judge, .tell = tell, .silence_advice = "is it TLS?"};

static struct dial_options two_ports(uint16_t first, uint16_t second)
{
    return (struct dial_options){
        .hosts = {"127.0.0.1"},
        .ports = {first, second},
        .connect_timeout = LONG,
        .fallback_delay = DELAY,
    };
}

static struct dial *create(const struct dial_options *options)
{
    struct error error;
    struct dial *dial = dial_create(options, &greeter, LONG, &error);

    assert_non_null(dial);
    return dial;
}

/* The port that wins a race, and how long that took; 0 and the error when none does. */
static uint16_t race(struct dial *dial, int64_t *took, struct error *error)
{
    struct dial_peer peer = {0};
    struct stream stream;
    int64_t started = clock_now();
    bool won = dial_next(dial, &stream, &peer, error);

    *took = clock_now() - started;
    if (!won)
        return 0;
    assert_true(slice_starts_nocase(stream_input(&stream), "220"));
    assert_true(peer.loopback);
    stream_close(&stream);
    return peer.port;
}

struct watched {
    char news[512]; /* "ADDRESS REASON; " each */
    struct text text;
};

static void watch(void *context, const struct dial_news *news)
{
    struct watched *watched = context;

    assert_string_equal(news->host, "127.0.0.1");
    assert_true(news->address[0] != '\0' || (news->found != NULL && news->found->count == 1));
    assert_true(news->connected == 0 || news->connected >= news->started);
    text_add_format(&watched->text, "%s %s; ", news->address,
                    news->reason != NULL ? news->reason->sentence : "good");
}

/* A watcher hears of the look-up, of who lost and who won, each once; when the rest is hurried, of
 * those that nobody waited for, too. */
static void test_watcher(void **state)
{
    struct server first = {.words = {"220 hello\r\n"}}, silent = {.words = {NULL}};
    struct watched watched;
    struct dial_watcher watcher = {.take = watch, .context = &watched};
    struct dial_greeter watched_greeter = greeter;
    struct dial_options options;
    struct error error;
    struct dial *dial;
    uint16_t refused = 0;
    int64_t took;
    char expected[256];
    int fd = listen_on("127.0.0.1", &refused, -1);

    (void)state;
    text_init(&watched.text, watched.news, sizeof(watched.news));
    watched_greeter.watcher = &watcher;
    start(&first, "127.0.0.1");
    start(&silent, "127.0.0.1");
    options = two_ports(refused, first.port);
    options.ports[2] = silent.port;
    options.fallback_delay = LONG;
    dial = dial_create(&options, &watched_greeter, LONG, &error);
    assert_non_null(dial);
    assert_int_equal(race(dial, &took, &error), first.port);
    snprintf(expected, sizeof(expected),
             " good; 127.0.0.1:%u connection refused; 127.0.0.1:%u good; ", refused, first.port);
    assert_string_equal(watched.news, expected);

    text_init(&watched.text, watched.news, sizeof(watched.news));
    dial_hurry(dial, 2 * DELAY);
    assert_int_equal(race(dial, &took, &error), 0);
    assert_in_range(took, 0, SOON);
    snprintf(expected, sizeof(expected), "127.0.0.1:%u connected, but no greeting within ",
             silent.port);
    assert_memory_equal(watched.news, expected, strlen(expected));
    dial_free(dial);
    close(fd);
    stop(&first);
    stop(&silent);
}

static uint16_t race_once(const struct dial_options *options, int64_t *took, struct error *error)
{
    struct dial *dial = create(options);
    uint16_t port = race(dial, took, error);

    dial_free(dial);
    return port;
}

static void test_winner_and_its_peer(void **state)
{
    struct server server = {.words = {"220 hello\r\n"}};
    struct dial_options options;
    struct dial_peer peer;
    struct stream stream;
    struct error error;
    struct dial *dial;
    char expected[DIAL_ADDRESS_SIZE];

    (void)state;
    start(&server, "127.0.0.1");
    options = two_ports(server.port, 0);
    dial = create(&options);
    assert_true(dial_next(dial, &stream, &peer, &error));
    dial_free(dial);
    snprintf(expected, sizeof(expected), "127.0.0.1:%u", server.port);
    assert_string_equal(peer.address, expected);
    assert_string_equal(peer.host, "127.0.0.1");
    assert_int_equal(peer.port, server.port);
    assert_true(peer.loopback);
    assert_in_range(peer.greeting_ms, 0, SOON);
    assert_int_equal(stream_input(&stream).length, strlen("220 hello\r\n"));
    stream_close(&stream);
    stop(&server);
}

/* The first port does something, the second greets. */
static void test_next_port(void **state)
{
    static const struct {
        const char *first; /* NULL: silent */
        int wait;
        int64_t fallback_delay;
        bool second_wins;
    } rows[] = {
        {NULL, 0, DELAY, true},         {"", 0, LONG, true},
        {"554 no\r\n", 0, LONG, true},  {"554 no\r\n", 100, LONG, true},
        {"220 hi\r\n", 0, LONG, false}, {"220 hi\r\n", 150, LONG, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct server first = {.words = {rows[i].first}, .wait = rows[i].wait};
        struct server second = {.words = {"220 hello\r\n"}};
        struct dial_options options;
        struct error error;
        int64_t took;

        start(&first, "127.0.0.1");
        start(&second, "127.0.0.1");
        options = two_ports(first.port, second.port);
        options.fallback_delay = rows[i].fallback_delay;
        assert_int_equal(race_once(&options, &took, &error),
                         rows[i].second_wins ? second.port : first.port);
        assert_in_range(took, rows[i].first == NULL ? DELAY : rows[i].wait, SOON);
        stop(&first);
        stop(&second);
    }
}

static void test_refused_port_is_passed_over_at_once(void **state)
{
    struct server second = {.words = {"220 hello\r\n"}};
    struct dial_options options;
    struct error error;
    uint16_t refused = 0;
    int64_t took;
    int fd = listen_on("127.0.0.1", &refused, -1);

    (void)state;
    start(&second, "127.0.0.1");
    options = two_ports(refused, second.port);
    options.fallback_delay = LONG;
    assert_int_equal(race_once(&options, &took, &error), second.port);
    assert_in_range(took, 0, SOON);
    stop(&second);
    close(fd);
}

/* The second port joins the race, it does not replace the first. */
static void test_a_late_first_port_can_still_win(void **state)
{
    struct server first = {.words = {"220 hello\r\n"}, .wait = DELAY + 150};
    struct server second = {.words = {NULL}};
    struct dial_options options;
    struct error error;
    int64_t took;

    (void)state;
    start(&first, "127.0.0.1");
    start(&second, "127.0.0.1");
    options = two_ports(first.port, second.port);
    assert_int_equal(race_once(&options, &took, &error), first.port);
    stop(&first);
    stop(&second);
    assert_int_equal(second.count, 1);
}

static void test_next_address_of_a_name(void **state)
{
    static const struct {
        const char *host;
        int64_t least;
    } rows[] = {{"two.example", 250}, {"many.example", 0}};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct server second = {.words = {"220 hello\r\n"}};
        struct dial_options options;
        struct error error;
        int64_t took;
        int silent;

        start(&second, "127.0.0.2");
        silent = listen_on("127.0.0.1", &second.port, 8);
        options = two_ports(second.port, 0);
        options.hosts[0] = rows[i].host;
        assert_int_equal(race_once(&options, &took, &error), second.port);
        assert_in_range(took, rows[i].least, SOON);
        close(silent);
        stop(&second);
        assert_int_equal(second.count, 1);
    }
}

static void test_next_host(void **state)
{
    static const struct {
        const char *host; /* the first one */
        int64_t connect_timeout, least;
    } rows[] = {
        {"127.0.0.1", LONG, 0},       /* refuses */
        {"unknown.example", LONG, 0}, /* does not exist */
        {"later.example", LONG, 0},
        {"127.0.0.3", 2000, 1000}, /* silent: half of connect_timeout */
        {"hangs.example", 2000, 1000},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct server second = {.words = {"220 hello\r\n"}};
        struct dial_options options;
        struct error error;
        int64_t took;
        int silent;

        start(&second, "127.0.0.2");
        silent = listen_on("127.0.0.3", &second.port, 8);
        options = two_ports(second.port, 0);
        options.hosts[0] = rows[i].host;
        options.hosts[1] = "127.0.0.2";
        options.connect_timeout = rows[i].connect_timeout;
        assert_int_equal(race_once(&options, &took, &error), second.port);
        assert_in_range(took, rows[i].least, SOON);
        close(silent);
        stop(&second);
    }
}

static void test_a_rejected_winner_makes_room(void **state)
{
    struct server first = {.words = {NULL, "220 late\r\n"}};
    struct server second = {.words = {"220 hello\r\n"}};
    struct dial_options options;
    struct error error, reason;
    struct dial *dial;
    int64_t took;

    (void)state;
    start(&first, "127.0.0.1");
    start(&second, "127.0.0.1");
    options = two_ports(first.port, second.port);
    dial = create(&options);
    assert_int_equal(race(dial, &took, &error), second.port);
    error_set(&reason, EX_TEMPFAIL, "EHLO: refused by second: 421 busy");
    dial_reject(dial, &reason);
    /* The first was in the race when the second won: it gets another chance, and greets. */
    assert_int_equal(race(dial, &took, &error), first.port);
    error_set(&reason, EX_TEMPFAIL, "EHLO: refused by first: 450 no");
    dial_reject(dial, &reason);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(race(dial, &took, &error), 0);
        assert_in_range(took, 0, SOON);
        assert_string_equal(error.sentence,
                            "connect: no smarthost could be used: EHLO: refused by first: 450 no; "
                            "EHLO: refused by second: 421 busy");
        assert_int_equal(error.exit_code, EX_TEMPFAIL);
    }
    dial_free(dial);
    stop(&first);
    stop(&second);
}

/* What passes between two calls does not count. */
static void test_only_time_inside_counts(void **state)
{
    struct server first = {.words = {"220 hello\r\n"}};
    struct server second = {.words = {"220 hello\r\n"}};
    struct dial_options options;
    struct error error;
    struct dial *dial;
    int64_t took;

    (void)state;
    start(&first, "127.0.0.1");
    start(&second, "127.0.0.1");
    options = two_ports(first.port, second.port);
    options.connect_timeout = 1000;
    dial = create(&options);
    assert_int_equal(race(dial, &took, &error), first.port);
    usleep(1100 * 1000);
    assert_int_equal(race(dial, &took, &error), second.port);
    dial_free(dial);
    stop(&first);
    stop(&second);
}

static void test_all_fail_each_for_its_own_reason(void **state)
{
    struct server servers[] = {{.words = {NULL}}, {.words = {"554 no\r\n"}}, {.words = {""}}};
    struct dial_options options = {
        .hosts = {"127.0.0.1", "unknown.example"}, .connect_timeout = 1000, .fallback_delay = 50};
    struct error error;
    uint16_t refused = 0;
    int64_t took;
    int fd = listen_on("127.0.0.1", &refused, -1);
    char expected[512];

    (void)state;
    told = 0;
    for (size_t i = 0; i < 3; i++) {
        start(&servers[i], "127.0.0.1");
        options.ports[i] = servers[i].port;
    }
    options.ports[3] = refused;
    assert_int_equal(race_once(&options, &took, &error), 0);
    assert_in_range(took, 1000, SOON);
    snprintf(expected, sizeof(expected),
             "connect: no smarthost could be used: 127.0.0.1 (127.0.0.1:%u): connected, but no "
             "greeting within * s; 127.0.0.1 (127.0.0.1:%u): greeting: 554; "
             "127.0.0.1 (127.0.0.1:%u): connection closed by the server; "
             "127.0.0.1 (127.0.0.1:%u): connection refused; "
             "resolve: the name unknown.example does not exist; is it TLS?",
             servers[0].port, servers[1].port, servers[2].port, refused);
    assert_int_equal(fnmatch(expected, error.sentence, 0), 0);
    assert_int_equal(error.exit_code, EX_TEMPFAIL);
    assert_int_equal(told, 8); /* for each of the four that we connect, and why it lost */
    for (size_t i = 0; i < 3; i++)
        stop(&servers[i]);
    close(fd);
}

/* Exit codes and sentences that do not depend on a port. */
static void test_no_address(void **state)
{
    static const struct {
        const char *first, *second;
        int exit_code;
        const char *sentence;
    } rows[] = {
        {"unknown.example", NULL, EX_NOHOST, "resolve: the name unknown.example does not exist"},
        {"unknown.example", "other.example", EX_NOHOST,
         "resolve: the name unknown.example does not exist; "
         "resolve: the name other.example does not exist"},
        {"later.example", NULL, EX_TEMPFAIL, "resolve: DNS gave no answer for later.example"},
        {"unknown.example", "later.example", EX_TEMPFAIL,
         "resolve: the name unknown.example does not exist; "
         "resolve: DNS gave no answer for later.example"},
        {"hangs.example", NULL, EX_TEMPFAIL,
         "resolve: DNS gave no answer for hangs.example in time"},
        {NULL, NULL, EX_CONFIG, "connect: there is no host or port to connect to"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct dial_options options = {.hosts = {rows[i].first, rows[i].second},
                                       .ports = {25},
                                       .connect_timeout = 200,
                                       .fallback_delay = DELAY};
        struct error error;
        int64_t took;

        assert_int_equal(race_once(&options, &took, &error), 0);
        assert_string_equal(error.sentence, rows[i].sentence);
        assert_int_equal(error.exit_code, rows[i].exit_code);
        assert_in_range(took, 0, SOON);
    }
}

static void test_refused_by_all_for_one_reason(void **state)
{
    struct server first = {.words = {"554 no\r\n"}};
    struct server second = {.words = {"554 no\r\n"}};
    struct dial_options options;
    struct error error;
    int64_t took;

    (void)state;
    start(&first, "127.0.0.1");
    start(&second, "127.0.0.1");
    options = two_ports(first.port, second.port);
    assert_int_equal(race_once(&options, &took, &error), 0);
    assert_int_equal(error.exit_code, EX_UNAVAILABLE);
    stop(&first);
    stop(&second);
}

/* A listener whose queue is full drops what comes, like a firewall. */
static void test_no_packet_comes_back(void **state)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct dial_options options;
    struct error error;
    uint16_t port = 0;
    int64_t took;
    int fillers[4];
    int fd = listen_on("127.0.0.1", &port, 0);

    (void)state;
    address.sin_port = htons(port);
    for (size_t i = 0; i < 4; i++) {
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        connect(fillers[i], (struct sockaddr *)&address, sizeof(address));
    }
    options = two_ports(port, 0);
    options.connect_timeout = 200;
    assert_int_equal(race_once(&options, &took, &error), 0);
    assert_int_equal(error.exit_code, EX_TEMPFAIL);
    assert_int_equal(
        fnmatch("connect: 127.0.0.1 (*:*): no answer within 0.* s; a firewall may drop *",
                error.sentence, 0),
        0);
    for (size_t i = 0; i < 4; i++)
        close(fillers[i]);
    close(fd);
}

/* With descriptors for two: the third has its turn when one of them has lost. */
static int race_with_two_descriptors(const struct dial_options *options, uint16_t winner)
{
    struct rlimit limit;
    struct error error;
    int64_t took;

    alarm(30);
    closefrom(STDERR_FILENO + 1); /* the servers' stay open in the parent */
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 1;
    limit.rlim_cur = STDERR_FILENO + 3;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 2;
    return race_once(options, &took, &error) == winner ? 0 : 3;
}

static void test_descriptors_are_waited_for(void **state)
{
    struct server silent = {.words = {NULL}}, brief = {.words = {""}, .wait = 3 * DELAY},
                  good = {.words = {"220 hello\r\n"}};
    struct dial_options options;
    int status;

    (void)state;
    start(&silent, "127.0.0.1");
    start(&brief, "127.0.0.1");
    start(&good, "127.0.0.1");
    options = two_ports(silent.port, brief.port);
    options.ports[2] = good.port;
    pid_t pid = fork();
    if (pid == 0)
        _exit(race_with_two_descriptors(&options, good.port));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    stop(&silent);
    stop(&brief);
    stop(&good);
    assert_int_equal(status, 0);
}

/* Runs in a process of its own; 0 where all was as it should be. */
static int race_interrupted(void)
{
    struct dial_options options = two_ports(587, 2525);
    struct error error, given_up;
    struct dial *dial;
    int64_t took;

    alarm(30);
    options.hosts[0] = "hangs.example";
    dial = create(&options);
    if (!interrupt_hold(&error))
        return 1;
    if (fork() == 0) {
        usleep(50 * 1000);
        _exit(kill(getppid(), SIGINT));
    }
    if (race(dial, &took, &error) != 0 || error.exit_code != EX_TEMPFAIL ||
        strcmp(error.sentence, "connect: hangs.example: interrupted by SIGINT; nothing was sent") !=
            0)
        return 2;
    if (race(dial, &took, &given_up) != 0 || strcmp(given_up.sentence, error.sentence) != 0)
        return 3;
    dial_free(dial);
    return 0;
}

/* The winner was left for the interrupt: no other is tried, and its reason stands. */
static int reject_interrupted(void)
{
    struct server server = {.words = {"220 hello\r\n", "220 hello\r\n"}};
    struct dial_options options;
    struct error error, reason;
    struct dial *dial;
    int64_t took;

    alarm(30);
    start(&server, "127.0.0.1");
    options = two_ports(server.port, server.port);
    dial = create(&options);
    if (!interrupt_hold(&error) || race(dial, &took, &error) != server.port)
        return 1;
    raise(SIGHUP);
    error_set(&reason, EX_TEMPFAIL, "EHLO: interrupted");
    dial_reject(dial, &reason);
    if (race(dial, &took, &error) != 0 || strcmp(error.sentence, reason.sentence) != 0)
        return 2;
    dial_free(dial);
    stop(&server);
    return server.count == 1 ? 0 : 3;
}

static void test_an_interrupt_ends_the_race(void **state)
{
    static int (*const bodies[])(void) = {race_interrupted, reject_interrupted};

    (void)state;
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        int status;
        pid_t pid = fork();

        if (pid == 0)
            _exit(bodies[i]());
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
    }
}

/* The records of one case, all with the port of the server that greets. */
struct srv_case {
    const char *hosts[3];
    const char *target; /* of _submission._tcp.srv.example; NULL: no such record */
    int manner;
    bool any_target;
    const char *winner; /* NULL: none, but */
    int exit_code;
    const char *sentence;
};

static void race_srv(const struct srv_case *row, struct server *server)
{
    struct dns_server dns = {.socket = -1};
    char data[64];
    struct dns_row rows[] = {
        {"_submissions._tcp.implicit.example", ns_t_srv, "0 0 465 smtp.implicit.example", 0},
        {"_submission._tcp.srv.example", ns_t_srv, data, 0},
        {NULL, 0, NULL, 0},
    };
    struct dial_options options = two_ports(server->port, 0);
    struct dial_peer peer = {.host = ""};
    struct stream stream;
    struct error error;
    snprintf(data, sizeof(data), "0 0 %u %s", server->port, row->target ? row->target : "");
    rows[1].manner = (unsigned)row->manner;
    if (row->target == NULL)
        rows[1].name = NULL;
    dns_server_start(&dns, rows);
    memcpy(options.hosts, row->hosts, sizeof(row->hosts));
    options.service = "_submission._tcp";
    options.any_target = row->any_target;
    options.dns_server = &dns.address;
    struct dial *dial = create(&options);
    bool won = dial_next(dial, &stream, &peer, &error);
    dial_free(dial);
    dns_server_stop(&dns);
    assert_int_equal(won, row->winner != NULL);
    if (won) {
        bool configured = strcmp(row->winner, "127.0.0.1") == 0;
        assert_string_equal(peer.host, row->winner);
        assert_int_equal(peer.port, server->port);
        assert_int_equal(peer.hearsay, !configured && row->manner != DNS_ROW_SIGNED);
        stream_close(&stream);
    } else {
        assert_int_equal(error.exit_code, row->exit_code);
        assert_string_equal(error.sentence, row->sentence);
    }
}

#define SRV "srv:srv.example"
#define OUTSIDE                                                                                    \
    "resolve: not believed: the DNS names elsewhere.example for srv.example, without "             \
    "authentication and not under that domain; if that is the right server, set "                  \
    "tls_name = elsewhere.example"

static void test_srv(void **state)
{
    static const struct srv_case cases[] = {
        {{SRV}, "smtp.srv.example", 0, false, "smtp.srv.example", 0, NULL},
        {{SRV}, "elsewhere.example", 0, false, NULL, EX_NOPERM, OUTSIDE},
        {{SRV}, "elsewhere.example", 0, true, "elsewhere.example", 0, NULL},
        {{SRV}, "elsewhere.example", DNS_ROW_SIGNED, false, "elsewhere.example", 0, NULL},
        {{SRV},
         NULL,
         0,
         false,
         NULL,
         EX_NOHOST,
         "resolve: srv.example has no SRV record _submission._tcp; name the servers themselves in "
         "host"},
        {{"srv:implicit.example"},
         NULL,
         0,
         false,
         NULL,
         EX_NOHOST,
         "resolve: implicit.example has no SRV record _submission._tcp; it has "
         "_submissions._tcp: set tls = implicit"},
        {{SRV},
         ".",
         0,
         false,
         NULL,
         EX_NOHOST,
         "resolve: srv.example says that it has no service _submission._tcp (SRV); name the "
         "servers themselves in host"},
        {{SRV},
         "smtp.srv.example",
         DNS_ROW_FAILS,
         false,
         NULL,
         EX_TEMPFAIL,
         "DNS: no answer that can be believed about _submission._tcp.srv.example"},
        /* what stands behind is the fallback, whatever is wrong with the records */
        {{SRV, "127.0.0.1"}, "smtp.srv.example", 0, false, "smtp.srv.example", 0, NULL},
        {{SRV, "127.0.0.1"}, "elsewhere.example", 0, false, "127.0.0.1", 0, NULL},
        {{SRV, "127.0.0.1"}, NULL, 0, false, "127.0.0.1", 0, NULL},
        {{SRV, "127.0.0.1"}, ".", 0, false, "127.0.0.1", 0, NULL},
        {{SRV, "127.0.0.1"}, "smtp.srv.example", DNS_ROW_FAILS, false, "127.0.0.1", 0, NULL},
        {{"127.0.0.1", SRV}, "smtp.srv.example", 0, false, "127.0.0.1", 0, NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct server server = {.words = {"220 hello\r\n"}};
        start(&server, "127.0.0.1");
        race_srv(&cases[i], &server);
        stop(&server);
    }
}

/* A DNS that is silent has its share of the time, and leaves the rest to the fallback. */
static void test_srv_silence(void **state)
{
    static const struct dns_row rows[] = {
        {"_submission._tcp.srv.example", ns_t_srv, "0 0 1 smtp.srv.example", DNS_ROW_SILENT},
        {NULL, 0, NULL, 0},
    };
    struct server server = {.words = {"220 hello\r\n"}};
    struct dns_server dns = {.socket = -1};
    struct error error;
    int64_t took;
    (void)state;
    start(&server, "127.0.0.1");
    dns_server_start(&dns, rows);
    struct dial_options options = two_ports(server.port, 0);
    options.hosts[0] = SRV;
    options.hosts[1] = "127.0.0.1";
    options.service = "_submission._tcp";
    options.dns_server = &dns.address;
    options.connect_timeout = SOON;
    assert_int_equal(race_once(&options, &took, &error), server.port);
    dns_server_stop(&dns);
    stop(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_srv),
        cmocka_unit_test(test_srv_silence),
        cmocka_unit_test(test_winner_and_its_peer),
        cmocka_unit_test(test_next_port),
        cmocka_unit_test(test_refused_port_is_passed_over_at_once),
        cmocka_unit_test(test_a_late_first_port_can_still_win),
        cmocka_unit_test(test_next_address_of_a_name),
        cmocka_unit_test(test_next_host),
        cmocka_unit_test(test_a_rejected_winner_makes_room),
        cmocka_unit_test(test_only_time_inside_counts),
        cmocka_unit_test(test_all_fail_each_for_its_own_reason),
        cmocka_unit_test(test_no_address),
        cmocka_unit_test(test_refused_by_all_for_one_reason),
        cmocka_unit_test(test_no_packet_comes_back),
        cmocka_unit_test(test_descriptors_are_waited_for),
        cmocka_unit_test(test_watcher),
        cmocka_unit_test(test_an_interrupt_ends_the_race),
    };

    names_set(table);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

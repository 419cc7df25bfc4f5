/* Each kind of fault is a function of a few lines, that knows the reply that is due and nothing
 * else of the conversation. */
#include "tests/smarthost/fault.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/clock.h"

enum { PATIENCE = 30 * 1000, BLOCK = 16 * 1024, DRIP_MS = 20, HEARD_MS = 150 };

static bool write_all(struct channel *channel, struct slice bytes)
{
    return channel_write(channel, bytes, clock_deadline(PATIENCE));
}

static bool write_string(struct channel *channel, const char *string)
{
    return write_all(channel, slice_of(string));
}

/* Reads and forgets, until the client has had enough. */
static bool listen_on(struct channel *channel)
{
    static char bytes[BLOCK];
    int64_t deadline = clock_deadline(PATIENCE);

    while (channel_read(channel, bytes, sizeof bytes, deadline) > 0)
        ;
    return false;
}

/* The right reply with another end. */
static bool write_with(struct channel *channel, struct slice line, const char *rest)
{
    struct buffer bytes = {0};
    bool written = buffer_add(&bytes, line) && buffer_add_string(&bytes, rest) &&
                   write_all(channel, buffer_slice(&bytes));

    buffer_free(&bytes);
    return written;
}

/* The right code, other words. */
static bool write_coded(struct channel *channel, struct slice line, const char *words)
{
    return write_with(channel, slice_to(line, 3), words);
}

/* --- the connection -------------------------------------------------------------------------- */

static bool strike_close(struct channel *channel, struct slice line)
{
    (void)line;
    channel_close(channel);
    return false;
}

static bool strike_cut(struct channel *channel, struct slice line)
{
    (void)line;
    channel_cut(channel);
    return false;
}

static bool strike_reset(struct channel *channel, struct slice line)
{
    (void)line;
    channel_reset(channel);
    return false;
}

/* Past TLS, as somebody in between can. */
static void write_raw(const struct channel *channel, const char *bytes, size_t length)
{
    if (send(channel->fd, bytes, length, MSG_NOSIGNAL) == -1)
        perror("send");
}

static bool strike_torn(struct channel *channel, struct slice line)
{
    (void)line;
    write_raw(channel, "\x17\x03\x03\x01\x00half a record", 18);
    channel_cut(channel);
    return false;
}

static bool strike_forged(struct channel *channel, struct slice line)
{
    (void)line;
    write_raw(channel, "\x17\x03\x03\x00\x20not from the one we have met....", 37);
    return listen_on(channel);
}

static bool strike_silence(struct channel *channel, struct slice line)
{
    (void)line;
    return listen_on(channel);
}

static bool strike_stall(struct channel *channel, struct slice line)
{
    struct pollfd closed = {.fd = channel->fd, .events = POLLRDHUP};

    (void)line;
    poll(&closed, 1, PATIENCE);
    return false;
}

/* --- how the reply comes --------------------------------------------------------------------- */

static bool drip(struct channel *channel, struct slice bytes, int wait)
{
    for (size_t i = 0; i < bytes.length; i++) {
        if (!write_all(channel, slice_make(bytes.bytes + i, 1)))
            return false;
        poll(NULL, 0, wait);
    }
    return true;
}

static bool strike_drip(struct channel *channel, struct slice line)
{
    static char words[2000];

    memset(words, 'x', sizeof words);
    drip(channel, slice_to(line, 4), DRIP_MS);
    while (drip(channel, slice_make(words, sizeof words), DRIP_MS))
        ;
    return false;
}

static bool strike_slow(struct channel *channel, struct slice line)
{
    return drip(channel, line, 1) && write_string(channel, "\r") && write_string(channel, "\n");
}

static bool strike_bare(struct channel *channel, struct slice line)
{
    return write_with(channel, line, "\n");
}

static bool strike_unended(struct channel *channel, struct slice line)
{
    write_all(channel, line);
    return listen_on(channel);
}

static bool strike_unended_close(struct channel *channel, struct slice line)
{
    write_all(channel, line);
    channel_close(channel);
    return false;
}

static bool strike_endless_line(struct channel *channel, struct slice line)
{
    static char words[BLOCK];

    memset(words, 'x', sizeof words);
    write_all(channel, line);
    while (write_all(channel, slice_make(words, sizeof words)))
        ;
    return false;
}

static bool strike_endless_reply(struct channel *channel, struct slice line)
{
    while (write_coded(channel, line, "-and so on\r\n"))
        ;
    return false;
}

/* --- what it says ---------------------------------------------------------------------------- */

static bool strike_garbage(struct channel *channel, struct slice line)
{
    (void)line;
    write_all(channel, slice_of("\xff\xfe\x01\x7f\x80 nothing that you know\r\n"));
    return listen_on(channel);
}

static bool strike_nul(struct channel *channel, struct slice line)
{
    write_all(channel, slice_to(line, 4));
    write_all(channel, slice_make("a\0b\r\n", 5));
    return listen_on(channel);
}

static bool strike_421(struct channel *channel, struct slice line)
{
    write_string(channel, "421 4.3.2 shutting down\r\n");
    return strike_close(channel, line);
}

static bool strike_later(struct channel *channel, struct slice line)
{
    (void)line;
    return write_string(channel, "451 4.3.0 not now\r\n");
}

static bool strike_refused(struct channel *channel, struct slice line)
{
    (void)line;
    return write_string(channel, "550 5.7.1 no\r\n");
}

static bool strike_refused_close(struct channel *channel, struct slice line)
{
    strike_refused(channel, line);
    return strike_close(channel, line);
}

static bool strike_refused_reset(struct channel *channel, struct slice line)
{
    strike_refused(channel, line);
    poll(NULL, 0, HEARD_MS);
    return strike_reset(channel, line);
}

static bool strike_class(struct channel *channel, struct slice line)
{
    bool is_success = line.length > 0 && line.bytes[0] == '2';

    return write_string(channel, is_success ? "354 go on\r\n" : "250 2.0.0 done\r\n");
}

static bool strike_codes(struct channel *channel, struct slice line)
{
    write_coded(channel, line, "-yes\r\n550 no\r\n");
    return listen_on(channel);
}

static bool strike_before(struct channel *channel, struct slice line)
{
    return write_string(channel, "250 2.0.0 a notice\r\n") && write_with(channel, line, "\r\n");
}

static bool strike_behind(struct channel *channel, struct slice line)
{
    return write_with(channel, line, "\r\n250 2.0.0 a notice\r\n");
}

static bool strike_regret(struct channel *channel, struct slice line)
{
    return write_with(channel, line, "\r\n550 5.7.1 on second thoughts\r\n");
}

static bool strike_escapes(struct channel *channel, struct slice line)
{
    (void)line;
    return write_string(channel, "550 5.7.1 \x1b[2J\x1b]0;owned\x07\x9b"
                                 "31m\rstatus=sent\x0b\x7f\x08 \xe2\x80\xae no\r\n");
}

static bool strike_welcome_escapes(struct channel *channel, struct slice line)
{
    return write_with(channel, line,
                      " \x1b[2J\x1b]0;owned\x07\x9b"
                      "31m\rstatus=failed \r\n");
}

/* --- all of them ----------------------------------------------------------------------------- */

static const struct fault_kind kinds[] = {
    {"close", strike_close, false, false, false},
    {"cut", strike_cut, false, false, false},
    {"reset", strike_reset, false, false, false},
    {"torn", strike_torn, false, false, false},
    {"forged", strike_forged, false, false, false},
    {"silence", strike_silence, true, false, false},
    {"stall", strike_stall, true, false, false},
    {"drip", strike_drip, true, false, false},
    {"slow", strike_slow, false, true, false},
    {"bare-lf", strike_bare, false, true, false},
    {"unended", strike_unended, true, false, false},
    {"unended-close", strike_unended_close, false, false, false},
    {"endless-line", strike_endless_line, false, false, false},
    {"endless-reply", strike_endless_reply, false, false, false},
    {"garbage", strike_garbage, false, false, false},
    {"nul", strike_nul, false, false, false},
    {"421", strike_421, false, false, false},
    {"later", strike_later, false, false, false},
    {"refused", strike_refused, false, false, false},
    {"refused-close", strike_refused_close, false, false, true},
    {"refused-reset", strike_refused_reset, false, false, true},
    {"class", strike_class, false, false, false},
    {"codes", strike_codes, false, false, false},
    {"before", strike_before, false, true, true},
    {"behind", strike_behind, false, true, true},
    {"regret", strike_regret, false, true, true},
    {"escapes", strike_escapes, false, false, false},
    {"ok-escapes", strike_welcome_escapes, false, true, false},
    {"echo", NULL, false, false, false},
};

const struct fault_kind *fault_find(const char *name)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(kinds[i].name, name) == 0)
            return &kinds[i];
    return NULL;
}

const char *fault_step_name(enum fault_step step)
{
    static const char *const names[FAULT_STEPS] = {
        "nowhere", "greeting", "ehlo", "starttls", "handshake", "ehlo-tls",
        "auth1",   "auth2",    "auth", "mail",     "rcpt1",     "rcpt2",
        "rcpt3",   "data",     "body", "end",      "quit",
    };

    return names[step];
}

bool fault_strike(const struct fault *fault, struct channel *channel, const char *line)
{
    char words[512];

    if (fault->kind->strike != NULL)
        return fault->kind->strike(channel, slice_of(line));
    snprintf(words, sizeof words, "550 5.7.1 you said %s\r\n", fault->secret);
    return write_string(channel, words);
}

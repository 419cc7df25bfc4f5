/* The rules that make a session a proof: nothing is said by the smarthost while words of the client
 * are unread, and consecutive words of the smarthost are sent as one. So lines of the client that
 * stand together in the script were all sent without waiting for an answer, and a reply between two
 * lines means that the client did wait. */
#include "tests/smarthost/conversation.h"

#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/text.h"
#include "tests/smarthost/glob.h"

enum { SHOWN = 600, BLOCK = 64 * 1024 };

static void note(struct conversation *conversation, const char *who, struct slice what)
{
    char room[SHOWN + 8];
    struct text shown;

    text_init(&shown, room, sizeof room);
    text_add_escaped(&shown, what, SHOWN);
    buffer_add_string(&conversation->protocol, who);
    buffer_add(&conversation->protocol, text_slice(&shown));
    buffer_add_string(&conversation->protocol, "\n");
}

static bool fail(struct conversation *conversation, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static bool fail(struct conversation *conversation, const char *format, ...)
{
    char sentence[2 * SHOWN + 200], place[40];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    snprintf(place, sizeof place, "line %d: ", conversation->event ? conversation->event->line : 0);
    buffer_add_string(&conversation->protocol, place);
    buffer_add_string(&conversation->protocol, sentence);
    buffer_add_string(&conversation->protocol, "\n");
    return false;
}

static struct slice unread(const struct conversation *conversation)
{
    return slice_from(buffer_slice(&conversation->received), conversation->used);
}

/* Reads once, waiting till `deadline`; as channel_read. */
static long receive(struct conversation *conversation, int64_t deadline)
{
    struct buffer *received = &conversation->received;
    long got;

    if (conversation->used == received->length) {
        buffer_clear(received);
        conversation->used = 0;
    }
    if (!buffer_reserve(received, BLOCK))
        return CHANNEL_BROKEN;
    got = channel_read(&conversation->channel, received->bytes + received->length, BLOCK, deadline);
    if (got > 0)
        received->length += (size_t)got;
    return got;
}

static bool fail_surplus(struct conversation *conversation, const char *what)
{
    struct text_shown shown;

    return fail(conversation, "%s, but the client said more: %s", what,
                text_show(&shown, unread(conversation)));
}

/* Sends the smarthost's words so far. */
static bool say(struct conversation *conversation)
{
    struct buffer *unsaid = &conversation->unsaid;
    bool sent;

    if (unsaid->length == 0 || conversation->over)
        return true;
    sent = channel_write(&conversation->channel, buffer_slice(unsaid), conversation->deadline);
    buffer_clear(unsaid);
    if (!sent && !conversation->quit)
        return fail(conversation, "the client is gone before it was told this");
    return true;
}

static bool play_server(struct conversation *conversation, const struct event *event)
{
    if (conversation->over)
        return fail(conversation, "the script speaks on a closed connection");
    if (conversation->unsaid.length == 0 && event->number == 0) {
        receive(conversation, 0);
        if (unread(conversation).length > 0)
            return fail_surplus(conversation, "the smarthost has the word");
    }
    conversation->flight = false;
    note(conversation, "S: ", slice_trim(event->text));
    return buffer_add(&conversation->unsaid, event->text);
}

static bool fail_reading(struct conversation *conversation, struct slice pattern, long result)
{
    struct text_shown wanted, got;
    const char *what = result == CHANNEL_CLOSED   ? "the client closed"
                       : result == CHANNEL_WAITED ? "the client said nothing more"
                                                  : "the connection broke";

    fail(conversation, "%s", what);
    fail(conversation, "expected: %s", text_show(&wanted, pattern));
    if (unread(conversation).length > 0)
        fail(conversation, "got a part: %s", text_show(&got, unread(conversation)));
    return false;
}

/* Offset of the CRLF in the unread bytes, reading on until there is one. */
static bool find_line(struct conversation *conversation, struct slice pattern, size_t *length)
{
    size_t seen = 0;

    for (;;) {
        struct slice bytes = unread(conversation);
        const char *end = NULL;
        long got;

        if (bytes.length > seen)
            end = memmem(bytes.bytes + seen, bytes.length - seen, "\r\n", 2);
        if (end != NULL) {
            *length = (size_t)(end - bytes.bytes);
            return true;
        }
        seen = bytes.length > 0 ? bytes.length - 1 : 0;
        if (conversation->flight)
            return fail(conversation, "the flight came in pieces");
        got = receive(conversation, conversation->deadline);
        if (got <= 0)
            return fail_reading(conversation, pattern, got);
    }
}

/* Remembers what a line means for the rest of the conversation. */
static void take_line(struct conversation *conversation, struct slice line)
{
    uint64_t octets;
    struct slice word, rest = line;

    note(conversation, "C: ", line);
    conversation->used += line.length + 2;
    if (conversation->chunk) {
        conversation->octets += line.length + 2;
        return;
    }
    conversation->quit |= slice_equals(line, slice_of("QUIT"));
    if (slice_starts_nocase(line, "BDAT ") && slice_cut_word(&rest, &word) &&
        slice_cut_word(&rest, &word) && slice_parse_number(word, UINT64_MAX, &octets))
        conversation->announced = octets;
}

static bool expect_line(struct conversation *conversation, struct slice pattern)
{
    struct text_shown wanted, got;
    struct slice line;
    size_t length = 0;

    if (!find_line(conversation, pattern, &length))
        return false;
    line = slice_to(unread(conversation), length);
    if (!glob_matches(pattern, line)) {
        fail(conversation, "expected: %s", text_show(&wanted, pattern));
        return fail(conversation, "got:      %s", text_show(&got, line));
    }
    take_line(conversation, line);
    return true;
}

static bool play_client(struct conversation *conversation, const struct event *event)
{
    if (conversation->over)
        return fail(conversation, "the script listens on a closed connection");
    for (uint64_t i = 0; i < event->repeat; i++)
        if (!expect_line(conversation, event->text))
            return false;
    return true;
}

/* Until a line is like the next event's; at the end of a chunk, until its last line. */
static bool play_skip(struct conversation *conversation, const struct event *event)
{
    bool to_end = event[1].kind == EVENT_CHUNK_END;
    size_t length = 0;

    if (event[1].kind != EVENT_CLIENT && !to_end)
        return fail(conversation, "\"|...\" needs a line behind it");
    while (!to_end || conversation->octets < conversation->announced) {
        struct slice line;

        if (!find_line(conversation, event[1].text, &length))
            return false;
        line = slice_to(unread(conversation), length);
        if (!to_end && glob_matches(event[1].text, line))
            return true;
        take_line(conversation, line);
    }
    return true;
}

static bool play_chunk_begin(struct conversation *conversation, const struct event *event)
{
    (void)event;
    conversation->chunk = true;
    conversation->octets = 0;
    return true;
}

static bool play_chunk_end(struct conversation *conversation, const struct event *event)
{
    (void)event;
    conversation->chunk = false;
    if (conversation->octets != conversation->announced)
        return fail(conversation, "BDAT announced %llu octets, %llu came",
                    (unsigned long long)conversation->announced,
                    (unsigned long long)conversation->octets);
    return true;
}

static bool play_flight(struct conversation *conversation, const struct event *event)
{
    long got = 1;

    (void)event;
    if (unread(conversation).length == 0)
        got = receive(conversation, conversation->deadline);
    conversation->flight = true;
    return got > 0 || fail_reading(conversation, slice_of("a flight"), got);
}

static bool handshake(struct conversation *conversation, const struct event *event, bool *done)
{
    SSL_CTX *context = authority_context(conversation->authority, event->text.bytes);

    if (context == NULL)
        return fail(conversation, "unknown word behind TLS");
    if (unread(conversation).length > 0)
        return fail_surplus(conversation, "TLS is due");
    *done = channel_start_tls(&conversation->channel, context, conversation->deadline);
    SSL_CTX_free(context);
    note(conversation, *done ? "*** TLS " : "*** TLS failed ", event->text);
    return true;
}

static bool play_tls(struct conversation *conversation, const struct event *event)
{
    bool done = false;

    return handshake(conversation, event, &done) &&
           (done || fail(conversation, "the TLS handshake failed"));
}

static bool expect_close(struct conversation *conversation)
{
    long got;

    if (unread(conversation).length == 0) {
        got = receive(conversation, conversation->deadline);
        if (got == CHANNEL_WAITED)
            return fail(conversation, "the client did not close the connection");
    }
    if (unread(conversation).length > 0)
        return fail_surplus(conversation, "it is to close");
    channel_close(&conversation->channel);
    conversation->over = true;
    note(conversation, "*** closed by the client", slice_of(""));
    return true;
}

/* Whatever the client says is not listened to. */
static bool play_silent(struct conversation *conversation, const struct event *event)
{
    long got;

    (void)event;
    do {
        buffer_clear(&conversation->received);
        conversation->used = 0;
        got = receive(conversation, conversation->deadline);
    } while (got > 0);
    return got != CHANNEL_WAITED ? expect_close(conversation)
                                 : fail(conversation, "the client did not give up");
}

/* In TLS 1.3 the server may be done before the client's verdict reaches it. */
static bool play_tls_refused(struct conversation *conversation, const struct event *event)
{
    bool done = false;

    if (!handshake(conversation, event, &done))
        return false;
    if (done)
        return expect_close(conversation);
    channel_cut(&conversation->channel);
    conversation->over = true;
    return true;
}

static bool play_delay(struct conversation *conversation, const struct event *event)
{
    (void)conversation;
    poll(NULL, 0, (int)event->number);
    return true;
}

static bool play_signal(struct conversation *conversation, const struct event *event)
{
    if (client_gone(conversation->client))
        return fail(conversation, "the client has ended before the signal");
    kill(conversation->client->pid, (int)event->number);
    note(conversation, "*** signal ", slice_of(strsignal((int)event->number)));
    return true;
}

static bool play_client_close(struct conversation *conversation, const struct event *event)
{
    (void)event;
    return expect_close(conversation);
}

static bool play_server_end(struct conversation *conversation, const struct event *event)
{
    if (event->kind == EVENT_CLOSE)
        channel_close(&conversation->channel);
    else if (event->kind == EVENT_CUT)
        channel_cut(&conversation->channel);
    else
        channel_reset(&conversation->channel);
    conversation->over = true;
    note(conversation, "*** closed by the smarthost", slice_of(""));
    return true;
}

static bool accept_client(struct conversation *conversation, uint64_t port)
{
    struct pollfd listener = {.fd = conversation->listeners[port], .events = POLLIN};

    while (poll(&listener, 1, 20) != 1) {
        if (client_gone(conversation->client) && !conversation->script->behind)
            return fail(conversation, "the client ended without connecting to the %s port",
                        port ? "second" : "first");
        if (clock_remaining(conversation->deadline) == 0)
            return fail(conversation, "the client did not connect");
    }
    channel_open(&conversation->channel, accept4(listener.fd, NULL, NULL, SOCK_CLOEXEC));
    return conversation->channel.fd != -1 || fail(conversation, "accept failed");
}

static bool play_connection(struct conversation *conversation, const struct event *event)
{
    if (!conversation->over && !expect_close(conversation))
        return false;
    if (!accept_client(conversation, event->number))
        return false;
    buffer_clear(&conversation->received);
    conversation->used = 0;
    conversation->over = conversation->quit = conversation->flight = false;
    note(conversation, "*** connection to the ",
         slice_of(event->number ? "second port" : "first port"));
    return true;
}

static bool play_event(struct conversation *conversation, const struct event *event)
{
    static bool (*const players[])(struct conversation *, const struct event *) = {
        [EVENT_CONNECTION] = play_connection,   [EVENT_SERVER] = play_server,
        [EVENT_CLIENT] = play_client,           [EVENT_SKIP] = play_skip,
        [EVENT_FLIGHT] = play_flight,           [EVENT_CHUNK_BEGIN] = play_chunk_begin,
        [EVENT_CHUNK_END] = play_chunk_end,     [EVENT_TLS] = play_tls,
        [EVENT_TLS_REFUSED] = play_tls_refused, [EVENT_DELAY] = play_delay,
        [EVENT_SILENT] = play_silent,           [EVENT_CLOSE] = play_server_end,
        [EVENT_CUT] = play_server_end,          [EVENT_RESET] = play_server_end,
        [EVENT_SIGNAL] = play_signal,           [EVENT_CLIENT_CLOSE] = play_client_close,
    };

    conversation->event = event;
    if (event->kind != EVENT_SERVER && !say(conversation))
        return false;
    return players[event->kind](conversation, event);
}

bool conversation_play(struct conversation *conversation)
{
    const struct script *script = conversation->script;
    static const struct event first = {.kind = EVENT_CONNECTION};

    conversation->over = true;
    conversation->channel.fd = -1;
    if (script->event_count > 0 && script->events[0].kind != EVENT_CONNECTION &&
        !play_event(conversation, &first))
        return false;
    for (size_t i = 0; i < script->event_count; i++)
        if (!play_event(conversation, &script->events[i]))
            return false;
    return say(conversation) && (conversation->over || expect_close(conversation));
}

bool conversation_check_listeners(struct conversation *conversation)
{
    for (size_t port = 0; port < SCRIPT_PORTS; port++) {
        struct pollfd listener = {.fd = conversation->listeners[port], .events = POLLIN};

        if (conversation->script->ports[port] == PORT_SCRIPT && poll(&listener, 1, 0) == 1)
            return fail(conversation, "the client connected to the %s port once more",
                        port ? "second" : "first");
    }
    return true;
}

void conversation_free(struct conversation *conversation)
{
    channel_cut(&conversation->channel);
    buffer_free(&conversation->received);
    buffer_free(&conversation->unsaid);
    buffer_free(&conversation->protocol);
}

/* The conversation up to the transaction (RFC 5321 sections 3.1 and 3.2, RFC 3207, RFC 8314).
 * Invariants: nothing that was heard before TLS is believed after it, and without TLS the peer is
 * this machine; no command goes out behind a reply that nobody asked for. */
#include "smtp/client.h"

#include <string.h>

#include "base/clock.h"
#include "net/endpoint.h"
#include "smtp/command.h"

void client_init(struct client *client, const struct smarthost *smarthost, struct tls *tls,
                 const struct trace *trace)
{
    *client = (struct client){
        .smarthost = smarthost,
        .trace = trace,
        .tls = tls,
        .stream = {.fd = -1},
    };
}

bool client_add_context(const struct client *client, const char *step, struct error *error)
{
    struct text_shown shown;
    return error_add_context(error, "%s: %s (%s)", step,
                             text_show(&shown, slice_of(client->peer.host)), client->peer.address);
}

static int exit_code_of(const struct reply *reply)
{
    switch (reply->code) {
    case 530:
    case 534:
    case 538:
        return EX_NOPERM;
    case 552:
        return reply_has_detail(reply, ".3.4") ? EX_DATAERR : EX_UNAVAILABLE;
    default:
        break;
    }
    switch (reply_class(reply)) {
    case 4:
        return EX_TEMPFAIL;
    case 5:
        return EX_UNAVAILABLE;
    default:
        return EX_PROTOCOL;
    }
}

bool client_refused(const struct client *client, const char *step, bool on_message,
                    struct error *error)
{
    const struct reply *reply = &client->reply;
    struct text_shown host, words;
    int exit_code = exit_code_of(reply);
    error_set(error, exit_code, "%s: %s by %s (%s): %s", step,
              exit_code == EX_PROTOCOL ? "unexpected answer" : "refused",
              text_show(&host, slice_of(client->peer.host)), client->peer.address,
              reply_show(reply, &words));
    error->permanent = on_message && reply_class(reply) == 5 && exit_code != EX_NOPERM;
    error->reply_code = reply->code;
    memcpy(error->enhanced, reply->enhanced, sizeof error->enhanced);
    if (reply->code == 530 && !client->logged_in)
        error_add_advice(error, "the server wants a login: %s",
                         sasl_is_off(&client->smarthost->sasl) ? "auth = off is in the way"
                                                               : "set user and password");
    return false;
}

bool client_may_pipeline(const struct client *client)
{
    return !client->plain && client->smarthost->pipelining && client->capability.pipelining;
}

bool client_may_chunk(const struct client *client)
{
    return !client->plain && client->smarthost->chunking && client->capability.chunking;
}

bool client_hung_up(const struct client *client)
{
    return client->stream.ended != STREAM_MOVED;
}

static bool send_line(struct client *client, struct slice line, bool utf8, struct error *error)
{
    return command_check(line, utf8, error) && stream_write(&client->stream, line, error) &&
           stream_write(&client->stream, slice_of("\r\n"), error);
}

static void trace_reply(const struct client *client)
{
    const struct reply *reply = &client->reply;
    struct slice rest = slice_make(reply->text, reply->length), line;
    if (client->trace->line == NULL)
        return;
    while (slice_cut(&rest, '\n', &line)) {
        char shown[REPLY_LINE_LIMIT + 8];
        struct text text;
        text_init(&text, shown, sizeof shown);
        text_add_format(&text, "%03d%c", reply->code, rest.length > 0 ? '-' : ' ');
        mask_write(reply->mask, line, &text);
        trace_received(client->trace, text_slice(&text));
    }
}

/* Takes what has come of the reply; true when there is no more to wait for. */
static bool take_input(struct client *client, enum reply_status *status, struct error *error)
{
    size_t used;
    *status =
        reply_take(&client->reply, stream_input(&client->stream), &client->mask, &used, error);
    stream_consume(&client->stream, used);
    return *status != REPLY_MORE;
}

static bool read_reply(struct client *client, int64_t timeout, struct error *error)
{
    enum reply_status status;
    reply_start(&client->reply);
    if (!take_input(client, &status, error)) {
        struct error failure;
        bool alive = stream_flush(&client->stream, &failure);
        int64_t deadline = clock_deadline(timeout);
        while (!take_input(client, &status, error)) {
            if (alive && stream_fill(&client->stream, deadline, &failure))
                continue;
            *error = failure;
            return false;
        }
    }
    /* After garbage nothing that follows can be matched to a command. */
    if (status == REPLY_BROKEN)
        stream_end(&client->stream, STREAM_CUT, error);
    return status == REPLY_COMPLETE;
}

bool client_read(struct client *client, const char *step, int64_t timeout, struct error *error)
{
    if (!read_reply(client, timeout, error))
        return client_add_context(client, step, error);
    client->due -= client->due > 0;
    client->said_goodbye = client->reply.code == 421;
    trace_reply(client);
    return true;
}

void client_await_reply(struct client *client, int64_t timeout)
{
    struct error ignored;
    int64_t deadline = clock_deadline(timeout);
    while (stream_input(&client->stream).length < strlen("421") && !client_hung_up(client) &&
           stream_fill(&client->stream, deadline, &ignored))
        ;
}

bool client_is_dismissed(const struct client *client)
{
    return slice_starts_nocase(stream_input(&client->stream), "421");
}

bool client_is_contradicted(struct client *client)
{
    struct error ignored; /* that the server has closed by now says nothing */
    stream_try_fill(&client->stream, &ignored);
    struct slice rest = stream_input(&client->stream);
    bool refusal = rest.length > 0 && (rest.bytes[0] == '4' || rest.bytes[0] == '5');
    return refusal && !client_is_dismissed(client);
}

bool client_unasked(struct client *client, struct error *error)
{
    struct text_shown words;
    if (!read_reply(client, client->smarthost->timeout, error))
        return false;
    trace_reply(client);
    reply_show(&client->reply, &words);
    if (client->reply.code == 421) {
        error_set(error, EX_TEMPFAIL, "%s", words.bytes);
    } else {
        error_set(error, EX_PROTOCOL,
                  "the server breaks the protocol: a reply that nobody asked for: %s", words.bytes);
        stream_end(&client->stream, STREAM_CUT, error);
    }
    error->reply_code = client->reply.code;
    return false;
}

/* A command, and the promise of a reply to it. */
static bool send_command(struct client *client, const char *shown, struct slice line, bool utf8,
                         struct error *error)
{
    if (client->due == 0 && stream_input(&client->stream).length > 0)
        return client_unasked(client, error);
    trace_sent(client->trace, slice_of(shown));
    client->due++;
    return send_line(client, line, utf8, error);
}

bool client_send(struct client *client, const char *line, struct error *error)
{
    return send_command(client, line, slice_of(line), true, error);
}

bool client_send_secret(struct client *client, const char *shown, struct slice line,
                        struct error *error)
{
    return send_command(client, shown, line, false, error);
}

bool client_ask(struct client *client, const char *line, const char *step, struct error *error)
{
    if (!client_send(client, line, error))
        return client_add_context(client, step, error);
    return client_read(client, step, client->smarthost->timeout, error);
}

static bool begin(void *context, struct stream *stream, const char *host, struct error *error)
{
    struct client *client = context;
    if (client->smarthost->tls_mode != SMARTHOST_IMPLICIT)
        return true;
    /* One that answers before we look again has greeted, as in judge_handshake. */
    return tls_start(client->tls, stream, host, false, error) &&
           (tls_handshake_step(stream, error) != STREAM_CUT || tls_answered(stream));
}

static enum dial_verdict judge_handshake(struct stream *stream, struct error *error)
{
    enum stream_status status = tls_handshake_step(stream, error);
    if (tls_answered(stream))
        return DIAL_WON;
    return status == STREAM_CUT || status == STREAM_CLOSED ? DIAL_LOST : DIAL_WAIT;
}

static enum dial_verdict judge_greeting(const struct client *client, struct slice input,
                                        struct error *error)
{
    struct reply reply;
    size_t used;
    bool is_tls = input.length > 0 && (input.bytes[0] == 0x15 || input.bytes[0] == 0x16);
    if (is_tls) {
        error_set(error, EX_PROTOCOL,
                  "TLS on the wrong port: a greeting in clear was due; use tls = implicit");
        return DIAL_LOST;
    }
    reply_start(&reply);
    switch (reply_take(&reply, input, &client->mask, &used, error)) {
    case REPLY_MORE:
        return DIAL_WAIT;
    case REPLY_BROKEN:
        return DIAL_LOST;
    case REPLY_COMPLETE:
        break;
    }
    if (reply.code == 220)
        return DIAL_WON;
    struct text_shown shown;
    error_set(error, exit_code_of(&reply), "greeting: %s", reply_show(&reply, &shown));
    error->reply_code = reply.code;
    return DIAL_LOST;
}

static enum dial_verdict judge(void *context, struct stream *stream, struct error *error)
{
    struct client *client = context;
    struct error ignored;
    if (client->smarthost->tls_mode == SMARTHOST_IMPLICIT)
        return judge_handshake(stream, error);
    stream_try_fill(stream, &ignored);
    enum dial_verdict verdict = judge_greeting(client, stream_input(stream), error);
    if (verdict == DIAL_WAIT && stream->ended != STREAM_MOVED) {
        *error = stream->reason;
        return DIAL_LOST;
    }
    return verdict;
}

static void tell(void *context, const char *sentence)
{
    const struct client *client = context;
    trace_note(client->trace, "%s", sentence);
}

struct dial_greeter client_greeter(struct client *client)
{
    return (struct dial_greeter){
        .begin = begin,
        .judge = judge,
        .tell = tell,
        .silence_advice = client->smarthost->tls_mode == SMARTHOST_STARTTLS
                              ? "a port that waits for TLS, such as 465, needs tls = implicit"
                              : NULL,
        .context = client,
    };
}

/* The name we go by: configured, or the connection's own address. */
static bool hello_name(const struct client *client, struct text *name, struct error *error)
{
    const char *configured = client->smarthost->helo;
    if (configured != NULL) {
        text_add(name, configured);
        return !name->overflow || error_set(error, EX_CONFIG, "helo: too long a name");
    }
    return endpoint_literal(client->stream.fd, name) ||
           error_set(error, EX_OSERR, "EHLO: the connection has no address of its own; set helo");
}

static bool refuse_hello(const struct client *client, const char *step, struct error *error)
{
    client_refused(client, step, false, error);
    return reply_class(&client->reply) == 5 ? error_add_advice(error, "set helo") : false;
}

static bool hello(struct client *client, struct error *error)
{
    char name_bytes[256], line_bytes[COMMAND_SIZE];
    struct text name, line;
    text_init(&name, name_bytes, sizeof name_bytes);
    text_init(&line, line_bytes, sizeof line_bytes);
    if (!hello_name(client, &name, error) || !command_hello(&line, "EHLO", name.bytes, error) ||
        !client_ask(client, line.bytes, "EHLO", error))
        return false;
    if (client->reply.code == 250) {
        capability_parse(&client->capability, slice_make(client->reply.text, client->reply.length));
        return true;
    }
    bool is_old =
        reply_class(&client->reply) == 5 && client->smarthost->tls_mode == SMARTHOST_CLEAR;
    if (!is_old)
        return refuse_hello(client, "EHLO", error);
    return command_hello(&line, "HELO", name.bytes, error) &&
           client_ask(client, line.bytes, "HELO", error) &&
           (client->reply.code == 250 || refuse_hello(client, "HELO", error));
}

/* TLSA records of a host that anybody may have named are anybody's (RFC 7673 section 3.1). */
static bool check_hearsay(const struct client *client, struct error *error)
{
    const struct tls_options *tls = &client->smarthost->tls;
    return !client->peer.hearsay || tls->dane != TLS_DANE_YES || tls->fingerprint != NULL ||
           error_set(error, EX_TEMPFAIL,
                     "the DNS names this server (srv:) without authentication, so that no TLSA "
                     "record can vouch for it");
}

static bool handshake(struct client *client, const char *step, struct error *error)
{
    int64_t timeout = client->smarthost->timeout, started = clock_now();
    if (!check_hearsay(client, error) ||
        !tls_look_up(&client->stream, client->peer.port, timeout, NULL, error) ||
        !tls_handshake(&client->stream, clock_deadline(timeout), error))
        return client_add_context(client, step, error);
    client->encrypted = true;
    client->ready = client->greeted;
    client->tls_ms = clock_now() - started;
    trace_note(client->trace, "%s %s, verified by %s", tls_protocol(&client->stream),
               tls_cipher(&client->stream), tls_voucher(&client->stream));
    return true;
}

static bool ask_for_tls(struct client *client, struct error *error)
{
    if (!client->capability.starttls) {
        error_set(error, EX_PROTOCOL,
                  "not offered; use a submission port (587), or tls = implicit with port 465");
        return client_add_context(client, "STARTTLS", error);
    }
    if (!client_ask(client, "STARTTLS", "STARTTLS", error))
        return false;
    if (client->reply.code != 220)
        return client_refused(client, "STARTTLS", false, error);
    client->capability = (struct capability){0};
    client->ready = false;
    if (stream_input(&client->stream).length > 0) {
        error_set(error, EX_PROTOCOL,
                  "more came in clear behind the 220: an attack, or a broken server");
        return client_add_context(client, "STARTTLS", error);
    }
    return true;
}

static bool upgrade(struct client *client, struct error *error)
{
    if (!tls_start(client->tls, &client->stream, client->peer.host, true, error))
        return client_add_context(client, "STARTTLS", error);
    return handshake(client, "STARTTLS", error);
}

static bool greeting(struct client *client, struct error *error)
{
    if (client->smarthost->tls_mode == SMARTHOST_CLEAR && !client->peer.loopback) {
        error_set(error, EX_CONFIG,
                  "tls = none is only for a server on this machine; use tls = starttls");
        return client_add_context(client, "connect", error);
    }
    if (!client_read(client, "greeting", client->smarthost->timeout, error))
        return false;
    client->greeted = client->ready = client->reply.code == 220;
    return client->greeted || client_refused(client, "greeting", false, error);
}

bool client_has_step(const struct client *client, enum client_step step)
{
    enum smarthost_tls mode = client->smarthost->tls_mode;
    if (step == CLIENT_GREETING || step == CLIENT_HELLO)
        return true;
    return step == CLIENT_HANDSHAKE ? mode == SMARTHOST_IMPLICIT : mode == SMARTHOST_STARTTLS;
}

bool client_take_step(struct client *client, enum client_step step, struct error *error)
{
    if (!client_has_step(client, step))
        return true;
    switch (step) {
    case CLIENT_HANDSHAKE:
        return handshake(client, "TLS", error);
    case CLIENT_GREETING:
        return greeting(client, error);
    case CLIENT_STARTTLS:
        return ask_for_tls(client, error);
    case CLIENT_UPGRADE:
        return upgrade(client, error);
    default:
        return hello(client, error);
    }
}

bool client_begin(struct client *client, struct error *error)
{
    for (enum client_step step = 0; step < CLIENT_STEPS; step++)
        if (!client_take_step(client, step, error))
            return false;
    return true;
}

void client_quit(struct client *client)
{
    struct error ignored;
    client->quit_sent = true;
    trace_sent(client->trace, slice_of("QUIT"));
    send_line(client, slice_of("QUIT"), false, &ignored);
}

void client_close(struct client *client, bool polite)
{
    struct error ignored;
    if (polite && client->ready && !client->quit_sent && !client_hung_up(client)) {
        client_quit(client);
        stream_flush(&client->stream, &ignored);
    }
    stream_close(&client->stream);
    client->capability = (struct capability){0};
    client->encrypted = client->logged_in = client->quit_sent = false;
    client->greeted = client->ready = client->said_goodbye = false;
    client->due = 0;
}

void client_free(struct client *client)
{
    mask_wipe(&client->mask);
}

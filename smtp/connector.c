/* From a name to a server that waits for MAIL, and back (RFC 5321 section 3.1). Invariant: one
 * connection at a time; candidates that lost a race stay lost in it. */
#include "smtp/connector.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "smtp/authenticate.h"

bool connector_init(struct connector *connector, const struct smarthost *smarthost,
                    const struct trace *trace, struct error *error)
{
    *connector = (struct connector){
        .smarthost = smarthost,
        .trace = trace,
        .client.stream.fd = -1,
    };
    if (smarthost->tls_mode != SMARTHOST_CLEAR) {
        connector->tls = tls_create(&smarthost->tls, error);
        if (connector->tls == NULL)
            return false;
    }
    client_init(&connector->client, smarthost, connector->tls, trace);
    connector->greeter = client_greeter(&connector->client);
    return true;
}

bool connector_is_open(const struct connector *connector)
{
    return connector->client.stream.fd >= 0;
}

void connector_note(struct connector *connector, const char *format, ...)
{
    char sentence[SUBMIT_NOTES_SIZE];
    struct submit_report *report = connector->report;
    struct text notes;
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    if (length < 0 || strstr(report->notes, sentence) != NULL)
        return;
    trace_note(connector->trace, "%s", sentence);
    size_t used = strlen(report->notes);
    text_init(&notes, report->notes + used, sizeof report->notes - used);
    text_add(&notes, used > 0 ? "; " : "");
    text_add(&notes, sentence);
}

/* --- the report ------------------------------------------------------------------------------ */

static void report_host(struct connector *connector)
{
    const struct dial_peer *peer = &connector->client.peer;
    struct submit_report *report = connector->report;
    text_copy(report->host, sizeof report->host, peer->host);
    text_copy(report->address, sizeof report->address, peer->address);
    report->port = peer->port;
}

static void report_tls(struct connector *connector)
{
    struct submit_report *report = connector->report;
    const struct stream *stream = &connector->client.stream;
    text_copy(report->tls_protocol, sizeof report->tls_protocol, tls_protocol(stream));
    text_copy(report->tls_cipher, sizeof report->tls_cipher, tls_cipher(stream));
}

static void report_mechanism(struct connector *connector)
{
    struct submit_report *report = connector->report;
    if (connector->mechanism != NULL)
        text_copy(report->mechanism, sizeof report->mechanism, connector->mechanism->name);
}

static void report_dial(struct connector *connector)
{
    const struct dial_peer *peer = &connector->client.peer;
    struct submit_report *report = connector->report;
    struct text_shown host;
    report_host(connector);
    report->connections++;
    report->resolve_ms = peer->resolve_ms;
    report->connect_ms = peer->connect_ms;
    report->greeting_ms = peer->greeting_ms;
    trace_note(connector->trace, "connected to %s (%s)", text_show(&host, slice_of(peer->host)),
               peer->address);
}

void connector_report_to(struct connector *connector, struct submit_report *report)
{
    connector->report = report;
    if (!connector_is_open(connector))
        return;
    report_host(connector);
    report_tls(connector);
    report_mechanism(connector);
}

/* --- making a connection --------------------------------------------------------------------- */

/* The next server that greets. */
static bool dial_on(struct connector *connector, struct error *error)
{
    struct client *client = &connector->client;
    if (dial_next(connector->dial, &client->stream, &client->peer, error))
        return true;
    if (connector->others == NULL)
        return false;
    dial_free(connector->dial);
    connector->dial = connector->others;
    connector->others = NULL;
    dial_reject(connector->dial, error);
    return dial_on(connector, error);
}

bool connector_dial(struct connector *connector, struct error *error)
{
    const struct smarthost *smarthost = connector->smarthost;
    if (connector->dial == NULL)
        connector->dial =
            dial_create(&smarthost->dial, &connector->greeter, smarthost->timeout, error);
    if (connector->dial == NULL || !dial_on(connector, error))
        return false;
    report_dial(connector);
    return true;
}

bool connector_begin(struct connector *connector, struct error *error)
{
    bool begun = client_begin(&connector->client, error);
    report_tls(connector);
    connector->report->tls_ms = connector->client.tls_ms;
    return begun;
}

/* The login, and with a newer token once more: on the same connection, or on another where the
 * server closes this one behind its refusal, at once or in answer to the second try. */
static bool run_login(struct connector *connector, struct error *error)
{
    struct client *client = &connector->client;
    struct sasl_secret *secret = connector->smarthost->sasl.secret;
    if (authenticate_run(client, connector->mechanism, error)) {
        connector->token_newer = false;
        return true;
    }
    if (connector->token_newer || secret->renew == NULL ||
        !authenticate_may_renew(client, connector->mechanism))
        return false;
    connector->token_newer = true;
    connector_note(connector, "the token was refused; password_command was run once more");
    connector->no_token = !secret->renew(secret, error);
    if (connector->no_token)
        return false;
    connector->to_repeat = client_hung_up(client);
    if (connector->to_repeat)
        return false;
    bool done = authenticate_run(client, connector->mechanism, error);
    connector->token_newer = !done;
    connector->to_repeat = !done && client_hung_up(client) && client->reply.code == 0;
    return done;
}

bool connector_log_in(struct connector *connector, struct error *error)
{
    struct client *client = &connector->client;
    int64_t started = clock_now();
    connector->login = NULL;
    if (!authenticate_choose(client, &connector->mechanism, error))
        return false;
    if (connector->mechanism == NULL)
        return true;
    report_mechanism(connector);
    if (client_may_pipeline(client) && authenticate_can_ride(client, connector->mechanism)) {
        connector->login = connector->mechanism;
        return true;
    }
    bool done = run_login(connector, error);
    connector->report->login_ms = clock_now() - started;
    return done;
}

void connector_reject(struct connector *connector, const struct error *reason)
{
    if (connector->dial != NULL)
        dial_reject(connector->dial, reason);
    trace_note(connector->trace, "%s", reason->sentence);
    connector_disconnect(connector, true);
}

/* Closes the connection. True when there is another one to be had that may do better. */
static bool give_up(struct connector *connector, const struct error *reason)
{
    bool greeting_was_bad = !connector->client.greeted && reason->exit_code == EX_UNAVAILABLE;
    struct error ignored;
    if (connector->to_repeat) {
        connector->to_repeat = false;
        return connector_renew(connector, false, &ignored);
    }
    bool is_ours = connector->no_token || reason->exit_code != EX_TEMPFAIL;
    connector->no_token = false;
    if (is_ours && !greeting_was_bad) {
        connector_disconnect(connector, true);
        return false;
    }
    connector_reject(connector, reason);
    return true;
}

static bool take_dial(struct connector *connector, const struct connector_steps *steps,
                      struct error *error)
{
    return steps->dial != NULL ? steps->dial(steps->context, error)
                               : connector_dial(connector, error);
}

static bool take_rest(struct connector *connector, const struct connector_steps *steps,
                      struct error *error)
{
    bool begun = steps->begin != NULL ? steps->begin(steps->context, error)
                                      : connector_begin(connector, error);
    if (!begun || steps->log_in == NULL)
        return begun && connector_log_in(connector, error);
    return steps->log_in(steps->context, error);
}

bool connector_reach(struct connector *connector, const struct connector_steps *steps,
                     struct error *error)
{
    do {
        if (!take_dial(connector, steps, error))
            return false;
        if (take_rest(connector, steps, error))
            return true;
    } while (give_up(connector, error));
    return false;
}

bool connector_renew(struct connector *connector, bool polite, struct error *error)
{
    const struct dial_peer *peer = &connector->client.peer;
    struct dial_options *same = &connector->same;
    connector_disconnect(connector, polite);
    if (connector->dial == NULL)
        return true;
    *same = connector->smarthost->dial;
    memset(same->hosts, 0, sizeof same->hosts);
    memset(same->ports, 0, sizeof same->ports);
    text_copy(connector->same_host, sizeof connector->same_host, peer->host);
    same->hosts[0] = connector->same_host;
    same->ports[0] = peer->port;
    same->hearsay = peer->hearsay;
    if (connector->others != NULL)
        dial_free(connector->dial);
    else
        connector->others = connector->dial;
    connector->dial = dial_create(same, &connector->greeter, connector->smarthost->timeout, error);
    return connector->dial != NULL;
}

/* --- keeping and closing it ------------------------------------------------------------------ */

bool connector_is_used_up(const struct connector *connector)
{
    uint64_t limit = connector->client.capability.mail_limit;
    return limit > 0 && connector->mails >= limit;
}

void connector_reset(struct connector *connector)
{
    struct error ignored;
    connector->reset_due = client_send(&connector->client, "RSET", &ignored) &&
                           stream_flush(&connector->client.stream, &ignored);
    if (!connector->reset_due)
        connector_disconnect(connector, true);
}

static bool read_reset(struct connector *connector)
{
    struct client *client = &connector->client;
    struct error ignored;
    bool due = connector->reset_due;
    connector->reset_due = false;
    return !due || (client_read(client, "RSET", client->smarthost->timeout, &ignored) &&
                    reply_class(&client->reply) == 2);
}

bool connector_is_alive(struct connector *connector)
{
    struct client *client = &connector->client;
    struct error ignored;
    if (!connector_is_open(connector) || !read_reset(connector))
        return false;
    stream_try_fill(&client->stream, &ignored);
    return !client_hung_up(client) && stream_input(&client->stream).length == 0;
}

void connector_disconnect(struct connector *connector, bool polite)
{
    client_close(&connector->client, polite);
    connector->mails = 0;
    connector->login = connector->mechanism = NULL;
    connector->reset_due = false;
}

void connector_settle(struct connector *connector)
{
    dial_free(connector->dial);
    dial_free(connector->others);
    connector->dial = connector->others = NULL;
}

void connector_close(struct connector *connector)
{
    connector_disconnect(connector, true);
    client_free(&connector->client);
    connector_settle(connector);
    tls_free(connector->tls);
    connector->tls = NULL;
}

/* One attempt: dial, greet, hello, STARTTLS, hello, login, transactions. Invariant: a recipient has
 * an outcome only when the server gave one; a new connection is made only while nobody can have got
 * the message twice by it, or the notes say so. */
#include "smtp/submit.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "smtp/authenticate.h"
#include "smtp/transaction.h"

struct attempt {
    const struct smarthost *smarthost;
    const struct trace *trace;
    struct message *message;
    struct envelope *envelope;
    struct submit_report *report;

    struct tls *tls;
    struct client client;
    struct dial_greeter greeter;
    struct dial_options same; /* the host and port reached, for another connection */
    struct dial *dial;
    struct dial *others;   /* the race we were in before; NULL while that is `dial` itself */
    struct error rejected; /* why the last smarthost that greeted was given up */
    struct transaction_queue queue;
    struct mime_facts facts;
    const struct sasl_mechanism *login; /* still to be done, in the flight */
    bool connected, plain;
    uint64_t mails; /* transactions on this connection */
};

/* For the log and the transcript. */
__attribute__((format(printf, 2, 3))) static void note(struct attempt *a, const char *format, ...)
{
    char sentence[SUBMIT_NOTES_SIZE];
    struct text notes;
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    if (length < 0)
        return;
    trace_note(a->trace, "%s", sentence);
    size_t used = strlen(a->report->notes);
    text_init(&notes, a->report->notes + used, sizeof a->report->notes - used);
    text_add(&notes, used > 0 ? "; " : "");
    text_add(&notes, sentence);
}

/* --- reaching the smarthost ------------------------------------------------------------------ */

static bool size_fits(const struct attempt *a, struct error *error)
{
    const struct client *client = &a->client;
    uint64_t size = message_size(a->message), limit = client->capability.size_limit;
    struct text_shown shown;
    a->report->size = size;
    if (limit == 0 || size <= limit)
        return true;
    return error_set_permanent(
        error, EX_DATAERR,
        "MAIL FROM: the message has %" PRIu64 " octets, %s (%s) takes at most %" PRIu64, size,
        text_show(&shown, slice_of(client->peer.host)), client->peer.address, limit);
}

/* Makes the message one that this server can carry, or finds that it cannot be. */
static bool fit_message(struct attempt *a, struct error *error)
{
    const struct client *client = &a->client;
    struct text_shown shown;
    if (a->envelope->needs_utf8 && !client->capability.smtputf8)
        return error_set_permanent(
            error, EX_DATAERR,
            "MAIL FROM: an address needs SMTPUTF8, which is not offered by %s (%s)",
            text_show(&shown, slice_of(client->peer.host)), client->peer.address);

    switch (mime_judge(a->message, &a->facts, client->capability.eight_bit)) {
    case MIME_AS_IS:
        break;
    case MIME_CONVERT:
        if (!mime_convert(a->message, &a->facts, error))
            return false;
        note(a, "the body was encoded for its way");
        break;
    case MIME_SIGNED:
        note(a, "signed, sent as it is though it should be encoded for its way");
        break;
    case MIME_MULTIPART:
    case MIME_IMPOSSIBLE:
        note(a, "sent as it is though it should be encoded for its way");
        break;
    }
    return size_fits(a, error);
}

static void report_mechanism(struct attempt *a, const struct sasl_mechanism *mechanism)
{
    struct text name;
    text_init(&name, a->report->mechanism, sizeof a->report->mechanism);
    text_add(&name, mechanism->name);
}

/* Logs in, or decides that the login rides with the transaction. */
static bool log_in(struct attempt *a, struct error *error)
{
    struct client *client = &a->client;
    const struct sasl_mechanism *mechanism;
    int64_t started = clock_now();
    a->login = NULL;
    if (!authenticate_choose(client, &mechanism, error))
        return false;
    if (mechanism == NULL)
        return true;
    report_mechanism(a, mechanism);
    bool flight = !a->plain && a->smarthost->pipelining && client->capability.pipelining;
    if (flight && authenticate_can_ride(client, mechanism)) {
        a->login = mechanism;
        return true;
    }
    bool done = authenticate_run(client, mechanism, error);
    a->report->login_ms = clock_now() - started;
    return done;
}

static void report_peer(struct attempt *a)
{
    const struct dial_peer *peer = &a->client.peer;
    struct submit_report *report = a->report;
    struct text host, address;
    text_init(&host, report->host, sizeof report->host);
    text_add_escaped(&host, slice_of(peer->host), sizeof report->host);
    text_init(&address, report->address, sizeof report->address);
    text_add(&address, peer->address);
    report->port = peer->port;
    report->connections++;
    report->resolve_ms = peer->resolve_ms;
    report->connect_ms = peer->connect_ms;
    report->greeting_ms = peer->greeting_ms;
    trace_note(a->trace, "connected to %s (%s)", report->host, report->address);
}

static void report_tls(struct attempt *a)
{
    struct submit_report *report = a->report;
    struct text protocol, cipher;
    text_init(&protocol, report->tls_protocol, sizeof report->tls_protocol);
    text_init(&cipher, report->tls_cipher, sizeof report->tls_cipher);
    if (a->client.encrypted) {
        text_add(&protocol, tls_protocol(&a->client.stream));
        text_add(&cipher, tls_cipher(&a->client.stream));
    }
    report->tls_ms = a->client.tls_ms;
}

static void disconnect(struct attempt *a, bool polite)
{
    client_close(&a->client, polite);
    a->connected = false;
    a->mails = 0;
}

/* True when the list of reasons in `sentence` has nothing but what `rejected` says better. */
static bool is_sole_reason(const char *sentence, const struct error *rejected, const char *address)
{
    char entry_bytes[ERROR_SENTENCE_SIZE];
    struct text entry;
    text_init(&entry, entry_bytes, sizeof entry_bytes);
    text_add_format(&entry, "%s %s", address, rejected->sentence);
    size_t length = strlen(sentence);
    if (entry.overflow || length < entry.length)
        return false;
    size_t start = length - entry.length;
    bool is_last = strcmp(sentence + start, entry.bytes) == 0;
    bool is_first = start < 2 || memcmp(sentence + start - 2, "; ", 2) != 0;
    return is_last && is_first;
}

/* Nobody is left in the race: of two reports, the one that says more. */
static void report_all_lost(const struct attempt *a, struct error *error)
{
    const struct error *rejected = &a->rejected;
    if (rejected->exit_code == EX_OK)
        return;
    if (is_sole_reason(error->sentence, rejected, a->report->address)) {
        *error = *rejected;
        return;
    }
    error->exit_code = EX_TEMPFAIL;
    error->reply_code = rejected->reply_code;
    memcpy(error->enhanced, rejected->enhanced, sizeof error->enhanced);
}

/* The next server that greets. */
static bool dial_on(struct attempt *a, struct error *error)
{
    struct client *client = &a->client;
    if (dial_next(a->dial, &client->stream, &client->peer, error))
        return true;
    report_all_lost(a, error);
    if (a->others == NULL)
        return false;
    dial_free(a->dial);
    a->dial = a->others;
    a->others = NULL;
    a->rejected = *error;
    dial_reject(a->dial, error);
    return dial_on(a, error);
}

/* Gives the winner up and remembers why. */
static void reject(struct attempt *a, const struct error *reason)
{
    dial_reject(a->dial, reason);
    a->rejected = *reason;
    trace_note(a->trace, "%s", reason->sentence);
    disconnect(a, true);
}

/* From nothing to a server that waits for MAIL (or for AUTH, where it rides along). A cut, silence
 * or 4xx on the way lets the next candidate have its turn. */
static bool reach(struct attempt *a, struct error *error)
{
    struct client *client = &a->client;
    while (dial_on(a, error)) {
        report_peer(a);
        bool begun = client_begin(client, error);
        report_tls(a);
        if (begun && fit_message(a, error) && log_in(a, error)) {
            a->connected = true;
            return true;
        }
        bool greeting_was_bad = !client->greeted && error->exit_code == EX_UNAVAILABLE;
        if (error->exit_code != EX_TEMPFAIL && !greeting_was_bad) {
            disconnect(a, true);
            return false;
        }
        reject(a, error);
    }
    return false;
}

/* Another connection, to the same host and port: it knows what we were about. */
static bool dial_same(struct attempt *a, struct error *error)
{
    const struct dial_peer *peer = &a->client.peer;
    a->same = a->smarthost->dial;
    memset(a->same.hosts, 0, sizeof a->same.hosts);
    memset(a->same.ports, 0, sizeof a->same.ports);
    a->same.hosts[0] = peer->host;
    a->same.ports[0] = peer->port;
    if (a->others != NULL)
        dial_free(a->dial);
    else
        a->others = a->dial;
    a->dial = dial_create(&a->same, &a->greeter, a->smarthost->timeout, error);
    return a->dial != NULL;
}

/* --- the transactions ------------------------------------------------------------------------ */

static void report_transaction(struct attempt *a, const struct transaction *t)
{
    struct submit_report *report = a->report;
    int64_t elapsed = clock_now() - t->started;
    if (t->login != NULL)
        report->login_ms = t->login_ms;
    report->transfer_ms += elapsed - t->login_ms;
    if (a->client.logged_in)
        a->login = NULL;
    if (!t->delivered)
        return;
    struct text reply;
    struct text_shown shown;
    text_init(&reply, report->reply, sizeof report->reply);
    text_add(&reply, reply_show(&a->client.reply, &shown));
    if (t->refused)
        note(a, "the server took the message though it said: %s", t->refusal.sentence);
}

/* A transaction accepted nobody: the server has had enough, the rest must come another time. */
static bool put_off_rest(struct attempt *a, struct error *error)
{
    const struct transaction_queue *queue = &a->queue;
    for (size_t i = queue->first; i < queue->count; i++) {
        size_t recipient = queue->waiting[i];
        if (a->envelope->recipients[recipient].state != RECIPIENT_PENDING)
            continue;
        if (!envelope_set_outcome(a->envelope, recipient, RECIPIENT_DEFERRED, 0,
                                  slice_of("not offered: the server takes no more for now"), error))
            return false;
    }
    return true;
}

/* Closes a connection that cannot take the next transaction, and sees to another. */
static bool renew(struct attempt *a, struct error *error)
{
    const struct client *client = &a->client;
    uint64_t limit = client->capability.mail_limit;
    bool used_up = limit > 0 && a->mails >= limit;
    bool over = client->quit_sent || client_hung_up(client) || used_up;
    if (!over || transaction_queue_left(&a->queue) == 0)
        return true;
    disconnect(a, true);
    return dial_same(a, error);
}

static bool start_over_plainly(struct attempt *a, bool polite, struct error *error)
{
    note(a,
         "tried again in plain steps, because of: %s; pipelining = no or chunking = no saves this",
         error->sentence);
    a->plain = true;
    disconnect(a, polite);
    return dial_same(a, error);
}

/* One transaction on the open connection, and what follows from its end. */
static bool transact(struct attempt *a, bool *done, struct error *error)
{
    struct transaction t = {
        .client = &a->client,
        .message = a->message,
        .envelope = a->envelope,
        .queue = &a->queue,
        .login = a->login,
        .plain = a->plain,
    };
    enum transaction_end end = transaction_run(&t, error);
    a->mails++;
    report_transaction(a, &t);
    switch (end) {
    case TRANSACTION_DONE:
        *done = t.accepted == 0 || transaction_queue_left(&a->queue) == 0;
        return *done ? put_off_rest(a, error) : renew(a, error);
    case TRANSACTION_PLAIN:
        return start_over_plainly(a, !t.inside, error);
    case TRANSACTION_FAILED:
        break;
    }
    if (t.before_mail && !t.inside && error->exit_code == EX_TEMPFAIL) {
        reject(a, error);
        return true;
    }
    disconnect(a, !t.inside);
    return false;
}

static bool deliver(struct attempt *a, struct error *error)
{
    bool done = transaction_queue_left(&a->queue) == 0;
    while (!done) {
        if (!a->connected && !reach(a, error))
            return false;
        if (!transact(a, &done, error))
            return false;
    }
    return true;
}

/* What needs no connection, and is judged before there is one. */
static bool prepare(struct attempt *a, struct error *error)
{
    const struct smarthost *smarthost = a->smarthost;
    if (!transaction_queue_open(&a->queue, a->envelope, error) ||
        !mime_inspect(a->message, &a->facts, error) || !mime_label(a->message, &a->facts, error))
        return false;
    if (smarthost->tls_mode != SMARTHOST_CLEAR) {
        a->tls = tls_create(&smarthost->tls, error);
        if (a->tls == NULL)
            return false;
    }
    client_init(&a->client, smarthost, a->tls, a->trace);
    a->greeter = client_greeter(&a->client);
    a->dial = dial_create(&smarthost->dial, &a->greeter, smarthost->timeout, error);
    return a->dial != NULL;
}

bool submit_message(const struct smarthost *smarthost, struct message *message,
                    struct envelope *envelope, const struct trace *trace,
                    struct submit_report *report, struct error *error)
{
    struct attempt attempt = {
        .smarthost = smarthost,
        .trace = trace,
        .message = message,
        .envelope = envelope,
        .report = report,
        .client.stream.fd = -1,
    };
    *report = (struct submit_report){0};
    bool delivered = prepare(&attempt, error) && deliver(&attempt, error);
    if (delivered)
        *error = (struct error){.exit_code = EX_OK}; /* of a try that another made good */
    disconnect(&attempt, true);
    dial_free(attempt.dial);
    dial_free(attempt.others);
    tls_free(attempt.tls);
    transaction_queue_close(&attempt.queue);
    return delivered;
}

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
    struct dial *others; /* the race we were in before; NULL while that is `dial` itself */
    struct batch batch;
    struct mime_facts facts;
    const struct sasl_mechanism *login; /* still to be done, in the flight */
    uint64_t mails;                     /* transactions on this connection */
};

/* For the log and the transcript. */
__attribute__((format(printf, 2, 3))) static void note(struct attempt *attempt, const char *format,
                                                       ...)
{
    char sentence[SUBMIT_NOTES_SIZE];
    struct text notes;
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    if (length < 0)
        return;
    trace_note(attempt->trace, "%s", sentence);
    size_t used = strlen(attempt->report->notes);
    text_init(&notes, attempt->report->notes + used, sizeof attempt->report->notes - used);
    text_add(&notes, used > 0 ? "; " : "");
    text_add(&notes, sentence);
}

/* --- reaching the smarthost ------------------------------------------------------------------ */

static bool check_size(const struct client *client, uint64_t size, struct error *error)
{
    uint64_t limit = client->capability.size_limit;
    if (limit == 0 || size <= limit)
        return true;
    error_set_permanent(error, EX_DATAERR,
                        "the message has %" PRIu64 " octets, the server takes at most %" PRIu64,
                        size, limit);
    return client_add_context(client, "MAIL FROM", error);
}

/* Makes the message one that this server can carry, or finds that it cannot be. */
static bool fit_message(struct attempt *attempt, struct error *error)
{
    const struct client *client = &attempt->client;
    char words_bytes[MIME_NOTE_SIZE];
    struct text words;
    if (attempt->envelope->needs_utf8 && !client->capability.smtputf8) {
        error_set_permanent(error, EX_DATAERR,
                            "an address needs SMTPUTF8, which the server does not offer; only an "
                            "address in ASCII can be reached by it");
        return client_add_context(client, "MAIL FROM", error);
    }
    text_init(&words, words_bytes, sizeof words_bytes);
    if (!mime_fit(attempt->message, &attempt->facts, client->capability.eight_bit, &words, error))
        return false;
    if (words.length > 0)
        note(attempt, "%s", words_bytes);
    attempt->report->size = message_size(attempt->message);
    return check_size(client, attempt->report->size, error);
}

/* Logs in, or decides that the login rides with the transaction. */
static bool log_in(struct attempt *attempt, struct error *error)
{
    struct client *client = &attempt->client;
    const struct sasl_mechanism *mechanism;
    int64_t started = clock_now();
    attempt->login = NULL;
    if (!authenticate_choose(client, &mechanism, error))
        return false;
    if (mechanism == NULL)
        return true;
    text_copy(attempt->report->mechanism, sizeof attempt->report->mechanism, mechanism->name);
    if (client_may_pipeline(client) && authenticate_can_ride(client, mechanism)) {
        attempt->login = mechanism;
        return true;
    }
    bool done = authenticate_run(client, mechanism, error);
    attempt->report->login_ms = clock_now() - started;
    return done;
}

static void report_peer(struct attempt *attempt)
{
    const struct dial_peer *peer = &attempt->client.peer;
    struct submit_report *report = attempt->report;
    struct text_shown host;
    text_copy(report->host, sizeof report->host, peer->host);
    text_copy(report->address, sizeof report->address, peer->address);
    report->port = peer->port;
    report->connections++;
    report->resolve_ms = peer->resolve_ms;
    report->connect_ms = peer->connect_ms;
    report->greeting_ms = peer->greeting_ms;
    trace_note(attempt->trace, "connected to %s (%s)", text_show(&host, slice_of(peer->host)),
               peer->address);
}

static void report_tls(struct attempt *attempt)
{
    struct submit_report *report = attempt->report;
    const struct stream *stream = &attempt->client.stream;
    text_copy(report->tls_protocol, sizeof report->tls_protocol, tls_protocol(stream));
    text_copy(report->tls_cipher, sizeof report->tls_cipher, tls_cipher(stream));
    report->tls_ms = attempt->client.tls_ms;
}

static void disconnect(struct attempt *attempt, bool polite)
{
    client_close(&attempt->client, polite);
    attempt->mails = 0;
}

/* The next server that greets. */
static bool dial_on(struct attempt *attempt, struct error *error)
{
    struct client *client = &attempt->client;
    if (dial_next(attempt->dial, &client->stream, &client->peer, error))
        return true;
    if (attempt->others == NULL)
        return false;
    dial_free(attempt->dial);
    attempt->dial = attempt->others;
    attempt->others = NULL;
    dial_reject(attempt->dial, error);
    return dial_on(attempt, error);
}

/* Gives the winner up. */
static void reject(struct attempt *attempt, const struct error *reason)
{
    dial_reject(attempt->dial, reason);
    trace_note(attempt->trace, "%s", reason->sentence);
    disconnect(attempt, true);
}

/* From nothing to a server that waits for MAIL (or for AUTH, where it rides along). A cut, silence
 * or 4xx on the way lets the next candidate have its turn. */
static bool reach(struct attempt *attempt, struct error *error)
{
    struct client *client = &attempt->client;
    while (dial_on(attempt, error)) {
        report_peer(attempt);
        bool begun = client_begin(client, error);
        report_tls(attempt);
        if (begun && fit_message(attempt, error) && log_in(attempt, error))
            return true;
        bool greeting_was_bad = !client->greeted && error->exit_code == EX_UNAVAILABLE;
        if (error->exit_code != EX_TEMPFAIL && !greeting_was_bad) {
            disconnect(attempt, true);
            return false;
        }
        reject(attempt, error);
    }
    return false;
}

/* Another connection, to the same host and port: it knows what we were about. */
static bool dial_same(struct attempt *attempt, struct error *error)
{
    const struct dial_peer *peer = &attempt->client.peer;
    attempt->same = attempt->smarthost->dial;
    memset(attempt->same.hosts, 0, sizeof attempt->same.hosts);
    memset(attempt->same.ports, 0, sizeof attempt->same.ports);
    attempt->same.hosts[0] = peer->host;
    attempt->same.ports[0] = peer->port;
    if (attempt->others != NULL)
        dial_free(attempt->dial);
    else
        attempt->others = attempt->dial;
    attempt->dial =
        dial_create(&attempt->same, &attempt->greeter, attempt->smarthost->timeout, error);
    return attempt->dial != NULL;
}

/* --- the transactions ------------------------------------------------------------------------ */

static void report_transaction(struct attempt *attempt, const struct transaction *transaction)
{
    struct submit_report *report = attempt->report;
    int64_t elapsed = clock_now() - transaction->started;
    if (transaction->login != NULL)
        report->login_ms = transaction->login_ms;
    report->transfer_ms += elapsed - transaction->login_ms;
    if (!transaction->delivered)
        return;
    size_t used = strlen(report->reply); /* of the transactions before: each has a queue id */
    struct text reply;
    text_init(&reply, report->reply + used, sizeof report->reply - used);
    text_add(&reply, used > 0 ? "; " : "");
    reply_words(&attempt->client.reply, &reply);
    if (transaction->refused)
        note(attempt, "the server took the message though it said: %s",
             transaction->refusal.sentence);
}

/* A transaction accepted nobody and put somebody off: the server has had enough, the rest must come
 * another time. */
static bool put_off_rest(struct attempt *attempt, struct error *error)
{
    const struct batch *batch = &attempt->batch;
    for (size_t i = batch->first; i < batch->count; i++) {
        size_t recipient = batch->waiting[i];
        if (attempt->envelope->recipients[recipient].state != RECIPIENT_PENDING)
            continue;
        if (!envelope_set_outcome(attempt->envelope, recipient, RECIPIENT_DEFERRED, 0,
                                  slice_of("not offered: the server takes no more for now"), error))
            return false;
    }
    return true;
}

/* Ends a transaction that did not get to its message. */
static bool reset(struct client *client)
{
    struct error ignored;
    return client_ask(client, "RSET", "RSET", &ignored) && reply_class(&client->reply) == 2;
}

/* Sees to it that the next transaction can begin: on this connection, or else on another. */
static bool renew(struct attempt *attempt, bool delivered, struct error *error)
{
    struct client *client = &attempt->client;
    uint64_t limit = client->capability.mail_limit;
    bool used_up = limit > 0 && attempt->mails >= limit;
    bool over =
        client->quit_sent || client_hung_up(client) || client_is_dismissed(client) || used_up;
    if (!over && (delivered || reset(client)))
        return true;
    disconnect(attempt, true);
    return dial_same(attempt, error);
}

static bool start_over_plainly(struct attempt *attempt, bool polite, struct error *error)
{
    note(attempt,
         "tried again in plain steps, because of: %s; pipelining = no or chunking = no saves this",
         error->sentence);
    attempt->client.plain = true;
    disconnect(attempt, polite);
    return dial_same(attempt, error);
}

/* One transaction on the open connection, and what follows from its end. */
static bool transact(struct attempt *attempt, bool *done, struct error *error)
{
    struct transaction transaction = {
        .client = &attempt->client,
        .message = attempt->message,
        .envelope = attempt->envelope,
        .batch = &attempt->batch,
        .login = attempt->login,
    };
    enum transaction_end end = transaction_run(&transaction, error);
    attempt->mails++;
    report_transaction(attempt, &transaction);
    if (attempt->client.logged_in)
        attempt->login = NULL;
    bool had_enough = transaction.accepted == 0 && transaction.deferred > 0;
    switch (end) {
    case TRANSACTION_DONE:
        *done = had_enough || batch_left(&attempt->batch) == 0;
        return *done ? put_off_rest(attempt, error) : renew(attempt, transaction.delivered, error);
    case TRANSACTION_PLAIN:
        attempt->report->doubtful = attempt->report->doubtful || transaction.doubtful;
        return start_over_plainly(attempt, !transaction.data_open, error);
    case TRANSACTION_FAILED:
        break;
    }
    bool only_login = transaction.login_failed && !transaction.data_open &&
                      !transaction.delivered && !transaction.doubtful;
    if (only_login && error->exit_code == EX_TEMPFAIL) {
        reject(attempt, error);
        return true;
    }
    disconnect(attempt, !transaction.data_open);
    return false;
}

static bool deliver(struct attempt *attempt, struct error *error)
{
    bool done = batch_left(&attempt->batch) == 0;
    while (!done) {
        if (attempt->client.stream.fd < 0 && !reach(attempt, error))
            return false;
        if (!transact(attempt, &done, error))
            return false;
    }
    return true;
}

/* Whom we turn to, for the log of an attempt that reaches nobody. */
static void report_first(struct attempt *attempt)
{
    const struct dial_options *dial = &attempt->smarthost->dial;
    const char *host = dial->hosts[0];
    text_copy(attempt->report->host, sizeof attempt->report->host, host != NULL ? host : "");
    attempt->report->port = dial->ports[0];
}

/* What needs no connection, and is judged before there is one. */
static bool prepare(struct attempt *attempt, struct error *error)
{
    const struct smarthost *smarthost = attempt->smarthost;
    if (!batch_open(&attempt->batch, attempt->envelope, error) ||
        !mime_label(attempt->message, &attempt->facts, NULL, error))
        return false;
    if (smarthost->tls_mode != SMARTHOST_CLEAR) {
        attempt->tls = tls_create(&smarthost->tls, error);
        if (attempt->tls == NULL)
            return false;
    }
    client_init(&attempt->client, smarthost, attempt->tls, attempt->trace);
    attempt->greeter = client_greeter(&attempt->client);
    attempt->dial = dial_create(&smarthost->dial, &attempt->greeter, smarthost->timeout, error);
    return attempt->dial != NULL;
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
    report_first(&attempt);
    bool delivered = prepare(&attempt, error) && deliver(&attempt, error);
    if (delivered)
        *error = (struct error){.exit_code = EX_OK}; /* of a try that another made good */
    disconnect(&attempt, true);
    client_free(&attempt.client);
    dial_free(attempt.dial);
    dial_free(attempt.others);
    tls_free(attempt.tls);
    batch_close(&attempt.batch);
    return delivered;
}

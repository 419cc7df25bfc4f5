/* Messages, one after the other: for each the transactions it takes, over as many connections as
 * they take. Invariant: a recipient has an outcome only when the server gave one; a message is sent
 * anew only while nobody can have got it twice by it, or the report says so; and between messages a
 * connection is kept only where it waits for MAIL. */
#include "smtp/submission.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "smtp/parcel.h"

enum { PENDING = 1u << RECIPIENT_PENDING, OFFERED = 1u << RECIPIENT_OFFERED };

struct submission {
    struct connector connector;

    struct parcel parcel; /* the message at hand; its transaction is the last, or that is `open` */
    bool last;            /* the connection is not needed any more */
    bool fitted;          /* the message is one that the server of this connection can carry */
    bool open;            /* the first half of the transaction is done, the second not begun */
    bool bound;           /* there is to be no other connection */
    bool reused; /* the connection is from a message before, and was not used for this one yet */
};

struct submission *submission_create(const struct smarthost *smarthost, const struct trace *trace,
                                     struct error *error)
{
    struct submission *submission = calloc(1, sizeof *submission);
    if (submission == NULL) {
        error_set_memory(error);
        return NULL;
    }
    if (connector_init(&submission->connector, smarthost, trace, error))
        return submission;
    submission_free(submission);
    return NULL;
}

/* --- one transaction ------------------------------------------------------------------------- */

/* No password is told to a server that cannot carry the message. */
static bool begin(void *context, struct error *error)
{
    struct submission *submission = context;
    struct connector *connector = &submission->connector;
    submission->fitted =
        connector_begin(connector, error) && parcel_fit(&submission->parcel, connector, error);
    return submission->fitted;
}

/* From no connection to one that can take the transaction. */
static bool reach(struct submission *submission, struct error *error)
{
    const struct connector_steps steps = {.context = submission, .begin = begin};
    submission->open = submission->reused = false;
    if (submission->bound)
        return error_set(error, EX_TEMPFAIL,
                         "connect: the connection is gone, and there is to be no other");
    return connector_reach(&submission->connector, &steps, error);
}

/* Sees to it that there is a connection whose server can carry the message. */
static bool make_ready(struct submission *submission, struct error *error)
{
    struct connector *connector = &submission->connector;
    if (!connector_is_open(connector))
        return reach(submission, error);
    submission->fitted = submission->fitted || parcel_fit(&submission->parcel, connector, error);
    return submission->fitted;
}

/* A held connection that had been closed, as turned out at its first use. */
static bool was_stale(const struct submission *submission, const struct error *error)
{
    const struct transaction *transaction = &submission->parcel.transaction;
    bool closed = client_hung_up(&submission->connector.client) || error->reply_code == 421;
    return submission->reused && transaction->answers == 0 && error->exit_code == EX_TEMPFAIL &&
           closed;
}

/* A transaction was open, and broke before the message was sent. */
static bool was_lost(const struct submission *submission, const struct error *error)
{
    const struct transaction *transaction = &submission->parcel.transaction;
    bool dismissed = error->reply_code == 421 && !(transaction->refused && transaction->body_sent);
    bool hung_up = !transaction->refused && client_hung_up(&submission->connector.client);
    return (dismissed || hung_up) && error->exit_code == EX_TEMPFAIL && !transaction->doubtful;
}

/* After a transaction that failed: true when there is to be another try, for which no connection
 * is open. */
static bool try_again(struct submission *submission, enum transaction_end end, struct error *error)
{
    const struct transaction *transaction = &submission->parcel.transaction;
    struct connector *connector = &submission->connector;
    bool only_login = transaction->login_failed && !transaction->data_open &&
                      !transaction->delivered && !transaction->doubtful;
    bool stale = was_stale(submission, error);
    submission->reused = false;
    if (stale || end == TRANSACTION_PLAIN)
        connector->report->doubtful = connector->report->doubtful || transaction->doubtful;
    if (stale) {
        trace_note(connector->trace, "%s", error->sentence);
        connector_disconnect(connector, false);
        return true;
    }
    if (end == TRANSACTION_PLAIN) {
        connector_note(connector,
                       "tried again in plain steps, because of: %s; pipelining = no or chunking = "
                       "no saves this",
                       error->sentence);
        connector->client.plain = true;
        return connector_renew(connector, !transaction->data_open, error);
    }
    if (!only_login || error->exit_code != EX_TEMPFAIL)
        return false;
    connector_reject(connector, error);
    return true;
}

/* --- the whole message ----------------------------------------------------------------------- */

/* A transaction accepted nobody and put somebody off: the server has had enough, the rest must come
 * another time. */
static bool put_off_rest(struct submission *submission, struct error *error)
{
    const struct batch *batch = &submission->parcel.batch;
    for (size_t i = batch->first; i < batch->count; i++) {
        size_t recipient = batch->waiting[i];
        if (submission->parcel.envelope->recipients[recipient].state != RECIPIENT_PENDING)
            continue;
        if (!envelope_set_outcome(submission->parcel.envelope, recipient, RECIPIENT_DEFERRED, 0,
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
static bool renew(struct submission *submission, struct error *error)
{
    struct connector *connector = &submission->connector;
    struct client *client = &connector->client;
    bool over = client->quit_sent || client_hung_up(client) || client_is_dismissed(client) ||
                connector_is_used_up(connector);
    if (!over && (submission->parcel.transaction.delivered || reset(client)))
        return true;
    return connector_renew(connector, true, error);
}

/* One transaction on the open connection, or the second half of the open one, and what follows from
 * its end. */
static bool transact(struct submission *submission, bool *done, struct error *error)
{
    struct transaction *transaction = &submission->parcel.transaction;
    struct connector *connector = &submission->connector;
    bool resumed = submission->open;
    enum transaction_end end;
    submission->open = false;
    if (resumed) {
        transaction->message = submission->parcel.message;
        transaction->last = submission->last;
        end = transaction_deliver(transaction, &submission->parcel.batch, error);
    } else {
        parcel_begin(&submission->parcel, connector, submission->last);
        end = transaction_run(transaction, error);
    }
    parcel_report(&submission->parcel, connector);
    if (end == TRANSACTION_DONE) {
        bool had_enough = transaction->accepted == 0 && transaction->deferred > 0;
        submission->reused = false;
        *done = had_enough || batch_left(&submission->parcel.batch) == 0;
        return *done ? put_off_rest(submission, error) : renew(submission, error);
    }
    if (resumed && end == TRANSACTION_FAILED && was_lost(submission, error)) {
        trace_note(connector->trace, "%s", error->sentence);
        connector_disconnect(connector, false);
        return true;
    }
    return try_again(submission, end, error);
}

/* --- between messages ------------------------------------------------------------------------ */

/* The connection waits for a command, as far as the last transaction tells. */
static bool is_in_step(const struct submission *submission)
{
    const struct transaction *transaction = &submission->parcel.transaction;
    const struct connector *connector = &submission->connector;
    const struct client *client = &connector->client;
    return client->due == (size_t)connector->reset_due && client->reply.code != 421 &&
           !client->quit_sent && !client_hung_up(client) && !client_is_dismissed(client) &&
           !transaction->data_open && !transaction->out_of_step && !transaction->login_failed;
}

/* Leaves the connection so that the next message can use it, or closes it. */
static void lay_by(struct submission *submission)
{
    struct transaction *transaction = &submission->parcel.transaction;
    struct connector *connector = &submission->connector;
    submission->open = false;
    if (!connector_is_open(connector))
        return;
    if (submission->last || !is_in_step(submission))
        connector_disconnect(connector, !transaction->data_open);
    else if (transaction->opened && !transaction->delivered)
        connector_reset(connector);
    transaction->opened = false;
}

/* Turns to a message. What is held of the ones before is used where it still can be. */
static void turn_to(struct submission *submission, struct message *message,
                    struct envelope *envelope, struct submit_report *report)
{
    struct connector *connector = &submission->connector;
    submission->parcel.message = message;
    submission->parcel.envelope = envelope;
    submission->fitted = submission->last = false;
    bool usable =
        connector_is_alive(connector) && (submission->open || !connector_is_used_up(connector));
    if (!usable && connector_is_open(connector)) {
        trace_note(connector->trace, "the connection that was held is of no more use");
        connector_disconnect(connector, true);
    }
    submission->open = submission->open && usable;
    submission->reused = usable && !submission->open;
    submission->parcel.transaction.envelope = envelope;
    connector_report_to(connector, report);
}

/* --- in two halves --------------------------------------------------------------------------- */

static bool offer(struct submission *submission, struct error *error)
{
    struct transaction *transaction = &submission->parcel.transaction;
    struct connector *connector = &submission->connector;
    while (make_ready(submission, error)) {
        if (!submission->open)
            parcel_begin(&submission->parcel, connector, submission->last);
        submission->open = true;
        enum transaction_end end = transaction_offer(transaction, &submission->parcel.batch, error);
        parcel_report(&submission->parcel, connector);
        if (end == TRANSACTION_DONE)
            return true;
        submission->open =
            end == TRANSACTION_FAILED && transaction->opened && is_in_step(submission);
        if (submission->open)
            return false;
        if (!try_again(submission, end, error)) {
            lay_by(submission);
            return false;
        }
    }
    return false;
}

bool submission_offer(struct submission *submission, struct envelope *envelope,
                      const struct submission_promise *promise, struct submit_report *report,
                      struct error *error)
{
    turn_to(submission, NULL, envelope, report);
    submission->parcel.promise = *promise;
    /* Who was offered in a transaction that is lost must be in the next one. */
    unsigned whom = submission->open ? PENDING : PENDING | OFFERED;
    bool offered = batch_open(&submission->parcel.batch, envelope, whom, error) &&
                   (batch_left(&submission->parcel.batch) == 0 || offer(submission, error));
    if (offered)
        *error = (struct error){.exit_code = EX_OK};
    batch_close(&submission->parcel.batch);
    connector_settle(&submission->connector);
    return offered;
}

/* Takes up whom the message is for; where somebody was offered it, that is nobody else. */
static bool take_up_recipients(struct submission *submission, struct error *error)
{
    struct envelope *envelope = submission->parcel.envelope;
    bool offered = envelope_count(envelope, RECIPIENT_OFFERED) > 0;
    if (submission->open && !offered)
        lay_by(submission);
    if (!batch_open(&submission->parcel.batch, envelope, offered ? OFFERED : PENDING, error))
        return false;
    for (size_t i = 0; i < envelope->count; i++)
        if (envelope->recipients[i].state == RECIPIENT_OFFERED)
            envelope->recipients[i].state = RECIPIENT_PENDING;
    return true;
}

static bool deliver(struct submission *submission, struct error *error)
{
    if (!take_up_recipients(submission, error) ||
        !mime_label(submission->parcel.message, &submission->parcel.facts, NULL, error))
        return false;
    bool done = batch_left(&submission->parcel.batch) == 0;
    while (!done)
        if (!make_ready(submission, error) || !transact(submission, &done, error))
            return false;
    return true;
}

static bool deliver_as(struct submission *submission, bool last, struct error *error)
{
    submission->last = last;
    bool delivered = deliver(submission, error);
    if (delivered)
        *error = (struct error){.exit_code = EX_OK}; /* of a try that another made good */
    lay_by(submission);
    batch_close(&submission->parcel.batch);
    connector_settle(&submission->connector);
    return delivered;
}

bool submission_deliver(struct submission *submission, struct message *message,
                        struct envelope *envelope, struct submit_report *report,
                        struct error *error)
{
    turn_to(submission, message, envelope, report);
    return deliver_as(submission, false, error);
}

bool submission_deliver_last(struct submission *submission, struct message *message,
                             struct envelope *envelope, struct submit_report *report,
                             struct error *error)
{
    turn_to(submission, message, envelope, report);
    return deliver_as(submission, true, error);
}

struct connector *submission_connector(struct submission *submission)
{
    return &submission->connector;
}

void submission_reset(struct submission *submission)
{
    if (submission->open)
        lay_by(submission);
}

void submission_bind(struct submission *submission)
{
    submission->bound = true;
}

void submission_leave(struct submission *submission)
{
    struct stream *stream = &submission->connector.client.stream;
    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (stream->fd >= 0 && nothing >= 0)
        dup3(nothing, stream->fd, O_CLOEXEC);
    if (nothing >= 0)
        close(nothing);
}

void submission_rest(struct submission *submission)
{
    submission->open = false;
    connector_disconnect(&submission->connector, true);
}

void submission_free(struct submission *submission)
{
    if (submission == NULL)
        return;
    connector_close(&submission->connector);
    free(submission);
}

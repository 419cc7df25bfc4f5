/* What a message is to a connection. Invariant: what was not found fit to be carried is not sent.
 */
#include "smtp/parcel.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"

/* Only the sender and those the message is still to be offered to count: a recipient that was given
 * up is in nobody's way. */
static bool needs_utf8(const struct parcel *parcel)
{
    const struct envelope *envelope = parcel->envelope;
    const struct batch *batch = &parcel->batch;
    bool needs = slice_has_8bit(slice_of(envelope->sender));
    for (size_t i = batch->first; i < batch->count && envelope->needs_utf8 && !needs; i++)
        needs = slice_has_8bit(slice_of(envelope->recipients[batch->waiting[i]].address));
    return needs && envelope->needs_utf8;
}

/* A verdict that the server was spared; `status` is what it would have said. */
static bool cannot_carry(const struct client *client, const char *status, struct error *error)
{
    text_copy(error->enhanced, sizeof error->enhanced, status);
    return client_add_context(client, "MAIL FROM", error);
}

static bool check_utf8(const struct parcel *parcel, const struct client *client,
                       struct error *error)
{
    bool promised = parcel->message != NULL || parcel->promise.smtputf8;
    if (!needs_utf8(parcel) || (promised && client->capability.smtputf8))
        return true;
    if (promised)
        error_set_permanent(error, EX_DATAERR,
                            "an address needs SMTPUTF8, which the server does not offer; only an "
                            "address in ASCII can be reached by it");
    else
        error_set_permanent(error, EX_DATAERR,
                            "an address needs SMTPUTF8, which was not asked for");
    return cannot_carry(client, "5.6.7", error);
}

static bool check_size(const struct client *client, uint64_t size, struct error *error)
{
    uint64_t limit = client->capability.size_limit;
    if (limit == 0 || size <= limit)
        return true;
    error_set_permanent(error, EX_DATAERR,
                        "the message has %" PRIu64 " octets, the server takes at most %" PRIu64,
                        size, limit);
    return cannot_carry(client, "5.3.4", error);
}

bool parcel_fit(struct parcel *parcel, struct connector *connector, struct error *error)
{
    const struct client *client = &connector->client;
    char words_bytes[MIME_NOTE_SIZE];
    struct text words;
    if (!check_utf8(parcel, client, error))
        return false;
    if (!client->capability.dsn && transaction_asks_for_reports(parcel->envelope))
        connector_note(connector,
                       "delivery reports were asked for, but the server does not offer them (DSN)");
    if (parcel->message == NULL)
        return check_size(client, parcel->promise.size, error);
    text_init(&words, words_bytes, sizeof words_bytes);
    if (!mime_fit(parcel->message, &parcel->facts, client->capability.eight_bit, &words, error))
        return false;
    if (words.length > 0)
        connector_note(connector, "%s", words_bytes);
    connector->report->size = message_size(parcel->message);
    return check_size(client, connector->report->size, error);
}

void parcel_report(struct parcel *parcel, struct connector *connector)
{
    const struct transaction *transaction = &parcel->transaction;
    struct submit_report *report = connector->report;
    int64_t elapsed = clock_now() - transaction->started;
    if (transaction->login != NULL)
        report->login_ms = transaction->login_ms;
    report->transfer_ms += elapsed - transaction->login_ms;
    if (connector->client.logged_in)
        connector->login = NULL;
    if (!transaction->delivered)
        return;
    size_t used = strlen(report->reply); /* of the transactions before: each has a queue id */
    struct text reply;
    text_init(&reply, report->reply + used, sizeof report->reply - used);
    text_add(&reply, used > 0 ? "; " : "");
    reply_words(&connector->client.reply, &reply);
    if (transaction->refused)
        connector_note(connector, "the server took the message though it said: %s",
                       transaction->refusal.sentence);
}

void parcel_begin(struct parcel *parcel, struct connector *connector, bool last)
{
    parcel->transaction = (struct transaction){
        .client = &connector->client,
        .message = parcel->message,
        .promised_size = parcel->promise.size,
        .promised_utf8 = parcel->promise.smtputf8,
        .envelope = parcel->envelope,
        .batch = &parcel->batch,
        .login = connector->login,
        .last = last,
    };
    connector->mails++;
}

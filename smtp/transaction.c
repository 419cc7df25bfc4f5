/* MAIL, RCPT, DATA or BDAT (RFC 5321 section 3.3, RFC 2920, RFC 3030, RFC 3461), with AUTH in front
 * where it may ride along (RFC 4954 section 4).
 *
 * One path serves both ways: after each command either all answers are awaited (plain steps) or
 * only so many that the window stays open (a flight). Invariant: answers are matched to commands in
 * the order of sending, and all are read (judged by judge.h); those of several transactions on one
 * connection as well, where each is said whole before the next. */
#include "smtp/transaction.h"

#include <string.h>

#include "base/clock.h"
#include "base/interrupt.h"
#include "message/wire.h"
#include "smtp/authenticate.h"
#include "smtp/command.h"
#include "smtp/judge.h"

enum {
    WINDOW = 4096,             /* commands sent and not answered */
    FLIGHT_LIMIT = 14 * 1024,  /* octets TCP sends at once on a new connection */
    BDAT_AND_QUIT = 64,        /* octets for these two lines */
    END_PATIENCE = 10,         /* giving up on the end of the message makes duplicates */
    QUIT_PATIENCE = 2000,      /* milliseconds */
    RECIPIENTS_ANY_TAKES = 100 /* what every server takes (RFC 5321 section 4.5.3.1.8) */
};

/* --- reading answers ------------------------------------------------------------------------- */

static size_t outstanding(const struct transaction *transaction)
{
    return (size_t)transaction->awaits_reset + transaction->awaits_login +
           transaction->awaits_mail + (transaction->sent - transaction->answered) +
           transaction->awaits_data + transaction->awaits_end;
}

/* The answer to what stands in front of MAIL. */
static bool read_opening(struct transaction *transaction, struct error *error)
{
    struct client *client = transaction->client;
    if (transaction->awaits_reset) {
        if (!client_read(client, "RSET", client->smarthost->timeout, error))
            return false;
        transaction->awaits_reset = false;
        judge_reset(transaction);
        return true;
    }
    if (!authenticate_read(client, transaction->login, error))
        return false;
    transaction->awaits_login = false;
    judge_login(transaction);
    return true;
}

/* The last word on the message. Behind it a RSET may have been said already, or QUIT behind a chunk
 * that rode: the answer to that is waited for, since it tells whether the two are what they seem.
 * (Before any other message DATA is answered by 354, which shows the same.) */
static bool read_end(struct transaction *transaction, struct error *error)
{
    struct client *client = transaction->client;
    int64_t timeout = client->smarthost->timeout;
    if (!client_read(client, judge_end_step(transaction), timeout * END_PATIENCE, error))
        return false;
    transaction->awaits_end = false;
    if (transaction->chunking && client->due > 0)
        client_await_reply(client, timeout);
    else if (transaction->chunk_rode && client->quit_sent)
        client_await_reply(client, timeout < QUIT_PATIENCE ? timeout : QUIT_PATIENCE);
    judge_end(transaction);
    return true;
}

/* Reads and judges the next answer that is due. */
static bool read_answer(struct transaction *transaction, struct error *error)
{
    struct client *client = transaction->client;
    int64_t timeout = client->smarthost->timeout;
    if (transaction->awaits_reset || transaction->awaits_login) {
        if (!read_opening(transaction, error))
            return false;
    } else if (transaction->awaits_mail) {
        if (!client_read(client, "MAIL FROM", timeout, error))
            return false;
        transaction->awaits_mail = false;
        judge_mail(transaction);
    } else if (transaction->answered < transaction->sent) {
        if (!client_read(client, "RCPT TO", timeout, error))
            return false;
        judge_recipient(transaction);
    } else if (transaction->awaits_data) {
        if (!client_read(client, "DATA", timeout, error))
            return false;
        transaction->awaits_data = false;
        judge_data(transaction);
    } else if (!read_end(transaction, error)) {
        return false;
    }
    transaction->answers += client->reply.code != 421;
    return true;
}

/* An answer did not come. Where the whole message is sent, it may have been taken: by those who
 * were accepted, also after a refusal, and by those who have no answer yet. A server that said
 * goodbye has taken nothing of what came after. */
static bool lose_touch(struct transaction *transaction)
{
    bool somebody_open = !transaction->refused && transaction->answered < transaction->sent;
    bool sent = transaction->awaits_end && !transaction->cut_short;
    transaction->doubtful =
        sent && !transaction->client->said_goodbye && (transaction->accepted > 0 || somebody_open);
    return false;
}

/* Reads answers until no more than `most` are due. */
static bool settle(struct transaction *transaction, size_t most, struct error *error)
{
    while (outstanding(transaction) > most)
        if (!read_answer(transaction, error))
            return lose_touch(transaction);
    return true;
}

/* After each command. A window is emptied by halves, so that commands still go out in bulk. */
static bool keep_pace(struct transaction *transaction, struct error *error)
{
    if (!transaction->pipelined)
        return settle(transaction, 0, error);
    return outstanding(transaction) < WINDOW || settle(transaction, WINDOW / 2, error);
}

/* --- offering the envelope ------------------------------------------------------------------- */

/* One command; where it cannot go out, the error says at which step that was. */
static bool say(struct transaction *transaction, const char *step, const char *line,
                struct error *error)
{
    return client_send(transaction->client, line, error) ||
           client_add_context(transaction->client, step, error);
}

static bool offer_reset(struct transaction *transaction, struct error *error)
{
    if (!transaction->reset)
        return true;
    transaction->awaits_reset = say(transaction, "RSET", "RSET", error);
    return transaction->awaits_reset;
}

static bool offer_login(struct transaction *transaction, struct error *error)
{
    if (transaction->login == NULL)
        return true;
    transaction->awaits_login = authenticate_ride(transaction->client, transaction->login, error);
    return transaction->awaits_login && keep_pace(transaction, error);
}

/* What MAIL says of the message. What is not there yet may be of any kind (RFC 6152 permits 7-bit
 * content under 8BITMIME). */
static struct command_mail describe_mail(const struct transaction *transaction)
{
    const struct capability *capability = &transaction->client->capability;
    const struct message *message = transaction->message;
    const struct envelope *envelope = transaction->envelope;
    struct command_mail mail = {
        .sender = envelope->sender,
        .has_size = capability->size && (message != NULL || transaction->promised_size > 0),
        .size = message != NULL ? message_size(message) : transaction->promised_size,
        .eight_bit = capability->eight_bit &&
                     (message == NULL || message->body_8bit || message->header_8bit),
        .smtputf8 = capability->smtputf8 &&
                    (message != NULL ? envelope->needs_utf8 : transaction->promised_utf8),
    };
    if (transaction->reports) {
        mail.returned = envelope->returned;
        mail.id = envelope->id;
    }
    return mail;
}

static bool offer_mail(struct transaction *transaction, struct error *error)
{
    struct command_mail mail = describe_mail(transaction);
    char line_bytes[COMMAND_SIZE];
    struct text line;
    text_init(&line, line_bytes, sizeof line_bytes);
    transaction->smtputf8 = mail.smtputf8;
    transaction->awaits_mail =
        command_mail(&line, &mail, error) && say(transaction, "MAIL FROM", line.bytes, error);
    return transaction->awaits_mail && keep_pace(transaction, error);
}

static bool offer_recipient(struct transaction *transaction, const struct recipient *recipient,
                            struct error *error)
{
    struct command_rcpt rcpt = {.address = recipient->address, .smtputf8 = transaction->smtputf8};
    char line_bytes[COMMAND_SIZE];
    struct text line;
    text_init(&line, line_bytes, sizeof line_bytes);
    if (transaction->reports) {
        /* In UTF-8 it cannot be said to a server without SMTPUTF8 (RFC 6533 section 3). */
        bool sayable = transaction->smtputf8 || !slice_has_8bit(slice_of(recipient->original));
        rcpt.original = sayable ? recipient->original : NULL;
        rcpt.notify = recipient->notify;
    }
    if (!command_rcpt(&line, &rcpt, error) || !say(transaction, "RCPT TO", line.bytes, error))
        return false;
    transaction->sent++;
    return keep_pace(transaction, error);
}

/* How many of the batch may be offered in this transaction. */
static size_t offer_limit(const struct transaction *transaction)
{
    const struct batch *batch = transaction->batch;
    size_t limit = batch_left(batch);
    uint64_t server_limit = transaction->client->capability.rcpt_limit;
    uint64_t room =
        server_limit > transaction->sent_before ? server_limit - transaction->sent_before : 0;
    if (limit > batch->limit)
        limit = batch->limit;
    return server_limit > 0 && limit > room ? (size_t)room : limit;
}

static bool offer_recipients(struct transaction *transaction, struct error *error)
{
    const struct batch *batch = transaction->batch;
    size_t limit = offer_limit(transaction);
    while (transaction->sent < limit && !transaction->refused && !transaction->takes_no_more) {
        uint32_t recipient = batch->waiting[batch->first + transaction->sent];
        if (!offer_recipient(transaction, &transaction->envelope->recipients[recipient], error))
            return false;
    }
    return true;
}

/* --- sending the message --------------------------------------------------------------------- */

/* Nobody is left for another transaction, as far as the answers so far say. */
static bool is_last(const struct transaction *transaction)
{
    return transaction->again == 0 && transaction->sent == batch_left(transaction->batch);
}

/* While something of the message is still here, the server can refuse it, but not take it. */
static bool heard_no_verdict(const struct transaction *transaction, struct error *error)
{
    struct slice input = stream_input(&transaction->client->stream);
    bool refusal = input.length > 0 && (input.bytes[0] == '4' || input.bytes[0] == '5');
    return outstanding(transaction) > 0 || input.length == 0 || refusal ||
           client_unasked(transaction->client, error);
}

/* The same at the end, as long as the last octets wait in the output. */
static bool heard_none_at_last(const struct transaction *transaction, struct error *error)
{
    struct client *client = transaction->client;
    if (outstanding(transaction) > 0 || client->stream.output.length == 0)
        return true;
    stream_try_fill(&client->stream, error);
    if (client_hung_up(client) && stream_input(&client->stream).length == 0)
        return false;
    return heard_no_verdict(transaction, error);
}

static bool write_message(struct transaction *transaction, struct error *error)
{
    struct wire wire;
    struct slice octets;
    bool written;
    trace_note(transaction->client->trace, "sending %llu octets",
               (unsigned long long)message_size(transaction->message));
    wire_open(&wire, transaction->message, !transaction->chunking);
    do
        written =
            wire_next(&wire, &octets, error) &&
            (octets.length == 0 || (heard_no_verdict(transaction, error) &&
                                    (!wire_is_last(&wire) || interrupt_defer(error)) &&
                                    stream_write(&transaction->client->stream, octets, error)));
    while (written && octets.length > 0);
    wire_close(&wire);
    return written && heard_none_at_last(transaction, error);
}

static bool write_chunk(struct transaction *transaction, struct error *error)
{
    char line_bytes[COMMAND_SIZE];
    struct text line;
    text_init(&line, line_bytes, sizeof line_bytes);
    command_bdat(&line, message_size(transaction->message));
    transaction->cut_short =
        !client_send(transaction->client, line.bytes, error) || !write_message(transaction, error);
    return !transaction->cut_short;
}

/* Behind 354. The final dot calls for a reply, as a command does. */
static bool write_data(struct transaction *transaction, struct error *error)
{
    bool written = write_message(transaction, error);
    transaction->client->due += written;
    return written;
}

/* The sending broke off. What the server said before it closed is worth more than that it did. */
static bool take_last_words(struct transaction *transaction, const char *step, struct error *error)
{
    struct error ignored;
    if (!client_hung_up(transaction->client) || error->exit_code != EX_TEMPFAIL)
        return client_add_context(transaction->client, step, error);
    if (client_read(transaction->client, step, 0, &ignored) &&
        reply_class(&transaction->client->reply) > 3)
        judge_refusal(transaction, step, false);
    return client_add_context(transaction->client, step, error);
}

/* The message behind the flight, by BDAT or after 354; the answer to it is to come. */
static bool say_message(struct transaction *transaction, struct error *error)
{
    const char *step = transaction->chunking ? "BDAT" : "message";
    transaction->data_open = transaction->body_sent = true;
    if (!(transaction->chunking ? write_chunk(transaction, error) : write_data(transaction, error)))
        return take_last_words(transaction, step, error);
    if (transaction->last && transaction->pipelined && is_last(transaction))
        client_quit(transaction->client);
    transaction->awaits_end = true;
    return true;
}

/* 354 though nobody was accepted: an empty message that goes nowhere. */
static bool say_nothing(struct transaction *transaction, struct error *error)
{
    transaction->body_sent = true;
    transaction->awaits_end = say(transaction, "end of DATA", ".", error);
    return transaction->awaits_end;
}

/* What of the message can go before the recipients are answered. */
static bool offer_data(struct transaction *transaction, struct error *error)
{
    struct client *client = transaction->client;
    if (!transaction->pipelined || transaction->refused || transaction->message == NULL)
        return true;
    if (!transaction->chunking) {
        transaction->awaits_data = say(transaction, "DATA", "DATA", error);
        return transaction->awaits_data;
    }
    uint64_t flight =
        client->stream.output.length + message_size(transaction->message) + BDAT_AND_QUIT;
    bool unanswered =
        transaction->login != NULL ? transaction->awaits_login : transaction->awaits_mail;
    if (!transaction->among_others && (!unanswered || flight > FLIGHT_LIMIT))
        return true;
    if (!interrupt_defer(error))
        return client_add_context(client, "BDAT", error);
    transaction->chunk_rode = transaction->awaits_end = true;
    if (!write_chunk(transaction, error))
        return client_add_context(client, "BDAT", error);
    if (transaction->last && is_last(transaction) && transaction->sent <= RECIPIENTS_ANY_TAKES)
        client_quit(client);
    return true;
}

/* Everything that can be said before the message itself. */
static bool say_envelope(struct transaction *transaction, struct error *error)
{
    bool begun = transaction->opened ||
                 (offer_reset(transaction, error) && offer_login(transaction, error) &&
                  (transaction->refused || offer_mail(transaction, error)));
    return begun && (transaction->refused || offer_recipients(transaction, error)) &&
           offer_data(transaction, error);
}

/* The same, and all answers to it. */
static bool offer_envelope(struct transaction *transaction, struct error *error)
{
    bool offered = say_envelope(transaction, error);
    /* A server that hung up may have said why before. */
    bool may_have_spoken = client_hung_up(transaction->client) && outstanding(transaction) > 0;
    return (offered || may_have_spoken) && settle(transaction, 0, error);
}

/* The message, to those who were accepted, as far as it has not gone in the flight. */
static bool pass_message(struct transaction *transaction, struct error *error)
{
    if (transaction->data_open)
        return transaction_pass(transaction, error) && settle(transaction, 0, error);
    if (transaction->chunk_rode || transaction->accepted == 0)
        return true;
    if (!transaction->chunking) {
        transaction->awaits_data = say(transaction, "DATA", "DATA", error);
        if (!transaction->awaits_data || !settle(transaction, 0, error))
            return false;
    }
    return transaction->refused ||
           (say_message(transaction, error) && settle(transaction, 0, error));
}

/* The envelope is answered: what is to be made of answers in the wrong order. */
static void weigh_order(struct transaction *transaction)
{
    if (transaction->out_of_order && transaction->accepted == 0 && !transaction->refused)
        transaction->refused = transaction->blames_flight = true;
}

static bool converse(struct transaction *transaction, struct error *error)
{
    if (interrupt_came(error))
        return client_add_context(transaction->client, "MAIL FROM", error);
    if (!offer_envelope(transaction, error))
        return false;
    weigh_order(transaction);
    return transaction->refused || pass_message(transaction, error);
}

/* --- beginning and end ----------------------------------------------------------------------- */

bool transaction_asks_for_reports(const struct envelope *envelope)
{
    bool asks = envelope->id != NULL || envelope->returned != DSN_RETURN_UNSET;
    for (size_t i = 0; i < envelope->count && !asks; i++)
        asks = envelope->recipients[i].notify != 0;
    return asks;
}

static void begin(struct transaction *transaction)
{
    const struct client *client = transaction->client;
    transaction->started = clock_now();
    transaction->pipelined = client_may_pipeline(client);
    transaction->chunking = client_may_chunk(client);
    transaction->reports =
        client->capability.dsn && transaction_asks_for_reports(transaction->envelope);
}

/* Everybody who was offered has been judged, and the message was not due. */
static bool is_decided(const struct transaction *transaction)
{
    return transaction->message != NULL && transaction->sent > 0 &&
           transaction->answered == transaction->sent && !transaction->refused &&
           transaction->accepted == 0 && transaction->again == 0;
}

/* 554 may mean anything, but where flights get through it is not about them. */
static bool is_verdict(const struct transaction *transaction)
{
    return transaction->among_others && transaction->refusal.reply_code == 554;
}

/* It failed, but the way of asking may be to blame. */
static bool may_work_plainly(const struct transaction *transaction, const struct error *error)
{
    bool promised = transaction->message == NULL && transaction->accepted > 0;
    if (transaction->delivered || promised)
        return false;
    if (transaction->refused)
        return transaction->blames_flight && !transaction->doubtful && !is_verdict(transaction);
    return transaction->pipelined && outstanding(transaction) > 0 && !transaction->body_sent &&
           client_hung_up(transaction->client) && error->exit_code == EX_TEMPFAIL &&
           !interrupt_came(NULL);
}

enum transaction_end transaction_conclude(struct transaction *transaction, bool conversed,
                                          struct error *error)
{
    transaction->login_failed =
        transaction->login_failed || (transaction->awaits_login && !transaction->chunk_rode);
    if (!conversed && is_decided(transaction))
        conversed = true;
    if (transaction->refused) {
        *error = transaction->refusal;
        conversed = transaction->delivered && is_last(transaction);
    }
    if (transaction->takes_no_more)
        transaction->batch->limit = transaction->accepted;
    if (conversed) {
        batch_advance(transaction->batch, transaction->sent, transaction->again);
        return TRANSACTION_DONE;
    }
    if (transaction->doubtful)
        error_add_advice(error, "the server may have taken the message: possible duplicate");
    if (!may_work_plainly(transaction, error))
        return TRANSACTION_FAILED;
    batch_keep(transaction->batch, transaction->sent, transaction->envelope);
    return TRANSACTION_PLAIN;
}

static enum transaction_end conclude(struct transaction *transaction, bool conversed,
                                     struct error *error)
{
    interrupt_resume();
    return transaction_conclude(transaction, conversed, error);
}

enum transaction_end transaction_run(struct transaction *transaction, struct error *error)
{
    begin(transaction);
    return conclude(transaction, converse(transaction, error), error);
}

/* --- in two halves --------------------------------------------------------------------------- */

/* It begins, or goes on where it is open, with another batch. */
static void resume(struct transaction *transaction, struct batch *batch)
{
    begin(transaction);
    if (transaction->opened) {
        transaction->login = NULL;
        transaction->login_ms = 0;
    }
    transaction->sent_before += transaction->sent;
    transaction->batch = batch;
    transaction->sent = transaction->answered = transaction->again = 0;
    transaction->refused = transaction->blames_flight = false;
}

/* Who is over the server's limit is told so: there is no other transaction to wait for. */
static bool defer_rest(const struct transaction *transaction, struct error *error)
{
    static const char words[] = "452 4.5.3 too many recipients: the server takes no more at once";
    const struct batch *batch = transaction->batch;
    for (size_t i = batch->first; i < batch->count; i++)
        if (!envelope_set_outcome(transaction->envelope, batch->waiting[i], RECIPIENT_DEFERRED, 452,
                                  slice_of(words), error))
            return false;
    return true;
}

enum transaction_end transaction_offer(struct transaction *transaction, struct batch *batch,
                                       struct error *error)
{
    resume(transaction, batch);
    enum transaction_end end = conclude(transaction, offer_envelope(transaction, error), error);
    return end == TRANSACTION_DONE && !defer_rest(transaction, error) ? TRANSACTION_FAILED : end;
}

enum transaction_end transaction_deliver(struct transaction *transaction, struct batch *batch,
                                         struct error *error)
{
    size_t count = batch_left(batch);
    resume(transaction, batch);
    transaction->pipelined = false; /* nothing is in a flight */
    transaction->sent = transaction->answered = transaction->accepted = count;
    memcpy(batch->accepted, batch->waiting + batch->first, count * sizeof *batch->accepted);
    return conclude(transaction, pass_message(transaction, error), error);
}

/* --- among others ---------------------------------------------------------------------------- */

bool transaction_say(struct transaction *transaction, struct error *error)
{
    begin(transaction);
    if (interrupt_came(error))
        return client_add_context(transaction->client, "MAIL FROM", error);
    return say_envelope(transaction, error);
}

bool transaction_hear(struct transaction *transaction, struct error *error)
{
    bool heard = settle(transaction, 0, error);
    weigh_order(transaction);
    return heard;
}

bool transaction_is_awaited(const struct transaction *transaction)
{
    return transaction->data_open && !transaction->body_sent && !transaction->refused;
}

bool transaction_pass(struct transaction *transaction, struct error *error)
{
    return transaction->accepted > 0 ? say_message(transaction, error)
                                     : say_nothing(transaction, error);
}

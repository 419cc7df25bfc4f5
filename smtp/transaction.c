/* MAIL, RCPT, DATA or BDAT (RFC 5321 section 3.3, RFC 2920, RFC 3030), with AUTH in front where it
 * may ride along (RFC 4954 section 4).
 *
 * One path serves both ways: after each command either all answers are awaited (plain steps) or
 * only so many that the window stays open (a flight). Invariant: answers are matched to commands in
 * the order of sending; once something was refused, what is said to the commands that depended on
 * it is read and not judged; and nothing is a delivery that was said before the message was out. */
#include "smtp/transaction.h"

#include <string.h>

#include "base/clock.h"
#include "base/interrupt.h"
#include "message/wire.h"
#include "smtp/authenticate.h"
#include "smtp/command.h"

enum {
    WINDOW = 4096,             /* commands sent and not answered */
    FLIGHT_LIMIT = 14 * 1024,  /* octets TCP sends at once on a new connection */
    BDAT_AND_QUIT = 64,        /* octets for these two lines */
    MAIL_STEP_SIZE = 320,      /* "MAIL FROM:<...>" */
    END_PATIENCE = 10,         /* giving up on the end of the message makes duplicates */
    RECIPIENTS_ANY_TAKES = 100 /* what every server takes (RFC 5321 section 4.5.3.1.8) */
};

/* --- judging answers ------------------------------------------------------------------------- */

/* What a server says that cannot cope with a flight. */
static bool is_trouble(const struct reply *reply)
{
    return reply->code == 501 || reply->code == 503 || reply->code == 554;
}

/* What a server says that does not know BDAT, though it offers it. */
static bool is_unknown(const struct reply *reply)
{
    return reply->code == 500 || reply->code == 502;
}

static bool is_login_demand(const struct reply *reply)
{
    return reply->code == 530 || reply->code == 534 || reply->code == 538;
}

/* What a server says that takes no more recipients, bare or with its own status; 552 is from before
 * 452 (RFC 5321 section 4.5.3.1.10). Any other status is about that one recipient. */
static bool is_too_many(const struct reply *reply)
{
    bool bare = reply->enhanced[0] == '\0';
    return (bare && (reply->code == 452 || reply->code == 552)) || reply_has_detail(reply, ".5.3");
}

/* The step that ends the message. */
static const char *end_step(const struct transaction *transaction)
{
    return transaction->chunking ? "BDAT" : "end of DATA";
}

static void refuse(struct transaction *transaction, const char *step, bool blames_flight)
{
    if (transaction->refused)
        return;
    client_refused(transaction->client, step, true, &transaction->refusal);
    transaction->refused = true;
    transaction->blames_flight = blames_flight;
}

static void file_outcome(struct transaction *transaction, size_t recipient,
                         enum recipient_state state)
{
    const struct reply *reply = &transaction->client->reply;
    char words_bytes[REPLY_WORDS_SIZE];
    struct text words;
    struct error ignored; /* memory may lack for the words, the state is filed all the same */
    text_init(&words, words_bytes, sizeof words_bytes);
    reply_words(reply, &words);
    envelope_set_outcome(transaction->envelope, recipient, state, reply->code, text_slice(&words),
                         &ignored);
}

static void judge_login(struct transaction *transaction)
{
    const struct reply *reply = &transaction->client->reply;
    transaction->login_ms = clock_now() - transaction->started;
    if (authenticate_judge(transaction->client, transaction->login, &transaction->refusal))
        return;
    transaction->refused = transaction->login_failed = true;
    transaction->out_of_step = reply->code == 334;
    transaction->blames_flight = is_trouble(reply) || transaction->out_of_step;
}

/* "MAIL FROM:<alice@example.com>" */
static const char *mail_step(const struct transaction *transaction, struct text *step)
{
    text_add(step, "MAIL FROM:<");
    text_add_escaped(step, slice_of(transaction->envelope->sender), TEXT_SHOWN_LIMIT);
    text_add_byte(step, '>');
    return step->bytes;
}

/* For a sender that the server does not let us be, as far as the reply can be one about him. */
static void advise_sender(struct transaction *transaction)
{
    const char *user = transaction->client->smarthost->sasl.user;
    struct error *refusal = &transaction->refusal;
    struct text_shown shown;
    int code = refusal->reply_code;
    bool is_about_sender = code == 501 || code == 550 || code == 553 || code == 554;
    if (!is_about_sender || transaction->blames_flight || transaction->envelope->sender[0] == '\0')
        return;
    if (transaction->client->logged_in)
        error_add_advice(refusal, "set from to an address that the server lets %s use",
                         text_show(&shown, slice_of(user)));
    else
        error_add_advice(refusal, "set from to an address that the server takes");
}

static void judge_mail(struct transaction *transaction)
{
    const struct reply *reply = &transaction->client->reply;
    char step_bytes[MAIL_STEP_SIZE];
    struct text step;
    if (reply_class(reply) == 2 || transaction->refused)
        return;
    text_init(&step, step_bytes, sizeof step_bytes);
    refuse(transaction, mail_step(transaction, &step), transaction->pipelined && is_trouble(reply));
    advise_sender(transaction);
}

static void judge_recipient(struct transaction *transaction)
{
    const struct reply *reply = &transaction->client->reply;
    int class = reply_class(reply);
    uint32_t recipient =
        transaction->batch->waiting[transaction->batch->first + transaction->answered++];
    if (class == 2) {
        transaction->batch->accepted[transaction->accepted++] = recipient;
        return;
    }
    bool misplaced = transaction->pipelined && reply->code == 503;
    bool too_many = transaction->accepted > 0 && is_too_many(reply);
    bool no_verdict = is_login_demand(reply) || class == 3;
    if (transaction->refused || misplaced || too_many || no_verdict)
        transaction->batch->again[transaction->again++] = recipient;
    if (transaction->refused)
        return;
    if (no_verdict) {
        refuse(transaction, "RCPT TO", false);
    } else if (misplaced) {
        transaction->out_of_order = true;
        client_refused(transaction->client, "RCPT TO", true, &transaction->refusal);
    } else {
        transaction->takes_no_more = transaction->takes_no_more || too_many;
        bool deferred = class == 4 || too_many;
        transaction->deferred += deferred;
        file_outcome(transaction, recipient, deferred ? RECIPIENT_DEFERRED : RECIPIENT_REFUSED);
    }
}

static void judge_data(struct transaction *transaction)
{
    const struct reply *reply = &transaction->client->reply;
    if (reply->code == 354)
        transaction->data_open = true;
    else if (transaction->accepted > 0)
        refuse(transaction, "DATA", transaction->pipelined && is_trouble(reply));
}

/* A refusal stands behind the last reply that was due: the answers are one command late. */
static void contradict(struct transaction *transaction)
{
    struct error *refusal = &transaction->refusal;
    transaction->out_of_step = transaction->refused = true;
    error_set(refusal, EX_PROTOCOL,
              "the server breaks the protocol: more replies than commands, and the last refuses");
    client_add_context(transaction->client, "BDAT", refusal);
}

/* The last word on the message. Where nobody was accepted there is nothing to judge. */
static void judge_end(struct transaction *transaction)
{
    const struct reply *reply = &transaction->client->reply;
    bool trouble =
        is_unknown(reply) || (is_trouble(reply) && (transaction->chunk_rode || reply->code != 554));
    transaction->data_open = false;
    if (transaction->accepted == 0)
        return;
    if (reply_class(reply) != 2) {
        refuse(transaction, end_step(transaction), transaction->chunking && trouble);
        return;
    }
    if (transaction->chunk_rode && client_is_contradicted(transaction->client))
        contradict(transaction);
    if (transaction->out_of_step) {
        transaction->doubtful = true;
        return;
    }
    transaction->delivered = true;
    for (size_t i = 0; i < transaction->accepted; i++)
        file_outcome(transaction, transaction->batch->accepted[i], RECIPIENT_ACCEPTED);
}

/* --- reading answers ------------------------------------------------------------------------- */

static size_t outstanding(const struct transaction *transaction)
{
    return (size_t)transaction->awaits_login + transaction->awaits_mail +
           (transaction->sent - transaction->answered) + transaction->awaits_data +
           transaction->awaits_end;
}

/* Reads and judges the next answer that is due. */
static bool read_answer(struct transaction *transaction, struct error *error)
{
    struct client *client = transaction->client;
    int64_t timeout = client->smarthost->timeout;
    if (transaction->awaits_login) {
        if (!authenticate_read(client, transaction->login, error))
            return false;
        transaction->awaits_login = false;
        judge_login(transaction);
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
    } else {
        if (!client_read(client, end_step(transaction), timeout * END_PATIENCE, error))
            return false;
        transaction->awaits_end = false;
        judge_end(transaction);
    }
    return true;
}

/* An answer did not come. Where the whole message is sent, it may have been taken: by those who
 * were accepted, also after a refusal, and by those who have no answer yet. */
static bool lose_touch(struct transaction *transaction)
{
    bool somebody_open = !transaction->refused && transaction->answered < transaction->sent;
    transaction->doubtful = transaction->awaits_end && (transaction->accepted > 0 || somebody_open);
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

static bool offer_login(struct transaction *transaction, struct error *error)
{
    if (transaction->login == NULL)
        return true;
    transaction->awaits_login = authenticate_ride(transaction->client, transaction->login, error);
    return transaction->awaits_login && keep_pace(transaction, error);
}

static bool offer_mail(struct transaction *transaction, struct error *error)
{
    const struct capability *capability = &transaction->client->capability;
    const struct message *message = transaction->message;
    struct command_mail mail = {
        .sender = transaction->envelope->sender,
        .has_size = capability->size,
        .size = message_size(message),
        .eight_bit = capability->eight_bit && (message->body_8bit || message->header_8bit),
        .smtputf8 = transaction->envelope->needs_utf8,
    };
    char line_bytes[COMMAND_SIZE];
    struct text line;
    text_init(&line, line_bytes, sizeof line_bytes);
    transaction->awaits_mail =
        command_mail(&line, &mail, error) && say(transaction, "MAIL FROM", line.bytes, error);
    return transaction->awaits_mail && keep_pace(transaction, error);
}

static bool offer_recipients(struct transaction *transaction, struct error *error)
{
    const struct batch *batch = transaction->batch;
    size_t limit = batch_left(batch);
    uint64_t server_limit = transaction->client->capability.rcpt_limit;
    if (limit > batch->limit)
        limit = batch->limit;
    if (server_limit > 0 && limit > server_limit)
        limit = (size_t)server_limit;
    while (transaction->sent < limit && !transaction->refused && !transaction->takes_no_more) {
        uint32_t recipient = batch->waiting[batch->first + transaction->sent];
        char line_bytes[COMMAND_SIZE];
        struct text line;
        text_init(&line, line_bytes, sizeof line_bytes);
        if (!command_rcpt(&line, transaction->envelope->recipients[recipient].address,
                          transaction->envelope->needs_utf8, error) ||
            !say(transaction, "RCPT TO", line.bytes, error))
            return false;
        transaction->sent++;
        if (!keep_pace(transaction, error))
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
    return client_send(transaction->client, line.bytes, error) && write_message(transaction, error);
}

/* The sending broke off. What the server said before it closed is worth more than that it did. */
static bool take_last_words(struct transaction *transaction, const char *step, struct error *error)
{
    struct error ignored;
    if (!client_hung_up(transaction->client) || error->exit_code != EX_TEMPFAIL)
        return client_add_context(transaction->client, step, error);
    if (client_read(transaction->client, step, 0, &ignored) &&
        reply_class(&transaction->client->reply) > 3)
        refuse(transaction, step, false);
    return client_add_context(transaction->client, step, error);
}

/* The message behind the flight, by BDAT or after 354, and the answer to it. */
static bool send_message(struct transaction *transaction, struct error *error)
{
    const char *step = transaction->chunking ? "BDAT" : "message";
    transaction->data_open = transaction->body_sent = true;
    if (!(transaction->chunking ? write_chunk(transaction, error)
                                : write_message(transaction, error)))
        return take_last_words(transaction, step, error);
    if (transaction->pipelined && is_last(transaction))
        client_quit(transaction->client);
    transaction->awaits_end = true;
    return settle(transaction, 0, error);
}

/* 354 though nobody was accepted: an empty message that goes nowhere. */
static bool send_nothing(struct transaction *transaction, struct error *error)
{
    transaction->body_sent = true;
    transaction->awaits_end = say(transaction, "end of DATA", ".", error);
    return transaction->awaits_end && settle(transaction, 0, error);
}

/* What of the message can go before the recipients are answered. */
static bool offer_data(struct transaction *transaction, struct error *error)
{
    struct client *client = transaction->client;
    if (!transaction->pipelined || transaction->refused)
        return true;
    if (!transaction->chunking) {
        transaction->awaits_data = say(transaction, "DATA", "DATA", error);
        return transaction->awaits_data;
    }
    uint64_t flight =
        client->stream.output.length + message_size(transaction->message) + BDAT_AND_QUIT;
    bool unanswered =
        transaction->login != NULL ? transaction->awaits_login : transaction->awaits_mail;
    if (!unanswered || flight > FLIGHT_LIMIT)
        return true;
    if (!interrupt_defer(error))
        return client_add_context(client, "BDAT", error);
    transaction->chunk_rode = transaction->awaits_end = true;
    if (!write_chunk(transaction, error))
        return client_add_context(client, "BDAT", error);
    if (is_last(transaction) && transaction->sent <= RECIPIENTS_ANY_TAKES)
        client_quit(client);
    return true;
}

/* Everything that can be said before the message itself, and all answers to it. */
static bool offer_envelope(struct transaction *transaction, struct error *error)
{
    bool offered = offer_login(transaction, error) &&
                   (transaction->refused || offer_mail(transaction, error)) &&
                   (transaction->refused || offer_recipients(transaction, error)) &&
                   offer_data(transaction, error);
    /* A server that hung up may have said why before. */
    bool may_have_spoken = client_hung_up(transaction->client) && outstanding(transaction) > 0;
    return (offered || may_have_spoken) && settle(transaction, 0, error);
}

static bool converse(struct transaction *transaction, struct error *error)
{
    if (!offer_envelope(transaction, error))
        return false;
    if (transaction->out_of_order && transaction->accepted == 0 && !transaction->refused)
        transaction->refused = transaction->blames_flight = true;
    if (transaction->refused)
        return true;
    if (transaction->data_open)
        return transaction->accepted > 0 ? send_message(transaction, error)
                                         : send_nothing(transaction, error);
    if (transaction->chunk_rode || transaction->accepted == 0)
        return true;
    if (transaction->chunking)
        return send_message(transaction, error);
    transaction->awaits_data = say(transaction, "DATA", "DATA", error);
    if (!transaction->awaits_data || !settle(transaction, 0, error))
        return false;
    return transaction->refused || send_message(transaction, error);
}

/* --- the end --------------------------------------------------------------------------------- */

/* Everybody who was offered has been judged, and the message was not due. */
static bool is_decided(const struct transaction *transaction)
{
    return transaction->sent > 0 && transaction->answered == transaction->sent &&
           !transaction->refused && transaction->accepted == 0 && transaction->again == 0;
}

/* It failed, but the way of asking may be to blame. */
static bool may_work_plainly(const struct transaction *transaction, const struct error *error)
{
    if (transaction->delivered)
        return false;
    if (transaction->refused)
        return transaction->blames_flight && !transaction->doubtful;
    return transaction->pipelined && outstanding(transaction) > 0 && !transaction->body_sent &&
           client_hung_up(transaction->client) && error->exit_code == EX_TEMPFAIL &&
           !interrupt_came(NULL);
}

enum transaction_end transaction_run(struct transaction *transaction, struct error *error)
{
    const struct client *client = transaction->client;
    transaction->started = clock_now();
    transaction->pipelined = client_may_pipeline(client);
    transaction->chunking = client_may_chunk(client);

    bool conversed = interrupt_came(error) ? client_add_context(client, "MAIL FROM", error)
                                           : converse(transaction, error);
    interrupt_resume();
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

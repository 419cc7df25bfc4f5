/* MAIL, RCPT, DATA or BDAT (RFC 5321 section 3.3, RFC 2920, RFC 3030), with AUTH in front where it
 * may ride along (RFC 4954 section 4).
 *
 * One path serves both ways: after each command either all answers are awaited (plain steps) or
 * only so many that the window stays open (a flight). Invariant: answers are matched to commands in
 * the order of sending, and once something was refused, what is said to the commands that depended
 * on it is read and not judged. */
#include "smtp/transaction.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "message/wire.h"
#include "smtp/authenticate.h"
#include "smtp/command.h"

enum {
    WINDOW = 4096,             /* commands sent and not answered */
    FLIGHT_LIMIT = 14 * 1024,  /* octets TCP sends at once on a new connection */
    BDAT_AND_QUIT = 64,        /* octets for these two lines */
    END_PATIENCE = 10,         /* giving up on the end of the message makes duplicates */
    RECIPIENTS_ANY_TAKES = 100 /* what every server takes (RFC 5321 section 4.5.3.1.8) */
};

bool transaction_queue_open(struct transaction_queue *queue, const struct envelope *envelope,
                            struct error *error)
{
    uint32_t *rows = calloc(envelope->count + 1, 3 * sizeof *rows);
    *queue = (struct transaction_queue){.limit = SIZE_MAX};
    if (rows == NULL)
        return error_set_memory(error);
    queue->waiting = rows;
    queue->accepted = rows + envelope->count;
    queue->again = queue->accepted + envelope->count;
    for (size_t i = 0; i < envelope->count; i++)
        if (envelope->recipients[i].state == RECIPIENT_PENDING)
            queue->waiting[queue->count++] = (uint32_t)i;
    return true;
}

size_t transaction_queue_left(const struct transaction_queue *queue)
{
    return queue->count - queue->first;
}

void transaction_queue_close(struct transaction_queue *queue)
{
    free(queue->waiting);
    *queue = (struct transaction_queue){0};
}

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

static void refuse(struct transaction *t, const char *step, bool broken)
{
    if (t->refused)
        return;
    client_refused(t->client, step, true, &t->refusal);
    t->refused = true;
    t->broken = broken;
}

static void file_outcome(struct transaction *t, size_t recipient, enum recipient_state state)
{
    const struct reply *reply = &t->client->reply;
    char words_bytes[REPLY_WORDS_SIZE];
    struct text words;
    struct error ignored; /* memory may lack for the words, the state is filed all the same */
    text_init(&words, words_bytes, sizeof words_bytes);
    reply_words(reply, &words);
    envelope_set_outcome(t->envelope, recipient, state, reply->code, text_slice(&words), &ignored);
}

static void judge_login(struct transaction *t)
{
    const struct reply *reply = &t->client->reply;
    t->login_ms = clock_now() - t->started;
    if (authenticate_judge(t->client, t->login, &t->refusal))
        return;
    t->refused = t->before_mail = true;
    t->broken = is_trouble(reply) || reply->code == 334;
}

static void judge_mail(struct transaction *t)
{
    const struct reply *reply = &t->client->reply;
    if (reply_class(reply) != 2)
        refuse(t, "MAIL FROM", t->pipelined && is_trouble(reply));
}

static void judge_recipient(struct transaction *t)
{
    const struct reply *reply = &t->client->reply;
    int class = reply_class(reply);
    uint32_t recipient = t->queue->waiting[t->queue->first + t->answered++];
    if (class == 2) {
        t->queue->accepted[t->accepted++] = recipient;
        return;
    }
    bool out_of_order = t->pipelined && reply->code == 503;
    bool too_many = t->accepted > 0 && (reply->code == 452 || reply_has_detail(reply, ".5.3"));
    bool no_verdict = is_login_demand(reply) || class == 3;
    if (t->refused || out_of_order || too_many || no_verdict)
        t->queue->again[t->again++] = recipient;
    if (t->refused)
        return;
    if (no_verdict) {
        refuse(t, "RCPT TO", false);
    } else if (out_of_order) {
        t->strange = true;
        client_refused(t->client, "RCPT TO", true, &t->refusal);
    } else {
        t->full = t->full || too_many;
        file_outcome(t, recipient, class == 4 || too_many ? RECIPIENT_DEFERRED : RECIPIENT_REFUSED);
    }
}

static void judge_data(struct transaction *t)
{
    const struct reply *reply = &t->client->reply;
    if (reply->code == 354)
        t->inside = true;
    else if (t->accepted > 0)
        refuse(t, "DATA", t->pipelined && is_trouble(reply));
}

/* The last word on the message. Where nobody was accepted there is nothing to judge. */
static void judge_end(struct transaction *t)
{
    const struct reply *reply = &t->client->reply;
    bool trouble =
        is_unknown(reply) || (is_trouble(reply) && (t->chunk_rode || reply->code != 554));
    t->inside = false;
    if (t->accepted == 0)
        return;
    if (reply_class(reply) != 2) {
        refuse(t, t->chunking ? "BDAT" : "end of DATA", t->chunking && trouble);
        return;
    }
    t->delivered = true;
    for (size_t i = 0; i < t->accepted; i++)
        file_outcome(t, t->queue->accepted[i], RECIPIENT_ACCEPTED);
}

/* --- reading answers ------------------------------------------------------------------------- */

static size_t outstanding(const struct transaction *t)
{
    return (size_t)t->awaits_login + t->awaits_mail + (t->sent - t->answered) + t->awaits_data;
}

/* The answer to the end of the message. */
static bool read_end(struct transaction *t, struct error *error)
{
    struct client *client = t->client;
    if (client_read(client, t->chunking ? "BDAT" : "end of DATA",
                    client->smarthost->timeout * END_PATIENCE, error)) {
        judge_end(t);
        return true;
    }
    if (t->accepted > 0 && !t->refused)
        error_add_advice(error, "the server may have taken the message: possible duplicate");
    return false;
}

/* Reads and judges the next answer that is due. */
static bool read_answer(struct transaction *t, struct error *error)
{
    struct client *client = t->client;
    int64_t timeout = client->smarthost->timeout;
    if (t->awaits_login) {
        if (!authenticate_read(client, t->login, error))
            return false;
        t->awaits_login = false;
        judge_login(t);
    } else if (t->awaits_mail) {
        if (!client_read(client, "MAIL FROM", timeout, error))
            return false;
        t->awaits_mail = false;
        judge_mail(t);
    } else if (t->answered < t->sent) {
        if (!client_read(client, "RCPT TO", timeout, error))
            return false;
        judge_recipient(t);
    } else if (t->chunk_rode) {
        if (!read_end(t, error))
            return false;
        t->awaits_data = false;
    } else {
        if (!client_read(client, "DATA", timeout, error))
            return false;
        t->awaits_data = false;
        judge_data(t);
    }
    return true;
}

static bool settle(struct transaction *t, size_t most, struct error *error)
{
    while (outstanding(t) > most)
        if (!read_answer(t, error))
            return false;
    return true;
}

/* After each command. A window is emptied by halves, so that commands still go out in bulk. */
static bool keep_pace(struct transaction *t, struct error *error)
{
    if (!t->pipelined)
        return settle(t, 0, error);
    return outstanding(t) < WINDOW || settle(t, WINDOW / 2, error);
}

/* --- offering the envelope ------------------------------------------------------------------- */

static bool offer_login(struct transaction *t, struct error *error)
{
    if (t->login == NULL)
        return true;
    t->awaits_login = authenticate_ride(t->client, t->login, error);
    return t->awaits_login && keep_pace(t, error);
}

static bool offer_mail(struct transaction *t, struct error *error)
{
    const struct capability *capability = &t->client->capability;
    const struct message *message = t->message;
    struct command_mail mail = {
        .sender = t->envelope->sender,
        .has_size = capability->size,
        .size = message_size(message),
        .eight_bit = capability->eight_bit && (message->body_8bit || message->header_8bit),
        .smtputf8 = t->envelope->needs_utf8,
    };
    char line_bytes[COMMAND_SIZE];
    struct text line;
    text_init(&line, line_bytes, sizeof line_bytes);
    t->awaits_mail = command_mail(&line, &mail, error) && client_send(t->client, line.bytes, error);
    return t->awaits_mail && keep_pace(t, error);
}

static bool offer_recipients(struct transaction *t, struct error *error)
{
    const struct transaction_queue *queue = t->queue;
    size_t limit = transaction_queue_left(queue);
    uint64_t server_limit = t->client->capability.rcpt_limit;
    if (limit > queue->limit)
        limit = queue->limit;
    if (server_limit > 0 && limit > server_limit)
        limit = (size_t)server_limit;
    while (t->sent < limit && !t->refused && !t->full) {
        uint32_t recipient = queue->waiting[queue->first + t->sent];
        char line_bytes[COMMAND_SIZE];
        struct text line;
        text_init(&line, line_bytes, sizeof line_bytes);
        if (!command_rcpt(&line, t->envelope->recipients[recipient].address,
                          t->envelope->needs_utf8, error) ||
            !client_send(t->client, line.bytes, error))
            return false;
        t->sent++;
        if (!keep_pace(t, error))
            return false;
    }
    return true;
}

/* --- sending the message --------------------------------------------------------------------- */

/* Nobody is left for another transaction, as far as the answers so far say. */
static bool is_last(const struct transaction *t)
{
    return t->again == 0 && t->sent == transaction_queue_left(t->queue);
}

static bool write_message(struct transaction *t, struct error *error)
{
    struct wire wire;
    struct slice octets;
    bool written;
    wire_open(&wire, t->message, !t->chunking);
    do
        written = wire_next(&wire, &octets, error) &&
                  (octets.length == 0 || stream_write(&t->client->stream, octets, error));
    while (written && octets.length > 0);
    wire_close(&wire);
    return written;
}

static bool write_chunk(struct transaction *t, struct error *error)
{
    char line_bytes[COMMAND_SIZE];
    struct text line;
    text_init(&line, line_bytes, sizeof line_bytes);
    command_bdat(&line, message_size(t->message));
    return client_send(t->client, line.bytes, error) && write_message(t, error);
}

/* The sending broke off. What the server said before it closed is worth more than that it did. */
static bool take_last_words(struct transaction *t, const char *step, struct error *error)
{
    struct error ignored;
    if (!client_hung_up(t->client))
        return client_add_context(t->client, step, error);
    if (client_read(t->client, step, 0, &ignored) && reply_class(&t->client->reply) > 3)
        refuse(t, step, false);
    return client_add_context(t->client, step, error);
}

/* The message behind the flight, by BDAT or after 354, and the answer to it. */
static bool send_message(struct transaction *t, struct error *error)
{
    const char *step = t->chunking ? "BDAT" : "message";
    t->inside = t->body_sent = true;
    trace_note(t->client->trace, "sending %llu octets",
               (unsigned long long)message_size(t->message));
    if (!(t->chunking ? write_chunk(t, error) : write_message(t, error)))
        return take_last_words(t, step, error);
    if (t->pipelined && is_last(t))
        client_quit(t->client);
    return read_end(t, error);
}

/* 354 though nobody was accepted: an empty message that goes nowhere. */
static bool send_nothing(struct transaction *t, struct error *error)
{
    t->body_sent = true;
    return client_send(t->client, ".", error) && read_end(t, error);
}

/* What of the message can go before the recipients are answered. */
static bool offer_data(struct transaction *t, struct error *error)
{
    struct client *client = t->client;
    if (!t->pipelined || t->refused)
        return true;
    if (!t->chunking) {
        t->awaits_data = client_send(client, "DATA", error);
        return t->awaits_data;
    }
    uint64_t flight = client->stream.output.length + message_size(t->message) + BDAT_AND_QUIT;
    bool whole = outstanding(t) == t->sent + 1 + t->awaits_login;
    if (!whole || flight > FLIGHT_LIMIT)
        return true;
    t->chunk_rode = t->awaits_data = true;
    if (!write_chunk(t, error))
        return false;
    if (is_last(t) && t->sent <= RECIPIENTS_ANY_TAKES)
        client_quit(client);
    return true;
}

/* Everything that can be said before the message itself, and all answers to it. */
static bool offer_envelope(struct transaction *t, struct error *error)
{
    bool offered = offer_login(t, error) && (t->refused || offer_mail(t, error)) &&
                   (t->refused || offer_recipients(t, error)) && offer_data(t, error);
    /* A server that hung up may have said why before. */
    if (!offered && !client_hung_up(t->client))
        return false;
    return settle(t, 0, error);
}

static bool converse(struct transaction *t, struct error *error)
{
    if (!offer_envelope(t, error))
        return false;
    if (t->strange && t->accepted == 0 && !t->refused)
        t->refused = t->broken = true;
    if (t->refused)
        return true;
    if (t->inside)
        return t->accepted > 0 ? send_message(t, error) : send_nothing(t, error);
    if (t->chunk_rode || t->accepted == 0)
        return true;
    if (t->chunking)
        return send_message(t, error);
    t->awaits_data = client_send(t->client, "DATA", error);
    if (!t->awaits_data || !settle(t, 0, error))
        return false;
    return t->refused || send_message(t, error);
}

/* --- the end --------------------------------------------------------------------------------- */

/* Moves those who are to be offered once more to the head of the queue. */
static void queue_again(struct transaction *t)
{
    struct transaction_queue *queue = t->queue;
    queue->first += t->sent - t->again;
    memcpy(queue->waiting + queue->first, queue->again, t->again * sizeof *queue->again);
    if (t->full)
        queue->limit = t->accepted;
}

/* The same for everybody who was not refused for good: nobody got the message. */
static void queue_all_again(struct transaction *t)
{
    struct transaction_queue *queue = t->queue;
    size_t to = queue->first + t->sent;
    for (size_t from = to; from-- > queue->first;) {
        uint32_t recipient = queue->waiting[from];
        if (t->envelope->recipients[recipient].state != RECIPIENT_REFUSED)
            queue->waiting[--to] = recipient;
    }
    queue->first = to;
    if (t->full)
        queue->limit = t->accepted;
}

/* Everybody who was offered has been judged, and the message was not due. */
static bool is_decided(const struct transaction *t)
{
    return t->sent > 0 && t->answered == t->sent && !t->refused && t->accepted == 0 &&
           t->again == 0;
}

/* It failed, but the way of asking may be to blame. */
static bool may_work_plainly(const struct transaction *t, const struct error *error)
{
    if (t->delivered)
        return false;
    if (t->refused)
        return t->broken;
    return t->pipelined && !t->body_sent && client_hung_up(t->client) &&
           error->exit_code == EX_TEMPFAIL;
}

enum transaction_end transaction_run(struct transaction *t, struct error *error)
{
    const struct client *client = t->client;
    t->started = clock_now();
    t->pipelined = !t->plain && client->smarthost->pipelining && client->capability.pipelining;
    t->chunking = !t->plain && client->smarthost->chunking && client->capability.chunking;

    bool conversed = converse(t, error);
    t->before_mail = t->before_mail || (t->awaits_login && !t->chunk_rode);
    if (!conversed && is_decided(t))
        conversed = true;
    if (t->refused) {
        *error = t->refusal;
        conversed = t->delivered && is_last(t);
    }
    if (conversed) {
        queue_again(t);
        return TRANSACTION_DONE;
    }
    if (!may_work_plainly(t, error))
        return TRANSACTION_FAILED;
    queue_all_again(t);
    return TRANSACTION_PLAIN;
}

/* Answers and their consequences (RFC 5321 section 4.2). Invariant: once something was refused,
 * what is said to the commands that depended on it is not judged; and nothing is a delivery that
 * was said before the message was out. */
#include "smtp/judge.h"

#include "base/clock.h"
#include "smtp/authenticate.h"

enum { MAIL_STEP_SIZE = 320 }; /* "MAIL FROM:<...>" */

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

const char *judge_end_step(const struct transaction *transaction)
{
    return transaction->chunking ? "BDAT" : "end of DATA";
}

void judge_refusal(struct transaction *transaction, const char *step, bool blames_flight)
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

/* RSET cannot be refused (RFC 5321 section 4.1.1.5): either its reply is another command's, or what
 * was before stays open, so that nobody knows whose sender the recipients get. */
void judge_reset(struct transaction *transaction)
{
    if (reply_class(&transaction->client->reply) == 2)
        return;
    client_refused(transaction->client, "RSET", false, &transaction->refusal);
    transaction->refused = true;
    transaction->out_of_step = transaction->client->reply.code != 421;
}

void judge_login(struct transaction *transaction)
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

void judge_mail(struct transaction *transaction)
{
    const struct reply *reply = &transaction->client->reply;
    char step_bytes[MAIL_STEP_SIZE];
    struct text step;
    if (transaction->refused)
        return;
    if (reply_class(reply) == 2) {
        transaction->opened = true;
        return;
    }
    text_init(&step, step_bytes, sizeof step_bytes);
    judge_refusal(transaction, mail_step(transaction, &step),
                  transaction->pipelined && is_trouble(reply));
    advise_sender(transaction);
}

static void accept_recipient(struct transaction *transaction, uint32_t recipient)
{
    if (transaction->message != NULL)
        transaction->batch->accepted[transaction->accepted++] = recipient;
    else if (!transaction->refused) {
        transaction->accepted++;
        file_outcome(transaction, recipient, RECIPIENT_OFFERED);
    }
}

/* The first half of a transaction: each recipient has its own answer, and none comes again. */
static void judge_offered(struct transaction *transaction, uint32_t recipient)
{
    const struct reply *reply = &transaction->client->reply;
    int class = reply_class(reply);
    bool misplaced = transaction->pipelined && transaction->accepted == 0 && reply->code == 503;
    bool no_verdict = is_login_demand(reply) || class == 3 || reply->code == 421;
    if (transaction->refused)
        return;
    if (no_verdict || misplaced) {
        judge_refusal(transaction, "RCPT TO", misplaced);
        return;
    }
    bool too_many = transaction->accepted > 0 && is_too_many(reply);
    file_outcome(transaction, recipient,
                 class == 4 || too_many ? RECIPIENT_DEFERRED : RECIPIENT_REFUSED);
}

/* The message follows at once. */
static void judge_unaccepted(struct transaction *transaction, uint32_t recipient)
{
    const struct reply *reply = &transaction->client->reply;
    int class = reply_class(reply);
    bool misplaced = transaction->pipelined && reply->code == 503;
    bool too_many = transaction->accepted > 0 && is_too_many(reply);
    bool no_verdict = is_login_demand(reply) || class == 3 || reply->code == 421;
    if (transaction->refused || misplaced || too_many || no_verdict)
        transaction->batch->again[transaction->again++] = recipient;
    if (transaction->refused)
        return;
    if (no_verdict) {
        judge_refusal(transaction, "RCPT TO", false);
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

void judge_recipient(struct transaction *transaction)
{
    uint32_t recipient =
        transaction->batch->waiting[transaction->batch->first + transaction->answered++];
    if (reply_class(&transaction->client->reply) == 2)
        accept_recipient(transaction, recipient);
    else if (transaction->message == NULL)
        judge_offered(transaction, recipient);
    else
        judge_unaccepted(transaction, recipient);
}

void judge_data(struct transaction *transaction)
{
    const struct reply *reply = &transaction->client->reply;
    if (reply->code == 354)
        transaction->data_open = true;
    else if (transaction->accepted > 0)
        judge_refusal(transaction, "DATA", transaction->pipelined && is_trouble(reply));
}

/* A refusal stands behind the last reply that was due: the answers are one command late. */
static void contradict(struct transaction *transaction)
{
    struct error *refusal = &transaction->refusal;
    transaction->out_of_step = transaction->refused = true;
    error_set(refusal, EX_PROTOCOL,
              "the server breaks the protocol: more replies than commands, and the last refuses");
    client_add_context(transaction->client, judge_end_step(transaction), refusal);
}

/* The last word on the message. Where nobody was accepted there is nothing to judge. */
void judge_end(struct transaction *transaction)
{
    const struct reply *reply = &transaction->client->reply;
    bool trouble =
        is_unknown(reply) || (is_trouble(reply) && (transaction->chunk_rode || reply->code != 554));
    transaction->data_open = false;
    if (transaction->accepted == 0)
        return;
    if (reply_class(reply) != 2) {
        judge_refusal(transaction, judge_end_step(transaction), transaction->chunking && trouble);
        return;
    }
    /* What stands there may be the answer to QUIT; in a flight it is the message's all the same.
     * Behind a chunk only RSET can have been said, which is not refused; behind a dot MAIL can. */
    bool none_due = transaction->chunk_rode ||
                    (!transaction->client->quit_sent && transaction->client->due == 0);
    if (none_due && client_is_contradicted(transaction->client))
        contradict(transaction);
    if (transaction->out_of_step) {
        transaction->doubtful = true;
        return;
    }
    transaction->delivered = true;
    for (size_t i = 0; i < transaction->accepted; i++)
        file_outcome(transaction, transaction->batch->accepted[i], RECIPIENT_ACCEPTED);
}

/* Many messages over one connection (RFC 2920, RFC 3030). Each has a slot from `next` to `done`;
 * the slots stand in that order, and a slot is at one of these stages:
 *
 *   HELD     nothing of it is under way    -> OFFERED or SENT, or the slow way, which ends it
 *   OFFERED  its envelope was said         -> SENT behind 354, or ENDED
 *   SENT     and the end of the message    -> ENDED
 *   ENDED    what became of it is known    -> done in its turn
 *
 * Without CHUNKING one message is OFFERED in the flight that ends the one before. With CHUNKING a
 * message goes from HELD to SENT at once, and RSET stands in front of each MAIL: whatever becomes
 * of a message, its sender and recipients do not get to the next one. A message goes back to HELD
 * where the connection ended before its end was said, or where it has to go the slow way.
 *
 * Invariants: answers are read in the order of what was said; nothing is said but over a connection
 * that has taken a message the slow way; no more than `depth` messages are SENT and not done. */
#include "smtp/convoy.h"

#include <stdlib.h>

#include "base/interrupt.h"
#include "smtp/parcel.h"

enum {
    DEPTH_MAX = 1024,
    DUE_MAX = 2048,            /* replies; from there on no other message is begun */
    FAST_RECIPIENTS = 100,     /* what every server takes (RFC 5321 section 4.5.3.1.8) */
    FAST_OCTETS = 1024 * 1024, /* a larger one is not sent before the envelope is answered */
    PENDING = 1u << RECIPIENT_PENDING
};

enum stage { HELD, OFFERED, SENT, ENDED, STAGES };

struct slot {
    struct convoy_item *item;
    enum stage stage;
    bool slow;           /* it has to go the slow way */
    bool lost;           /* what ended it is the end of the connection */
    struct error ending; /* of an ENDED one */
    struct parcel parcel;
};

struct run {
    struct submission *submission;
    struct connector *connector;
    const struct convoy *convoy;
    struct slot *slots; /* a ring */
    size_t depth, first, count;
    size_t at[STAGES]; /* how many of them */
    uint64_t taken;    /* messages that the connection has taken */
    bool exhausted;    /* `next` is not asked any more */
    bool slow;         /* flights are not to be trusted: everything goes the slow way */
    bool unclean;      /* the last transaction may still be open */
    bool broken;       /* nothing more is said on the connection, for `reason` */
    bool replaceable;  /* then: it is the server's doing, another connection may serve */
    bool over;         /* no connection is to be had, for `reason` */
    struct error reason;
};

static struct slot *slot_at(const struct run *run, size_t place)
{
    return &run->slots[(run->first + place) % run->depth];
}

static void move_to(struct run *run, struct slot *slot, enum stage stage)
{
    run->at[slot->stage]--;
    run->at[stage]++;
    slot->stage = stage;
}

static size_t under_way(const struct run *run)
{
    return run->at[OFFERED] + run->at[SENT];
}

/* The first one at one of two stages. */
static struct slot *find(const struct run *run, enum stage one, enum stage other)
{
    for (size_t i = 0; i < run->count && run->at[one] + run->at[other] > 0; i++) {
        struct slot *slot = slot_at(run, i);
        if (slot->stage == one || slot->stage == other)
            return slot;
    }
    return NULL;
}

static void end_slot(struct run *run, struct slot *slot, const struct error *ending)
{
    static const struct error none = {.exit_code = EX_OK};
    move_to(run, slot, ENDED);
    slot->ending = ending != NULL ? *ending : none;
    batch_close(&slot->parcel.batch);
}

/* Its recipients without a verdict of their own are to be offered it once more: who is in the batch
 * again, and who got a goodbye for an answer. */
static void put_back(struct run *run, struct slot *slot)
{
    const struct batch *batch = &slot->parcel.batch;
    struct envelope *envelope = slot->item->envelope;
    for (size_t i = batch->first; i < batch->count; i++) {
        struct recipient *recipient = &envelope->recipients[batch->waiting[i]];
        if (recipient->state == RECIPIENT_DEFERRED)
            recipient->state = RECIPIENT_PENDING;
    }
    for (size_t i = 0; i < envelope->count; i++) {
        struct recipient *recipient = &envelope->recipients[i];
        if (recipient->state == RECIPIENT_DEFERRED && recipient->reply_code == 421)
            recipient->state = RECIPIENT_PENDING;
    }
    move_to(run, slot, HELD);
    batch_close(&slot->parcel.batch);
}

/* --- the connection -------------------------------------------------------------------------- */

/* What was said before may still be answered. */
static void stop_saying(struct run *run, const struct error *reason)
{
    const struct client *client = &run->connector->client;
    if (run->broken)
        return;
    run->broken = true;
    run->reason = *reason;
    run->replaceable = client_hung_up(client) || client->said_goodbye;
    /* That the server was silent, or we were interrupted, is no better on another connection. */
    run->replaceable = run->replaceable || reason->exit_code != EX_TEMPFAIL;
}

/* Nothing that was said is answered any more. What may have come is not believed where answers
 * cannot be told from each other. */
static void stop_hearing(struct run *run, const struct error *reason, bool believed)
{
    struct stream *stream = &run->connector->client.stream;
    stop_saying(run, reason);
    stream_end(stream, STREAM_CUT, reason);
    if (!believed)
        stream_consume(stream, stream_input(stream).length);
}

/* A transaction has ended: whether the connection serves the next one. */
static void look_after(struct run *run, const struct transaction *transaction, bool conversed,
                       const struct error *error)
{
    const struct client *client = &run->connector->client;
    bool out_of_step = transaction->out_of_step || error->exit_code == EX_PROTOCOL;
    struct error reason = *error;
    run->taken += transaction->delivered;
    run->unclean = transaction->opened && !transaction->delivered;
    if (reason.exit_code == EX_OK && client_hung_up(client))
        reason = client->stream.reason;
    else if (reason.exit_code == EX_OK && client->said_goodbye)
        client_refused(client, "RCPT TO", false, &reason);
    if (client_hung_up(client) || client->said_goodbye)
        stop_saying(run, &reason);
    if (!conversed || out_of_step)
        stop_hearing(run, &reason, !out_of_step);
    if (transaction->data_open) /* there is no place for another command */
        stop_saying(run, &reason);
    run->slow = run->slow || out_of_step;
    run->replaceable = run->replaceable || out_of_step || (conversed && transaction->data_open);
}

/* Closes a connection that is of no more use. */
static void part(struct run *run)
{
    trace_note(run->connector->trace, "%s", run->reason.sentence);
    connector_disconnect(run->connector, false);
    run->over = run->taken == 0 || !run->replaceable;
    run->broken = run->unclean = false;
    run->taken = 0;
}

/* True when messages can be said one behind the other. */
static bool is_fast(struct run *run)
{
    struct connector *connector = run->connector;
    bool possible = run->depth > 1 && run->taken > 0 && !run->slow && !run->broken &&
                    connector_is_open(connector) && connector->login == NULL &&
                    client_may_pipeline(&connector->client) && !connector_is_used_up(connector) &&
                    !interrupt_waits();
    return possible && (under_way(run) > 0 || connector_is_alive(connector));
}

/* True when there is room for one more behind what is under way. */
static bool has_room(const struct run *run)
{
    return run->at[OFFERED] == 0 && run->connector->client.due < DUE_MAX;
}

/* --- the fast way ---------------------------------------------------------------------------- */

static bool is_ordinary(const struct run *run, const struct slot *slot)
{
    uint64_t limit = run->connector->client.capability.rcpt_limit;
    size_t recipients = batch_left(&slot->parcel.batch);
    return recipients <= FAST_RECIPIENTS && (limit == 0 || recipients <= limit) &&
           message_size(slot->item->message) <= FAST_OCTETS;
}

/* Makes it one that can be said; else it has ended, or has to go the slow way. */
static bool prepare(struct run *run, struct slot *slot)
{
    struct convoy_item *item = slot->item;
    struct parcel *parcel = &slot->parcel;
    struct error error;
    *parcel = (struct parcel){.message = item->message, .envelope = item->envelope};
    connector_report_to(run->connector, item->report);
    bool opened = batch_open(&parcel->batch, item->envelope, PENDING, &error);
    if (opened && batch_left(&parcel->batch) == 0) {
        end_slot(run, slot, NULL);
        return false;
    }
    slot->slow = opened && !is_ordinary(run, slot);
    if (slot->slow) {
        batch_close(&parcel->batch);
        return false;
    }
    if (opened && mime_label(item->message, &parcel->facts, NULL, &error) &&
        parcel_fit(parcel, run->connector, &error))
        return true;
    end_slot(run, slot, &error);
    return false;
}

/* It could not be said, as a whole or at all. */
static void fail_to_say(struct run *run, struct slot *slot, const struct error *error)
{
    stop_saying(run, error);
    if (client_hung_up(&run->connector->client))
        return; /* what the server said before is still to be heard */
    if (error->exit_code == EX_TEMPFAIL)
        put_back(run, slot);
    else
        end_slot(run, slot, error);
}

static void say(struct run *run, struct slot *slot)
{
    struct client *client = &run->connector->client;
    struct transaction *transaction = &slot->parcel.transaction;
    bool follows = run->at[SENT] > 0, chunking = client_may_chunk(client);
    struct error error;
    if (!prepare(run, slot))
        return;
    parcel_begin(&slot->parcel, run->connector, false);
    transaction->among_others = true;
    transaction->reset = follows ? chunking : run->unclean;
    move_to(run, slot, chunking ? SENT : OFFERED);
    /* At once, so that it is on its way while others are done with; where the connection broke, the
     * next read tells. */
    if (transaction_say(transaction, &error))
        stream_flush(&client->stream, &error);
    else
        fail_to_say(run, slot, &error);
}

/* What follows for a message from the end of its transaction. */
static void settle(struct run *run, struct slot *slot, enum transaction_end end,
                   const struct error *error)
{
    const struct transaction *transaction = &slot->parcel.transaction;
    bool end_said = transaction->chunk_rode || transaction->body_sent;
    bool end_answered = end_said && !transaction->awaits_end;
    bool goodbye =
        transaction->refusal.reply_code == 421 && !(transaction->accepted > 0 && end_answered);
    bool unjudged = transaction->refused
                        ? goodbye || end == TRANSACTION_PLAIN
                        : error->exit_code == EX_TEMPFAIL || error->exit_code == EX_PROTOCOL;
    slot->lost = transaction->doubtful || transaction->refusal.reply_code == 421;
    if (end == TRANSACTION_DONE) {
        slot->slow = batch_left(&slot->parcel.batch) > 0;
        put_back(run, slot);
        if (envelope_count(slot->item->envelope, RECIPIENT_PENDING) == 0)
            end_slot(run, slot, NULL);
    } else if (unjudged && !transaction->doubtful) {
        slot->slow = end == TRANSACTION_PLAIN;
        put_back(run, slot);
    } else {
        end_slot(run, slot, error);
    }
}

static void conclude(struct run *run, struct slot *slot, bool conversed, struct error *error)
{
    struct transaction *transaction = &slot->parcel.transaction;
    enum transaction_end end = transaction_conclude(transaction, conversed, error);
    run->connector->report = slot->item->report;
    parcel_report(&slot->parcel, run->connector);
    look_after(run, transaction, conversed, error);
    settle(run, slot, end, error);
}

/* Reads what is answered to it. Behind 354 it goes on, else it has come to its end. */
static void hear(struct run *run, struct slot *slot)
{
    struct transaction *transaction = &slot->parcel.transaction;
    struct error error = {.exit_code = EX_OK};
    bool heard = transaction_hear(transaction, &error);
    if (heard && transaction_is_awaited(transaction)) {
        move_to(run, slot, SENT);
        if (!run->broken && transaction_pass(transaction, &error))
            return;
        heard = false;
        if (run->broken)
            error = run->reason;
    }
    conclude(run, slot, heard, &error);
}

/* --- the slow way ---------------------------------------------------------------------------- */

/* It ended with its connection, and not by a verdict on the message or by a failure of ours. */
static bool is_sent_away(const struct connector *connector, const struct error *error)
{
    bool is_ours = error->exit_code == EX_IOERR || error->exit_code == EX_CANTCREAT;
    return !connector_is_open(connector) && !error->permanent && !is_ours;
}

static void deliver_slowly(struct run *run, struct slot *slot)
{
    struct connector *connector = run->connector;
    struct convoy_item *item = slot->item;
    int connections = item->report->connections;
    bool was_plain = connector->client.plain;
    struct error error;
    if (connector_is_used_up(connector) || !connector_is_alive(connector))
        run->taken = 0; /* there will be another one */
    bool delivered =
        submission_deliver(run->submission, item->message, item->envelope, item->report, &error);
    if (item->report->connections > connections)
        run->taken = 0;
    run->taken += delivered && envelope_count(item->envelope, RECIPIENT_ACCEPTED) > 0;
    run->unclean = false;
    end_slot(run, slot, &error);
    if (delivered)
        return;
    /* It fared no better in plain steps: the flight was not to blame. */
    connector->client.plain = was_plain;
    if (!is_sent_away(connector, &error))
        return;
    slot->lost = true;
    run->over = run->taken == 0 || interrupt_waits();
    run->reason = error;
    run->taken = 0;
}

/* --- the convoy ------------------------------------------------------------------------------ */

/* The next one, where it can begin at once. */
static struct slot *take(struct run *run)
{
    bool ready = under_way(run) == 0 || (is_fast(run) && has_room(run));
    if (run->exhausted || run->over || run->broken || !ready || run->count == run->depth ||
        interrupt_waits())
        return NULL;
    struct convoy_item *item = run->convoy->next(run->convoy->context);
    run->exhausted = item == NULL;
    if (run->exhausted)
        return NULL;
    struct slot *slot = slot_at(run, run->count++);
    *slot = (struct slot){.item = item, .stage = HELD};
    run->at[HELD]++;
    return slot;
}

/* Hands back those that have ended, as far as none before them is still to come. */
static void release(struct run *run)
{
    while (run->count > 0 && slot_at(run, 0)->stage == ENDED && !run->broken) {
        struct slot *slot = slot_at(run, 0);
        slot->item->over = run->over && slot->lost;
        if (!run->convoy->done(run->convoy->context, slot->item, &slot->ending))
            run->exhausted = true;
        run->at[ENDED]--;
        run->first = (run->first + 1) % run->depth;
        run->count--;
    }
}

/* What is held when nothing is under way. */
static void move_on(struct run *run, struct slot *slot)
{
    run->over = run->over || interrupt_came(&run->reason);
    if (!run->over) {
        deliver_slowly(run, slot);
        return;
    }
    slot->lost = true;
    end_slot(run, slot, &run->reason);
}

/* One step; false when there is none left to take. */
static bool step(struct run *run)
{
    struct slot *held = find(run, HELD, HELD);
    if (run->at[SENT] == 0)
        interrupt_resume();
    if (held == NULL)
        held = take(run);
    if (held != NULL && !held->slow && is_fast(run) && has_room(run))
        say(run, held);
    else if (under_way(run) > 0)
        hear(run, find(run, OFFERED, SENT));
    else if (run->broken)
        part(run);
    else if (held != NULL)
        move_on(run, held);
    else
        return false;
    release(run);
    return true;
}

bool convoy_run(struct submission *submission, const struct convoy *convoy, struct error *error)
{
    size_t depth = convoy->depth < 1 ? 1 : convoy->depth;
    struct run run = {
        .submission = submission,
        .connector = submission_connector(submission),
        .convoy = convoy,
        .depth = depth < DEPTH_MAX ? depth : DEPTH_MAX,
    };
    run.slots = calloc(run.depth, sizeof *run.slots);
    if (run.slots == NULL)
        return error_set_memory(error);
    while (step(&run))
        ;
    if (run.unclean && connector_is_open(run.connector))
        connector_reset(run.connector);
    free(run.slots);
    if (!run.over)
        run.over = interrupt_came(&run.reason);
    *error = run.over ? run.reason : (struct error){.exit_code = EX_OK};
    return !run.over;
}

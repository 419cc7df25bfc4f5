/* Invariant: before the convoy goes on, what became of each recipient is on the disk, or the entry
 * is unlinked; where neither can be had, nothing more is sent. And an entry leaves the queue only
 * when nobody is left in it, and whoever is to know of a failure is told. */
#include "agent/settle.h"

#include <inttypes.h>
#include <string.h>
#include <syslog.h>

#include "agent/report.h"
#include "base/clock.h"
#include "base/interrupt.h"
#include "base/random.h"
#include "smtp/outcome.h"

static void log_attempt(struct load *load, const char *status, const struct error *outcome)
{
    struct report_attempt attempt = {.status = status,
                                     .id = load->entry.id,
                                     .age = clock_wall() - load->entry.about.created,
                                     .owner = load->entry.owner};
    report_attempt(load_mail(load), &attempt, outcome);
}

static bool complain(const struct load *load, const struct error *error)
{
    report_event(LOG_ERR, "unsettled", load->entry.id, error->sentence);
    return false;
}

/* --- the end of an entry --------------------------------------------------------------------- */

/* True when it is gone. One that cannot be unlinked is finished by its journal. */
static bool take_out(struct settle *settle, struct load *load)
{
    struct error error;
    return spool_remove(&settle->call->spool, SPOOL_QUEUE, load->entry.id, &error) ||
           complain(load, &error);
}

static void move_to_failed(struct settle *settle, struct load *load)
{
    struct error error;
    if (!spool_move(&settle->call->spool, load->entry.id, SPOOL_FAILED, &error))
        complain(load, &error);
}

/* True when nobody is left to be told of anything. */
static bool tell(struct settle *settle, struct load *load, bool expired)
{
    struct error error;
    if (!entry_owes_report(&load->entry))
        return true;
    switch (notice_send(&settle->notice, load, expired, &error)) {
    case NOTICE_LATER:
        return false;
    case NOTICE_DAMAGED:
        settle_set_aside(settle, load->entry.id, &error);
        return false;
    case NOTICE_FAILED:
        report_event(LOG_ERR, "unreported", load->entry.id, error.sentence);
        return false;
    case NOTICE_QUEUED:
        if (entry_record_mark(&load->entry, RECORD_REPORTED, &error))
            return true;
        /* Or it would be written a second time. */
        notice_take_back(&settle->notice);
        return complain(load, &error);
    default:
        return entry_record_mark(&load->entry, RECORD_REPORTED, &error) || complain(load, &error);
    }
}

/* What is recorded of the entry is what counts from here on. */
static void finish(struct settle *settle, struct load *load, bool expired)
{
    if (settle->records_only || !tell(settle, load, expired) || entry_is_unfinished(&load->entry))
        return;
    if (envelope_count(&load->entry.envelope, RECIPIENT_REFUSED) > 0)
        move_to_failed(settle, load);
    else
        take_out(settle, load);
}

void settle_finish(struct settle *settle, struct load *load)
{
    finish(settle, load, false);
}

static void finish_told(struct settle *settle, const struct notice_item *item)
{
    struct error error;
    struct load *load;
    if (load_open(&load, settle->call, item->id, &error) != SPOOL_OPENED)
        return;
    if (!entry_record_mark(&load->entry, RECORD_REPORTED, &error))
        complain(load, &error);
    else if (!entry_is_unfinished(&load->entry))
        move_to_failed(settle, load);
    load_free(load);
}

void settle_summarise(struct settle *settle)
{
    struct error error;
    struct notice *notice = &settle->notice;
    if (!notice_summarise(notice, &error))
        report_event(LOG_ERR, "unreported", NULL, error.sentence);
    for (size_t i = 0; i < notice->count; i++)
        if (notice->items[i].told)
            finish_told(settle, &notice->items[i]);
}

/* --- an attempt ------------------------------------------------------------------------------ */

/* Those whom the attempt left without an outcome share its error. */
static bool file_ending(struct envelope *envelope, const struct error *ending, struct error *error)
{
    enum recipient_state state = ending->permanent ? RECIPIENT_REFUSED : RECIPIENT_DEFERRED;
    for (size_t i = 0; i < envelope->count; i++)
        if (envelope->recipients[i].state == RECIPIENT_PENDING &&
            !envelope_set_outcome(envelope, i, state, ending->reply_code,
                                  slice_of(ending->sentence), error))
            return false;
    return true;
}

static bool is_touched(const struct load *load)
{
    return load->mail.report.doubtful || load_count_final(load) > load->final;
}

/* Where it cannot be told who has the message by now, whatever is sent next may be sent twice. */
static bool record(struct settle *settle, struct load *load, const struct record_try *what)
{
    struct error error;
    if (entry_record_try(&load->entry, what, &error))
        return true;
    settle->broken = settle->broken || is_touched(load);
    return complain(load, &error);
}

/* The attempt counts as the entry's own. One that may be why the server broke off, or said goodbye,
 * waits like any other that failed, lest it is the first of every pass and all others stay behind
 * it. */
static bool is_counted(const struct load *load, bool over)
{
    bool begun = load->mail.report.size > 0 && !interrupt_came(NULL);
    return !over || load->mail.report.doubtful || begun;
}

static struct record_try describe(const struct settle *settle, const struct load *load,
                                  const struct error *outcome, bool counted)
{
    const struct backoff_options *backoff = &settle->call->settings.queue.backoff;
    int64_t now = clock_wall();
    struct record_try what = {
        .when = now, .next = load->entry.next_try, .counted = counted, .reason = outcome->sentence};
    if (counted)
        what.next = backoff_next(backoff, load->entry.tries + 1, now, random_number());
    return what;
}

static bool is_expired(const struct settle *settle, const struct load *load, const char *smarthost)
{
    const struct backoff_options *backoff = &settle->call->settings.queue.backoff;
    const struct outage *outage =
        settle->outages == NULL ? NULL : outages_find(settle->outages, smarthost);
    int64_t now = clock_wall(), created = load->entry.about.created;
    unsigned own = load->entry.tries;
    unsigned lost = outage == NULL ? 0 : outage_tries_since(outage, created, now);
    /* Not their sum: a connection that broke off is counted as both. */
    return backoff_is_expired(backoff, created, own > lost ? own : lost, now);
}

/* That somebody was refused is said once, and not again with each try for the others. */
static void log_outcome(struct load *load, const struct error *outcome)
{
    const struct envelope *envelope = &load->entry.envelope;
    bool refused = envelope_count(envelope, RECIPIENT_REFUSED) > load->refused;
    bool sent = outcome->exit_code == EX_OK;
    log_attempt(load, sent ? "sent" : refused ? "failed" : "deferred", outcome);
}

void settle_try(struct settle *settle, struct load *load, const struct error *ending, bool over,
                const char *smarthost)
{
    struct envelope *envelope = &load->entry.envelope;
    struct error outcome, error;
    bool counted = is_counted(load, over);
    if (!counted && !is_touched(load))
        return;
    outcome_judge(envelope, ending, &load->mail.report, &outcome);
    bool whole = envelope_count(envelope, RECIPIENT_ACCEPTED) == envelope->count;
    if (whole && take_out(settle, load)) {
        log_outcome(load, &outcome);
        return;
    }
    struct record_try what = describe(settle, load, &outcome, counted);
    if (whole)
        what.reason = NULL;
    if (ending->exit_code != EX_OK && !file_ending(envelope, ending, &error))
        complain(load, &error);
    if (!record(settle, load, &what))
        return;
    log_outcome(load, &outcome);
    if (entry_is_unfinished(&load->entry) &&
        settle_expire(settle, load, smarthost, outcome.sentence))
        return;
    finish(settle, load, false);
}

/* --- the end of patience --------------------------------------------------------------------- */

static void add_age(struct text *words, int64_t seconds)
{
    enum { HOUR = 3600, DAY = 86400, DAYS_FROM = 2 };
    bool days = seconds / DAY >= DAYS_FROM;
    int64_t count = seconds / (days ? DAY : HOUR);
    text_add_format(words, "%" PRId64 " %s%s", count, days ? "day" : "hour", count == 1 ? "" : "s");
}

/* "given up after 5 days; last: 450 try later" */
static bool file_expiry(struct load *load, const char *reason, struct error *error)
{
    struct envelope *envelope = &load->entry.envelope;
    char buffer[ERROR_SENTENCE_SIZE];
    for (size_t i = 0; i < envelope->count; i++) {
        struct recipient *recipient = &envelope->recipients[i];
        struct text words;
        if (recipient_is_final(recipient->state))
            continue;
        text_init(&words, buffer, sizeof buffer);
        text_add(&words, "given up after ");
        add_age(&words, clock_wall() - load->entry.about.created);
        text_add_format(&words, "; last: %s", recipient->reply != NULL ? recipient->reply : reason);
        if (!envelope_set_outcome(envelope, i, RECIPIENT_REFUSED, recipient->reply_code,
                                  text_slice(&words), error))
            return false;
    }
    return true;
}

bool settle_expire(struct settle *settle, struct load *load, const char *smarthost,
                   const char *reason)
{
    struct error error, outcome = {.exit_code = EX_UNAVAILABLE};
    if (!is_expired(settle, load, smarthost))
        return false;
    if (!file_expiry(load, reason, &error))
        return !complain(load, &error);
    error_set_permanent(&outcome, EX_UNAVAILABLE, "queue: given up; last: %s", reason);
    struct record_try what = {.when = clock_wall(), .reason = outcome.sentence};
    if (!record(settle, load, &what))
        return true;
    log_attempt(load, "expired", &outcome);
    finish(settle, load, true);
    return true;
}

void settle_set_aside(struct settle *settle, const char *id, const struct error *error)
{
    struct error unmoved;
    if (settle->records_only || settle->full)
        return;
    bool moved = spool_move(&settle->call->spool, id, SPOOL_DAMAGED, &unmoved);
    report_event(LOG_ERR, "damaged", id, moved ? error->sentence : unmoved.sentence);
    settle->aside += moved;
    settle->full =
        settle->aside == SETTLE_ASIDE_MAX || (!moved && unmoved.exit_code == EX_TEMPFAIL);
}

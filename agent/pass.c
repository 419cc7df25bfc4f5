/* The names are taken in rounds, and each round is gone through once for each account that has
 * something in it. Whose an entry is turns out when it is first opened and is marked then, so that
 * none is opened more than twice. Invariant: an entry is claimed from its opening until what became
 * of it is recorded, and never while anything waits for time to pass. */
#include "agent/pass.h"

#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "agent/report.h"
#include "agent/round.h"
#include "agent/settle.h"
#include "base/clock.h"
#include "base/interrupt.h"
#include "base/random.h"
#include "config/secret.h"
#include "queue/outage.h"

enum { PASS_WAIT = 60 /* seconds */, PASS_SWEPT = 1000 /* failed entries removed at most */ };

/* What a name of the round is marked with. */
enum { MARK_NEW, MARK_DONE, MARK_LANE /* and the lane's number */ };

enum lane_state {
    LANE_OPEN,
    LANE_WAITING, /* the smarthost's outage is not over yet */
    LANE_CLOSED   /* there was no connection, or it was ended */
};

/* An account and its connection. */
struct lane {
    struct account account; /* with its secret */
    struct sasl_secret secret;
    struct submission *submission; /* NULL before there is something to send */
    bool lent;                     /* the connection is not ours */
    const char *smarthost;         /* what its outage is filed under */
    enum lane_state state;
    bool proven;
    size_t waiting; /* entries that were passed over because of the outage */
};

struct pass {
    struct call *call;
    const struct pass_options *options;
    struct outages outages;
    struct settle settle;
    struct round round;
    size_t position;    /* in the round */
    struct lane *lanes; /* one an account, in the order of the settings */
    size_t lane_count;
    struct lane *lane;  /* whose turn it is */
    struct lane *alone; /* whose entries alone are looked for; NULL: all */
    struct load *first; /* taken before there was a connection */
    struct trace trace;
    size_t tried, looked;
    struct arena arena;
};

static bool is_over(const struct pass *pass)
{
    const struct pass_options *options = pass->options;
    return pass->settle.broken || interrupt_came(NULL) ||
           (options->tries > 0 && pass->tried >= options->tries) ||
           (options->looks > 0 && pass->looked >= options->looks) ||
           (options->deadline > 0 && clock_remaining(options->deadline) == 0);
}

/* --- which entries --------------------------------------------------------------------------- */

static bool contains(const char *address, const char *part)
{
    return strcasestr(address, part) != NULL;
}

static bool has_recipient(const struct envelope *envelope, const char *part)
{
    for (size_t i = 0; i < envelope->count; i++)
        if (contains(envelope->recipients[i].address, part))
            return true;
    return false;
}

static bool is_wanted(const struct options_run *run, const struct entry *entry)
{
    switch (run->match) {
    case OPTIONS_MATCH_ID:
        return strcmp(entry->id, run->text) == 0;
    case OPTIONS_MATCH_RECIPIENT:
        return has_recipient(&entry->envelope, run->text);
    case OPTIONS_MATCH_SENDER:
        return contains(entry->envelope.sender, run->text);
    default:
        return true;
    }
}

static bool is_due(const struct pass *pass, const struct entry *entry)
{
    return pass->options->run->all ||
           backoff_is_due(&pass->call->settings.queue.backoff, entry->next_try, clock_wall());
}

/* --- one entry ------------------------------------------------------------------------------- */

/* A claimed entry, or NULL: it is done with. */
static struct load *open_entry(struct pass *pass, const struct round_name *name)
{
    struct error error = {.exit_code = EX_OK};
    struct load *load;
    char id[SPOOL_ID_SIZE] = "";
    memcpy(id, name->id, sizeof name->id);
    pass->looked++;
    switch (load_open(&load, pass->call, id, &error)) {
    case SPOOL_FOREIGN:
        settle_set_aside(&pass->settle, id, &error);
        break;
    case SPOOL_FAILURE:
        report_event(LOG_ERR, "unopened", id, error.sentence);
        break;
    default:
        break;
    }
    return load;
}

/* What keeps an entry from being tried, but for its connection, is its own. */
static void settle_here(struct pass *pass, struct load *load, const struct error *error)
{
    settle_try(&pass->settle, load, error, false, "");
}

/* The lane of its account; NULL where there is none, or not in this pass. */
static struct lane *find_lane(struct pass *pass, struct load *load)
{
    struct error error;
    if (load_choose_account(load, &error)) {
        struct lane *lane = &pass->lanes[load->account - pass->call->settings.accounts];
        return pass->alone == NULL || pass->alone == lane ? lane : NULL;
    }
    if (error.exit_code == EX_OSERR)
        report_event(LOG_ERR, "unopened", load->entry.id, error.sentence);
    else if (is_due(pass, &load->entry) && pass->alone == NULL)
        settle_here(pass, load, &error);
    return NULL;
}

static bool read_entry(struct pass *pass, struct load *load)
{
    struct error error;
    bool damaged;
    if (load_read(load, &damaged, &error))
        return true;
    if (damaged)
        settle_set_aside(&pass->settle, load->entry.id, &error);
    else if (error.permanent)
        settle_here(pass, load, &error);
    else
        report_event(LOG_ERR, "unread", load->entry.id, error.sentence);
    return false;
}

/* The smarthost was not to be had: what is too old goes, the rest waits for it. */
static void pass_over(struct pass *pass, struct lane *lane, struct load *load)
{
    const struct outage *outage = outages_find(&pass->outages, lane->smarthost);
    bool failed_now = lane->state == LANE_CLOSED && outage != NULL;
    lane->waiting++;
    if (failed_now)
        settle_expire(&pass->settle, load, lane->smarthost, outage->reason);
}

/* True when it is to be sent now, by the lane whose turn it is. */
static bool is_to_be_sent(struct pass *pass, struct load *load, struct round_name *name)
{
    if (load->entry.held || !is_wanted(pass->options->run, &load->entry))
        return false;
    if (!entry_is_unfinished(&load->entry)) {
        settle_finish(&pass->settle, load);
        return false;
    }
    struct lane *lane = find_lane(pass, load);
    if (lane != NULL && lane != pass->lane)
        name->mark = MARK_LANE + (uint32_t)(lane - pass->lanes);
    if (lane == NULL || lane != pass->lane)
        return false;
    if (lane->state != LANE_OPEN)
        pass_over(pass, lane, load);
    return lane->state == LANE_OPEN && is_due(pass, &load->entry) && read_entry(pass, load);
}

/* The next entry of the round for the lane whose turn it is; NULL: there is none. */
static struct load *take_next(struct pass *pass)
{
    uint32_t ours = MARK_LANE + (uint32_t)(pass->lane - pass->lanes);
    while (pass->position < pass->round.count && !is_over(pass)) {
        struct round_name *name = &pass->round.names[pass->position++];
        if ((name->mark != MARK_NEW && name->mark != ours) ||
            (pass->options->own && name->owner != geteuid()))
            continue;
        name->mark = MARK_DONE;
        struct load *load = open_entry(pass, name);
        if (load != NULL)
            load->place = pass->position - 1;
        if (load != NULL && is_to_be_sent(pass, load, name))
            return load;
        load_free(load);
    }
    return NULL;
}

/* --- one account ----------------------------------------------------------------------------- */

static struct convoy_item *hand_out(void *context)
{
    struct pass *pass = context;
    struct load *load = pass->first != NULL ? pass->first : take_next(pass);
    pass->first = NULL;
    if (load == NULL)
        return NULL;
    pass->tried++;
    return &load->item;
}

static void prove(struct pass *pass)
{
    struct lane *lane = pass->lane;
    if (!lane->proven)
        outages_mended(&pass->outages, lane->smarthost);
    if (!lane->proven && pass->options->proven != NULL)
        pass->options->proven(pass->options->context);
    lane->proven = true;
}

/* It was not tried, or in vain, for want of a connection. */
static void put_back(struct pass *pass, struct load *load)
{
    uint32_t lane = (uint32_t)(pass->lane - pass->lanes);
    if (load != NULL)
        pass->round.names[load->place].mark = MARK_LANE + lane;
    load_free(load);
}

static bool take_back(void *context, struct convoy_item *item, const struct error *ending)
{
    struct pass *pass = context;
    struct load *load = (void *)((char *)item - offsetof(struct load, item));
    settle_try(&pass->settle, load, ending, item->over, pass->lane->smarthost);
    if (item->over) {
        put_back(pass, load);
    } else {
        load_free(load);
        prove(pass);
    }
    return !is_over(pass);
}

static bool open_lane(struct pass *pass, struct lane *lane, struct error *error)
{
    if (lane->submission != NULL)
        return true;
    lane->account.smarthost.sasl.secret = &lane->secret;
    if (!secret_load(&lane->account, &lane->secret, error))
        return false;
    lane->submission = submission_create(&lane->account.smarthost, &pass->trace, error);
    return lane->submission != NULL;
}

static void close_lane(struct lane *lane)
{
    if (!lane->lent)
        submission_free(lane->submission);
    lane->submission = NULL;
    sasl_wipe(&lane->secret);
}

/* The account has had its connection for this pass. */
static void lose(struct pass *pass, struct lane *lane, const struct error *reason)
{
    lane->state = LANE_CLOSED;
    close_lane(lane);
    /* One that was lent has been proven by the mail before; that it has an end is no outage. */
    if (lane->lent || interrupt_came(NULL) || pass->settle.broken)
        return;
    outages_failed(&pass->outages, lane->smarthost, &pass->call->settings.queue.backoff,
                   clock_wall(), random_number(), reason->sentence);
    report_event(LOG_ERR, "unreachable", NULL, reason->sentence);
}

static void run_lane(struct pass *pass, struct lane *lane)
{
    struct error error;
    struct convoy convoy = {.context = pass,
                            .depth = (unsigned)pass->call->settings.queue.pipeline_depth,
                            .next = hand_out,
                            .done = take_back};
    pass->lane = lane;
    pass->position = 0;
    pass->first = take_next(pass);
    if (pass->first == NULL)
        return;
    if (!open_lane(pass, lane, &error) || !convoy_run(lane->submission, &convoy, &error))
        lose(pass, lane, &error);
    put_back(pass, pass->first);
    pass->first = NULL;
    /* Its entries are looked at all the same: some may be too old. */
    pass->position = 0;
    if (lane->state != LANE_OPEN)
        load_free(take_next(pass));
}

/* --- all of it ------------------------------------------------------------------------------- */

static void run_round(struct pass *pass)
{
    for (size_t i = 0; i < pass->lane_count && !is_over(pass); i++)
        if (pass->alone == NULL || pass->alone == &pass->lanes[i])
            run_lane(pass, &pass->lanes[i]);
}

static bool run_walk(struct pass *pass, struct spool_walk *walk, struct error *error)
{
    size_t limit = pass->options->looks > 0 ? pass->options->looks : ROUND_LIMIT;
    for (;;) {
        if (!round_fill(&pass->round, walk, limit, error))
            return false;
        if (pass->round.count == 0 || is_over(pass))
            return true;
        /* Several processes at the same work begin at different places. */
        round_rotate(&pass->round, pass->round.count / pass->options->hands * pass->options->hand);
        run_round(pass);
    }
}

/* The one entry that -qI names needs no walk. */
static bool run_one(struct pass *pass, const char *id, struct error *error)
{
    struct round_name name = {.mark = MARK_NEW};
    memcpy(name.id, id, sizeof name.id);
    pass->round.count = 0;
    if (!round_add(&pass->round, &name))
        return error_set_memory(error);
    run_round(pass);
    return true;
}

static bool run_spool(struct pass *pass, struct error *error)
{
    const struct options_run *run = pass->options->run;
    if (run->match == OPTIONS_MATCH_ID && spool_is_id(slice_of(run->text)))
        return run_one(pass, run->text, error);
    struct spool_walk *walk = spool_walk_open(&pass->call->spool, SPOOL_QUEUE, error);
    if (walk == NULL)
        return false;
    bool done = run_walk(pass, walk, error);
    spool_walk_close(walk);
    return done;
}

/* --- outages that end soon ------------------------------------------------------------------- */

/* The smarthost that can be tried first, within the minute. */
static struct lane *find_soonest(struct pass *pass, int64_t limit, int64_t *when)
{
    struct lane *soonest = NULL;
    for (size_t i = 0; i < pass->lane_count; i++) {
        struct lane *lane = &pass->lanes[i];
        const struct outage *outage = outages_find(&pass->outages, lane->smarthost);
        if (lane->state != LANE_WAITING || lane->waiting == 0 || outage == NULL ||
            outage->next > limit || (soonest != NULL && outage->next >= *when))
            continue;
        soonest = lane;
        *when = outage->next;
    }
    return soonest;
}

static void sleep_until(int64_t when)
{
    while (!interrupt_came(NULL) && clock_wall() < when) {
        struct pollfd wait = {.fd = interrupt_fd(), .events = POLLIN};
        poll(&wait, 1, 1000);
    }
}

/* A minute common to all machines would undo what spreads their next tries over time. */
static bool run_late(struct pass *pass, struct error *error)
{
    int64_t limit = (int64_t)clock_wall() + PASS_WAIT, when = 0;
    while (pass->options->waits && !is_over(pass)) {
        pass->alone = find_soonest(pass, limit, &when);
        if (pass->alone == NULL)
            return true;
        sleep_until(when);
        pass->alone->state = LANE_OPEN;
        pass->alone->waiting = 0;
        if (!is_over(pass) && !run_spool(pass, error))
            return false;
    }
    return true;
}

/* --- before and after ------------------------------------------------------------------------ */

/* An account's name and where it leads: when that changes, it is another smarthost. */
static const char *name_smarthost(struct pass *pass, const struct account *account)
{
    struct buffer name = {0};
    buffer_add_string(&name, account_shown_name(account));
    for (const char *const *host = account->smarthost.dial.hosts; *host != NULL; host++) {
        buffer_add_byte(&name, ' ');
        buffer_add_string(&name, *host);
    }
    for (const uint16_t *port = account->smarthost.dial.ports; *port != 0; port++) {
        char number[8];
        snprintf(number, sizeof number, " %d", *port);
        buffer_add_string(&name, number);
    }
    const char *copy = name.failed ? NULL : arena_copy(&pass->arena, buffer_slice(&name));
    buffer_free(&name);
    return copy;
}

static void open_state(struct pass *pass, struct lane *lane)
{
    const struct outage *outage = outages_find(&pass->outages, lane->smarthost);
    bool due = pass->options->run->all || outage == NULL ||
               backoff_is_due(&pass->call->settings.queue.backoff, outage->next, clock_wall());
    lane->state = due ? LANE_OPEN : LANE_WAITING;
}

static bool make_lanes(struct pass *pass, struct error *error)
{
    const struct settings *settings = &pass->call->settings;
    const struct account *only = pass->options->account;
    pass->lane_count = settings->account_count;
    pass->lanes = arena_allocate(&pass->arena, pass->lane_count * sizeof *pass->lanes);
    for (size_t i = 0; pass->lanes != NULL && i < pass->lane_count; i++) {
        struct lane *lane = &pass->lanes[i];
        lane->account = settings->accounts[i];
        lane->smarthost = name_smarthost(pass, &lane->account);
        if (lane->smarthost == NULL)
            return error_set_memory(error);
        open_state(pass, lane);
        if (only == NULL || strcmp(only->name, lane->account.name) != 0)
            continue;
        pass->alone = lane;
        lane->submission = pass->options->submission;
        lane->lent = true;
        lane->state = LANE_OPEN;
    }
    return pass->lanes != NULL || error_set_memory(error);
}

/* Mail goes out also where the runner can leave nothing behind, on a full disk for instance. */
static void leave_stamp(struct pass *pass)
{
    struct error error;
    if (pass->options->keeps_house && !outages_write(&pass->outages, &pass->call->spool, &error))
        report_event(LOG_ERR, "unstamped", NULL, error.sentence);
}

static void tell_swept(void *context, const char *id)
{
    (void)context;
    report_event(LOG_INFO, "removed", id, "it failed longer ago than keep_failed");
}

static void clean_up(struct pass *pass)
{
    struct spool *spool = &pass->call->spool;
    struct error error;
    settle_summarise(&pass->settle);
    if (!spool_settle(spool, &error))
        report_event(LOG_ERR, "unsettled", NULL, error.sentence);
    if (pass->options->keeps_house && !spool_sweep(spool, PASS_SWEPT, tell_swept, NULL, &error))
        report_event(LOG_ERR, "unswept", NULL, error.sentence);
}

bool pass_run(struct call *call, const struct pass_options *options, struct error *error)
{
    struct pass pass = {.call = call, .options = options, .trace = mail_trace(call)};
    outages_read(&pass.outages, &call->spool);
    pass.settle = (struct settle){.call = call,
                                  .outages = &pass.outages,
                                  .notice.call = call,
                                  .records_only = !spool_is_kept_by_us(&call->spool)};
    leave_stamp(&pass);
    bool done = make_lanes(&pass, error) && run_spool(&pass, error) && run_late(&pass, error);
    for (size_t i = 0; pass.lanes != NULL && i < pass.lane_count; i++)
        close_lane(&pass.lanes[i]);
    clean_up(&pass);
    leave_stamp(&pass);
    round_free(&pass.round);
    notice_free(&pass.settle.notice);
    outages_free(&pass.outages);
    arena_free(&pass.arena);
    return done;
}

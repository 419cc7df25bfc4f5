/* Invariant: nothing is queued silently where nobody would ever run the queue, and nothing that the
 * caller can be told of for good. */
#include "agent/keep.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/interrupt.h"
#include "base/random.h"
#include "queue/entry.h"

enum { HOUR = 60 * 60, DAY = 24 * HOUR, PROGRAM_SIZE = 1024, ADVICE_SIZE = 3072 };

/* --- the policy ------------------------------------------------------------------------------ */

/* A stamp far in the future is one of a clock that was wrong, and tells nothing. */
static bool is_recent(time_t stamp, time_t now, time_t within)
{
    return stamp != 0 && stamp > now - within && stamp < now + within;
}

enum keep_way keep_choose(enum settings_queue_mode mode, enum options_delivery delivery,
                          time_t stamp, time_t now)
{
    if (mode == SETTINGS_QUEUE_NEVER ||
        (mode == SETTINGS_QUEUE_AUTO && !is_recent(stamp, now, DAY)))
        return KEEP_NOTHING;
    if (mode == SETTINGS_QUEUE_ALWAYS)
        return KEEP_ALL;
    switch (delivery) {
    case OPTIONS_DELIVERY_QUEUE:
    case OPTIONS_DELIVERY_DEFERRED:
        return KEEP_ALL;
    case OPTIONS_DELIVERY_BACKGROUND:
        return KEEP_BEHIND;
    default:
        return KEEP_FAILED;
    }
}

bool keep_is_for_later(const struct error *ending)
{
    switch (ending->exit_code) {
    case EX_USAGE:
    case EX_DATAERR:
    case EX_NOINPUT:
    case EX_CONFIG:
        return false;
    default:
        return !ending->permanent;
    }
}

bool keep_is_untried(const struct keep *keep)
{
    return keep->way == KEEP_ALL || keep->way == KEEP_BEHIND;
}

bool keep_wants(const struct keep *keep, const struct error *ending)
{
    if (keep->owed || keep_is_untried(keep))
        return true;
    return keep->way == KEEP_FAILED && keep_is_for_later(ending) && !interrupt_came(NULL);
}

void keep_explain(const struct keep *keep, struct error *ending)
{
    const char *reason = "-odq";
    if (keep->way == KEEP_BEHIND)
        reason = "-odb";
    else if (keep->call->settings.queue.mode == SETTINGS_QUEUE_ALWAYS)
        reason = "mode = always";
    error_set(ending, EX_TEMPFAIL, "not tried yet, because of %s", reason);
}

/* --- who runs the queue ---------------------------------------------------------------------- */

/* Cron's PATH does not lead to where programs like this one are. */
static const char *find_program(char path[PROGRAM_SIZE])
{
    ssize_t length = readlink("/proc/self/exe", path, PROGRAM_SIZE - 1);
    if (length <= 0)
        return "sendmail";
    path[length] = '\0';
    return path;
}

/* As a shell takes it for one word. */
static void add_word(struct text *out, const char *word)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+@:,";
    const char *quote = word[strspn(word, plain)] == '\0' ? "" : "'";
    struct text_shown shown;
    text_add_format(out, " %s%s%s", quote, text_show(&shown, slice_of(word)), quote);
}

/* "run: systemctl enable --now ..., or add to root's crontab: ..." */
static void add_remedy(const struct call *call, struct text *out)
{
    char path[PROGRAM_SIZE];
    const char *given = call->config_path;
    bool shared = call->settings.queue.shared;
    if (shared)
        text_add_format(out, "run%s: systemctl enable --now sendmail-queue.timer, or ",
                        geteuid() == 0 ? "" : " as root");
    text_add_format(out, "add to %s crontab: * * * * *", shared ? "root's" : "your");
    add_word(out, find_program(path));
    if (given != NULL) {
        text_add(out, " -C");
        add_word(out, given);
    }
    text_add(out, " -q");
}

static void warn_of_neglect(const struct keep *keep)
{
    char bytes[ADVICE_SIZE];
    struct text sentence;
    time_t stamp = spool_stamp(&keep->call->spool);
    if (is_recent(stamp, clock_wall(), HOUR))
        return;
    text_init(&sentence, bytes, sizeof bytes);
    text_add_format(&sentence, "%s was queued, and nothing has run the queue %s; ", keep->id,
                    stamp == 0 ? "so far" : "for an hour");
    add_remedy(keep->call, &sentence);
    call_warn(keep->call, bytes);
}

/* --- one mail -------------------------------------------------------------------------------- */

static bool uses_helper(const struct call *call)
{
    return call->settings.queue.shared && call->helper.pid > 0;
}

/* Whether there is anything to be opened: no call makes a spool just to see that it is empty. One
 * of the user's own that he cannot even see is none: a daemon that was started from root's shell
 * may still have root's HOME. */
static bool has_spool(const struct call *call)
{
    const struct settings_queue *queue = &call->settings.queue;
    struct stat status;
    if (call->spool_open || uses_helper(call))
        return true;
    return queue->spool.directory != NULL &&
           (stat(queue->spool.directory, &status) == 0 || (queue->shared && errno == EACCES));
}

void keep_prepare(struct keep *keep, struct call *call)
{
    enum settings_queue_mode mode = call->settings.queue.mode;
    struct error ignored;
    bool wanted = mode != SETTINGS_QUEUE_NEVER && (mode != SETTINGS_QUEUE_AUTO || has_spool(call));
    bool open = wanted && call_open_spool(call, &ignored);
    time_t stamp = open ? spool_stamp(&call->spool) : 0;
    *keep = (struct keep){.call = call};
    keep->way = keep_choose(mode, call->options.delivery, stamp, clock_wall());
    keep->idle = keep->way == KEEP_NOTHING && mode == SETTINGS_QUEUE_AUTO;
}

/* When a runner is to try it first. */
static int64_t choose_time(const struct keep *keep)
{
    const struct backoff_options *backoff = &keep->call->settings.queue.backoff;
    return keep->put_off ? backoff_next(backoff, 1, clock_wall(), random_number()) : 0;
}

bool keep_add(struct keep *keep, struct message *message, struct envelope *envelope,
              const char *reason, struct error *error)
{
    struct call *call = keep->call;
    struct record_envelope about = {
        .created = clock_wall(),
        .next = choose_time(keep),
        .account = call->options.account,
        .reason = reason,
    };
    char id[SPOOL_ID_SIZE];
    if (!call_open_spool(call, error) ||
        !entry_add(&call->spool, message, envelope, &about, id, error))
        return false;
    text_copy(keep->id, sizeof keep->id, id);
    text_copy(keep->reason, sizeof keep->reason, reason);
    warn_of_neglect(keep);
    return true;
}

void keep_advise(const struct keep *keep, bool tried, struct error *error)
{
    struct call *call = keep->call;
    struct error unusable;
    char bytes[ADVICE_SIZE];
    struct text remedy;
    if (!keep->idle || interrupt_came(NULL))
        return;
    /* Who may not read the system's secret depends on the system's spool. */
    bool depends = !tried && call->settings.queue.shared;
    if ((depends || has_spool(call)) && !call_open_spool(call, &unusable)) {
        error_add_advice(error, "not queued either: %s", unusable.sentence);
        return;
    }
    if (tried && error->exit_code != EX_TEMPFAIL)
        return;
    text_init(&remedy, bytes, sizeof bytes);
    add_remedy(call, &remedy);
    error_add_advice(error, "not queued, as nothing runs the queue; %s", bytes);
}

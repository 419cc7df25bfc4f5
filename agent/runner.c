/* Each pass stands for itself: what it needs it reads anew, the configuration too, and what it
 * leaves is on the disk. Invariant: whoever can be sent to is not told apart by whether a runner, a
 * caller or a background process does it; all of them are passes. */
#include "agent/runner.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <string.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "agent/pass.h"
#include "agent/settle.h"
#include "base/child.h"
#include "base/clock.h"
#include "base/interrupt.h"
#include "base/privilege.h"
#include "config/secret.h"

enum {
    RUNNER_HANDS_MAX = 32,
    RUNNER_ALONG = 10,        /* entries that go along with a caller's mail, */
    RUNNER_ALONG_LOOKS = 256, /* out of so many, */
    RUNNER_ALONG_TIME = 5000, /* milliseconds */
    RUNNER_PAUSE = 1000       /* between two passes at least */
};

/* --- beginning ------------------------------------------------------------------------------- */

/* Who may not read the secret cannot send, and is told so at once. */
static bool may_send(const struct call *call, struct error *error)
{
    const struct account *account = &call->settings.accounts[0];
    struct sasl_secret secret = {0};
    struct text_shown shown;
    if (!call->settings.queue.shared || geteuid() == 0 || account->password_file == NULL)
        return true;
    bool may = secret_load(account, &secret, error) || error->exit_code != EX_NOPERM;
    sasl_wipe(&secret);
    return may ||
           error_set(error, EX_NOPERM,
                     "queue: root runs the system's queue; uid %u may not, as it may not "
                     "read %s",
                     (unsigned)geteuid(), text_show(&shown, slice_of(account->password_file)));
}

/* Entries are opened with no more right than that to open the users'. */
static bool begin(struct call *call, struct error *error)
{
    return call_load(call, error) && call_leave_directory(error) && may_send(call, error) &&
           call_open_spool(call, error) && privilege_keep(UINT64_C(1) << CAP_DAC_OVERRIDE, error) &&
           interrupt_hold(error);
}

/* The same call once more in another process, which has none of our secrets. */
static void renew(struct call *own, const struct call *call)
{
    *own = (struct call){.options = call->options, .helper = call->helper};
    own->options.config_file = call->config_path;
}

/* The helper stays for whoever goes on with it. */
static void end(struct call *own)
{
    own->helper = (struct helper){.socket = -1};
    call_free(own);
}

/* --- several connections --------------------------------------------------------------------- */

/* Processes that each have a connection of their own. They wait until the first one, ours, has
 * proved that the smarthost takes mail: a dead one is asked once. */
struct hands {
    struct call *call;
    int go[2]; /* a pipe: a byte for each that may begin, or its end */
    size_t number;
    pid_t pids[RUNNER_HANDS_MAX];
    size_t count;
};

static int work(void *argument)
{
    struct hands *hands = argument;
    struct call own;
    struct error error;
    char ready;
    close(hands->go[1]);
    if (read(hands->go[0], &ready, 1) != 1)
        return EX_OK;
    renew(&own, hands->call);
    struct pass_options options = {
        .run = &own.options.run, .hand = hands->number, .hands = hands->count + 1};
    bool done = begin(&own, &error) && pass_run(&own, &options, &error);
    if (!done)
        settle_log(LOG_ERR, "failed", NULL, error.sentence);
    end(&own);
    return done ? EX_OK : error.exit_code;
}

static void let_go(void *context)
{
    struct hands *hands = context;
    static const char ready[RUNNER_HANDS_MAX];
    ssize_t ignored = write(hands->go[1], ready, hands->count);
    (void)ignored;
}

static bool raise_hands(struct hands *hands, size_t count, struct error *error)
{
    hands->count = count < RUNNER_HANDS_MAX ? count : RUNNER_HANDS_MAX;
    if (hands->count > 0 && pipe2(hands->go, O_CLOEXEC) != 0)
        return error_set_errno(error, EX_OSERR, "queue: no pipe");
    for (size_t i = 0; i < hands->count; i++) {
        hands->number = i + 1;
        hands->pids[i] = child_begin(work, hands, error);
    }
    return true;
}

static void lower_hands(struct hands *hands)
{
    if (hands->count == 0)
        return;
    close(hands->go[0]);
    close(hands->go[1]);
    for (size_t i = 0; i < hands->count; i++)
        if (hands->pids[i] > 0)
            child_await(hands->pids[i]);
}

/* --- passes ---------------------------------------------------------------------------------- */

/* Only who may write the spool's state is a runner that others count on. */
static bool keeps_house(const struct call *call)
{
    return !call->spool.shared || geteuid() == 0;
}

static bool run_pass(struct call *call, bool waits, struct error *error)
{
    const struct options_run *run = &call->options.run;
    /* With a helper there is one socket, for one process at a time. */
    bool one = run->match == OPTIONS_MATCH_ID || call->spool.helper != NULL;
    struct hands hands = {.call = call};
    if (!raise_hands(&hands, one ? 0 : call->settings.queue.connections - 1, error))
        return false;
    struct pass_options options = {.run = run,
                                   .keeps_house = keeps_house(call),
                                   .waits = waits && !run->all,
                                   .hands = hands.count + 1,
                                   .proven = hands.count > 0 ? let_go : NULL,
                                   .context = &hands};
    bool done = pass_run(call, &options, error);
    lower_hands(&hands);
    return done;
}

static int run_own_pass(void *argument)
{
    struct call own;
    struct error error;
    renew(&own, argument);
    bool done = begin(&own, &error) && run_pass(&own, false, &error);
    if (!done)
        settle_log(LOG_ERR, "failed", NULL, error.sentence);
    end(&own);
    return done ? EX_OK : error.exit_code;
}

static void pause_until(int64_t deadline)
{
    while (!interrupt_came(NULL) && clock_remaining(deadline) > 0) {
        struct pollfd wait = {.fd = interrupt_fd(), .events = POLLIN};
        poll(&wait, 1, clock_remaining(deadline));
    }
}

/* What fails in one pass may be mended before the next. */
static void run_loop(struct call *call)
{
    struct error error;
    int64_t interval = call->options.run.interval;
    while (!interrupt_came(NULL)) {
        int64_t next = clock_deadline(interval);
        pid_t pid = child_begin(run_own_pass, call, &error);
        if (pid < 0)
            settle_log(LOG_ERR, "failed", NULL, error.sentence);
        else
            child_await(pid);
        int64_t soonest = clock_deadline(interval < RUNNER_PAUSE ? interval : RUNNER_PAUSE);
        pause_until(next > soonest ? next : soonest);
    }
}

bool runner_run(struct call *call, struct error *error)
{
    if (!begin(call, error))
        return false;
    if (call->options.run.interval == 0)
        return run_pass(call, !isatty(STDERR_FILENO), error);
    spool_close(&call->spool);
    call->spool_open = false;
    run_loop(call);
    return true;
}

/* --- beside and behind a caller's mail ------------------------------------------------------- */

bool runner_has_work(struct call *call)
{
    struct error error;
    struct spool_name name;
    if (!call_open_spool(call, &error))
        return false;
    struct spool_walk *walk = spool_walk_open(&call->spool, SPOOL_QUEUE, &error);
    bool found = walk != NULL && spool_walk_next(walk, &name, &error);
    if (walk != NULL)
        spool_walk_close(walk);
    return found;
}

void runner_take_along(struct call *call, const struct account *account,
                       struct submission *submission)
{
    static const struct options_run due = {.match = OPTIONS_MATCH_ALL};
    struct error error;
    struct pass_options options = {.run = &due,
                                   .tries = RUNNER_ALONG,
                                   .looks = RUNNER_ALONG_LOOKS,
                                   .deadline = clock_deadline(RUNNER_ALONG_TIME),
                                   .account = account,
                                   .submission = submission,
                                   .own = true,
                                   .hands = 1};
    if (call_open_spool(call, &error) && !pass_run(call, &options, &error))
        settle_log(LOG_ERR, "failed", NULL, error.sentence);
}

struct behind {
    const struct call *call;
    char id[SPOOL_ID_SIZE];
};

static int try_once(void *argument)
{
    struct behind *behind = argument;
    struct call own;
    struct error error;
    renew(&own, behind->call);
    own.options.verbose = false;
    struct options_run run = {.match = OPTIONS_MATCH_ID, .text = behind->id, .all = true};
    struct pass_options options = {.run = &run, .hands = 1};
    bool done = begin(&own, &error) && pass_run(&own, &options, &error);
    if (!done)
        settle_log(LOG_ERR, "failed", behind->id, error.sentence);
    end(&own);
    return done ? EX_OK : error.exit_code;
}

bool runner_try_behind(struct call *call, const char *id, struct error *error)
{
    struct behind behind = {.call = call};
    return text_copy(behind.id, sizeof behind.id, id) &&
           child_detach(try_once, &behind, call->helper.socket, error);
}

/* What is kept of a mail: whether it is tried now, queued without being tried, or queued when that
 * failed; as [queue] mode, -od, the runner's stamp and the kind of the failure have it. */
#ifndef AGENT_KEEP_H
#define AGENT_KEEP_H

#include "agent/call.h"
#include "message/message.h"

enum keep_way {
    KEEP_NOTHING, /* it is tried now, and what fails is the caller's */
    KEEP_FAILED,  /* it is tried now, and what failed for now is queued */
    KEEP_ALL,     /* it is queued, and connects to nobody */
    KEEP_BEHIND   /* it is queued, and tried in the background */
};

struct keep {
    struct call *call;
    enum keep_way way;
    bool idle;    /* the way is KEEP_NOTHING because nothing runs the queue */
    bool owed;    /* who has not got it yet is queued whatever failed: no is no answer any more */
    bool put_off; /* by the smarthost, which is not to be asked again at once */
    char id[SPOOL_ID_SIZE];           /* the entry's; "": nothing was queued */
    char reason[ERROR_SENTENCE_SIZE]; /* why it was queued, printable */
};

/* The way of a mail: `stamp` is when the queue was run last, 0 for never. -odb and -odq are no more
 * than a wish: nothing is queued by them that `mode` would not queue, as nobody would ever run it.
 */
enum keep_way keep_choose(enum settings_queue_mode mode, enum options_delivery delivery,
                          time_t stamp, time_t now);

/* True when an attempt that ended so may do better later, for those who have no final outcome by
 * it: it is no verdict on this mail, and neither bad data nor a fault of the configuration. */
bool keep_is_for_later(const struct error *ending);

/* True when nothing is tried in the caller's presence. */
bool keep_is_untried(const struct keep *keep);

/* Chooses the way of one mail of `call`, whose settings are loaded, and opens the spool where there
 * may be use for it. One that cannot be opened stands in nobody's way as long as the mail can be
 * sent directly: its sentence comes from keep_add. */
void keep_prepare(struct keep *keep, struct call *call);

/* Fills `ending` with why a mail that is untried was not tried. */
void keep_explain(const struct keep *keep, struct error *ending);

/* True when those without a final outcome are to be queued after an attempt that ended so. An
 * interrupt is the caller's who takes it back. */
bool keep_wants(const struct keep *keep, const struct error *ending);

/* True where this user is not to send by himself: he may not read the secret, and root runs the
 * queue that he may add to. `why` gets the words for it, for the log and for mailq; what the
 * failure advises would be wrong there. */
bool keep_is_for_root(const struct keep *keep, bool tried, const struct error *ending,
                      struct error *why);

/* Queues the message for those recipients that are RECIPIENT_PENDING or DEFERRED, which are
 * RECIPIENT_QUEUED then, and fills `id` and `reason`. Where nothing has run the queue for an hour,
 * the log is told. Errors as call_open_spool and entry_add. */
bool keep_add(struct keep *keep, struct message *message, struct envelope *envelope,
              const char *reason, struct error *error);

/* Adds to the failure of a mail that is not queued, but would be if the queue were run, what the
 * user can do about that: on EX_TEMPFAIL, and where it was not even `tried`. */
void keep_advise(const struct keep *keep, bool tried, struct error *error);

#endif

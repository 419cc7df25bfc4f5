/* The envelope (RFC 5321 section 2.3.1): one sender, and recipients each with an outcome of their
 * own. */
#ifndef MESSAGE_ENVELOPE_H
#define MESSAGE_ENVELOPE_H

#include "base/arena.h"
#include "base/table.h"
#include "message/dsn.h"
#include "message/local.h"
#include "message/message.h"

enum recipient_state {
    RECIPIENT_PENDING,  /* no final reply yet */
    RECIPIENT_ACCEPTED, /* the smarthost took the message for it */
    RECIPIENT_DEFERRED, /* may succeed later */
    RECIPIENT_REFUSED,  /* refused for good */
    RECIPIENT_OFFERED,  /* 2xx to its RCPT in a transaction that is open; the message is to come */
    RECIPIENT_QUEUED    /* the queue has the message for it */
};

/* An outcome that no later attempt changes. */
static inline bool recipient_is_final(enum recipient_state state)
{
    return state == RECIPIENT_ACCEPTED || state == RECIPIENT_REFUSED;
}

struct recipient {
    const char *address;  /* in canonical form */
    const char *original; /* ORCPT, in its form on the wire: set by -bs, and where an alias was
                             expanded; NULL where the address speaks for itself */
    const char *reply;    /* the server's words, escaped; NULL where there are none */
    short reply_code;     /* 0 where there is none */
    unsigned char state;  /* enum recipient_state */
    unsigned char notify; /* DSN_* that were asked for; 0: nothing was */
};

struct envelope {
    const char *sender; /* canonical; "" is the null sender */
    struct recipient *recipients;
    size_t count, capacity;
    const char *id;           /* ENVID, in its form on the wire; NULL where none was asked for */
    enum dsn_return returned; /* RET */
    bool needs_utf8;        /* an address has a non-ASCII local part: SMTPUTF8 must be asked for */
    struct arena arena;     /* owns every string above */
    const char *last_reply; /* the one filed last */
    struct table table;     /* from an address to its recipient's place, for duplicates */
};

/* A zeroed envelope is an empty one. */

/* Sets the sender, a canonical address; "" is the null sender. */
bool envelope_set_sender(struct envelope *envelope, const char *address, struct error *error);

/* Adds what every mailbox of a command line argument leads to (local_resolve). EX_USAGE also when
 * there is none in it. */
bool envelope_add_argument(struct envelope *envelope, struct slice argument, struct local *local,
                           struct error *error);

/* -t: adds what the mailboxes of To, Cc and Bcc lead to, or only those of their Resent- forms where
 * one of them says anything. */
bool envelope_add_header(struct envelope *envelope, struct message *message, struct local *local,
                         struct error *error);

/* Adds one canonical address; a duplicate (domain without regard to case) is passed over. */
bool envelope_add(struct envelope *envelope, const char *address, struct error *error);

/* Adds every target with `original` (ORCPT in its form on the wire; NULL: the recipient as it was
 * written, where an alias replaced it) and `notify`. */
bool envelope_add_targets(struct envelope *envelope, const struct local_targets *targets,
                          const char *original, unsigned char notify, struct error *error);

/* Takes out the recipients from index `count` on, those that were added last. */
void envelope_forget(struct envelope *envelope, size_t count);

/* Sets the ENVID, of which a copy is kept; NULL for none. */
bool envelope_set_id(struct envelope *envelope, const char *id, struct error *error);

/* Files the outcome of one recipient. `reply` (from outside) is escaped and copied; equal replies
 * in a row share one copy. */
bool envelope_set_outcome(struct envelope *envelope, size_t recipient, enum recipient_state state,
                          int reply_code, struct slice reply, struct error *error);

/* How many recipients are in `state`. */
size_t envelope_count(const struct envelope *envelope, enum recipient_state state);

void envelope_free(struct envelope *envelope);

#endif

/* Why no host could be reached: each candidate's own reason, gathered into one error. */
#ifndef NET_REASONS_H
#define NET_REASONS_H

#include "base/error.h"
#include "base/text.h"

/* How far a candidate got: what the user can do about it. */
enum reasons_kind {
    REASONS_NAMELESS,   /* a host without addresses */
    REASONS_UNANSWERED, /* no packet came back */
    REASONS_CLOSED,     /* nobody listens there */
    REASONS_FAILED,     /* in another way */
    REASONS_MUTE,       /* connected, and not a word */
    REASONS_REJECTED,   /* greeted, and given up later */
    REASONS_KINDS
};

struct reasons {
    struct text list;
    char bytes[ERROR_SENTENCE_SIZE]; /* of the list */
    size_t count;
    size_t kinds[REASONS_KINDS]; /* how many of each */
    const struct error *first;
    size_t head;    /* of the list, up to where the first reason begins */
    bool mixed;     /* exit codes differ */
    int reply_code; /* that all have in common; 0: there is none */
};

/* errno of socket(2) or connect(2) in words. */
enum reasons_kind reasons_connect(int reason, struct error *error);

void reasons_init(struct reasons *reasons);

/* `reason` must outlive the list. `whose` is "HOST (ADDRESS)"; NULL where the reason itself says
 * that. */
void reasons_add(struct reasons *reasons, enum reasons_kind kind, const char *whose,
                 const struct error *reason);

/* The whole list. Its exit code is the one all have in common, else EX_TEMPFAIL, also when somebody
 * was rejected; its reply code the one all have in common. A sole reason that is a rejection is
 * reported as it is. `mute_advice`, if not NULL, is what to do where a server stayed mute. */
bool reasons_report(const struct reasons *reasons, const char *mute_advice, struct error *error);

#endif

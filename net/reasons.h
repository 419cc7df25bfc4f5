/* Why no host could be reached: each candidate's own reason, gathered into one error. */
#ifndef NET_REASONS_H
#define NET_REASONS_H

#include "base/error.h"
#include "base/text.h"

struct reasons {
    struct text list;
    char bytes[ERROR_SENTENCE_SIZE]; /* of the list */
    size_t count;
    const struct error *first;
    bool mixed;    /* exit codes differ */
    bool rejected; /* somebody greeted, and was given up */
    bool found;    /* there was an address at all */
    bool silent;   /* and from none of them came a packet */
};

/* errno of socket(2) or connect(2) in words. */
bool reasons_connect(int reason, struct error *error);

void reasons_init(struct reasons *reasons);

/* A host without addresses. `reason` must outlive the list, as below. */
void reasons_add_host(struct reasons *reasons, const struct error *reason);

/* `unanswered`: no packet came back. */
void reasons_add_address(struct reasons *reasons, const char *address, bool unanswered,
                         const struct error *reason);

/* A server that greeted and was given up later. `reason` names host, address and step itself. */
void reasons_add_rejected(struct reasons *reasons, const struct error *reason);

/* The whole list. Its exit code is the one all have in common, else EX_TEMPFAIL, also when somebody
 * was rejected. A sole reason that is a rejection is reported as it is. */
bool reasons_report(const struct reasons *reasons, struct error *error);

#endif

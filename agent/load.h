/* One entry of the queue as a mail again: whose it is by its owner, and by nothing that it says. */
#ifndef AGENT_LOAD_H
#define AGENT_LOAD_H

#include "agent/mail.h"
#include "queue/entry.h"
#include "smtp/convoy.h"

struct load {
    struct entry entry;
    struct mail mail; /* its message, account, report; the envelope is the entry's */
    struct account_person owner;
    size_t refused;                /* recipients that were refused when it was opened, */
    size_t final;                  /* and all that had their final outcome when it was opened */
    const struct account *account; /* of the configuration in force; NULL: none is for it */
    bool judged;                   /* the sender is one that its owner may have */
    struct convoy_item item;
    size_t place; /* its opener's */
    struct arena arena;
};

/* Opens and claims the entry `id`. Where SPOOL_OPENED comes back, `load` is one to be given to
 * load_free, else NULL. As entry_open; SPOOL_FAILURE also without memory. */
enum spool_opened load_open(struct load **load, struct call *call, const char *id,
                            struct error *error);

/* Finds the owner, the account, and the sender that the account's rules leave him. EX_CONFIG,
 * EX_USAGE, EX_OSERR. */
bool load_choose_account(struct load *load, struct error *error);

/* Who is told of its failure is whoever its owner may be, not whom the entry names: as
 * load_choose_account, but where that leaves no sender the owner's own takes his place. */
bool load_find_sender(struct load *load, struct error *error);

/* Reads the message and mends it as if the owner had just handed it in, for all who have no final
 * outcome: they are RECIPIENT_PENDING. False: `damaged` where it is not what was queued, else a
 * permanent error where it cannot be sent as it is, else one of the system. */
bool load_read(struct load *load, bool *damaged, struct error *error);

/* How many recipients have the message, or will never have it. */
size_t load_count_final(const struct load *load);

/* The mail as it stands now, for the log. */
const struct mail *load_mail(struct load *load);

/* Lets go of the entry and frees everything. NULL is harmless. */
void load_free(struct load *load);

#endif

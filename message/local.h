/* Mail for somebody on this machine, where no mail is kept: who is meant by that, and where it goes
 * instead (aliases, default_to). */
#ifndef MESSAGE_LOCAL_H
#define MESSAGE_LOCAL_H

#include "message/address.h"
#include "message/aliases_check.h"

enum { LOCAL_NAMES_MAX = 4, LOCAL_TARGETS_MAX = 100000 };

/* Local is a recipient without a domain, at localhost, or at one of `names`; never one at `domain`.
 * Its name is looked up in the aliases; what has a domain there is final, what has none is looked
 * up again. A local name that no alias leads further goes to default_to, else to `domain`. */
struct local {
    const char *domain;                     /* ASCII */
    const char *names[LOCAL_NAMES_MAX + 1]; /* this host's own, NULL at the end */
    const char *aliases_file;               /* NULL: none */
    bool aliases_required;                  /* a missing file is an error, and not an empty one */
    const char *default_to;                 /* canonical, with its domain; NULL: none */
    void (*note)(void *context, const char *sentence); /* told of the lines of the file that are
                                                          passed over; NULL: nobody is */
    void *note_context;
    struct aliases aliases; /* read when the first local recipient comes */
    bool loaded;
};

struct local_target {
    const char *address; /* canonical, with its domain */
    const char *via;     /* "root > admin"; NULL where no alias and no default_to led there */
};

/* What became of one recipient; a zeroed struct is empty. It must not be copied. */
struct local_targets {
    const struct local_target *targets; /* each address once, in the order of the lists */
    size_t count;
    char written[ADDRESS_SIZE]; /* the recipient itself, canonical, with its domain */
    bool is_local;
    struct buffer list; /* from here on the module's own */
    struct local_target single;
    struct table table;
    struct arena arena;
};

/* Where the mail for `mailbox` goes, instead of what `targets` held before: itself, unless it is
 * local. EX_USAGE (permanent) for what is no address; EX_CONFIG, EX_NOPERM for an alias that cannot
 * be used ("aliases: FILE:LINE: NAME: what is wrong") or a file that cannot be read. */
bool local_resolve(struct local *local, const struct address_mailbox *mailbox,
                   struct local_targets *targets, struct error *error);

void local_targets_free(struct local_targets *targets);

/* aliases_check of its alias file; nothing is wrong with none. */
bool local_check(const struct local *local, void (*report)(void *context, const char *sentence),
                 void *context, struct aliases_check *result, struct error *error);

/* Frees the aliases that were read. */
void local_free(struct local *local);

#endif

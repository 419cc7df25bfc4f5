/* Structured fields made fit for servers: addresses completed, domains in ASCII, raw 8-bit text as
 * encoded words; display names, comments and folds stay as they are written. */
#ifndef MESSAGE_REWRITE_H
#define MESSAGE_REWRITE_H

#include "message/fold.h"

struct rewrite {
    struct fold *fold;   /* where values go; its error is ours */
    const char *domain;  /* for bare local parts; NULL: they stay bare */
    bool utf8;           /* raw UTF-8 may stay */
    bool completed;      /* set when a domain was added or put into ASCII */
    bool encoded;        /* set when raw 8-bit text was encoded */
    struct buffer plain; /* a display name without control characters */
};

/* A zeroed struct with fold, domain and utf8 filled in is ready. */

/* Writes an address list. False when it is none: then nothing but its 8-bit text was changed. */
bool rewrite_addresses(struct rewrite *rewrite, struct slice list);

/* Writes the first mailbox of `list` with `address` in place of its own; `name` (NULL for none) is
 * its display name if it had no name and no comment. False, with nothing written, when there is no
 * mailbox. */
bool rewrite_first(struct rewrite *rewrite, struct slice list, const char *address,
                   const char *name);

/* Writes one mailbox. `name` may be any bytes, or NULL. */
void rewrite_mailbox(struct rewrite *rewrite, const char *name, const char *address);

/* Writes a structured value that is no address list. */
void rewrite_tokens(struct rewrite *rewrite, struct slice value);

void rewrite_free(struct rewrite *rewrite);

#endif

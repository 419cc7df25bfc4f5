/* Structured fields made fit for servers: addresses completed, domains in ASCII, raw 8-bit text as
 * encoded words; display names, comments, encoded words and folds stay as they are written. */
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

/* Writes a structured value that is no address list: comments with encoded words, '?' for each raw
 * 8-bit octet elsewhere. */
void rewrite_tokens(struct rewrite *rewrite, struct slice value);

/* Writes the value of a Content- field: a parameter with raw 8-bit text becomes name*=utf-8''...
 * (RFC 2231; unknown-8bit where it is no UTF-8), in segments where it is very long. All of today's
 * readers show that, while encoded words in quotes are against RFC 2047 and shown by fewer. */
void rewrite_parameters(struct rewrite *rewrite, struct slice value);

/* How the value of a field is made up; parameters of Content- fields the table does not know are
 * tokens all the same. */
enum field_kind rewrite_kind(enum field_id id, struct slice name);

/* Writes the value of a field in one of the ways above, or as unstructured text. False for what
 * should have been an address list. */
bool rewrite_value(struct rewrite *rewrite, enum field_id id, struct slice name,
                   struct slice value);

void rewrite_free(struct rewrite *rewrite);

#endif

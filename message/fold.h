/* Writing header fields so that every line is one servers take (RFC 5322 sections 2.1.1, 2.2.3),
 * whatever the value is made of. Memory does not grow with the field. */
#ifndef MESSAGE_FOLD_H
#define MESSAGE_FOLD_H

#include "message/field.h"
#include "message/store.h"

enum { FOLD_LIMIT = 998, FOLD_TARGET = 78 };

struct fold {
    struct store *store;
    struct error *error; /* filled at the first failure, after which nothing is written */
    bool utf8;           /* octets over 0x7f are let through; else each becomes '?' */
    bool failed;
    bool wrote_8bit;
    enum field_kind kind; /* of the field under way */
    bool cut;             /* a line of it was too long and goes out in short ones */
    bool quoted;          /* the line under way starts inside a quoted string */
    bool line_ended;      /* a LF came; what follows decides whether it was a fold */
    size_t prefix;        /* name and colon, while they are on the line under way */
    size_t length;        /* of the line under way */
    char line[FOLD_LIMIT + 2];
    struct buffer ready; /* lines not yet appended to the store */
};

/* `error` must outlive the fold. */
void fold_open(struct fold *fold, struct store *store, bool utf8, struct error *error);

/* Starts a field: its name and the colon. */
void fold_begin(struct fold *fold, struct slice name, enum field_kind kind);

/* Adds to its value. A line end not followed by a blank, which would be no fold, becomes a blank;
 * CR elsewhere is dropped, NUL becomes a blank, lines of blanks alone are left out. A line over
 * FOLD_LIMIT is folded at blanks, in structured kinds also behind commas and semicolons, near
 * FOLD_TARGET; at the limit where there is neither. */
void fold_add(struct fold *fold, struct slice value);

/* Where the line under way stands, in octets. */
size_t fold_column(const struct fold *fold);

/* Folds at the blank that the line under way ends in; nothing where it ends in something else. */
void fold_break(struct fold *fold);

/* Ends the field. */
void fold_end(struct fold *fold);

/* Writes what is left and frees the memory. False when anything failed since fold_open. */
bool fold_close(struct fold *fold);

#endif

/* Walking a stretch of a store line by line. Memory does not grow with the lines: a long one comes
 * in pieces. */
#ifndef MESSAGE_LINES_H
#define MESSAGE_LINES_H

#include "message/store.h"

enum { LINES_PIECE = 64 * 1024 };

struct lines_piece {
    struct slice octets;    /* valid until the next call; empty at the end of the stretch */
    uint64_t offset;        /* in the store */
    bool starts_line, ends; /* ends: with the line's LF */
};

struct lines {
    struct store *store;
    struct extent left; /* not yet loaded */
    char *block;
    size_t used, filled;
    bool inside; /* the next piece continues a line */
};

/* EX_OSERR; lines_close is due in any case. */
bool lines_open(struct lines *lines, struct store *store, struct extent extent,
                struct error *error);

/* The next line, or LINES_PIECE octets of one that is longer, or what is left. EX_IOERR. */
bool lines_next(struct lines *lines, struct lines_piece *piece, struct error *error);

void lines_close(struct lines *lines);

#endif

/* Walking the fields of a stored header, one field in memory at a time, or less (RFC 5322 section
 * 2.2). */
#ifndef MESSAGE_HEADER_H
#define MESSAGE_HEADER_H

#include "message/field.h"
#include "message/message.h"

struct header_field {
    enum field_id id;   /* FIELD_OTHER for a name the table does not have */
    struct slice name;  /* as written, without colon and blanks before it */
    struct slice value; /* behind the colon to the last CRLF (not included), folds as they are */
    struct slice raw;   /* the whole field with its final CRLF */
    bool continued;     /* a further piece: only id and raw are filled in */
};

enum { HEADER_PIECE = 128 * 1024 };

struct header_scanner {
    struct store *store;
    bool in_pieces;       /* set it behind header_open: a field may come in pieces, none longer than
                             HEADER_PIECE */
    struct extent left;   /* not yet loaded */
    struct buffer window; /* loaded; holds the field handed out */
    size_t used;          /* bytes of the window behind us */
    bool inside;          /* the next piece continues a field */
    enum field_id id;     /* of that field */
};

/* Starts at the first field of `message`'s header. */
void header_open(struct header_scanner *scanner, struct message *message);

/* The next field; its slices are valid until the next call. `found` is false at the end. A line
 * that is no field (no colon, no name) is handed out with an empty name and FIELD_GARBAGE.
 * EX_IOERR, EX_OSERR. */
bool header_next(struct header_scanner *scanner, struct header_field *field, bool *found,
                 struct error *error);

/* True when the value is nothing but blanks, NUL bytes and, in an address list, commas. */
bool header_says_nothing(const struct header_field *field);

void header_close(struct header_scanner *scanner);

#endif

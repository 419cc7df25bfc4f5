/* A message as the octets that follow DATA or BDAT: header, blank line, body; for DATA with dots
 * stuffed and the final dot (RFC 5321 section 4.5.2). Nothing but CRLF ends a line. */
#ifndef MESSAGE_WIRE_H
#define MESSAGE_WIRE_H

#include "message/message.h"

struct wire {
    struct message *message;
    bool dots;           /* stuff dots and end with CRLF.CRLF's last three octets */
    uint64_t position;   /* in the octets of the message */
    bool line_start;     /* the last octet handed out was a line end */
    bool ended;          /* the final dot has been handed out */
    struct buffer block; /* read ahead from the store */
    size_t used;
};

void wire_open(struct wire *wire, struct message *message, bool dots);

/* The next octets, between 1 and some 64 KiB of them, valid until the next call; an empty slice at
 * the end. EX_IOERR. */
bool wire_next(struct wire *wire, struct slice *octets, struct error *error);

/* The octets handed out last end the message. */
bool wire_is_last(const struct wire *wire);

void wire_close(struct wire *wire);

#endif

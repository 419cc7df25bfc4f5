/* One message: a header and a body in one store. Both are in canonical form at all times: every
 * line ends in CRLF, there is no other CR or LF, and the last line is complete. The blank line
 * between them is not kept. */
#ifndef MESSAGE_MESSAGE_H
#define MESSAGE_MESSAGE_H

#include "message/store.h"

enum { MESSAGE_ID_SIZE = 256 };

struct message {
    struct store store;
    struct extent header; /* the fields as they are to be sent; fix moves it to a new stretch */
    struct extent body;
    bool header_8bit; /* a byte over 0x7f in the header as it stands now */
    bool body_8bit;
    bool body_nul;
    size_t body_longest_line;         /* octets without CRLF */
    char message_id[MESSAGE_ID_SIZE]; /* "<a@b>" for the log; "" where there is none */
};

/* An empty message whose store grows in `place` (message/store.h); NULL: in a temporary file. */
void message_init(struct message *message, const struct store_place *place);

/* Octets on the wire as RFC 1870 counts them: header, blank line, body; no dot-stuffing, no final
 * dot. */
uint64_t message_size(const struct message *message);

/* EX_DATAERR (permanent) when `size` octets are more than `max_size`; 0 is no limit. */
bool message_check_size(uint64_t size, uint64_t max_size, struct error *error);

void message_free(struct message *message);

#endif

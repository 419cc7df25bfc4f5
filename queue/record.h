/* The format of one entry's file, version 1: pure functions between bytes and values.
 *
 *   preamble   RECORD_PREAMBLE octets: magic, version, length and checksum of the message part,
 *              checksum of the preamble. Written before the first sync, never changed afterwards.
 *   message    the octets of the message's store, or just header and body
 *   records    the envelope, then the journal: one record for each thing that happened
 *
 * A record is a head of RECORD_HEAD octets (kind, length and checksum of the payload, and a
 * checksum of these three), the payload, and a tail of RECORD_TAIL octets that no lost block looks
 * like. Numbers are little-endian. Every length from the file is bounded before it is believed.
 *
 * Torn or damaged? A record is synced as a whole before anybody acts on it, so one that is not
 * whole says nothing that was ever relied on, but one that was whole once and is wrong now may say
 * that a recipient must not be served again. Only what a cut in the middle of writing leaves is
 * therefore a tear, and only at the end of the file:
 *
 *   the file ends within the head; or further on, and the head's checksum is right
 *   the head is wrong, and behind it are nothing but zeroes, no more than one record has room for
 *   all is there, but the tail ends in zeroes: its block was never written
 *
 * Everything else is damage: a length that was changed cannot make a record look cut off, since the
 * head's checksum would be wrong; a changed bit anywhere else is found by the payload's checksum or
 * in the tail, the last octet of which is eight bits away from zero. So a file that lost its end
 * says what it said before the records that it lost, and one that was changed elsewhere says
 * nothing; no changed bit ever takes an outcome back. */
#ifndef QUEUE_RECORD_H
#define QUEUE_RECORD_H

#include "base/buffer.h"
#include "message/envelope.h"

enum {
    RECORD_PREAMBLE = 64,
    RECORD_HEAD = 16,
    RECORD_TAIL = 4,
    RECORD_LIMIT = 64 * 1024 * 1024,        /* octets of one record's payload */
    RECORD_REPLIES_LIMIT = 8 * 1024 * 1024, /* of the replies in one; those beyond are left out */
    RECORD_RECIPIENTS_MAX = 1000 * 1000
};

/* What an entry is from its beginning on. */
struct record_envelope {
    int64_t created;            /* wall clock, seconds */
    int64_t next;               /* not to be tried before; 0: at once */
    struct extent header, body; /* in the message part; the blank line between them is not kept */
    bool report;         /* it tells of another entry's failure: nothing ever tells of its own */
    const char *account; /* --account as given; NULL */
    const char *reason;  /* why it was queued, one escaped sentence; NULL */
};

/* One thing that happened, as the journal has it. */
enum record_kind {
    RECORD_ENVELOPE = 1,
    RECORD_TRY,  /* an attempt: when, the next one, a sentence, and the new outcome of each
                    recipient that has one */
    RECORD_HOLD, /* and its opposite */
    RECORD_RELEASE,
    RECORD_REPORTED /* those refused so far were told of */
};

struct record_try {
    int64_t when, next; /* wall clock, seconds */
    bool counted;       /* the entry itself was tried: it counts towards its five */
    const char *reason; /* of the attempt as a whole, one escaped sentence; NULL */
};

struct record_preamble {
    uint64_t length; /* octets of the message part */
    uint32_t checksum;
};

void record_put_preamble(char bytes[RECORD_PREAMBLE], const struct record_preamble *preamble);

/* False with EX_DATAERR "...: what is wrong": another version is named as such. */
bool record_get_preamble(const char bytes[RECORD_PREAMBLE], struct record_preamble *preamble,
                         struct error *error);

/* Appends whole records to `out`. Of the envelope those recipients that are RECIPIENT_PENDING or
 * DEFERRED; of an attempt the `count` recipients whose numbers, in ascending order, are `changed`,
 * and each is ACCEPTED, DEFERRED or REFUSED. What is not printable in a sentence becomes '?'. After
 * a failure `out` has no part of the record. EX_OSERR without memory, or where it would be larger
 * than a record may be. */
bool record_put_envelope(struct buffer *out, const struct record_envelope *what,
                         const struct envelope *envelope, struct error *error);
bool record_put_try(struct buffer *out, const struct record_try *what,
                    const struct envelope *envelope, const uint32_t *changed, size_t count,
                    struct error *error);
bool record_put_mark(struct buffer *out, enum record_kind kind, int64_t when, struct error *error);

/* How many of the `left` octets from here to the end of the file record_next must see to judge the
 * record that begins with `start`: RECORD_HEAD octets, or all that are left. */
size_t record_span(struct slice start, uint64_t left);

/* One record taken from the head of `rest`, checked and split into kind and payload. `rest` is what
 * is left of the file, or its first record_span octets. Unless RECORD_FOUND it stays as it is. */
enum record_found {
    RECORD_FOUND,
    RECORD_END,  /* nothing is left */
    RECORD_TORN, /* the last one, and never synced as a whole */
    RECORD_WRONG
};
enum record_found record_next(struct slice *rest, enum record_kind *kind, struct slice *payload);

/* Payloads to values: addresses are checked to be canonical ones with a domain, each recipient to
 * be there once, replies and sentences to be printable, recipients' outcomes to be no other than
 * one may become: what is ACCEPTED or REFUSED stays so. Strings are copied into envelope's arena;
 * `envelope` is a zeroed one for record_get_envelope. `changed` gets the numbers of the recipients
 * that an attempt had an outcome for, in ascending order, and has room for all. EX_DATAERR;
 * EX_OSERR.
 */
bool record_get_envelope(struct slice payload, struct record_envelope *what,
                         struct envelope *envelope, struct error *error);
bool record_get_try(struct slice payload, struct record_try *what, struct envelope *envelope,
                    uint32_t *changed, size_t *count, struct error *error);
bool record_get_mark(struct slice payload, int64_t *when, struct error *error);

#endif

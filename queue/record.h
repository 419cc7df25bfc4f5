/* The format of one entry's file, version 1: pure functions between bytes and values.
 *
 *   preamble   RECORD_PREAMBLE octets: magic, version, length and checksum of the message part,
 *              checksum of the preamble. Written before the first sync, never changed afterwards.
 *   message    the octets of the message's store, or just header and body
 *   records    the envelope, then the journal: one record for each thing that happened
 *
 * A record is its kind, its length and a checksum over both and what follows: the payload. The
 * last record of the journal may be torn and is then cut off; what is wrong before it damages the
 * entry. Nothing synced is ever overwritten. Every length from the file is bounded before it is
 * believed. */
#ifndef QUEUE_RECORD_H
#define QUEUE_RECORD_H

#include "base/buffer.h"
#include "message/envelope.h"

enum { RECORD_PREAMBLE = 64, RECORD_LIMIT = 64 * 1024 * 1024 /* octets of one record's payload */ };

/* What an entry is from its beginning on. */
struct record_envelope {
    int64_t created;            /* wall clock, seconds */
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

/* Appends whole records to `out`. EX_OSERR. */
bool record_put_envelope(struct buffer *out, const struct record_envelope *what,
                         const struct envelope *envelope, struct error *error);
bool record_put_try(struct buffer *out, const struct record_try *what,
                    const struct envelope *envelope, const uint32_t *changed, size_t count,
                    struct error *error);
bool record_put_mark(struct buffer *out, enum record_kind kind, int64_t when, struct error *error);

/* One record taken from the head of `rest`, checked and split into kind and payload. */
enum record_found {
    RECORD_FOUND,
    RECORD_END,  /* nothing is left */
    RECORD_TORN, /* the last one is not whole, or nothing but it is wrong */
    RECORD_WRONG
};
enum record_found record_next(struct slice *rest, enum record_kind *kind, struct slice *payload);

/* Payloads to values: addresses are checked to be canonical ones, replies and sentences to be
 * printable. Strings are copied into envelope's arena. EX_DATAERR; EX_OSERR. */
bool record_get_envelope(struct slice payload, struct record_envelope *what,
                         struct envelope *envelope, struct error *error);
bool record_get_try(struct slice payload, struct record_try *what, struct envelope *envelope,
                    struct error *error);
bool record_get_mark(struct slice payload, int64_t *when, struct error *error);

#endif

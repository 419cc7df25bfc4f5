/* The report that a queued message failed for good (RFC 3464 in RFC 6522): a message of its own, of
 * three parts: words for people, one group of fields for each recipient, and the header of the
 * original. */
#ifndef QUEUE_BOUNCE_H
#define QUEUE_BOUNCE_H

#include "queue/entry.h"

struct bounce_options {
    const char *host;   /* this machine's name: Reporting-MTA, and who it is from */
    const char *from;   /* the mailbox of its From */
    const char *to;     /* canonical: whom it is for */
    const char *remote; /* the smarthost's name: Remote-MTA; NULL where none was reached */
    int64_t now;        /* wall clock, seconds */
    bool expired;       /* it was given up because of its age */
};

/* Whether a report is to tell of this recipient: one that is RECIPIENT_REFUSED, that no report told
 * of yet (entry_is_told), and whose NOTIFY, where there is one, has FAILURE. */
bool bounce_tells_of(const struct entry *entry, size_t recipient);

/* Writes the report about those recipients that it tells of into `message`, an initialized and
 * empty one; `original` is the entry's message. All of it is ASCII, but for an international
 * address in To (header_8bit). False with exit_code EX_OK where nobody is to be told of, or nobody
 * to be told: the null sender, a report's own failure, an empty `to`. EX_OSERR, EX_IOERR,
 * EX_CANTCREAT; `message` is then only good for message_free. */
bool bounce_write(const struct entry *entry, struct message *original,
                  const struct bounce_options *options, struct message *message,
                  struct error *error);

#endif

/* The fields of message/delivery-status (RFC 3464), for programs. */
#ifndef QUEUE_STATUS_H
#define QUEUE_STATUS_H

#include "message/envelope.h"
#include "queue/sheet.h"

enum { STATUS_SIZE = 12 };

struct status {
    const char *host;          /* Reporting-MTA */
    const char *remote;        /* Remote-MTA; NULL */
    const char *id;            /* ENVID in its form on the wire; NULL */
    int64_t created, last_try; /* wall clock, seconds; 0: it was never tried */
    bool expired;              /* it was given up because of its age */
};

/* The status of RFC 3463 for a recipient that failed: that of the reply where it has one of its own
 * class, 4.4.7 for what was given up, else 5.0.0. */
void status_find(const struct recipient *recipient, bool expired, char status[STATUS_SIZE]);

/* The fields of the message as a whole, then those of each recipient, which begin with a blank
 * line. */
void status_put_message(struct sheet *sheet, const struct status *what);
void status_put_recipient(struct sheet *sheet, const struct status *what,
                          const struct recipient *recipient);

#endif

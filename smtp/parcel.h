/* One message on its way through a connection: whether the server can carry it, its transaction,
 * and what its report says of that. */
#ifndef SMTP_PARCEL_H
#define SMTP_PARCEL_H

#include "smtp/connector.h"
#include "smtp/submission.h"
#include "smtp/transaction.h"

struct parcel {
    struct message *message; /* NULL: not there yet, but promised */
    struct submission_promise promise;
    struct envelope *envelope;
    struct mime_facts facts; /* of mime_label */
    struct batch batch;
    struct transaction transaction;
};

/* Makes the message one that the server of the connection can carry, or finds that it cannot be: an
 * address that needs SMTPUTF8, or the size (EX_DATAERR, permanent). Notes go into the connector's
 * report. EX_IOERR, EX_OSERR. */
bool parcel_fit(struct parcel *parcel, struct connector *connector, struct error *error);

/* Fills what the transaction asks for, and counts it for the connection. */
void parcel_begin(struct parcel *parcel, struct connector *connector, bool last);

/* Files in the connector's report what came of the transaction that has just ended. */
void parcel_report(struct parcel *parcel, struct connector *connector);

#endif

/* One mail transaction (RFC 5321 section 3.3): MAIL, RCPT, the message, in as few round trips as
 * the server's capabilities permit. */
#ifndef SMTP_TRANSACTION_H
#define SMTP_TRANSACTION_H

#include "smtp/batch.h"
#include "smtp/client.h"

struct transaction {
    /* What is asked for. */
    struct client *client;
    struct message *message;
    struct envelope *envelope;
    struct batch *batch;
    const struct sasl_mechanism *login; /* to ride in the flight; NULL where none is left to do */

    /* What came of it. */
    size_t accepted;   /* recipients accepted; they have the message when it is `delivered` */
    size_t deferred;   /* recipients put off */
    bool delivered;    /* 2xx to the end of the message; client->reply is that reply */
    bool refused;      /* `refusal` is the first refusal, which decides */
    bool login_failed; /* the login that rode in the flight was refused, or not answered while
                          nothing of the message was sent */
    bool doubtful;     /* nobody knows whether the server has taken the message */
    bool data_open;    /* the server may be waiting for more of the message: no place for a QUIT */
    int64_t login_ms;  /* until that login was answered */
    struct error refusal;

    /* While it runs. */
    bool pipelined, chunking;
    bool awaits_login, awaits_mail, awaits_data, awaits_end; /* sent, not answered */
    bool chunk_rode;                                         /* the message went in the flight */
    bool body_sent;               /* its sending began behind the flight */
    bool out_of_order;            /* a recipient was answered 503: `refusal` if none is accepted */
    bool out_of_step;             /* what was read is no answer to what was said: the login got a
                                     challenge, or a refusal stands behind the last reply due */
    bool blames_flight;           /* the refusal may be one of the flight, not of the mail */
    bool takes_no_more;           /* recipients, for now */
    size_t sent, answered, again; /* recipients */
    int64_t started;
};

enum transaction_end {
    TRANSACTION_DONE,   /* the recipients offered have an outcome, or are in the batch again */
    TRANSACTION_PLAIN,  /* to be tried again in plain steps on a new connection; error says why */
    TRANSACTION_FAILED, /* the error is that of all recipients without an outcome */
};

/* Runs one on client's connection. Fill what is asked for, zero the rest. Outcomes are filed in the
 * envelope. After TRANSACTION_DONE the client has said QUIT or hung up, or the connection can take
 * the next transaction. */
enum transaction_end transaction_run(struct transaction *transaction, struct error *error);

#endif

/* One mail transaction (RFC 5321 section 3.3): MAIL, RCPT, the message, in as few round trips as
 * the server's capabilities permit; whole, or in two halves: the envelope while the message is not
 * there yet, then the message; or in pieces, among others on the same connection. */
#ifndef SMTP_TRANSACTION_H
#define SMTP_TRANSACTION_H

#include "smtp/batch.h"
#include "smtp/client.h"

struct transaction {
    /* What is asked for. */
    struct client *client;
    struct message *message;   /* NULL while it is not there yet */
    uint64_t promised_size;    /* then: its octets, 0 where unknown */
    bool promised_utf8;        /* then: SMTPUTF8 is asked for */
    struct envelope *envelope; /* RET, ENVID, NOTIFY and ORCPT go to a server with DSN */
    struct batch *batch;
    const struct sasl_mechanism *login; /* to ride in the flight; NULL where none is left to do */
    bool among_others; /* it is run in pieces, where flights have got through before */
    bool reset;        /* then: RSET goes in front, what was before may have been left open */
    bool last;         /* QUIT rides behind the message: the connection is not needed any more */

    /* What came of it. */
    bool opened;       /* MAIL was accepted */
    size_t accepted;   /* recipients accepted; they have the message when it is `delivered` */
    size_t deferred;   /* recipients put off */
    size_t answers;    /* read, but for a goodbye (421) */
    bool delivered;    /* 2xx to the end of the message; client->reply is that reply */
    bool refused;      /* `refusal` is the first refusal, which decides */
    bool login_failed; /* the login that rode in the flight was refused, or not answered while
                          nothing of the message was sent */
    bool doubtful;     /* nobody knows whether the server has taken the message */
    bool data_open;    /* the server may be waiting for more of the message: no place for a QUIT */
    bool body_sent;    /* the sending of the message began, but for one in the flight */
    bool out_of_step;  /* what was read is no answer to what was said: the login got a challenge,
                          RSET a refusal, or a refusal stands behind the last reply due */
    int64_t login_ms;  /* until that login was answered */
    struct error refusal;

    /* While it runs. */
    bool pipelined, chunking;
    bool reports;                                 /* parameters of DSN are said */
    bool smtputf8;                                /* was said */
    bool awaits_reset, awaits_login, awaits_mail; /* sent, not answered */
    bool awaits_data, awaits_end;                 /* likewise */
    bool chunk_rode;                              /* the message went in the flight */
    bool cut_short;                               /* though not to its end */
    bool out_of_order;            /* a recipient was answered 503: `refusal` if none is accepted */
    bool blames_flight;           /* the refusal may be one of the flight, not of the mail */
    bool takes_no_more;           /* recipients, for now */
    size_t sent, answered, again; /* recipients of the batch */
    size_t sent_before;           /* recipients of batches offered before */
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

/* The first half, without a message: MAIL where it has not been `opened`, and RCPT for everybody in
 * `batch`, who is then RECIPIENT_OFFERED, DEFERRED or REFUSED; who is over the server's limit is
 * DEFERRED. Can be called again with another batch while the transaction is open. Never
 * TRANSACTION_PLAIN when somebody has been accepted before; a goodbye (421) is no outcome of a
 * recipient. */
enum transaction_end transaction_offer(struct transaction *transaction, struct batch *batch,
                                       struct error *error);

/* The second half: sends transaction->message, which is there now, to those in `batch`: all who are
 * RECIPIENT_OFFERED. Ends as transaction_run. */
enum transaction_end transaction_deliver(struct transaction *transaction, struct batch *batch,
                                         struct error *error);

/* In pieces, where other transactions stand before and behind it on the connection: whoever runs
 * them keeps their order. Says everything up to DATA, or with CHUNKING up to the end of the message
 * (interrupts are then deferred, for the caller to resume), and reads no answer; it goes out with
 * the next read or flush. Needs PIPELINING. On false something may have been said, but not the end
 * of the message; the connection serves no other transaction. */
bool transaction_say(struct transaction *transaction, struct error *error);

/* Reads the answers to what was said of it; those of all before it must have been read. False when
 * one did not come. */
bool transaction_hear(struct transaction *transaction, struct error *error);

/* True once the message is to be said by transaction_pass: behind 354. */
bool transaction_is_awaited(const struct transaction *transaction);

/* Says the message, or where nobody was accepted the end of one; as transaction_say. */
bool transaction_pass(struct transaction *transaction, struct error *error);

/* What came of it, `conversed`: of all the calls before none was false, else with its error. Ends
 * as transaction_run; FAILED and PLAIN may be `doubtful`. */
enum transaction_end transaction_conclude(struct transaction *transaction, bool conversed,
                                          struct error *error);

/* True when something of DSN (RFC 3461) was asked for: RET, ENVID, or somebody's NOTIFY. */
bool transaction_asks_for_reports(const struct envelope *envelope);

#endif

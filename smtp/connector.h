/* The connection of a submission: the next server that greets, STARTTLS, login; another one where
 * it is lost; and what keeps it for the next message. */
#ifndef SMTP_CONNECTOR_H
#define SMTP_CONNECTOR_H

#include "smtp/client.h"
#include "smtp/submit.h"

struct connector {
    const struct smarthost *smarthost;
    const struct trace *trace;
    struct submit_report *report;       /* of the message at hand */
    struct client client;               /* the connection while client.stream.fd is not -1 */
    const struct sasl_mechanism *login; /* still to be done, in the flight */
    uint64_t mails;                     /* transactions begun on this connection */

    /* Its own. */
    struct tls *tls;
    struct dial_greeter greeter;
    struct dial_options same; /* the host and port reached, for another connection */
    char same_host[DIAL_HOST_SIZE];
    struct dial *dial;   /* NULL: no race goes on */
    struct dial *others; /* the race we were in before; NULL while that is `dial` */
    const struct sasl_mechanism *mechanism; /* of the login on this connection */
    bool reset_due;                         /* RSET was sent, its reply not read */
    bool token_newer;                       /* renewed, and no login has succeeded since */
    bool no_token;  /* there was no newer one to be had, which no other server makes good */
    bool to_repeat; /* the login, on another connection: this one was closed over the old token */
};

/* Opens nothing yet. The connector must not be moved afterwards; what is pointed to must outlive
 * it. On false it is good for connector_close. */
bool connector_init(struct connector *connector, const struct smarthost *smarthost,
                    const struct trace *trace, struct error *error);

/* From now on things are filed in `report`; what is known of an open connection at once. */
void connector_report_to(struct connector *connector, struct submit_report *report);

bool connector_is_open(const struct connector *connector);

/* Adds a sentence to the report's notes and to the transcript, unless the notes have it. */
void connector_note(struct connector *connector, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The steps from no connection to one that is ready for MAIL (or for AUTH, where it rides along):
 * the next server that greets; up to its capabilities; the login, or the decision that it rides
 * with the transaction.
 *
 * Where the server refuses a token (535) that can be renewed, the login is repeated with a newer
 * one, once in the connector's life. */
bool connector_dial(struct connector *connector, struct error *error);
bool connector_begin(struct connector *connector, struct error *error);
bool connector_log_in(struct connector *connector, struct error *error);

/* The same steps for somebody who does more in them; NULL: nothing more. */
struct connector_steps {
    void *context;
    bool (*dial)(void *context, struct error *error);
    bool (*begin)(void *context, struct error *error);
    bool (*log_in)(void *context, struct error *error);
};

/* Takes them all. Where the second or the third fails and another server may do better (a cut,
 * silence, 4xx, an unfriendly greeting), the next candidate has its turn, or the same one once
 * more. On false there is no connection. */
bool connector_reach(struct connector *connector, const struct connector_steps *steps,
                     struct error *error);

/* Gives the server up because of `reason`, so that the next candidate has its turn. */
void connector_reject(struct connector *connector, const struct error *reason);

/* Closes the connection; the next one is made to the same host and port, or, where that fails, to
 * any. */
bool connector_renew(struct connector *connector, bool polite, struct error *error);

/* Closes the connection. Harmless without one. */
void connector_disconnect(struct connector *connector, bool polite);

/* Ends the race: servers that lost it are not kept waiting. The next connection begins another. */
void connector_settle(struct connector *connector);

/* True when this connection has seen as many transactions as the server permits (RFC 9422). */
bool connector_is_used_up(const struct connector *connector);

/* Sends RSET; connector_is_alive reads the reply. Where it cannot be sent the connection is closed.
 */
void connector_reset(struct connector *connector);

/* True when the connection is there and waits for a command: it was not closed, nothing was said
 * unasked, and RSET was not refused. Never waits but for the reply to RSET. */
bool connector_is_alive(struct connector *connector);

/* Closes the connection and frees everything. */
void connector_close(struct connector *connector);

#endif

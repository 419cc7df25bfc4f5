/* Many messages to one smarthost over one connection, each whole or in two halves: the envelope
 * while the message is not there yet, for the server's own verdict on each recipient, then the
 * message. */
#ifndef SMTP_SUBMISSION_H
#define SMTP_SUBMISSION_H

#include "smtp/submit.h"

struct submission;
struct connector;

/* What is known of a message that is not there yet. */
struct submission_promise {
    uint64_t size; /* octets; 0: unknown */
    bool smtputf8; /* SMTPUTF8 was asked for */
};

/* No connection yet. What is pointed to must outlive the submission, secrets too. NULL when memory
 * ran out, or the error of tls_create. */
struct submission *submission_create(const struct smarthost *smarthost, const struct trace *trace,
                                     struct error *error);

/* Each message has a report of its own, begun by submit_begin_report; it is added to. Its
 * `connections` counts those that were made for this message: 0 where the one held served. A held
 * connection that was closed meanwhile, or has seen as many messages as the server permits, is
 * replaced without a word. */

/* How a message ends, whether it is offered before or delivered at once. True: the conversation
 * came to its end, whatever it decided, every recipient has an outcome, and error->exit_code is
 * EX_OK. False: it broke before, or the message as a whole was refused; recipients already accepted
 * or refused keep that outcome, the others stay RECIPIENT_PENDING and the error (context: step,
 * host, address, port, reply) is theirs.
 *
 * A permanent error is a verdict on the mail: 5xx to MAIL, DATA or the end of the message
 * (EX_UNAVAILABLE), too large or SMTPUTF8 not offered (EX_DATAERR). No other is: connecting, TLS
 * and login failed (EX_TEMPFAIL, EX_NOHOST, EX_PROTOCOL, EX_NOPERM, EX_UNAVAILABLE, EX_CONFIG).
 *
 * The message may be labelled and converted in place (message/mime.h). */

/* Offers those recipients of `envelope` that are RECIPIENT_PENDING: MAIL, unless it was said in a
 * call before, and RCPT. True when each of them has an answer, with the server's words:
 * RECIPIENT_OFFERED, DEFERRED (the reply may be a 552 that means 452, RFC 5321 section
 * 4.5.3.1.10), or REFUSED. The transaction is then open: further recipients can be added to the
 * envelope and offered, until submission_deliver or submission_reset. The promise is that of the
 * first call.
 *
 * False: those without an answer stay RECIPIENT_PENDING and the error is theirs, as above: a
 * refused MAIL (reply_code and enhanced filled), a recipient that needs SMTPUTF8 where it was not
 * promised or is not offered, the promised size (EX_DATAERR, permanent), a cut or a 421
 * (EX_TEMPFAIL). Who is told of it must be marked or left out before the next offer, which would
 * offer them again. Those who were RECIPIENT_OFFERED before stay so; where the transaction was
 * lost, the next offer offers them again as well, which may change what becomes of them. */
bool submission_offer(struct submission *submission, struct envelope *envelope,
                      const struct submission_promise *promise, struct submit_report *report,
                      struct error *error);

/* Sends the message over the open transaction to those RECIPIENT_OFFERED, and only to those; where
 * it was lost before the message was sent, they are RECIPIENT_PENDING again and it is submitted
 * anew. Where nobody is RECIPIENT_OFFERED it is submitted to all who are RECIPIENT_PENDING.
 * Outcomes and errors as above; nobody is RECIPIENT_OFFERED any more. The connection stays where it
 * can. */
bool submission_deliver(struct submission *submission, struct message *message,
                        struct envelope *envelope, struct submit_report *report,
                        struct error *error);

/* The same for a message that no other follows: QUIT rides behind it, and nothing stays open. */
bool submission_deliver_last(struct submission *submission, struct message *message,
                             struct envelope *envelope, struct submit_report *report,
                             struct error *error);

/* Gives up the open transaction (RSET); nobody waits for the reply before the next use. Harmless
 * without one. What was offered is forgotten: the envelope must not be offered or delivered any
 * more. */
void submission_reset(struct submission *submission);

/* The connection, for whoever talks over it himself while nothing else is under way: he leaves it
 * waiting for MAIL, or resets it, or closes it. */
struct connector *submission_connector(struct submission *submission);

/* From here on no other connection is made: what would need one fails (EX_TEMPFAIL). */
void submission_bind(struct submission *submission);

/* The open connection has become another process's: this one says nothing over it any more, not
 * even goodbye. Only submission_free may follow. */
void submission_leave(struct submission *submission);

/* Closes the connection politely; the next use makes another. An open transaction is lost. */
void submission_rest(struct submission *submission);

/* Closes the connection politely and frees everything; NULL is harmless. */
void submission_free(struct submission *submission);

#endif

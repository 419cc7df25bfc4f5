/* One connection to a smarthost: commands out, replies in, and the steps before the transaction. */
#ifndef SMTP_CLIENT_H
#define SMTP_CLIENT_H

#include "smtp/capability.h"
#include "smtp/mask.h"
#include "smtp/reply.h"
#include "smtp/smarthost.h"
#include "smtp/trace.h"

struct client {
    const struct smarthost *smarthost;
    const struct trace *trace;
    struct tls *tls; /* NULL for SMARTHOST_CLEAR */

    struct stream stream;
    struct dial_peer peer;
    struct capability capability; /* of the last EHLO; after STARTTLS nothing is kept */
    struct reply reply;           /* the last one read */
    struct mask mask;
    size_t due; /* replies that the commands sent so far still call for */
    bool plain; /* no pipelining, no chunking, whatever is offered; outlives a connection */
    bool encrypted, logged_in, quit_sent;
    bool said_goodbye; /* the last reply read was a 421: what was said behind it goes unanswered */
    bool greeted;      /* by a 220 */
    bool ready; /* the server waits for commands: not before the greeting, not during a handshake */
    int64_t tls_ms;
};

/* No connection yet. What is pointed to must outlive the client. */
void client_init(struct client *client, const struct smarthost *smarthost, struct tls *tls,
                 const struct trace *trace);

/* What a good greeting is: for dial_create. */
struct dial_greeter client_greeter(struct client *client);

/* The steps before the transaction, in their order; which of them there are depends on tls_mode. */
enum client_step {
    CLIENT_HANDSHAKE, /* of implicit TLS */
    CLIENT_GREETING,
    CLIENT_HELLO,    /* EHLO */
    CLIENT_STARTTLS, /* the command */
    CLIENT_UPGRADE,  /* the handshake behind it */
    CLIENT_HELLO_AGAIN,
    CLIENT_STEPS
};

/* Whether a connection has such a step. */
bool client_has_step(const struct client *client, enum client_step step);

/* Takes one of them, each once and in order; where there is no such step, nothing is done. Errors
 * as client_begin. */
bool client_take_step(struct client *client, enum client_step step, struct error *error);

/* All of them. From a stream and peer as dial_next left them to the capabilities that count:
 * greeting, EHLO, STARTTLS, the handshake, EHLO again. On false the client is good for client_close
 * only. Reply 4xx, a cut and silence are EX_TEMPFAIL; no STARTTLS, and anything in clear behind its
 * 220, EX_PROTOCOL; tls = none to a peer that is not this machine EX_CONFIG. */
bool client_begin(struct client *client, struct error *error);

/* Appends a command (without CRLF) to the output; it goes out with the next read or flush. Where no
 * reply is due and one is there all the same, as client_unasked. */
bool client_send(struct client *client, const char *line, struct error *error);

/* The same for a line with a secret in it: the transcript gets `shown` instead. */
bool client_send_secret(struct client *client, const char *shown, struct slice line,
                        struct error *error);

/* Sends what is waiting and reads one whole reply within `timeout` milliseconds into client->reply.
 * After a write has failed, what the server said before is still read. The error's context is
 * "STEP: HOST (ADDRESS): ". */
bool client_read(struct client *client, const char *step, int64_t timeout, struct error *error);

/* Waits until the next reply begins, or can no longer come within `timeout`. */
void client_await_reply(struct client *client, int64_t timeout);

/* The usual pair: client_send, client_read with the smarthost's timeout. */
bool client_ask(struct client *client, const char *line, const char *step, struct error *error);

/* True when configuration and server permit PIPELINING, or CHUNKING, and it is not `plain`. */
bool client_may_pipeline(const struct client *client);
bool client_may_chunk(const struct client *client);

/* True when the peer closed or the connection broke; false while it is only silent. */
bool client_hung_up(const struct client *client);

/* Reads what the server said though nothing was due, and makes it the error: a goodbye (421) is
 * EX_TEMPFAIL; anything else is EX_PROTOCOL and the end of the connection, since every later reply
 * would be taken for the answer to another command. */
bool client_unasked(struct client *client, struct error *error);

/* True when a refusal (4xx or 5xx, but no goodbye) has come behind the reply last read: one reply
 * too many stood before it, and what was read answers another command. */
bool client_is_contradicted(struct client *client);

/* True when the server has said goodbye (421) where nothing was due. */
bool client_is_dismissed(const struct client *client);

/* Puts "STEP: HOST (ADDRESS): " in front. */
bool client_add_context(const struct client *client, const char *step, struct error *error);

/* Turns client->reply, which was not the one hoped for at `step`, into an error: 4xx is
 * EX_TEMPFAIL; 530, 534 and 538 EX_NOPERM; 5xx EX_UNAVAILABLE (552 5.3.4 EX_DATAERR), permanent
 * where it is a verdict `on_message`; anything else EX_PROTOCOL. */
bool client_refused(const struct client *client, const char *step, bool on_message,
                    struct error *error);

/* Appends QUIT; nothing can be sent afterwards. Its reply is never read. */
void client_quit(struct client *client);

/* Closes the connection; with a QUIT when the server waits for a command. Harmless without one.
 * What was secret on it stays masked on the next one. */
void client_close(struct client *client, bool polite);

/* Wipes the secrets, when the client is closed for good. */
void client_free(struct client *client);

#endif

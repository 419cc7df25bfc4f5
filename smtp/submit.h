/* One attempt to hand one message to a smarthost, from dialling to an outcome for each recipient.
 */
#ifndef SMTP_SUBMIT_H
#define SMTP_SUBMIT_H

#include "message/envelope.h"
#include "message/mime.h"
#include "smtp/smarthost.h"
#include "smtp/trace.h"

enum { SUBMIT_REPLY_SIZE = 512 };

/* What the log line says of an attempt. Strings are "" until their step was reached. */
struct submit_report {
    char host[256];
    char address[DIAL_ADDRESS_SIZE]; /* with port */
    uint16_t port;
    char tls_protocol[16];
    char tls_cipher[64];
    char mechanism[32];
    char reply[SUBMIT_REPLY_SIZE]; /* the last reply to the end of the message, escaped: has the
                                      queue id */
    uint64_t size;                 /* octets as sent */
    int connections;               /* how many were needed */
    int64_t resolve_ms, connect_ms, greeting_ms, tls_ms, login_ms, transfer_ms;
};

/* Submits `message` to the recipients of `envelope` that are RECIPIENT_PENDING. True when the
 * conversation came to its end, whatever it decided: every recipient then has an outcome. False
 * when it broke before: recipients already accepted keep that outcome, the others stay
 * RECIPIENT_PENDING and the error (context: step, host, address, port, reply) is theirs.
 *
 * The message may be converted in place (message/mime.h) when the server cannot carry it. */
bool submit_message(const struct smarthost *smarthost, struct message *message,
                    struct envelope *envelope, const struct trace *trace,
                    struct submit_report *report, struct error *error);

#endif

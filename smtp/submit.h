/* What is filed of one attempt to hand one message to a smarthost, step by step. */
#ifndef SMTP_SUBMIT_H
#define SMTP_SUBMIT_H

#include "message/envelope.h"
#include "message/mime.h"
#include "smtp/smarthost.h"
#include "smtp/trace.h"

enum { SUBMIT_REPLY_SIZE = 512, SUBMIT_NOTES_SIZE = 1024 };

/* What the log line says of an attempt. Strings are "" until their step was reached, but for host
 * and port, which are the first to be tried until one is connected; they are as they came, to be
 * escaped where they are shown, but for the notes, which are printable. */
struct submit_report {
    char host[256];
    char address[DIAL_ADDRESS_SIZE]; /* with port */
    uint16_t port;
    char tls_protocol[16];
    char tls_cipher[64];
    char mechanism[32];
    char reply[SUBMIT_REPLY_SIZE]; /* the last reply to the end of the message: has the queue id */
    bool doubtful;                 /* a try that was repeated may have been taken after all */
    uint64_t size;                 /* octets as sent */
    int connections;               /* how many were needed */
    int64_t resolve_ms, connect_ms, greeting_ms, tls_ms, login_ms, transfer_ms;
    char notes[SUBMIT_NOTES_SIZE]; /* what was out of the ordinary, in sentences divided by "; ":
                                      the body encoded, or sent though the server does not offer
                                      to carry it; tried once more in plain steps; ... */
};

/* Begins the report of an attempt. */
void submit_begin_report(struct submit_report *report, const struct smarthost *smarthost);

#endif

/* A submission that stops before the message: every step up to MAIL and RCPT is taken, timed and
 * told, and then taken back. No mail is sent, and DATA is never said. */
#ifndef SMTP_PROBE_H
#define SMTP_PROBE_H

#include "smtp/capability.h"
#include "smtp/submit.h"
#include "tls/certificate.h"

enum { PROBE_STEPS_MAX = 128, PROBE_CHAIN_MAX = 8, PROBE_WORDS_SIZE = 1024 };

enum probe_kind {
    PROBE_CONFIGURATION, /* these two are the caller's */
    PROBE_PASSWORD,
    PROBE_RESOLVE, /* a host's name */
    PROBE_CONNECT, /* one address and port, until it greeted */
    PROBE_GREETING,
    PROBE_HELLO,
    PROBE_STARTTLS,
    PROBE_TLS, /* the handshake */
    PROBE_LOGIN,
    PROBE_MAIL,
    PROBE_RECIPIENT,
    PROBE_RESET,
    PROBE_QUIT,
    PROBE_KINDS
};

enum probe_status {
    PROBE_GOOD,
    PROBE_NOTED, /* it did not go well, and mail can be sent all the same */
    PROBE_FAILED
};

struct probe_step {
    enum probe_kind kind;
    enum probe_status status;
    int64_t started_ms; /* since the probe was begun */
    int64_t elapsed_ms;
    char address[DIAL_ADDRESS_SIZE]; /* of PROBE_CONNECT, with port */
    char words[PROBE_WORDS_SIZE];    /* printable: what came of it */
};

struct probe {
    int64_t started;
    size_t step_count;
    struct probe_step steps[PROBE_STEPS_MAX]; /* in the order in which they ended */
    size_t left_out;                          /* steps that found no room */
    enum probe_kind failed;                   /* of the step to blame, once something failed */
    int64_t total_ms;

    /* What is known of the connection on which it came furthest. */
    struct submit_report report;
    struct capability offered; /* behind TLS, where there is TLS */
    bool hello;                /* EHLO was answered: `offered` is known */
    size_t chain_length;
    struct tls_certificate chain[PROBE_CHAIN_MAX]; /* the server's own first */

    /* Told when a step begins, before anything is waited for; NULL: nobody is. */
    void (*tell)(void *context, enum probe_kind kind);
    void *context;
};

/* What the probe is to try. `envelope` has the sender and may have recipients. */
struct probe_request {
    const struct smarthost *smarthost;
    struct envelope *envelope;
    const struct trace *trace;
};

/* Begins an empty probe; the time runs. */
void probe_init(struct probe *probe);

/* "MAIL FROM": the name of such a step. */
const char *probe_name(enum probe_kind kind);

/* Begins a step; the one that is to be ended next. */
struct probe_step *probe_begin(struct probe *probe, enum probe_kind kind);

/* Ends it: well, with the words written into the step, or failed for `reason`, whose words it then
 * gets. */
void probe_end(struct probe *probe, struct probe_step *step, const struct error *reason);

/* Goes through the conversation as a submission would: the same race, the same choice of another
 * server where one fails, the same errors with the same exit codes; then tries the addresses and
 * ports that were not needed, for a few seconds at most. True: mail can be sent. */
bool probe_run(struct probe *probe, const struct probe_request *request, struct error *error);

/* "SIZE 10240000, 8BITMIME, PIPELINING, AUTH PLAIN LOGIN" */
void probe_show_offer(const struct capability *offered, struct text *out);

#endif

/* Many messages over one connection, several of them under way at once, so that the time they take
 * does not depend on the round-trip time (RFC 2920: the next MAIL and RCPT ride in the flight that
 * ends the message before; RFC 3030: with CHUNKING whole transactions are pipelined). Answers are
 * matched strictly in order; what is out of the ordinary goes the slow way of smtp/submission.h. */
#ifndef SMTP_CONVOY_H
#define SMTP_CONVOY_H

#include "smtp/submission.h"

/* One message of a convoy. Its owner keeps it, unmoved, from `next` to `done`. */
struct convoy_item {
    struct message *message;
    struct envelope *envelope; /* those RECIPIENT_PENDING are offered it */
    struct submit_report *report;
    bool over; /* set before `done`: what ended it is not about this message (no connection, TLS,
                  login, 421, a cut, an interrupt), and convoy_run is going to return false */
};

struct convoy {
    void *context;
    unsigned depth; /* transactions under way at most; 1: one after the other */
    /* The next message; NULL: there is none any more. Not asked again after NULL. */
    struct convoy_item *(*next)(void *context);
    /* What became of `item`, in the order of `next`, each exactly once and as soon as it is known:
     * nothing else of the convoy is said before it returns. `ending` is the error of
     * submission_deliver, EX_OK where the conversation came to its end. False: stop, as soon as
     * those under way are done. */
    bool (*done)(void *context, struct convoy_item *item, const struct error *ending);
};

/* Delivers what `next` hands out over `submission`'s connection, which stays where it can. True
 * when `next` had nothing left or `done` said stop.
 *
 * False when the smarthost could not be reached, or sent us away (421, a cut), so that it is not to
 * be asked for more now: everything handed out is done, what was under way with that error,
 * doubtful where its end had been sent. A connection closed by the server after messages that it
 * took is replaced, and no failure, as long as each new one gets a message through. */
bool convoy_run(struct submission *submission, const struct convoy *convoy, struct error *error);

#endif

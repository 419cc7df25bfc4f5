/* One mail on its way: from what the caller handed in to a message and an envelope that can be
 * submitted, and to what became of them. The steps in their order. */
#ifndef AGENT_MAIL_H
#define AGENT_MAIL_H

#include "agent/keep.h"
#include "smtp/submission.h"

struct mail {
    struct call *call;
    const struct account_person *person; /* whose it is: the caller, or the owner of an entry */
    struct account account;              /* the chosen one, with its secret */
    struct sasl_secret secret;
    struct message message;
    struct envelope envelope;
    struct submit_report report;
    struct keep keep;
    struct trace trace;
    struct submission *submission; /* whose connection is left for what is due in the queue; NULL */
    int64_t started;
    void (*note)(void *context, const char *sentence); /* told why the header was changed; NULL */
};

/* An empty mail of `call`, which must outlive it. */
void mail_init(struct mail *mail, struct call *call);

/* Chooses what is kept of it (keep_prepare), and with it where its message grows. Before it is
 * read. */
void mail_prepare(struct mail *mail);

/* Reads the message from `fd`, by the rules for a terminal or for anything else. Errors as
 * input_read. */
bool mail_read(struct mail *mail, int fd, struct error *error);

/* Chooses the account and sets the envelope's sender, as `sender` (-f as written; NULL where not
 * given) and the configuration have it. EX_USAGE, EX_CONFIG. */
bool mail_choose_account(struct mail *mail, const char *sender, struct error *error);

/* Puts into `sender` the canonical form of -f as `written`. EX_USAGE. */
bool mail_parse_sender(const struct mail *mail, const char *written, struct text *sender,
                       struct error *error);

/* Fills the envelope from the arguments and, with -t, from the header. EX_USAGE, also where there
 * is nobody. */
bool mail_add_recipients(struct mail *mail, struct error *error);

/* Adds what one recipient of -bs leads to, with the DSN parameters he came with; `original` NULL
 * where there was none. EX_USAGE (permanent) for what is not one address; EX_CONFIG for an alias
 * that cannot be used. */
bool mail_add_recipient(struct mail *mail, const char *address, const char *original,
                        unsigned char notify, struct error *error);

/* Makes the header one that servers take, as the [message] keys have it, and checks the size.
 * EX_DATAERR (permanent), EX_IOERR. */
bool mail_mend_header(struct mail *mail, struct error *error);

/* Submits it, with a transcript on standard output for -v, or queues it, and judges the outcome.
 * Where the queue has more, the connection stays for runner_go_on. */
bool mail_submit(struct mail *mail, struct error *error);

/* Judges what came of an attempt with that `ending` (outcome_judge), after what failed for now was
 * queued, where that is the way. `tried`: it came so far as to open a connection, or to try to.
 * Where something should be queued and cannot be, the attempt's own failure comes first and why not
 * behind it. True when everybody has the message or is in the queue. */
bool mail_settle(struct mail *mail, bool tried, const struct error *ending, struct error *error);

/* The transcript that -v asks for; one that writes nothing otherwise. */
struct trace mail_trace(const struct call *call);

/* Wipes the secret and frees everything. */
void mail_free(struct mail *mail);

#endif

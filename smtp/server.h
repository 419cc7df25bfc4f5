/* -bs: a whole SMTP session (RFC 5321) on two descriptors for a local caller. It knows nothing of
 * configuration and nothing of the smarthost; a table of callbacks does the work. */
#ifndef SMTP_SERVER_H
#define SMTP_SERVER_H

#include "message/message.h"
#include "smtp/server_command.h"

enum {
    SERVER_REST = 30 * 1000,      /* milliseconds of silence until `rest` is called */
    SERVER_IDLE = 60 * 60 * 1000, /* and until the session ends */
    SERVER_ERRORS_LIMIT = 100,    /* the session ends with the hundredth */
    SERVER_RECIPIENTS_LIMIT = 10 * 1000
};

/* What a callback is handed is the server's, for as long as the call lasts. Of a callback that
 * fails the caller gets answer_add_error's reply; a failure of `mail` and `rcpt` concerns that
 * command only. */
struct server_callbacks {
    void *context;

    /* Called once, behind the greeting, while the caller is composing his first command. `max_size`
     * is 0: what is put there is announced as SIZE, held against SIZE= and the message; 0 is no
     * limit. On failure the first command is answered 421, and server_run fails with that error. */
    bool (*open)(void *context, uint64_t *max_size, struct error *error);

    /* One that fails is followed by `reset`. */
    bool (*mail)(void *context, const struct server_mail *mail, struct error *error);

    /* `words` (here and below, empty at first) are the smarthost's: "250 2.1.5 Ok". Left empty, the
     * reply has words of ours. */
    bool (*rcpt)(void *context, const struct server_rcpt *rcpt, struct text *words,
                 struct error *error);

    /* Where the message is to be read into: an empty one, which stays the context's, to be freed in
     * `reset`. Called only when a recipient was taken. NULL on failure. */
    struct message *(*message)(void *context, struct error *error);

    /* The message is complete, and canonical. */
    bool (*deliver)(void *context, struct message *message, struct text *words,
                    struct error *error);

    /* The transaction is over, whatever became of it: RSET, EHLO, after each message, when its
     * reply is written, and at the end of a session that breaks off in one. May come without a
     * transaction. */
    void (*reset)(void *context);

    /* SERVER_REST without a sign of the caller, in a transaction or not: the connection to the
     * smarthost is to be closed. Once in a silence. */
    void (*rest)(void *context);
};

struct server_options {
    int input, output;   /* may be the same */
    const char *host;    /* this host's name, for the greeting */
    const char *version; /* for HELP */
    int64_t rest, idle;  /* milliseconds; 0: SERVER_REST, SERVER_IDLE */
};

/* Runs the session to its end. True after QUIT, and when the input ended between two messages (what
 * is no whole line is not looked at then). Otherwise the caller got a 421 (or a 554) and the error
 * is: EX_USAGE: a descriptor is a network socket; what `open` failed with; EX_IOERR: the input
 * ended inside a message, of which nothing was delivered, or the caller cannot be written to: a
 * message that was begun is then still read and delivered; EX_NOINPUT: he cannot be read;
 * EX_TEMPFAIL: silent for `idle`; EX_PROTOCOL: too many errors, too many recipients, a BDAT without
 * count. SIGPIPE must be ignored. */
bool server_run(const struct server_options *options, const struct server_callbacks *callbacks,
                struct error *error);

#endif

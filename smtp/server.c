/* -bs: the commands and their order (RFC 5321 section 4.1.4), and the transaction they make up.
 *
 * Invariants: each command gets one reply, in order. Nothing inside a message is ever taken for a
 * command: where it is not known where a message ends, the session ends. What was not framed
 * completely is not delivered. */
#include "smtp/server.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "message/input.h"
#include "smtp/answer.h"
#include "smtp/framing.h"
#include "smtp/reply.h"

struct session {
    const struct server_options *options;
    const struct server_callbacks *callbacks;
    struct caller caller;
    uint64_t max_size;
    unsigned errors; /* of the caller: verdicts on his mail are none */
    bool over;
    struct error *ending; /* why; EX_OK: in the proper way */

    /* The transaction. */
    bool mail;         /* begun */
    bool mail_refused; /* the last one: who pipelines cannot help what follows */
    bool smtputf8;
    unsigned recipients, accepted; /* asked for, taken */

    /* The message, while it comes in; with BDAT over several commands. */
    bool chunks; /* BDAT was said */
    struct message *message;
    struct input *input;
    struct framing framing;
    struct error failure; /* EX_OK: none so far */
};

/* --- saying ---------------------------------------------------------------------------------- */

static void say(struct session *session, int code, const char *enhanced, const char *words)
{
    answer_add(&session->caller.said, code, enhanced, slice_of(words));
}

static void say_error(struct session *session, const struct error *error, enum answer_step step)
{
    answer_add_error(&session->caller.said, error, step);
}

/* Ends the session with a 421 of the words in `error`. */
static void hang_up(struct session *session, const char *enhanced, const struct error *error)
{
    say(session, 421, enhanced, error->sentence);
    *session->ending = *error;
    session->over = true;
}

/* --- the transaction ------------------------------------------------------------------------- */

static void end_transaction(struct session *session)
{
    input_abandon(session->input);
    session->input = NULL;
    session->message = NULL;
    session->failure = (struct error){.exit_code = EX_OK};
    session->mail = session->mail_refused = session->smtputf8 = session->chunks = false;
    session->recipients = session->accepted = 0;
    session->callbacks->reset(session->callbacks->context);
}

/* False when a message cannot come now. */
static bool check_order(struct session *session, struct error *error)
{
    if (!session->mail)
        return answer_refuse(error, 503, "5.5.1", "MAIL first");
    return session->accepted > 0 || answer_refuse(error, 554, "5.5.1", "no valid recipients");
}

static bool open_message(struct session *session, struct error *error)
{
    const struct server_callbacks *callbacks = session->callbacks;
    struct input_options options = {.max_size = session->max_size};
    session->framing = (struct framing){.line_feed_only = session->caller.line_end == CALLER_LF};
    session->message = callbacks->message(callbacks->context, error);
    if (session->message == NULL)
        return false;
    session->input = input_open(session->message, &options, error);
    return session->input != NULL;
}

/* Files the first thing that is wrong with the message. */
static void judge_message(struct session *session, bool good, const struct error *error)
{
    if (session->failure.exit_code != EX_OK)
        return;
    if (session->framing.mixed)
        answer_refuse(&session->failure, 550, "5.6.11",
                      session->framing.line_feed_only
                          ? "the message has a CR, and the session began with LF alone"
                          : "the message has a CR or LF that is no part of a CRLF");
    else if (!good)
        session->failure = *error;
}

static void add_piece(struct session *session, struct slice piece)
{
    struct error error;
    if (session->failure.exit_code == EX_OK)
        judge_message(session, input_add(session->input, piece, &error), &error);
}

/* Ends the session inside a message. `status` is one of caller_fill, none of which is
 * CALLER_MORE. */
static void cut_message(struct session *session, enum caller_status status, struct error *error)
{
    if (status == CALLER_ENDED)
        error_set(error, EX_IOERR, "the input ended inside the message; nothing was sent");
    else if (status == CALLER_SILENT)
        error_set(error, EX_TEMPFAIL, "no input inside the message for too long; nothing was sent");
    hang_up(session, "4.4.2", error);
}

/* The message was read to its end: what becomes of it. */
static void conclude(struct session *session)
{
    const struct server_callbacks *callbacks = session->callbacks;
    char words_bytes[REPLY_WORDS_SIZE];
    struct text words;
    struct error error;
    enum answer_step step = ANSWER_MESSAGE;
    text_init(&words, words_bytes, sizeof words_bytes);
    if (session->input != NULL)
        judge_message(session, input_end(session->input, &error), &error);
    session->input = NULL;
    /* What becomes of the message must be told, whatever there is no memory for by then. */
    caller_flush(&session->caller);
    if (session->failure.exit_code == EX_OK && !buffer_reserve(&session->caller.said, ANSWER_ROOM))
        error_set_memory(&session->failure);
    if (session->failure.exit_code == EX_OK) {
        step = ANSWER_DELIVERY;
        if (!callbacks->deliver(callbacks->context, session->message, &words, &error))
            session->failure = error;
    }
    if (session->failure.exit_code == EX_OK)
        answer_add_success(&session->caller.said, text_slice(&words), "2.0.0", "message taken");
    else
        say_error(session, &session->failure, step);
    caller_flush(&session->caller);
    end_transaction(session);
}

/* --- commands -------------------------------------------------------------------------------- */

/* Each answers its command, or returns false with the caller's error, to be answered and counted.
 */

static bool check_no_argument(struct slice argument, struct error *error)
{
    return argument.length == 0 ||
           answer_refuse(error, 501, "5.5.4", "this command takes no argument");
}

static bool hear_helo(struct session *session, struct slice argument, struct error *error)
{
    if (argument.length == 0)
        return answer_refuse(error, 501, "5.5.4", "HELO takes a name");
    end_transaction(session);
    say(session, 250, "", session->options->host);
    return true;
}

static bool hear_ehlo(struct session *session, struct slice argument, struct error *error)
{
    static const char *const offers[] = {"PIPELINING", "8BITMIME", "SMTPUTF8",
                                         "CHUNKING",   "DSN",      "ENHANCEDSTATUSCODES"};
    struct buffer *said = &session->caller.said;
    char size[32];
    struct text line;
    (void)argument;
    (void)error;
    end_transaction(session);
    text_init(&line, size, sizeof size);
    text_add_format(&line, "SIZE %" PRIu64, session->max_size);
    answer_add_line(said, 250, false, session->options->host);
    answer_add_line(said, 250, false, size);
    for (size_t i = 0; i < sizeof offers / sizeof offers[0]; i++)
        answer_add_line(said, 250, false, offers[i]);
    answer_add_line(said, 250, true, "HELP");
    return true;
}

static bool hear_mail(struct session *session, struct slice argument, struct error *error)
{
    const struct server_callbacks *callbacks = session->callbacks;
    struct server_mail mail;
    struct error verdict;
    if (session->mail)
        return answer_refuse(error, 503, "5.5.1", "a transaction is open; RSET ends it");
    session->mail_refused = true;
    if (!server_command_parse_mail(argument, &mail, error))
        return false;
    session->mail_refused = false;
    uint64_t size = mail.has_size ? mail.size : 0;
    if (message_check_size(size, session->max_size, &verdict) &&
        callbacks->mail(callbacks->context, &mail, &verdict)) {
        session->mail = true;
        session->smtputf8 = mail.smtputf8;
        say(session, 250, "2.1.0", "sender taken");
    } else {
        say_error(session, &verdict, ANSWER_MAIL);
        end_transaction(session);
        session->mail_refused = true;
    }
    return true;
}

static bool hear_rcpt(struct session *session, struct slice argument, struct error *error)
{
    const struct server_callbacks *callbacks = session->callbacks;
    struct server_rcpt rcpt;
    struct error verdict;
    char words_bytes[REPLY_WORDS_SIZE];
    struct text words;
    text_init(&words, words_bytes, sizeof words_bytes);
    if (!session->mail)
        return answer_refuse(error, 503, "5.5.1", "MAIL first");
    if (session->chunks)
        return answer_refuse(error, 503, "5.5.1", "the message has begun");
    if (!server_command_parse_rcpt(argument, session->smtputf8, &rcpt, error))
        return false;
    if (++session->recipients > SERVER_RECIPIENTS_LIMIT) {
        error_set(error, EX_PROTOCOL, "more than %d recipients in one message",
                  SERVER_RECIPIENTS_LIMIT);
        hang_up(session, "4.5.3", error);
    } else if (callbacks->rcpt(callbacks->context, &rcpt, &words, &verdict)) {
        session->accepted++;
        answer_add_success(&session->caller.said, text_slice(&words), "2.1.5", "recipient taken");
    } else {
        say_error(session, &verdict, ANSWER_RCPT);
    }
    return true;
}

/* Reads to the lone dot. */
static void read_dotted(struct session *session)
{
    struct caller *caller = &session->caller;
    struct error error;
    while (!session->framing.ended) {
        struct slice rest = caller_input(caller);
        while (rest.length > 0 && !session->framing.ended)
            add_piece(session, framing_next(&session->framing, &rest));
        caller_consume(caller, caller_input(caller).length - rest.length);
        if (session->framing.ended)
            break;
        enum caller_status status = caller_fill(caller, &error);
        if (status != CALLER_MORE) {
            cut_message(session, status, &error);
            return;
        }
    }
    conclude(session);
}

static bool hear_data(struct session *session, struct slice argument, struct error *error)
{
    struct error verdict;
    if (!check_no_argument(argument, error))
        return false;
    if (session->chunks)
        return answer_refuse(error, 503, "5.5.1", "the message began with BDAT");
    if (!check_order(session, error))
        return false;
    if (!open_message(session, &verdict)) {
        say_error(session, &verdict, ANSWER_MESSAGE);
        end_transaction(session);
        return true;
    }
    say(session, 354, "", "the message now, and a dot on a line of its own behind it");
    read_dotted(session);
    return true;
}

/* Reads a chunk; without an `input` it is thrown away. False when it was cut. */
static bool read_chunk(struct session *session, uint64_t size)
{
    struct caller *caller = &session->caller;
    struct error error;
    while (size > 0) {
        struct slice rest = caller_input(caller);
        struct slice piece = slice_to(rest, size < rest.length ? (size_t)size : rest.length);
        if (session->input != NULL) {
            framing_look(&session->framing, piece);
            add_piece(session, piece);
        }
        caller_consume(caller, piece.length);
        size -= piece.length;
        enum caller_status status = size > 0 ? caller_fill(caller, &error) : CALLER_MORE;
        if (status != CALLER_MORE) {
            cut_message(session, status, &error);
            return false;
        }
    }
    return true;
}

/* Once a chunk was refused, the message is: the rest of it must not look like a whole one. */
static void begin_chunk(struct session *session, const struct error *bad)
{
    struct error error;
    bool begins = !session->chunks;
    session->chunks = true;
    if (begins && (!check_order(session, &error) || !open_message(session, &error)))
        judge_message(session, false, &error);
    if (bad != NULL)
        judge_message(session, false, bad);
}

static void conclude_chunk(struct session *session, bool last)
{
    if (last && session->input != NULL) {
        framing_look_last(&session->framing);
        judge_message(session, true, NULL);
    }
    if (last)
        conclude(session);
    else if (session->failure.exit_code != EX_OK)
        say_error(session, &session->failure, ANSWER_MESSAGE);
    else
        say(session, 250, "2.0.0", "chunk taken");
}

static bool hear_bdat(struct session *session, struct slice argument, struct error *error)
{
    struct server_chunk chunk;
    bool good = server_command_parse_bdat(argument, &chunk, error);
    if (!chunk.counted) {
        say_error(session, error, ANSWER_MESSAGE);
        error_set(error, EX_PROTOCOL, "BDAT without count: where the message ends is not known");
        hang_up(session, "4.5.0", error);
        return true;
    }
    bool ordered = session->mail;
    if (ordered)
        begin_chunk(session, good ? NULL : error);
    if (!read_chunk(session, chunk.size))
        return true;
    if (ordered)
        conclude_chunk(session, chunk.last);
    else if (good)
        answer_refuse(error, 503, "5.5.1", "MAIL first");
    return ordered;
}

static bool hear_rset(struct session *session, struct slice argument, struct error *error)
{
    if (!check_no_argument(argument, error))
        return false;
    end_transaction(session);
    say(session, 250, "2.0.0", "reset");
    return true;
}

static bool hear_noop(struct session *session, struct slice argument, struct error *error)
{
    (void)argument;
    (void)error;
    say(session, 250, "2.0.0", "nothing done");
    return true;
}

static bool hear_vrfy(struct session *session, struct slice argument, struct error *error)
{
    (void)argument;
    (void)error;
    say(session, 252, "2.0.0", "not known before it is tried");
    return true;
}

static bool hear_help(struct session *session, struct slice argument, struct error *error)
{
    char bytes[128];
    struct text line;
    (void)argument;
    (void)error;
    text_init(&line, bytes, sizeof bytes);
    text_add_format(&line, "sendmail %s: HELO EHLO MAIL RCPT DATA BDAT RSET NOOP VRFY HELP QUIT",
                    session->options->version);
    say(session, 214, "2.0.0", bytes);
    return true;
}

static bool hear_quit(struct session *session, struct slice argument, struct error *error)
{
    if (!check_no_argument(argument, error))
        return false;
    say(session, 221, "2.0.0", "bye");
    session->over = true;
    return true;
}

static bool hear_what_is_not_done(struct session *session, struct slice argument,
                                  struct error *error)
{
    (void)session;
    (void)argument;
    return answer_refuse(error, 502, "5.5.1", "not offered here");
}

/* --- the session ----------------------------------------------------------------------------- */

static const struct {
    const char *verb;
    bool (*hear)(struct session *session, struct slice argument, struct error *error);
} commands[] = {
    {"HELO", hear_helo},
    {"EHLO", hear_ehlo},
    {"MAIL", hear_mail},
    {"RCPT", hear_rcpt},
    {"DATA", hear_data},
    {"BDAT", hear_bdat},
    {"RSET", hear_rset},
    {"NOOP", hear_noop},
    {"VRFY", hear_vrfy},
    {"HELP", hear_help},
    {"QUIT", hear_quit},
    {"EXPN", hear_what_is_not_done},
    {"STARTTLS", hear_what_is_not_done},
    {"AUTH", hear_what_is_not_done},
};

enum { COMMANDS = sizeof commands / sizeof commands[0] };

static bool hear(struct session *session, struct slice line, struct error *error)
{
    if (!server_command_is_text(line))
        return answer_refuse(error, 500, "5.5.2", "a control character in a command");
    struct slice argument = line, verb = server_command_cut_verb(&argument);
    for (size_t i = 0; i < COMMANDS; i++)
        if (slice_equals_nocase(verb, slice_of(commands[i].verb)))
            return commands[i].hear(session, argument, error);
    return answer_refuse(error, 500, "5.5.2", "no such command; HELP names them");
}

/* Answers an error of the caller. What only follows from a verdict on his mail does not count. */
static void scold(struct session *session, const struct error *error)
{
    bool follows = (error->reply_code == 503 && session->mail_refused) ||
                   (error->reply_code == 554 && session->recipients > 0);
    session->errors += !follows;
    if (session->errors < SERVER_ERRORS_LIMIT) {
        say_error(session, error, ANSWER_MESSAGE);
        return;
    }
    struct error ending;
    error_set(&ending, EX_PROTOCOL, "too many errors, the last one: %s", error->sentence);
    hang_up(session, "4.7.0", &ending);
}

static void hear_next(struct session *session)
{
    struct slice line;
    struct error error;
    switch (caller_take_line(&session->caller, &line, &error)) {
    case CALLER_LINE:
        if (!hear(session, line, &error))
            scold(session, &error);
        break;
    case CALLER_LONG_LINE:
        answer_refuse(&error, 500, "5.5.6", "a command has %d octets at most", CALLER_LINE_LIMIT);
        scold(session, &error);
        break;
    case CALLER_SILENT:
        error_set(&error, EX_TEMPFAIL, "no command for too long");
        hang_up(session, "4.4.2", &error);
        break;
    case CALLER_FAILED:
        hang_up(session, "4.4.2", &error);
        break;
    case CALLER_ENDED:
        if (session->chunks)
            cut_message(session, CALLER_ENDED, &error);
        session->over = session->over || !session->caller.gone;
        break;
    case CALLER_MORE:
        break;
    }
}

/* The first command is waited for, so that its reply is the 421. */
static void turn_away(struct session *session, const struct error *reason)
{
    struct slice line;
    struct error ignored;
    caller_take_line(&session->caller, &line, &ignored);
    hang_up(session, "4.3.5", reason);
}

static bool is_network_socket(int fd)
{
    struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
    socklen_t size = sizeof address;
    return getsockname(fd, (struct sockaddr *)&address, &size) == 0 && address.ss_family != AF_UNIX;
}

static void greet(struct session *session)
{
    char bytes[320];
    struct text line;
    text_init(&line, bytes, sizeof bytes);
    text_add_format(&line, "%s ESMTP sendmail", session->options->host);
    answer_add_line(&session->caller.said, 220, true, bytes);
    caller_flush(&session->caller);
}

static void converse(struct session *session)
{
    const struct server_callbacks *callbacks = session->callbacks;
    struct error reason;
    greet(session);
    if (callbacks->open(callbacks->context, &session->max_size, &reason))
        session->caller.resting = callbacks->rest;
    else
        turn_away(session, &reason);
    while (!session->over && !session->caller.gone)
        hear_next(session);
}

/* Says the last words. Whether they are read is of no matter any more. */
static void take_leave(struct session *session)
{
    struct caller *caller = &session->caller;
    if (session->mail)
        end_transaction(session);
    if (!session->over)
        *session->ending = caller->reason;
    caller_flush(caller);
    if (session->ending->exit_code != EX_OK && !caller->gone)
        caller_discard(caller);
}

bool server_run(const struct server_options *options, const struct server_callbacks *callbacks,
                struct error *error)
{
    struct session *session = calloc(1, sizeof *session);
    *error = (struct error){.exit_code = EX_OK};
    if (session == NULL)
        return error_set_memory(error);
    session->options = options;
    session->callbacks = callbacks;
    session->ending = error;
    session->caller.input = options->input;
    session->caller.output = options->output;
    session->caller.rest = options->rest > 0 ? options->rest : SERVER_REST;
    session->caller.idle = options->idle > 0 ? options->idle : SERVER_IDLE;
    session->caller.context = callbacks->context;
    if (is_network_socket(options->input) || is_network_socket(options->output)) {
        error_set(error, EX_USAGE, "-bs: standard input or output is a network socket");
        say(session, 554, "5.7.1", "no mail is taken from the network here");
        caller_flush(&session->caller);
    } else {
        converse(session);
        take_leave(session);
    }
    caller_free(&session->caller);
    free(session);
    return error->exit_code == EX_OK;
}

/* Commands are rows of a table. Replies are kept until no whole command is left to read, so that a
 * pipelined flight is answered by one write. */
#include "tests/smarthost/session.h"

#include <err.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "tests/smarthost/channel.h"
#include "tests/smarthost/glob.h"

enum {
    BLOCK = 256 * 1024,
    LINE_MAX_OCTETS = 64 * 1024,
    PATIENCE = 300 * 1000,
    STRUCK_BEHIND = 32 * 1024
};

struct session {
    const struct session_options *options;
    struct channel channel;
    struct buffer input, output;
    size_t used; /* of the input */
    bool greeted, authenticated, in_mail, in_chunks, quit;
    uint64_t recipients, mails;
    struct buffer envelope; /* as events have it */
    int file;               /* the message being received, -1: thrown away */
    char path[512];         /* what its name is going to be */
    uint64_t octets;
    enum fault_step step; /* being answered */
    bool struck;          /* in the body, so that its end is not answered */
};

static void event(const struct session *session, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void event(const struct session *session, const char *format, ...)
{
    char line[1200];
    va_list arguments;
    size_t length;

    if (session->options->quiet)
        return;
    va_start(arguments, format);
    vsnprintf(line, sizeof line - 1, format, arguments);
    va_end(arguments);
    length = strlen(line);
    line[length++] = '\n';
    if (write(1, line, length) == -1)
        err(1, "standard output");
}

/* The same, and remembered for the envelope's file. */
static void envelope_event(struct session *session, const char *what, struct slice rest)
{
    event(session, "%s %.*s", what, (int)rest.length, rest.bytes);
    buffer_add_string(&session->envelope, what);
    buffer_add_byte(&session->envelope, ' ');
    buffer_add(&session->envelope, rest);
    buffer_add_byte(&session->envelope, '\n');
}

static void show(const struct session *session, const char *who, struct slice line)
{
    if (session->options->transcript)
        fprintf(stderr, "%s %.*s\n", who, (int)line.length, line.bytes);
}

static bool flush(struct session *session)
{
    bool sent =
        session->output.length == 0 ||
        channel_write(&session->channel, buffer_slice(&session->output), clock_deadline(PATIENCE));

    buffer_clear(&session->output);
    return sent;
}

static bool is_struck(const struct session *session, enum fault_step step)
{
    return step != FAULT_NOWHERE && session->options->fault.step == step;
}

/* What is wrong about this step, behind all that was right. */
static bool strike(struct session *session, const char *line)
{
    return flush(session) && fault_strike(&session->options->fault, &session->channel, line);
}

static bool reply(struct session *session, const char *line)
{
    show(session, "S:", slice_of(line));
    if (is_struck(session, session->step))
        return strike(session, line);
    return buffer_add_string(&session->output, line) && buffer_add_string(&session->output, "\r\n");
}

static struct slice unread(const struct session *session)
{
    return slice_from(buffer_slice(&session->input), session->used);
}

/* What anybody on the way has seen. */
static void keep_clear(const struct session *session, struct slice octets)
{
    const char *path = session->options->clear_file;
    int fd = path != NULL && session->channel.tls == NULL
                 ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)
                 : -1;

    if (fd == -1)
        return;
    if (write(fd, octets.bytes, octets.length) == -1)
        err(1, "%s", path);
    close(fd);
}

/* More input, after all that was to be said; false when there is no more. */
static bool receive(struct session *session)
{
    struct buffer *input = &session->input;
    struct slice rest = unread(session);
    long got;

    if (!flush(session))
        return false;
    if (rest.length > 0)
        memmove(input->bytes, rest.bytes, rest.length);
    input->length = rest.length;
    session->used = 0;
    if (!buffer_reserve(input, BLOCK))
        return false;
    got = channel_read(&session->channel, input->bytes + input->length, BLOCK,
                       clock_deadline(PATIENCE));
    if (got <= 0)
        return false;
    keep_clear(session, slice_make(input->bytes + input->length, (size_t)got));
    input->length += (size_t)got;
    return true;
}

/* The next line without CRLF; valid until the next one. */
static bool next_line(struct session *session, struct slice *line)
{
    for (;;) {
        struct slice bytes = unread(session);
        size_t end = slice_find(bytes, '\n');

        if (end < bytes.length) {
            session->used += end + 1;
            *line = slice_to(bytes, end > 0 && bytes.bytes[end - 1] == '\r' ? end - 1 : end);
            show(session, "C:", *line);
            return true;
        }
        if (bytes.length > LINE_MAX_OCTETS || !receive(session))
            return false;
    }
}

static bool on_hello(struct session *session, struct slice rest)
{
    const struct session_options *options = session->options;
    enum fault_step step = session->channel.tls != NULL ? FAULT_HELLO_TLS : FAULT_HELLO;
    char size[40], mechanisms[400];

    (void)rest;
    if (is_struck(session, step) && !options->fault.kind->says_reply)
        return strike(session, "250 smarthost.example");
    session->greeted = true;
    snprintf(mechanisms, sizeof mechanisms, "250-AUTH %s", options->login.mechanisms);
    snprintf(size, sizeof size, "250-SIZE %" PRIu64, options->size);
    reply(session, "250-smarthost.example");
    if (options->extensions & SESSION_PIPELINING)
        reply(session, "250-PIPELINING");
    if (options->extensions & SESSION_CHUNKING)
        reply(session, "250-CHUNKING");
    if (options->extensions & SESSION_8BITMIME)
        reply(session, "250-8BITMIME");
    if (options->extensions & SESSION_SMTPUTF8)
        reply(session, "250-SMTPUTF8");
    if (options->tls != NULL && session->channel.tls == NULL)
        reply(session, "250-STARTTLS");
    else if (options->login.user != NULL)
        reply(session, mechanisms);
    if (options->size > 0)
        reply(session, size);
    session->step = step;
    return reply(session, "250 ENHANCEDSTATUSCODES");
}

static bool start_tls(struct session *session)
{
    struct pollfd hello = {.fd = session->channel.fd, .events = POLLIN};

    if (is_struck(session, FAULT_HANDSHAKE) && poll(&hello, 1, PATIENCE) == 1 &&
        !strike(session, "220 in clear"))
        return false;
    if (!channel_start_tls(&session->channel, session->options->tls, clock_deadline(PATIENCE)))
        return false;
    event(session, "TLS %s %s", SSL_get_version(session->channel.tls),
          SSL_get_cipher_name(session->channel.tls));
    return true;
}

static bool on_start_tls(struct session *session, struct slice rest)
{
    (void)rest;
    if (session->options->tls == NULL || session->channel.tls != NULL)
        return reply(session, "503 5.5.1 no TLS now");
    session->greeted = false;
    session->used = session->input.length;
    session->step = FAULT_START_TLS;
    return reply(session, "220 2.0.0 go ahead") && flush(session) && start_tls(session);
}

static bool say_line(void *context, const char *line)
{
    struct session *session = context;

    if (strncmp(line, "334", 3) != 0)
        session->step = FAULT_LOGIN;
    else
        session->step = session->step == FAULT_NOWHERE ? FAULT_CHALLENGE : FAULT_SECOND_CHALLENGE;
    return reply(session, line);
}

static bool hear_line(void *context, struct slice *line)
{
    return next_line(context, line);
}

static bool on_auth(struct session *session, struct slice rest)
{
    const struct session_options *options = session->options;
    struct login_talk talk = {say_line, hear_line, session, session->channel.tls};
    char mechanism[32], command[BUFSIZ * 4];
    bool done;

    if (options->login.user == NULL || session->authenticated || !session->greeted ||
        (options->tls != NULL && session->channel.tls == NULL))
        return reply(session, "503 5.5.1 no AUTH now");
    snprintf(command, sizeof command, "%.*s", (int)rest.length, rest.bytes);
    done = login_run(&options->login, &talk, slice_of(command), mechanism, &session->authenticated);
    event(session, "AUTH %s %s", mechanism, session->authenticated ? "accepted" : "refused");
    return done;
}

static bool on_mail(struct session *session, struct slice rest)
{
    if (!session->greeted || session->in_mail)
        return reply(session, "503 5.5.1 not now");
    if (session->options->login.user != NULL && !session->authenticated)
        return reply(session, "530 5.7.0 authentication required");
    if (session->options->mails_max > 0 && session->mails++ >= session->options->mails_max) {
        session->quit = true;
        return reply(session, "421 4.3.2 enough for now") && flush(session);
    }
    session->in_mail = true;
    session->recipients = 0;
    session->step = FAULT_MAIL;
    buffer_clear(&session->envelope);
    envelope_event(session, "FROM", rest);
    return reply(session, "250 2.1.0 sender ok");
}

/* By its address, without what brackets and parameters are around it. */
static bool is_among(const char *pattern, struct slice rest)
{
    if (slice_starts_nocase(rest, "<"))
        rest = slice_from(rest, 1);
    rest = slice_to(rest, slice_find(rest, '>'));
    return pattern != NULL && glob_matches(slice_of(pattern), rest);
}

static bool on_rcpt(struct session *session, struct slice rest)
{
    uint64_t most = session->options->recipients_max;

    if (!session->in_mail)
        return reply(session, "503 5.5.1 MAIL first");
    if (most > 0 && session->recipients >= most)
        return reply(session, "452 4.5.3 too many recipients");
    if (is_among(session->options->cut, rest)) {
        event(session, "CUT %.*s", (int)rest.length, rest.bytes);
        flush(session);
        return false;
    }
    if (is_among(session->options->put_off, rest)) {
        event(session, "PUT-OFF %.*s", (int)rest.length, rest.bytes);
        return reply(session, "450 4.2.0 come again");
    }
    if (is_among(session->options->refused, rest)) {
        event(session, "REFUSED %.*s", (int)rest.length, rest.bytes);
        return reply(session, "550 5.1.1 nobody of that name");
    }
    session->recipients++;
    session->step = session->recipients < 3 ? FAULT_MAIL + session->recipients : FAULT_LAST_RCPT;
    envelope_event(session, "TO", rest);
    return reply(session, "250 2.1.5 recipient ok");
}

static bool open_message(struct session *session)
{
    session->octets = 0;
    session->file = -1;
    session->path[0] = 0;
    if (session->options->directory == NULL)
        return true;
    snprintf(session->path, sizeof session->path, "%s/message-XXXXXX.eml",
             session->options->directory);
    session->file = mkstemps(session->path, 4);
    return session->file != -1;
}

static bool keep(struct session *session, struct slice octets)
{
    session->octets += octets.length;
    if (is_struck(session, FAULT_BODY) && !session->struck && session->octets > STRUCK_BEHIND) {
        session->struck = true;
        if (!strike(session, "250 2.0.0 taken"))
            return false;
    }
    while (session->file != -1 && octets.length > 0) {
        ssize_t written = write(session->file, octets.bytes, octets.length);

        if (written <= 0)
            return false;
        octets = slice_from(octets, (size_t)written);
    }
    return true;
}

/* Written at once: whoever waits for the file sees all of it. */
static bool write_envelope(const struct session *session)
{
    char path[sizeof session->path + sizeof ".envelope"];
    struct slice lines = buffer_slice(&session->envelope);
    int fd, length = (int)strlen(session->path) - (int)strlen(".eml");
    bool written;

    snprintf(path, sizeof path, "%.*s.envelope", length, session->path);
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd == -1)
        return false;
    written = write(fd, lines.bytes, lines.length) == (ssize_t)lines.length;
    close(fd);
    return written;
}

static bool end_message(struct session *session)
{
    static unsigned long number;
    char line[80];

    if (session->struck)
        return true;
    session->step = FAULT_END;
    if (is_struck(session, FAULT_END) && !session->options->fault.kind->says_reply)
        return strike(session, "250 2.0.0 taken");
    if (session->file != -1 && (close(session->file) != 0 || !write_envelope(session)))
        return false;
    event(session, "MESSAGE %" PRIu64 " %s", session->octets, session->path);
    session->file = -1;
    session->in_mail = false;
    snprintf(line, sizeof line, "250 2.0.0 queued as %ld-%lu", (long)getpid(), ++number);
    return reply(session, line);
}

/* Offset of the first dot that begins a line, or the length. */
static size_t find_dot(struct slice bytes, bool line_start)
{
    const char *end = bytes.bytes + bytes.length, *dot = bytes.bytes;

    if (bytes.length > 0 && line_start && *dot == '.')
        return 0;
    while (dot < end && (dot = memchr(dot + 1, '.', (size_t)(end - dot - 1))) != NULL)
        if (dot[-1] == '\n')
            return (size_t)(dot - bytes.bytes);
    return bytes.length;
}

/* Keeps what is read up to the final dot, with stuffed dots removed. */
static bool read_data(struct session *session)
{
    bool line_start = true;

    for (;;) {
        struct slice bytes = unread(session);
        size_t plain = find_dot(bytes, line_start);
        struct slice rest = slice_from(bytes, plain);

        if (!keep(session, slice_to(bytes, plain)))
            return false;
        if (plain > 0)
            line_start = bytes.bytes[plain - 1] == '\n';
        session->used += plain;
        if (rest.length >= 3 && memcmp(rest.bytes, ".\r\n", 3) == 0) {
            session->used += 3;
            return true;
        }
        if (rest.length >= 3) {
            session->used++;
            line_start = false;
        } else if (!receive(session)) {
            return false;
        }
    }
}

static bool on_data(struct session *session, struct slice rest)
{
    (void)rest;
    if (!session->in_mail || session->recipients == 0)
        return reply(session, "554 5.5.1 no valid recipients");
    session->step = FAULT_DATA;
    return open_message(session) && reply(session, "354 go ahead") && read_data(session) &&
           end_message(session);
}

static bool read_chunk(struct session *session, uint64_t octets, bool wanted)
{
    while (octets > 0) {
        struct slice bytes =
            slice_to(unread(session), octets < SIZE_MAX ? (size_t)octets : SIZE_MAX);

        if (wanted && !keep(session, bytes))
            return false;
        session->used += bytes.length;
        octets -= bytes.length;
        if (octets > 0 && !receive(session))
            return false;
    }
    return true;
}

static bool on_bdat(struct session *session, struct slice rest)
{
    struct slice number = {0}, last = {0};
    uint64_t octets;
    bool wanted = session->in_mail && session->recipients > 0, is_last;

    if (!slice_cut_word(&rest, &number) || !slice_parse_number(number, UINT64_MAX / 2, &octets))
        return false;
    is_last = slice_cut_word(&rest, &last) && slice_equals_nocase(last, slice_of("LAST"));
    if (wanted && !session->in_chunks && !open_message(session))
        return false;
    session->in_chunks = wanted && !is_last;
    if (!read_chunk(session, octets, wanted))
        return false;
    if (!wanted)
        return reply(session, "503 5.5.1 no valid recipients");
    return is_last ? end_message(session) : reply(session, "250 2.0.0 go on");
}

static bool on_reset(struct session *session, struct slice rest)
{
    (void)rest;
    session->in_mail = false;
    return reply(session, "250 2.0.0 forgotten");
}

static bool on_noop(struct session *session, struct slice rest)
{
    (void)rest;
    return reply(session, "250 2.0.0 nothing done");
}

static bool on_quit(struct session *session, struct slice rest)
{
    (void)rest;
    session->quit = true;
    session->step = FAULT_QUIT;
    reply(session, "221 2.0.0 goodbye");
    return flush(session);
}

static bool obey(struct session *session, struct slice line)
{
    static const struct {
        const char *verb;
        bool (*act)(struct session *session, struct slice rest);
    } commands[] = {
        {"EHLO ", on_hello},     {"STARTTLS", on_start_tls}, {"AUTH ", on_auth},
        {"MAIL FROM:", on_mail}, {"RCPT TO:", on_rcpt},      {"DATA", on_data},
        {"BDAT ", on_bdat},      {"RSET", on_reset},         {"NOOP", on_noop},
        {"QUIT", on_quit},
    };

    session->step = FAULT_NOWHERE;
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (slice_starts_nocase(line, commands[i].verb))
            return commands[i].act(session, slice_from(line, strlen(commands[i].verb)));
    return reply(session, "500 5.5.2 what?");
}

void session_serve(const struct session_options *options, int fd)
{
    struct session session = {.options = options, .file = -1};
    struct slice line;

    channel_open(&session.channel, fd);
    if (!options->implicit || start_tls(&session)) {
        session.step = FAULT_GREETING;
        reply(&session, "220 smarthost.example ESMTP");
        while (!session.quit && session.channel.fd != -1 && next_line(&session, &line))
            if (!obey(&session, line))
                break;
    }
    if (session.file != -1) {
        close(session.file);
        unlink(session.path);
    }
    channel_close(&session.channel);
    buffer_free(&session.input);
    buffer_free(&session.output);
    buffer_free(&session.envelope);
}

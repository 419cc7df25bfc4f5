/* What tests of -bs share: a session whose callbacks follow the addresses they are given and note
 * what was asked of them. To be included behind <cmocka.h>. */
#ifndef TESTS_SMTP_SERVED_H
#define TESTS_SMTP_SERVED_H

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "smtp/answer.h"
#include "smtp/server.h"

/* How the input comes: in one piece, in pieces of one byte, or else in two: the length of the
 * first. */
enum { SERVE_WHOLE = 0, SERVE_BYTES = -1 };

struct serve_options {
    bool open_fails;
    bool stays_open;    /* the caller says nothing more, and does not close */
    const char *leaves; /* the caller closes what he reads when this was said to him, and says the
                           second piece then */
    int64_t rest, idle;
};

struct served {
    const struct serve_options *options;
    struct buffer log, output; /* with NUL; the output without CR */
    struct error error;
    struct message message;
    char sender[100];
    bool busy; /* in a transaction */
};

static void served_note(struct served *served, const char *what)
{
    assert_true(buffer_add_string(&served->log, what));
}

static bool served_open(void *context, uint64_t *max_size, struct error *error)
{
    struct served *served = context;
    *max_size = 1000 * 1000;
    message_init(&served->message, NULL);
    return !served->options->open_fails || error_set(error, EX_CONFIG, "config.ini: line 3: what?");
}

static bool served_mail(void *context, const struct server_mail *mail, struct error *error)
{
    struct served *served = context;
    char bytes[1000];
    struct text line;
    text_init(&line, bytes, sizeof bytes);
    text_add_format(&line, "mail %s", mail->sender);
    if (mail->has_size)
        text_add_format(&line, " size=%llu", (unsigned long long)mail->size);
    text_add(&line, mail->eight_bit ? " 8bit" : "");
    text_add(&line, mail->smtputf8 ? " utf8" : "");
    if (mail->returned != DSN_RETURN_UNSET)
        text_add_format(&line, " ret=%d", (int)mail->returned);
    if (mail->id != NULL)
        text_add_format(&line, " id=%s", mail->id);
    text_add(&line, ";");
    served_note(served, bytes);
    served->busy = true;
    text_copy(served->sender, sizeof served->sender, mail->sender);
    return strcmp(mail->sender, "denied@x") != 0 ||
           error_set_permanent(error, EX_NOPERM, "sender: not yours");
}

static bool served_rcpt(void *context, const struct server_rcpt *rcpt, struct text *words,
                        struct error *error)
{
    struct served *served = context;
    char bytes[1000];
    struct text line;
    text_init(&line, bytes, sizeof bytes);
    text_add_format(&line, "rcpt %s", rcpt->address);
    if (rcpt->notify != 0)
        text_add_format(&line, " notify=%d", rcpt->notify);
    if (rcpt->original != NULL)
        text_add_format(&line, " original=%s", rcpt->original);
    text_add(&line, ";");
    served_note(served, bytes);
    if (strcmp(rcpt->address, "words@x") == 0)
        text_add(words, "250-2.1.99 words@x,\r\nwhy not");
    return strncmp(rcpt->address, "refused@", 8) != 0 ||
           answer_refuse(error, 550, "5.1.1", "550 5.1.1 no such user");
}

static struct message *served_message(void *context, struct error *error)
{
    struct served *served = context;
    served_note(served, "message;");
    if (strcmp(served->sender, "nodisk@x") != 0)
        return &served->message;
    error_set(error, EX_CANTCREAT, "message: cannot be kept");
    return NULL;
}

static void served_note_stretch(struct served *served, struct message *message,
                                struct extent extent)
{
    char *bytes = malloc(extent.length + 1);
    struct error error;
    assert_non_null(bytes);
    assert_true(store_read(&message->store, extent.offset, bytes, extent.length, &error));
    served_note(served, "[");
    /* A large one is none that anybody would compare. */
    for (size_t i = 0; i < extent.length && extent.length < 1000; i++)
        served_note(served, bytes[i] == '\0' ? "\\0" : (char[]){bytes[i], '\0'});
    served_note(served, "]");
    free(bytes);
}

static bool served_deliver(void *context, struct message *message, struct text *words,
                           struct error *error)
{
    struct served *served = context;
    served_note(served, "deliver ");
    served_note_stretch(served, message, message->header);
    served_note_stretch(served, message, message->body);
    served_note(served, ";");
    if (strcmp(served->sender, "queued@x") == 0)
        text_add(words, "250 2.6.0 queued as ABC");
    return strcmp(served->sender, "fails@x") != 0 ||
           answer_refuse(error, 554, "5.7.1", "this is spam");
}

static void served_reset(void *context)
{
    struct served *served = context;
    if (served->busy)
        served_note(served, "reset;");
    served->busy = false;
    message_free(&served->message);
}

static void served_rest(void *context)
{
    served_note(context, "rest;");
}

/* The other side of the descriptors. */
struct caller_side {
    const struct serve_options *options;
    struct slice input;
    int how;
    int says, hears; /* descriptors; -1: nothing is heard */
};

static void say_pieces(const struct caller_side *side, struct slice rest)
{
    while (rest.length > 0) {
        size_t size = side->how == SERVE_BYTES ? 1 : rest.length;
        if (send(side->says, rest.bytes, size, MSG_NOSIGNAL) != (ssize_t)size)
            return;
        rest = slice_from(rest, size);
    }
}

static void *run_caller(void *argument)
{
    struct caller_side *side = argument;
    size_t first = side->how > 0 ? (size_t)side->how : 0;
    char heard[1000] = "";
    size_t length = 0;
    if (first > 0)
        say_pieces(side, slice_to(side->input, first));
    while (side->hears >= 0 && strstr(heard, side->options->leaves) == NULL) {
        ssize_t count = read(side->hears, heard + length, sizeof heard - 1 - length);
        if (count <= 0)
            break;
        length += (size_t)count;
        heard[length] = '\0';
    }
    if (side->hears >= 0)
        close(side->hears);
    say_pieces(side, slice_from(side->input, first));
    if (!side->options->stays_open)
        shutdown(side->says, SHUT_WR);
    return NULL;
}

/* Each line is a reply, and legal. */
static void assert_legal(struct slice output)
{
    struct slice line;
    assert_true(output.length == 0 || output.bytes[output.length - 1] == '\n');
    while (slice_cut(&output, '\n', &line)) {
        assert_true(line.length >= 5 && line.length < 512);
        assert_true(line.bytes[0] >= '2' && line.bytes[0] <= '5');
        assert_true(line.bytes[3] == ' ' || line.bytes[3] == '-');
        assert_int_equal(line.bytes[line.length - 1], '\r');
        for (size_t i = 0; i < line.length - 1; i++)
            assert_true(line.bytes[i] >= ' ' && line.bytes[i] < 0x7f);
    }
}

static void collect_output(struct served *served, int fd)
{
    char bytes[4096];
    ssize_t count;
    struct buffer raw = {0};
    while ((count = pread(fd, bytes, sizeof bytes, (off_t)raw.length)) > 0)
        assert_true(buffer_add(&raw, slice_make(bytes, (size_t)count)));
    assert_legal(buffer_slice(&raw));
    for (size_t i = 0; i < raw.length; i++)
        if (raw.bytes[i] != '\r')
            buffer_add_byte(&served->output, raw.bytes[i]);
    buffer_free(&raw);
}

static void run_session(struct served *served, int input, int output)
{
    struct server_callbacks callbacks = {.context = served,
                                         .open = served_open,
                                         .mail = served_mail,
                                         .rcpt = served_rcpt,
                                         .message = served_message,
                                         .deliver = served_deliver,
                                         .reset = served_reset,
                                         .rest = served_rest};
    struct server_options options = {.input = input,
                                     .output = output,
                                     .host = "here.example",
                                     .version = "0.1",
                                     .rest = served->options->rest,
                                     .idle = served->options->idle};
    bool good = server_run(&options, &callbacks, &served->error);
    assert_int_equal(good, served->error.exit_code == EX_OK);
    assert_false(served->busy);
}

static void serve_options(struct served *served, struct slice input, int how,
                          const struct serve_options *options)
{
    struct caller_side side = {.options = options, .input = input, .how = how, .hears = -1};
    int says[2], hears[2] = {-1, -1}, output = memfd_create("output", MFD_CLOEXEC);
    pthread_t thread;
    *served = (struct served){.options = options};
    assert_true(output >= 0);
    /* Packets: each is a piece of its own to the reader. */
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, says), 0);
    assert_int_equal(options->leaves != NULL ? pipe(hears) : 0, 0);
    side.says = says[0];
    side.hears = hears[0];
    assert_int_equal(pthread_create(&thread, NULL, run_caller, &side), 0);
    run_session(served, says[1], options->leaves != NULL ? hears[1] : output);
    close(says[1]);
    assert_int_equal(pthread_join(thread, NULL), 0);
    close(says[0]);
    if (options->leaves != NULL)
        close(hears[1]);
    collect_output(served, output);
    close(output);
}

/* Serves what is in `input` and closes it. */
static void serve_descriptor(struct served *served, int input)
{
    static const struct serve_options none;
    int output = memfd_create("output", MFD_CLOEXEC);
    *served = (struct served){.options = &none};
    assert_true(output >= 0);
    run_session(served, input, output);
    collect_output(served, output);
    close(input);
    close(output);
}

static void serve(struct served *served, struct slice input, int how)
{
    static const struct serve_options none;
    if (how != SERVE_WHOLE) {
        serve_options(served, input, how, &none);
        return;
    }
    int fd = memfd_create("input", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, input.bytes, input.length), input.length);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    serve_descriptor(served, fd);
}

static const char *served_string(struct buffer *buffer)
{
    if (buffer->length == 0 || buffer->bytes[buffer->length - 1] != '\0')
        assert_true(buffer_add_byte(buffer, '\0'));
    return buffer->bytes;
}

static const char *served_output(struct served *served)
{
    return served_string(&served->output);
}

static const char *served_log(struct served *served)
{
    return served_string(&served->log);
}

static void served_free(struct served *served)
{
    buffer_free(&served->log);
    buffer_free(&served->output);
    message_free(&served->message);
}

#endif

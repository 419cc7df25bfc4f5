/* Property: whatever a local caller says, he gets legal replies, and a message is delivered only
 * when MAIL and a recipient were taken and all of it was framed; and however his input is cut into
 * pieces, all is the same. The first octet says which callbacks fail. */
#include "tests/fuzz/fuzz.h"

#include <sys/socket.h>

#include "message/wire.h"
#include "smtp/server.h"

enum { MAX_SIZE = 4096, PIECE_LIMIT = 16 * 1024 };

struct record {
    unsigned char failing;
    struct slice input;
    struct buffer log, output;
    struct message message;
    bool mail, message_given;
    unsigned recipients, calls;
    struct error error;
};

/* Fails every now and then, in the same way each time. */
static bool decide(struct record *record, unsigned bit, struct error *error)
{
    bool fails = (record->failing & (1U << bit)) != 0 && ++record->calls % 3 != 0;
    if (!fails)
        return true;
    error_set(error, EX_UNAVAILABLE, "no\nt now");
    error->permanent = record->calls % 2 == 0;
    error->reply_code = (int)(record->calls % 7) * 100 + 21;
    return false;
}

static bool do_open(void *context, uint64_t *max_size, struct error *error)
{
    struct record *record = context;
    (void)error;
    *max_size = MAX_SIZE;
    message_init(&record->message, NULL);
    return true;
}

static bool do_mail(void *context, const struct server_mail *mail, struct error *error)
{
    struct record *record = context;
    demand(!record->mail && strlen(mail->sender) < CALLER_LINE_LIMIT);
    demand(mail->size <= MAX_SIZE && (mail->id == NULL || mail->id[0] != '\0'));
    buffer_add_string(&record->log, mail->sender);
    return record->mail = decide(record, 0, error);
}

static bool do_rcpt(void *context, const struct server_rcpt *rcpt, struct text *words,
                    struct error *error)
{
    struct record *record = context;
    demand(record->mail && !record->message_given && rcpt->address[0] != '\0');
    buffer_add_string(&record->log, rcpt->address);
    text_add(words, rcpt->address);
    if (!decide(record, 1, error))
        return false;
    record->recipients++;
    return true;
}

static struct message *do_message(void *context, struct error *error)
{
    struct record *record = context;
    demand(record->mail && record->recipients > 0 && !record->message_given);
    record->message_given = true;
    return decide(record, 2, error) ? &record->message : NULL;
}

/* This body and the line end behind the final dot, in a session of CRLF and of LF alone. */
static void collect_body(struct message *message, struct buffer *crlf, struct buffer *lf)
{
    struct error error;
    struct wire wire;
    struct slice octets = {0};
    struct buffer all = {0};
    wire_open(&wire, message, false);
    do {
        demand(wire_next(&wire, &octets, &error));
        demand(buffer_add(&all, octets));
    } while (octets.length > 0);
    wire_close(&wire);
    buffer_add_string(&all, "\r\n");
    struct slice body = slice_from(buffer_slice(&all), message->header.length + 2);
    buffer_add(crlf, body);
    for (size_t i = 0; i < body.length; i++)
        if (body.bytes[i] != '\r')
            buffer_add_byte(lf, body.bytes[i]);
    buffer_free(&all);
}

/* Without the dots at the start of lines, which carry no content. */
static void remove_dots(struct slice input, struct buffer *out)
{
    for (size_t i = 0; i < input.length; i++)
        if (input.bytes[i] != '.' || i == 0 || input.bytes[i - 1] != '\n')
            buffer_add_byte(out, input.bytes[i]);
}

static bool contains(struct slice input, struct slice part)
{
    return part.length == 0 || memmem(input.bytes, input.length, part.bytes, part.length) != NULL;
}

static bool has_chunks(struct slice input)
{
    for (; input.length >= 4; input = slice_from(input, 1))
        if (slice_starts_nocase(input, "BDAT"))
            return true;
    return false;
}

static bool do_deliver(void *context, struct message *message, struct text *words,
                       struct error *error)
{
    struct record *record = context;
    struct buffer crlf = {0}, lf = {0}, input = {0};
    demand(record->mail && record->recipients > 0 && record->message_given);
    demand(message == &record->message && message_size(message) <= MAX_SIZE);
    collect_body(message, &crlf, &lf);
    remove_dots(record->input, &input);
    demand(has_chunks(record->input) || contains(buffer_slice(&input), buffer_slice(&crlf)) ||
           contains(buffer_slice(&input), buffer_slice(&lf)));
    buffer_free(&input);
    buffer_add(&record->log, buffer_slice(&crlf));
    text_add_slice(words, buffer_slice(&lf));
    buffer_free(&crlf);
    buffer_free(&lf);
    return decide(record, 3, error);
}

static void do_reset(void *context)
{
    struct record *record = context;
    record->mail = record->message_given = false;
    record->recipients = 0;
    message_free(&record->message);
    buffer_add_string(&record->log, ";");
}

static void do_rest(void *context)
{
    (void)context;
}

static void check_replies(struct slice output)
{
    struct slice line;
    demand(output.length > 0 && output.bytes[output.length - 1] == '\n');
    while (slice_cut(&output, '\n', &line)) {
        demand(line.length >= 5 && line.length < 512 && line.bytes[line.length - 1] == '\r');
        for (size_t i = 0; i < 3; i++)
            demand(line.bytes[i] >= '0' && line.bytes[i] <= '9');
        demand(line.bytes[0] >= '2' && line.bytes[0] <= '5');
        demand(line.bytes[3] == ' ' || (line.bytes[3] == '-' && output.length > 0));
        for (size_t i = 0; i < line.length - 1; i++)
            demand(line.bytes[i] >= ' ' && line.bytes[i] < 0x7f);
    }
}

static void run(struct record *record, int input)
{
    struct server_callbacks callbacks = {.context = record,
                                         .open = do_open,
                                         .mail = do_mail,
                                         .rcpt = do_rcpt,
                                         .message = do_message,
                                         .deliver = do_deliver,
                                         .reset = do_reset,
                                         .rest = do_rest};
    int output = memfd_create("output", MFD_CLOEXEC);
    struct server_options options = {
        .input = input, .output = output, .host = "localhost", .version = "1"};
    char bytes[4096];
    ssize_t count;
    demand(output >= 0);
    server_run(&options, &callbacks, &record->error);
    demand(!record->mail);
    while ((count = pread(output, bytes, sizeof bytes, (off_t)record->output.length)) > 0)
        buffer_add(&record->output, slice_make(bytes, (size_t)count));
    check_replies(buffer_slice(&record->output));
    message_free(&record->message);
    close(output);
    close(input);
}

static void run_whole(struct record *record)
{
    int fd = memfd_create("input", MFD_CLOEXEC);
    demand(fd >= 0 &&
           write(fd, record->input.bytes, record->input.length) == (ssize_t)record->input.length);
    demand(lseek(fd, 0, SEEK_SET) == 0);
    run(record, fd);
}

/* In two pieces: packets are read one by one. */
static void run_cut(struct record *record, size_t first)
{
    struct slice rest = slice_from(record->input, first);
    int ends[2];
    demand(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) == 0);
    demand(send(ends[0], record->input.bytes, first, 0) == (ssize_t)first);
    demand(rest.length == 0 || send(ends[0], rest.bytes, rest.length, 0) == (ssize_t)rest.length);
    close(ends[0]);
    run(record, ends[1]);
}

static void forget(struct record *record)
{
    buffer_free(&record->log);
    buffer_free(&record->output);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (size < 3 || size > PIECE_LIMIT)
        return 0;
    struct slice input = slice_make((const char *)bytes + 2, size - 2);
    struct record whole = {.failing = bytes[0] & 15, .input = input}, cut = whole;
    run_whole(&whole);
    run_cut(&cut, 1 + bytes[1] * (input.length - 1) / 255);
    demand(slice_equals(buffer_slice(&whole.log), buffer_slice(&cut.log)));
    demand(slice_equals(buffer_slice(&whole.output), buffer_slice(&cut.output)));
    demand(whole.error.exit_code == cut.error.exit_code);
    forget(&whole);
    forget(&cut);
    return 0;
}

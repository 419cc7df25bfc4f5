/* Reading the message a caller writes (RFC 5322 section 2.1, RFC 4155 for the mbox line).
 *
 * The bytes go through two stages, a block at a time: the fold (CR*LF becomes LF, so that every CR
 * left is a bare one), and the steps over lines, which tell header from body and end every line in
 * CRLF. An input without any LF must be known for one before its first line is judged, so all is
 * kept until an LF was seen, and replayed then.
 *
 * Invariants: what the message's store and `out` hold is in canonical form but for the line begun,
 * of which they have the first `line_length` octets. Into what pieces the input is cut makes no
 * difference. */
#include "message/input.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/process.h"
#include "message/field.h"

enum {
    BLOCK_SIZE = 64 * 1024,
    REPLAY_SIZE = 8 * 1024, /* on the stack, where a block of what is read stands already */
    LINE_END = 2,
    LONE_DOT = 3
};

/* In the order in which a message passes through them. */
enum place {
    AT_FIRST_LINE, /* nothing judged yet */
    AT_LINE,       /* before a line of the header */
    IN_FIELD,      /* in a line of the header */
    IN_SEPARATOR,  /* in the mbox line */
    IN_BODY,
    AT_END /* behind the lone dot */
};

struct input {
    struct message *message;
    struct input_options options;
    struct error failure; /* the first one; EX_OK: none so far */

    struct store ahead; /* all that came, until an LF was seen */
    bool has_feed;      /* an LF was seen */
    struct slice raw;   /* of what was handed in, the rest that is not folded */
    uint64_t held;      /* CRs that came before `raw`, not known yet to be bare */
    char bare;          /* what a bare CR becomes: LF once in the body */
    bool folded_all;    /* nothing comes any more behind `folded` */
    enum place place;
    uint64_t line_length; /* octets of the line begun */
    char line_first;      /* the first of them */
    bool last_is_dot;     /* the last line ended was a lone dot */
    size_t start, end;    /* of what is not yet consumed in `folded` */
    size_t out_length;
    char folded[BLOCK_SIZE];
    char out[2 * BLOCK_SIZE + LINE_END]; /* a block of nothing but LF doubles */
};

static void replace(char *bytes, size_t length, char from, char to)
{
    char *end = bytes + length;

    while ((bytes = memchr(bytes, from, (size_t)(end - bytes))) != NULL)
        *bytes++ = to;
}

static bool check_size(const struct input *input, uint64_t size, struct error *error)
{
    return message_check_size(size, input->options.max_size, error);
}

/* --- the fold -------------------------------------------------------------------------------- */

/* Decides about the CRs held: dropped before an LF, bare before anything else. */
static void release_held(struct input *input)
{
    size_t room = BLOCK_SIZE - input->end;
    bool line_end = input->raw.length > 0 && input->raw.bytes[0] == '\n';
    size_t count = input->held < room ? (size_t)input->held : room;

    if (line_end) {
        input->held = 0;
        return;
    }
    memset(input->folded + input->end, input->bare, count);
    input->end += count;
    input->held -= count;
}

/* Moves bytes from `raw` to `folded` while there is room. */
static void fold_block(struct input *input)
{
    while (input->raw.length > 0 && input->end < BLOCK_SIZE) {
        size_t room = BLOCK_SIZE - input->end, run;

        if (input->raw.bytes[0] == '\r') {
            input->held++;
            input->raw = slice_from(input->raw, 1);
            continue;
        }
        if (input->held > 0) {
            release_held(input);
            continue;
        }
        run = slice_find(slice_to(input->raw, room), '\r');
        memcpy(input->folded + input->end, input->raw.bytes, run);
        input->end += run;
        input->raw = slice_from(input->raw, run);
    }
}

static void make_room(struct input *input)
{
    memmove(input->folded, input->folded + input->start, input->end - input->start);
    input->end -= input->start;
    input->start = 0;
}

/* --- the lines ------------------------------------------------------------------------------- */

static uint64_t position(const struct input *input)
{
    return store_size(&input->message->store) + input->out_length;
}

static void end_line(struct input *input)
{
    memcpy(input->out + input->out_length, "\r\n", LINE_END);
    input->out_length += LINE_END;
    input->last_is_dot = input->line_length == 1 && input->line_first == '.';
    if (input->place == IN_BODY && input->line_length > input->message->body_longest_line)
        input->message->body_longest_line = (size_t)input->line_length;
    input->line_length = 0;
}

/* Copies up to and with the next line end; false when there is none, and all was copied. */
static bool copy_line(struct input *input)
{
    const char *start = input->folded + input->start;
    size_t left = input->end - input->start;
    const char *feed = memchr(start, '\n', left);
    size_t run = feed != NULL ? (size_t)(feed - start) : left;

    if (input->line_length == 0)
        input->line_first = *start;
    memcpy(input->out + input->out_length, start, run);
    input->out_length += run;
    input->line_length += run;
    input->start += feed != NULL ? run + 1 : run;
    if (feed != NULL)
        end_line(input);
    return feed != NULL;
}

static enum place step_body(struct input *input)
{
    struct message *message = input->message;
    struct slice block = slice_make(input->folded + input->start, input->end - input->start);

    message->body_8bit = message->body_8bit || slice_has_8bit(block);
    message->body_nul = message->body_nul || slice_find(block, '\0') < block.length;
    while (input->start < input->end && copy_line(input))
        if (input->last_is_dot && input->options.dot_ends)
            return AT_END;
    return IN_BODY;
}

static enum place start_body(struct input *input)
{
    input->message->header.length = position(input);
    input->message->body.offset = position(input);
    input->bare = '\n';
    replace(input->folded + input->start, input->end - input->start, '\r', '\n');
    return IN_BODY;
}

static enum place step_field(struct input *input)
{
    char *start = input->folded + input->start;
    size_t line = slice_find(slice_make(start, input->end - input->start), '\n');
    struct message *message = input->message;

    replace(start, line, '\r', ' ');
    message->header_8bit = message->header_8bit || slice_has_8bit(slice_make(start, line));
    return copy_line(input) ? AT_LINE : IN_FIELD;
}

static enum place step_separator(struct input *input)
{
    size_t left = input->end - input->start;
    size_t line = slice_find(slice_make(input->folded + input->start, left), '\n');

    input->start += line < left ? line + 1 : line;
    return line < left ? AT_LINE : IN_SEPARATOR;
}

static bool is_separator(struct slice line)
{
    static const char start[] = "From ";
    enum { LENGTH = sizeof start - 1 };

    return line.length > LENGTH && memcmp(line.bytes, start, LENGTH) == 0 &&
           line.bytes[LENGTH] != '\n';
}

/* Judges the line that starts here. */
static enum place step_line(struct input *input)
{
    struct slice line = slice_make(input->folded + input->start, input->end - input->start);
    struct slice name, value;
    char first = line.bytes[0];

    if (first == '\n') {
        input->start++;
        return start_body(input);
    }
    if (field_split(line, &name, &value))
        return IN_FIELD;
    if (input->place == AT_FIRST_LINE && is_separator(line))
        return IN_SEPARATOR;
    /* What the store holds so far are fields. */
    if (position(input) > 0 && (first == ' ' || first == '\t' || first == '\r'))
        return IN_FIELD;
    return start_body(input);
}

/* Whether enough of the line is there to judge it. */
static bool has_line_start(const struct input *input)
{
    const char *start = input->folded + input->start;
    size_t left = input->end - input->start;

    return input->folded_all || left > FIELD_NAME_LIMIT || memchr(start, '\n', left) != NULL;
}

/* Takes all it can from `folded`. */
static void take_block(struct input *input)
{
    while (input->start < input->end) {
        switch (input->place) {
        case AT_FIRST_LINE:
        case AT_LINE:
            if (!has_line_start(input))
                return;
            input->place = step_line(input);
            break;
        case IN_FIELD:
            input->place = step_field(input);
            break;
        case IN_SEPARATOR:
            input->place = step_separator(input);
            break;
        case IN_BODY:
            input->place = step_body(input);
            break;
        case AT_END:
            return;
        }
    }
}

/* Hands `out` to the store and holds the message against its limits. */
static bool store_block(struct input *input, struct error *error)
{
    struct message *message = input->message;
    uint64_t header = input->place < IN_BODY ? position(input) : message->header.length;

    if (header > INPUT_HEADER_LIMIT)
        return error_set_permanent(error, EX_DATAERR, "message: its header is larger than %d MiB",
                                   INPUT_HEADER_LIMIT / (1024 * 1024));
    /* A last lone dot may yet be dropped. */
    if (position(input) > LONE_DOT && !check_size(input, position(input) - LONE_DOT, error))
        return false;
    if (!store_append(&message->store, slice_make(input->out, input->out_length), error))
        return false;
    input->out_length = 0;
    return true;
}

/* Completes the last line and sets the stretches. */
static bool finish(struct input *input, struct error *error)
{
    struct message *message = input->message;

    if (input->line_length > 0)
        end_line(input);
    if (!store_block(input, error))
        return false;
    if (input->place < IN_BODY)
        start_body(input);
    message->body.length = position(input) - message->body.offset;
    if (input->last_is_dot && (input->options.dot_ends || input->options.drop_last_dot))
        message->body.length -= LONE_DOT;
    return check_size(input, message_size(message), error);
}

/* --- the pieces ------------------------------------------------------------------------------ */

static bool take(struct input *input, struct slice bytes, struct error *error)
{
    input->raw = bytes;
    while (input->raw.length > 0 && input->place != AT_END) {
        make_room(input);
        fold_block(input);
        take_block(input);
        if (!store_block(input, error))
            return false;
    }
    return true;
}

/* Takes what was kept, when it is known whether there is an LF. */
static bool replay(struct input *input, struct error *error)
{
    char block[REPLAY_SIZE];
    uint64_t size = store_size(&input->ahead);
    bool good = true;

    for (uint64_t used = 0; good && used < size;) {
        size_t length = size - used < REPLAY_SIZE ? (size_t)(size - used) : REPLAY_SIZE;

        good = store_read(&input->ahead, used, block, length, error);
        if (good && !input->has_feed)
            replace(block, length, '\r', '\n');
        good = good && take(input, slice_make(block, length), error);
        used += length;
    }
    store_free(&input->ahead);
    return good;
}

static bool add(struct input *input, struct slice bytes, struct error *error)
{
    size_t line;
    uint64_t first_line;

    if (input->has_feed)
        return take(input, bytes, error);
    line = slice_find(bytes, '\n');
    first_line = store_size(&input->ahead) + line;
    /* A first line without end must not fill the disk; some of it may yet be dropped. */
    if (first_line > BLOCK_SIZE && !check_size(input, first_line - BLOCK_SIZE, error))
        return false;
    input->has_feed = line < bytes.length;
    if (!input->has_feed)
        return store_append(&input->ahead, bytes, error);
    return replay(input, error) && take(input, bytes, error);
}

static bool end(struct input *input, struct error *error)
{
    if (!input->has_feed && !replay(input, error))
        return false;
    while (input->place != AT_END && !(input->folded_all && input->start == input->end)) {
        make_room(input);
        release_held(input);
        input->folded_all = input->held == 0;
        take_block(input);
        if (!store_block(input, error))
            return false;
    }
    return finish(input, error);
}

static bool report(const struct input *input, struct error *error)
{
    if (input->failure.exit_code == EX_OK)
        return true;
    *error = input->failure;
    return false;
}

struct input *input_open(struct message *message, const struct input_options *options,
                         struct error *error)
{
    struct input *input = calloc(1, sizeof *input);

    if (input == NULL) {
        error_set_memory(error);
        return NULL;
    }
    input->message = message;
    input->options = *options;
    input->bare = '\r';
    store_init(&input->ahead, message->store.directory);
    return input;
}

bool input_add(struct input *input, struct slice bytes, struct error *error)
{
    if (input->failure.exit_code == EX_OK && input->place != AT_END)
        add(input, bytes, &input->failure);
    return report(input, error);
}

bool input_is_over(const struct input *input)
{
    return input->place == AT_END;
}

bool input_end(struct input *input, struct error *error)
{
    bool good;

    if (input->failure.exit_code == EX_OK)
        end(input, &input->failure);
    good = report(input, error);
    input_abandon(input);
    return good;
}

void input_abandon(struct input *input)
{
    if (input == NULL)
        return;
    store_free(&input->ahead);
    free(input);
}

/* --- a descriptor ---------------------------------------------------------------------------- */

/* The bytes read, 0 at the end, -1 on failure. */
static ssize_t read_block(int fd, char *block, struct error *error)
{
    for (;;) {
        ssize_t count = read(fd, block, BLOCK_SIZE);
        struct pollfd wait = {.fd = fd, .events = POLLIN};

        if (count >= 0)
            return count;
        if (errno == EAGAIN && poll(&wait, 1, -1) >= 0)
            continue;
        if (errno != EINTR) {
            error_set_errno(error, EX_NOINPUT, "message: cannot be read");
            return -1;
        }
    }
}

static bool read_all(struct input *input, int fd, struct error *error)
{
    char block[BLOCK_SIZE];
    ssize_t count = 1;

    while (count > 0 && !input_is_over(input)) {
        count = read_block(fd, block, error);
        if (count < 0 || !input_add(input, slice_make(block, (size_t)count), error))
            return false;
    }
    return true;
}

bool input_read(struct message *message, int fd, const struct input_options *options,
                struct error *error)
{
    struct input *input = input_open(message, options, error);
    bool good = input != NULL && read_all(input, fd, error);

    if (good)
        good = input_end(input, error);
    else
        input_abandon(input);
    if (!good)
        process_drain(fd);
    return good;
}

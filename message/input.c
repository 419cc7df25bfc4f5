/* Reading the message a caller writes (RFC 5322 section 2.1, RFC 4155 for the mbox line).
 *
 * The bytes go through three stages, a block at a time: the source (what was read ahead, then the
 * descriptor), the fold (CR*LF becomes LF, so that every CR left is a bare one), and the steps over
 * lines, which tell header from body and end every line in CRLF. An input without any LF must be
 * known for one before its first line is judged, so the source reads ahead until it has seen one.
 *
 * Invariant: what the message's store and `out` hold is in canonical form but for the line begun,
 * of which they have the first `line_length` octets. */
#include "message/input.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/process.h"
#include "message/field.h"

enum { BLOCK_SIZE = 64 * 1024, LINE_END = 2, LONE_DOT = 3 };

/* In the order in which a message passes through them. */
enum place {
    AT_FIRST_LINE, /* nothing judged yet */
    AT_LINE,       /* before a line of the header */
    IN_FIELD,      /* in a line of the header */
    IN_SEPARATOR,  /* in the mbox line */
    IN_BODY,
    AT_END /* behind the lone dot */
};

struct reading {
    struct message *message;
    const struct input_options *options;

    int fd;
    bool drained;        /* the descriptor is at its end */
    struct store ahead;  /* read ahead, all up to the block with the first LF */
    uint64_t ahead_used; /* bytes of it behind us */
    bool only_carriage;  /* there is no LF: CR is the line end */
    uint64_t held;       /* CRs that came before `raw`, not known yet to be bare */
    char bare;           /* what a bare CR becomes: LF once in the body */
    bool folded_all;     /* nothing comes any more behind `folded` */
    enum place place;
    uint64_t line_length; /* octets of the line begun */
    char line_first;      /* the first of them */
    bool last_is_dot;     /* the last line ended was a lone dot */
    size_t raw_used, raw_length;
    size_t start, end; /* of what is not yet consumed in `folded` */
    size_t out_length;
    char raw[BLOCK_SIZE];
    char folded[BLOCK_SIZE];
    char out[2 * BLOCK_SIZE + LINE_END]; /* a block of nothing but LF doubles */
};

static void replace(char *bytes, size_t length, char from, char to)
{
    char *end = bytes + length;

    while ((bytes = memchr(bytes, from, (size_t)(end - bytes))) != NULL)
        *bytes++ = to;
}

/* The source */

static bool read_block(struct reading *reading, struct error *error)
{
    for (;;) {
        ssize_t count = read(reading->fd, reading->raw, BLOCK_SIZE);
        struct pollfd wait = {.fd = reading->fd, .events = POLLIN};

        if (count >= 0) {
            reading->drained = count == 0;
            reading->raw_length = (size_t)count;
            return true;
        }
        if (errno == EAGAIN && poll(&wait, 1, -1) >= 0)
            continue;
        if (errno != EINTR)
            return error_set_errno(error, EX_NOINPUT, "message: cannot be read");
    }
}

static bool check_size(const struct reading *reading, uint64_t size, struct error *error)
{
    return message_check_size(size, reading->options->max_size, error);
}

/* Reads until an LF was seen or the input ended. */
static bool read_ahead(struct reading *reading, struct error *error)
{
    struct slice block;

    do {
        if (!read_block(reading, error))
            return false;
        block = slice_make(reading->raw, reading->raw_length);
        if (!store_append(&reading->ahead, block, error))
            return false;
        /* A first line without end must not fill the disk. */
        if (!check_size(reading, store_size(&reading->ahead) - block.length, error))
            return false;
        reading->only_carriage = slice_find(block, '\n') == block.length;
    } while (reading->only_carriage && !reading->drained);
    reading->raw_length = 0;
    return true;
}

/* Puts the next block into `raw`; an empty one is the end. */
static bool next_block(struct reading *reading, struct error *error)
{
    uint64_t left = store_size(&reading->ahead) - reading->ahead_used;

    reading->raw_used = 0;
    reading->raw_length = left < BLOCK_SIZE ? (size_t)left : BLOCK_SIZE;
    if (left == 0)
        return reading->drained || read_block(reading, error);
    if (!store_read(&reading->ahead, reading->ahead_used, reading->raw, reading->raw_length, error))
        return false;
    reading->ahead_used += reading->raw_length;
    if (reading->only_carriage)
        replace(reading->raw, reading->raw_length, '\r', '\n');
    return true;
}

/* The fold */

/* Decides about the CRs held: dropped before an LF, bare before anything else. */
static void release_held(struct reading *reading)
{
    size_t room = BLOCK_SIZE - reading->end;
    bool line_end =
        reading->raw_used < reading->raw_length && reading->raw[reading->raw_used] == '\n';
    size_t count = reading->held < room ? (size_t)reading->held : room;

    if (line_end) {
        reading->held = 0;
        return;
    }
    memset(reading->folded + reading->end, reading->bare, count);
    reading->end += count;
    reading->held -= count;
}

/* Moves bytes from `raw` to `folded` while there is room. */
static void fold_block(struct reading *reading)
{
    while (reading->raw_used < reading->raw_length && reading->end < BLOCK_SIZE) {
        const char *start = reading->raw + reading->raw_used;
        size_t room = BLOCK_SIZE - reading->end, left = reading->raw_length - reading->raw_used;
        size_t run;

        if (*start == '\r') {
            reading->held++;
            reading->raw_used++;
            continue;
        }
        if (reading->held > 0) {
            release_held(reading);
            continue;
        }
        run = slice_find(slice_make(start, left < room ? left : room), '\r');
        memcpy(reading->folded + reading->end, start, run);
        reading->end += run;
        reading->raw_used += run;
    }
}

/* Adds at least one byte to `folded`, unless the input ends; false on failure. */
static bool fill(struct reading *reading, struct error *error)
{
    size_t before;

    memmove(reading->folded, reading->folded + reading->start, reading->end - reading->start);
    reading->end -= reading->start;
    reading->start = 0;
    for (before = reading->end; reading->end == before && !reading->folded_all;) {
        if (reading->raw_used == reading->raw_length && !next_block(reading, error))
            return false;
        fold_block(reading);
        if (reading->raw_length == 0) {
            release_held(reading);
            reading->folded_all = reading->held == 0;
        }
    }
    return true;
}

/* The lines */

static uint64_t position(const struct reading *reading)
{
    return store_size(&reading->message->store) + reading->out_length;
}

static void end_line(struct reading *reading)
{
    memcpy(reading->out + reading->out_length, "\r\n", LINE_END);
    reading->out_length += LINE_END;
    reading->last_is_dot = reading->line_length == 1 && reading->line_first == '.';
    if (reading->place == IN_BODY && reading->line_length > reading->message->body_longest_line)
        reading->message->body_longest_line = (size_t)reading->line_length;
    reading->line_length = 0;
}

/* Copies up to and with the next line end; false when there is none, and all was copied. */
static bool copy_line(struct reading *reading)
{
    const char *start = reading->folded + reading->start;
    size_t left = reading->end - reading->start;
    const char *feed = memchr(start, '\n', left);
    size_t run = feed != NULL ? (size_t)(feed - start) : left;

    if (reading->line_length == 0)
        reading->line_first = *start;
    memcpy(reading->out + reading->out_length, start, run);
    reading->out_length += run;
    reading->line_length += run;
    reading->start += feed != NULL ? run + 1 : run;
    if (feed != NULL)
        end_line(reading);
    return feed != NULL;
}

static enum place step_body(struct reading *reading)
{
    struct message *message = reading->message;
    struct slice block =
        slice_make(reading->folded + reading->start, reading->end - reading->start);

    message->body_8bit = message->body_8bit || slice_has_8bit(block);
    message->body_nul = message->body_nul || slice_find(block, '\0') < block.length;
    while (reading->start < reading->end && copy_line(reading))
        if (reading->last_is_dot && reading->options->dot_ends)
            return AT_END;
    return IN_BODY;
}

static enum place start_body(struct reading *reading)
{
    reading->message->header.length = position(reading);
    reading->message->body.offset = position(reading);
    reading->bare = '\n';
    replace(reading->folded + reading->start, reading->end - reading->start, '\r', '\n');
    return IN_BODY;
}

static enum place step_field(struct reading *reading)
{
    char *start = reading->folded + reading->start;
    size_t line = slice_find(slice_make(start, reading->end - reading->start), '\n');
    struct message *message = reading->message;

    replace(start, line, '\r', ' ');
    message->header_8bit = message->header_8bit || slice_has_8bit(slice_make(start, line));
    return copy_line(reading) ? AT_LINE : IN_FIELD;
}

static enum place step_separator(struct reading *reading)
{
    size_t left = reading->end - reading->start;
    size_t line = slice_find(slice_make(reading->folded + reading->start, left), '\n');

    reading->start += line < left ? line + 1 : line;
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
static enum place step_line(struct reading *reading)
{
    struct slice line = slice_make(reading->folded + reading->start, reading->end - reading->start);
    struct slice name, value;
    char first = line.bytes[0];

    if (first == '\n') {
        reading->start++;
        return start_body(reading);
    }
    if (field_split(line, &name, &value))
        return IN_FIELD;
    if (reading->place == AT_FIRST_LINE && is_separator(line))
        return IN_SEPARATOR;
    /* What the store holds so far are fields. */
    if (position(reading) > 0 && (first == ' ' || first == '\t' || first == '\r'))
        return IN_FIELD;
    return start_body(reading);
}

/* Whether enough of the line is there to judge it. */
static bool has_line_start(const struct reading *reading)
{
    const char *start = reading->folded + reading->start;
    size_t left = reading->end - reading->start;

    return reading->folded_all || left > FIELD_NAME_LIMIT || memchr(start, '\n', left) != NULL;
}

/* Takes all it can from `folded`. */
static void take_block(struct reading *reading)
{
    while (reading->start < reading->end) {
        switch (reading->place) {
        case AT_FIRST_LINE:
        case AT_LINE:
            if (!has_line_start(reading))
                return;
            reading->place = step_line(reading);
            break;
        case IN_FIELD:
            reading->place = step_field(reading);
            break;
        case IN_SEPARATOR:
            reading->place = step_separator(reading);
            break;
        case IN_BODY:
            reading->place = step_body(reading);
            break;
        case AT_END:
            return;
        }
    }
}

/* Hands `out` to the store and holds the message against its limits. */
static bool store_block(struct reading *reading, struct error *error)
{
    struct message *message = reading->message;
    uint64_t header = reading->place < IN_BODY ? position(reading) : message->header.length;

    if (header > INPUT_HEADER_LIMIT)
        return error_set_permanent(error, EX_DATAERR, "message: its header is larger than %d MiB",
                                   INPUT_HEADER_LIMIT / (1024 * 1024));
    /* A last lone dot may yet be dropped. */
    if (position(reading) > LONE_DOT && !check_size(reading, position(reading) - LONE_DOT, error))
        return false;
    if (!store_append(&message->store, slice_make(reading->out, reading->out_length), error))
        return false;
    reading->out_length = 0;
    return true;
}

/* Completes the last line and sets the stretches. */
static bool finish(struct reading *reading, struct error *error)
{
    struct message *message = reading->message;

    if (reading->line_length > 0)
        end_line(reading);
    if (!store_block(reading, error))
        return false;
    if (reading->place < IN_BODY)
        start_body(reading);
    message->body.length = position(reading) - message->body.offset;
    if (reading->last_is_dot && (reading->options->dot_ends || reading->options->drop_last_dot))
        message->body.length -= LONE_DOT;
    return check_size(reading, message_size(message), error);
}

static bool read_message(struct reading *reading, struct error *error)
{
    if (!read_ahead(reading, error))
        return false;
    while (reading->place != AT_END && !(reading->folded_all && reading->start == reading->end)) {
        if (!fill(reading, error))
            return false;
        take_block(reading);
        if (!store_block(reading, error))
            return false;
    }
    return finish(reading, error);
}

bool input_read(struct message *message, int fd, const struct input_options *options,
                struct error *error)
{
    struct reading *reading = calloc(1, sizeof *reading);
    bool done = false;

    if (reading == NULL) {
        error_set_memory(error);
    } else {
        reading->message = message;
        reading->options = options;
        reading->fd = fd;
        reading->bare = '\r';
        store_init(&reading->ahead, message->store.directory);
        done = read_message(reading, error);
        store_free(&reading->ahead);
        free(reading);
    }
    if (!done)
        process_drain(fd);
    return done;
}

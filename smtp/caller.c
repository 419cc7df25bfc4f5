/* Reading and writing of -bs. The descriptors are the caller's: pipe, file, terminal or socket, in
 * the mode he left them in. Invariant: memory is bounded by CALLER_BUFFER_SIZE and the replies to
 * what is in it. */
#include "smtp/caller.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/interrupt.h"
#include "net/stream.h"

enum { DISCARD_PAUSE = 1000 }; /* milliseconds */

struct slice caller_input(const struct caller *caller)
{
    return slice_make(caller->bytes + caller->start, caller->end - caller->start);
}

void caller_consume(struct caller *caller, size_t length)
{
    caller->start += length;
}

/* --- what is said ---------------------------------------------------------------------------- */

/* Not stream_wait, which an interrupt ends: what became of a message is said all the same. */
static bool wait_for_room(const struct caller *caller)
{
    struct pollfd polled = {.fd = caller->output, .events = POLLOUT};
    int64_t over = clock_deadline(caller->idle);
    int ready;
    do
        ready = poll(&polled, 1, clock_remaining(over));
    while (ready < 0 && (errno == EINTR || errno == EAGAIN));
    return ready > 0;
}

/* A write of no more than PIPE_BUF does not block where poll says it will not. */
static bool write_piece(const struct caller *caller, struct slice *rest, struct error *error)
{
    if (!wait_for_room(caller))
        return error_set(error, EX_IOERR, "standard output: nobody reads it");
    ssize_t count =
        write(caller->output, rest->bytes, rest->length < PIPE_BUF ? rest->length : PIPE_BUF);
    if (count < 0 && errno != EINTR && (errno != EAGAIN || interrupt_came(NULL)))
        return error_set_errno(error, EX_IOERR, "standard output");
    *rest = slice_from(*rest, count > 0 ? (size_t)count : 0);
    return true;
}

void caller_flush(struct caller *caller)
{
    struct slice rest = buffer_slice(&caller->said);
    if (caller->said.failed && !caller->gone)
        caller->gone = !error_set_memory(&caller->reason);
    while (rest.length > 0 && !caller->gone)
        caller->gone = !write_piece(caller, &rest, &caller->reason);
    buffer_clear(&caller->said);
}

/* --- what he says ---------------------------------------------------------------------------- */

/* Waits until there is something to read; false when he is silent for too long. */
static bool wait_for_input(struct caller *caller)
{
    int64_t over = clock_deadline(caller->idle), rest = clock_deadline(caller->rest);
    if (caller->resting != NULL && !caller->rested && rest < over) {
        if (stream_wait(caller->input, POLLIN, rest) != 0)
            return true;
        caller->rested = true;
        caller->resting(caller->context);
    }
    return stream_wait(caller->input, POLLIN, over) != 0;
}

static void make_room(struct caller *caller)
{
    memmove(caller->bytes, caller->bytes + caller->start, caller->end - caller->start);
    caller->end -= caller->start;
    caller->start = 0;
}

enum caller_status caller_fill(struct caller *caller, struct error *error)
{
    caller_flush(caller);
    make_room(caller);
    for (;;) {
        if (!wait_for_input(caller))
            return CALLER_SILENT;
        ssize_t count =
            read(caller->input, caller->bytes + caller->end, CALLER_BUFFER_SIZE - caller->end);
        if (count > 0) {
            caller->end += (size_t)count;
            caller->rested = false;
            return CALLER_MORE;
        }
        if (count == 0)
            return CALLER_ENDED;
        if (errno != EINTR && errno != EAGAIN) {
            error_set_errno(error, EX_NOINPUT, "standard input");
            return CALLER_FAILED;
        }
    }
}

/* Offset of the line end in `input`, its length when there is none. */
static size_t find_line_end(const struct caller *caller, struct slice input)
{
    size_t end = slice_find(input, '\n');
    if (caller->line_end != CALLER_CRLF)
        return end;
    while (end < input.length && (end == 0 || input.bytes[end - 1] != '\r'))
        end += 1 + slice_find(slice_from(input, end + 1), '\n');
    return end < input.length ? end - 1 : end;
}

/* Takes the line that ends at `end`. */
static enum caller_status end_line(struct caller *caller, struct slice input, size_t end,
                                   struct slice *line)
{
    bool too_long = caller->long_line;
    if (caller->line_end == CALLER_UNKNOWN) {
        bool carriage = end > 0 && input.bytes[end - 1] == '\r';
        caller->line_end = carriage ? CALLER_CRLF : CALLER_LF;
        end -= carriage;
    }
    size_t used = end + (caller->line_end == CALLER_CRLF ? 2 : 1);
    caller_consume(caller, used);
    caller->long_line = false;
    *line = slice_to(input, end);
    return too_long || used > CALLER_LINE_LIMIT ? CALLER_LONG_LINE : CALLER_LINE;
}

/* Throws a line away whose end has not come; a last CR may be the first half of it. */
static void shorten(struct caller *caller, struct slice input)
{
    if (!caller->long_line && input.length < CALLER_LINE_LIMIT)
        return;
    caller->long_line = true;
    caller_consume(caller, input.length - (input.bytes[input.length - 1] == '\r'));
}

enum caller_status caller_take_line(struct caller *caller, struct slice *line, struct error *error)
{
    if (caller->said.length >= CALLER_BUFFER_SIZE)
        caller_flush(caller);
    for (;;) {
        struct slice input = caller_input(caller);
        size_t end = find_line_end(caller, input);
        if (end < input.length)
            return end_line(caller, input, end, line);
        if (input.length > 0)
            shorten(caller, input);
        enum caller_status status = caller_fill(caller, error);
        if (status != CALLER_MORE)
            return status;
    }
}

void caller_discard(struct caller *caller)
{
    int64_t over = clock_deadline(caller->rest);
    int64_t pause = caller->rest < DISCARD_PAUSE ? caller->rest : DISCARD_PAUSE;
    while (clock_remaining(over) > 0 &&
           stream_wait(caller->input, POLLIN, clock_deadline(pause)) != 0) {
        ssize_t count = read(caller->input, caller->bytes, CALLER_BUFFER_SIZE);
        if (count == 0 || (count < 0 && errno != EINTR && errno != EAGAIN))
            return;
    }
}

void caller_free(struct caller *caller)
{
    buffer_free(&caller->said);
}

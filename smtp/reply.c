/* Replies: "250-first", "250 last" (RFC 5321 section 4.2), enhanced status codes (RFC 2034).
 * Invariant: nothing beyond the caps is kept. What is parsed must be what was sent, so secrets that
 * a server repeats are masked where the words are shown. */
#include "smtp/reply.h"

#include <string.h>

enum { CODE_LENGTH = 3 };

void reply_start(struct reply *reply)
{
    reply->code = 0;
    reply->enhanced[0] = '\0';
    reply->lines = reply->octets = reply->length = 0;
    reply->text[0] = '\0';
}

static enum reply_status over_limit(struct error *error, const char *what, int limit,
                                    const char *unit)
{
    error_set(error, EX_PROTOCOL, "the server breaks the protocol: a %s of more than %d %s", what,
              limit, unit);
    return REPLY_BROKEN;
}

static enum reply_status broken_line(struct error *error, const char *what, struct slice line,
                                     const struct mask *mask)
{
    char masked[REPLY_LINE_LIMIT + 1];
    struct text text;
    struct text_shown shown;
    text_init(&text, masked, sizeof masked);
    mask_write(mask, line, &text);
    error_set(error, EX_PROTOCOL, "the server breaks the protocol: %s: \"%s\"", what,
              text_show(&shown, text_slice(&text)));
    return REPLY_BROKEN;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The code of a line, 0 when it has none of ours. */
static int parse_code(struct slice line)
{
    const char *c = line.bytes;
    if (line.length < CODE_LENGTH || c[0] < '2' || c[0] > '5' || !is_digit(c[1]) || !is_digit(c[2]))
        return 0;
    if (line.length > CODE_LENGTH && c[CODE_LENGTH] != ' ' && c[CODE_LENGTH] != '-')
        return 0;
    return (c[0] - '0') * 100 + (c[1] - '0') * 10 + (c[2] - '0');
}

size_t reply_enhanced_length(struct slice text, int class)
{
    size_t length = slice_find(text, ' ');
    struct slice status = slice_to(text, length), piece;
    if (length >= ERROR_ENHANCED_SIZE || length < 5 || status.bytes[length - 1] == '.')
        return 0;
    uint64_t number[3] = {0};
    size_t count = 0;
    while (slice_cut(&status, '.', &piece)) {
        if (count == 3 || piece.length > 3 || !slice_parse_number(piece, 999, &number[count++]))
            return 0;
    }
    return count == 3 && number[0] == (uint64_t) class ? length : 0;
}

static void add_line(struct reply *reply, struct slice line)
{
    if (line.length + 1 >= REPLY_TEXT_SIZE - reply->length)
        return;
    memcpy(reply->text + reply->length, line.bytes, line.length);
    reply->length += line.length;
    reply->text[reply->length++] = '\n';
    reply->text[reply->length] = '\0';
}

/* Takes one line, without its line end. */
static enum reply_status take_line(struct reply *reply, struct slice raw, const struct mask *mask,
                                   struct error *error)
{
    int code = parse_code(raw);
    if (memchr(raw.bytes, '\0', raw.length) != NULL)
        return broken_line(error, "a NUL in a reply", raw, mask);
    if (code == 0)
        return broken_line(error, "no SMTP reply", raw, mask);
    if (reply->code != 0 && code != reply->code)
        return broken_line(error, "two codes in one reply", raw, mask);
    if (++reply->lines > REPLY_LINES_LIMIT)
        return over_limit(error, "reply", REPLY_LINES_LIMIT, "lines");
    add_line(reply, slice_from(raw, CODE_LENGTH + 1));
    if (reply->code == 0) {
        size_t length =
            reply_enhanced_length(slice_make(reply->text, reply->length - 1), code / 100);
        memcpy(reply->enhanced, reply->text, length);
        reply->enhanced[length] = '\0';
    }
    reply->code = code;
    return raw.length > CODE_LENGTH && raw.bytes[CODE_LENGTH] == '-' ? REPLY_MORE : REPLY_COMPLETE;
}

enum reply_status reply_take(struct reply *reply, struct slice input, const struct mask *mask,
                             size_t *used, struct error *error)
{
    enum reply_status status = REPLY_MORE;
    reply->mask = mask;
    *used = 0;
    while (status == REPLY_MORE) {
        struct slice line = slice_from(input, *used);
        size_t end = slice_find(slice_to(line, REPLY_LINE_LIMIT), '\n');
        if (end == REPLY_LINE_LIMIT)
            return over_limit(error, "line", REPLY_LINE_LIMIT, "octets");
        if (end == line.length)
            return REPLY_MORE;
        *used += end + 1;
        reply->octets += end + 1;
        if (reply->octets > REPLY_TOTAL_LIMIT)
            return over_limit(error, "reply", REPLY_TOTAL_LIMIT / 1024, "KiB");
        if (end > 0 && line.bytes[end - 1] == '\r')
            end--;
        status = take_line(reply, slice_to(line, end), mask, error);
    }
    return status;
}

int reply_class(const struct reply *reply)
{
    return reply->code / 100;
}

bool reply_has_detail(const struct reply *reply, const char *detail)
{
    return reply->enhanced[0] != '\0' && strcmp(reply->enhanced + 1, detail) == 0;
}

void reply_words(const struct reply *reply, struct text *out)
{
    struct slice rest = slice_make(reply->text, reply->length), line;
    text_add_format(out, "%03d", reply->code);
    for (bool first = true; !out->overflow && slice_cut(&rest, '\n', &line); first = false) {
        if (!first && reply->enhanced[0] != '\0' && slice_starts_nocase(line, reply->enhanced))
            line = slice_from(line, strlen(reply->enhanced));
        line = slice_trim(line);
        if (line.length > 0)
            text_add_byte(out, ' ');
        mask_write(reply->mask, line, out);
    }
}

const char *reply_show(const struct reply *reply, struct text_shown *shown)
{
    char words[REPLY_WORDS_SIZE];
    struct text text;
    text_init(&text, words, sizeof words);
    reply_words(reply, &text);
    return text_show(shown, text_slice(&text));
}

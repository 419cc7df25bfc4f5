/* From errors and words to replies. Invariant: every line appended starts with a code of ours and
 * ends in CRLF, and there is no other CR or LF in it, so that no words can be taken for a reply of
 * their own. */
#include "smtp/answer.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/ascii.h"
#include "base/text.h"
#include "smtp/reply.h"

enum {
    LINE_LIMIT = 512, /* octets with CRLF (RFC 5321 section 4.5.3.1.5) */
    WORDS_SIZE = 4 * ERROR_SENTENCE_SIZE,
    CODE_LENGTH = 3
};

/* --- words ----------------------------------------------------------------------------------- */

/* Printable, blanks one by one and none at the ends. */
static void clean(struct slice words, struct text *out)
{
    bool blank = false;
    words = slice_trim(words);
    for (size_t i = 0; i < words.length; i++) {
        char byte = words.bytes[i];
        if (ascii_is_space(byte)) {
            blank = true;
            continue;
        }
        if (blank)
            text_add_byte(out, ' ');
        blank = false;
        if (ascii_is_control(byte) || (unsigned char)byte >= 0x80)
            text_add_format(out, "\\x%02x", (unsigned)(unsigned char)byte);
        else
            text_add_byte(out, byte);
    }
}

/* Cuts as many words off `rest` as fit in `room`; a longer word is cut. */
static struct slice cut_words(struct slice *rest, size_t room)
{
    size_t length = rest->length;
    if (length > room) {
        for (length = room; length > 0 && rest->bytes[length] != ' ';)
            length--;
        length = length > 0 ? length : room;
    }
    struct slice words = slice_to(*rest, length);
    *rest = slice_trim(slice_from(*rest, length));
    return words;
}

void answer_add_line(struct buffer *out, int code, bool last, const char *line)
{
    char start_bytes[LINE_LIMIT];
    struct text start;
    text_init(&start, start_bytes, sizeof start_bytes);
    text_add_format(&start, "%03d%c", code, last ? ' ' : '-');
    buffer_add(out, text_slice(&start));
    buffer_add_string(out, line);
    buffer_add_string(out, "\r\n");
}

void answer_add(struct buffer *out, int code, const char *enhanced, struct slice words)
{
    char cleaned_bytes[WORDS_SIZE], line_bytes[LINE_LIMIT];
    struct text cleaned;
    size_t room = LINE_LIMIT - strlen("250 \r\n") - strlen(enhanced) - 1;
    text_init(&cleaned, cleaned_bytes, sizeof cleaned_bytes);
    clean(words, &cleaned);
    struct slice rest = text_slice(&cleaned);
    do {
        struct text line;
        text_init(&line, line_bytes, sizeof line_bytes);
        text_add(&line, enhanced);
        text_add(&line, enhanced[0] != '\0' && rest.length > 0 ? " " : "");
        text_add_slice(&line, cut_words(&rest, room));
        answer_add_line(out, code, rest.length == 0, line_bytes);
    } while (rest.length > 0);
}

/* Takes "250 " or "250-" off the start of `words`, where it is there; the code, 0 without one. */
static int take_code(struct slice *words)
{
    uint64_t code;
    struct slice digits = slice_to(*words, CODE_LENGTH), rest = slice_from(*words, CODE_LENGTH);
    bool ends = rest.length == 0 || rest.bytes[0] == ' ' || rest.bytes[0] == '-';
    if (digits.length < CODE_LENGTH || !ends || !slice_parse_number(digits, 599, &code) ||
        code < 200)
        return 0;
    *words = slice_trim(slice_from(rest, 1));
    return (int)code;
}

/* Takes a status of `class` off the start of `words` into `enhanced`, where it is there. */
static void take_enhanced(struct slice *words, int class, char *enhanced)
{
    size_t length = reply_enhanced_length(*words, class);
    if (length == 0)
        return;
    memcpy(enhanced, words->bytes, length);
    enhanced[length] = '\0';
    *words = slice_trim(slice_from(*words, length));
}

void answer_add_success(struct buffer *out, struct slice words, const char *enhanced,
                        const char *ours)
{
    char status[ERROR_ENHANCED_SIZE];
    text_copy(status, sizeof status, enhanced);
    words = slice_trim(words);
    take_code(&words);
    take_enhanced(&words, 2, status);
    answer_add(out, 250, status, words.length > 0 ? words : slice_of(ours));
}

/* --- errors ---------------------------------------------------------------------------------- */

struct meaning {
    int exit_code, code;
    const char *enhanced;
};

/* EX_OK stands for every other exit code, and ends a table. */
static const struct meaning temporary[] = {
    {EX_TEMPFAIL, 451, "4.4.1"}, {EX_CONFIG, 451, "4.3.5"},    {EX_NOPERM, 451, "4.3.5"},
    {EX_NOHOST, 451, "4.3.5"},   {EX_PROTOCOL, 451, "4.3.5"},  {EX_OSERR, 452, "4.3.1"},
    {EX_IOERR, 452, "4.3.1"},    {EX_CANTCREAT, 452, "4.3.1"}, {EX_OK, 451, "4.3.0"},
};

static const struct meaning permanent[] = {
    {EX_USAGE, 554, "5.6.0"},  {EX_DATAERR, 554, "5.6.0"}, {EX_NOUSER, 550, "5.1.1"},
    {EX_NOPERM, 550, "5.7.1"}, {EX_OK, 554, "5.0.0"},
};

/* Where the step tells more. */
static const struct {
    enum answer_step step;
    struct meaning meaning;
} permanent_at[] = {
    {ANSWER_MAIL, {EX_USAGE, 553, "5.1.7"}},      {ANSWER_RCPT, {EX_USAGE, 553, "5.1.3"}},
    {ANSWER_MAIL, {EX_DATAERR, 552, "5.3.4"}},    {ANSWER_RCPT, {EX_DATAERR, 553, "5.1.3"}},
    {ANSWER_MESSAGE, {EX_DATAERR, 552, "5.3.4"}},
};

static const struct meaning *find_permanent(int exit_code, enum answer_step step)
{
    const struct meaning *meaning = permanent;
    for (size_t i = 0; i < sizeof permanent_at / sizeof permanent_at[0]; i++)
        if (permanent_at[i].step == step && permanent_at[i].meaning.exit_code == exit_code)
            return &permanent_at[i].meaning;
    while (meaning->exit_code != exit_code && meaning->exit_code != EX_OK)
        meaning++;
    return meaning;
}

static const struct meaning *find_meaning(const struct error *error, enum answer_step step)
{
    const struct meaning *meaning = temporary;
    bool bad_data = error->exit_code == EX_USAGE || error->exit_code == EX_DATAERR;
    if (error->permanent || bad_data)
        return find_permanent(error->exit_code, step);
    while (meaning->exit_code != error->exit_code && meaning->exit_code != EX_OK)
        meaning++;
    return meaning;
}

/* Whether the server's own code says the same of the mail as the error does. */
static bool may_pass(const struct error *error)
{
    int class = error->reply_code / 100;
    return error->reply_code <= 599 && class == (error->permanent ? 5 : 4);
}

/* What the error itself is more exact about than its exit code. */
static void take_status(const struct error *error, int *code, char *status)
{
    struct slice ours = slice_of(error->enhanced);
    if (error->reply_code != 0)
        return;
    take_enhanced(&ours, *code / 100, status);
    if (strcmp(status, "5.3.4") == 0)
        *code = 552;
}

void answer_add_error(struct buffer *out, const struct error *error, enum answer_step step)
{
    const struct meaning *meaning = find_meaning(error, step);
    struct slice words = slice_of(error->sentence);
    char status[ERROR_ENHANCED_SIZE];
    int code = meaning->code;
    text_copy(status, sizeof status, meaning->enhanced);
    take_status(error, &code, status);
    if (may_pass(error)) {
        struct slice theirs = slice_of(error->enhanced);
        code = error->reply_code == 421 ? 451 : error->reply_code;
        text_copy(status, sizeof status, code >= 500 ? "5.0.0" : "4.0.0");
        take_enhanced(&theirs, code / 100, status);
        struct slice rest = words;
        if (take_code(&rest) == error->reply_code) {
            words = rest;
            take_enhanced(&words, code / 100, status);
        }
    }
    answer_add(out, code, status, words);
}

bool answer_refuse(struct error *error, int code, const char *enhanced, const char *format, ...)
{
    char sentence[ERROR_SENTENCE_SIZE] = "";
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    error_set(error, EX_USAGE, "%s", sentence);
    error->permanent = code >= 500;
    error->reply_code = code;
    text_copy(error->enhanced, sizeof error->enhanced, enhanced);
    return false;
}

/* Smarthosts that could not be reached, as the file `state` has them: a line that names the
 * version, then one a smarthost,
 *
 *   FAILURES NEXT LAST1 ... LAST5 "SMARTHOST" "REASON"
 *
 * with times in seconds and strings escaped as text_add_quoted does it. Invariant: whatever the
 * file says, no more than FILE_LIMIT octets are read, at most OUTAGE_MAX lines are believed, each
 * on its own and only as this module writes it, and every smarthost is in the list once. */
#include "queue/outage.h"

#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"

enum {
    FILE_LIMIT = 1024 * 1024,
    STRING_LIMIT = 4096,                                   /* octets of a smarthost's name, */
    REASON_LIMIT = 1024,                                   /* of a reason */
    LINE_LIMIT = 4 * STRING_LIMIT + REASON_LIMIT * 2 + 256 /* of both, escaped, and the numbers */
};

static const char version[] = "sendmail-state 1";

/* --- reading ---------------------------------------------------------------------------------- */

/* What this user or root wrote. Another's word could only make mail wait, but why believe it. */
static bool is_ours(int fd)
{
    struct stat status;
    return fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
           (status.st_uid == 0 || status.st_uid == geteuid());
}

static bool cut_integer(struct slice *rest, int64_t *value)
{
    struct slice word;
    uint64_t distance;

    if (!slice_cut(rest, ' ', &word))
        return false;
    bool negative = word.length > 0 && word.bytes[0] == '-';
    if (!slice_parse_number(slice_from(word, negative), INT64_MAX, &distance))
        return false;
    *value = negative ? -(int64_t)distance : (int64_t)distance;
    return true;
}

static int digit_value(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

/* What stands for one octet behind a backslash, cut off `rest`. */
static bool cut_escape(struct slice *rest, char *octet)
{
    static const char letters[] = "rnt\\\"", meanings[] = "\r\n\t\\\"";
    size_t letter = rest->length > 0 ? slice_find(slice_of(letters), rest->bytes[0]) : 0;

    if (rest->length > 0 && letters[letter] != '\0') {
        *octet = meanings[letter];
        *rest = slice_from(*rest, 1);
        return true;
    }
    if (rest->length < 3 || rest->bytes[0] != 'x')
        return false;
    int high = digit_value(rest->bytes[1]), low = digit_value(rest->bytes[2]);
    if (high < 0 || low < 0)
        return false;
    *octet = (char)(high * 16 + low);
    *rest = slice_from(*rest, 3);
    return true;
}

/* A string between quotes, of 1 to `limit` octets, none of them NUL, cut off `rest`. */
static bool cut_quoted(struct slice *rest, size_t limit, struct text *out)
{
    if (rest->length == 0 || rest->bytes[0] != '"')
        return false;
    *rest = slice_from(*rest, 1);
    while (rest->length > 0) {
        char octet = rest->bytes[0];
        *rest = slice_from(*rest, 1);
        if (octet == '"')
            return out->length > 0 && out->length <= limit && !out->overflow;
        if (octet < ' ' || octet > '~' || (octet == '\\' && !cut_escape(rest, &octet)) ||
            octet == '\0')
            return false;
        text_add_byte(out, octet);
    }
    return false;
}

static bool parse_strings(struct outages *outages, struct slice rest, struct outage *outage)
{
    char smarthost_bytes[STRING_LIMIT + 1], reason_bytes[REASON_LIMIT + 1];
    struct text smarthost, reason;

    text_init(&smarthost, smarthost_bytes, sizeof smarthost_bytes);
    text_init(&reason, reason_bytes, sizeof reason_bytes);
    if (!cut_quoted(&rest, STRING_LIMIT, &smarthost) || rest.length == 0 || rest.bytes[0] != ' ')
        return false;
    rest = slice_from(rest, 1);
    if (!cut_quoted(&rest, REASON_LIMIT, &reason) || rest.length > 0 ||
        !slice_is_printable(text_slice(&reason)))
        return false;
    outage->smarthost = arena_copy(&outages->arena, text_slice(&smarthost));
    outage->reason = arena_copy(&outages->arena, text_slice(&reason));
    return outage->smarthost != NULL && outage->reason != NULL;
}

static bool parse_line(struct outages *outages, struct slice line, struct outage *outage)
{
    int64_t failures;

    if (!cut_integer(&line, &failures) || failures < 1 || failures > UINT_MAX ||
        !cut_integer(&line, &outage->next))
        return false;
    outage->failures = (unsigned)failures;
    for (size_t i = 0; i < BACKOFF_TRIES_MIN; i++)
        if (!cut_integer(&line, &outage->last[i]))
            return false;
    return parse_strings(outages, line, outage);
}

static void parse(struct outages *outages, struct slice content)
{
    struct slice line;

    /* The last line is whole, too. */
    if (content.length == 0 || content.bytes[content.length - 1] != '\n' ||
        !slice_cut(&content, '\n', &line) || !slice_equals(line, slice_of(version)))
        return;
    while (outages->count < OUTAGE_MAX && slice_cut(&content, '\n', &line)) {
        struct outage *outage = &outages->list[outages->count];
        if (parse_line(outages, line, outage) && outages_find(outages, outage->smarthost) == NULL)
            outages->count++;
    }
}

void outages_read(struct outages *outages, struct spool *spool)
{
    struct buffer content = {0};
    struct error ignored;
    int fd = spool_open_state(spool);

    outages->count = 0;
    outages->arena = (struct arena){0};
    if (fd < 0)
        return;
    if (is_ours(fd) && file_read_all(fd, FILE_LIMIT, &content, &ignored))
        parse(outages, buffer_slice(&content));
    buffer_free(&content);
    close(fd);
}

/* --- what is known ---------------------------------------------------------------------------- */

/* Where it is in the list; `count` where it is not. */
static size_t find(const struct outages *outages, const char *smarthost)
{
    size_t i = 0;
    while (i < outages->count && strcmp(outages->list[i].smarthost, smarthost) != 0)
        i++;
    return i;
}

const struct outage *outages_find(const struct outages *outages, const char *smarthost)
{
    size_t index = find(outages, smarthost);
    return index < outages->count ? &outages->list[index] : NULL;
}

/* Where a new one can be put. */
static size_t make_room(struct outages *outages)
{
    size_t oldest = 0;

    if (outages->count < OUTAGE_MAX)
        return outages->count++;
    for (size_t i = 1; i < outages->count; i++)
        if (outages->list[i].last[0] < outages->list[oldest].last[0])
            oldest = i;
    return oldest;
}

/* Printable and bounded, which what comes as an error's sentence is but for its length. */
static const char *copy_reason(struct outages *outages, const char *reason)
{
    struct slice words = slice_of(reason != NULL && reason[0] != '\0' ? reason : "unknown");
    struct text_shown shown;

    if (!slice_is_printable(words))
        words = slice_of(text_show(&shown, words));
    return arena_copy(&outages->arena, slice_to(words, REASON_LIMIT));
}

static void note_failure(struct outage *outage, const struct backoff_options *options, int64_t now,
                         uint32_t random)
{
    if (outage->failures < UINT_MAX)
        outage->failures++;
    outage->next = backoff_next(options, outage->failures, now, random);
    memmove(outage->last + 1, outage->last, sizeof outage->last - sizeof outage->last[0]);
    outage->last[0] = now;
}

void outages_failed(struct outages *outages, const char *smarthost,
                    const struct backoff_options *options, int64_t now, uint32_t random,
                    const char *reason)
{
    size_t index = find(outages, smarthost);
    const char *words = copy_reason(outages, reason);

    if (words == NULL)
        return;
    if (index == outages->count) {
        const char *name = arena_copy(&outages->arena, slice_of(smarthost));
        if (name == NULL)
            return;
        index = make_room(outages);
        outages->list[index] = (struct outage){.smarthost = name};
    }
    outages->list[index].reason = words;
    note_failure(&outages->list[index], options, now, random);
}

void outages_mended(struct outages *outages, const char *smarthost)
{
    size_t index = find(outages, smarthost);

    if (index == outages->count)
        return;
    outages->count--;
    memmove(&outages->list[index], &outages->list[index + 1],
            (outages->count - index) * sizeof outages->list[0]);
}

unsigned outage_tries_since(const struct outage *outage, int64_t created, int64_t now)
{
    unsigned tries = 0;
    for (size_t i = 0; i < BACKOFF_TRIES_MIN; i++)
        tries += outage->last[i] != 0 && created <= outage->last[i] && outage->last[i] <= now;
    return tries;
}

/* --- writing ---------------------------------------------------------------------------------- */

static void add_line(struct buffer *content, const struct outage *outage)
{
    char bytes[LINE_LIMIT];
    struct text line;

    text_init(&line, bytes, sizeof bytes);
    text_add_format(&line, "%u %" PRId64, outage->failures, outage->next);
    for (size_t i = 0; i < BACKOFF_TRIES_MIN; i++)
        text_add_format(&line, " %" PRId64, outage->last[i]);
    text_add_byte(&line, ' ');
    text_add_quoted(&line, slice_of(outage->smarthost), SIZE_MAX);
    text_add_byte(&line, ' ');
    text_add_quoted(&line, slice_of(outage->reason), SIZE_MAX);
    text_add_byte(&line, '\n');
    /* One that could not be read again is as good as none. */
    if (!line.overflow && content->length + line.length <= FILE_LIMIT)
        buffer_add(content, text_slice(&line));
}

bool outages_write(const struct outages *outages, struct spool *spool, struct error *error)
{
    struct buffer content = {0};

    buffer_add_string(&content, version);
    buffer_add_byte(&content, '\n');
    for (size_t i = 0; i < outages->count; i++)
        add_line(&content, &outages->list[i]);
    bool written = content.failed ? error_set_memory(error)
                                  : spool_write_state(spool, buffer_slice(&content), error);
    buffer_free(&content);
    return written;
}

void outages_free(struct outages *outages)
{
    arena_free(&outages->arena);
    outages->count = 0;
}

/* EHLO keywords, in any case (RFC 5321 section 2.4). Invariant: what is not understood changes
 * nothing. */
#include "smtp/capability.h"

#include <string.h>

static void parse_size(struct capability *capability, struct slice arguments)
{
    struct slice word;
    uint64_t limit;
    capability->size = true;
    if (slice_cut_word(&arguments, &word) && slice_parse_number(word, UINT64_MAX, &limit))
        capability->size_limit = limit;
}

static void parse_auth(struct capability *capability, struct slice arguments)
{
    struct text words;
    struct slice word;
    char *start = capability->mechanisms;
    size_t used = strlen(start);
    capability->auth = true;
    text_init(&words, start + used, sizeof capability->mechanisms - used);
    while (slice_cut_word(&arguments, &word)) {
        /* Whole words only: half a name could be another mechanism's. */
        if (word.length + 2 > words.size - words.length)
            return;
        if (used + words.length > 0)
            text_add_byte(&words, ' ');
        text_add_slice(&words, word);
    }
}

/* RFC 9422: "RCPTMAX=100 MAILMAX=50" */
static void parse_limits(struct capability *capability, struct slice arguments)
{
    struct slice word;
    while (slice_cut_word(&arguments, &word)) {
        size_t equals = slice_find(word, '=');
        struct slice name = slice_to(word, equals);
        uint64_t value;
        if (!slice_parse_number(slice_from(word, equals + 1), 999999, &value))
            continue;
        if (slice_equals_nocase(name, slice_of("RCPTMAX")))
            capability->rcpt_limit = value;
        if (slice_equals_nocase(name, slice_of("MAILMAX")))
            capability->mail_limit = value;
    }
}

static const struct keyword {
    const char *name;
    size_t flag; /* offset in struct capability of what is true by the mere word, without `parse` */
    void (*parse)(struct capability *capability, struct slice arguments);
} keywords[] = {
    {"PIPELINING", offsetof(struct capability, pipelining), NULL},
    {"SIZE", 0, parse_size},
    {"8BITMIME", offsetof(struct capability, eight_bit), NULL},
    {"SMTPUTF8", offsetof(struct capability, smtputf8), NULL},
    {"CHUNKING", offsetof(struct capability, chunking), NULL},
    {"STARTTLS", offsetof(struct capability, starttls), NULL},
    {"DSN", offsetof(struct capability, dsn), NULL},
    {"AUTH", 0, parse_auth},
    {"LIMITS", 0, parse_limits},
};

static void parse_line(struct capability *capability, struct slice line)
{
    struct slice rest = line, name;
    if (!slice_cut_word(&rest, &name))
        return;
    /* "AUTH=LOGIN" of servers older than RFC 2554. */
    if (slice_starts_nocase(name, "AUTH=")) {
        name = slice_to(name, strlen("AUTH"));
        rest = slice_from(line, slice_find(line, '=') + 1);
    }
    for (size_t i = 0; i < sizeof keywords / sizeof keywords[0]; i++) {
        if (!slice_equals_nocase(name, slice_of(keywords[i].name)))
            continue;
        if (keywords[i].parse != NULL)
            keywords[i].parse(capability, rest);
        else
            *(bool *)((char *)capability + keywords[i].flag) = true;
    }
}

void capability_parse(struct capability *capability, struct slice text)
{
    struct slice line;
    *capability = (struct capability){0};
    slice_cut(&text, '\n', &line);
    while (slice_cut(&text, '\n', &line))
        parse_line(capability, line);
}

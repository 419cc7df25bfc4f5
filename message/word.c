/* Encoded words (RFC 2047). Invariant: decoding what is appended gives back the text, blanks
 * included; only the line ends of folds inside an encoded run are lost, as unfolding would. */
#include "message/word.h"

#include <string.h>

#include "base/ascii.h"
#include "base/codec.h"
#include "base/utf8.h"

enum {
    WORD_LIMIT = 75,
    LINE_LIMIT = 76,
    WORD_WORTHWHILE = 20,  /* with less room for content the first word goes to a line of its own */
    LONGEST_PLAIN = 997,   /* a word that still fits a line of 998 behind a blank */
    LONGEST_EXISTING = 200 /* what is longer and looks like an encoded word is none */
};

struct coding {
    const char *charset;
    enum word_place place;
    bool utf8, base64;
};

bool word_is_safe(struct slice text, bool utf8)
{
    return !slice_has_8bit(text) || (utf8 && utf8_is_valid(text));
}

/* What RFC 2047 section 5 lets stand for itself in each place. */
static bool stands_for_itself(char byte, enum word_place place)
{
    if ((byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
        (byte >= 'a' && byte <= 'z') || (byte != 0 && strchr("!*+-/", byte) != NULL))
        return true;
    if (place == WORD_IN_PHRASE || byte <= ' ' || byte >= 0x7f)
        return false;
    return strchr(place == WORD_IN_COMMENT ? "=?_()\\\"" : "=?_", byte) == NULL;
}

static size_t quoted_size(char byte, enum word_place place)
{
    return byte == ' ' || stands_for_itself(byte, place) ? 1 : 3;
}

/* Mostly ASCII stays legible, for readers that do not decode. */
static bool is_mostly_8bit(struct slice text)
{
    size_t high = 0;
    for (size_t i = 0; i < text.length; i++)
        high += (unsigned char)text.bytes[i] >= 0x80;
    return high > text.length / 2;
}

/* Octets of the character at the start of `text`, which is well-formed if it is UTF-8. */
static size_t character_length(struct slice text, bool utf8)
{
    size_t length = 1;
    while (utf8 && length < text.length && (text.bytes[length] & 0xc0) == 0x80)
        length++;
    return length;
}

/* How much of `text`, in whole characters, fits `room` encoded characters. */
static size_t measure(struct slice text, const struct coding *coding, size_t room)
{
    size_t taken = 0, quoted = 0;
    while (taken < text.length) {
        size_t length = character_length(slice_from(text, taken), coding->utf8);
        for (size_t i = 0; i < length; i++)
            quoted += quoted_size(text.bytes[taken + i], coding->place);
        if ((coding->base64 ? (taken + length + 2) / 3 * 4 : quoted) > room)
            break;
        taken += length;
    }
    return taken;
}

static void add_quoted(struct buffer *out, struct slice text, enum word_place place)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < text.length; i++) {
        unsigned char byte = (unsigned char)text.bytes[i];
        if (byte == ' ') {
            buffer_add_byte(out, '_');
        } else if (stands_for_itself(text.bytes[i], place)) {
            buffer_add_byte(out, text.bytes[i]);
        } else {
            const char escaped[] = {'=', digits[byte >> 4], digits[byte & 15]};
            buffer_add(out, slice_make(escaped, sizeof escaped));
        }
    }
}

static void add_word(struct buffer *out, struct slice text, const struct coding *coding)
{
    buffer_add_string(out, "=?");
    buffer_add_string(out, coding->charset);
    buffer_add_string(out, coding->base64 ? "?B?" : "?Q?");
    if (coding->base64) {
        char storage[WORD_LIMIT + 1];
        struct text encoded;
        text_init(&encoded, storage, sizeof storage);
        codec_base64_encode(&encoded, text);
        buffer_add(out, text_slice(&encoded));
    } else {
        add_quoted(out, text, coding->place);
    }
    buffer_add_string(out, "?=");
}

/* Looks no further back than a line may be long: linear also where there are no folds. */
static size_t column_at_end(const struct buffer *out, size_t column)
{
    for (size_t back = 0; back < LINE_LIMIT && back < out->length; back++) {
        if (out->bytes[out->length - 1 - back] == '\n')
            return back;
    }
    return out->length < LINE_LIMIT ? column + out->length : LINE_LIMIT;
}

/* Room for a word's content at `column`; a line of its own where that is too little. */
static size_t room_at(struct buffer *out, size_t column, size_t overhead)
{
    size_t longest = WORD_LIMIT - overhead;
    size_t used = column_at_end(out, column);
    size_t room = used + overhead < LINE_LIMIT ? LINE_LIMIT - used - overhead : 0;
    if (room >= WORD_WORTHWHILE)
        return room < longest ? room : longest;

    char last = out->length > 0 ? out->bytes[out->length - 1] : 0;
    if (ascii_is_blank(last)) {
        out->length--;
        buffer_add_string(out, "\r\n");
        buffer_add_byte(out, last);
    }
    return longest;
}

void word_encode(struct buffer *out, struct slice text, enum word_place place, size_t column)
{
    bool utf8 = utf8_is_valid(text);
    struct coding coding = {utf8 ? "utf-8" : "unknown-8bit", place, utf8, is_mostly_8bit(text)};
    size_t overhead = strlen(coding.charset) + strlen("=?") + strlen("?Q?") + strlen("?=");

    while (text.length > 0 && !out->failed) {
        size_t taken = measure(text, &coding, room_at(out, column, overhead));
        add_word(out, slice_to(text, taken), &coding);
        text = slice_from(text, taken);
        if (text.length > 0)
            buffer_add_string(out, "\r\n ");
    }
}

static bool is_existing_word(struct slice word)
{
    size_t marks = 0;
    for (size_t i = 0; i < word.length && i < LONGEST_EXISTING; i++)
        marks += word.bytes[i] == '?';
    return marks == 4 && word.length > 6 && word.length <= LONGEST_EXISTING &&
           memcmp(word.bytes, "=?", 2) == 0 && !slice_has_8bit(word) &&
           memcmp(word.bytes + word.length - 2, "?=", 2) == 0;
}

/* A stretch of text without encoded words in it; its neighbours may be some. */
struct stretch {
    struct slice text;
    bool behind_word, before_word;
};

static void encode_run(struct buffer *out, struct slice run, bool leading, bool trailing,
                       size_t column)
{
    struct buffer unfolded = {0};
    /* A blank between two encoded words is not shown: it has to be inside. */
    if (leading)
        buffer_add_byte(&unfolded, ' ');
    for (size_t i = 0; i < run.length; i++) {
        if (run.bytes[i] != '\r' && run.bytes[i] != '\n')
            buffer_add_byte(&unfolded, run.bytes[i]);
    }
    if (trailing)
        buffer_add_byte(&unfolded, ' ');
    word_encode(out, buffer_slice(&unfolded), WORD_IN_TEXT, column);
    out->failed = out->failed || unfolded.failed;
    buffer_free(&unfolded);
}

static void add_stretch(struct buffer *out, const struct stretch *stretch, bool utf8, size_t column)
{
    struct slice text = stretch->text, rest = text, word;
    size_t first = text.length, last = 0, words_start = text.length, words_end = 0;
    while (slice_cut_word(&rest, &word)) {
        size_t start = (size_t)(word.bytes - text.bytes), end = start + word.length;
        if (words_end == 0)
            words_start = start;
        words_end = end;
        if (word.length <= LONGEST_PLAIN && word_is_safe(word, utf8))
            continue;
        if (last == 0)
            first = start;
        last = end;
    }
    if (last == 0) {
        buffer_add(out, text);
        return;
    }
    buffer_add(out, slice_to(text, first));
    encode_run(out, slice_from(slice_to(text, last), first),
               stretch->behind_word && first == words_start,
               stretch->before_word && last == words_end, column);
    buffer_add(out, slice_from(text, last));
}

void word_add_text(struct buffer *out, struct slice text, bool utf8, size_t column)
{
    struct slice rest = text, word;
    struct stretch stretch = {text, false, false};
    while (slice_cut_word(&rest, &word)) {
        if (!is_existing_word(word))
            continue;
        stretch.text = slice_to(stretch.text, (size_t)(word.bytes - stretch.text.bytes));
        stretch.before_word = true;
        add_stretch(out, &stretch, utf8, column);
        buffer_add(out, word);
        stretch.text = slice_from(text, (size_t)(word.bytes - text.bytes) + word.length);
        stretch.before_word = false;
        stretch.behind_word = true;
    }
    add_stretch(out, &stretch, utf8, column);
}

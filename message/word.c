/* Encoded words (RFC 2047). Invariant: decoding what is appended gives back the text, blanks
 * included; only the line ends of folds inside an encoded run are lost, as unfolding would. */
#include "message/word.h"

#include <string.h>

#include "base/codec.h"
#include "base/text.h"
#include "base/utf8.h"

enum {
    WORD_LIMIT = 75,
    LINE_LIMIT = 76,
    WORD_WORTHWHILE = 20, /* with less room for content the first word goes to a line of its own */
    LONGEST_CHARACTER = 4,
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

static void add_quoted(struct text *out, struct slice text, enum word_place place)
{
    for (size_t i = 0; i < text.length; i++) {
        if (text.bytes[i] == ' ')
            text_add_byte(out, '_');
        else if (stands_for_itself(text.bytes[i], place))
            text_add_byte(out, text.bytes[i]);
        else
            text_add_format(out, "=%02X", (unsigned)(unsigned char)text.bytes[i]);
    }
}

static void write_word(struct fold *fold, struct slice text, const struct coding *coding)
{
    char storage[WORD_LIMIT + 1];
    struct text word;
    text_init(&word, storage, sizeof storage);
    text_add_format(&word, "=?%s?%c?", coding->charset, coding->base64 ? 'B' : 'Q');
    if (coding->base64)
        codec_base64_encode(&word, text);
    else
        add_quoted(&word, text, coding->place);
    text_add(&word, "?=");
    fold_add(fold, text_slice(&word));
}

/* Room for a word's content on the line under way; on one of its own where that is too little. */
static size_t find_room(struct fold *fold, size_t overhead)
{
    size_t longest = WORD_LIMIT - overhead;
    size_t used = fold_column(fold) + overhead;
    size_t room = used < LINE_LIMIT ? LINE_LIMIT - used : 0;
    if (room >= WORD_WORTHWHILE)
        return room < longest ? room : longest;
    fold_break(fold);
    return longest;
}

static void write_stretch(struct word_run *run)
{
    struct slice text = slice_make(run->text, run->length);
    bool utf8 = utf8_is_valid(text);
    struct coding coding = {utf8 ? "utf-8" : "unknown-8bit", run->place, utf8,
                            is_mostly_8bit(text)};
    size_t overhead = strlen(coding.charset) + strlen("=?") + strlen("?Q?") + strlen("?=");

    while (text.length > 0) {
        if (run->begun)
            fold_add(run->fold, slice_of("\r\n "));
        run->begun = true;
        size_t taken = measure(text, &coding, find_room(run->fold, overhead));
        write_word(run->fold, slice_to(text, taken), &coding);
        text = slice_from(text, taken);
    }
    run->length = 0;
}

void word_begin(struct word_run *run, struct fold *fold, enum word_place place)
{
    run->fold = fold;
    run->place = place;
    run->begun = false;
    run->length = 0;
}

void word_add(struct word_run *run, char octet)
{
    bool continues = ((unsigned char)octet & 0xc0) == 0x80;
    bool nearly_full = run->length + LONGEST_CHARACTER > sizeof run->text;
    if (run->length == sizeof run->text || (nearly_full && !continues))
        write_stretch(run);
    run->text[run->length++] = octet;
}

void word_end(struct word_run *run)
{
    write_stretch(run);
}

void word_encode(struct fold *fold, struct slice text, enum word_place place)
{
    struct word_run run;
    word_begin(&run, fold, place);
    for (size_t i = 0; i < text.length; i++)
        word_add(&run, text.bytes[i]);
    word_end(&run);
}

bool word_is_encoded(struct slice word)
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

static void encode_run(struct fold *fold, struct slice text, bool leading, bool trailing)
{
    struct word_run run;
    word_begin(&run, fold, WORD_IN_TEXT);
    /* A blank between two encoded words is not shown: it has to be inside. */
    if (leading)
        word_add(&run, ' ');
    for (size_t i = 0; i < text.length; i++) {
        if (text.bytes[i] != '\r' && text.bytes[i] != '\n')
            word_add(&run, text.bytes[i]);
    }
    if (trailing)
        word_add(&run, ' ');
    word_end(&run);
}

static bool add_stretch(struct fold *fold, const struct stretch *stretch, bool utf8)
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
    fold_add(fold, slice_to(text, first));
    if (last > 0)
        encode_run(fold, slice_from(slice_to(text, last), first),
                   stretch->behind_word && first == words_start,
                   stretch->before_word && last == words_end);
    fold_add(fold, slice_from(text, last > 0 ? last : text.length));
    return last > 0;
}

bool word_add_text(struct fold *fold, struct slice text, bool utf8)
{
    struct slice rest = text, word;
    struct stretch stretch = {text, false, false};
    bool encoded = false;
    while (slice_cut_word(&rest, &word)) {
        if (!word_is_encoded(word))
            continue;
        stretch.text = slice_to(stretch.text, (size_t)(word.bytes - stretch.text.bytes));
        stretch.before_word = true;
        encoded = add_stretch(fold, &stretch, utf8) || encoded;
        fold_add(fold, word);
        stretch.text = slice_from(text, (size_t)(word.bytes - text.bytes) + word.length);
        stretch.before_word = false;
        stretch.behind_word = true;
    }
    return add_stretch(fold, &stretch, utf8) || encoded;
}

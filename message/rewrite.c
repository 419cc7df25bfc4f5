/* Rewriting structured fields (RFC 5322 section 3.4, RFC 2047 section 5, RFC 2231). Invariant:
 * whatever is not to be changed is copied byte for byte, and nothing is kept: it goes to the fold
 * as it is found. */
#include "message/rewrite.h"

#include <string.h>

#include "base/ascii.h"
#include "base/utf8.h"
#include "message/address.h"
#include "message/parameter.h"
#include "message/word.h"

enum { NAME_LIMIT = 60, SEGMENT_LIMIT = 600, LINE_TARGET = 76 };

static void add(struct rewrite *rewrite, struct slice text)
{
    fold_add(rewrite->fold, text);
}

static void add_string(struct rewrite *rewrite, const char *string)
{
    fold_add(rewrite->fold, slice_of(string));
}

static void encode(struct rewrite *rewrite, struct slice text, enum word_place place)
{
    word_encode(rewrite->fold, text, place);
    rewrite->encoded = true;
}

/* Adds what the inside of a quoted string or comment means. */
static void add_meaning(struct word_run *run, struct slice inside)
{
    for (size_t i = 0; i < inside.length; i++) {
        char byte = inside.bytes[i];
        if (byte == '\\' && i + 1 < inside.length)
            byte = inside.bytes[++i];
        if (byte != '\r' && byte != '\n')
            word_add(run, byte);
    }
}

static struct slice inside_quotes(struct address_token token)
{
    return slice_to(slice_from(token.span, 1), token.span.length - (token.unterminated ? 1 : 2));
}

static struct slice between(const char *start, const char *end)
{
    return slice_make(start, (size_t)(end - start));
}

/* A stretch of a phrase or a comment without encoded words in it; its neighbours may be some. */
struct stretch {
    struct slice text;
    enum word_place place;
    bool behind_word, before_word;
};

static void add_phrase_meaning(struct word_run *run, struct slice phrase)
{
    struct address_token token = address_next_token(&phrase);
    for (; token.kind != ADDRESS_END; token = address_next_token(&phrase))
        add_meaning(run, token.kind == ADDRESS_QUOTED ? inside_quotes(token) : token.span);
}

/* A blank between two encoded words is needed, and not shown: it has to be inside as well. */
static void encode_stretch(struct rewrite *rewrite, const struct stretch *stretch)
{
    struct slice text = stretch->text, trimmed = slice_trim(text);
    struct slice before = between(text.bytes, trimmed.bytes);
    struct slice behind = slice_from(text, before.length + trimmed.length);
    struct word_run run;

    add(rewrite, stretch->behind_word && before.length == 0 ? slice_of(" ") : before);
    word_begin(&run, rewrite->fold, stretch->place);
    if (stretch->behind_word && before.length > 0)
        word_add(&run, ' ');
    if (stretch->place == WORD_IN_PHRASE)
        add_phrase_meaning(&run, trimmed);
    else
        add_meaning(&run, trimmed);
    if (stretch->before_word && behind.length > 0)
        word_add(&run, ' ');
    word_end(&run);
    add(rewrite, stretch->before_word && behind.length == 0 ? slice_of(" ") : behind);
    rewrite->encoded = true;
}

static void add_stretch(struct rewrite *rewrite, const struct stretch *stretch)
{
    if (word_is_safe(stretch->text, rewrite->utf8))
        add(rewrite, stretch->text);
    else
        encode_stretch(rewrite, stretch);
}

/* Ends the stretch before an encoded word, copies that, and starts the next one. */
static void pass_word(struct rewrite *rewrite, struct stretch *stretch, struct slice word)
{
    struct slice rest = stretch->text;
    size_t start = (size_t)(word.bytes - rest.bytes);
    stretch->text = slice_to(rest, start);
    stretch->before_word = true;
    add_stretch(rewrite, stretch);
    add(rewrite, word);
    stretch->text = slice_make(word.bytes + word.length, rest.length - start - word.length);
    stretch->before_word = false;
    stretch->behind_word = true;
}

/* A stretch of comment text without brackets. */
static void add_comment_text(struct rewrite *rewrite, struct slice text)
{
    struct stretch stretch = {.text = text, .place = WORD_IN_COMMENT};
    struct slice rest = text, word;
    if (word_is_safe(text, rewrite->utf8)) {
        add(rewrite, text);
        return;
    }
    while (slice_cut_word(&rest, &word)) {
        if (word_is_encoded(word))
            pass_word(rewrite, &stretch, word);
    }
    add_stretch(rewrite, &stretch);
}

static void add_comment(struct rewrite *rewrite, struct slice comment)
{
    size_t start = 0;
    for (size_t i = 0; i < comment.length; i++) {
        if (comment.bytes[i] == '\\') {
            i++;
        } else if (comment.bytes[i] == '(' || comment.bytes[i] == ')') {
            add_comment_text(rewrite, slice_from(slice_to(comment, i), start));
            add(rewrite, slice_make(comment.bytes + i, 1));
            start = i + 1;
        }
    }
    add_comment_text(rewrite, slice_from(comment, start));
}

static bool is_word(struct address_token token)
{
    return token.kind == ADDRESS_ATOM || token.kind == ADDRESS_QUOTED;
}

/* Words and the blanks between them, from `first` on; cut off `rest`. */
static struct slice cut_phrase(struct address_token first, struct slice *rest)
{
    struct slice phrase = first.span, ahead = *rest;
    struct address_token token = address_next_token(&ahead);
    while (is_word(token) || token.kind == ADDRESS_BLANK) {
        if (is_word(token)) {
            phrase.length = (size_t)(token.span.bytes - phrase.bytes) + token.span.length;
            *rest = ahead;
        }
        token = address_next_token(&ahead);
    }
    return phrase;
}

static void add_phrase(struct rewrite *rewrite, struct slice phrase, struct slice behind)
{
    if (word_is_safe(phrase, rewrite->utf8)) {
        add(rewrite, phrase);
        return;
    }
    struct stretch stretch = {.text = phrase, .place = WORD_IN_PHRASE};
    struct address_token token = address_next_token(&phrase);
    for (; token.kind != ADDRESS_END; token = address_next_token(&phrase)) {
        if (token.kind == ADDRESS_ATOM && word_is_encoded(token.span))
            pass_word(rewrite, &stretch, token.span);
    }
    add_stretch(rewrite, &stretch);
    if (behind.length > 0 && (behind.bytes[0] == '<' || behind.bytes[0] == '('))
        add_string(rewrite, " ");
}

/* Any part of an address list, with its 8-bit text made safe. */
static void add_part(struct rewrite *rewrite, struct slice part)
{
    if (word_is_safe(part, rewrite->utf8)) {
        add(rewrite, part);
        return;
    }
    struct address_token token = address_next_token(&part);
    for (; token.kind != ADDRESS_END; token = address_next_token(&part)) {
        if (token.kind == ADDRESS_COMMENT)
            add_comment(rewrite, token.span);
        else if (is_word(token))
            add_phrase(rewrite, cut_phrase(token, &part), part);
        else if (word_is_safe(token.span, rewrite->utf8))
            add(rewrite, token.span);
        else
            encode(rewrite, token.span, WORD_IN_PHRASE);
    }
}

static void add_domain(struct rewrite *rewrite, struct slice domain)
{
    char storage[ADDRESS_SIZE];
    struct text ascii;
    struct address_mailbox mailbox = {slice_of("x"), domain, domain};
    struct error ignored;
    bool needs_utf8 = false;

    text_init(&ascii, storage, sizeof storage);
    if (!slice_has_8bit(domain)) {
        add(rewrite, domain);
    } else if (address_canonical(&mailbox, NULL, &ascii, &needs_utf8, &ignored)) {
        add(rewrite, slice_from(text_slice(&ascii), strlen("x@")));
        rewrite->completed = true;
    } else {
        add_part(rewrite, domain);
    }
}

static void add_mailbox(struct rewrite *rewrite, const struct address_mailbox *mailbox)
{
    add_part(rewrite, mailbox->local);
    if (mailbox->domain.length > 0) {
        add_part(rewrite,
                 between(mailbox->local.bytes + mailbox->local.length, mailbox->domain.bytes));
        add_domain(rewrite, mailbox->domain);
    } else if (rewrite->domain != NULL) {
        add_string(rewrite, "@");
        add_string(rewrite, rewrite->domain);
        rewrite->completed = true;
    }
}

static const char *end_of(const struct address_mailbox *mailbox)
{
    struct slice last = mailbox->domain.length > 0 ? mailbox->domain : mailbox->local;
    return last.bytes + last.length;
}

static bool is_list(struct slice list)
{
    struct address_mailbox mailbox;
    struct error ignored;
    bool found = true;
    while (found) {
        if (!address_next(&list, &mailbox, &found, &ignored))
            return false;
    }
    return true;
}

bool rewrite_addresses(struct rewrite *rewrite, struct slice list)
{
    struct slice rest = list;
    struct address_mailbox mailbox;
    struct error ignored;
    const char *done = list.bytes;
    bool found = true, valid = is_list(list);

    while (valid && address_next(&rest, &mailbox, &found, &ignored) && found) {
        add_part(rewrite, between(done, mailbox.local.bytes));
        add_mailbox(rewrite, &mailbox);
        done = end_of(&mailbox);
    }
    add_part(rewrite, between(done, list.bytes + list.length));
    return valid;
}

/* How much of the text before an address to keep: all, or with an angle bracket no route behind
 * it. */
static size_t length_before(struct slice before, bool *named)
{
    struct slice rest = before;
    struct address_token token = address_next_token(&rest);
    for (; token.kind != ADDRESS_END; token = address_next_token(&rest)) {
        if (token.kind == ADDRESS_SPECIAL && token.span.bytes[0] == '<')
            return (size_t)(token.span.bytes - before.bytes) + 1;
        *named = *named || is_word(token) || token.kind == ADDRESS_COMMENT;
    }
    return before.length;
}

bool rewrite_first(struct rewrite *rewrite, struct slice list, const char *address,
                   const char *name)
{
    struct address_mailbox mailbox;
    struct error ignored;
    bool found = false;
    if (!address_next(&list, &mailbox, &found, &ignored) || !found)
        return false;

    struct slice before = between(mailbox.whole.bytes, mailbox.local.bytes);
    struct slice behind = between(end_of(&mailbox), mailbox.whole.bytes + mailbox.whole.length);
    bool named = slice_find(behind, '(') < behind.length;
    before = slice_to(before, length_before(before, &named));
    if (!named) {
        rewrite_mailbox(rewrite, name, address);
        return true;
    }
    add_string(rewrite, " ");
    add_part(rewrite, before);
    add_string(rewrite, address);
    add_part(rewrite, behind);
    return true;
}

/* Appends to `plain` a name without control characters: they come from passwd or the command line,
 * and a line end among them would start a field. */
static void add_clean_name(struct rewrite *rewrite, struct slice name)
{
    for (size_t i = 0; i < name.length; i++) {
        char byte = name.bytes[i];
        buffer_add_byte(&rewrite->plain, ascii_is_control(byte) ? ' ' : byte);
    }
}

static bool needs_quotes(struct slice name)
{
    struct slice rest = name;
    struct address_token token = address_next_token(&rest);
    for (; token.kind != ADDRESS_END; token = address_next_token(&rest)) {
        bool plain = token.kind == ADDRESS_BLANK || token.kind == ADDRESS_ATOM;
        if (!plain || slice_find(token.span, '.') < token.span.length)
            return true;
    }
    return false;
}

static void add_name(struct rewrite *rewrite, struct slice name)
{
    if (!word_is_safe(name, rewrite->utf8)) {
        encode(rewrite, name, WORD_IN_PHRASE);
        return;
    }
    if (!needs_quotes(name)) {
        add(rewrite, name);
        return;
    }
    add_string(rewrite, "\"");
    for (size_t i = 0; i < name.length; i++) {
        if (name.bytes[i] == '"' || name.bytes[i] == '\\')
            add_string(rewrite, "\\");
        add(rewrite, slice_make(name.bytes + i, 1));
    }
    add_string(rewrite, "\"");
}

void rewrite_mailbox(struct rewrite *rewrite, const char *name, const char *address)
{
    buffer_clear(&rewrite->plain);
    add_clean_name(rewrite, slice_of(name));
    if (rewrite->plain.failed) {
        error_set_memory(rewrite->fold->error);
        rewrite->fold->failed = true;
    }
    struct slice clean = slice_trim(buffer_slice(&rewrite->plain));

    add_string(rewrite, " ");
    if (clean.length > 0) {
        add_name(rewrite, clean);
        add_string(rewrite, " <");
    }
    add_string(rewrite, address);
    if (clean.length > 0)
        add_string(rewrite, ">");
}

/* Encoded words have no place in tokens and quoted strings (RFC 2047 section 5). */
static void add_replaced(struct rewrite *rewrite, struct slice token)
{
    for (size_t i = 0; i < token.length; i++) {
        bool ascii = (unsigned char)token.bytes[i] < 0x80;
        add(rewrite, ascii ? slice_make(token.bytes + i, 1) : slice_of("?"));
    }
    rewrite->encoded = true;
}

static void add_token(struct rewrite *rewrite, struct address_token token)
{
    if (word_is_safe(token.span, rewrite->utf8))
        add(rewrite, token.span);
    else if (token.kind == ADDRESS_COMMENT)
        add_comment(rewrite, token.span);
    else
        add_replaced(rewrite, token.span);
}

void rewrite_tokens(struct rewrite *rewrite, struct slice value)
{
    struct address_token token = address_next_token(&value);
    for (; token.kind != ADDRESS_END; token = address_next_token(&value))
        add_token(rewrite, token);
}

/* attribute-char of RFC 2231; a '%' stands for itself where octets are encoded already. */
static bool stands_for_itself(char octet)
{
    return octet > ' ' && octet < 0x7f && strchr("()<>@,;:\\\"/[]?=*'%", octet) == NULL;
}

static void add_octet(struct rewrite *rewrite, char octet, bool encoded_already)
{
    char storage[sizeof "%XX"];
    struct text unit;
    text_init(&unit, storage, sizeof storage);
    if (stands_for_itself(octet) || (encoded_already && (octet == '%' || octet == '\'')))
        text_add_byte(&unit, octet);
    else
        text_add_format(&unit, "%%%02X", (unsigned)(unsigned char)octet);
    add(rewrite, text_slice(&unit));
}

/* How long the value is, encoded. */
static size_t measure(struct slice value)
{
    bool quoted = false;
    char octet;
    size_t length = 0;
    while (parameter_octet(&value, &quoted, &octet))
        length += stands_for_itself(octet) ? 1 : strlen("%XX");
    return length;
}

/* A name for a value, or for its next segment, of that length. */
static void start_segment(struct rewrite *rewrite, struct slice name, size_t number, size_t length)
{
    char digits[sizeof "*18446744073709551615*="];
    struct text suffix;
    text_init(&suffix, digits, sizeof digits);
    if (number > 0)
        add_string(rewrite, "; ");
    if (fold_column(rewrite->fold) + name.length + length > LINE_TARGET)
        fold_break(rewrite->fold);
    if (length > SEGMENT_LIMIT)
        text_add_format(&suffix, "*%zu*=", number);
    else
        text_add(&suffix, "*=");
    add(rewrite, name);
    add(rewrite, text_slice(&suffix));
}

static void add_extended(struct rewrite *rewrite, const struct parameter *parameter)
{
    struct slice value = parameter->value, name = parameter->name;
    bool quoted = false, utf8 = utf8_is_valid(value);
    size_t length = measure(value), segments = 1, column;
    char octet;

    start_segment(rewrite, name, 0, length);
    add_string(rewrite, utf8 ? "utf-8''" : "unknown-8bit''");
    column = 0;
    while (parameter_octet(&value, &quoted, &octet)) {
        if (column >= SEGMENT_LIMIT) {
            start_segment(rewrite, name, segments++, length);
            column = 0;
        }
        add_octet(rewrite, octet, false);
        column += stands_for_itself(octet) ? 1 : strlen("%XX");
    }
    rewrite->encoded = true;
}

/* A value that RFC 2231 has been used for already. */
static void add_encoded_already(struct rewrite *rewrite, const struct parameter *parameter)
{
    struct slice value = parameter->value;
    bool quoted = false;
    char octet;
    add(rewrite, parameter->name);
    add_string(rewrite, "=");
    while (parameter_octet(&value, &quoted, &octet))
        add_octet(rewrite, octet, true);
    rewrite->encoded = true;
}

static void add_parameter(struct rewrite *rewrite, const struct parameter *parameter)
{
    struct slice name = parameter->name;
    size_t star = slice_find(name, '*');
    bool usable = name.length <= NAME_LIMIT && !slice_has_8bit(name);
    if (!usable || star + 1 < name.length)
        rewrite_tokens(rewrite,
                       between(name.bytes, parameter->value.bytes + parameter->value.length));
    else if (star + 1 == name.length)
        add_encoded_already(rewrite, parameter);
    else
        add_extended(rewrite, parameter);
}

void rewrite_parameters(struct rewrite *rewrite, struct slice value)
{
    struct slice rest = value;
    struct parameter parameter;
    const char *done = value.bytes;

    while (parameter_next(&rest, &parameter)) {
        if (word_is_safe(parameter.value, rewrite->utf8))
            continue;
        rewrite_tokens(rewrite, between(done, parameter.name.bytes));
        add_parameter(rewrite, &parameter);
        done = parameter.value.bytes + parameter.value.length;
    }
    rewrite_tokens(rewrite, between(done, value.bytes + value.length));
}

enum field_kind rewrite_kind(enum field_id id, struct slice name)
{
    bool content = id == FIELD_OTHER && slice_starts_nocase(name, "Content-") &&
                   !slice_equals_nocase(name, slice_of("Content-Description"));
    return content ? FIELD_STRUCTURED : field_kind(id);
}

bool rewrite_value(struct rewrite *rewrite, enum field_id id, struct slice name, struct slice value)
{
    enum field_kind kind = rewrite_kind(id, name);
    if (kind == FIELD_ADDRESSES)
        return rewrite_addresses(rewrite, value);
    if (kind == FIELD_UNSTRUCTURED)
        rewrite->encoded = word_add_text(rewrite->fold, value, rewrite->utf8) || rewrite->encoded;
    else if (slice_starts_nocase(name, "Content-"))
        rewrite_parameters(rewrite, value);
    else
        rewrite_tokens(rewrite, value);
    return true;
}

void rewrite_free(struct rewrite *rewrite)
{
    buffer_free(&rewrite->plain);
}

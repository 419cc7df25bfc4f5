/* Rewriting structured fields (RFC 5322 section 3.4, RFC 2047 section 5). Invariant: whatever is
 * not to be changed is copied byte for byte, in pieces no larger than a mailbox with the text
 * before it. */
#include "message/rewrite.h"

#include <string.h>

#include "base/ascii.h"
#include "message/address.h"
#include "message/word.h"

static void flush(struct rewrite *rewrite)
{
    if (rewrite->piece.failed || rewrite->plain.failed) {
        if (!rewrite->fold->failed)
            error_set_memory(rewrite->fold->error);
        rewrite->fold->failed = true;
    }
    fold_add(rewrite->fold, buffer_slice(&rewrite->piece));
    buffer_clear(&rewrite->piece);
    buffer_clear(&rewrite->plain);
}

static void encode(struct rewrite *rewrite, struct slice text, enum word_place place)
{
    word_encode(&rewrite->piece, text, place, fold_column(rewrite->fold));
    rewrite->encoded = true;
}

/* Appends to `plain` what the inside of a quoted string or comment means. */
static void add_meaning(struct rewrite *rewrite, struct slice inside)
{
    for (size_t i = 0; i < inside.length; i++) {
        char byte = inside.bytes[i];
        if (byte == '\\' && i + 1 < inside.length)
            byte = inside.bytes[++i];
        if (byte != '\r' && byte != '\n')
            buffer_add_byte(&rewrite->plain, byte);
    }
}

static struct slice inside_quotes(struct address_token token)
{
    return slice_to(slice_from(token.span, 1), token.span.length - (token.unterminated ? 1 : 2));
}

/* A stretch of comment text without brackets. */
static void add_comment_text(struct rewrite *rewrite, struct slice text)
{
    struct slice trimmed = slice_trim(text);
    if (word_is_safe(text, rewrite->utf8)) {
        buffer_add(&rewrite->piece, text);
        return;
    }
    size_t start = (size_t)(trimmed.bytes - text.bytes);
    buffer_add(&rewrite->piece, slice_to(text, start));
    rewrite->plain.length = 0;
    add_meaning(rewrite, trimmed);
    encode(rewrite, buffer_slice(&rewrite->plain), WORD_IN_COMMENT);
    buffer_add(&rewrite->piece, slice_from(text, start + trimmed.length));
}

static void add_comment(struct rewrite *rewrite, struct slice comment)
{
    size_t start = 0;
    for (size_t i = 0; i < comment.length; i++) {
        if (comment.bytes[i] == '\\') {
            i++;
        } else if (comment.bytes[i] == '(' || comment.bytes[i] == ')') {
            add_comment_text(rewrite, slice_from(slice_to(comment, i), start));
            buffer_add_byte(&rewrite->piece, comment.bytes[i]);
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
        buffer_add(&rewrite->piece, phrase);
        return;
    }
    rewrite->plain.length = 0;
    struct address_token token = address_next_token(&phrase);
    for (; token.kind != ADDRESS_END; token = address_next_token(&phrase))
        add_meaning(rewrite, token.kind == ADDRESS_QUOTED ? inside_quotes(token) : token.span);
    encode(rewrite, buffer_slice(&rewrite->plain), WORD_IN_PHRASE);
    if (behind.length > 0 && (behind.bytes[0] == '<' || behind.bytes[0] == '('))
        buffer_add_byte(&rewrite->piece, ' ');
}

/* Any part of an address list, with its 8-bit text made safe. */
static void add_part(struct rewrite *rewrite, struct slice part)
{
    if (word_is_safe(part, rewrite->utf8)) {
        buffer_add(&rewrite->piece, part);
        return;
    }
    struct address_token token = address_next_token(&part);
    for (; token.kind != ADDRESS_END; token = address_next_token(&part)) {
        if (token.kind == ADDRESS_COMMENT)
            add_comment(rewrite, token.span);
        else if (is_word(token))
            add_phrase(rewrite, cut_phrase(token, &part), part);
        else if (word_is_safe(token.span, rewrite->utf8))
            buffer_add(&rewrite->piece, token.span);
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
        buffer_add(&rewrite->piece, domain);
    } else if (address_canonical(&mailbox, NULL, &ascii, &needs_utf8, &ignored)) {
        buffer_add(&rewrite->piece, slice_from(text_slice(&ascii), strlen("x@")));
        rewrite->completed = true;
    } else {
        add_part(rewrite, domain);
    }
}

static struct slice between(const char *start, const char *end)
{
    return slice_make(start, (size_t)(end - start));
}

static void add_mailbox(struct rewrite *rewrite, const struct address_mailbox *mailbox)
{
    add_part(rewrite, mailbox->local);
    if (mailbox->domain.length > 0) {
        add_part(rewrite,
                 between(mailbox->local.bytes + mailbox->local.length, mailbox->domain.bytes));
        add_domain(rewrite, mailbox->domain);
    } else if (rewrite->domain != NULL) {
        buffer_add_byte(&rewrite->piece, '@');
        buffer_add_string(&rewrite->piece, rewrite->domain);
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
        flush(rewrite);
        done = end_of(&mailbox);
    }
    add_part(rewrite, between(done, list.bytes + list.length));
    flush(rewrite);
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
    buffer_add_byte(&rewrite->piece, ' ');
    add_part(rewrite, before);
    buffer_add_string(&rewrite->piece, address);
    add_part(rewrite, behind);
    flush(rewrite);
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
        buffer_add(&rewrite->piece, name);
        return;
    }
    buffer_add_byte(&rewrite->piece, '"');
    for (size_t i = 0; i < name.length; i++) {
        if (name.bytes[i] == '"' || name.bytes[i] == '\\')
            buffer_add_byte(&rewrite->piece, '\\');
        buffer_add_byte(&rewrite->piece, name.bytes[i]);
    }
    buffer_add_byte(&rewrite->piece, '"');
}

void rewrite_mailbox(struct rewrite *rewrite, const char *name, const char *address)
{
    rewrite->plain.length = 0;
    add_clean_name(rewrite, slice_of(name));
    struct slice clean = slice_trim(buffer_slice(&rewrite->plain));

    buffer_add_byte(&rewrite->piece, ' ');
    if (clean.length > 0) {
        add_name(rewrite, clean);
        buffer_add_string(&rewrite->piece, " <");
    }
    buffer_add_string(&rewrite->piece, address);
    if (clean.length > 0)
        buffer_add_byte(&rewrite->piece, '>');
    flush(rewrite);
}

/* Encoded words have no place in tokens and quoted strings (RFC 2047 section 5), but readers take
 * them there, and nothing else in ASCII says as much. */
static void add_token(struct rewrite *rewrite, struct address_token token)
{
    if (word_is_safe(token.span, rewrite->utf8)) {
        buffer_add(&rewrite->piece, token.span);
    } else if (token.kind == ADDRESS_COMMENT) {
        add_comment(rewrite, token.span);
    } else if (token.kind == ADDRESS_QUOTED) {
        rewrite->plain.length = 0;
        add_meaning(rewrite, inside_quotes(token));
        buffer_add_byte(&rewrite->piece, '"');
        encode(rewrite, buffer_slice(&rewrite->plain), WORD_IN_PHRASE);
        buffer_add_byte(&rewrite->piece, '"');
    } else {
        encode(rewrite, token.span, WORD_IN_PHRASE);
    }
}

void rewrite_tokens(struct rewrite *rewrite, struct slice value)
{
    struct address_token token = address_next_token(&value);
    for (; token.kind != ADDRESS_END; token = address_next_token(&value)) {
        add_token(rewrite, token);
        flush(rewrite);
    }
}

void rewrite_free(struct rewrite *rewrite)
{
    buffer_free(&rewrite->piece);
    buffer_free(&rewrite->plain);
}

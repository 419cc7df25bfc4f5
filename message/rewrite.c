/* Rewriting structured fields (RFC 5322 section 3.4, RFC 2047 section 5). Invariant: whatever is
 * not to be changed is copied byte for byte, and nothing is kept: it goes to the fold as it is
 * found. */
#include "message/rewrite.h"

#include <string.h>

#include "base/ascii.h"
#include "message/address.h"
#include "message/word.h"

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

static void encode_meaning(struct rewrite *rewrite, struct slice inside, enum word_place place)
{
    struct word_run run;
    word_begin(&run, rewrite->fold, place);
    add_meaning(&run, inside);
    word_end(&run);
    rewrite->encoded = true;
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
        add(rewrite, text);
        return;
    }
    size_t start = (size_t)(trimmed.bytes - text.bytes);
    add(rewrite, slice_to(text, start));
    encode_meaning(rewrite, trimmed, WORD_IN_COMMENT);
    add(rewrite, slice_from(text, start + trimmed.length));
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
    struct word_run run;
    word_begin(&run, rewrite->fold, WORD_IN_PHRASE);
    struct address_token token = address_next_token(&phrase);
    for (; token.kind != ADDRESS_END; token = address_next_token(&phrase))
        add_meaning(&run, token.kind == ADDRESS_QUOTED ? inside_quotes(token) : token.span);
    word_end(&run);
    rewrite->encoded = true;
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

/* Encoded words have no place in tokens and quoted strings (RFC 2047 section 5), but readers take
 * them there, and nothing else in ASCII says as much. */
static void add_token(struct rewrite *rewrite, struct address_token token)
{
    if (word_is_safe(token.span, rewrite->utf8)) {
        add(rewrite, token.span);
    } else if (token.kind == ADDRESS_COMMENT) {
        add_comment(rewrite, token.span);
    } else if (token.kind == ADDRESS_QUOTED) {
        add_string(rewrite, "\"");
        encode_meaning(rewrite, inside_quotes(token), WORD_IN_PHRASE);
        add_string(rewrite, "\"");
    } else {
        encode(rewrite, token.span, WORD_IN_PHRASE);
    }
}

void rewrite_tokens(struct rewrite *rewrite, struct slice value)
{
    struct address_token token = address_next_token(&value);
    for (; token.kind != ADDRESS_END; token = address_next_token(&value))
        add_token(rewrite, token);
}

void rewrite_free(struct rewrite *rewrite)
{
    buffer_free(&rewrite->plain);
}

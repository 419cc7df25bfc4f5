/* Header lines as servers take them (RFC 5322 sections 2.1.1 and 2.2.3).
 *
 * Invariant: `line` holds one line without its end and never more than FOLD_LIMIT octets, none of
 * them CR, LF or NUL. Everything that reaches the store passes put_line, and a second line of a
 * field starts with a blank: no value, wherever it comes from, can start a field of its own. */
#include "message/fold.h"

#include <string.h>

#include "base/ascii.h"

enum { READY_SIZE = 32 * 1024 };

static bool fail(struct fold *fold)
{
    fold->failed = true;
    return false;
}

static bool flush(struct fold *fold)
{
    if (fold->failed)
        return false;
    if (fold->ready.failed)
        return error_set_memory(fold->error) || fail(fold);
    if (!store_append(fold->store, buffer_slice(&fold->ready), fold->error))
        return fail(fold);
    buffer_clear(&fold->ready);
    return true;
}

/* Comments are not told from other text: a quote in one only makes fewer places to fold at. */
static bool quoted_behind(bool quoted, struct slice piece)
{
    for (size_t i = 0; i < piece.length; i++) {
        if (piece.bytes[i] == '\\' && quoted)
            i++;
        else if (piece.bytes[i] == '"')
            quoted = !quoted;
    }
    return quoted;
}

static void put_line(struct fold *fold, size_t length)
{
    struct slice piece = slice_make(fold->line, length);
    size_t blanks = 0;

    if (fold->failed)
        return;
    while (blanks < length && ascii_is_blank(fold->line[blanks]))
        blanks++;
    if (blanks < length) {
        buffer_add(&fold->ready, piece);
        buffer_add_string(&fold->ready, "\r\n");
    }
    fold->quoted = quoted_behind(fold->quoted, piece);
    if (fold->ready.failed || fold->ready.length >= READY_SIZE)
        flush(fold);
}

/* Puts the first `length` octets as a line of their own; the rest becomes the line under way. */
static void put_piece(struct fold *fold, size_t length)
{
    size_t rest = fold->length - length;

    put_line(fold, length);
    fold->prefix = 0;
    bool blank = rest > 0 && ascii_is_blank(fold->line[length]);
    memmove(fold->line + (blank ? 0 : 1), fold->line + length, rest);
    if (!blank)
        fold->line[0] = ' ';
    fold->length = rest + (blank ? 0 : 1);
}

/* The length of the piece that ends best: the longest up to FOLD_TARGET, else the shortest beyond;
 * 0 when there is no place to fold at. */
static size_t find_place(const struct fold *fold)
{
    bool structured = fold->kind != FIELD_UNSTRUCTURED;
    bool quoted = fold->quoted, text = false;
    size_t best = 0;

    for (size_t i = 0; i + 1 < fold->length; i++) {
        char byte = fold->line[i];
        bool text_next = !ascii_is_blank(fold->line[i + 1]);
        bool divides = structured && !quoted && (byte == ',' || byte == ';');
        size_t place = 0;

        if (ascii_is_blank(byte) && text && text_next)
            place = i;
        else if (text_next && (divides || i + 1 == fold->prefix))
            place = i + 1;
        if (place > FOLD_TARGET && best > 0)
            return best;
        if (place > 0)
            best = place;
        if (best > FOLD_TARGET)
            return best;
        text = text || !ascii_is_blank(byte);
        if (byte == '\\' && quoted)
            i++;
        else if (byte == '"')
            quoted = !quoted;
    }
    return best;
}

/* Makes room in a full line that has no place to fold at. */
static void cut_hard(struct fold *fold)
{
    size_t text = fold->length;

    while (text > 0 && ascii_is_blank(fold->line[text - 1]))
        text--;
    /* Of a long run of blanks one is enough. */
    if (fold->length - text > 1) {
        fold->length = text + 1;
        return;
    }
    size_t length = fold->length - 1;
    while (length > FOLD_TARGET && (fold->line[length] & 0xc0) == 0x80)
        length--;
    put_piece(fold, length);
}

/* Leaves no more than FOLD_TARGET of a line that is too long, if it can be folded at all. */
static void cut_line(struct fold *fold)
{
    size_t place;

    while (fold->length > FOLD_TARGET && (place = find_place(fold)) > 0)
        put_piece(fold, place);
}

static void make_room(struct fold *fold)
{
    fold->cut = true;
    cut_line(fold);
    if (fold->length == FOLD_LIMIT)
        cut_hard(fold);
}

static void end_line(struct fold *fold)
{
    if (fold->cut)
        cut_line(fold);
    put_line(fold, fold->length);
    fold->length = 0;
    fold->prefix = 0;
}

static void add_octet(struct fold *fold, char octet)
{
    if (octet == '\0')
        octet = ' ';
    if (fold->length == FOLD_LIMIT) {
        if (ascii_is_blank(octet) && ascii_is_blank(fold->line[FOLD_LIMIT - 1]))
            return;
        make_room(fold);
    }
    if ((unsigned char)octet >= 0x80 && !fold->utf8)
        octet = '?';
    fold->wrote_8bit = fold->wrote_8bit || (unsigned char)octet >= 0x80;
    fold->line[fold->length++] = octet;
}

void fold_open(struct fold *fold, struct store *store, bool utf8, struct error *error)
{
    *fold = (struct fold){.store = store, .utf8 = utf8, .error = error};
}

void fold_begin(struct fold *fold, struct slice name, enum field_kind kind)
{
    fold->kind = kind;
    fold->cut = fold->quoted = fold->line_ended = false;
    fold->length = 0;
    for (size_t i = 0; i < name.length; i++)
        add_octet(fold, name.bytes[i]);
    add_octet(fold, ':');
    fold->prefix = fold->length;
}

void fold_add(struct fold *fold, struct slice value)
{
    for (size_t i = 0; i < value.length; i++) {
        char octet = value.bytes[i];
        if (octet == '\r')
            continue;
        if (octet == '\n') {
            fold->line_ended = true;
            continue;
        }
        if (fold->line_ended && ascii_is_blank(octet))
            end_line(fold);
        else if (fold->line_ended)
            add_octet(fold, ' ');
        fold->line_ended = false;
        add_octet(fold, octet);
    }
}

size_t fold_column(const struct fold *fold)
{
    return fold->length;
}

void fold_break(struct fold *fold)
{
    char last = fold->length > 0 ? fold->line[fold->length - 1] : 0;
    if (!ascii_is_blank(last))
        return;
    fold->length--;
    end_line(fold);
    add_octet(fold, last);
}

void fold_end(struct fold *fold)
{
    end_line(fold);
}

bool fold_close(struct fold *fold)
{
    flush(fold);
    buffer_free(&fold->ready);
    return !fold->failed;
}

/* Lines of a report (RFC 5322 section 2.1.1). Invariant: none is over 998 octets, each ends in
 * CRLF, and after a failure nothing is written. */
#include "queue/sheet.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/ascii.h"
#include "message/stamp.h"

void sheet_add(struct sheet *sheet, struct slice octets)
{
    if (sheet->failed)
        return;
    sheet->failed = !store_append(&sheet->message->store, octets, sheet->error);
    for (size_t i = 0; i < octets.length; i++) {
        if (octets.bytes[i] == '\n')
            sheet->column = 0;
        else if (octets.bytes[i] != '\r' && ++sheet->column > sheet->longest)
            sheet->longest = sheet->column;
    }
}

void sheet_line(struct sheet *sheet, const char *format, ...)
{
    char bytes[SHEET_LINE_LIMIT + 1];
    va_list arguments;

    va_start(arguments, format);
    int length = vsnprintf(bytes, sizeof bytes, format, arguments);
    va_end(arguments);
    sheet_add(sheet,
              slice_to(slice_make(bytes, length < 0 ? 0 : (size_t)length), SHEET_LINE_LIMIT));
    sheet_blank(sheet);
}

void sheet_blank(struct sheet *sheet)
{
    sheet_add(sheet, slice_of("\r\n"));
}

void sheet_add_plain(struct text *out, struct slice words)
{
    struct slice shown = slice_to(words, SHEET_WORDS_LIMIT);

    for (size_t i = 0; i < shown.length; i++) {
        char octet = shown.bytes[i];
        text_add_byte(out, ascii_is_printable(octet) ? octet : '?');
    }
    if (shown.length < words.length)
        text_add(out, "...");
}

const char *sheet_plain(struct sheet_plain *plain, const char *words)
{
    struct text text;

    text_init(&text, plain->bytes, sizeof plain->bytes);
    sheet_add_plain(&text, slice_of(words));
    return plain->bytes;
}

bool sheet_is_word(struct slice text)
{
    for (size_t i = 0; i < text.length; i++)
        if (text.bytes[i] <= ' ' || text.bytes[i] > '~')
            return false;
    return text.length > 0;
}

void sheet_wrapped(struct sheet *sheet, const char *first, const char *next, struct slice words)
{
    char line_bytes[SHEET_LINE_LIMIT + 1], plain_bytes[SHEET_WORDS_LIMIT + 4];
    struct text line, all;
    struct slice rest, word;

    text_init(&all, plain_bytes, sizeof plain_bytes);
    sheet_add_plain(&all, words);
    rest = text_slice(&all);
    text_init(&line, line_bytes, sizeof line_bytes);
    text_add(&line, first);
    while (slice_cut_word(&rest, &word)) {
        if (line.length + 1 + word.length > SHEET_WIDTH) {
            sheet_line(sheet, "%s", line_bytes);
            text_init(&line, line_bytes, sizeof line_bytes);
            text_add(&line, next);
        } else {
            text_add_byte(&line, ' ');
        }
        text_add_slice(&line, word);
    }
    sheet_line(sheet, "%s", line_bytes);
}

void sheet_date(struct sheet *sheet, const char *name, int64_t when)
{
    char bytes[64];
    struct text date;

    text_init(&date, bytes, sizeof bytes);
    stamp_date(&date, (time_t)when);
    sheet_line(sheet, "%s: %s", name, bytes);
}

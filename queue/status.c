/* RFC 3464 sections 2.2 and 2.3, with the utf-8 address type of RFC 6533. */
#include "queue/status.h"

#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

enum { TYPE_LIMIT = 32 /* of an address type */ };

static size_t count_digits(struct slice text)
{
    size_t count = 0;
    while (count < text.length && text.bytes[count] >= '0' && text.bytes[count] <= '9')
        count++;
    return count;
}

/* The length of the status of `class` that `text` starts with ("5.1.1", RFC 3463), 0 without. */
static size_t measure_status(struct slice text, char class)
{
    if (text.length < 2 || text.bytes[0] != class || text.bytes[1] != '.')
        return 0;
    size_t subject = count_digits(slice_from(text, 2));
    size_t dot = 2 + subject;
    if (subject < 1 || subject > 3 || dot >= text.length || text.bytes[dot] != '.')
        return 0;
    size_t detail = count_digits(slice_from(text, dot + 1));
    size_t end = dot + 1 + detail;
    bool ended = end == text.length || text.bytes[end] == ' ';
    return detail >= 1 && detail <= 3 && ended ? end : 0;
}

/* "550 5.1.1 no such user" has one; else what was given up has the one for that. */
void status_find(const struct recipient *recipient, bool expired, char status[STATUS_SIZE])
{
    struct slice reply = slice_of(recipient->reply);
    bool final = recipient->reply_code >= 500;
    size_t length = 0;

    if (recipient->reply_code >= 400 && reply.length > 4)
        length = measure_status(slice_from(reply, 4), final ? '5' : '4');
    text_copy(status, STATUS_SIZE, expired && !final ? "4.4.7" : "5.0.0");
    if (length > 0)
        snprintf(status, STATUS_SIZE, "%.*s", (int)length, reply.bytes + 4);
}

/* RFC 6533 section 3: utf-8-addr-xtext, which is ASCII. */
static void add_extended(struct text *out, struct slice address)
{
    while (address.length > 0) {
        uint32_t character = utf8_cut(&address);
        if (character <= ' ' || character > '~' || strchr("\\+=", (int)character) != NULL)
            text_add_format(out, "\\x{%02X}", (unsigned)character);
        else
            text_add_byte(out, (char)character);
    }
}

/* "Final-Recipient: rfc822;user@example.com". One that is long even as it is goes without. */
static void put_address(struct sheet *sheet, const char *field, struct slice type,
                        struct slice address)
{
    char bytes[SHEET_LINE_LIMIT + 1];
    struct text line;

    text_init(&line, bytes, sizeof bytes);
    text_add_format(&line, "%s: ", field);
    if (sheet_is_word(address)) {
        text_add_format(&line, "%.*s;", (int)type.length, type.bytes);
        text_add_slice(&line, address);
    } else if (utf8_is_valid(address)) {
        text_add(&line, "utf-8;");
        add_extended(&line, address);
    } else {
        text_add(&line, "rfc822;");
        sheet_add_plain(&line, address);
    }
    sheet_line(sheet, "%s", bytes);
}

static int digit_value(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    return digit >= 'A' && digit <= 'F' ? digit - 'A' + 10 : -1;
}

/* What xtext stands for (RFC 3461 section 4); what is none stays as it is. */
static void add_decoded(struct text *out, struct slice xtext)
{
    for (size_t i = 0; i < xtext.length; i++) {
        bool escape = xtext.bytes[i] == '+' && xtext.length - i >= 3;
        int high = escape ? digit_value(xtext.bytes[i + 1]) : -1;
        int low = escape ? digit_value(xtext.bytes[i + 2]) : -1;
        if (high >= 0 && low >= 0) {
            text_add_byte(out, (char)(high * 16 + low));
            i += 2;
        } else {
            text_add_byte(out, xtext.bytes[i]);
        }
    }
}

/* An ORCPT of RFC 6533 says its characters as RFC 6533 does, not as xtext, and stays. */
static void put_original(struct sheet *sheet, struct slice original)
{
    size_t end = slice_find(original, ';');
    struct slice type = slice_to(original, end), address = slice_from(original, end + 1);
    char bytes[SHEET_WORDS_LIMIT];
    struct text decoded;

    if (end == original.length || end > TYPE_LIMIT || !sheet_is_word(type))
        return;
    text_init(&decoded, bytes, sizeof bytes);
    if (slice_equals_nocase(type, slice_of("utf-8")) && sheet_is_word(address))
        text_add_slice(&decoded, address);
    else
        add_decoded(&decoded, address);
    if (!decoded.overflow && decoded.length > 0)
        put_address(sheet, "Original-Recipient", type, text_slice(&decoded));
}

void status_put_recipient(struct sheet *sheet, const struct status *what,
                          const struct recipient *recipient)
{
    char status[STATUS_SIZE];
    struct sheet_plain shown;

    sheet_blank(sheet);
    if (recipient->original != NULL)
        put_original(sheet, slice_of(recipient->original));
    put_address(sheet, "Final-Recipient", slice_of("rfc822"), slice_of(recipient->address));
    sheet_line(sheet, "Action: failed");
    status_find(recipient, what->expired, status);
    sheet_line(sheet, "Status: %s", status);
    if (recipient->reply_code != 0 && what->remote != NULL)
        sheet_line(sheet, "Remote-MTA: dns; %s", sheet_plain(&shown, what->remote));
    if (recipient->reply_code != 0 && recipient->reply != NULL)
        sheet_wrapped(sheet, "Diagnostic-Code: smtp;", "    ", slice_of(recipient->reply));
    if (what->last_try != 0)
        sheet_date(sheet, "Last-Attempt-Date", what->last_try);
}

void status_put_message(struct sheet *sheet, const struct status *what)
{
    char bytes[SHEET_WORDS_LIMIT];
    struct text id;
    struct sheet_plain shown;

    sheet_line(sheet, "Reporting-MTA: dns; %s", sheet_plain(&shown, what->host));
    if (what->id != NULL) {
        text_init(&id, bytes, sizeof bytes);
        add_decoded(&id, slice_of(what->id));
        sheet_line(sheet, "Original-Envelope-Id: %s", sheet_plain(&shown, bytes));
    }
    sheet_date(sheet, "Arrival-Date", what->created);
}

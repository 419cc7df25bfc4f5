/* Command lines. Addresses and values come checked from message/; this is the second lock on the
 * same door: an address cannot leave its angle brackets, a value cannot become another parameter,
 * and a line cannot hold a line end. */
#include "smtp/command.h"

#include <inttypes.h>

#include "base/ascii.h"

static void empty(struct text *line)
{
    text_init(line, line->bytes, line->size);
}

/* Where `address` stops being an address that can stand in angle brackets; its length when it never
 * does. Inside a quoted string only control characters are too much. */
static size_t bad_position(struct slice address, bool smtputf8)
{
    bool quoted = false;
    for (size_t i = 0; i < address.length; i++) {
        char c = address.bytes[i];
        if (ascii_is_control(c) || (!smtputf8 && (unsigned char)c >= 0x80))
            return i;
        if (c == '\\' && quoted && i + 1 < address.length &&
            !ascii_is_control(address.bytes[i + 1]))
            i++;
        else if (c == '"')
            quoted = !quoted;
        else if (!quoted && (c == '<' || c == '>' || c == ' ' || c == '\\'))
            return i;
    }
    return quoted ? address.length - 1 : address.length;
}

static bool add_path(struct text *line, const char *address, bool smtputf8, struct error *error)
{
    struct slice path = slice_of(address);
    size_t position = bad_position(path, smtputf8);
    if (position < path.length) {
        struct text_shown shown;
        return error_set(error, EX_USAGE, "address <%s>: not allowed at position %zu",
                         text_show(&shown, path), position + 1);
    }
    text_add_byte(line, '<');
    text_add_slice(line, path);
    text_add_byte(line, '>');
    return true;
}

/* " ENVID=abc": a value is an esmtp-value (RFC 5321 section 4.1.2), UTF-8 where `utf8`. */
static bool add_parameter(struct text *line, const char *name, const char *value, bool utf8,
                          struct error *error)
{
    for (size_t i = 0; value[i] != '\0'; i++) {
        char c = value[i];
        bool high = (unsigned char)c >= 0x80;
        if ((high && !utf8) || c == ' ' || c == '=' || ascii_is_control(c))
            return error_set(error, EX_USAGE, "%s: not allowed at position %zu", name, i + 1);
    }
    text_add_format(line, " %s=", name);
    text_add(line, value);
    return true;
}

static bool finish(const struct text *line, struct error *error)
{
    if (!line->overflow)
        return true;
    struct text_shown shown;
    return error_set(error, EX_USAGE, "command line too long: %s",
                     text_show(&shown, text_slice(line)));
}

bool command_mail(struct text *line, const struct command_mail *mail, struct error *error)
{
    empty(line);
    text_add(line, "MAIL FROM:");
    if (!add_path(line, mail->sender, mail->smtputf8, error))
        return false;
    if (mail->has_size)
        text_add_format(line, " SIZE=%" PRIu64, mail->size);
    if (mail->eight_bit)
        text_add(line, " BODY=8BITMIME");
    if (mail->smtputf8)
        text_add(line, " SMTPUTF8");
    if (mail->returned != DSN_RETURN_UNSET)
        text_add(line, mail->returned == DSN_RETURN_FULL ? " RET=FULL" : " RET=HDRS");
    return (mail->id == NULL || add_parameter(line, "ENVID", mail->id, false, error)) &&
           finish(line, error);
}

bool command_rcpt(struct text *line, const struct command_rcpt *rcpt, struct error *error)
{
    empty(line);
    text_add(line, "RCPT TO:");
    if (!add_path(line, rcpt->address, rcpt->smtputf8, error))
        return false;
    if (rcpt->notify != 0) {
        text_add(line, " NOTIFY=");
        dsn_add_notify(line, rcpt->notify);
    }
    return (rcpt->original == NULL ||
            add_parameter(line, "ORCPT", rcpt->original, rcpt->smtputf8, error)) &&
           finish(line, error);
}

bool command_is_hello_name(const char *name)
{
    struct slice rest = slice_of(name);
    bool literal = rest.length > 2 && name[0] == '[' && name[rest.length - 1] == ']';
    if (literal)
        rest = slice_make(name + 1, rest.length - 2);
    if (rest.length == 0 || rest.length > 255 || rest.bytes[0] == '.' || rest.bytes[0] == '-')
        return false;
    for (size_t i = 0; i < rest.length; i++) {
        char c = rest.bytes[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        bool other = (c >= '0' && c <= '9') || c == '.' || c == '-' || (literal && c == ':');
        if (!letter && !other)
            return false;
    }
    return true;
}

bool command_hello(struct text *line, const char *verb, const char *name, struct error *error)
{
    empty(line);
    text_add_format(line, "%s %s", verb, name);
    return command_check(text_slice(line), false, error) && finish(line, error);
}

void command_bdat(struct text *line, uint64_t size)
{
    empty(line);
    text_add_format(line, "BDAT %" PRIu64 " LAST", size);
}

bool command_check(struct slice line, bool utf8, struct error *error)
{
    for (size_t i = 0; i < line.length; i++) {
        bool high = (unsigned char)line.bytes[i] >= 0x80;
        if (ascii_is_control(line.bytes[i]) || (high && !utf8))
            return error_set(error, EX_SOFTWARE, "command: octet \\x%02x at position %zu",
                             (unsigned)(unsigned char)line.bytes[i], i + 1);
    }
    return true;
}

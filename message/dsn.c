/* RFC 3461: NOTIFY (section 4.1), ORCPT (4.2), RET (4.3), ENVID (4.4), xtext (4). */
#include "message/dsn.h"

static const struct {
    const char *name;
    unsigned char flag;
} events[] = {
    {"SUCCESS", DSN_SUCCESS}, {"FAILURE", DSN_FAILURE}, {"DELAY", DSN_DELAY}, {"NEVER", DSN_NEVER}};

enum { EVENTS = sizeof events / sizeof events[0] };

static unsigned char find_event(struct slice word)
{
    for (size_t i = 0; i < EVENTS; i++)
        if (slice_equals_nocase(word, slice_of(events[i].name)))
            return events[i].flag;
    return 0;
}

bool dsn_parse_notify(struct slice value, unsigned char *notify, struct error *error)
{
    struct slice rest = value, word;
    bool valid = value.length > 0 && value.bytes[value.length - 1] != ',';
    *notify = 0;
    while (valid && slice_cut(&rest, ',', &word)) {
        unsigned char flag = find_event(word);
        valid = flag != 0;
        *notify |= flag;
    }
    if (!valid || ((*notify & DSN_NEVER) != 0 && *notify != DSN_NEVER))
        return error_set(error, EX_USAGE, "takes never, or some of success,failure,delay");
    return true;
}

bool dsn_parse_return(struct slice value, enum dsn_return *what, struct error *error)
{
    if (slice_equals_nocase(value, slice_of("full")))
        *what = DSN_RETURN_FULL;
    else if (slice_equals_nocase(value, slice_of("hdrs")))
        *what = DSN_RETURN_HEADERS;
    else
        return error_set(error, EX_USAGE, "takes full or hdrs");
    return true;
}

static bool is_hexadecimal(char byte)
{
    return (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'F');
}

/* "+2B"; one that stands for a control character would be a line end, or worse, in a report. */
static bool is_escape(struct slice text)
{
    bool valid = text.length >= 3 && is_hexadecimal(text.bytes[1]) && is_hexadecimal(text.bytes[2]);
    bool control = valid && (text.bytes[1] < '2' || (text.bytes[1] == '7' && text.bytes[2] == 'F'));
    return valid && !control;
}

static bool is_xtext(struct slice value, bool utf8)
{
    for (size_t i = 0; i < value.length; i++) {
        char byte = value.bytes[i];
        bool high = (unsigned char)byte >= 0x80;
        bool escape = byte != '+' || is_escape(slice_from(value, i));
        bool plain = high ? utf8 : byte > ' ' && byte < 0x7f && byte != '=';
        if (!plain || !escape)
            return false;
    }
    return value.length > 0;
}

bool dsn_check_id(struct slice value, struct error *error)
{
    if (value.length <= DSN_ID_LIMIT && is_xtext(value, false))
        return true;
    return error_set(error, EX_USAGE,
                     "takes an envelope id: up to %d printable characters, with + and = written "
                     "as +2B and +3D",
                     DSN_ID_LIMIT);
}

bool dsn_check_original(struct slice value, bool utf8, struct error *error)
{
    size_t type = slice_find(value, ';');
    if (value.length <= DSN_ORIGINAL_LIMIT && type > 0 && is_xtext(slice_to(value, type), false) &&
        is_xtext(slice_from(value, type + 1), utf8))
        return true;
    return error_set(error, EX_USAGE,
                     "takes an address and its type, such as rfc822;user@example.com, of up to %d "
                     "characters, with + and = written as +2B and +3D",
                     DSN_ORIGINAL_LIMIT);
}

void dsn_add_notify(struct text *out, unsigned char notify)
{
    const char *between = "";
    for (size_t i = 0; i < EVENTS; i++) {
        if ((notify & events[i].flag) == 0)
            continue;
        text_add(out, between);
        text_add(out, events[i].name);
        between = ",";
    }
}

void dsn_add_original(struct text *out, const char *address)
{
    text_add(out, "rfc822;");
    for (; *address != '\0'; address++) {
        bool plain = *address > ' ' && *address < 0x7f && *address != '+' && *address != '=';
        if (plain)
            text_add_byte(out, *address);
        else
            text_add_format(out, "+%02X", (unsigned)(unsigned char)*address);
    }
}

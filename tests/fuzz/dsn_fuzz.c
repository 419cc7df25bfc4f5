/* Property: parameters of delivery reports are refused, or mean nothing that is no printable
 * character, and are what they were when written out again; and any address becomes an ORCPT that
 * means just this address. The first octet chooses. */
#include "tests/fuzz/fuzz.h"

#include "message/dsn.h"

static int hex_value(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    demand(digit >= 'A' && digit <= 'F');
    return digit - 'A' + 10;
}

/* What xtext (RFC 3461 section 4) stands for, which must be well-formed. */
static void decode(struct slice xtext, bool utf8, struct buffer *out)
{
    for (size_t i = 0; i < xtext.length; i++) {
        unsigned char octet = (unsigned char)xtext.bytes[i];
        demand(octet > ' ' && octet != '=' && octet != 0x7f && (utf8 || octet < 0x7f));
        if (octet == '+') {
            demand(i + 2 < xtext.length);
            octet =
                (unsigned char)(hex_value(xtext.bytes[i + 1]) * 16 + hex_value(xtext.bytes[i + 2]));
            i += 2;
        }
        demand(buffer_add_byte(out, (char)octet));
    }
}

static void check_no_controls(const struct buffer *text)
{
    for (size_t i = 0; i < text->length; i++)
        demand((unsigned char)text->bytes[i] >= ' ' && text->bytes[i] != 0x7f);
}

static void check_error(const struct error *error)
{
    demand(error->exit_code == EX_USAGE);
    fuzz_check_printable(error->sentence);
}

static void check_notify(struct slice value)
{
    unsigned char notify, again = 0;
    struct error error;
    char bytes[64];
    struct text text;
    if (!dsn_parse_notify(value, &notify, &error)) {
        check_error(&error);
        return;
    }
    demand(notify != 0 && notify < 16 && (!(notify & DSN_NEVER) || notify == DSN_NEVER));
    text_init(&text, bytes, sizeof bytes);
    dsn_add_notify(&text, notify);
    demand(!text.overflow && dsn_parse_notify(text_slice(&text), &again, &error));
    demand(again == notify);
}

static void check_id(struct slice value)
{
    struct error error;
    struct buffer meaning = {0};
    if (!dsn_check_id(value, &error)) {
        check_error(&error);
        return;
    }
    demand(value.length >= 1 && value.length <= DSN_ID_LIMIT);
    decode(value, false, &meaning);
    check_no_controls(&meaning);
    buffer_free(&meaning);
}

static void check_original(struct slice value, bool utf8)
{
    struct error error;
    struct buffer meaning = {0};
    if (!dsn_check_original(value, utf8, &error)) {
        check_error(&error);
        return;
    }
    size_t type = slice_find(value, ';');
    demand(value.length <= DSN_ORIGINAL_LIMIT && type > 0 && type + 1 < value.length);
    decode(slice_to(value, type), false, &meaning);
    decode(slice_from(value, type + 1), utf8, &meaning);
    check_no_controls(&meaning);
    buffer_free(&meaning);
}

static void check_written(struct slice value)
{
    struct error error;
    struct buffer address = {0}, meaning = {0};
    char bytes[4096];
    struct text text;
    bool controls = false;
    for (size_t i = 0; i < value.length && i < 1000 && value.bytes[i] != '\0'; i++) {
        buffer_add_byte(&address, value.bytes[i]);
        controls = controls || (unsigned char)value.bytes[i] < ' ' || value.bytes[i] == 0x7f;
    }
    buffer_add_byte(&address, '\0');
    text_init(&text, bytes, sizeof bytes);
    dsn_add_original(&text, address.bytes);
    demand(!text.overflow && slice_starts_nocase(text_slice(&text), "rfc822;"));
    decode(slice_from(text_slice(&text), 7), false, &meaning);
    demand(slice_equals(buffer_slice(&meaning), slice_of(address.bytes)));
    bool fits = text.length > 7 && text.length <= DSN_ORIGINAL_LIMIT && !controls;
    demand(dsn_check_original(text_slice(&text), false, &error) == fits);
    buffer_free(&address);
    buffer_free(&meaning);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (size == 0)
        return 0;
    struct slice value = slice_make((const char *)bytes + 1, size - 1);
    enum dsn_return returned = DSN_RETURN_UNSET;
    struct error error;
    char *own = fuzz_copy(value);
    value.bytes = own;
    switch (bytes[0] % 6) {
    case 0:
        check_notify(value);
        break;
    case 1:
        check_id(value);
        break;
    case 2:
        check_original(value, false);
        break;
    case 3:
        check_original(value, true);
        break;
    case 4:
        check_written(value);
        break;
    default:
        if (dsn_parse_return(value, &returned, &error))
            demand((returned == DSN_RETURN_FULL || returned == DSN_RETURN_HEADERS) &&
                   value.length == 4);
        else
            check_error(&error);
    }
    free(own);
    return 0;
}

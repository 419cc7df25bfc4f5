/* Parameters as people really write them (RFC 2045 section 5.1): values that should be in quotes
 * and are not, quotes in the middle, blanks around '='. Invariant: time is linear in the value, and
 * what is handed out are stretches of it. */
#include "message/parameter.h"

#include "base/ascii.h"
#include "message/address.h"

/* NUL counts as the blank that it becomes where it cannot stay. */
static bool is_gap(struct address_token token)
{
    bool nul = token.kind == ADDRESS_SPECIAL && token.span.bytes[0] == '\0';
    return nul || token.kind == ADDRESS_BLANK || token.kind == ADDRESS_COMMENT;
}

size_t parameter_token(struct slice value, struct text *out)
{
    struct slice rest = value;
    struct address_token token = address_next_token(&rest);
    size_t end = 0;
    while (token.kind == ADDRESS_ATOM || is_gap(token)) {
        if (token.kind == ADDRESS_ATOM) {
            text_add_slice(out, token.span);
            end = (size_t)(token.span.bytes - value.bytes) + token.span.length;
        }
        token = address_next_token(&rest);
    }
    return end;
}

static bool is_divider(struct address_token token)
{
    return token.kind == ADDRESS_SPECIAL && token.span.bytes[0] == ';';
}

static struct address_token next_solid(struct slice *rest)
{
    struct address_token token = address_next_token(rest);
    while (is_gap(token))
        token = address_next_token(rest);
    return token;
}

/* A run of tokens that nothing divides; its first octet is the first of `rest` that is no gap. */
static struct slice cut_value(struct slice *rest)
{
    struct slice ahead = *rest;
    struct address_token token = next_solid(&ahead);
    struct slice value = slice_make(token.span.bytes, 0);
    while (token.kind != ADDRESS_END && !is_gap(token) && !is_divider(token)) {
        value.length += token.span.length;
        *rest = ahead;
        token = address_next_token(&ahead);
    }
    return value;
}

/* The '=' may stand in the name's own token, or behind blanks. */
static bool cut_name(struct slice *rest, struct address_token first, struct slice *name)
{
    size_t length = slice_find(first.span, '=');
    *name = slice_to(first.span, length);
    if (length < first.span.length) {
        *rest = slice_make(first.span.bytes + length + 1,
                           rest->length + first.span.length - length - 1);
        return length > 0;
    }
    struct slice ahead = *rest;
    struct address_token token = next_solid(&ahead);
    if (token.kind != ADDRESS_ATOM || token.span.bytes[0] != '=')
        return false;
    *rest = slice_make(token.span.bytes + 1, ahead.length + token.span.length - 1);
    return true;
}

bool parameter_next(struct slice *rest, struct parameter *parameter)
{
    struct address_token token = address_next_token(rest);
    while (token.kind != ADDRESS_END) {
        if (!is_divider(token)) {
            token = address_next_token(rest);
            continue;
        }
        token = next_solid(rest);
        if (token.kind == ADDRESS_ATOM && cut_name(rest, token, &parameter->name)) {
            parameter->value = cut_value(rest);
            return true;
        }
    }
    return false;
}

bool parameter_octet(struct slice *value, bool *quoted, char *octet)
{
    while (value->length > 0) {
        *octet = value->bytes[0];
        *value = slice_from(*value, 1);
        if (*octet == '"') {
            *quoted = !*quoted;
        } else if (*octet == '\\' && *quoted && value->length > 0) {
            *octet = value->bytes[0];
            *value = slice_from(*value, 1);
            return true;
        } else if (*octet != '\r' && *octet != '\n') {
            return true;
        }
    }
    return false;
}

void parameter_meaning(struct slice value, struct text *out)
{
    bool quoted = false;
    char octet;
    while (parameter_octet(&value, &quoted, &octet))
        text_add_byte(out, octet);
}

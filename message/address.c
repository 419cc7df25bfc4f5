/* Address lists (RFC 5322 sections 3.4 and 4.4) and envelope addresses (RFC 5321 section 4.1.2).
 *
 * A list is read in one pass. What is wrong with an element is remembered and only told at its end,
 * since a '<' or ':' further on may make a display name or a group's name of all before it. What
 * address_canonical lets out is fit for an SMTP command line: no control characters, no blank or
 * angle bracket outside quotes. */
#include "message/address.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/ascii.h"
#include "base/utf8.h"
#include "message/idna.h"

/* A domain of 253 octets in its ASCII form may be longer in UTF-8. */
enum { DOMAIN_SIZE = 1024 };

/* atext of RFC 5322 and RFC 6532, and the dot. */
static bool is_atom(char byte)
{
    return byte != ' ' && !ascii_is_control(byte) && strchr("()<>[]:;@\\,\"", byte) == NULL;
}

static size_t run_length(struct slice rest, bool (*is_member)(char))
{
    size_t length = 1;
    while (length < rest.length && is_member(rest.bytes[length]))
        length++;
    return length;
}

/* 0 where the comment does not end. */
static size_t comment_length(struct slice rest)
{
    size_t depth = 0;
    for (size_t i = 0; i < rest.length; i++) {
        if (rest.bytes[i] == '\\')
            i++;
        else if (rest.bytes[i] == '(')
            depth++;
        else if (rest.bytes[i] == ')' && --depth == 0)
            return i + 1;
    }
    return 0;
}

/* 0 where the string does not end. */
static size_t quoted_length(struct slice rest)
{
    for (size_t i = 1; i < rest.length; i++) {
        if (rest.bytes[i] == '\\')
            i++;
        else if (rest.bytes[i] == '"')
            return i + 1;
    }
    return 0;
}

/* 0 where the bracket opens no literal. Stopping at the next one keeps many of them linear. */
static size_t literal_length(struct slice rest)
{
    for (size_t i = 1; i < rest.length; i++) {
        if (rest.bytes[i] == ']')
            return i + 1;
        if (!is_atom(rest.bytes[i]) && !ascii_is_space(rest.bytes[i]) && rest.bytes[i] != ':')
            return 0;
    }
    return 0;
}

struct address_token address_next_token(struct slice *rest)
{
    struct address_token token = {ADDRESS_END, slice_make(rest->bytes, 0), false};
    if (rest->length == 0)
        return token;
    size_t length = 1;
    token.kind = ADDRESS_SPECIAL;
    if (ascii_is_space(rest->bytes[0])) {
        token.kind = ADDRESS_BLANK;
        length = run_length(*rest, ascii_is_space);
    } else if (is_atom(rest->bytes[0])) {
        token.kind = ADDRESS_ATOM;
        length = run_length(*rest, is_atom);
    } else if (rest->bytes[0] == '(') {
        token.kind = ADDRESS_COMMENT;
        length = comment_length(*rest);
    } else if (rest->bytes[0] == '"') {
        token.kind = ADDRESS_QUOTED;
        length = quoted_length(*rest);
    } else if (rest->bytes[0] == '[' && literal_length(*rest) > 0) {
        token.kind = ADDRESS_LITERAL;
        length = literal_length(*rest);
    }
    token.unterminated = length == 0;
    if (token.unterminated)
        length = rest->length;
    token.span = slice_make(rest->bytes, length);
    *rest = slice_make(rest->bytes + length, rest->length - length);
    return token;
}

/* Where the reader of an element stands. */
enum place {
    PLACE_OPEN,   /* in an address or, if a '<' comes, in a display name */
    PLACE_ANGLE,  /* between '<' and '>' */
    PLACE_ROUTE,  /* between '<' and the ':' that ends a route */
    PLACE_BEHIND, /* behind '>' */
    PLACE_BROKEN  /* in what no further token can mend */
};

struct element {
    enum place place;
    const char *start; /* of the element, or behind the group's colon */
    struct slice local, domain, whole;
    const char *at;    /* the '@' between them, NULL where there is none */
    const char *where; /* what is wrong first, NULL while nothing is */
    const char *wrong; /* in words; NULL: the character at `where` */
};

static void blame(struct element *element, const char *where, const char *wrong)
{
    if (element->where != NULL)
        return;
    element->where = where;
    element->wrong = wrong;
}

/* Starts again behind `start` with what has been read proved to be a name or a route. */
static void start_address(struct element *element, enum place place, const char *start)
{
    *element = (struct element){.place = place, .start = start};
}

static void take_word(struct element *element, const struct address_token *token)
{
    struct slice *part = element->at != NULL ? &element->domain : &element->local;
    struct slice span = token->span;
    if (element->place == PLACE_ROUTE || element->place == PLACE_BROKEN)
        return;
    if (element->place == PLACE_BEHIND)
        blame(element, span.bytes, "text behind the \">\"");
    else if (token->kind == (element->at != NULL ? ADDRESS_QUOTED : ADDRESS_LITERAL))
        blame(element, span.bytes, NULL);
    else if (part->length > 0 && part->bytes[part->length - 1] != '.' && span.bytes[0] != '.')
        blame(element, span.bytes, "a second word");
    if (part->length == 0)
        *part = slice_make(span.bytes, 0);
    part->length = (size_t)(span.bytes + span.length - part->bytes);
}

static void take_at(struct element *element, const char *where)
{
    if (element->place == PLACE_ANGLE && element->local.length == 0 && element->at == NULL)
        element->place = PLACE_ROUTE;
    else if (element->place == PLACE_BEHIND)
        blame(element, where, "text behind the \">\"");
    else if (element->place != PLACE_ROUTE && element->at != NULL)
        blame(element, where, "a second \"@\"");
    else if (element->place != PLACE_ROUTE)
        element->at = where;
}

static void take_colon(struct element *element, const char *where)
{
    bool names_group = element->place == PLACE_OPEN && element->local.length > 0;
    if (names_group && element->at == NULL) {
        start_address(element, PLACE_OPEN, where + 1);
    } else if (element->place == PLACE_ROUTE) {
        start_address(element, PLACE_ANGLE, element->start);
    } else {
        blame(element, where, NULL);
        element->place = PLACE_BROKEN;
    }
}

static void take_special(struct element *element, const char *where)
{
    if (*where == '@') {
        take_at(element, where);
    } else if (*where == ':') {
        take_colon(element, where);
    } else if (*where == '<' && element->place == PLACE_OPEN) {
        start_address(element, PLACE_ANGLE, element->start);
    } else if (*where == '>' && element->place == PLACE_ANGLE) {
        element->place = PLACE_BEHIND;
        if (element->local.length == 0 && element->at == NULL)
            blame(element, where, "nothing between \"<\" and \">\"");
    } else if (*where != ',') { /* one that gets here stands in a route */
        blame(element, where, NULL);
    }
}

static void take_token(struct element *element, const struct address_token *token)
{
    if (token->kind == ADDRESS_SPECIAL)
        take_special(element, token->span.bytes);
    else if (token->kind == ADDRESS_COMMENT && token->unterminated)
        blame(element, token->span.bytes, "a comment without its end");
    else if (token->kind == ADDRESS_QUOTED && token->unterminated)
        blame(element, token->span.bytes, "a quoted string without its end");
    else if (token->kind != ADDRESS_BLANK && token->kind != ADDRESS_COMMENT)
        take_word(element, token);
}

static bool ends_element(const struct element *element, const struct address_token *token)
{
    if (token->kind != ADDRESS_SPECIAL)
        return token->kind == ADDRESS_END;
    if (token->span.bytes[0] == ',')
        return element->place != PLACE_ROUTE;
    return token->span.bytes[0] == ';';
}

static void read_element(struct slice *rest, struct element *element)
{
    start_address(element, PLACE_OPEN, rest->bytes);
    struct address_token token = address_next_token(rest);
    while (!ends_element(element, &token)) {
        take_token(element, &token);
        token = address_next_token(rest);
    }
    const char *end = token.span.bytes;
    element->whole = slice_trim(slice_make(element->start, (size_t)(end - element->start)));
    if (element->place == PLACE_ANGLE || element->place == PLACE_ROUTE)
        blame(element, end, "a missing \">\"");
    else if (element->at != NULL && element->local.length == 0)
        blame(element, element->at, "nothing before the \"@\"");
    else if (element->at != NULL && element->domain.length == 0)
        blame(element, element->at, "nothing behind the \"@\"");
}

/* `wrong` is NULL where the character at `where` is what is wrong. */
static bool refuse(struct slice whole, const char *where, const char *wrong, struct error *error)
{
    struct text_shown shown, character;
    size_t position = (size_t)(where - whole.bytes) + 1;
    text_show(&shown, whole);
    if (wrong != NULL)
        return error_set_permanent(error, EX_USAGE, "\"%s\" is no address: %s at position %zu",
                                   shown.bytes, wrong, position);
    return error_set_permanent(error, EX_USAGE, "\"%s\" is no address: %s \"%s\" at position %zu",
                               shown.bytes,
                               ascii_is_control(*where) ? "control character" : "unexpected",
                               text_show(&character, slice_make(where, 1)), position);
}

bool address_next(struct slice *rest, struct address_mailbox *mailbox, bool *found,
                  struct error *error)
{
    *found = false;
    while (rest->length > 0 && !*found) {
        struct element element;
        read_element(rest, &element);
        *mailbox = (struct address_mailbox){element.local, element.domain, element.whole};
        if (element.where != NULL)
            return refuse(element.whole, element.where, element.wrong, error);
        *found = element.local.length > 0;
    }
    return true;
}

/* Appends what a quoted string means. */
static void add_unquoted(struct text *out, struct slice quoted)
{
    for (size_t i = 1; i + 1 < quoted.length; i++) {
        if (quoted.bytes[i] == '\\')
            i++;
        text_add_byte(out, quoted.bytes[i]);
    }
}

/* What the local part means, without quotes, comments and blanks. */
static bool read_local(const struct address_mailbox *mailbox, struct text *out, struct error *error)
{
    struct slice rest = mailbox->local;
    for (;;) {
        struct address_token token = address_next_token(&rest);
        bool is_quoted = token.kind == ADDRESS_QUOTED && !token.unterminated;
        if (token.kind == ADDRESS_END)
            return true;
        if (token.kind == ADDRESS_BLANK || token.kind == ADDRESS_COMMENT)
            continue;
        if (token.kind != ADDRESS_ATOM && !is_quoted)
            return refuse(mailbox->whole, token.span.bytes, NULL, error);
        for (size_t i = 0; i < token.span.length; i++)
            if (ascii_is_control(token.span.bytes[i]))
                return refuse(mailbox->whole, token.span.bytes + i, NULL, error);
        if (is_quoted)
            add_unquoted(out, token.span);
        else
            text_add_slice(out, token.span);
    }
}

static bool is_dot_atom(struct slice local)
{
    bool after_dot = true;
    for (size_t i = 0; i < local.length; i++) {
        bool is_dot = local.bytes[i] == '.';
        if (!is_atom(local.bytes[i]) || (is_dot && after_dot))
            return false;
        after_dot = is_dot;
    }
    return !after_dot;
}

static void add_local(struct text *out, struct slice local)
{
    if (is_dot_atom(local)) {
        text_add_slice(out, local);
        return;
    }
    text_add_byte(out, '"');
    for (size_t i = 0; i < local.length; i++) {
        if (local.bytes[i] == '"' || local.bytes[i] == '\\')
            text_add_byte(out, '\\');
        text_add_byte(out, local.bytes[i]);
    }
    text_add_byte(out, '"');
}

/* `literal` starts with its bracket. */
static bool add_literal(struct text *out, struct slice literal, struct error *error)
{
    char address[INET6_ADDRSTRLEN];
    struct text text;
    struct slice inside = slice_trim(slice_to(slice_from(literal, 1), literal.length - 2));
    bool is_six = slice_starts_nocase(inside, "IPv6:");
    union {
        struct in_addr four;
        struct in6_addr six;
    } binary;
    text_init(&text, address, sizeof address);
    text_add_slice(&text, is_six ? slice_from(inside, strlen("IPv6:")) : inside);
    bool is_whole = !text.overflow && strlen(address) == text.length;
    if (literal.bytes[literal.length - 1] != ']' || !is_whole ||
        inet_pton(is_six ? AF_INET6 : AF_INET, address, &binary) != 1)
        return error_set_permanent(error, EX_USAGE, "no IP address between the brackets");
    text_add_format(out, "[%s%s]", is_six ? "IPv6:" : "", address);
    return true;
}

/* `written` may have comments and blanks around its dots. */
static bool add_domain(struct text *out, struct slice written, struct error *error)
{
    char bytes[DOMAIN_SIZE];
    struct text domain;
    text_init(&domain, bytes, sizeof bytes);
    struct address_token token = address_next_token(&written);
    for (; token.kind != ADDRESS_END; token = address_next_token(&written))
        if (token.kind != ADDRESS_BLANK && token.kind != ADDRESS_COMMENT)
            text_add_slice(&domain, token.span);
    if (domain.overflow)
        return error_set_permanent(error, EX_USAGE, "the domain is too long");
    if (bytes[0] == '[')
        return add_literal(out, text_slice(&domain), error);
    return idna_to_ascii(text_slice(&domain), out, error);
}

static bool check_local(struct slice local, bool is_bare, bool *needs_utf8, struct error *error)
{
    if (local.length == 0)
        return error_set_permanent(error, EX_USAGE, "nothing before the \"@\"");
    if (is_bare && (local.bytes[0] == '-' || local.bytes[0] == '|' || local.bytes[0] == '/'))
        return error_set_permanent(error, EX_USAGE, "it starts with \"%c\" and has no domain",
                                   local.bytes[0]);
    if (!slice_has_8bit(local))
        return true;
    if (!utf8_is_valid(local))
        return error_set_permanent(error, EX_USAGE, "what stands before the \"@\" is not UTF-8");
    *needs_utf8 = true;
    return true;
}

bool address_canonical(const struct address_mailbox *mailbox, const char *default_domain,
                       struct text *out, bool *needs_utf8, struct error *error)
{
    char bytes[ADDRESS_SIZE];
    struct text local;
    struct text_shown shown;
    bool is_bare = mailbox->domain.length == 0;
    struct slice domain = is_bare ? slice_of(default_domain) : mailbox->domain;

    text_init(&local, bytes, sizeof bytes);
    if (!read_local(mailbox, &local, error))
        return false;
    text_show(&shown, mailbox->whole);
    if (!check_local(text_slice(&local), is_bare, needs_utf8, error))
        return error_add_context(error, "\"%s\" is no address", shown.bytes);
    add_local(out, text_slice(&local));
    if (domain.length > 0) {
        text_add_byte(out, '@');
        if (!add_domain(out, domain, error))
            return error_add_context(error, "\"%s\" is no address", shown.bytes);
    }
    if (local.overflow || out->overflow)
        return error_set_permanent(error, EX_USAGE,
                                   "\"%s\" is no address: it is longer than %d octets", shown.bytes,
                                   ADDRESS_SIZE - 1);
    return true;
}

bool address_check_controls(struct slice string, struct error *error)
{
    for (size_t i = 0; i < string.length; i++)
        if (ascii_is_control(string.bytes[i]) && string.bytes[i] != '\t')
            return refuse(string, string.bytes + i, NULL, error);
    return true;
}

bool address_parse_one(struct slice string, const char *default_domain, struct text *out,
                       bool *needs_utf8, struct error *error)
{
    struct address_mailbox mailbox, second;
    struct text_shown shown;
    bool found;
    struct slice rest = slice_trim(string);
    if (!address_check_controls(string, error))
        return false;
    if (rest.length == 0 || slice_equals(rest, slice_of("<>")))
        return true;
    if (!address_next(&rest, &mailbox, &found, error))
        return false;
    if (!found)
        return error_set_permanent(error, EX_USAGE, "\"%s\" is no address: there is none in it",
                                   text_show(&shown, string));
    if (!address_next(&rest, &second, &found, error))
        return false;
    if (found)
        return error_set_permanent(error, EX_USAGE, "\"%s\" is more than one address",
                                   text_show(&shown, string));
    return address_canonical(&mailbox, default_domain, out, needs_utf8, error);
}

/* Only the last '*' is ever gone back to, so the time is bounded by the product of the lengths. */
static bool matches(struct slice address, size_t domain, struct slice pattern)
{
    size_t a = 0, p = 0, star = SIZE_MAX, tried = 0;
    while (a < address.length) {
        bool is_star = p < pattern.length && pattern.bytes[p] == '*';
        bool is_same =
            p < pattern.length &&
            (pattern.bytes[p] == address.bytes[a] ||
             (a >= domain && ascii_lower(pattern.bytes[p]) == ascii_lower(address.bytes[a])));
        if (is_star) {
            star = p++;
            tried = a;
        } else if (is_same) {
            a++;
            p++;
        } else if (star != SIZE_MAX) {
            a = ++tried;
            p = star + 1;
        } else {
            return false;
        }
    }
    while (p < pattern.length && pattern.bytes[p] == '*')
        p++;
    return p == pattern.length;
}

bool address_matches(struct slice address, const char *patterns)
{
    struct slice rest = slice_of(patterns), pattern;
    size_t domain = address.length;
    while (domain > 0 && address.bytes[domain - 1] != '@')
        domain--;
    if (domain == 0)
        domain = address.length;
    while (slice_cut_word(&rest, &pattern))
        if (matches(address, domain, pattern))
            return true;
    return false;
}

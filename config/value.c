/* From the text of a value to its type. Invariant: no sentence here holds a byte of the value. */
#include "config/value.h"

#include <arpa/inet.h>
#include <string.h>
#include <syslog.h>

#include "base/text.h"
#include "config/suggest.h"
#include "message/address.h"
#include "message/idna.h"
#include "smtp/command.h"

enum { DOMAIN_SIZE = 256 };

bool value_boolean(struct slice value, bool *result, struct error *error)
{
    *result = slice_equals(value, slice_of("yes"));
    if (*result || slice_equals(value, slice_of("no")))
        return true;
    return error_set(error, EX_CONFIG, "must be yes or no");
}

static bool fail_choice(struct slice value, const char *choices, struct error *error)
{
    char buffer[256];
    struct text list;
    text_init(&list, buffer, sizeof buffer);
    struct slice rest = slice_of(choices), word;
    while (slice_cut_word(&rest, &word)) {
        if (list.length > 0)
            text_add(&list, slice_trim(rest).length == 0 ? " or " : ", ");
        text_add_slice(&list, word);
    }
    error_set(error, EX_CONFIG, "must be %s", buffer);
    struct suggest suggest;
    suggest_start(&suggest, value);
    suggest_offer_words(&suggest, choices);
    return suggest_add(&suggest, "", error);
}

bool value_choice(struct slice value, const char *choices, unsigned *result, struct error *error)
{
    struct slice rest = slice_of(choices), word;
    for (unsigned i = 0; slice_cut_word(&rest, &word); i++) {
        if (slice_equals(word, value)) {
            *result = i;
            return true;
        }
    }
    return fail_choice(value, choices, error);
}

struct unit {
    const char *name;
    int64_t factor;
};

/* A number, and one of the units behind it. Listed from the largest on. */
static bool parse_amount(struct slice value, const struct unit *units, int64_t *result)
{
    size_t digits = 0;
    while (digits < value.length && value.bytes[digits] >= '0' && value.bytes[digits] <= '9')
        digits++;
    struct slice name = slice_from(value, digits);
    for (; units->name != NULL; units++) {
        if (!slice_equals(name, slice_of(units->name)))
            continue;
        uint64_t number;
        if (!slice_parse_number(slice_to(value, digits), (uint64_t)(INT64_MAX / units->factor),
                                &number))
            return false;
        *result = (int64_t)number * units->factor;
        return true;
    }
    return false;
}

/* The amount in the largest unit that divides it. */
static void show_amount(struct text *out, int64_t amount, const struct unit *units)
{
    while (units[1].name != NULL && (amount == 0 || amount % units->factor != 0))
        units++;
    text_add_format(out, "%lld%s", (long long)(amount / units->factor), units->name);
}

static bool check_range(int64_t amount, struct value_range range, const struct unit *units,
                        struct error *error)
{
    if (amount >= range.minimum && amount <= range.maximum)
        return true;
    char buffer[64];
    struct text text;
    text_init(&text, buffer, sizeof buffer);
    show_amount(&text, range.minimum, units);
    text_add(&text, " to ");
    show_amount(&text, range.maximum, units);
    return error_set(error, EX_CONFIG, "out of range, which is %s", buffer);
}

bool value_duration(struct slice value, struct value_range range, int64_t *result,
                    struct error *error)
{
    static const struct unit units[] = {{"d", 24LL * 60 * 60 * 1000},
                                        {"h", 60LL * 60 * 1000},
                                        {"m", 60LL * 1000},
                                        {"s", 1000LL},
                                        {"ms", 1LL},
                                        {NULL, 0}};
    if (!parse_amount(value, units, result))
        return error_set(error, EX_CONFIG,
                         "must be a number with its unit, such as 250ms, 30s, 5m, 4h or 5d");
    return check_range(*result, range, units, error);
}

bool value_size(struct slice value, struct value_range range, uint64_t *result, struct error *error)
{
    static const struct unit units[] = {{"T", 1LL << 40}, {"G", 1LL << 30}, {"M", 1LL << 20},
                                        {"K", 1LL << 10}, {"", 1LL},        {NULL, 0}};
    int64_t amount;
    if (!parse_amount(value, units, &amount))
        return error_set(error, EX_CONFIG, "must be a number of bytes, or one such as 64K or 50M");
    *result = (uint64_t)amount;
    return check_range(amount, range, units, error);
}

bool value_number(struct slice value, struct value_range range, uint64_t *result,
                  struct error *error)
{
    static const struct unit units[] = {{"", 1LL}, {NULL, 0}};
    int64_t amount;
    if (!parse_amount(value, units, &amount))
        return error_set(error, EX_CONFIG, "must be a number");
    *result = (uint64_t)amount;
    return check_range(amount, range, units, error);
}

bool value_ports(struct slice value, size_t limit, uint16_t *ports, struct error *error)
{
    struct slice word;
    size_t count = 0;
    for (; slice_cut_word(&value, &word); count++) {
        uint64_t port;
        if (!slice_parse_number(word, UINT16_MAX, &port) || port == 0)
            return error_set(error, EX_CONFIG,
                             "must be port numbers, 1 to 65535, with blanks "
                             "between them");
        if (count == limit)
            return error_set(error, EX_CONFIG, "more than %zu ports", limit);
        ports[count] = (uint16_t)port;
    }
    ports[count] = 0;
    return true;
}

static bool copy(struct slice value, const char **result, struct arena *arena, struct error *error)
{
    *result = arena_copy(arena, value);
    return *result != NULL || error_set_memory(error);
}

static bool parse_domain(struct slice value, const char *expected, const char **result,
                         struct arena *arena, struct error *error)
{
    char buffer[DOMAIN_SIZE];
    struct text ascii;
    text_init(&ascii, buffer, sizeof buffer);
    struct error reason;
    if (!idna_to_ascii(value, &ascii, &reason) || ascii.overflow || ascii.length == 0)
        return error_set(error, EX_CONFIG, "must be %s", expected);
    return copy(text_slice(&ascii), result, arena, error);
}

bool value_domain(struct slice value, const char **result, struct arena *arena, struct error *error)
{
    return parse_domain(value, "a domain name", result, arena, error);
}

/* An IPv4 or IPv6 address, without brackets. */
static bool is_address(struct slice value)
{
    char buffer[INET6_ADDRSTRLEN + 32];
    struct text text;
    struct in6_addr address;
    text_init(&text, buffer, sizeof buffer);
    text_add_slice(&text, slice_to(value, slice_find(value, '%'))); /* fe80::1%eth0 */
    return !text.overflow && (inet_pton(AF_INET, buffer, &address) == 1 ||
                              inet_pton(AF_INET6, buffer, &address) == 1);
}

static bool is_bracketed(struct slice value)
{
    return value.length > 2 && value.bytes[0] == '[' && value.bytes[value.length - 1] == ']';
}

static struct slice without_brackets(struct slice value)
{
    return slice_make(value.bytes + 1, value.length - 2);
}

static bool parse_service(struct slice domain, const char **host, struct arena *arena,
                          struct error *error)
{
    static const char form[] = "srv: and a domain, as in srv:example.com";
    const char *ascii = NULL;
    if (is_address(domain))
        return error_set(error, EX_CONFIG, "must be %s", form);
    if (!parse_domain(domain, form, &ascii, arena, error))
        return false;
    *host = arena_format(arena, "srv:%s", ascii);
    return *host != NULL || error_set_memory(error);
}

static bool parse_host(struct slice word, const char **host, struct arena *arena,
                       struct error *error)
{
    if (slice_starts_nocase(word, "srv:"))
        return parse_service(slice_from(word, strlen("srv:")), host, arena, error);
    if (is_address(word) || (is_bracketed(word) && is_address(without_brackets(word))))
        return copy(word, host, arena, error);
    if (slice_find(word, ':') < word.length)
        return error_set(error, EX_CONFIG,
                         "must be names or addresses; a port is written as port = 587");
    if (slice_find(word, ',') < word.length)
        return error_set(error, EX_CONFIG, "must be names or addresses with blanks between them");
    return value_domain(word, host, arena, error);
}

bool value_hosts(struct slice value, size_t limit, const char **hosts, struct arena *arena,
                 struct error *error)
{
    struct slice word;
    size_t count = 0;
    for (; slice_cut_word(&value, &word); count++) {
        if (count == limit)
            return error_set(error, EX_CONFIG, "more than %zu hosts", limit);
        if (!parse_host(word, &hosts[count], arena, error))
            return false;
    }
    hosts[count] = NULL;
    return true;
}

static const char helo_form[] = "a domain name or an address in brackets";

static bool parse_literal(struct slice value, const char **result, struct arena *arena,
                          struct error *error)
{
    struct slice address = without_brackets(value);
    if (slice_starts_nocase(address, "IPv6:"))
        address = slice_from(address, strlen("IPv6:"));
    else if (slice_find(address, ':') < address.length)
        return error_set(error, EX_CONFIG, "an IPv6 address is written as [IPv6:2001:db8::1]");
    if (!is_address(address))
        return error_set(error, EX_CONFIG, "must be %s", helo_form);
    return copy(value, result, arena, error);
}

bool value_helo(struct slice value, const char **result, struct arena *arena, struct error *error)
{
    bool good = is_bracketed(value) ? parse_literal(value, result, arena, error)
                                    : parse_domain(value, helo_form, result, arena, error);
    if (!good)
        return false;
    return command_is_hello_name(*result) ||
           error_set(error, EX_CONFIG,
                     "servers take a name of letters, digits, hyphens and dots, or an address in "
                     "brackets");
}

bool value_path(struct slice value, const char *home, const char **result, struct arena *arena,
                struct error *error)
{
    if (value.bytes[0] == '/')
        return copy(value, result, arena, error);
    if (home == NULL && slice_starts_nocase(value, "~/"))
        return error_set(error, EX_CONFIG, "~/ works only in ~/.config/sendmail/config.ini");
    if (!slice_starts_nocase(value, "~/"))
        return error_set(error, EX_CONFIG, "must be an absolute path%s",
                         home == NULL ? "" : ", or start with ~/");
    *result = arena_format(arena, "%s%.*s", home, (int)value.length - 1, value.bytes + 1);
    return *result != NULL || error_set_memory(error);
}

static bool is_bare_address(struct slice word)
{
    char buffer[ADDRESS_SIZE];
    struct text canonical;
    struct error reason;
    bool needs_utf8 = false;
    text_init(&canonical, buffer, sizeof buffer);
    return address_parse_one(word, "localhost", &canonical, &needs_utf8, &reason) &&
           canonical.length > 0;
}

bool value_patterns(struct slice value)
{
    struct slice all = slice_trim(value), word;
    for (size_t i = 0; i < all.length; i++) {
        if (all.bytes[i] == '\0' || strchr("<>()\",;", all.bytes[i]) != NULL)
            return false;
    }
    while (slice_cut_word(&value, &word)) {
        bool whole = slice_find(word, '@') < word.length || word.length == all.length;
        if (slice_find(word, '*') == word.length && !(whole && is_bare_address(word)))
            return false;
    }
    return true;
}

bool value_facility(struct slice value, int *result, struct error *error)
{
    static const char names[] = "off auth authpriv cron daemon ftp lpr mail news syslog user uucp "
                                "local0 local1 local2 local3 local4 local5 local6 local7";
    static const int facilities[] = {-1,         LOG_AUTH,   LOG_AUTHPRIV, LOG_CRON,   LOG_DAEMON,
                                     LOG_FTP,    LOG_LPR,    LOG_MAIL,     LOG_NEWS,   LOG_SYSLOG,
                                     LOG_USER,   LOG_UUCP,   LOG_LOCAL0,   LOG_LOCAL1, LOG_LOCAL2,
                                     LOG_LOCAL3, LOG_LOCAL4, LOG_LOCAL5,   LOG_LOCAL6, LOG_LOCAL7};
    unsigned position = 0;
    if (!value_choice(value, names, &position, error))
        return false;
    *result = facilities[position];
    return true;
}

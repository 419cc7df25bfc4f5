/* From the text of one value to its member, by the type of its key: what two keys of one type must
 * have in common is judged here, what only a value's syntax is in value.c. */
#include "config/member.h"

#include <stddef.h>
#include <string.h>

#include "base/text.h"
#include "config/secret.h"
#include "config/suggest.h"
#include "message/address.h"
#include "message/fix.h"
#include "net/dial.h"
#include "queue/backoff.h"
#include "tls/fingerprint.h"

bool member_is_nothing(const struct keys_row *row, const char *value)
{
    return row->type == KEYS_ALIASES && strcmp(value, "none") == 0;
}

/* Refused with those choices only that can be taken here. */
static bool choose(const struct keys_row *row, const char *value, unsigned *position,
                   struct error *error)
{
    if (value_choice(slice_of(value), row->choices, position, error))
        return true;
    return row->available != NULL && value_choice(slice_of(value), row->available, position, error);
}

static bool store_word(const struct keys_row *row, const char *value, const char **target,
                       struct error *error)
{
    unsigned position;
    *target = value;
    return choose(row, value, &position, error);
}

static bool store_choice(const struct keys_row *row, const char *value, void *target,
                         struct error *error)
{
    _Static_assert(sizeof(enum fix_from) == sizeof(unsigned), "enums are as large as unsigned");
    unsigned position;
    if (!choose(row, value, &position, error))
        return false;
    if (row->type == KEYS_CHOICE)
        memcpy(target, &position, sizeof position);
    return true;
}

static bool store_secret_file(const struct member_place *place, const char *value,
                              const char **target, struct error *error)
{
    *target = value;
    return secret_is_credential(value) ||
           value_path(slice_of(value), place->home, target, place->arena, error);
}

static bool store_command(const char *value, const char **target, struct error *error)
{
    *target = value;
    const char *program = value + strspn(value, " \t\"'");
    return program[0] == '/' ||
           error_set(error, EX_CONFIG, "must start with the absolute path of a program");
}

static bool store_senders(const char *value, const char **target, struct error *error)
{
    *target = value;
    return value_patterns(slice_of(value)) ||
           error_set(error, EX_CONFIG,
                     "must be one bare address (the name comes from -F), or patterns such as "
                     "*@example.com");
}

static bool store_override(const char *value, const char **target, struct error *error)
{
    *target = value;
    if (strcmp(value, "yes") == 0 || strcmp(value, "no") == 0)
        return true;
    return (strpbrk(value, "@*") != NULL && value_patterns(slice_of(value))) ||
           error_set(error, EX_CONFIG,
                     "must be yes, no, or addresses and patterns such as *@example.com with blanks "
                     "between them");
}

static bool store_fingerprint(const char *value, const char **target, struct error *error)
{
    struct fingerprints ignored;
    *target = value;
    return fingerprint_parse(value, &ignored, error);
}

static bool parse_recipient(const char *value, const char **target, struct arena *arena,
                            struct error *error)
{
    char bytes[ADDRESS_SIZE];
    struct text address;
    struct error reason;
    bool ignored;
    text_init(&address, bytes, sizeof bytes);
    bool done = address_parse_one(slice_of(value), NULL, &address, &ignored, &reason);
    const char *at = strrchr(bytes, '@');
    *target = NULL;
    /* One inside a quoted local part has a quote behind it. */
    if (!done || at == NULL || strchr(at, '"') != NULL)
        return true;
    *target = arena_copy(arena, text_slice(&address));
    return *target != NULL || error_set_memory(error);
}

static bool store_recipient(const char *value, const char **target, struct arena *arena,
                            struct error *error)
{
    if (!parse_recipient(value, target, arena, error))
        return false;
    return *target != NULL || error_set(error, EX_CONFIG, "must be one address with its domain");
}

/* A word or an address. A word alone is never taken for a local name: it may be mistyped. */
static bool store_bounce(const struct keys_row *row, const char *value, const char **target,
                         struct arena *arena, struct error *error)
{
    unsigned position;
    struct error reason;
    if (value_choice(slice_of(value), row->choices, &position, &reason)) {
        *target = value;
        return true;
    }
    if (!parse_recipient(value, target, arena, error))
        return false;
    if (*target != NULL)
        return true;
    struct suggest suggest;
    error_set(error, EX_CONFIG,
              "must be sender, nobody, or one address with its domain, such as "
              "root@localhost");
    suggest_start(&suggest, slice_of(value));
    suggest_offer_words(&suggest, row->choices);
    return suggest_add(&suggest, "", error);
}

/* The first wait and its cap. */
static bool store_retry(const struct keys_row *row, const char *value, int64_t *target,
                        struct error *error)
{
    _Static_assert(offsetof(struct backoff_options, cap) ==
                       offsetof(struct backoff_options, first) + sizeof(int64_t),
                   "the cap is behind the first wait");
    struct slice rest = slice_of(value), word = {0};
    for (size_t i = 0; i < 2; i++) {
        if (!slice_cut_word(&rest, &word))
            return error_set(error, EX_CONFIG, "must be two durations, as in 5m 4h");
        if (!value_duration(word, row->range, &target[i], error))
            return false;
    }
    if (slice_cut_word(&rest, &word))
        return error_set(error, EX_CONFIG, "must be two durations, as in 5m 4h");
    return target[0] <= target[1] ||
           error_set(error, EX_CONFIG, "the first wait is longer than its cap");
}

bool member_store(const struct keys_row *row, const char *value, const struct member_place *place,
                  struct error *error)
{
    struct arena *arena = place->arena;
    struct slice slice = slice_of(value);
    void *target = place->base + row->offset;
    switch (row->type) {
    case KEYS_STRING:
        *(const char **)target = value;
        return true;
    case KEYS_WORD:
        return store_word(row, value, target, error);
    case KEYS_CHOICE:
    case KEYS_CHECKED:
        return store_choice(row, value, target, error);
    case KEYS_BOOLEAN:
        return value_boolean(slice, target, error);
    case KEYS_DURATION:
        return value_duration(slice, row->range, target, error);
    case KEYS_SIZE:
        return value_size(slice, row->range, target, error);
    case KEYS_HOSTS:
        return value_hosts(slice, DIAL_HOSTS_MAX, target, arena, error);
    case KEYS_PORTS:
        return value_ports(slice, DIAL_PORTS_MAX, target, error);
    case KEYS_DOMAIN:
        return value_domain(slice, target, arena, error);
    case KEYS_HELO:
        return value_helo(slice, target, arena, error);
    case KEYS_PATH:
        return value_path(slice, place->home, target, arena, error);
    case KEYS_SECRET_FILE:
        return store_secret_file(place, value, target, error);
    case KEYS_ALIASES:
        return member_is_nothing(row, value) ||
               value_path(slice, place->home, target, arena, error);
    case KEYS_RECIPIENT:
        return store_recipient(value, target, arena, error);
    case KEYS_COMMAND:
        return store_command(value, target, error);
    case KEYS_SENDERS:
        return store_senders(value, target, error);
    case KEYS_OVERRIDE:
        return store_override(value, target, error);
    case KEYS_FACILITY:
        return value_facility(slice, target, error);
    case KEYS_FINGERPRINT:
        return store_fingerprint(value, target, error);
    case KEYS_NUMBER:
        return value_number(slice, row->range, target, error);
    case KEYS_RETRY:
        return store_retry(row, value, target, error);
    case KEYS_BOUNCE:
        return store_bounce(row, value, target, arena, error);
    }
    return error_set(error, EX_SOFTWARE, "a type that nobody knows");
}

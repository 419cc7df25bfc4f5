/* The table of all keys a configuration can have. It feeds the loader, --help-config, and the test
 * that compares it with config.example.ini and sendmail.ini(5). */
#ifndef CONFIG_KEYS_H
#define CONFIG_KEYS_H

#include <stddef.h>

#include "config/value.h"

enum keys_type {
    KEYS_STRING,      /* const char *; as it stands */
    KEYS_WORD,        /* const char *; one of the choices */
    KEYS_CHOICE,      /* an enum; its value is the position among the choices */
    KEYS_CHECKED,     /* one of the choices, stored nowhere: says what is the case anyhow */
    KEYS_BOOLEAN,     /* bool */
    KEYS_DURATION,    /* int64_t; milliseconds */
    KEYS_SIZE,        /* uint64_t; bytes */
    KEYS_HOSTS,       /* dial_options.hosts */
    KEYS_PORTS,       /* dial_options.ports */
    KEYS_DOMAIN,      /* const char * */
    KEYS_HELO,        /* const char * */
    KEYS_PATH,        /* const char *; absolute */
    KEYS_SECRET_FILE, /* const char *; the same, or "$CREDENTIALS_DIRECTORY/..." as it stands */
    KEYS_COMMAND,     /* const char *; as it stands */
    KEYS_ALIASES,     /* const char *; an absolute path, or NULL for "none" */
    KEYS_RECIPIENT,   /* const char *; one canonical address with its domain */
    KEYS_SENDERS,     /* const char *; addresses or patterns */
    KEYS_OVERRIDE,    /* const char *; yes, no, or addresses or patterns */
    KEYS_FACILITY,    /* int */
    KEYS_FINGERPRINT, /* const char *; as it stands */
    KEYS_NUMBER,      /* uint64_t */
    KEYS_RETRY,       /* backoff_options.first and .cap; two durations */
    KEYS_BOUNCE       /* const char *; one of the choices, or as KEYS_RECIPIENT */
};

enum {
    KEYS_IDENTITY = 1, /* not inherited by an account that sets host or user itself */
    KEYS_SECRET = 2,   /* not inherited by an account that sets another of these either */
    KEYS_OWNERS = 4    /* not in a file given by -C that root does not own */
};

struct keys_row {
    const char *section, *key;
    enum keys_type type;
    unsigned flags;
    size_t offset;            /* in struct account for [smarthost], else in struct settings */
    const char *fallback;     /* the default as it would be written; NULL: */
    const char *otherwise;    /* what holds instead, in words */
    const char *choices;      /* blank-separated */
    const char *available;    /* those choices that this version can do; NULL: all */
    struct value_range range; /* of durations, sizes and numbers */
    const char *help;
};

const struct keys_row *keys_table(size_t *count);

/* NULL when there is none; `section` without an account's name. */
const struct keys_row *keys_find(const char *section, const char *key);

/* The key that other programs of this kind call `name`, in any case of letters; NULL when it is
 * none of theirs. */
const struct keys_row *keys_find_foreign(const char *name);

/* The sections, NULL at the end. */
const char *const *keys_sections(void);

/* True when this version cannot do what `value`, a valid one, asks for. */
bool keys_is_later(const struct keys_row *row, const char *value);

/* The text of --help-config, a line a call. */
void keys_write_help(void (*line)(const char *line));

#endif

/* One value of a configuration, stored into the member of a struct that its key stands for. Errors
 * are EX_CONFIG and never repeat the value, which may be anybody's secret. */
#ifndef CONFIG_MEMBER_H
#define CONFIG_MEMBER_H

#include "base/arena.h"
#include "base/error.h"
#include "config/keys.h"

struct member_place {
    char *base;          /* the struct that the row's offset counts from */
    const char *home;    /* what "~/" stands for; NULL where it may not be used */
    struct arena *arena; /* owns the strings that are no values as they stand */
};

/* `value` must live as long as the struct. */
bool member_store(const struct keys_row *row, const char *value, const struct member_place *place,
                  struct error *error);

/* "aliases = none": there is no file. */
bool member_is_nothing(const struct keys_row *row, const char *value);

#endif

/* Values as people write them in a configuration. Errors are EX_CONFIG and say what was expected;
 * they never repeat the value, which may be anybody's secret. */
#ifndef CONFIG_VALUE_H
#define CONFIG_VALUE_H

#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"

struct value_range {
    int64_t minimum, maximum;
};

/* "yes" or "no". */
bool value_boolean(struct slice value, bool *result, struct error *error);

/* One of the blank-separated `choices`, as its position. */
bool value_choice(struct slice value, const char *choices, unsigned *result, struct error *error);

/* "250ms", "30s", "5m", "4h", "5d": milliseconds. */
bool value_duration(struct slice value, struct value_range range, int64_t *result,
                    struct error *error);

/* "1000000", "64K", "50M", "1G", "1T" (of 1024): bytes. */
bool value_size(struct slice value, struct value_range range, uint64_t *result,
                struct error *error);

/* Decimal digits. */
bool value_number(struct slice value, struct value_range range, uint64_t *result,
                  struct error *error);

/* Blank-separated port numbers into `ports`, at most `limit` of them, 0 at the end (so limit + 1
 * elements). */
bool value_ports(struct slice value, size_t limit, uint16_t *ports, struct error *error);

/* Blank-separated host names, addresses or "srv:DOMAIN" into `hosts`, NULL at the end (so limit + 1
 * elements). Names become their ASCII form. */
bool value_hosts(struct slice value, size_t limit, const char **hosts, struct arena *arena,
                 struct error *error);

/* A domain name, as its ASCII form. */
bool value_domain(struct slice value, const char **result, struct arena *arena,
                  struct error *error);

/* A domain name or an address literal such as [192.0.2.1]: what EHLO takes. */
bool value_helo(struct slice value, const char **result, struct arena *arena, struct error *error);

/* An absolute path, or one that starts with "~/" when `home` is not NULL. */
bool value_path(struct slice value, const char *home, const char **result, struct arena *arena,
                struct error *error);

/* True for one address, or blank-separated ones and patterns with '*'; all of them bare, without
 * display names, brackets or commas. */
bool value_patterns(struct slice value);

/* A syslog facility's name, or "off" (-1). */
bool value_facility(struct slice value, int *result, struct error *error);

#endif

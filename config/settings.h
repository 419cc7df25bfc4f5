/* All settings: one table (section, key, type, offset, default, help) that feeds the parser,
 * --help-config and the checks of example and man page. It fills the structs of their consumers by
 * offset; there is no copying layer. */
#ifndef CONFIG_SETTINGS_H
#define CONFIG_SETTINGS_H

#include "base/arena.h"
#include "base/error.h"
#include "base/log.h"
#include "message/fix.h"
#include "smtp/smarthost.h"

enum { SETTINGS_ACCOUNTS_MAX = 64 };

/* One [smarthost] or [smarthost:NAME] section. */
struct account {
    const char *name; /* "" for the default account */
    struct smarthost smarthost;
    const char *password, *password_file, *password_command; /* at most one is set */
    const char *from;                /* default envelope sender, or patterns it answers to */
    const char *allow_from_override; /* "yes", "no" or patterns */
};

struct settings {
    const char *path;         /* the file they were read from */
    bool path_is_roots;       /* root owns it */
    struct account *accounts; /* the default account first, if there is one */
    size_t account_count;
    const char *local_domain; /* [local] domain; never NULL after settings_load */
    enum fix_from from_header;
    bool add_date, add_message_id, remove_bcc;
    uint64_t max_size;
    struct log_options log;
    struct arena arena; /* owns all strings */
};

#endif

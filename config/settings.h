/* All settings of one configuration file, in the structs of their consumers: the table of keys
 * fills these by offset, there is no copying layer. */
#ifndef CONFIG_SETTINGS_H
#define CONFIG_SETTINGS_H

#include "base/log.h"
#include "config/ini.h"
#include "config/paths.h"
#include "message/fix.h"
#include "message/local.h"
#include "queue/backoff.h"
#include "queue/spool.h"
#include "smtp/smarthost.h"

enum { SETTINGS_ACCOUNTS_MAX = 64 };

/* One [smarthost] or [smarthost:NAME] section, with what it inherits. */
struct account {
    const char *name; /* "" for the default account */
    struct smarthost smarthost;
    const char *password, *password_file, *password_command; /* at most one is set */
    const char *from;                /* address or patterns as written; NULL when not set */
    bool from_is_own;                /* and not inherited */
    const char *allow_from_override; /* "yes", "no" or patterns; never NULL */
};

enum settings_queue_mode {
    SETTINGS_QUEUE_ON_FAILURE,
    SETTINGS_QUEUE_ALWAYS,
    SETTINGS_QUEUE_NEVER,
    SETTINGS_QUEUE_AUTO
};

/* [queue] */
struct settings_queue {
    enum settings_queue_mode mode;
    bool shared;                /* the spool is the system's, since the configuration is */
    struct spool_options spool; /* its directory is NULL where there is no home to have one in */
    struct backoff_options backoff;
    const char *bounce_to; /* "sender", "nobody", or one canonical address with its domain, which
                              may be a local one: root@localhost */
    uint64_t pipeline_depth, connections;
};

struct settings {
    struct account *accounts; /* the default account first, if there is one */
    size_t account_count;
    const char *local_domain; /* [local] domain, or the host's mail name; never NULL */
    struct local local;       /* whose domain is the same */
    enum fix_from from_header;
    bool add_date, add_message_id, remove_bcc;
    uint64_t max_size; /* 0: no limit */
    struct settings_queue queue;
    struct log_options log;
    struct ini ini;     /* the file they were read from */
    struct arena arena; /* owns all strings */
};

/* Reads and checks the whole file, and finds the host's own names where it does not say them (DNS
 * is asked for them only when files do not know, 2 s at most). EX_CONFIG: "FILE:LINE: [SECTION]
 * KEY: what is wrong; did you mean ..."; EX_NOPERM when it may not be read. settings_free is due in
 * any case. */
bool settings_load(struct settings *settings, const struct paths_choice *choice,
                   struct error *error);

/* True where there is a directory for the spool; else EX_CONFIG with what to do. */
bool settings_check_spool(const struct settings_queue *queue, struct error *error);

/* Reads nothing but [queue] of the system's file, which root must own, for a process that lends its
 * right to others: no environment, no DNS. `directory` is from malloc. EX_CONFIG, EX_NOPERM. */
bool settings_load_queue(struct spool_options *options, struct error *error);

/* The same from another file. */
bool settings_load_spool(const struct paths_choice *choice, struct spool_options *options,
                         struct error *error);

/* Wipes what may be secret and frees everything. A zeroed struct may be freed. */
void settings_free(struct settings *settings);

#endif

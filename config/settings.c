/* From the entries of a file to settings, by the table of keys. Invariant: every entry of the file
 * is looked up, parsed and stored, or refused with its line; none is passed over. */
#include "config/settings.h"

#include <string.h>

#include "base/text.h"
#include "config/keys.h"
#include "config/member.h"
#include "config/suggest.h"
#include "net/hostname.h"
#include "net/places.h"
#include "smtp/command.h"

enum { NAME_LOOKUP_TIMEOUT = 2000 };

struct loader {
    struct settings *settings;
    const struct paths_choice *choice;
    const struct keys_row *table;
    size_t row_count;
};

/* "smarthost" of "smarthost:work". */
static struct slice kind_of(const char *section)
{
    struct slice name = slice_of(section);
    return slice_to(name, slice_find(name, ':'));
}

static bool is_account(const char *section)
{
    return slice_equals(kind_of(section), slice_of("smarthost"));
}

static bool fail_section(const char *section, struct error *error)
{
    struct suggest suggest;
    error_set(error, EX_CONFIG, "[%.40s]: unknown section", section);
    suggest_start(&suggest, kind_of(section));
    for (const char *const *known = keys_sections(); *known != NULL; known++)
        suggest_offer(&suggest, slice_of(*known));
    return suggest_add(&suggest, "", error);
}

/* [smarthost:host] would be one with the key host of [smarthost] in iniparser's eyes. */
static bool check_section(const char *section, struct error *error)
{
    const char *name = strchr(section, ':');
    if (name == NULL || !is_account(section)) {
        for (const char *const *known = keys_sections(); *known != NULL; known++) {
            if (strcmp(*known, section) == 0)
                return true;
        }
        return fail_section(section, error);
    }
    if (keys_find("smarthost", name + 1) == NULL)
        return true;
    return error_set(error, EX_CONFIG, "[%s]: an account cannot have the name of a key", section);
}

static bool fail_key(const struct loader *loader, struct slice kind, const char *key,
                     struct error *error)
{
    struct suggest suggest;
    const struct keys_row *foreign = keys_find_foreign(key);
    error_set(error, EX_CONFIG, "unknown key");
    if (foreign != NULL) {
        bool here = slice_equals(kind, slice_of(foreign->section));
        return error_add_advice(error, "did you mean \"%s\"%s%s%s?", foreign->key,
                                here ? "" : " in [", here ? "" : foreign->section, here ? "" : "]");
    }
    suggest_start(&suggest, slice_of(key));
    for (size_t i = 0; i < loader->row_count; i++) {
        const struct keys_row *row = &loader->table[i];
        if (slice_equals(kind, slice_of(row->section)))
            suggest_offer(&suggest, slice_of(row->key));
        else if (strcmp(row->key, key) == 0)
            error_add_advice(error, "it belongs into [%s]", row->section);
    }
    return suggest_add(&suggest, "", error);
}

static bool check_secret(const struct loader *loader, const struct ini_entry *entry,
                         struct error *error)
{
    const struct ini *ini = &loader->settings->ini;
    if ((ini->status.st_mode & 077) != 0)
        return error_set(error, EX_CONFIG, "%s can read this file; run: chmod 600 %s",
                         (ini->status.st_mode & 007) != 0 ? "others" : "its group", ini->path);
    if (entry->commented && !entry->quoted)
        return error_set(error, EX_CONFIG,
                         "is that a comment or a part of it? Put the value in quotes");
    return true;
}

/* What the entry's file, place and form permit, whatever its value is. */
static bool check_entry(const struct loader *loader, const struct ini_entry *entry,
                        const struct keys_row *row, struct error *error)
{
    bool strangers =
        loader->choice->origin == PATHS_GIVEN && loader->settings->ini.status.st_uid != 0;
    if ((row->flags & KEYS_OWNERS) != 0 && strangers && !member_is_nothing(row, entry->value))
        return error_set(error, EX_CONFIG,
                         "not taken from a file given on the command line, unless root owns it; "
                         "put it into ~/.config/sendmail/config.ini");
    if (strcmp(row->key, "password") == 0)
        return check_secret(loader, entry, error);
    if (slice_trim(slice_of(entry->value)).length == 0)
        return error_set(error, EX_CONFIG, "nothing but blanks");
    return true;
}

static bool store(const struct loader *loader, const struct keys_row *row, const char *value,
                  char *base, struct error *error)
{
    struct member_place place = {
        .base = base, .home = loader->choice->home, .arena = &loader->settings->arena};
    return member_store(row, value, &place, error);
}

static bool store_entry(const struct loader *loader, const struct keys_row *row,
                        const struct ini_entry *entry, char *base, struct error *error)
{
    const struct ini *ini = &loader->settings->ini;
    bool done =
        check_entry(loader, entry, row, error) && store(loader, row, entry->value, base, error);
    if (done && keys_is_later(row, entry->value))
        done = error_set(error, EX_CONFIG, "\"%s\" is not in this version yet", entry->value);
    if (done)
        return true;
    error_add_context(error, "[%s] %s", ini->sections[entry->section].name, row->key);
    return ini_add_place(ini, entry->line, error);
}

/* The entry for a row: the section's own, or the one it inherits from `parent`. */
static const struct ini_entry *find_entry(const struct ini *ini, const struct keys_row *row,
                                          size_t section, const size_t *parent)
{
    const struct ini_entry *own = ini_find(ini, section, row->key);
    if (own != NULL || parent == NULL)
        return own;
    if ((row->flags & KEYS_IDENTITY) != 0 &&
        (ini_find(ini, section, "host") != NULL || ini_find(ini, section, "user") != NULL))
        return NULL;
    if ((row->flags & KEYS_SECRET) != 0 && (ini_find(ini, section, "password") != NULL ||
                                            ini_find(ini, section, "password_file") != NULL ||
                                            ini_find(ini, section, "password_command") != NULL))
        return NULL;
    return ini_find(ini, *parent, row->key);
}

/* Every row of one kind of section into `base`: from the section, from its parent, or by default.
 * `section` is NULL where the file has no such section. */
static bool fill(const struct loader *loader, const char *kind, const size_t *section,
                 const size_t *parent, char *base, struct error *error)
{
    for (size_t i = 0; i < loader->row_count; i++) {
        const struct keys_row *row = &loader->table[i];
        if (strcmp(row->section, kind) != 0)
            continue;
        const struct ini_entry *entry =
            section == NULL ? NULL : find_entry(&loader->settings->ini, row, *section, parent);
        if (entry == NULL && row->fallback == NULL)
            continue;
        if (!(entry != NULL ? store_entry(loader, row, entry, base, error)
                            : store(loader, row, row->fallback, base, error)))
            return false;
    }
    return true;
}

static int count_secrets(const struct account *account)
{
    return (account->password != NULL) + (account->password_file != NULL) +
           (account->password_command != NULL);
}

static bool has_service(const struct dial_options *dial)
{
    const char *const *host = dial->hosts;
    while (*host != NULL && places_domain(*host) == NULL)
        host++;
    return *host != NULL;
}

/* Whether logging in takes a secret: not where the certificate of tls_cert may be the login. */
static bool needs_secret(const struct smarthost *smarthost)
{
    const char *mechanism = smarthost->sasl.mechanism;
    bool may_be_certificate = smarthost->tls.cert != NULL && strcmp(mechanism, "auto") == 0;
    return !may_be_certificate && strcmp(mechanism, "off") != 0 &&
           strcmp(mechanism, "external") != 0;
}

/* What one key alone cannot tell. */
static bool check_account(const struct account *account, bool inherits, struct error *error)
{
    const struct smarthost *smarthost = &account->smarthost;
    bool user = smarthost->sasl.user != NULL;
    if (smarthost->dial.hosts[0] == NULL)
        return error_set(error, EX_CONFIG, "host is required");
    if (smarthost->tls_mode == SMARTHOST_CLEAR && has_service(&smarthost->dial))
        return error_set(error, EX_CONFIG, "srv: goes with tls = starttls or implicit only");
    if ((smarthost->tls.cert == NULL) != (smarthost->tls.key == NULL))
        return error_set(error, EX_CONFIG, "tls_cert and tls_key go together");
    if (count_secrets(account) > 1)
        return error_set(error, EX_CONFIG,
                         "just one of password, password_file and password_command");
    if (strcmp(smarthost->sasl.mechanism, "external") == 0 && smarthost->tls.cert == NULL)
        return error_set(error, EX_CONFIG, "auth = external needs tls_cert and tls_key");
    if (user && count_secrets(account) == 0 && needs_secret(smarthost))
        return error_set(error, EX_CONFIG,
                         "user without password, password_file or password_command%s",
                         inherits ? "; an account that sets host or user inherits no secret" : "");
    if (!user && count_secrets(account) > 0)
        return error_set(error, EX_CONFIG, "a password without user");
    return true;
}

static bool fill_account(const struct loader *loader, struct account *account, size_t section,
                         const size_t *parent, struct error *error)
{
    const struct ini *ini = &loader->settings->ini;
    const char *name = strchr(ini->sections[section].name, ':');
    account->name = name == NULL ? "" : name + 1;
    account->from_is_own = ini_find(ini, section, "from") != NULL;
    if (!fill(loader, "smarthost", &section, parent, (char *)account, error))
        return false;
    struct smarthost *smarthost = &account->smarthost;
    bool implicit = smarthost->tls_mode == SMARTHOST_IMPLICIT;
    smarthost->dial.service = implicit ? SERVICE_IMPLICIT : SERVICE_STARTTLS;
    smarthost->dial.any_target = smarthost->tls.name != NULL || smarthost->tls.fingerprint != NULL;
    if (smarthost->dial.ports[0] == 0 && implicit)
        smarthost->dial.ports[0] = 465;
    if (smarthost->dial.ports[0] == 0)
        memcpy(smarthost->dial.ports, (uint16_t[]){587, 2525}, 2 * sizeof(uint16_t));
    if (check_account(account, parent != NULL, error))
        return true;
    error_add_context(error, "[%s]", ini->sections[section].name);
    return ini_add_place(ini, ini->sections[section].line, error);
}

static bool find_section(const struct ini *ini, const char *name, size_t *section)
{
    for (*section = 0; *section < ini->section_count; (*section)++) {
        if (strcmp(ini->sections[*section].name, name) == 0)
            return true;
    }
    return false;
}

static bool add_account(const struct loader *loader, size_t section, const size_t *parent,
                        struct error *error)
{
    struct settings *settings = loader->settings;
    if (settings->account_count == SETTINGS_ACCOUNTS_MAX) {
        error_set(error, EX_CONFIG, "more than %d accounts", SETTINGS_ACCOUNTS_MAX);
        return ini_add_place(&settings->ini, settings->ini.sections[section].line, error);
    }
    struct account *account = &settings->accounts[settings->account_count++];
    return fill_account(loader, account, section, parent, error);
}

static bool fill_accounts(const struct loader *loader, struct error *error)
{
    struct settings *settings = loader->settings;
    const struct ini *ini = &settings->ini;
    settings->accounts =
        arena_allocate(&settings->arena, SETTINGS_ACCOUNTS_MAX * sizeof *settings->accounts);
    if (settings->accounts == NULL)
        return error_set_memory(error);
    size_t parent;
    bool inherits = find_section(ini, "smarthost", &parent);
    if (inherits && !add_account(loader, parent, NULL, error))
        return false;
    for (size_t i = 0; i < ini->section_count; i++) {
        bool named = is_account(ini->sections[i].name) && strchr(ini->sections[i].name, ':');
        if (named && !add_account(loader, i, inherits ? &parent : NULL, error))
            return false;
    }
    if (settings->account_count == 0)
        return error_set(error, EX_CONFIG, "%s: no [smarthost] section, so nowhere to send to",
                         ini->path);
    return true;
}

static bool check_names(const struct loader *loader, struct error *error)
{
    const struct ini *ini = &loader->settings->ini;
    for (size_t i = 0; i < ini->section_count; i++) {
        if (!check_section(ini->sections[i].name, error))
            return ini_add_place(ini, ini->sections[i].line, error);
    }
    for (size_t i = 0; i < ini->entry_count; i++) {
        const struct ini_entry *entry = &ini->entries[i];
        const char *section = ini->sections[entry->section].name;
        if (keys_find(is_account(section) ? "smarthost" : section, entry->key) != NULL)
            continue;
        fail_key(loader, kind_of(section), entry->key, error);
        error_add_context(error, "[%s] %.40s", section, entry->key);
        return ini_add_place(ini, entry->line, error);
    }
    return true;
}

static bool fill_others(const struct loader *loader, struct error *error)
{
    for (const char *const *kind = keys_sections(); *kind != NULL; kind++) {
        size_t section;
        if (is_account(*kind))
            continue;
        bool present = find_section(&loader->settings->ini, *kind, &section);
        if (!fill(loader, *kind, present ? &section : NULL, NULL, (char *)loader->settings, error))
            return false;
    }
    return true;
}

/* What the host is called, looked up once, and only when somebody asks: DNS may be slow. */
struct own_name {
    bool known;
    bool qualified;
    char bytes[HOSTNAME_SIZE];
};

static void look_up(struct own_name *own)
{
    if (own->known)
        return;
    own->known = true;
    own->qualified = hostname_qualified(own->bytes, NAME_LOOKUP_TIMEOUT);
    if (!own->qualified)
        hostname_plain(own->bytes);
}

/* The domain where the file names none. */
static bool find_domain(struct settings *settings, struct own_name *own, struct error *error)
{
    char mail_name[HOSTNAME_SIZE];
    const char *domain = mail_name;
    if (settings->local_domain != NULL)
        return true;
    if (!hostname_from_mailname(mail_name)) {
        look_up(own);
        domain = own->bytes;
    }
    settings->local_domain = arena_copy(&settings->arena, slice_of(domain));
    return settings->local_domain != NULL || error_set_memory(error);
}

/* The EHLO names where the file names none. Without a good one the host's address will do. */
static bool find_helo(struct settings *settings, struct own_name *own, struct error *error)
{
    for (size_t i = 0; i < settings->account_count; i++) {
        const char **helo = &settings->accounts[i].smarthost.helo;
        if (*helo != NULL)
            continue;
        look_up(own);
        if (!own->qualified || !command_is_hello_name(own->bytes))
            return true;
        *helo = arena_copy(&settings->arena, slice_of(own->bytes));
        if (*helo == NULL)
            return error_set_memory(error);
    }
    return true;
}

/* What local recipients are known by. */
static bool fill_local(struct settings *settings, struct error *error)
{
    struct local *local = &settings->local;
    char names[HOSTNAME_OWN_MAX][HOSTNAME_SIZE];
    size_t section, count = hostname_own(names);
    for (size_t i = 0; i < count && i < LOCAL_NAMES_MAX; i++) {
        local->names[i] = arena_copy(&settings->arena, slice_of(names[i]));
        if (local->names[i] == NULL)
            return error_set_memory(error);
    }
    local->domain = settings->local_domain;
    local->aliases_required = find_section(&settings->ini, "local", &section) &&
                              ini_find(&settings->ini, section, "aliases") != NULL;
    return true;
}

/* Where the spool is, when the file does not say. */
static bool fill_queue(struct settings *settings, const struct paths_choice *choice)
{
    struct settings_queue *queue = &settings->queue;
    queue->shared = choice->origin == PATHS_SYSTEM;
    if (queue->spool.directory == NULL)
        queue->spool.directory = choice->spool;
    return true;
}

bool settings_load(struct settings *settings, const struct paths_choice *choice,
                   struct error *error)
{
    *settings = (struct settings){0};
    struct loader loader = {.settings = settings, .choice = choice};
    struct own_name own = {.known = false};
    loader.table = keys_table(&loader.row_count);
    if (!ini_load(&settings->ini, choice->file, &settings->arena, error))
        return false;
    return check_names(&loader, error) && fill_accounts(&loader, error) &&
           fill_others(&loader, error) && fill_queue(settings, choice) &&
           find_domain(settings, &own, error) && find_helo(settings, &own, error) &&
           fill_local(settings, error);
}

bool settings_check_spool(const struct settings_queue *queue, struct error *error)
{
    return queue->spool.directory != NULL ||
           error_set(error, EX_CONFIG,
                     "queue: there is no home directory to keep a queue in; name a place as "
                     "[queue] directory");
}

/* [queue] of a file that root alone may have written, and that keeps no secret from whoever reads
 * it. */
static bool load_spool(struct settings *settings, const struct paths_choice *choice,
                       struct error *error)
{
    struct loader loader = {.settings = settings, .choice = choice};
    const struct ini *ini = &settings->ini;
    size_t section;
    loader.table = keys_table(&loader.row_count);
    if (!ini_load(&settings->ini, choice->file, &settings->arena, error))
        return false;
    if (ini->status.st_uid != 0)
        return error_set(error, EX_CONFIG, "configuration: %s: owned by uid %u, must be root's",
                         ini->path, (unsigned)ini->status.st_uid);
    for (size_t i = 0; i < ini->entry_count; i++) {
        if (ini->entries[i].secret && (ini->status.st_mode & 077) != 0)
            return error_set(error, EX_CONFIG,
                             "%s:%u: password: others than its owner can read this file", ini->path,
                             ini->entries[i].line);
    }
    bool present = find_section(ini, "queue", &section);
    if (!fill(&loader, "queue", present ? &section : NULL, NULL, (char *)settings, error))
        return false;
    return fill_queue(settings, choice);
}

bool settings_load_spool(const struct paths_choice *choice, struct spool_options *options,
                         struct error *error)
{
    struct settings settings = {0};
    char *directory = NULL;
    bool done = load_spool(&settings, choice, error);
    if (done) {
        directory = strdup(settings.queue.spool.directory);
        done = directory != NULL || error_set_memory(error);
    }
    *options = settings.queue.spool;
    options->directory = directory;
    settings_free(&settings);
    return done;
}

bool settings_load_queue(struct spool_options *options, struct error *error)
{
    struct paths_choice choice;
    paths_choose_system(&choice);
    return settings_load_spool(&choice, options, error);
}

void settings_free(struct settings *settings)
{
    ini_wipe(&settings->ini);
    local_free(&settings->local);
    arena_free(&settings->arena);
    *settings = (struct settings){0};
}

/* Accounts and senders. -f is what callers pass blindly: one that may not be used is replaced, not
 * refused. */
#include "config/account.h"

#include <string.h>
#include <unistd.h>

#include "base/person.h"
#include "config/suggest.h"
#include "message/address.h"

/* The first field of GECOS, in which & stands for the login with a capital letter. */
static bool copy_full_name(const char *gecos, const char *login, const char **full_name,
                           struct arena *arena)
{
    struct buffer name = {0};
    for (; *gecos != '\0' && *gecos != ','; gecos++) {
        if (*gecos != '&') {
            buffer_add_byte(&name, *gecos);
            continue;
        }
        bool lower = login[0] >= 'a' && login[0] <= 'z';
        buffer_add_byte(&name, lower ? (char)(login[0] - 'a' + 'A') : login[0]);
        buffer_add_string(&name, login + 1);
    }
    struct slice trimmed = slice_trim(buffer_slice(&name));
    *full_name = trimmed.length == 0 ? NULL : arena_copy(arena, trimmed);
    bool done = !name.failed && (trimmed.length == 0 || *full_name != NULL);
    buffer_free(&name);
    return done;
}

bool account_find_person(struct account_person *person, struct arena *arena, struct error *error)
{
    return account_find_owner(person, getuid(), arena, error);
}

bool account_find_owner(struct account_person *person, uid_t uid, struct arena *arena,
                        struct error *error)
{
    *person = (struct account_person){0};
    const struct passwd *user;
    if (!person_find(uid, &user, error))
        return false;
    if (user == NULL || user->pw_name == NULL || user->pw_name[0] == '\0') {
        person->login = arena_format(arena, "uid%u", (unsigned)uid);
        return person->login != NULL || error_set_memory(error);
    }
    person->login = arena_copy(arena, slice_of(user->pw_name));
    if (person->login == NULL ||
        (user->pw_gecos != NULL &&
         !copy_full_name(user->pw_gecos, person->login, &person->full_name, arena)))
        return error_set_memory(error);
    return true;
}

const char *account_shown_name(const struct account *account)
{
    return account->name[0] == '\0' ? "default" : account->name;
}

static void list_names(const struct settings *settings, struct text *list)
{
    for (size_t i = 0; i < settings->account_count; i++) {
        const char *between = i + 1 == settings->account_count ? " and " : ", ";
        text_add_format(list, "%s%s", i == 0 ? "" : between,
                        account_shown_name(&settings->accounts[i]));
    }
}

static bool fail_unknown(const struct settings *settings, const char *name, struct error *error)
{
    char buffer[512];
    struct text list;
    struct text_shown shown;
    struct suggest suggest;
    text_init(&list, buffer, sizeof buffer);
    list_names(settings, &list);
    error_set(error, EX_CONFIG, "account: %s has no account \"%s\"; it has %s", settings->ini.path,
              text_show(&shown, slice_of(name)), buffer);
    suggest_start(&suggest, slice_of(name));
    for (size_t i = 0; i < settings->account_count; i++)
        suggest_offer(&suggest, slice_of(account_shown_name(&settings->accounts[i])));
    return suggest_add(&suggest, "", error);
}

static bool fail_undecided(const struct settings *settings, struct error *error)
{
    char buffer[512];
    struct text list;
    text_init(&list, buffer, sizeof buffer);
    list_names(settings, &list);
    return error_set(error, EX_CONFIG,
                     "account: %s has no [smarthost] for every sender, and none of its accounts is "
                     "for this one; choose with --account: %s",
                     settings->ini.path, buffer);
}

static const struct account *find_named(const struct settings *settings, const char *name)
{
    for (size_t i = 0; i < settings->account_count; i++) {
        const struct account *account = &settings->accounts[i];
        if (account->name[0] != '\0' && strcmp(account->name, name) == 0)
            return account;
    }
    bool has_default = settings->accounts[0].name[0] == '\0';
    return has_default && strcmp(name, "default") == 0 ? &settings->accounts[0] : NULL;
}

static bool canonical(const char *address, const struct settings *settings, struct text *out,
                      struct error *error)
{
    bool needs_utf8 = false;
    return address_parse_one(slice_of(address), settings->local_domain, out, &needs_utf8, error) ||
           error_add_context(error, "sender");
}

/* A login is no address yet: one such as DOMAIN\user has to be quoted. */
static bool login_sender(const char *login, const struct settings *settings, struct text *out,
                         struct error *error)
{
    char buffer[ADDRESS_SIZE];
    struct text quoted;
    text_init(&quoted, buffer, sizeof buffer);
    text_add_byte(&quoted, '"');
    for (; *login != '\0'; login++) {
        if (*login == '"' || *login == '\\')
            text_add_byte(&quoted, '\\');
        text_add_byte(&quoted, *login);
    }
    text_add_byte(&quoted, '"');
    return canonical(buffer, settings, out, error);
}

static bool is_patterns(const char *from)
{
    return strpbrk(from, "* \t") != NULL;
}

/* A single address is compared in its canonical form, in which senders are. */
static bool is_for(const struct account *account, const struct settings *settings,
                   struct slice sender)
{
    char buffer[ADDRESS_SIZE];
    struct text from;
    struct error ignored;
    text_init(&from, buffer, sizeof buffer);
    if (account->from == NULL || sender.length == 0)
        return false;
    if (is_patterns(account->from))
        return address_matches(sender, account->from);
    return canonical(account->from, settings, &from, &ignored) && address_matches(sender, buffer);
}

/* An inherited `from` says nothing about the account that inherits it. */
static const struct account *find_for(const struct settings *settings, struct slice sender)
{
    const struct account *match = NULL;
    for (size_t i = settings->account_count; i-- > 0;) {
        const struct account *account = &settings->accounts[i];
        bool is_default = account->name[0] == '\0';
        if (account->from_is_own && is_for(account, settings, sender) &&
            (!is_default || match == NULL))
            match = account;
    }
    return match;
}

static bool choose_by_sender(const struct settings *settings, const struct account_request *request,
                             const struct account **account, struct error *error)
{
    char buffer[ADDRESS_SIZE];
    struct text login;
    text_init(&login, buffer, sizeof buffer);
    const char *named = request->sender != NULL ? request->sender : request->author;
    *account = find_for(settings, slice_of(named));
    if (*account == NULL && request->sender == NULL) {
        if (!login_sender(request->login, settings, &login, error))
            return false;
        *account = find_for(settings, text_slice(&login));
    }
    if (*account != NULL)
        return true;
    *account = &settings->accounts[0];
    return (*account)->name[0] == '\0' || fail_undecided(settings, error);
}

bool account_choose(const struct settings *settings, const struct account_request *request,
                    const struct account **account, struct error *error)
{
    if (request->name == NULL)
        return choose_by_sender(settings, request, account, error);
    *account = find_named(settings, request->name);
    return *account != NULL || fail_unknown(settings, request->name, error);
}

bool account_default_sender(const struct account *account, const struct settings *settings,
                            const char *login, struct text *sender, struct error *error)
{
    if (account->from == NULL || is_patterns(account->from))
        return login_sender(login, settings, sender, error);
    return canonical(account->from, settings, sender, error);
}

static bool may_override(const struct account *account, struct slice sender)
{
    if (sender.length == 0 || strcmp(account->allow_from_override, "yes") == 0)
        return true;
    return strcmp(account->allow_from_override, "no") != 0 &&
           address_matches(sender, account->allow_from_override);
}

bool account_sender(const struct account *account, const struct settings *settings,
                    const struct account_request *request, struct text *sender, struct error *error)
{
    const char *asked = request->sender;
    if (asked == NULL && account->from != NULL && is_patterns(account->from) &&
        is_for(account, settings, slice_of(request->author)))
        asked = request->author;
    if (asked == NULL || !may_override(account, slice_of(asked)))
        return account_default_sender(account, settings, request->login, sender, error);
    text_add(sender, asked);
    return true;
}

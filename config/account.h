/* Who sends, through which account, and under which envelope sender. */
#ifndef CONFIG_ACCOUNT_H
#define CONFIG_ACCOUNT_H

#include "base/text.h"
#include "config/settings.h"

struct account_request {
    const char *login;  /* of the caller */
    const char *name;   /* --account; NULL when not given */
    const char *sender; /* -f in canonical form, "" for the null sender; NULL when not given */
};

struct account_person {
    const char *login;     /* by passwd; "uid1234" for a uid that is not there */
    const char *full_name; /* of the GECOS field; NULL when that says none */
};

/* Who the caller is, by the real uid; the environment is not asked. EX_OSERR. */
bool account_find_person(struct account_person *person, struct arena *arena, struct error *error);

/* The account of that name; without a name the first whose own `from` matches the sender (-f, else
 * LOGIN@domain), else the default one. EX_CONFIG naming those that exist. */
bool account_choose(const struct settings *settings, const struct account_request *request,
                    const struct account **account, struct error *error);

/* The envelope sender: -f where allow_from_override permits it, else the account's default. All
 * senders here are in canonical form and appended to a text of ADDRESS_SIZE bytes. EX_USAGE. */
bool account_sender(const struct account *account, const struct settings *settings,
                    const struct account_request *request, struct text *sender,
                    struct error *error);

/* The account's default sender: `from` when that is one address, else LOGIN@domain. EX_USAGE. */
bool account_default_sender(const struct account *account, const struct settings *settings,
                            const char *login, struct text *sender, struct error *error);

#endif

/* Who sends, through which account, and under which envelope sender. */
#ifndef CONFIG_ACCOUNT_H
#define CONFIG_ACCOUNT_H

#include <sys/types.h>

#include "base/text.h"
#include "config/settings.h"

struct account_request {
    const char *login;  /* of the caller */
    const char *name;   /* --account; NULL when not given */
    const char *sender; /* -f in canonical form, "" for the null sender; NULL when not given */
    const char *author; /* of the message, in canonical form; NULL or "" when it names none */
};

struct account_person {
    const char *login;     /* by passwd; "uid1234" for a uid that is not there */
    const char *full_name; /* of the GECOS field; NULL when that says none */
};

/* Who the caller is, by the real uid; the environment is not asked. EX_OSERR. */
bool account_find_person(struct account_person *person, struct arena *arena, struct error *error);

/* The same for any uid: whose an entry of the queue is. */
bool account_find_owner(struct account_person *person, uid_t uid, struct arena *arena,
                        struct error *error);

/* Its name as it came, "default" for the one that [smarthost] makes. */
const char *account_shown_name(const struct account *account);

/* The account of that name. Without a name the first whose own `from` matches the sender: that is
 * -f or, where it was not given, the author and, where no account is for that one, LOGIN@domain. A
 * match of the default account's `from` counts after those of all others. Where nothing matches it
 * is the default account. EX_CONFIG naming those that exist. */
bool account_choose(const struct settings *settings, const struct account_request *request,
                    const struct account **account, struct error *error);

/* The envelope sender: -f or, where it was not given and the account's `from` is patterns, the
 * author that they match; both where allow_from_override permits it, else the account's default.
 * All senders here are in canonical form and appended to a text of ADDRESS_SIZE bytes. EX_USAGE. */
bool account_sender(const struct account *account, const struct settings *settings,
                    const struct account_request *request, struct text *sender,
                    struct error *error);

/* The account's default sender: `from` when that is one address, else LOGIN@domain. EX_USAGE. */
bool account_default_sender(const struct account *account, const struct settings *settings,
                            const char *login, struct text *sender, struct error *error);

#endif

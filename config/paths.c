/* The system's file and the user's (XDG Base Directory Specification). Root has no file of its own:
 * what runs as root is configured in one place. */
#include "config/paths.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/person.h"
#include "base/text.h"

static const char *absolute_variable(const char *name)
{
    const char *value = getenv(name);
    return value != NULL && value[0] == '/' ? value : NULL;
}

#define SYSTEM_FILE  SYSCONFDIR "/sendmail/config.ini"
#define SYSTEM_SPOOL LOCALSTATEDIR "/spool/sendmail"

/* "VARIABLE/NAME", or else "HOME/OTHERWISE/NAME"; NULL in `path` where there is neither. */
struct place {
    const char *variable, *otherwise, *name;
};

static bool find_place(const struct place *place, const char *home, const char **path,
                       struct arena *arena, struct error *error)
{
    const char *base = absolute_variable(place->variable);
    *path = NULL;
    if (base == NULL && home == NULL)
        return true;
    *path = base != NULL ? arena_format(arena, "%s/%s", base, place->name)
                         : arena_format(arena, "%s/%s/%s", home, place->otherwise, place->name);
    return *path != NULL || error_set_memory(error);
}

bool paths_find(struct paths *paths, struct arena *arena, struct error *error)
{
    static const struct place config = {"XDG_CONFIG_HOME", ".config", "sendmail/config.ini"};
    static const struct place state = {"XDG_STATE_HOME", ".local/state", "sendmail/queue"};
    *paths = (struct paths){.system_file = SYSTEM_FILE};
    const struct passwd *user;
    if (!person_find(geteuid(), &user, error))
        return false;
    const char *home = absolute_variable("HOME");
    if (home == NULL && user != NULL && user->pw_dir != NULL && user->pw_dir[0] == '/')
        home = user->pw_dir;
    if (home != NULL && (paths->home = arena_copy(arena, slice_of(home))) == NULL)
        return error_set_memory(error);
    if (!find_place(&state, paths->home, &paths->user_spool, arena, error))
        return false;
    return geteuid() == 0 || find_place(&config, paths->home, &paths->user_file, arena, error);
}

/* A daemon started from root's shell may still have root's HOME: what it cannot enter there is no
 * file of its user's. */
static bool is_foreign(const char *home)
{
    struct stat status;
    return home != NULL && (stat(home, &status) != 0 || status.st_uid != geteuid());
}

static bool exists(const char *path, const char *home, bool *result, struct error *error)
{
    struct text_shown shown;
    struct stat status;
    /* A dangling link is there: its owner meant something by it. */
    *result = lstat(path, &status) == 0;
    if (*result || errno == ENOENT || errno == ENOTDIR)
        return true;
    int reason = errno;
    if (reason == EACCES && is_foreign(home))
        return true;
    errno = reason;
    return error_set_errno(error, reason == EACCES ? EX_NOPERM : EX_OSERR, "configuration: %s",
                           text_show(&shown, slice_of(path)));
}

bool paths_add_owner(const char *path, struct error *error)
{
    struct text_shown shown;
    struct stat status;
    bool known = stat(path, &status) == 0;
    if (known && status.st_uid == geteuid())
        return error_add_advice(error, "run: chmod 600 %s", text_show(&shown, slice_of(path)));
    if (known)
        error_add_advice(error, "mode %04o, owner uid %u", (unsigned)status.st_mode & 07777,
                         (unsigned)status.st_uid);
    return error_add_advice(error, "give that user its own ~/.config/sendmail/config.ini, see "
                                   "sendmail.ini(5)");
}

static bool fail_missing(const struct paths *paths, struct error *error)
{
    struct text_shown system, user;
    text_show(&system, slice_of(paths->system_file));
    if (paths->user_file == NULL)
        return error_set(error, EX_CONFIG,
                         "configuration: there is no %s; run: sendmail --configure "
                         "you@example.com, or see sendmail.ini(5)",
                         system.bytes);
    return error_set(error, EX_CONFIG,
                     "configuration: there is neither %s nor %s; run: sendmail --configure "
                     "you@example.com, or see sendmail.ini(5)",
                     text_show(&user, slice_of(paths->user_file)), system.bytes);
}

void paths_choose_system(struct paths_choice *choice)
{
    *choice =
        (struct paths_choice){.file = SYSTEM_FILE, .origin = PATHS_SYSTEM, .spool = SYSTEM_SPOOL};
}

bool paths_choose(const struct paths *paths, const char *given, struct paths_choice *choice,
                  struct error *error)
{
    bool found;
    *choice =
        (struct paths_choice){.file = given, .origin = PATHS_GIVEN, .spool = paths->user_spool};
    if (given != NULL)
        return true;
    if (paths->user_file != NULL) {
        *choice = (struct paths_choice){.file = paths->user_file,
                                        .origin = PATHS_USER,
                                        .spool = paths->user_spool,
                                        .home = paths->home};
        if (!exists(choice->file, paths->home, &found, error) || found)
            return found;
    }
    paths_choose_system(choice);
    choice->file = paths->system_file;
    if (!exists(choice->file, NULL, &found, error))
        return error->exit_code == EX_NOPERM && paths_add_owner(choice->file, error);
    choice->missing = !found;
    return found || fail_missing(paths, error);
}

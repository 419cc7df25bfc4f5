/* What goes together and what does not. Invariant: whoever may have a message to be sent never gets
 * a mode that would lose it without a word. */
#include "config/mode.h"

#include <string.h>

static bool check_apart(const struct options *options, const struct mode_asked *asked,
                        struct error *error)
{
    bool names_people =
        options->from_header || options->sender != NULL || options->recipient_count > 0;
    if (asked->apart != NULL && (options->ignore_dots || asked->session))
        return error_set(error, EX_USAGE, "usage: --%s is not taken together with -i, -oi or -bs",
                         asked->apart->name);
    if (asked->changes != NULL && names_people)
        return error_set(error, EX_USAGE,
                         "usage: --%s is not taken together with -t, -f or recipients",
                         asked->changes->name);
    return true;
}

static bool fail_together(const char *one, const char *other, struct error *error)
{
    return error_set(error, EX_USAGE, "usage: %s is not taken together with %s", one, other);
}

static const char *const mode_names[] = {
    [OPTIONS_SESSION] = "-bs",     [OPTIONS_VERIFY] = "-bv",  [OPTIONS_ALIASES] = "-bi",
    [OPTIONS_LIST] = "-bp",        [OPTIONS_COUNT] = "-bP",   [OPTIONS_RUN] = "-q",
    [OPTIONS_SHOW] = "--show",     [OPTIONS_HOLD] = "--hold", [OPTIONS_RELEASE] = "--release",
    [OPTIONS_REMOVE] = "--remove", [OPTIONS_VERSION] = NULL,
};

const char *mode_name(enum options_mode mode)
{
    return mode_names[mode];
}

/* Something besides `own` that was asked for, and that one call does not do with it; NULL. */
static const char *find_other(const struct options *options, const struct mode_asked *asked,
                              const char *own)
{
    const struct {
        bool is_there;
        const char *name;
    } rows[] = {
        {options->input_file != NULL, "--file"},
        {options->configured_address != NULL, "--configure"},
        {asked->check, "--check"},
        {asked->dry_run, "--dry-run"},
        {asked->run, "-q"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].is_there && strcmp(rows[i].name, own) != 0)
            return rows[i].name;
    return mode_names[options->mode];
}

/* --configure, and what belongs to it. */
static bool settle_configure(struct options *options, const struct mode_asked *asked,
                             struct error *error)
{
    if (options->configured_address == NULL) {
        const char *name = options->yes ? "--yes" : "--password-file";
        return (!options->yes && options->password_file == NULL) ||
               error_set(error, EX_USAGE, "usage: %s is taken together with --configure only",
                         name);
    }
    const char *other = find_other(options, asked, "--configure");
    if (other == NULL && options->account != NULL)
        other = "--account";
    if (other != NULL)
        return fail_together("--configure", other, error);
    if (options->yes && options->password_file == NULL)
        return error_set(error, EX_USAGE,
                         "usage: --configure with --yes needs --password-file, since nothing is "
                         "asked");
    options->mode = OPTIONS_CONFIGURE;
    return true;
}

/* --check is a mode of its own, which has no message. */
static bool settle_check(struct options *options, const struct mode_asked *asked,
                         struct error *error)
{
    const char *other = find_other(options, asked, "--check");
    if (other == NULL && options->from_header)
        other = "-t";
    if (other != NULL)
        return fail_together("--check", other, error);
    options->mode = OPTIONS_CHECK;
    return true;
}

/* What is asked for by a long option alone. mailq may be its name all the same. */
static bool settle_alone(struct options *options, const struct mode_asked *asked,
                         struct error *error)
{
    static const struct {
        const char *name;
        enum options_mode mode;
    } modes[] = {{"queue", OPTIONS_LIST}, {"flush", OPTIONS_RUN},       {"show", OPTIONS_SHOW},
                 {"hold", OPTIONS_HOLD},  {"release", OPTIONS_RELEASE}, {"remove", OPTIONS_REMOVE}};
    const char *name = asked->alone->name, *other = find_other(options, asked, "");
    bool just_listed = asked->listed && other == mode_names[OPTIONS_LIST];
    if (other != NULL && !just_listed)
        return error_set(error, EX_USAGE, "usage: --%s is not taken together with %s", name, other);
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        if (strcmp(modes[i].name, name) == 0)
            options->mode = modes[i].mode;
    }
    options->run.all = options->mode == OPTIONS_RUN;
    return true;
}

/* Sendmail's rules: -q makes a run of what would have sent, and may stand beside a listing. */
static bool settle_mode(struct options *options, const struct mode_asked *asked,
                        struct error *error)
{
    enum options_mode *mode = &options->mode;
    const char *name = mode_names[*mode];
    if (asked->shown != OPTIONS_SEND) {
        *mode = asked->shown;
        return true;
    }
    if (asked->alone != NULL)
        return settle_alone(options, asked, error) && settle_configure(options, asked, error);
    if (!settle_configure(options, asked, error))
        return false;
    if (asked->check)
        return settle_check(options, asked, error);
    if (asked->run && *mode != OPTIONS_SEND && *mode != OPTIONS_LIST && *mode != OPTIONS_COUNT)
        return fail_together("-q", name, error);
    if (asked->run && *mode == OPTIONS_SEND)
        *mode = OPTIONS_RUN;
    if (asked->dry_run && (*mode == OPTIONS_RUN || *mode == OPTIONS_SESSION))
        return fail_together("--dry-run", mode_names[*mode], error);
    if (asked->dry_run && *mode == OPTIONS_SEND)
        *mode = OPTIONS_DRY_RUN;
    return true;
}

/* Who names recipients has a message for them: it must not get lost in silence. */
static bool check_recipients(const struct options *options, struct error *error)
{
    const char *name = mode_names[options->mode];
    bool verifies = options->mode == OPTIONS_VERIFY;
    if (name == NULL)
        return true;
    if (options->from_header)
        return fail_together("-t", name, error);
    if (verifies == (options->recipient_count > 0))
        return true;
    return error_set(error, EX_USAGE, "usage: %s %s", name,
                     verifies ? "takes the addresses to verify as arguments"
                              : "takes no recipients; nothing is sent by it");
}

static bool check_json(const struct options *options, struct error *error)
{
    enum options_mode mode = options->mode;
    bool shown = mode == OPTIONS_HELP || mode == OPTIONS_HELP_CONFIG || mode == OPTIONS_VERSION;
    return !options->json || shown || mode == OPTIONS_CHECK || mode == OPTIONS_LIST ||
           mode == OPTIONS_SHOW ||
           error_set(error, EX_USAGE, "usage: --json is for --check, --queue and --show");
}

bool mode_settle(struct options *options, const struct mode_asked *asked, struct error *error)
{
    if (!check_apart(options, asked, error))
        return false;
    return settle_mode(options, asked, error) && check_recipients(options, error) &&
           check_json(options, error);
}

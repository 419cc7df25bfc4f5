/* One call of the program: who calls, what he asked for, and the configuration that holds for him.
 */
#ifndef AGENT_CALL_H
#define AGENT_CALL_H

#include "config/account.h"
#include "config/options.h"
#include "config/settings.h"
#include "queue/helper.h"

struct call {
    struct options options;
    struct settings settings;
    const char *config_path; /* options.config_file from the root on; NULL where not given */
    struct account_person person;
    struct helper helper; /* holds the spool's group where we were started with it */
    struct spool spool;   /* once it is opened */
    bool spool_open;
    unsigned warnings;  /* about the alias file, so far */
    bool unconfigured;  /* there is no configuration, neither the user's nor the system's */
    struct arena arena; /* owns the options' and the person's strings */
};

/* Loads the configuration that options.config_file and the caller's uid lead to, opens its log, and
 * finds the person. Errors as paths_choose and settings_load. */
bool call_load(struct call *call, struct error *error);

/* Opens the spool that goes with the configuration; once is enough. Errors as spool_open, and
 * EX_CONFIG where there is no home to have one in. */
bool call_open_spool(struct call *call, struct error *error);

/* Writes a warning into the log, and with -v to standard output. */
void call_warn(const struct call *call, const char *sentence);

/* Gives up, before anything is said to a smarthost, what root's process may do beyond its own
 * files. The log can be written to all the same. EX_OSERR. */
bool call_drop_rights(struct error *error);

/* Goes to "/": nothing relative is left to be opened, and the caller's directory may be unmounted.
 * EX_OSERR. */
bool call_leave_directory(struct error *error);

/* Wipes what may be secret and frees everything. A zeroed struct may be freed. */
void call_free(struct call *call);

#endif

/* From the options that were met to the one mode that they make, or why they make none. */
#ifndef CONFIG_MODE_H
#define CONFIG_MODE_H

#include "config/options.h"

/* What asks for a mode beside -b, which is in options.mode already. */
struct mode_asked {
    enum options_mode shown;         /* --help and its like, which beat every mode; else SEND */
    bool dry_run;                    /* --dry-run */
    bool check;                      /* --check */
    bool run;                        /* -q */
    bool listed;                     /* called mailq */
    bool session;                    /* -bs, whatever came behind it */
    const struct options_row *alone; /* --queue, --flush, --show and its like */
    const struct options_row *apart, *changes; /* the first one met of the rows marked so */
};

/* Makes options.mode what was asked for. EX_USAGE names two options that do not go together. */
bool mode_settle(struct options *options, const struct mode_asked *asked, struct error *error);

/* In which words a mode is asked for; NULL for those that take a message or only print. */
const char *mode_name(enum options_mode mode);

#endif

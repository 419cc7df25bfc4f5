/* The command line: Sendmail's options with their arity, and ours as long options; one table row an
 * option, which feeds the parser, --help and the check against the man page. */
#ifndef CONFIG_OPTIONS_H
#define CONFIG_OPTIONS_H

#include "base/arena.h"
#include "base/error.h"

enum options_mode {
    OPTIONS_SEND,    /* -bm, the default */
    OPTIONS_DRY_RUN, /* --dry-run */
    OPTIONS_HELP,
    OPTIONS_HELP_CONFIG,
    OPTIONS_VERSION
};

struct options {
    enum options_mode mode;
    const char *config_file; /* -C, --config */
    const char *account;     /* -a, --account */
    const char *input_file;  /* --file; NULL: standard input */
    const char *sender;      /* -f, -r; NULL where not given ("" is the null sender) */
    const char *full_name;   /* -F */
    bool from_header;        /* -t */
    bool ignore_dots;        /* -i, -oi */
    bool verbose;            /* -v, --verbose */
    const char **recipients; /* arguments */
    size_t recipient_count;
    bool reads_input; /* set even when parsing fails: standard input is to be drained */
};

/* Parses argv (argc may be 0). Strings point into argv or `arena`. EX_USAGE. */
bool options_parse(struct options *options, int argc, char **argv, struct arena *arena,
                   struct error *error);

/* The text of --help. */
void options_write_help(void (*line)(const char *line));

#endif

/* The command line: Sendmail's options with their arity, and ours as long options; one table row an
 * option, which feeds the parser, --help and the check against the man page. */
#ifndef CONFIG_OPTIONS_H
#define CONFIG_OPTIONS_H

#include "base/arena.h"
#include "base/error.h"
#include "message/dsn.h"

enum options_mode {
    OPTIONS_SEND,    /* -bm, the default */
    OPTIONS_DRY_RUN, /* --dry-run */
    OPTIONS_HELP,
    OPTIONS_HELP_CONFIG,
    OPTIONS_VERSION
};

struct options {
    enum options_mode mode;
    const char *config_file;  /* -C, --config */
    const char *account;      /* -a, --account */
    const char *input_file;   /* --file; NULL: standard input */
    const char *sender;       /* -f, -r; NULL where not given ("" is the null sender) */
    const char *full_name;    /* -F */
    const char *body_type;    /* -B: "7BIT" or "8BITMIME" in any case of letters */
    const char *envelope_id;  /* -V, checked: xtext */
    unsigned char notify;     /* -N: DSN_* */
    enum dsn_return returned; /* -R */
    bool from_header;         /* -t */
    bool ignore_dots;         /* -i, -oi */
    bool verbose;             /* -v, -ov, --verbose */
    const char **recipients;  /* arguments */
    size_t recipient_count;
    bool reads_input; /* set even when parsing fails: standard input is to be drained */
};

enum options_arity {
    OPTIONS_FLAG,
    OPTIONS_ARGUMENT, /* attached, or the next word */
    OPTIONS_ATTACHED, /* attached only, not empty */
    OPTIONS_OPTIONAL  /* attached only, may be empty */
};

struct options_parser;

struct options_row {
    char letter;      /* 0 for a long option */
    const char *name; /* of a long option, without its dashes */
    enum options_arity arity;
    const char *argument; /* its name in --help */
    bool apart;           /* not together with -i or -oi: callers pass strangers' text with those */
    bool (*take)(struct options_parser *parser, const struct options_row *row, const char *argument,
                 struct error *error);
    size_t offset;    /* in struct options, for what `take` stores */
    const char *help; /* NULL: taken and ignored */
};

const struct options_row *options_table(size_t *count);

/* Parses argv (argc may be 0). Strings point into argv or `arena`. EX_USAGE. */
bool options_parse(struct options *options, int argc, char **argv, struct arena *arena,
                   struct error *error);

/* The text of --help, a line a call. */
void options_write_help(void (*line)(const char *line));

#endif

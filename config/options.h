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
    OPTIONS_SESSION, /* -bs: SMTP on standard input and output */
    OPTIONS_VERIFY,  /* -bv: there is at least one recipient */
    OPTIONS_ALIASES, /* -bi, -I, newaliases */
    OPTIONS_LIST,    /* -bp, mailq */
    OPTIONS_COUNT,   /* -bP */
    OPTIONS_RUN,     /* -q in all its forms, --flush */
    OPTIONS_SHOW,    /* --show, --hold, --release, --remove: of entry_id */
    OPTIONS_HOLD,
    OPTIONS_RELEASE,
    OPTIONS_REMOVE,
    OPTIONS_CHECK,     /* --check */
    OPTIONS_CONFIGURE, /* --configure */
    OPTIONS_HELP,
    OPTIONS_HELP_CONFIG,
    OPTIONS_VERSION
};

/* -od: when the caller wants the message to be tried. */
enum options_delivery {
    OPTIONS_DELIVERY_UNSET,
    OPTIONS_DELIVERY_BACKGROUND,  /* -odb */
    OPTIONS_DELIVERY_INTERACTIVE, /* -odi, Exim's -odf */
    OPTIONS_DELIVERY_QUEUE,       /* -odq */
    OPTIONS_DELIVERY_DEFERRED     /* -odd */
};

/* What a run of the queue is limited to. */
enum options_match {
    OPTIONS_MATCH_ALL,
    OPTIONS_MATCH_ID,
    OPTIONS_MATCH_RECIPIENT,
    OPTIONS_MATCH_SENDER
};

struct options_run {
    int64_t interval;         /* milliseconds between passes, -q15m, a year at most; 0: one pass */
    enum options_match match; /* -qI, -qR, -qS */
    const char *text;         /* the id, which is one, or a part of the address, in any case of
                                 letters; not empty */
    bool all;                 /* --flush and whatever names what to run: what is not due as well */
};

enum { OPTIONS_TAG_LIMIT = 32 }; /* characters of -L */

struct options {
    enum options_mode mode;
    const char *config_file; /* -C, --config */
    const char *account;     /* -a, --account */
    const char *input_file;  /* --file; NULL: standard input */
    const char *sender;      /* -f, -r; NULL where not given ("" is the null sender) */
    const char *full_name;   /* -F */
    const char *tag;         /* -L, checked: printable ASCII without blanks; NULL where not given */
    const char *body_type;   /* -B: "7BIT" or "8BITMIME" in any case of letters */
    const char *envelope_id; /* -V, checked: xtext */
    unsigned char notify;    /* -N: DSN_* */
    enum dsn_return returned; /* -R */
    enum options_delivery delivery;
    struct options_run run;
    const char *entry_id;           /* of --show and its like: it is one */
    bool json;                      /* --json, with a mode that can be told so */
    bool from_header;               /* -t */
    bool ignore_dots;               /* -i, -oi */
    bool verbose;                   /* -v, -ov, --verbose */
    bool quiet;                     /* -oeq, -eq: nothing on standard error */
    const char *configured_address; /* --configure; NULL where not given */
    bool yes;                       /* --yes: nothing is asked */
    const char *password_file;      /* --password-file; with --yes always there */
    const char **recipients;        /* arguments */
    size_t recipient_count;
    bool reads_input; /* the message comes from standard input; true or false when parsing fails,
                         too: then it is to be drained */
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
    bool apart;   /* it touches more than this message: not together with -i, -oi or -bs, since
                     callers pass strangers' text with those */
    bool changes; /* and is then not taken with -t, -f and recipients either */
    bool (*take)(struct options_parser *parser, const struct options_row *row, const char *argument,
                 struct error *error);
    size_t offset;    /* in struct options, for what `take` stores */
    const char *help; /* NULL: taken and ignored; for what is refused, the reason */
};

const struct options_row *options_table(size_t *count);

/* Parses argv (argc may be 0); its first word may be mailq or newaliases. Strings point into argv
 * or `arena`. What was understood is filled in when it fails, too: mode, quiet, tag, reads_input.
 * EX_USAGE. */
bool options_parse(struct options *options, int argc, char **argv, struct arena *arena,
                   struct error *error);

/* The text of --help, a line a call. */
void options_write_help(void (*line)(const char *line));

#endif

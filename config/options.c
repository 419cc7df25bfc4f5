/* Every option that a caller of sendmail passes is taken with its right arity, so that no argument
 * becomes a recipient and no recipient an argument; what only tunes a daemon is ignored, and what
 * would mean something else here than its caller wants is refused. */
#include "config/options.h"

#include <string.h>

#include "base/slice.h"
#include "base/text.h"
#include "config/letters.h"
#include "config/mode.h"
#include "config/suggest.h"
#include "queue/spool.h"

struct options_parser {
    struct options *options;
    int argc;
    char **argv;
    int next; /* the word to look at next */
    struct mode_asked asked;
    bool no_message; /* asked for what takes no message from standard input */
};

static bool take_nothing(struct options_parser *parser, const struct options_row *row,
                         const char *argument, struct error *error)
{
    (void)parser, (void)row, (void)argument, (void)error;
    return true;
}

static bool take_flag(struct options_parser *parser, const struct options_row *row,
                      const char *argument, struct error *error)
{
    (void)argument, (void)error;
    *(bool *)(void *)((char *)parser->options + row->offset) = true;
    return true;
}

static bool take_string(struct options_parser *parser, const struct options_row *row,
                        const char *argument, struct error *error)
{
    (void)error;
    *(const char **)(void *)((char *)parser->options + row->offset) = argument;
    return true;
}

static bool take_body_type(struct options_parser *parser, const struct options_row *row,
                           const char *argument, struct error *error)
{
    if (!slice_equals_nocase(slice_of(argument), slice_of("7BIT")) &&
        !slice_equals_nocase(slice_of(argument), slice_of("8BITMIME")))
        return error_set(error, EX_USAGE, "usage: -B takes 7BIT or 8BITMIME");
    return take_string(parser, row, argument, error);
}

static bool take_notify(struct options_parser *parser, const struct options_row *row,
                        const char *argument, struct error *error)
{
    (void)row;
    return dsn_parse_notify(slice_of(argument), &parser->options->notify, error) ||
           error_add_context(error, "usage: -N");
}

static bool take_return(struct options_parser *parser, const struct options_row *row,
                        const char *argument, struct error *error)
{
    (void)row;
    return dsn_parse_return(slice_of(argument), &parser->options->returned, error) ||
           error_add_context(error, "usage: -R");
}

static bool take_envelope_id(struct options_parser *parser, const struct options_row *row,
                             const char *argument, struct error *error)
{
    return dsn_check_id(slice_of(argument), error) ? take_string(parser, row, argument, error)
                                                   : error_add_context(error, "usage: -V");
}

/* A mode that is asked for by a long option. */
static bool take_alone(struct options_parser *parser, const struct options_row *row,
                       const char *argument, struct error *error)
{
    struct text_shown shown;
    parser->no_message = true;
    if (parser->asked.alone != NULL && parser->asked.alone != row)
        return error_set(error, EX_USAGE, "usage: --%s is not taken together with --%s",
                         parser->asked.alone->name, row->name);
    parser->asked.alone = row;
    if (row->arity == OPTIONS_FLAG)
        return true;
    if (!spool_is_id(slice_of(argument)))
        return error_set(error, EX_USAGE,
                         "usage: --%s: \"%s\" is no id, which is 16 letters and digits, as mailq "
                         "shows them",
                         row->name, text_show(&shown, slice_of(argument)));
    if (parser->options->entry_id != NULL)
        return error_set(error, EX_USAGE, "usage: --%s is taken once", row->name);
    return take_string(parser, row, argument, error);
}

/* The caller meant another run than one that mails, so that there may be no message to drain. */
static bool take_refused(struct options_parser *parser, const struct options_row *row,
                         const char *argument, struct error *error)
{
    (void)argument;
    parser->no_message = true;
    return error_set(error, EX_USAGE, "usage: -%c: %s", row->letter, row->help);
}

static bool take_tag(struct options_parser *parser, const struct options_row *row,
                     const char *argument, struct error *error)
{
    return letters_check_tag(argument, error) && take_string(parser, row, argument, error);
}

static bool take_mode(struct options_parser *parser, const struct options_row *row,
                      const char *argument, struct error *error)
{
    enum options_mode *mode = &parser->options->mode;
    (void)row;
    if (!letters_parse_mode(argument, mode, error)) {
        parser->no_message = true;
        return false;
    }
    parser->asked.session = parser->asked.session || *mode == OPTIONS_SESSION;
    return true;
}

static bool take_run(struct options_parser *parser, const struct options_row *row,
                     const char *argument, struct error *error)
{
    (void)row;
    parser->asked.run = true;
    return letters_parse_run(argument, &parser->options->run, error);
}

static bool take_error_mode(struct options_parser *parser, const struct options_row *row,
                            const char *argument, struct error *error)
{
    return letters_parse_error_mode(argument, &parser->options->quiet, error) ||
           error_add_context(error, "usage: -%s", row->letter == 'e' ? "e" : "oe");
}

/* -o: Sendmail's old options by letter; few of them mean something here. */
static bool take_option(struct options_parser *parser, const struct options_row *row,
                        const char *argument, struct error *error)
{
    switch (argument[0]) {
    case 'i':
        parser->options->ignore_dots = true;
        return true;
    case 'v':
        parser->options->verbose = true;
        return true;
    case 'e':
        return take_error_mode(parser, row, argument + 1, error);
    case 'd':
        return letters_parse_delivery(argument + 1, &parser->options->delivery, error);
    default:
        return letters_check_option(argument, error);
    }
}

static bool take_aliases(struct options_parser *parser, const struct options_row *row,
                         const char *argument, struct error *error)
{
    (void)row, (void)argument, (void)error;
    parser->options->mode = OPTIONS_ALIASES;
    return true;
}

static bool take_configure(struct options_parser *parser, const struct options_row *row,
                           const char *argument, struct error *error)
{
    parser->no_message = true;
    return take_string(parser, row, argument, error);
}

static bool take_dry_run(struct options_parser *parser, const struct options_row *row,
                         const char *argument, struct error *error)
{
    (void)row, (void)argument, (void)error;
    parser->asked.dry_run = true;
    return true;
}

static bool take_check(struct options_parser *parser, const struct options_row *row,
                       const char *argument, struct error *error)
{
    (void)row, (void)argument, (void)error;
    parser->asked.check = parser->no_message = true;
    return true;
}

static bool take_help(struct options_parser *parser, const struct options_row *row,
                      const char *argument, struct error *error)
{
    (void)argument, (void)error;
    parser->asked.shown = strcmp(row->name, "version") == 0 ? OPTIONS_VERSION
                          : strcmp(row->name, "help") == 0  ? OPTIONS_HELP
                                                            : OPTIONS_HELP_CONFIG;
    return true;
}

#define AT(member) .offset = offsetof(struct options, member)
#define OF_ENTRY(name)                                                                             \
    0, name, OPTIONS_ARGUMENT, "ID", .apart = true, .take = take_alone, AT(entry_id)

static const struct options_row table[] = {
    {'t', .take = take_flag, AT(from_header), .help = "recipients also from To, Cc and Bcc"},
    {'i', .take = take_flag, AT(ignore_dots), .help = "a lone dot is text (also -oi)"},
    {'f', NULL, OPTIONS_ARGUMENT, "ADDRESS", .take = take_string, AT(sender),
     .help = "envelope sender"},
    {'r', NULL, OPTIONS_ARGUMENT, "ADDRESS", .take = take_string, AT(sender),
     .help = "the same as -f"},
    {'F', NULL, OPTIONS_ARGUMENT, "NAME", .take = take_string, AT(full_name),
     .help = "full name for an added From"},
    {'v', .take = take_flag, AT(verbose), .help = "show the conversation"},
    {'C', NULL, OPTIONS_ARGUMENT, "FILE", .take = take_string, AT(config_file),
     .help = "use just this configuration"},
    {'a', NULL, OPTIONS_ARGUMENT, "NAME", .take = take_string, AT(account),
     .help = "use this account"},
    {'b', NULL, OPTIONS_ARGUMENT, "MODE", .take = take_mode,
     .help = "m send, s SMTP session, v verify, i aliases, p list"},
    {'I', .take = take_aliases, .help = "the same as -bi"},
    {'q', NULL, OPTIONS_OPTIONAL, "", .take = take_run,
     .help = "run the queue; -q15m: every 15 minutes"},
    {'B', NULL, OPTIONS_ARGUMENT, "TYPE", .take = take_body_type, AT(body_type),
     .help = "7BIT or 8BITMIME; found out anyhow"},
    {'N', NULL, OPTIONS_ARGUMENT, "WHEN", .take = take_notify,
     .help = "report never, or on success,failure,delay"},
    {'R', NULL, OPTIONS_ARGUMENT, "WHAT", .take = take_return,
     .help = "full or hdrs: what of the message is reported"},
    {'V', NULL, OPTIONS_ARGUMENT, "ID", .take = take_envelope_id, AT(envelope_id),
     .help = "envelope id, for reports"},
    {'L', NULL, OPTIONS_ARGUMENT, "TAG", .take = take_tag, AT(tag), .help = "log under this name"},
    {'e', NULL, OPTIONS_ATTACHED, "LETTER", .take = take_error_mode,
     .help = "-eq: nothing on standard error; e, m, p, w: as always"},
    {'o', NULL, OPTIONS_ARGUMENT, "LETTER", .take = take_option,
     .help = "-oi as -i, -ov as -v, -oe as -e, -odb -odd -odi -odq"},
    {'A', NULL, OPTIONS_ARGUMENT, "ROLE", .take = take_nothing},
    {'c', .take = take_nothing},
    {'D', NULL, OPTIONS_ARGUMENT, "FILE", .take = take_nothing},
    {'d', NULL, OPTIONS_OPTIONAL, "LEVEL", .take = take_nothing},
    {'E', .take = take_nothing},
    {'G', .take = take_nothing},
    {'h', NULL, OPTIONS_ARGUMENT, "HOPS", .take = take_nothing},
    {'J', NULL, OPTIONS_OPTIONAL, "CODE", .take = take_nothing},
    {'M', NULL, OPTIONS_ARGUMENT, "MACRO", .take = take_nothing},
    {'m', .take = take_nothing},
    {'n', .take = take_nothing},
    {'O', NULL, OPTIONS_ARGUMENT, "OPTION", .take = take_nothing},
    {'p', NULL, OPTIONS_ARGUMENT, "PROTOCOL", .take = take_nothing},
    {'s', .take = take_nothing},
    {'U', .take = take_nothing},
    {'X', NULL, OPTIONS_ARGUMENT, "FILE", .take = take_nothing},
    {'x', .take = take_nothing},
    {'Q', NULL, OPTIONS_OPTIONAL, "", .take = take_refused,
     .help = "refused, as nothing is quarantined here"},
    {'S', NULL, OPTIONS_OPTIONAL, "", .take = take_refused,
     .help = "refused: a run by sender is -qS"},
    {'T', NULL, OPTIONS_OPTIONAL, "", .take = take_refused,
     .help = "refused, as there is nothing to time"},
    {0, "config", OPTIONS_ARGUMENT, "FILE", .take = take_string, AT(config_file),
     .help = "the same as -C"},
    {0, "account", OPTIONS_ARGUMENT, "NAME", .take = take_string, AT(account),
     .help = "the same as -a"},
    {0, "file", OPTIONS_ARGUMENT, "FILE", .apart = true, .take = take_string, AT(input_file),
     .help = "message from FILE, not standard input"},
    {0, "dry-run", .take = take_dry_run, .help = "print what would be sent; connect nowhere"},
    {0, "verbose", .take = take_flag, AT(verbose), .help = "the same as -v"},
    {0, "version", .take = take_help, .help = "print the version"},
    {0, "help", .take = take_help, .help = "print this"},
    {0, "help-config", .take = take_help, .help = "print the keys of the configuration"},
    {0, "check", .apart = true, .take = take_check,
     .help = "try everything but the mail itself, and show each step"},
    {0, "json", .take = take_flag, AT(json), .help = "with --check, --queue, --show: for machines"},
    {0, "configure", OPTIONS_ARGUMENT, "ADDRESS", .apart = true, .changes = true,
     .take = take_configure, AT(configured_address), .help = "write the configuration for ADDRESS"},
    {0, "yes", .apart = true, .changes = true, .take = take_flag, AT(yes),
     .help = "ask nothing while doing so"},
    {0, "password-file", OPTIONS_ARGUMENT, "FILE", .apart = true, .changes = true,
     .take = take_string, AT(password_file), .help = "and let the password be read from FILE"},
    {0, "queue", .apart = true, .take = take_alone, .help = "list the queue, as -bp and mailq do"},
    {0, "flush", .apart = true, .changes = true, .take = take_alone,
     .help = "run the queue, what is not due as well"},
    {OF_ENTRY("show"), .help = "show a queued message"},
    {OF_ENTRY("hold"), .changes = true, .help = "keep a queued message from being sent"},
    {OF_ENTRY("release"), .changes = true, .help = "let it be sent again, at once"},
    {OF_ENTRY("remove"), .changes = true, .help = "take a queued message out for good"},
};

enum { ROWS = sizeof table / sizeof table[0] };

const struct options_row *options_table(size_t *count)
{
    *count = ROWS;
    return table;
}

static const struct options_row *find_letter(char letter)
{
    for (size_t i = 0; i < ROWS; i++) {
        if (table[i].letter == letter)
            return &table[i];
    }
    return NULL;
}

static const struct options_row *find_name(struct slice name)
{
    for (size_t i = 0; i < ROWS; i++) {
        if (table[i].letter == '\0' && slice_equals(slice_of(table[i].name), name))
            return &table[i];
    }
    return NULL;
}

/* What is given to the option: `attached`, or the next word. */
static bool find_argument(struct options_parser *parser, const struct options_row *row,
                          const char *attached, const char **argument)
{
    *argument = attached;
    if (row->arity == OPTIONS_ATTACHED)
        return attached[0] != '\0';
    if (row->arity == OPTIONS_OPTIONAL || attached[0] != '\0')
        return true;
    if (parser->next == parser->argc)
        return false;
    *argument = parser->argv[parser->next++];
    return true;
}

static bool parse_cluster(struct options_parser *parser, const char *word, struct error *error)
{
    for (const char *letter = word + 1; *letter != '\0'; letter++) {
        struct text_shown shown;
        const struct options_row *row = find_letter(*letter);
        if (row == NULL)
            return error_set(error, EX_USAGE, "usage: unknown option -%s; see --help",
                             text_show(&shown, slice_make(letter, 1)));
        const char *argument = "";
        if (row->arity != OPTIONS_FLAG && !find_argument(parser, row, letter + 1, &argument))
            return error_set(error, EX_USAGE, "usage: -%c needs an argument", *letter);
        if (!row->take(parser, row, argument, error))
            return false;
        if (row->arity != OPTIONS_FLAG)
            return true;
    }
    return true;
}

static bool fail_unknown(struct slice name, struct error *error)
{
    struct text_shown shown;
    struct suggest suggest;
    error_set(error, EX_USAGE, "usage: unknown option --%s", text_show(&shown, name));
    suggest_start(&suggest, name);
    for (size_t i = 0; i < ROWS; i++) {
        if (table[i].letter == '\0')
            suggest_offer(&suggest, slice_of(table[i].name));
    }
    return suggest_add(&suggest, "--", error);
}

static bool parse_long(struct options_parser *parser, const char *word, struct error *error)
{
    struct slice name = slice_of(word + 2);
    const char *value = strchr(word, '=');
    name = slice_to(name, slice_find(name, '='));
    const struct options_row *row = find_name(name);
    if (row == NULL)
        return fail_unknown(name, error);
    if (row->apart && parser->asked.apart == NULL)
        parser->asked.apart = row;
    if (row->changes && parser->asked.changes == NULL)
        parser->asked.changes = row;
    const char *argument = value == NULL ? "" : value + 1;
    if (row->arity == OPTIONS_FLAG && value != NULL)
        return error_set(error, EX_USAGE, "usage: --%s takes no value", row->name);
    if (row->arity != OPTIONS_FLAG && value == NULL &&
        !find_argument(parser, row, argument, &argument))
        return error_set(error, EX_USAGE, "usage: --%s needs a value", row->name);
    return row->take(parser, row, argument, error);
}

static bool parse_word(struct options_parser *parser, bool *options_ended, struct error *error)
{
    char *word = parser->argv[parser->next++];
    if (*options_ended || word[0] != '-' || word[1] == '\0') {
        parser->options->recipients[parser->options->recipient_count++] = word;
        return true;
    }
    *options_ended = strcmp(word, "--") == 0;
    if (*options_ended)
        return true;
    return word[1] == '-' ? parse_long(parser, word, error) : parse_cluster(parser, word, error);
}

/* mailq and newaliases are sendmail under other names, and take its options. */
static void take_own_name(struct options_parser *parser)
{
    if (parser->argc == 0 || parser->argv[0] == NULL)
        return;
    const char *slash = strrchr(parser->argv[0], '/');
    const char *name = slash == NULL ? parser->argv[0] : slash + 1;
    parser->asked.listed = strcmp(name, "mailq") == 0;
    if (parser->asked.listed)
        parser->options->mode = OPTIONS_LIST;
    if (strcmp(name, "newaliases") == 0)
        parser->options->mode = OPTIONS_ALIASES;
}

static bool reads_message(const struct options_parser *parser)
{
    const struct options *options = parser->options;
    bool sends = mode_name(options->mode) == NULL && !parser->asked.run;
    /* -q with recipients is an error, and a message is probably waiting all the same. */
    bool meant_to_send = parser->asked.run && options->mode == OPTIONS_SEND &&
                         (options->recipient_count > 0 || options->from_header);
    return !parser->no_message && parser->asked.shown == OPTIONS_SEND &&
           options->input_file == NULL && (sends || meant_to_send);
}

bool options_parse(struct options *options, int argc, char **argv, struct arena *arena,
                   struct error *error)
{
    struct options_parser parser = {.options = options, .argc = argc, .argv = argv, .next = 1};
    struct error later;
    bool options_ended = false, done = true;
    *options = (struct options){.reads_input = true};
    options->recipients = arena_allocate(arena, ((size_t)argc + 1) * sizeof *options->recipients);
    if (options->recipients == NULL)
        return error_set_memory(error);
    take_own_name(&parser);
    /* All words are looked at, since one behind an error may say that standard input is not ours
     * to read; the first error is the one reported. */
    while (parser.next < argc) {
        if (!parse_word(&parser, &options_ended, done ? error : &later))
            done = false;
    }
    options->reads_input = reads_message(&parser);
    return done && mode_settle(options, &parser.asked, error);
}

static void write_row(const struct options_row *row, void (*line)(const char *line))
{
    char buffer[160], option[40];
    struct text text;
    text_init(&text, option, sizeof option);
    if (row->letter != '\0')
        text_add_format(&text, "-%c", row->letter);
    else
        text_add_format(&text, "--%s", row->name);
    if (row->argument != NULL)
        text_add_format(&text, " %s", row->argument);
    text_init(&text, buffer, sizeof buffer);
    text_add_format(&text, "  %-22s %s", option, row->help);
    line(buffer);
}

void options_write_help(void (*line)(const char *line))
{
    char buffer[160];
    struct text text;
    line("usage: sendmail [OPTION | RECIPIENT] ... < MESSAGE");
    line("Submits a message to the smarthost of the configuration; see sendmail(8).");
    line("Called mailq it does what -bp does, called newaliases what -bi does.");
    line("");
    text_init(&text, buffer, sizeof buffer);
    text_add(&text, "  taken and ignored:");
    for (size_t i = 0; i < ROWS; i++) {
        if (table[i].help != NULL)
            write_row(&table[i], line);
        else
            text_add_format(&text, " -%c", table[i].letter);
    }
    line(buffer);
}

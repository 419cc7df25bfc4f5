/* Goal: each option that callers of sendmail pass has its right arity and effect, in every form
 * that it can take: which words become recipients, what is stored, or in which words it is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "config/options.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static struct options options;
static struct error error;
static struct arena arena;   /* of the last parse */
static char recipients[512]; /* of the last parse, each followed by a blank */
static char described[1024]; /* what it stored beyond the defaults, each followed by a blank */

static void describe_string(struct text *text, const char *name, const char *value)
{
    if (value != NULL)
        text_add_format(text, "%s=%s ", name, value);
}

static void describe_number(struct text *text, const char *name, int value)
{
    if (value != 0)
        text_add_format(text, "%s=%d ", name, value);
}

static void describe(void)
{
    static const char *const modes[] = {[OPTIONS_SEND] = "",
                                        [OPTIONS_DRY_RUN] = "dry-run ",
                                        [OPTIONS_SESSION] = "session ",
                                        [OPTIONS_VERIFY] = "verify ",
                                        [OPTIONS_ALIASES] = "aliases ",
                                        [OPTIONS_LIST] = "list ",
                                        [OPTIONS_COUNT] = "count ",
                                        [OPTIONS_RUN] = "run ",
                                        [OPTIONS_SHOW] = "show ",
                                        [OPTIONS_HOLD] = "hold ",
                                        [OPTIONS_RELEASE] = "release ",
                                        [OPTIONS_REMOVE] = "remove ",
                                        [OPTIONS_CONFIGURE] = "configure ",
                                        [OPTIONS_CHECK] = "check ",
                                        [OPTIONS_HELP] = "help ",
                                        [OPTIONS_HELP_CONFIG] = "help-config ",
                                        [OPTIONS_VERSION] = "version "};
    struct text text;
    text_init(&text, described, sizeof described);
    text_add(&text, modes[options.mode]);
    text_add(&text, options.reads_input ? "" : "no-input ");
    text_add(&text, options.json ? "json " : "");
    text_add(&text, options.from_header ? "t " : "");
    text_add(&text, options.ignore_dots ? "i " : "");
    text_add(&text, options.quiet ? "quiet " : "");
    describe_string(&text, "for", options.configured_address);
    text_add(&text, options.yes ? "yes " : "");
    describe_string(&text, "password-file", options.password_file);
    describe_string(&text, "C", options.config_file);
    describe_string(&text, "a", options.account);
    describe_string(&text, "file", options.input_file);
    describe_string(&text, "f", options.sender);
    describe_string(&text, "F", options.full_name);
    describe_string(&text, "L", options.tag);
    describe_string(&text, "B", options.body_type);
    describe_string(&text, "V", options.envelope_id);
    describe_number(&text, "N", options.notify);
    describe_number(&text, "R", (int)options.returned);
    describe_number(&text, "od", (int)options.delivery);
    describe_string(&text, "id", options.entry_id);
    describe_number(&text, "every", (int)(options.run.interval / 1000));
    describe_number(&text, "by", (int)options.run.match);
    describe_string(&text, "text", options.run.text);
    text_add(&text, options.run.all ? "all " : "");
    text_add(&text, options.verbose ? "v " : "");
}

/* `line`: words divided by blanks; '' is an empty word, _ stands for a blank inside one. */
static bool parse(const char *line)
{
    static char copy[512];
    char *argv[64];
    int argc = 0;
    snprintf(copy, sizeof copy, "%s", line);
    char *rest = copy, *word;
    while ((word = strsep(&rest, " ")) != NULL) {
        for (char *at = word; (at = strchr(at, '_')) != NULL; at++)
            *at = ' ';
        argv[argc++] = strcmp(word, "''") == 0 ? word + 2 : word;
    }
    argv[argc] = NULL;
    error = (struct error){0};
    arena_free(&arena);
    bool done = options_parse(&options, argc, argv, &arena, &error);
    recipients[0] = '\0';
    for (size_t i = 0; i < options.recipient_count; i++) {
        size_t used = strlen(recipients);
        snprintf(recipients + used, sizeof recipients - used, "%s ", options.recipients[i]);
    }
    describe();
    return done;
}

/* --- the options, row by row of a comparison of seven programs ----------------------------------
 */

enum shape {
    FLAG,     /* no argument */
    ARGUMENT, /* attached or the next word */
    ATTACHED, /* attached only, or with nothing at all */
    ALONE = 8 /* added: it goes without recipients */
};

struct option_case {
    const char *row; /* as the comparison names it */
    char letter;
    int shape;
    const char *value, *stored;
    const char *sentence; /* of the refusal; NULL: it is taken */
};

#define AGENT  "; this is a submission agent"
#define DAEMON "this is no daemon and takes no mail from the network" AGENT
#define BAD_B  "usage: -B takes 7BIT or 8BITMIME"
#define BAD_N  "usage: -N: takes never, or some of success,failure,delay"
#define BAD_R  "usage: -R: takes full or hdrs"
#define BAD_V                                                                                      \
    "usage: -V: takes an envelope id: up to 100 printable characters, with + and = written as "    \
    "+2B and +3D"
#define BAD_L    "usage: -L takes a name of 1 to 32 printable ASCII characters without blanks"
#define BAD_OD   "usage: -od takes b, d, f, i or q"
#define BAD_TIME "is no time, such as 30s, 15m or 1h30m, of a year at most"
#define ID       "0123456789abcdEF"

static const struct option_case option_cases[] = {
    {"-Ac -Am", 'A', ARGUMENT, "c", "", NULL},
    {"-Ac -Am", 'A', ARGUMENT, "m", "", NULL},
    {"-B 7BIT/8BITMIME", 'B', ARGUMENT, "7BIT", "B=7BIT ", NULL},
    {"-B 7BIT/8BITMIME", 'B', ARGUMENT, "8BITMIME", "B=8BITMIME ", NULL},
    {"-B 7BIT/8BITMIME", 'B', ARGUMENT, "8bitmime", "B=8bitmime ", NULL},
    {"-B 7BIT/8BITMIME", 'B', ARGUMENT, "9BIT", NULL, BAD_B},
    {"-B 7BIT/8BITMIME", 'B', ARGUMENT, "''", NULL, BAD_B},
    {"-ba (ARPANET)", 'b', ARGUMENT, "a", NULL, "usage: -ba: the ARPANET mode is long gone" AGENT},
    {"-bd -bD", 'b', ARGUMENT, "d", NULL, "usage: -bd: " DAEMON},
    {"-bd -bD", 'b', ARGUMENT, "D", NULL, "usage: -bD: " DAEMON},
    {"-bh -bH", 'b', ARGUMENT, "h", NULL, "usage: -bh: it keeps no status of hosts" AGENT},
    {"-bh -bH", 'b', ARGUMENT, "H", NULL, "usage: -bH: it keeps no status of hosts" AGENT},
    {"-bi", 'b', ARGUMENT | ALONE, "i", "aliases no-input ", NULL},
    {"-bm", 'b', ARGUMENT, "m", "", NULL},
    {"-bp", 'b', ARGUMENT | ALONE, "p", "list no-input ", NULL},
    {"-bP", 'b', ARGUMENT | ALONE, "P", "count no-input ", NULL},
    {"-bs", 'b', ARGUMENT | ALONE, "s", "session no-input ", NULL},
    {"-bS (batch SMTP)", 'b', ARGUMENT, "S", NULL,
     "usage: -bS: it takes no batched SMTP, but a session with -bs" AGENT},
    {"-bt", 'b', ARGUMENT, "t", NULL,
     "usage: -bt: it has no rules to rewrite addresses, so there is nothing to test" AGENT},
    {"-bv addr", 'b', ARGUMENT, "v", "verify no-input ", NULL},
    {"-bz / -bC", 'b', ARGUMENT, "z", NULL, "usage: -bz: its configuration is not compiled" AGENT},
    {"-bz / -bC", 'b', ARGUMENT, "C", NULL,
     "usage: -bC: its configuration is checked whenever it is used" AGENT},
    {"-bq (dma: queue only)", 'b', ARGUMENT, "q", NULL,
     "usage: -bq: what is only to be queued is sent with -odq" AGENT},
    {"-b: others", 'b', ARGUMENT, "x", NULL,
     "usage: -bx: unknown mode; it takes m, s, v, i, p or P"},
    {"-b: others", 'b', ARGUMENT, "mx", NULL,
     "usage: -bmx: unknown mode; it takes m, s, v, i, p or P"},
    {"-b: others", 'b', ARGUMENT, "''", NULL,
     "usage: -b: unknown mode; it takes m, s, v, i, p or P"},
    {"-C file", 'C', ARGUMENT, "/c", "C=/c ", NULL},
    {"-c (Sendmail, Postfix)", 'c', FLAG, "", "", NULL},
    {"-D x", 'D', ARGUMENT, "/d", "", NULL},
    {"-d[x]", 'd', ATTACHED, "", "", NULL},
    {"-d[x]", 'd', ATTACHED, "0.1", "", NULL},
    {"-E", 'E', FLAG, "", "", NULL},
    {"-em -ep -eq -ew..", 'e', ATTACHED, "e", "", NULL},
    {"-em -ep -eq -ew..", 'e', ATTACHED, "m", "", NULL},
    {"-em -ep -eq -ew..", 'e', ATTACHED, "p", "", NULL},
    {"-em -ep -eq -ew..", 'e', ATTACHED, "q", "quiet ", NULL},
    {"-em -ep -eq -ew..", 'e', ATTACHED, "w", "", NULL},
    {"-em -ep -eq -ew..", 'e', ATTACHED, "x", NULL, "usage: -e: takes e, m, p, q or w"},
    {"-em -ep -eq -ew..", 'e', ATTACHED, "", NULL, "usage: -e needs an argument"},
    {"-F name", 'F', ARGUMENT, "Full_Name", "F=Full Name ", NULL},
    {"-F name", 'F', ARGUMENT, "''", "F= ", NULL},
    {"-f addr", 'f', ARGUMENT, "me@x", "f=me@x ", NULL},
    {"-f ''", 'f', ARGUMENT, "''", "f= ", NULL},
    {"-f '<>' / -f'<>'", 'f', ARGUMENT, "<>", "f=<> ", NULL},
    {"-f 'N <a@b>'", 'f', ARGUMENT, "N_<a@b>", "f=N <a@b> ", NULL},
    {"-f local", 'f', ARGUMENT, "local", "f=local ", NULL},
    {"-r addr (=-f)", 'r', ARGUMENT, "me@x", "f=me@x ", NULL},
    {"-r addr (=-f)", 'r', ARGUMENT, "''", "f= ", NULL},
    {"-G", 'G', FLAG, "", "", NULL},
    {"-h N", 'h', ARGUMENT, "5", "", NULL},
    {"-I (=-bi)", 'I', FLAG | ALONE, "", "aliases no-input ", NULL},
    {"-i", 'i', FLAG, "", "i ", NULL},
    {"-L tag", 'L', ARGUMENT, "tag", "L=tag ", NULL},
    {"-L tag", 'L', ARGUMENT, "12345678901234567890123456789012",
     "L=12345678901234567890123456789012 ", NULL},
    {"-L tag", 'L', ARGUMENT, "123456789012345678901234567890123", NULL, BAD_L},
    {"-L tag", 'L', ARGUMENT, "a_b", NULL, BAD_L},
    {"-L tag", 'L', ARGUMENT, "a\nb", NULL, BAD_L},
    {"-L tag", 'L', ARGUMENT, "\xc3\xbc", NULL, BAD_L},
    {"-L tag", 'L', ARGUMENT, "''", NULL, BAD_L},
    {"-M x", 'M', ARGUMENT, "x", "", NULL},
    {"-m", 'm', FLAG, "", "", NULL},
    {"-N dsn", 'N', ARGUMENT, "success,failure", "N=6 ", NULL},
    {"-N dsn", 'N', ARGUMENT, "NEVER", "N=1 ", NULL},
    {"-N dsn", 'N', ARGUMENT, "delay", "N=8 ", NULL},
    {"-N dsn", 'N', ARGUMENT, "sometimes", NULL, BAD_N},
    {"-N dsn", 'N', ARGUMENT, "never,delay", NULL, BAD_N},
    {"-N dsn", 'N', ARGUMENT, "delay,", NULL, BAD_N},
    {"-N dsn", 'N', ARGUMENT, "''", NULL, BAD_N},
    {"-R hdrs/full", 'R', ARGUMENT, "full", "R=1 ", NULL},
    {"-R hdrs/full", 'R', ARGUMENT, "hdrs", "R=2 ", NULL},
    {"-R hdrs/full", 'R', ARGUMENT, "all", NULL, BAD_R},
    {"-V envid", 'V', ARGUMENT, "a+2Bb", "V=a+2Bb ", NULL},
    {"-V envid", 'V', ARGUMENT, "a=b", NULL, BAD_V},
    {"-V envid", 'V', ARGUMENT, "a+2", NULL, BAD_V},
    {"-V envid", 'V', ARGUMENT, "''", NULL, BAD_V},
    {"-n", 'n', FLAG, "", "", NULL},
    {"-O k=v", 'O', ARGUMENT, "k=v", "", NULL},
    {"-oi", 'o', ARGUMENT, "i", "i ", NULL},
    {"-odb -odi -odq -odd", 'o', ARGUMENT, "db", "od=1 ", NULL},
    {"-odb -odi -odq -odd", 'o', ARGUMENT, "di", "od=2 ", NULL},
    {"-odb -odi -odq -odd", 'o', ARGUMENT, "df", "od=2 ", NULL},
    {"-odb -odi -odq -odd", 'o', ARGUMENT, "dq", "od=3 ", NULL},
    {"-odb -odi -odq -odd", 'o', ARGUMENT, "dqs", "od=3 ", NULL},
    {"-odb -odi -odq -odd", 'o', ARGUMENT, "dd", "od=4 ", NULL},
    {"-odb -odi -odq -odd", 'o', ARGUMENT, "dx", NULL, BAD_OD},
    {"-odb -odi -odq -odd", 'o', ARGUMENT, "d", NULL, BAD_OD},
    {"-oem -oee -oeq -oep -oew", 'o', ARGUMENT, "em", "", NULL},
    {"-oem -oee -oeq -oep -oew", 'o', ARGUMENT, "ee", "", NULL},
    {"-oem -oee -oeq -oep -oew", 'o', ARGUMENT, "eq", "quiet ", NULL},
    {"-oem -oee -oeq -oep -oew", 'o', ARGUMENT, "ep", "", NULL},
    {"-oem -oee -oeq -oep -oew", 'o', ARGUMENT, "ew", "", NULL},
    {"-oem -oee -oeq -oep -oew", 'o', ARGUMENT, "ex", NULL, "usage: -oe: takes e, m, p, q or w"},
    {"-oem -oee -oeq -oep -oew", 'o', ARGUMENT, "e", NULL, "usage: -oe: takes e, m, p, q or w"},
    {"-om -oo", 'o', ARGUMENT, "m", "", NULL},
    {"-om -oo", 'o', ARGUMENT, "o", "", NULL},
    {"-o7 -o8", 'o', ARGUMENT, "7", "", NULL},
    {"-o7 -o8", 'o', ARGUMENT, "8", "", NULL},
    {"-o7 -o8", 'o', ARGUMENT, "8pass", "", NULL},
    {"-oA -oQ -os -ot -oT..", 'o', ARGUMENT, "A/etc/aliases", "", NULL},
    {"-oA -oQ -os -ot -oT..", 'o', ARGUMENT, "Q/queue", "", NULL},
    {"-oA -oQ -os -ot -oT..", 'o', ARGUMENT, "s", "", NULL},
    {"-oA -oQ -os -ot -oT..", 'o', ARGUMENT, "t", "", NULL},
    {"-oA -oQ -os -ot -oT..", 'o', ARGUMENT, "T1d", "", NULL},
    {"-oA -oQ -os -ot -oT..", 'o', ARGUMENT, "MrESMTP", "", NULL},
    {"-oA -oQ -os -ot -oT..", 'o', ARGUMENT, "A", NULL,
     "usage: -oA takes its value attached to it, not behind it"},
    {"-oA -oQ -os -ot -oT..", 'o', ARGUMENT, "Q", NULL,
     "usage: -oQ takes its value attached to it, not behind it"},
    {"-oA -oQ -os -ot -oT..", 'o', ARGUMENT, "Mr", NULL,
     "usage: -oMr takes its value attached to it, not behind it"},
    {"-oA -oQ -os -ot -oT..", 'o', ARGUMENT, "''", NULL, "usage: -o takes a letter, as in -oi"},
    {"-ov", 'o', ARGUMENT, "v", "v ", NULL},
    {"-p proto[:host]", 'p', ARGUMENT, "SMTP:host", "", NULL},
    {"-q", 'q', ATTACHED | ALONE, "", "run no-input ", NULL},
    {"-q30m", 'q', ATTACHED | ALONE, "30m", "run no-input every=1800 ", NULL},
    {"-q30m", 'q', ATTACHED | ALONE, "1h30m", "run no-input every=5400 ", NULL},
    {"-q30m", 'q', ATTACHED | ALONE, "5", "run no-input every=300 ", NULL},
    {"-q30m", 'q', ATTACHED | ALONE, "1w2d3h4m5s", "run no-input every=788645 ", NULL},
    {"-q30m", 'q', ATTACHED | ALONE, "0", "run no-input ", NULL},
    {"-q30m", 'q', ATTACHED | ALONE, "p1h", "run no-input every=3600 ", NULL},
    {"-q30m", 'q', ATTACHED | ALONE, "p", "run no-input ", NULL},
    {"-q30m", 'q', ATTACHED | ALONE, "5y", NULL, "usage: -q5y: " BAD_TIME},
    {"-q30m", 'q', ATTACHED | ALONE, "5mm", NULL, "usage: -q5mm: " BAD_TIME},
    {"-q30m", 'q', ATTACHED | ALONE, "pm", NULL, "usage: -qpm: " BAD_TIME},
    {"-q30m", 'q', ATTACHED | ALONE, "367d", NULL, "usage: -q367d: " BAD_TIME},
    {"-q30m", 'q', ATTACHED | ALONE, "99999999999999999999s", NULL,
     "usage: -q99999999999999999999s: " BAD_TIME},
    {"-qf -qI -qR -qS", 'q', ATTACHED | ALONE, "f", "run no-input ", NULL},
    {"-qf -qI -qR -qS", 'q', ATTACHED | ALONE, "ff", "run no-input all ", NULL},
    {"-qf -qI -qR -qS", 'q', ATTACHED | ALONE, "i", "run no-input ", NULL},
    {"-qf -qI -qR -qS", 'q', ATTACHED | ALONE, "Gmqueue", "run no-input ", NULL},
    {"-qf -qI -qR -qS", 'q', ATTACHED | ALONE, "G", NULL, "usage: -qG: needs the name of a group"},
    {"-qf -qI -qR -qS", 'q', ATTACHED | ALONE, "I" ID, "run no-input by=1 text=" ID " all ", NULL},
    {"-qf -qI -qR -qS", 'q', ATTACHED | ALONE, "I../passwd", NULL,
     "usage: -qI../passwd: an id is 16 letters and digits, as mailq shows them"},
    {"-qf -qI -qR -qS", 'q', ATTACHED | ALONE, "Rhost", "run no-input by=2 text=host all ", NULL},
    {"-qf -qI -qR -qS", 'q', ATTACHED | ALONE, "S", NULL,
     "usage: -qS: needs what to look for, attached to it"},
    {"-qf -qI -qR -qS", 'q', ATTACHED | ALONE, "Sme@x", "run no-input by=3 text=me@x all ", NULL},
    {"-qf -qI -qR -qS", 'q', ATTACHED | ALONE, "!Sme", NULL,
     "usage: -q!Sme: a run of all but what matches is not done here; -qI, -qR and -qS take what is "
     "to be run"},
    {"-qf -qI -qR -qS", 'q', ATTACHED | ALONE, "Q", NULL,
     "usage: -qQ: nothing is quarantined or lost here"},
    {"-qf -qI -qR -qS", 'q', ATTACHED | ALONE, "x", NULL,
     "usage: -qx: takes nothing, a time such as 30m, f, p, or what to look for behind I, R or S"},
    {"-s", 's', FLAG, "", "", NULL},
    {"-T -J -S -x", 'T', ATTACHED, "", NULL, "usage: -T: refused, as there is nothing to time"},
    {"-T -J -S -x", 'J', ATTACHED, "", "", NULL},
    {"-T -J -S -x", 'J', ATTACHED, "mime", "", NULL},
    {"-T -J -S -x", 'S', ATTACHED, "", NULL, "usage: -S: refused: a run by sender is -qS"},
    {"-T -J -S -x", 'S', ATTACHED, "me", NULL, "usage: -S: refused: a run by sender is -qS"},
    {"-T -J -S -x", 'x', FLAG, "", "", NULL},
    {"-Q (Sendmail)", 'Q', ATTACHED, "", NULL,
     "usage: -Q: refused, as nothing is quarantined here"},
    {"-t", 't', FLAG, "", "t ", NULL},
    {"-U", 'U', FLAG, "", "", NULL},
    {"-v", 'v', FLAG, "", "v ", NULL},
    {"-X file", 'X', ARGUMENT, "/x", "", NULL},
    {"-a name (ours)", 'a', ARGUMENT, "work", "a=work ", NULL},
};

static void fail_form(const struct option_case *c, const char *line, const char *words)
{
    fail_msg("%s: \"%s\": %s; recipients \"%s\", stored \"%s\", \"%s\"", c->row, line, words,
             recipients, described, error.sentence);
}

/* `option`, alone or in a cluster, among other words. */
static void check_form(const struct option_case *c, const char *before, const char *option,
                       const char *behind)
{
    char line[256], stored[128];
    bool verbose = strstr(option, "-v") == option;
    snprintf(line, sizeof line, "sendmail%s %s%s", before, option, behind);
    bool done = parse(line);
    if (c->sentence != NULL) {
        if (done || strcmp(error.sentence, c->sentence) != 0 || error.exit_code != EX_USAGE)
            fail_form(c, line, "not refused as it should be");
        return;
    }
    bool shown = !verbose || strcmp(c->stored, "v ") == 0;
    snprintf(stored, sizeof stored, "%s%s", c->stored, shown ? "" : "v ");
    if (!done || strcmp(described, stored) != 0)
        fail_form(c, line, "not taken as it should be");
    if (strcmp(recipients, (c->shape & ALONE) ? "" : before[0] != '\0' ? "a@x b@x " : "b@x ") != 0)
        fail_form(c, line, "other recipients");
}

/* Behind -- nothing is an option. */
static void check_ended(const struct option_case *c, const char *option)
{
    char line[256], expected[256];
    snprintf(line, sizeof line, "sendmail -- %s b@x", option);
    bool done = parse(line);
    snprintf(expected, sizeof expected, "%s b@x ", option);
    for (char *at = expected; (at = strchr(at, '_')) != NULL; at++)
        *at = ' ';
    if (!done || described[0] != '\0' ||
        (strstr(option, "''") == NULL && strcmp(recipients, expected) != 0))
        fail_form(c, line, "not all recipients");
}

/* `cluster` stands before the letter, `value` behind it. */
static void check_word(const struct option_case *c, const char *cluster, const char *value)
{
    char option[128];
    snprintf(option, sizeof option, "-%s%c%s", cluster, c->letter, value);
    bool alone = (c->shape & ALONE) != 0;
    check_form(c, "", option, alone ? "" : " b@x");
    check_form(c, alone ? "" : " a@x", option, alone ? "" : " b@x");
    check_form(c, alone ? "" : " a@x", option, alone ? " --" : " -- b@x");
    check_ended(c, option);
}

static void test_every_form_of_every_option(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(option_cases); i++) {
        const struct option_case *c = &option_cases[i];
        bool argument = (c->shape & ARGUMENT) != 0, empty = strcmp(c->value, "''") == 0;
        char separate[80];
        snprintf(separate, sizeof separate, " %s", c->value);
        if (!argument || !empty) {
            check_word(c, "", c->value);
            check_word(c, "v", c->value);
            check_word(c, "m", c->value);
        }
        if (argument) {
            check_word(c, "", separate);
            check_word(c, "v", separate);
        }
        if (c->shape == FLAG)
            check_word(c, "", "m");
    }
}

/* A letter of the table that no case is about would be untested. */
static void test_every_letter_has_a_case(void **state)
{
    size_t count;
    const struct options_row *rows = options_table(&count);
    (void)state;
    for (size_t i = 0; i < count; i++) {
        bool found = rows[i].letter == '\0';
        for (size_t j = 0; j < COUNT(option_cases); j++)
            found = found || option_cases[j].letter == rows[i].letter;
        if (!found)
            fail_msg("no case for -%c", rows[i].letter);
    }
}

/* --- whole command lines --------------------------------------------------------------------- */

static void test_lines(void **state)
{
    static const struct {
        const char *line, *recipients, *stored;
    } rows[] = {
        {"sendmail", "", ""},
        {"sendmail a@x", "a@x ", ""},
        /* -f twice */
        {"sendmail -f first@x -f last@x a@x", "a@x ", "f=last@x "},
        {"sendmail -f first@x -r last@x a@x", "a@x ", "f=last@x "},
        /* -t + arguments */
        {"sendmail -t a@x b@x", "a@x b@x ", "t "},
        {"sendmail a@x -t b@x", "a@x b@x ", "t "},
        /* -ti / -it */
        {"sendmail -ti", "", "t i "},
        {"sendmail -it", "", "t i "},
        {"sendmail -tioi a@x", "a@x ", "t i "},
        {"sendmail -tfme@x a@x", "a@x ", "t f=me@x "},
        /* -- */
        {"sendmail -- -x@y a@x", "-x@y a@x ", ""},
        {"sendmail -t -- -t", "-t ", "t "},
        {"sendmail -f -- a@x", "a@x ", "f=-- "},
        {"sendmail a@x -- -- b@x", "a@x -- b@x ", ""},
        /* options after recipients */
        {"sendmail a@x -f me@x b@x -i c@x", "a@x b@x c@x ", "i f=me@x "},
        /* recipients stay as they are written; what they are is judged later */
        {"sendmail a@x,b@x R_<c@x>", "a@x,b@x R <c@x> ", ""},
        {"sendmail -", "- ", ""},
        {"sendmail ''", " ", ""},
        /* the last mode and the last error mode hold */
        {"sendmail -bp -bm a@x", "a@x ", ""},
        {"sendmail -oeq -oep", "", ""},
        {"sendmail -em -eq", "", "quiet "},
        /* -q beside what would send, and beside a listing */
        {"sendmail -q -bm", "", "run no-input "},
        {"sendmail -i -q -f me@x", "", "run no-input i f=me@x "},
        {"sendmail -bp -qRhost", "", "list no-input by=2 text=host all "},
        {"sendmail -qSabc -bP", "", "count no-input by=3 text=abc all "},
        {"sendmail -q15m -qRhost", "", "run no-input every=900 by=2 text=host all "},
        /* what mailers pass */
        {"sendmail -oi -oem -oep -odi -odb -om -N success,failure -R hdrs -V id -m -v -F "
         "Full_Name -f '' -- a@x",
         "a@x ", "i f= F=Full Name V=id N=6 R=2 od=1 v "},
        {"sendmail -FCronDaemon -i -B8BITMIME -oem root", "root ", "i F=CronDaemon B=8BITMIME "},
        {"sendmail -bs -odb -oem", "", "session no-input od=1 "},
        /* long options */
        {"sendmail --config /c --account w a@x", "a@x ", "C=/c a=w "},
        {"sendmail a@x --config=/c --account=w b@x", "a@x b@x ", "C=/c a=w "},
        {"sendmail --file /m a@x", "a@x ", "no-input file=/m "},
        {"sendmail --configure me@x", "", "configure no-input for=me@x "},
        {"sendmail --configure=me@x -v -C /c", "", "configure no-input for=me@x C=/c v "},
        {"sendmail --yes --password-file /p --configure me@x", "",
         "configure no-input for=me@x yes password-file=/p "},
        {"sendmail --configure me@x --password-file=/p", "",
         "configure no-input for=me@x password-file=/p "},
        {"sendmail --configure me@x --help", "", "help no-input for=me@x "},
        {"sendmail --file= a@x", "a@x ", "no-input file= "},
        {"sendmail --dry-run --verbose a@x", "a@x ", "dry-run v "},
        {"sendmail --dry-run -bm a@x", "a@x ", "dry-run "},
        {"sendmail --dry-run --file /m a@x", "a@x ", "dry-run no-input file=/m "},
        {"sendmail --dry-run -bv a@x", "a@x ", "verify no-input "},
        {"sendmail --check", "", "check no-input "},
        {"sendmail a@x --account w --check b@x -f me@x", "a@x b@x ", "check no-input a=w f=me@x "},
        {"sendmail --json --check -v", "", "check no-input json v "},
        {"sendmail --check --help", "", "help no-input "},
        {"sendmail --queue", "", "list no-input "},
        {"sendmail --queue --json -v", "", "list no-input json v "},
        {"sendmail -bp --json", "", "list no-input json "},
        {"sendmail --flush", "", "run no-input all "},
        {"sendmail --show " ID " --json -C /c", "", "show no-input json C=/c id=" ID " "},
        {"sendmail --show=" ID, "", "show no-input id=" ID " "},
        {"sendmail --hold " ID, "", "hold no-input id=" ID " "},
        {"sendmail --release " ID, "", "release no-input id=" ID " "},
        {"sendmail --remove " ID, "", "remove no-input id=" ID " "},
        {"sendmail --help", "", "help no-input "},
        {"sendmail --help -bm a@x", "a@x ", "help no-input "},
        {"sendmail --dry-run --version -q", "", "version no-input "},
        {"sendmail --help-config -bs", "", "help-config no-input "},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        bool done = parse(rows[i].line);
        if (!done || strcmp(recipients, rows[i].recipients) != 0 ||
            strcmp(described, rows[i].stored) != 0)
            fail_msg("\"%s\": recipients \"%s\", stored \"%s\", \"%s\"", rows[i].line, recipients,
                     described, error.sentence);
    }
}

static void test_names(void **state)
{
    static const struct {
        const char *line, *recipients, *stored;
    } rows[] = {
        {"mailq", "", "list no-input "},
        {"/usr/bin/mailq", "", "list no-input "},
        {"mailq -Ac -v", "", "list no-input v "},
        {"mailq -q", "", "list no-input "},
        {"mailq --json", "", "list no-input json "},
        {"mailq --flush", "", "run no-input all "},
        {"mailq --remove " ID, "", "remove no-input id=" ID " "},
        {"./newaliases", "", "aliases no-input "},
        {"newaliases -C /c -oA/etc/aliases", "", "aliases no-input C=/c "},
        {"newaliases -bp", "", "list no-input "},
        {"mailq -bm a@x", "a@x ", ""},
        {"/usr/lib/send-mail a@x", "a@x ", ""},
        {"/opt/mailq/sendmail a@x", "a@x ", ""},
        {"/opt/mailq/ a@x", "a@x ", ""},
        {"xmailq a@x", "a@x ", ""},
        {"MAILQ a@x", "a@x ", ""},
        {"'' a@x", "a@x ", ""},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (!parse(rows[i].line) || strcmp(recipients, rows[i].recipients) != 0 ||
            strcmp(described, rows[i].stored) != 0)
            fail_msg("\"%s\": recipients \"%s\", stored \"%s\", \"%s\"", rows[i].line, recipients,
                     described, error.sentence);
    }
}

static void test_refused(void **state)
{
    static const struct {
        const char *line, *sentence;
        bool reads_input;
    } rows[] = {
        /* a mode that is refused takes no message; one that is not may have one to drain */
        {"sendmail -bd", "usage: -bd: " DAEMON, false},
        {"sendmail -bd -q30m", "usage: -bd: " DAEMON, false},
        {"sendmail -q30m -bd", "usage: -bd: " DAEMON, false},
        {"sendmail -bx a@x", "usage: -bx: unknown mode; it takes m, s, v, i, p or P", false},
        /* modes among each other */
        {"sendmail -q -bs", "usage: -q is not taken together with -bs", false},
        {"sendmail -bi -q", "usage: -q is not taken together with -bi", false},
        {"sendmail -q -bv a@x", "usage: -q is not taken together with -bv", false},
        {"sendmail --dry-run -bs", "usage: --dry-run is not taken together with -bs", false},
        {"sendmail -q --dry-run", "usage: --dry-run is not taken together with -q", false},
        /* a message that would get lost in silence */
        {"sendmail -q a@x", "usage: -q takes no recipients; nothing is sent by it", true},
        {"sendmail -q -t", "usage: -t is not taken together with -q", true},
        {"sendmail -qf -- a@x", "usage: -q takes no recipients; nothing is sent by it", true},
        {"sendmail -bs a@x", "usage: -bs takes no recipients; nothing is sent by it", false},
        {"sendmail -bs -t", "usage: -t is not taken together with -bs", false},
        {"sendmail -bp a@x", "usage: -bp takes no recipients; nothing is sent by it", false},
        {"mailq a@x", "usage: -bp takes no recipients; nothing is sent by it", false},
        {"newaliases a@x", "usage: -bi takes no recipients; nothing is sent by it", false},
        {"sendmail -bv", "usage: -bv takes the addresses to verify as arguments", false},
        {"sendmail -bv -t", "usage: -t is not taken together with -bv", false},
        /* unknown, incomplete */
        {"sendmail -y a@x", "usage: unknown option -y; see --help", true},
        {"sendmail -ty a@x", "usage: unknown option -y; see --help", true},
        {"sendmail --acount x", "usage: unknown option --acount; did you mean \"--account\"?",
         true},
        {"sendmail --nonsense", "usage: unknown option --nonsense", true},
        {"sendmail --nonsense -bp", "usage: unknown option --nonsense", false},
        {"sendmail --nonsense --file /m", "usage: unknown option --nonsense", false},
        {"mailq --nonsense", "usage: unknown option --nonsense", false},
        {"sendmail --verbose=yes", "usage: --verbose takes no value", true},
        {"sendmail --config", "usage: --config needs a value", true},
        {"sendmail -f", "usage: -f needs an argument", true},
        {"sendmail -tf", "usage: -f needs an argument", true},
        {"sendmail -N", "usage: -N needs an argument", true},
        {"sendmail -oeq -e a@x", "usage: -e needs an argument", true},
        /* --configure, and what goes with it */
        {"sendmail --configure", "usage: --configure needs a value", true},
        {"sendmail --configure me@x --yes",
         "usage: --configure with --yes needs --password-file, since nothing is asked", false},
        {"sendmail --yes", "usage: --yes is taken together with --configure only", true},
        {"sendmail --password-file /p",
         "usage: --password-file is taken together with --configure only", true},
        {"sendmail --configure me@x -q", "usage: --configure is not taken together with -q", false},
        {"sendmail --check --configure me@x",
         "usage: --configure is not taken together with --check", false},
        {"sendmail --configure me@x -bp", "usage: --configure is not taken together with -bp",
         false},
        {"mailq --configure me@x", "usage: --configure is not taken together with -bp", false},
        {"sendmail --configure me@x -a work",
         "usage: --configure is not taken together with --account", false},
        {"sendmail --configure me@x --file /m",
         "usage: --configure is not taken together with --file", false},
        {"sendmail --dry-run --configure me@x",
         "usage: --configure is not taken together with --dry-run", false},
        /* what is in the queue */
        {"sendmail --queue a@x", "usage: -bp takes no recipients; nothing is sent by it", false},
        {"sendmail --queue -bs", "usage: --queue is not taken together with -i, -oi or -bs", false},
        {"sendmail --queue -bv a@x", "usage: --queue is not taken together with -bv", false},
        {"sendmail --queue -q", "usage: --queue is not taken together with -q", false},
        {"sendmail -q15m --flush", "usage: --flush is not taken together with -q", false},
        {"sendmail --flush --queue", "usage: --flush is not taken together with --queue", false},
        {"sendmail --flush --dry-run", "usage: --flush is not taken together with --dry-run",
         false},
        {"sendmail --flush --json", "usage: --json is for --check, --queue and --show", false},
        {"sendmail --flush --yes", "usage: --yes is taken together with --configure only", false},
        {"sendmail --check --queue", "usage: --queue is not taken together with --check", false},
        {"sendmail --configure me@x --queue",
         "usage: --queue is not taken together with --configure", false},
        {"sendmail --show " ID " --file /m", "usage: --show is not taken together with --file",
         false},
        {"sendmail --show " ID " -t", "usage: -t is not taken together with --show", false},
        {"sendmail --show " ID " --hold " ID, "usage: --show is not taken together with --hold",
         false},
        {"sendmail --show " ID " --show " ID, "usage: --show is taken once", false},
        {"sendmail --remove", "usage: --remove needs a value", true},
        {"sendmail --remove ../../etc/passwd",
         "usage: --remove: \"../../etc/passwd\" is no id, which is 16 letters and digits, as mailq "
         "shows them",
         false},
        {"sendmail --remove ''",
         "usage: --remove: \"\" is no id, which is 16 letters and digits, as mailq shows them",
         false},
        {"sendmail -qRx -qSy", "usage: -qSy: just one of -qI, -qR and -qS", false},
        {"sendmail -q15m --json", "usage: --json is for --check, --queue and --show", false},
        /* a mode without a message */
        {"sendmail --check -t", "usage: --check is not taken together with -t", false},
        {"sendmail --check -bv a@x", "usage: --check is not taken together with -bv", false},
        {"sendmail -q --check", "usage: --check is not taken together with -q", false},
        {"sendmail --check --dry-run", "usage: --check is not taken together with --dry-run",
         false},
        {"sendmail --check --file /m", "usage: --check is not taken together with --file", false},
        {"sendmail --check --nonsense", "usage: unknown option --nonsense", false},
        {"mailq --check", "usage: --check is not taken together with -bp", false},
        {"sendmail --json a@x", "usage: --json is for --check, --queue and --show", true},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        bool done = parse(rows[i].line);
        bool same = strcmp(error.sentence, rows[i].sentence) == 0;
        if (done || !same || error.exit_code != EX_USAGE ||
            options.reads_input != rows[i].reads_input)
            fail_msg("\"%s\": \"%s\", %s", rows[i].line, error.sentence, described);
    }
}

/* What is asked of one's own errors holds for a command line that is wrong, too. */
static void test_refused_in_silence(void **state)
{
    (void)state;
    assert_false(parse("sendmail --nonsense -oeq -L tag"));
    assert_true(options.quiet);
    assert_string_equal(options.tag, "tag");
}

/* --- long options that touch more than this one message -----------------------------------------
 */

enum side { HARMLESS, APART, CHANGES };

static const struct {
    const char *name;
    enum side side;
} sides[] = {
    {"config", HARMLESS},      {"account", HARMLESS}, {"dry-run", HARMLESS},
    {"verbose", HARMLESS},     {"version", HARMLESS}, {"help", HARMLESS},
    {"help-config", HARMLESS}, {"file", APART},       {"check", APART},
    {"json", HARMLESS},        {"queue", APART},      {"show", APART},
    {"configure", CHANGES},    {"yes", CHANGES},      {"password-file", CHANGES},
    {"flush", CHANGES},        {"hold", CHANGES},     {"release", CHANGES},
    {"remove", CHANGES},
};

/* `option` in front of the other words and behind them. */
static void assert_refused_with(const char *name, const char *words, const char *with)
{
    char line[160], sentence[160];
    snprintf(sentence, sizeof sentence, "usage: --%s is not taken together with %s", name, with);
    for (int order = 0; order < 2; order++) {
        if (order == 0)
            snprintf(line, sizeof line, "sendmail --%s=" ID " %s", name, words);
        else
            snprintf(line, sizeof line, "sendmail %s --%s=" ID, words, name);
        /* Flags take no value. */
        if (parse(line) == false && strstr(error.sentence, "takes no value") != NULL) {
            char *value = strstr(line, "=" ID);
            memmove(value, value + sizeof ID, strlen(value + sizeof ID) + 1);
        }
        assert_false(parse(line));
        assert_int_equal(error.exit_code, EX_USAGE);
        assert_string_equal(error.sentence, sentence);
    }
}

static enum side side_of(const char *name)
{
    for (size_t i = 0; i < COUNT(sides); i++) {
        if (strcmp(sides[i].name, name) == 0)
            return sides[i].side;
    }
    fail_msg("on which side is --%s?", name);
    return HARMLESS;
}

static void test_sides(void **state)
{
    static const char *const apart[] = {"-i", "-oi", "-o i", "-ti a@x", "-bs", "-bs -bm", "-vbs"};
    static const char *const changes[] = {"-t", "-f me@x", "-rme@x", "-f ''", "a@x"};
    size_t count;
    const struct options_row *rows = options_table(&count);
    (void)state;
    for (size_t i = 0; i < count; i++) {
        if (rows[i].letter != '\0')
            continue;
        enum side side = side_of(rows[i].name);
        for (size_t j = 0; side != HARMLESS && j < COUNT(apart); j++)
            assert_refused_with(rows[i].name, apart[j], "-i, -oi or -bs");
        for (size_t j = 0; side == CHANGES && j < COUNT(changes); j++)
            assert_refused_with(rows[i].name, changes[j], "-t, -f or recipients");
    }
    assert_true(parse("sendmail --file /m -t -f me@x a@x"));
    assert_true(parse("sendmail -i -- --file=/m"));
}

/* --- the edges ------------------------------------------------------------------------------- */

static void test_no_arguments_at_all(void **state)
{
    char *argv[] = {NULL};
    (void)state;
    arena_free(&arena);
    assert_true(options_parse(&options, 0, argv, &arena, &error));
    assert_int_equal(options.recipient_count, 0);
    assert_int_equal(options.mode, OPTIONS_SEND);
    assert_true(options.reads_input);
}

static void test_hostile_bytes(void **state)
{
    (void)state;
    assert_false(parse("sendmail -\x1b[31m"));
    assert_string_equal(error.sentence, "usage: unknown option -\\x1b; see --help");
    assert_false(parse("sendmail --\r\nx"));
    assert_string_equal(error.sentence, "usage: unknown option --\\r\\nx");
    assert_false(parse("sendmail -b\x1b"));
    assert_string_equal(error.sentence,
                        "usage: -b\\x1b: unknown mode; it takes m, s, v, i, p or P");
    assert_false(parse("sendmail -oM\x1b"));
    assert_string_equal(error.sentence,
                        "usage: -oM\\x1b takes its value attached to it, not behind it");
    assert_false(parse("sendmail -q\n"));
    assert_memory_equal(error.sentence, "usage: -q\\n: ", 13);
}

static char help[8192];

static void add_line(const char *line)
{
    size_t used = strlen(help);
    if (strlen(line) > 80)
        fail_msg("too long: %s", line);
    snprintf(help + used, sizeof help - used, "%s\n", line);
}

static void test_help(void **state)
{
    size_t count;
    const struct options_row *rows = options_table(&count);
    (void)state;
    help[0] = '\0';
    options_write_help(add_line);
    for (size_t i = 0; i < count; i++) {
        char option[32];
        snprintf(option, sizeof option, rows[i].letter == '\0' ? "  --%s " : " -%.1s",
                 rows[i].letter == '\0' ? rows[i].name : &rows[i].letter);
        if (strstr(help, option) == NULL)
            fail_msg("--help lacks %s", option);
    }
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_form_of_every_option),
        cmocka_unit_test(test_every_letter_has_a_case),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_refused_in_silence),
        cmocka_unit_test(test_sides),
        cmocka_unit_test(test_no_arguments_at_all),
        cmocka_unit_test(test_hostile_bytes),
        cmocka_unit_test(test_help),
    };
    return cmocka_run_group_tests(tests, NULL, tear_down);
}

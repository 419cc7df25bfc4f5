/* Values of Sendmail's options. Only the first letter counts where Sendmail and Exim look at no
 * more; a value that neither knows is refused, since its caller would wait for what never comes. */
#include "config/letters.h"

#include <string.h>

#include "base/text.h"
#include "queue/spool.h"

/* Milliseconds. */
#define RUN_INTERVAL_LIMIT (366LL * 86400 * 1000)

static bool is_one_of(char letter, const char *letters)
{
    return letter != '\0' && strchr(letters, letter) != NULL;
}

static bool fail_mode(const char *argument, struct error *error)
{
    static const struct {
        const char *letters, *sentence;
    } refused[] = {
        {"dDl", "this is no daemon and takes no mail from the network"},
        {"hH", "it keeps no status of hosts"},
        {"t", "it has no rules to rewrite addresses, so there is nothing to test"},
        {"z", "its configuration is not compiled"},
        {"C", "its configuration is checked whenever it is used"},
        {"a", "the ARPANET mode is long gone"},
        {"S", "it takes no batched SMTP, but a session with -bs"},
        {"q", "what is only to be queued is sent with -odq"},
    };
    struct text_shown shown;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        if (is_one_of(argument[0], refused[i].letters))
            return error_set(error, EX_USAGE, "usage: -b%c: %s; this is a submission agent",
                             argument[0], refused[i].sentence);
    }
    return error_set(error, EX_USAGE, "usage: -b%s: unknown mode; it takes m, s, v, i, p or P",
                     text_show(&shown, slice_of(argument)));
}

bool letters_parse_mode(const char *argument, enum options_mode *mode, struct error *error)
{
    static const struct {
        char letter;
        enum options_mode mode;
    } modes[] = {{'m', OPTIONS_SEND},    {'s', OPTIONS_SESSION}, {'v', OPTIONS_VERIFY},
                 {'i', OPTIONS_ALIASES}, {'p', OPTIONS_LIST},    {'P', OPTIONS_COUNT}};
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        if (argument[0] == modes[i].letter && argument[1] == '\0') {
            *mode = modes[i].mode;
            return true;
        }
    }
    return fail_mode(argument, error);
}

static bool fail_run(const char *argument, const char *sentence, struct error *error)
{
    struct text_shown shown;
    return error_set(error, EX_USAGE, "usage: -q%s: %s", text_show(&shown, slice_of(argument)),
                     sentence);
}

/* As Sendmail has it: numbers each with its unit, of which minutes need none. */
static bool parse_interval(const char *digits, int64_t *interval)
{
    static const struct {
        char letter;
        int64_t seconds;
    } units[] = {{'m', 60}, {'s', 1}, {'h', 3600}, {'d', 86400}, {'w', 604800}, {'\0', 60}};
    *interval = 0;
    while (*digits != '\0') {
        size_t length = strspn(digits, "0123456789"), i = 0;
        uint64_t number;
        if (!slice_parse_number(slice_make(digits, length), RUN_INTERVAL_LIMIT, &number))
            return false;
        while (i < sizeof units / sizeof units[0] && units[i].letter != digits[length])
            i++;
        if (i == sizeof units / sizeof units[0])
            return false;
        *interval += (int64_t)number * units[i].seconds * 1000;
        if (*interval > RUN_INTERVAL_LIMIT)
            return false;
        digits += length + (digits[length] != '\0');
    }
    return true;
}

static bool take_interval(const char *argument, const char *digits, struct options_run *run,
                          struct error *error)
{
    return parse_interval(digits, &run->interval) ||
           fail_run(argument, "is no time, such as 30s, 15m or 1h30m, of a year at most", error);
}

static bool take_match(const char *argument, struct options_run *run, struct error *error)
{
    enum options_match match = argument[0] == 'I'   ? OPTIONS_MATCH_ID
                               : argument[0] == 'R' ? OPTIONS_MATCH_RECIPIENT
                                                    : OPTIONS_MATCH_SENDER;
    if (argument[1] == '\0')
        return fail_run(argument, "needs what to look for, attached to it", error);
    if (match == OPTIONS_MATCH_ID && !spool_is_id(slice_of(argument + 1)))
        return fail_run(argument, "an id is 16 letters and digits, as mailq shows them", error);
    if (run->match != OPTIONS_MATCH_ALL)
        return fail_run(argument, "just one of -qI, -qR and -qS", error);
    run->match = match;
    run->text = argument + 1;
    run->all = true;
    return true;
}

/* A doubled letter, i and l are Exim's: -qff tries what is not due as well. */
bool letters_parse_run(const char *argument, struct options_run *run, struct error *error)
{
    if (is_one_of(argument[0], "0123456789"))
        return take_interval(argument, argument, run, error);
    switch (argument[0]) {
    case '\0':
    case 'i':
    case 'l':
    case 'q':
        return true;
    case 'f':
        run->all = run->all || argument[1] == 'f';
        return true;
    case 'p':
        return take_interval(argument, argument + 1, run, error);
    case 'G':
        return argument[1] != '\0' || fail_run(argument, "needs the name of a group", error);
    case 'I':
    case 'R':
    case 'S':
        return take_match(argument, run, error);
    case '!':
        return fail_run(argument,
                        "a run of all but what matches is not done here; -qI, -qR and -qS take "
                        "what is to be run",
                        error);
    case 'L':
    case 'Q':
        return fail_run(argument, "nothing is quarantined or lost here", error);
    default:
        return fail_run(argument,
                        "takes nothing, a time such as 30m, f, p, or what to look for behind I, R "
                        "or S",
                        error);
    }
}

bool letters_parse_error_mode(const char *argument, bool *quiet, struct error *error)
{
    if (!is_one_of(argument[0], "empqw"))
        return error_set(error, EX_USAGE, "takes e, m, p, q or w");
    *quiet = argument[0] == 'q';
    return true;
}

bool letters_parse_delivery(const char *argument, enum options_delivery *delivery,
                            struct error *error)
{
    switch (argument[0]) {
    case 'b':
        *delivery = OPTIONS_DELIVERY_BACKGROUND;
        return true;
    case 'i':
    case 'f': /* Exim's name for it */
        *delivery = OPTIONS_DELIVERY_INTERACTIVE;
        return true;
    case 'q':
        *delivery = OPTIONS_DELIVERY_QUEUE;
        return true;
    case 'd':
        *delivery = OPTIONS_DELIVERY_DEFERRED;
        return true;
    default:
        return error_set(error, EX_USAGE, "usage: -od takes b, d, f, i or q");
    }
}

/* In Sendmail's syntax a value is attached. Exim takes some as the next word, which would be a
 * recipient here, so that these are refused without one; a macro has a name before its value. */
bool letters_check_option(const char *argument, struct error *error)
{
    struct text_shown shown;
    if (argument[0] == '\0')
        return error_set(error, EX_USAGE, "usage: -o takes a letter, as in -oi");
    size_t shortest = argument[0] == 'M' ? 3 : 2;
    if (!is_one_of(argument[0], "AMPQX") || strlen(argument) >= shortest)
        return true;
    return error_set(error, EX_USAGE, "usage: -o%s takes its value attached to it, not behind it",
                     text_show(&shown, slice_of(argument)));
}

bool letters_check_tag(const char *argument, struct error *error)
{
    size_t length = 0;
    while (argument[length] > ' ' && argument[length] < 0x7f)
        length++;
    if (length > 0 && length <= OPTIONS_TAG_LIMIT && argument[length] == '\0')
        return true;
    return error_set(error, EX_USAGE,
                     "usage: -L takes a name of 1 to %d printable ASCII characters without blanks",
                     OPTIONS_TAG_LIMIT);
}

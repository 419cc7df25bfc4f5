/* Values of Sendmail's options. Only the first letter counts where Sendmail and Exim look at no
 * more; a value that neither knows is refused, since its caller would wait for what never comes. */
#include "config/letters.h"

#include <string.h>

#include "base/text.h"

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
        {"q", "it puts nothing into a queue without trying to send it"},
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

/* 'l', 'i' and a doubled letter are Exim's. */
bool letters_check_run(const char *argument, struct error *error)
{
    struct text_shown shown;
    if (argument[0] == '\0' || is_one_of(argument[0], "0123456789!fpGILQRSilq"))
        return true;
    return error_set(error, EX_USAGE,
                     "usage: -q%s: takes nothing, a time such as 30m, f, p, L, or what to look for "
                     "behind I, R, S, Q or G",
                     text_show(&shown, slice_of(argument)));
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

/* One sentence out of many reasons. Each is cut so that the last address still finds room; a sole
 * one is not. */
#include "net/reasons.h"

#include <errno.h>

enum { SHOWN_REASON = 300 };

static bool explain(int reason, struct error *error)
{
    switch (reason) {
    case ECONNREFUSED:
        return error_set(error, EX_TEMPFAIL, "connection refused");
    case ECONNRESET:
        return error_set(error, EX_TEMPFAIL, "connection reset");
    case ETIMEDOUT:
        return error_set(error, EX_TEMPFAIL, "connection timed out");
    case ENETUNREACH:
        return error_set(error, EX_TEMPFAIL, "network unreachable");
    case EHOSTUNREACH:
        return error_set(error, EX_TEMPFAIL, "host unreachable");
    case EADDRNOTAVAIL:
        return error_set(error, EX_TEMPFAIL, "this machine has no address that leads there");
    case EAFNOSUPPORT:
        return error_set(error, EX_TEMPFAIL, "this machine does not have this kind of address");
    case EACCES:
    case EPERM:
        return error_set(error, EX_NOPERM,
                         "a firewall or SELinux/AppArmor policy on this machine forbids it");
    case EMFILE:
    case ENFILE:
        return error_set(error, EX_OSERR, "too many open files");
    default:
        errno = reason;
        return error_set_errno(error, EX_TEMPFAIL, "cannot connect");
    }
}

enum reasons_kind reasons_connect(int reason, struct error *error)
{
    explain(reason, error);
    if (reason == ECONNREFUSED)
        return REASONS_CLOSED;
    return reason == ETIMEDOUT ? REASONS_UNANSWERED : REASONS_FAILED;
}

void reasons_init(struct reasons *reasons)
{
    *reasons = (struct reasons){0};
    text_init(&reasons->list, reasons->bytes, sizeof(reasons->bytes));
}

void reasons_add(struct reasons *reasons, enum reasons_kind kind, const char *whose,
                 const struct error *reason)
{
    if (reasons->count++ == 0) {
        reasons->first = reason;
        reasons->reply_code = reason->reply_code;
    } else {
        text_add(&reasons->list, "; ");
    }
    if (reasons->first->exit_code != reason->exit_code)
        reasons->mixed = true;
    if (reasons->first->reply_code != reason->reply_code)
        reasons->reply_code = 0;
    reasons->kinds[kind]++;
    if (whose != NULL)
        text_add_format(&reasons->list, "%s: ", whose);
    if (reasons->count == 1)
        reasons->head = reasons->list.length;
    text_add_format(&reasons->list, "%.*s", SHOWN_REASON, reason->sentence);
}

static bool all_are(const struct reasons *reasons, enum reasons_kind kind)
{
    return reasons->kinds[kind] > 0 &&
           reasons->kinds[kind] + reasons->kinds[REASONS_NAMELESS] == reasons->count;
}

/* What the user can do about it, where that is known. */
static bool advise(const struct reasons *reasons, const char *mute_advice, struct error *error)
{
    if (all_are(reasons, REASONS_UNANSWERED))
        return error_add_advice(error, "a firewall may drop outgoing connections to these ports");
    if (all_are(reasons, REASONS_CLOSED))
        return error_add_advice(error, "check host and port");
    if (reasons->kinds[REASONS_MUTE] > 0 && mute_advice != NULL)
        return error_add_advice(error, "%s", mute_advice);
    return false;
}

bool reasons_report(const struct reasons *reasons, const char *mute_advice, struct error *error)
{
    size_t rejected = reasons->kinds[REASONS_REJECTED];
    bool later = reasons->mixed || rejected > 0;
    const char *step = "connect: no smarthost could be used: ";

    if (reasons->count == 0)
        return error_set(error, EX_CONFIG, "connect: there is no host or port to connect to");
    if (reasons->count == 1 && rejected == 1) {
        *error = *reasons->first;
        return false;
    }
    if (reasons->count == 1)
        step = "connect: ";
    if (reasons->kinds[REASONS_NAMELESS] == reasons->count)
        step = "";
    int exit_code = later ? EX_TEMPFAIL : reasons->first->exit_code;
    if (reasons->count == 1)
        error_set(error, exit_code, "%s%.*s%s", step, (int)reasons->head, reasons->bytes,
                  reasons->first->sentence);
    else
        error_set(error, exit_code, "%s%s", step, reasons->bytes);
    error->reply_code = reasons->reply_code;
    return advise(reasons, mute_advice, error);
}

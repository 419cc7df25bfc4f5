/* One sentence out of many reasons. Each is cut so that the last address still finds room. */
#include "net/reasons.h"

#include <errno.h>

enum { SHOWN_REASON = 300 };

bool reasons_connect(int reason, struct error *error)
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
        return error_set(error, EX_TEMPFAIL,
                         "a firewall or SELinux/AppArmor policy on this machine forbids it");
    case EMFILE:
    case ENFILE:
        return error_set(error, EX_OSERR, "too many open files");
    default:
        errno = reason;
        return error_set_errno(error, EX_TEMPFAIL, "cannot connect");
    }
}

void reasons_init(struct reasons *reasons)
{
    *reasons = (struct reasons){.silent = true};
    text_init(&reasons->list, reasons->bytes, sizeof(reasons->bytes));
}

static void add(struct reasons *reasons, const struct error *reason)
{
    if (reasons->count++ == 0)
        reasons->first = reason;
    if (reasons->first->exit_code != reason->exit_code)
        reasons->mixed = true;
    text_add_format(&reasons->list, "%.*s", SHOWN_REASON, reason->sentence);
}

static void separate(struct reasons *reasons)
{
    if (reasons->list.length > 0)
        text_add(&reasons->list, "; ");
}

void reasons_add_host(struct reasons *reasons, const struct error *reason)
{
    separate(reasons);
    add(reasons, reason);
}

void reasons_add_address(struct reasons *reasons, const char *address, bool unanswered,
                         const struct error *reason)
{
    separate(reasons);
    text_add_format(&reasons->list, "%s ", address);
    add(reasons, reason);
    reasons->found = true;
    if (!unanswered)
        reasons->silent = false;
}

void reasons_add_rejected(struct reasons *reasons, const struct error *reason)
{
    separate(reasons);
    add(reasons, reason);
    reasons->rejected = reasons->found = true;
    reasons->silent = false;
}

bool reasons_report(const struct reasons *reasons, struct error *error)
{
    bool later = reasons->mixed || reasons->rejected;

    if (reasons->count == 0)
        return error_set(error, EX_CONFIG, "connect: there is no host or port to connect to");
    if (reasons->count == 1 && reasons->rejected) {
        *error = *reasons->first;
        return false;
    }
    error_set(error, later ? EX_TEMPFAIL : reasons->first->exit_code, "%s%s",
              reasons->found ? "connect: no smarthost could be used: " : "", reasons->bytes);
    if (reasons->found && reasons->silent)
        error_add_advice(error, "a firewall may drop outgoing connections to these ports");
    return false;
}

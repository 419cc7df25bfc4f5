/* Date and Message-ID (RFC 5322 sections 3.3 and 3.6.4). Invariant: the result depends on the time,
 * the time zone and chance, never on a locale. */
#include "message/stamp.h"

#include "base/random.h"

enum { ID_LENGTH = 24 };

void stamp_date(struct text *out, time_t now)
{
    static const char days[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const time_t epoch = 0;
    struct tm local;

    tzset();
    /* Only a year beyond int fails. */
    if (localtime_r(&now, &local) == NULL)
        gmtime_r(&epoch, &local);

    long minutes = local.tm_gmtoff / 60;
    char sign = minutes < 0 ? '-' : '+';
    if (minutes < 0)
        minutes = -minutes;
    text_add_format(out, "%s, %d %s %04ld %02d:%02d:%02d %c%02ld%02ld", days[local.tm_wday],
                    local.tm_mday, months[local.tm_mon], local.tm_year + 1900L, local.tm_hour,
                    local.tm_min, local.tm_sec, sign, minutes / 60, minutes % 60);
}

bool stamp_message_id(struct text *out, const char *domain, struct error *error)
{
    char letters[ID_LENGTH + 1] = "";
    if (!random_letters(letters, ID_LENGTH))
        return error_set_errno(error, EX_OSERR, "message: random bytes for Message-ID");
    text_add_format(out, "<%s@%s>", letters, domain);
    return true;
}

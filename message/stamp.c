/* Date and Message-ID (RFC 5322 sections 3.3 and 3.6.4). Invariant: the result depends on the time,
 * the time zone and chance, never on a locale. */
#include "message/stamp.h"

#include <sys/random.h>

enum { ID_LENGTH = 24, ALPHABET_SIZE = 62, SIX_BITS = 0x3f };

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
    static const char alphabet[ALPHABET_SIZE + 1] =
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    size_t chosen = 0;

    text_add_byte(out, '<');
    while (chosen < ID_LENGTH) {
        unsigned char random[2 * ID_LENGTH];
        ssize_t count = getrandom(random, sizeof random, 0);
        if (count < 0)
            return error_set_errno(error, EX_OSERR, "message: random bytes for Message-ID");
        for (ssize_t i = 0; i < count && chosen < ID_LENGTH; i++) {
            /* Thrown away rather than folded, so that every character is equally likely. */
            unsigned index = random[i] & SIX_BITS;
            if (index >= ALPHABET_SIZE)
                continue;
            text_add_byte(out, alphabet[index]);
            chosen++;
        }
    }
    text_add_format(out, "@%s>", domain);
    return true;
}

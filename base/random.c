/* The kernel's random numbers (getrandom). */
#include "base/random.h"

#include <errno.h>
#include <sys/random.h>
#include <time.h>

enum { LETTERS = 62, SIX_BITS = 0x3f, DRAW = 32 };

const char random_alphabet[LETTERS + 1] =
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

uint32_t random_number(void)
{
    uint32_t number;
    struct timespec now = {0};
    if (getrandom(&number, sizeof number, GRND_NONBLOCK) == (ssize_t)sizeof number)
        return number;
    /* Early after boot. Two machines are hardly ever there in the same nanosecond. */
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint32_t)now.tv_nsec;
}

bool random_letters(char *out, size_t count)
{
    unsigned char octets[DRAW];
    size_t drawn = 0;
    while (drawn < count) {
        ssize_t length = getrandom(octets, sizeof octets, 0);
        if (length < 0 && errno != EINTR)
            return false;
        for (ssize_t i = 0; i < length && drawn < count; i++) {
            /* Thrown away rather than folded: a remainder would favour the first letters. */
            unsigned index = octets[i] & SIX_BITS;
            if (index < LETTERS)
                out[drawn++] = random_alphabet[index];
        }
    }
    return true;
}

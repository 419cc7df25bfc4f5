/* Hiding secrets in a server's words. A server may cut what it repeats, so a beginning of a secret
 * that is long enough to mean something is hidden too. */
#include "smtp/mask.h"

#include <string.h>

enum { BEGINNING_LENGTH = 16 };

bool mask_add(struct mask *mask, struct slice secret)
{
    if (secret.length == 0)
        return true;
    if (mask->count == MASK_SECRETS_MAX || !buffer_add(&mask->secrets[mask->count], secret))
        return false;
    mask->count++;
    return true;
}

/* How many octets at the start of `in` repeat `secret`; 0 when too few do. */
static size_t repeated(struct slice in, struct slice secret)
{
    size_t limit = in.length < secret.length ? in.length : secret.length;
    size_t length = 0;
    while (length < limit && in.bytes[length] == secret.bytes[length])
        length++;
    return length == secret.length || length >= BEGINNING_LENGTH ? length : 0;
}

void mask_write(const struct mask *mask, struct slice in, struct text *out)
{
    for (size_t i = 0; i < in.length;) {
        size_t longest = 0;
        for (size_t j = 0; j < mask->count; j++) {
            size_t length = repeated(slice_from(in, i), buffer_slice(&mask->secrets[j]));
            if (length > longest)
                longest = length;
        }
        if (longest > 0)
            text_add(out, "***");
        else
            text_add_byte(out, in.bytes[i]);
        i += longest > 0 ? longest : 1;
    }
}

void mask_wipe(struct mask *mask)
{
    for (size_t i = 0; i < mask->count; i++) {
        explicit_bzero(mask->secrets[i].bytes, mask->secrets[i].capacity);
        buffer_free(&mask->secrets[i]);
    }
    mask->count = 0;
}

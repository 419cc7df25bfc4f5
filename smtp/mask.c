/* Hiding secrets in a server's words. A server may cut or wrap what it repeats, so every piece of a
 * secret that is long enough to mean something is hidden. Invariant: an octet gets through only if
 * no run of MASK_PIECE_LENGTH octets around it stands in a secret. */
#include "smtp/mask.h"

#include <string.h>

#include "base/vault.h"

bool mask_add(struct mask *mask, struct slice secret)
{
    for (size_t i = 0; i < mask->count; i++)
        if (slice_equals(mask->secrets[i], secret))
            return true;
    if (secret.length == 0)
        return true;
    const char *copy = mask->count == MASK_SECRETS_MAX ? NULL : vault_copy(secret);
    if (copy == NULL)
        return false;
    mask->secrets[mask->count++] = slice_make(copy, secret.length);
    return true;
}

/* How many octets at the start of `in` are a piece of a secret, or a short one in full; 0 when they
 * are none. */
static size_t piece_at(const struct mask *mask, struct slice in)
{
    size_t longest = 0;
    for (size_t i = 0; i < mask->count; i++) {
        struct slice secret = mask->secrets[i];
        size_t length = secret.length < MASK_PIECE_LENGTH ? secret.length : MASK_PIECE_LENGTH;
        if (length > longest && length <= in.length &&
            memmem(secret.bytes, secret.length, in.bytes, length) != NULL)
            longest = length;
    }
    return longest;
}

void mask_write(const struct mask *mask, struct slice in, struct text *out)
{
    size_t hidden = 0; /* up to here */
    for (size_t i = 0; i < in.length; i++) {
        size_t end = i + piece_at(mask, slice_from(in, i));
        if (end > i && i >= hidden)
            text_add(out, "***");
        if (end > hidden)
            hidden = end;
        if (i >= hidden)
            text_add_byte(out, in.bytes[i]);
    }
}

void mask_forget(struct mask *mask, size_t count)
{
    while (mask->count > count)
        vault_free(mask->secrets[--mask->count].bytes);
}

void mask_wipe(struct mask *mask)
{
    mask_forget(mask, 0);
}

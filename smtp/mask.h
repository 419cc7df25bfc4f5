/* Secrets that were sent, so that they can be blotted out wherever a server repeats them. */
#ifndef SMTP_MASK_H
#define SMTP_MASK_H

#include "base/text.h"

enum { MASK_SECRETS_MAX = 16, MASK_PIECE_LENGTH = 8 };

struct mask {
    struct slice secrets[MASK_SECRETS_MAX]; /* in vaults (base/vault.h) */
    size_t count;
};

/* A zeroed mask hides nothing. */

/* From now on `secret` is hidden, and every piece of it of MASK_PIECE_LENGTH octets or more. One
 * that is held already is passed over, and so is an empty one. False when memory ran out or there
 * are MASK_SECRETS_MAX already. */
bool mask_add(struct mask *mask, struct slice secret);

/* Appends `in` with "***" for each stretch that repeats a secret or a piece of one. Takes time in
 * proportion to the length of `in` times that of all secrets. */
void mask_write(const struct mask *mask, struct slice in, struct text *out);

/* Overwrites and frees all but the first `count` secrets: those that serve only once need not stay
 * hidden for ever. */
void mask_forget(struct mask *mask, size_t count);

/* Overwrites and frees the secrets. */
void mask_wipe(struct mask *mask);

#endif

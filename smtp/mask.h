/* Secrets that were sent, so that they can be blotted out wherever a server repeats them. */
#ifndef SMTP_MASK_H
#define SMTP_MASK_H

#include "base/buffer.h"
#include "base/text.h"

enum { MASK_SECRETS_MAX = 12 };

struct mask {
    struct buffer secrets[MASK_SECRETS_MAX];
    size_t count;
};

/* A zeroed mask hides nothing. */

/* From now on `secret` is hidden, in full or by a beginning of at least 16 octets. False when
 * memory ran out or there are MASK_SECRETS_MAX already. An empty secret is passed over. */
bool mask_add(struct mask *mask, struct slice secret);

/* Appends `in` with "***" for each secret. */
void mask_write(const struct mask *mask, struct slice in, struct text *out);

/* Overwrites and frees the secrets. */
void mask_wipe(struct mask *mask);

#endif

/* Who is behind a uid. */
#ifndef BASE_PERSON_H
#define BASE_PERSON_H

#include <pwd.h>

#include "base/error.h"

/* `*person` is NULL for a uid that nobody has; it is valid until the next call. EX_OSERR where the
 * system cannot say, for want of memory or descriptors: a person must not become a stranger then.
 */
bool person_find(uid_t uid, const struct passwd **person, struct error *error);

#endif

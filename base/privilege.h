/* Rights that this process was started with, given up for good. */
#ifndef BASE_PRIVILEGE_H
#define BASE_PRIVILEGE_H

#include <stdint.h>

#include "base/error.h"

/* The group of a set-group-ID start: effective and saved one become the real one, the
 * supplementary groups stay the caller's. That it is gone is read back, and taking it again is
 * tried (root always could). EX_OSERR. */
bool privilege_drop_group(struct error *error);

/* Every capability but those in `capabilities` (UINT64_C(1) << CAP_..., of <linux/capability.h>)
 * leaves the effective, permitted, inheritable and ambient set, which is read back. Nothing is
 * gained that was not there. What root starts afterwards has all of them again. EX_OSERR. */
bool privilege_keep(uint64_t capabilities, struct error *error);

#endif

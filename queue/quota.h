/* How much may be in the spool. */
#ifndef QUEUE_QUOTA_H
#define QUEUE_QUOTA_H

#include "queue/spool.h"

/* Octets that a file is counted with: what it takes on the disk, at least an inode's worth. */
uint64_t quota_octets(const struct stat *status);

/* May the file of `status` be added, which is not counted yet? EX_TEMPFAIL with the numbers where
 * max_size or, in a shared spool, its owner's quarter is used up (root's only by reports); EX_IOERR
 * where less than min_free is left on the disk. Every name is looked at once; two at the same time
 * do not see each other. */
bool quota_allows(const struct spool *spool, const struct stat *status, struct error *error);

/* May the file of `status` be set aside? damaged/ is nobody's mail and counts for nobody, but has
 * its bound: a quarter of max_size. It is looked through once, and from then on what is moved there
 * is added up: a thousand such files must not cost a million looks. EX_TEMPFAIL. */
bool quota_allows_damaged(struct spool *spool, const struct stat *status, struct error *error);

#endif

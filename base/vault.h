/* Memory for secrets, in pages of its own: never swapped out, as far as RLIMIT_MEMLOCK permits; in
 * no core dump; in no child process, which finds zeroes there; overwritten before it is given back.
 */
#ifndef BASE_VAULT_H
#define BASE_VAULT_H

#include "base/buffer.h"

/* `size` zeroed bytes, to be given to vault_free; NULL when memory ran out. */
void *vault_allocate(size_t size);

/* A NUL-terminated copy, as vault_allocate. */
char *vault_copy(struct slice secret);

/* Overwrites and frees; NULL is harmless. */
void vault_free(const void *memory);

/* Makes `buffer` an empty one that lives in a vault. It must not be asked to hold more than
 * `capacity` bytes, since it cannot grow; its `bytes` are given to vault_free, not to buffer_free.
 */
bool vault_open_buffer(struct buffer *buffer, size_t capacity);

#endif

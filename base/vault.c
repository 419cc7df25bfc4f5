/* Each piece is a mapping of its own, so that what the kernel is told of its pages concerns nothing
 * else. Whatever the kernel refuses makes no difference to who uses it. */
#include "base/vault.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct vault {
    size_t size; /* of the mapping; 0 in a child process, where it is no more */
    max_align_t bytes[];
};

void *vault_allocate(size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    if (size > SIZE_MAX / 2)
        return NULL;
    size = (sizeof(struct vault) + size + page - 1) / page * page;
    struct vault *vault =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (vault == MAP_FAILED)
        return NULL;
    mlock(vault, size);
    madvise(vault, size, MADV_DONTDUMP);
    madvise(vault, size, MADV_WIPEONFORK);
    vault->size = size;
    return vault->bytes;
}

char *vault_copy(struct slice secret)
{
    char *copy = secret.length == SIZE_MAX ? NULL : vault_allocate(secret.length + 1);
    if (copy != NULL && secret.length > 0)
        memcpy(copy, secret.bytes, secret.length);
    return copy;
}

void vault_free(const void *memory)
{
    char *bytes; /* as they were given out */
    if (memory == NULL)
        return;
    memcpy(&bytes, &memory, sizeof bytes);
    struct vault *vault = (void *)(bytes - offsetof(struct vault, bytes));
    size_t size = vault->size;
    if (size == 0)
        return;
    explicit_bzero(vault, size);
    munmap(vault, size);
}

bool vault_open_buffer(struct buffer *buffer, size_t capacity)
{
    *buffer = (struct buffer){.bytes = vault_allocate(capacity), .capacity = capacity};
    buffer->failed = buffer->bytes == NULL;
    return !buffer->failed;
}

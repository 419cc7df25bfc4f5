/* Asks and gives back. That is a promise, as far as there is one: a process of one thread has its
 * limit (RLIMIT_AS) to itself. */
#include "base/memory.h"

#include <stdlib.h>

bool memory_is_there(size_t size)
{
    void *volatile memory = malloc(size); /* volatile, or the compiler leaves the pair out */
    free(memory);
    return memory != NULL;
}

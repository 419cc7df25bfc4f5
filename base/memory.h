/* Room for those who do not look whether there is any: glibc's name services and iniparser end in a
 * NULL pointer when malloc has nothing for them. */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

enum { MEMORY_FOR_NAMES = 256 * 1024 }; /* what getpwuid and its like may take, modules included */

/* Whether malloc has so many octets at this moment; errno is ENOMEM where not. */
bool memory_is_there(size_t size);

#endif

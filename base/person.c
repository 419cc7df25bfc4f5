/* getpwuid, which tells "nobody" and "I cannot say" apart by errno alone. */
#include "base/person.h"

#include <errno.h>

#include "base/memory.h"

bool person_find(uid_t uid, const struct passwd **person, struct error *error)
{
    *person = NULL;
    if (!memory_is_there(MEMORY_FOR_NAMES))
        return error_set_memory(error);
    errno = 0;
    *person = getpwuid(uid);
    if (*person != NULL || (errno != ENOMEM && errno != EMFILE && errno != ENFILE))
        return true;
    return error_set_errno(error, EX_OSERR, "passwd: uid %u", (unsigned)uid);
}

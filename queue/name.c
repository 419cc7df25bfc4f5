/* Names of entries: 16 letters and digits say nothing, cannot be guessed (95 bits), and need no
 * care in any path, log or shell. */
#include "queue/name.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/random.h"

bool spool_is_id(struct slice text)
{
    for (size_t i = 0; i < text.length; i++)
        if (text.bytes[i] == '\0' || strchr(random_alphabet, text.bytes[i]) == NULL)
            return false;
    return text.length == SPOOL_ID_LENGTH;
}

bool name_make(char id[SPOOL_ID_SIZE], struct error *error)
{
    id[SPOOL_ID_LENGTH] = '\0';
    return random_letters(id, SPOOL_ID_LENGTH) ||
           error_set_errno(error, EX_OSERR, "queue: no random numbers");
}

/* Where the file system cannot refuse by itself, as NFS, the look before is enough: nobody can
 * guess an id and take it in between. A link and an unlink instead could leave two names behind. */
static bool move_after_look(int from, const char *name, int to, const char *new_name)
{
    struct stat status;
    if (fstatat(to, new_name, &status, AT_SYMLINK_NOFOLLOW) == 0) {
        errno = EEXIST;
        return false;
    }
    return errno == ENOENT && renameat(from, name, to, new_name) == 0;
}

bool name_move(int from, const char *name, int to, const char *new_name)
{
    if (renameat2(from, name, to, new_name, RENAME_NOREPLACE) == 0)
        return true;
    return (errno == EINVAL || errno == ENOSYS) && move_after_look(from, name, to, new_name);
}

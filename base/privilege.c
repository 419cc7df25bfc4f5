/* Rights given up (setresgid(2), capabilities(7)), by the system calls themselves. Invariant: what
 * is said to be gone was looked for afterwards and not found. */
#include "base/privilege.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The kernel's three sets of this process. */
struct sets {
    uint64_t effective, permitted, inheritable;
};

static bool get_sets(struct sets *sets)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{0}};
    if (syscall(SYS_capget, &header, data) != 0)
        return false;
    *sets = (struct sets){
        .effective = data[0].effective | (uint64_t)data[1].effective << 32,
        .permitted = data[0].permitted | (uint64_t)data[1].permitted << 32,
        .inheritable = data[0].inheritable | (uint64_t)data[1].inheritable << 32,
    };
    return true;
}

static bool set_sets(const struct sets *sets)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    const struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {
        {.effective = (uint32_t)sets->effective,
         .permitted = (uint32_t)sets->permitted,
         .inheritable = (uint32_t)sets->inheritable},
        {.effective = (uint32_t)(sets->effective >> 32),
         .permitted = (uint32_t)(sets->permitted >> 32),
         .inheritable = (uint32_t)(sets->inheritable >> 32)},
    };
    return syscall(SYS_capset, &header, data) == 0;
}

/* Whether the kernel lets this process take any group. */
static bool may_take_groups(void)
{
    struct sets sets;
    return get_sets(&sets) && (sets.effective & UINT64_C(1) << CAP_SETGID) != 0;
}

static bool is_group_gone(gid_t real, gid_t dropped)
{
    gid_t now[3];
    if (getresgid(&now[0], &now[1], &now[2]) != 0)
        return false;
    if (now[0] != real || now[1] != real || now[2] != real)
        return false;
    return dropped == real || may_take_groups() || setresgid((gid_t)-1, dropped, (gid_t)-1) != 0;
}

bool privilege_drop_group(struct error *error)
{
    gid_t real, effective, saved;
    if (getresgid(&real, &effective, &saved) != 0 || setresgid(real, real, real) != 0)
        return error_set_errno(error, EX_OSERR, "start: the group of the spool cannot be dropped");
    if (is_group_gone(real, effective) && is_group_gone(real, saved))
        return true;
    return error_set(error, EX_OSERR, "start: the group of the spool was not dropped");
}

/* Kernels before 4.3 have no ambient set, and say so. */
static bool is_ambient_within(uint64_t capabilities)
{
    for (unsigned capability = 0; capability < 64; capability++) {
        bool named = (capabilities >> capability & 1) != 0;
        if (!named && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, capability, 0, 0) == 1)
            return false;
    }
    return true;
}

static bool are_within(const struct sets *sets, uint64_t capabilities)
{
    return ((sets->effective | sets->permitted | sets->inheritable) & ~capabilities) == 0;
}

bool privilege_keep(uint64_t capabilities, struct error *error)
{
    struct sets sets;
    if (!get_sets(&sets))
        return error_set_errno(error, EX_OSERR, "start: capabilities cannot be read");
    sets.effective &= capabilities;
    sets.permitted &= capabilities;
    sets.inheritable &= capabilities;
    /* The kernel takes from the ambient set what leaves one of the others. */
    if (!set_sets(&sets))
        return error_set_errno(error, EX_OSERR, "start: capabilities cannot be dropped");
    if (get_sets(&sets) && are_within(&sets, capabilities) && is_ambient_within(capabilities))
        return true;
    return error_set(error, EX_OSERR, "start: capabilities were not dropped");
}

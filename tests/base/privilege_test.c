/* Goal: what is given up is gone, by the kernel's own account and by trying; nothing else is. Each
 * case happens in a process of its own, whose exit status is 0 or the line of the check that
 * failed. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/privilege.h"
#include "tests/support/child.h"
#include "tests/support/folder.h"

enum { USER = 54321, GROUP = 54322, OTHER = 54323, SUPPLEMENTARY = 54324 };

/* The rest of the line of /proc/self/status that begins with `name`; "" where there is none. */
static const char *status_line(const char *name, char line[256])
{
    FILE *file = fopen("/proc/self/status", "re");
    size_t length = strlen(name);
    bool found = false;
    while (!found && file != NULL && fgets(line, 256, file) != NULL)
        found = strncmp(line, name, length) == 0 && line[length] == ':';
    if (file != NULL)
        fclose(file);
    return found ? line + length + 1 : "";
}

static bool are_capabilities(const char *name, uint64_t expected)
{
    char line[256];
    return strtoull(status_line(name, line), NULL, 16) == expected;
}

/* --- the group */
static int become_set_group_id(void)
{
    static const gid_t supplementary = SUPPLEMENTARY;
    CHECK(setgroups(1, &supplementary) == 0);
    CHECK(setresgid(USER, GROUP, GROUP) == 0);
    return 0;
}

static bool has_only_own_group(void)
{
    char line[256];
    gid_t supplementary = 0;
    return strcmp(status_line("Gid", line), "\t54321\t54321\t54321\t54321\n") == 0 &&
           getgroups(1, &supplementary) == 1 && supplementary == SUPPLEMENTARY;
}

static int drop_as_user(void)
{
    struct error error;
    CHECK(become_set_group_id() == 0);
    CHECK(setresuid(USER, USER, USER) == 0);
    CHECK(setegid(USER) == 0 && setegid(GROUP) == 0);
    CHECK(privilege_drop_group(&error));
    CHECK(has_only_own_group());
    CHECK(setegid(GROUP) != 0 && setgid(GROUP) != 0);
    CHECK(has_only_own_group());
    return 0;
}

/* Only the saved one is left over. */
static int drop_saved(void)
{
    struct error error;
    CHECK(become_set_group_id() == 0);
    CHECK(setresgid(USER, USER, GROUP) == 0);
    CHECK(setresuid(USER, USER, USER) == 0);
    CHECK(privilege_drop_group(&error));
    CHECK(has_only_own_group() && setegid(GROUP) != 0);
    return 0;
}

static int drop_as_root(void)
{
    struct error error;
    CHECK(become_set_group_id() == 0);
    CHECK(privilege_drop_group(&error));
    CHECK(has_only_own_group());
    return 0;
}

/* A member of the group by his own right, who keeps that. */
static int drop_as_member(void)
{
    struct error error;
    static const gid_t supplementary = GROUP;
    CHECK(become_set_group_id() == 0);
    CHECK(setgroups(1, &supplementary) == 0);
    CHECK(setresuid(USER, USER, USER) == 0);
    CHECK(privilege_drop_group(&error));
    CHECK(getegid() == USER && setegid(GROUP) != 0);
    gid_t left = 0;
    CHECK(getgroups(1, &left) == 1 && left == GROUP);
    return 0;
}

static int drop_nothing(void)
{
    struct error error;
    CHECK(privilege_drop_group(&error));
    CHECK(getegid() == getgid());
    return 0;
}

static void test_group(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    assert_good_in_child(drop_as_user);
    assert_good_in_child(drop_saved);
    assert_good_in_child(drop_as_root);
    assert_good_in_child(drop_as_member);
}

/* --- capabilities */
static int keep_none(void)
{
    struct error error;
    CHECK(privilege_keep(0, &error));
    CHECK(are_capabilities("CapEff", 0) && are_capabilities("CapPrm", 0));
    CHECK(are_capabilities("CapInh", 0) && are_capabilities("CapAmb", 0));
    return 0;
}

static bool raise_ambient(unsigned capability)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];
    if (syscall(SYS_capget, &header, data) != 0)
        return false;
    data[0].inheritable |= 1U << capability;
    return syscall(SYS_capset, &header, data) == 0 &&
           prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) == 0;
}

static int keep_none_of_the_ambient(void)
{
    CHECK(raise_ambient(CAP_CHOWN) && raise_ambient(CAP_KILL));
    CHECK(are_capabilities("CapAmb", 1U << CAP_CHOWN | 1U << CAP_KILL));
    return keep_none();
}

static const char *others_file;

/* To read what belongs to others, and nothing else that root may. */
static int keep_one(void)
{
    struct error error;
    uint64_t one = UINT64_C(1) << CAP_DAC_OVERRIDE;
    CHECK(raise_ambient(CAP_DAC_OVERRIDE) && raise_ambient(CAP_KILL));
    CHECK(privilege_keep(one, &error));
    CHECK(are_capabilities("CapEff", one) && are_capabilities("CapPrm", one));
    CHECK(are_capabilities("CapInh", one) && are_capabilities("CapAmb", one));

    int fd = open(others_file, O_RDWR | O_CLOEXEC);
    CHECK(fd >= 0);
    CHECK(fchown(fd, 0, 0) != 0 && errno == EPERM);
    CHECK(setuid(USER) != 0 && errno == EPERM);
    CHECK(privilege_keep(0, &error));
    CHECK(open(others_file, O_RDWR | O_CLOEXEC) == -1 && errno == EACCES);
    CHECK(privilege_keep(one, &error));
    CHECK(are_capabilities("CapEff", 0));
    return 0;
}

static int keep_what_is_not_there(void)
{
    struct error error;
    CHECK(setresuid(USER, USER, USER) == 0);
    CHECK(privilege_keep(UINT64_MAX, &error));
    CHECK(are_capabilities("CapEff", 0) && are_capabilities("CapPrm", 0));
    return 0;
}

static void test_capabilities(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    char folder[] = "/tmp/privilege_test.XXXXXX", path[sizeof folder + sizeof "/others"];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/others", folder);
    int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(fchown(fd, OTHER, OTHER), 0);
    close(fd);
    others_file = path;
    assert_good_in_child(keep_none_of_the_ambient);
    assert_good_in_child(keep_one);
    assert_good_in_child(keep_what_is_not_there);
    folder_remove(folder);
}

/* Whoever runs this. */
static void test_anybody(void **state)
{
    (void)state;
    assert_good_in_child(drop_nothing);
    assert_good_in_child(keep_none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_anybody),
        cmocka_unit_test(test_group),
        cmocka_unit_test(test_capabilities),
    };
    return cmocka_run_group_tests_name("privilege", tests, NULL, NULL);
}

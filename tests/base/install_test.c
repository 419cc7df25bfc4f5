/* Goal: a file appears whole, private and only where it may, and nothing else stays. */
#include "base/install.h"
#include "tests/support/folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/install_test.XXXXXX";
static struct error error;

static const char *in_folder(const char *name)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) != NULL ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    return folder_remove(folder);
}

static void assert_content(const char *name, const char *expected)
{
    char bytes[64] = "";
    struct stat status;
    int fd = open(in_folder(name), O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0 && read(fd, bytes, sizeof bytes - 1) >= 0);
    assert_int_equal(fstat(fd, &status), 0);
    close(fd);
    assert_string_equal(bytes, expected);
    assert_int_equal(status.st_mode & 07777, 0600);
}

static int count_entries(const char *name)
{
    DIR *directory = opendir(in_folder(name));
    int count = -2; /* . and .. */
    assert_non_null(directory);
    while (readdir(directory) != NULL)
        count++;
    closedir(directory);
    return count;
}

static mode_t mode_of(const char *name)
{
    struct stat status;
    assert_int_equal(stat(in_folder(name), &status), 0);
    return status.st_mode & 07777;
}

static void test_parents(void **state)
{
    mode_t mask = umask(077);
    (void)state;
    assert_true(install_parents(in_folder("open/a/b/file"), 0755, &error));
    assert_int_equal(mode_of("open/a/b"), 0755);
    assert_int_equal(count_entries("open/a/b"), 0);
    assert_true(install_parents(in_folder("open/private/file"), 0700, &error));
    assert_int_equal(mode_of("open"), 0755);
    assert_int_equal(mode_of("open/private"), 0700);
    assert_true(install_file(in_folder("open/file"), slice_of("x"), false, &error));
    assert_false(install_parents(in_folder("open/file/below/file"), 0700, &error));
    assert_int_equal(error.exit_code, EX_CANTCREAT);
    umask(mask);
}

static void test_new_file(void **state)
{
    mode_t mask = umask(0);
    (void)state;
    mkdir(in_folder("new"), 0700);
    assert_true(install_file(in_folder("new/file"), slice_of("one"), false, &error));
    assert_content("new/file", "one");
    assert_false(install_file(in_folder("new/file"), slice_of("two"), false, &error));
    assert_int_equal(error.exit_code, EX_CANTCREAT);
    assert_non_null(strstr(error.sentence, "/new/file: cannot be written: File exists"));
    assert_content("new/file", "one");
    assert_true(install_file(in_folder("new/file"), slice_of("two"), true, &error));
    assert_content("new/file", "two");
    assert_int_equal(count_entries("new"), 1);
    umask(mask);
}

static void test_links(void **state)
{
    (void)state;
    mkdir(in_folder("links"), 0700);
    assert_true(install_file(in_folder("links/real"), slice_of("one"), false, &error));
    assert_int_equal(symlink("real", in_folder("links/link")), 0);
    assert_false(install_file(in_folder("links/link"), slice_of("two"), false, &error));
    assert_true(install_file(in_folder("links/link"), slice_of("two"), true, &error));
    assert_content("links/real", "two");
    assert_int_equal(symlink("nowhere", in_folder("links/dangling")), 0);
    assert_false(install_file(in_folder("links/dangling"), slice_of("x"), false, &error));
    assert_int_equal(count_entries("links"), 3);
}

/* What can be known beforehand, without a trace. */
static void test_what_is_possible(void **state)
{
    (void)state;
    assert_true(install_is_possible(in_folder("possible"), false, &error));
    assert_true(install_is_possible(in_folder("x/y/possible"), true, &error));
    assert_int_equal(access(in_folder("x"), F_OK), -1);
    assert_false(install_is_possible(in_folder("x/y/possible"), false, &error));
    assert_int_equal(error.exit_code, EX_CANTCREAT);
    assert_non_null(strstr(error.sentence, "/x/y: cannot be written: No such file or directory"));
    assert_true(install_file(in_folder("file"), slice_of("f"), true, &error));
    assert_false(install_is_possible(in_folder("file/x/possible"), true, &error));
    assert_non_null(strstr(error.sentence, "cannot be written: Not a directory"));
    assert_int_equal(unlink(in_folder("file")), 0);
}

static void test_failures(void **state)
{
    (void)state;
    assert_false(install_file(in_folder("absent/file"), slice_of("x"), false, &error));
    assert_int_equal(error.exit_code, EX_CANTCREAT);
    mkdir(in_folder("folder"), 0700);
    assert_false(install_file(in_folder("folder"), slice_of("x"), true, &error));
    assert_int_equal(error.exit_code, EX_CANTCREAT);
    assert_int_equal(count_entries("folder"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parents),  cmocka_unit_test(test_new_file),
        cmocka_unit_test(test_links),    cmocka_unit_test(test_what_is_possible),
        cmocka_unit_test(test_failures),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

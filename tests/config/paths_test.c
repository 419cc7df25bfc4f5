/* Goal: the user's file instead of the system's, -C instead of both, and none of them passed over
 * because it cannot be looked at. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/paths.h"

static char directory[64], user_file[128], system_file[128];
static struct error error;

static int set_up(void **state)
{
    (void)state;
    snprintf(directory, sizeof directory, "/tmp/paths_test-XXXXXX");
    if (mkdtemp(directory) == NULL)
        return -1;
    snprintf(user_file, sizeof user_file, "%s/user", directory);
    snprintf(system_file, sizeof system_file, "%s/system", directory);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(user_file);
    unlink(system_file);
    return rmdir(directory);
}

static void create(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    close(fd);
}

static void test_choose(void **state)
{
    struct paths paths = {.system_file = system_file,
                          .user_file = user_file,
                          .user_spool = "/home/me/q",
                          .home = "/home/me"};
    struct paths_choice choice;
    (void)state;
    assert_true(paths_choose(&paths, "given", &choice, &error));
    assert_string_equal(choice.file, "given");
    assert_int_equal(choice.origin, PATHS_GIVEN);
    assert_string_equal(choice.spool, "/home/me/q");
    assert_null(choice.home);

    assert_false(paths_choose(&paths, NULL, &choice, &error));
    assert_int_equal(error.exit_code, EX_CONFIG);
    assert_non_null(strstr(error.sentence, user_file));
    assert_non_null(strstr(error.sentence, system_file));
    assert_non_null(strstr(error.sentence, "sendmail --configure"));

    create(system_file);
    assert_true(paths_choose(&paths, NULL, &choice, &error));
    assert_string_equal(choice.file, system_file);
    assert_int_equal(choice.origin, PATHS_SYSTEM);
    assert_non_null(strstr(choice.spool, "/spool/sendmail"));
    assert_null(choice.home);

    create(user_file);
    assert_true(paths_choose(&paths, NULL, &choice, &error));
    assert_string_equal(choice.file, user_file);
    assert_int_equal(choice.origin, PATHS_USER);
    assert_string_equal(choice.spool, "/home/me/q");
    assert_string_equal(choice.home, "/home/me");

    paths.user_file = NULL;
    assert_true(paths_choose(&paths, NULL, &choice, &error));
    assert_string_equal(choice.file, system_file);
    unlink(system_file);
    assert_false(paths_choose(&paths, NULL, &choice, &error));
    assert_null(strstr(error.sentence, user_file));
    unlink(user_file);
}

static void test_dangling_link(void **state)
{
    struct paths paths = {.system_file = system_file, .user_file = user_file};
    struct paths_choice choice;
    (void)state;
    create(system_file);
    assert_int_equal(symlink("/nowhere", user_file), 0);
    assert_true(paths_choose(&paths, NULL, &choice, &error));
    assert_string_equal(choice.file, user_file);
    unlink(user_file);
    unlink(system_file);
}

/* Somebody who may not look into a directory. */
static void test_closed_directory(void **state)
{
    struct paths paths = {.system_file = "/nowhere", .user_file = user_file, .home = directory};
    struct paths_choice choice;
    bool root = geteuid() == 0, done;
    (void)state;
    chmod(directory, 0000);
    if (root)
        assert_int_equal(chown(directory, 65534, 65534), 0);
    assert_int_equal(root ? seteuid(65534) : 0, 0);
    assert_false(paths_choose(&paths, NULL, &choice, &error));
    assert_int_equal(error.exit_code, EX_NOPERM);

    /* A home that is not one's own is no place for a file of one's own. */
    paths.home = "/";
    paths.system_file = "/dev/null";
    done = paths_choose(&paths, NULL, &choice, &error);
    paths.user_file = NULL;
    paths.system_file = system_file;
    bool closed_system = paths_choose(&paths, NULL, &choice, &error);
    assert_int_equal(root ? seteuid(0) : 0, 0);
    chmod(directory, 0700);
    assert_true(done);
    assert_false(closed_system);
    assert_int_equal(error.exit_code, EX_NOPERM);
}

static void test_find(void **state)
{
    struct arena arena = {0};
    struct paths paths;
    bool root = geteuid() == 0;
    (void)state;
    setenv("HOME", "/home/test", 1);
    unsetenv("XDG_CONFIG_HOME");
    assert_true(paths_find(&paths, &arena, &error));
    assert_non_null(strstr(paths.system_file, "/sendmail/config.ini"));
    if (root)
        assert_null(paths.user_file);
    assert_string_equal(paths.home, "/home/test");
    unsetenv("XDG_STATE_HOME");
    assert_true(paths_find(&paths, &arena, &error));
    assert_string_equal(paths.user_spool, "/home/test/.local/state/sendmail/queue");
    setenv("XDG_STATE_HOME", "/state", 1);
    assert_true(paths_find(&paths, &arena, &error));
    assert_string_equal(paths.user_spool, "/state/sendmail/queue");
    setenv("XDG_STATE_HOME", "relative", 1);
    assert_true(paths_find(&paths, &arena, &error));
    assert_string_equal(paths.user_spool, "/home/test/.local/state/sendmail/queue");

    /* Root has none; the rest is seen as somebody else. */
    assert_int_equal(root ? seteuid(65534) : 0, 0);
    assert_true(paths_find(&paths, &arena, &error));
    assert_string_equal(paths.user_file, "/home/test/.config/sendmail/config.ini");
    setenv("XDG_CONFIG_HOME", "/xdg", 1);
    assert_true(paths_find(&paths, &arena, &error));
    assert_string_equal(paths.user_file, "/xdg/sendmail/config.ini");
    setenv("XDG_CONFIG_HOME", "relative", 1);
    assert_true(paths_find(&paths, &arena, &error));
    assert_string_equal(paths.user_file, "/home/test/.config/sendmail/config.ini");
    setenv("HOME", "relative", 1);
    assert_true(paths_find(&paths, &arena, &error));
    assert_true(paths.home == NULL || paths.home[0] == '/');
    assert_int_equal(root ? seteuid(0) : 0, 0);
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_choose),
        cmocka_unit_test(test_dangling_link),
        cmocka_unit_test(test_closed_directory),
        cmocka_unit_test(test_find),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

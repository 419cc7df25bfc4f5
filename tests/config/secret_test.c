/* Goal: a secret arrives byte for byte, from files that nobody else can read and commands that see
 * nothing of ours; no error shows any of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <endian.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/interrupt.h"
#include "config/secret.h"
#include "config/settings.h"

static char directory[64], path[128];
static struct sasl_secret secret;
static struct error error;

static void write_file(struct slice content, mode_t mode)
{
    unlink(path);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content.bytes, content.length), content.length);
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

static int set_up(void **state)
{
    (void)state;
    snprintf(directory, sizeof directory, "/tmp/secret_test-XXXXXX");
    if (mkdtemp(directory) == NULL)
        return -1;
    snprintf(path, sizeof path, "%s/file", directory);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(directory);
}

static bool load(const struct account *account)
{
    sasl_wipe(&secret);
    memset(&secret, 'x', sizeof secret);
    error = (struct error){0};
    return secret_load(account, &secret, &error);
}

static bool load_file(struct slice content, mode_t mode)
{
    write_file(content, mode);
    struct account account = {.password_file = path};
    return load(&account);
}

static bool load_command(const char *command)
{
    struct account account = {.password_command = command};
    return load(&account);
}

static void test_none_and_password(void **state)
{
    struct account account = {.name = ""};
    (void)state;
    assert_true(load(&account));
    assert_int_equal(secret.length, 0);
    account.password = "p#ss;w=rd %:";
    assert_true(load(&account));
    assert_string_equal(secret.bytes, "p#ss;w=rd %:");
    assert_int_equal(secret.length, 12);
}

static void test_file_content(void **state)
{
    static const char *const rows[][2] = {
        {"secret", "secret"},       {"secret\n", "secret"}, {"secret\r\n", "secret"},
        {" secret \n", " secret "}, {"a\r", "a\r"},         {"\"quoted\"\n", "\"quoted\""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_true(load_file(slice_of(rows[i][0]), 0600));
        assert_string_equal(secret.bytes, rows[i][1]);
        assert_int_equal(secret.length, strlen(rows[i][1]));
    }
}

/* Whatever it reads, what is no secret is said to be none, and what is one arrives in full. */
static void test_sizes(void **state)
{
    static char large[SASL_SECRET_SIZE + 8];
    static const char *const ends[] = {"", "\n", "\r\n"};
    char command[128];
    (void)state;
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        memset(large, 's', sizeof large);
        snprintf(large + SASL_SECRET_SIZE - 1, 4, "%s", ends[i]);
        assert_true(load_file(slice_of(large), 0600));
        assert_int_equal(secret.length, SASL_SECRET_SIZE - 1);
        assert_int_equal(strlen(secret.bytes), secret.length);
        memset(large, 's', sizeof large);
        snprintf(large + SASL_SECRET_SIZE, 4, "%s", ends[i]);
        assert_false(load_file(slice_of(large), 0600));
        assert_int_equal(error.exit_code, EX_CONFIG);
        assert_non_null(strstr(error.sentence, "more than "));
        assert_null(strstr(error.sentence, "sss"));
    }
    for (int more = 0; more < 2; more++) {
        snprintf(command, sizeof command, "/bin/sh -c 'head -c %d /dev/zero | tr \"\\0\" s'",
                 SASL_SECRET_SIZE - 1 + more);
        assert_int_equal(load_command(command), more == 0);
        assert_int_equal(secret.length, more == 0 ? SASL_SECRET_SIZE - 1 : 0);
    }
    assert_string_equal(error.sentence, "password_command: /bin/sh: the first line of its output: "
                                        "has more than 8192 bytes");
}

/* What stands behind it in a file or an output is not kept beside it. */
static void test_nothing_else_is_kept(void **state)
{
    (void)state;
    assert_true(load_command("/usr/bin/printf 'secret\\r\\nuser: alice\\n'"));
    assert_int_equal(secret.length, 6);
    for (size_t i = 6; i < 30; i++)
        assert_int_equal(secret.bytes[i], 0);
}

static void test_renewal(void **state)
{
    char command[256];
    (void)state;
    struct account account = {.password = "no token"};
    assert_true(load(&account));
    assert_null(secret.renew);
    assert_true(load_file(slice_of("neither"), 0600));
    assert_null(secret.renew);

    write_file(slice_of("old\n"), 0600);
    snprintf(command, sizeof command, "/bin/cat %s", path);
    assert_true(load_command(command));
    assert_string_equal(secret.bytes, "old");
    assert_non_null(secret.renew);
    write_file(slice_of("newer\n"), 0600);
    assert_true(secret.renew(&secret, &error));
    assert_string_equal(secret.bytes, "newer");
    unlink(path);
    assert_false(secret.renew(&secret, &error));
    assert_int_equal(error.exit_code, EX_TEMPFAIL);
    assert_string_equal(secret.bytes, "newer");
    assert_non_null(secret.renew);
}

static void test_file_fails(void **state)
{
    static const char nul[] = "se\0cret\n";
    static char large[SASL_SECRET_SIZE + 2];
    char sentence[512];
    (void)state;
    assert_false(load_file(slice_make(nul, sizeof nul - 1), 0600));
    assert_non_null(strstr(error.sentence, "has a NUL byte"));
    assert_int_equal(error.exit_code, EX_CONFIG);
    assert_false(load_file(slice_of("\n"), 0600));
    assert_non_null(strstr(error.sentence, "is empty"));
    assert_false(load_file(slice_of("secret\n\n"), 0600));
    assert_non_null(strstr(error.sentence, ": more than one line"));
    assert_int_equal(error.exit_code, EX_CONFIG);
    assert_false(load_file(slice_of("a\nb"), 0600));
    assert_non_null(strstr(error.sentence, ": more than one line"));
    assert_false(load_file(slice_of("secret"), 0640));
    snprintf(sentence, sizeof sentence,
             "password_file: %s: its group can read it (mode 0640); run: chmod 600 %s", path, path);
    assert_string_equal(error.sentence, sentence);
    assert_false(load_file(slice_of("secret"), 0604));
    assert_non_null(strstr(error.sentence, ": others can read it (mode 0604); run: chmod 600 "));
    assert_int_equal(error.exit_code, EX_CONFIG);
    memset(large, 's', sizeof large - 1);
    assert_false(load_file(slice_of(large), 0600));
    assert_non_null(strstr(error.sentence, "password_file: "));
    assert_null(strstr(error.sentence, "sss"));
    large[SASL_SECRET_SIZE - 1] = '\0';
    assert_true(load_file(slice_of(large), 0600));
    assert_int_equal(secret.length, SASL_SECRET_SIZE - 1);

    unlink(path);
    struct account account = {.password_file = path};
    assert_false(load(&account));
    assert_int_equal(error.exit_code, EX_CONFIG);
    assert_int_equal(secret.length, 0);
}

/* As root the test becomes somebody else for it. */
static void test_unreadable_file(void **state)
{
    struct account account = {.password_file = path};
    bool root = geteuid() == 0;
    (void)state;
    write_file(slice_of("secret"), 0000);
    chmod(directory, 0711);
    assert_int_equal(root ? seteuid(65534) : 0, 0);
    bool done = load(&account);
    assert_int_equal(root ? seteuid(0) : 0, 0);
    chmod(directory, 0700);
    assert_false(done);
    assert_int_equal(error.exit_code, EX_NOPERM);
    assert_non_null(strstr(error.sentence, root
                                               ? "; mode 0000, owner uid 0; give that user its own "
                                                 "~/.config/sendmail/config.ini"
                                               : "; run: chmod 600 "));
}

/* An access list as systemd makes it for the service's user, with one entry more where `also` is a
 * tag. False where the file system has none. */
static bool share_with(uid_t user, uint16_t also)
{
    struct {
        uint32_t version;
        struct {
            uint16_t tag, permissions;
            uint32_t id;
        } entries[6];
    } list = {.version = htole32(2)};
    size_t count = 0;
    const uint16_t tags[] = {0x01, 0x02, also == 0x02 ? 0x02 : 0, 0x04, also == 0x08 ? 0x08 : 0,
                             0x10, 0x20};
    for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++) {
        if (tags[i] == 0)
            continue;
        bool denied = (tags[i] == 0x04 || tags[i] == 0x20) && tags[i] != also;
        list.entries[count].tag = htole16(tags[i]);
        list.entries[count].permissions = htole16(denied ? 0 : 4);
        bool named = tags[i] == 0x02 || tags[i] == 0x08;
        list.entries[count++].id = htole32(!named ? (uint32_t)-1 : i == 1 ? user : 65533);
    }
    size_t size = sizeof list.version + count * sizeof list.entries[0];
    return setxattr(path, "system.posix_acl_access", &list, size, 0) == 0;
}

/* systemd gives a service's user root's file by an access list. What lets in anybody else is none
 * of systemd's. */
static void test_credentials_access(void **state)
{
    static const struct {
        uid_t user; /* 0: the one who runs this */
        uint16_t also;
        bool good;
    } rows[] = {
        {0, 0, true},      /* user::r-- user:UID:r-- group::--- mask::r-- other::--- */
        {65532, 0, false}, /* somebody else */
        {0, 0x02, false},  /* somebody else, too */
        {0, 0x04, false},  /* the group */
        {0, 0x08, false},  /* another group */
    };
    struct account account = {.password_file = "$CREDENTIALS_DIRECTORY/file"};
    (void)state;
    setenv("CREDENTIALS_DIRECTORY", directory, 1);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        write_file(slice_of("secret"), 0400);
        if (!share_with(rows[i].user == 0 ? geteuid() : rows[i].user, rows[i].also)) {
            unsetenv("CREDENTIALS_DIRECTORY");
            skip();
        }
        struct stat status;
        assert_int_equal(stat(path, &status), 0);
        assert_int_equal(status.st_mode & 0777, 0440);
        assert_int_equal(load(&account), rows[i].good);
        if (!rows[i].good)
            assert_non_null(strstr(error.sentence, "its group can read it (mode 0440)"));
        /* For any other file the rule is the plain one. */
        assert_false(load(&(struct account){.password_file = path}));
    }
    unsetenv("CREDENTIALS_DIRECTORY");
}

/* The service runs as a user, and its credentials are root's. */
static void test_credential_of_root(void **state)
{
    struct account account = {.password_file = "$CREDENTIALS_DIRECTORY/file"};
    (void)state;
    write_file(slice_of("secret"), 0400);
    if (geteuid() != 0 || !share_with(65534, 0))
        skip();
    setenv("CREDENTIALS_DIRECTORY", directory, 1);
    chmod(directory, 0711);
    assert_int_equal(seteuid(65534), 0);
    bool done = load(&account);
    assert_int_equal(seteuid(0), 0);
    chmod(directory, 0700);
    unsetenv("CREDENTIALS_DIRECTORY");
    assert_true(done);
    assert_string_equal(secret.bytes, "secret");
}

static void test_credentials_directory(void **state)
{
    struct account account = {.password_file = "$CREDENTIALS_DIRECTORY/file"};
    (void)state;
    unsetenv("CREDENTIALS_DIRECTORY");
    assert_false(load(&account));
    assert_int_equal(error.exit_code, EX_CONFIG);
    assert_non_null(strstr(error.sentence, "CREDENTIALS_DIRECTORY is not set"));
    setenv("CREDENTIALS_DIRECTORY", "run/credentials", 1);
    assert_false(load(&account));
    assert_non_null(strstr(error.sentence, "CREDENTIALS_DIRECTORY is no absolute path"));
    assert_int_equal(error.exit_code, EX_CONFIG);
    setenv("CREDENTIALS_DIRECTORY", directory, 1);
    unlink(path);
    assert_false(load(&account));
    assert_non_null(strstr(error.sentence, "/file: No such file"));
    for (mode_t mode = 0400; mode <= 0777; mode++) {
        write_file(slice_of("secret\n"), mode);
        assert_int_equal(load(&account), (mode & 077) == 0);
        if ((mode & 077) == 0)
            assert_string_equal(secret.bytes, "secret");
    }
    unsetenv("CREDENTIALS_DIRECTORY");
}

static void test_command_output(void **state)
{
    static const char *const rows[][2] = {
        {"/bin/echo secret", "secret"},
        {"/bin/echo  'a  b' \"c\"'d'", "a  b cd"},
        {"/bin/echo '$HOME' \"*\" a\\b", "$HOME * a\\b"},
        {"/usr/bin/printf 'one\\ntwo\\n'", "one"},
        {"/usr/bin/printf 'one\\r\\ntwo'", "one"},
        {"/usr/bin/printf ' no end '", " no end "},
        {"/bin/sh -c 'echo noise >&2; echo secret'", "secret"},
        {"/bin/sh -c 'read line; echo \"<$line>\"'", "<>"},
        {"/bin/sh -c 'echo $(ls /proc/self/fd | wc -l)'", "4"},
        {"/bin/sh -c 'readlink /proc/self/fd/0'", "/dev/null"},
        {"/bin/sh -c 'read pid name state parent group rest </proc/$$/stat; "
         "[ $group = $$ ] && echo own group'",
         "own group"},
        {"/bin/sh -c 'echo $0 $1 $#' a 'b c'", "a b c 1"},
        {"/usr/bin/printf 'gr\\303\\274\\303\\237e\\n'", "gr\xc3\xbc\xc3\x9f"
                                                         "e"},
        {"/bin/sh -c 'trap - PIPE; kill -PIPE $$; echo ignored'", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bool done = load_command(rows[i][0]);
        assert_int_equal(done, rows[i][1][0] != '\0');
        assert_string_equal(done ? secret.bytes : "", rows[i][1]);
    }
}

static void test_command_descriptors(void **state)
{
    int left_open[8];
    (void)state;
    for (size_t i = 0; i < 8; i++)
        left_open[i] = open("/dev/null", O_RDONLY);
    assert_true(
        load_command("/bin/sh -c 'for n in 3 4 5 6 7 8 9; do if [ -e /proc/$$/fd/$n ]; then "
                     "echo open $n; fi; done; echo end'"));
    assert_string_equal(secret.bytes, "end");
    for (size_t i = 0; i < 8; i++)
        close(left_open[i]);
}

static void test_command_environment(void **state)
{
    (void)state;
    setenv("HOME", "/home/test", 1);
    setenv("LANG", "C.UTF-8", 1);
    setenv("GNUPGHOME", "/gnupg", 1);
    setenv("XDG_RUNTIME_DIR", "/run/user/1", 1);
    setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/bus", 1);
    setenv("LD_LIBRARY_PATH", "/nowhere", 1);
    setenv("SECRET", "x", 1);
    assert_true(load_command("/bin/sh -c '/usr/bin/env | /usr/bin/cut -d= -f1 | /usr/bin/sort | "
                             "/usr/bin/tr \"\\n\" \" \"'"));
    /* The shell adds these two of its own. */
    const char *names = getpwuid(geteuid()) != NULL
                            ? "DBUS_SESSION_BUS_ADDRESS GNUPGHOME HOME LANG PATH PWD USER "
                              "XDG_RUNTIME_DIR "
                            : "DBUS_SESSION_BUS_ADDRESS GNUPGHOME HOME LANG PATH PWD "
                              "XDG_RUNTIME_DIR ";
    char line[512] = "";
    struct slice rest = slice_of(secret.bytes), word;
    while (slice_cut_word(&rest, &word)) {
        if (slice_equals(word, slice_of("_")) || slice_equals(word, slice_of("OLDPWD")))
            continue;
        size_t used = strlen(line);
        snprintf(line + used, sizeof line - used, "%.*s ", (int)word.length, word.bytes);
    }
    assert_string_equal(line, names);
    assert_true(load_command("/bin/sh -c 'echo $PATH $HOME $GNUPGHOME'"));
    assert_string_equal(secret.bytes, "/usr/bin:/bin /home/test /gnupg");
}

static void test_command_fails(void **state)
{
    static const struct {
        const char *command;
        int exit_code;
        const char *words;
    } rows[] = {
        {"/bin/sh -c 'echo secret; echo it is locked >&2; exit 3'", EX_TEMPFAIL,
         "password_command: /bin/sh: failed with exit code 3; it says: it is locked"},
        {"/bin/sh -c 'exit 1'", EX_TEMPFAIL, "password_command: /bin/sh: failed with exit code 1"},
        {"/bin/sh -c 'kill -9 $$'", EX_TEMPFAIL, "password_command: /bin/sh: ended by signal 9"},
        {"/bin/sh -c 'printf \"\\033[1m\\n\" >&2; exit 1'", EX_TEMPFAIL, "; it says: \\x1b[1m"},
        {"/bin/sh -c 'head -c 9999 /dev/zero | tr \"\\0\" y >&2; exit 1'", EX_TEMPFAIL, "yyy..."},
        {"/bin/sh -c 'echo no key >&2'", EX_CONFIG, "output: is empty; it says: no key"},
        {"/bin/sh -c 'echo secret; echo + echo secret >&2; exit 1'", EX_TEMPFAIL,
         "exit code 1; it says: + echo ***"},
        {"/bin/sh -c 'echo a secret word; echo the secret word; echo ++ a secret word >&2; exit 1'",
         EX_TEMPFAIL, "exit code 1; it says: ++ ***"},
        {"/bin/true", EX_CONFIG, "the first line of its output: is empty"},
        {"/bin/sh -c 'echo; echo x'", EX_CONFIG, "the first line of its output: is empty"},
        {"/usr/bin/printf 'a\\000b'", EX_CONFIG, "has a NUL byte"},
        {"/usr/bin/head -c 9000 /dev/zero", EX_CONFIG, "NUL byte"},
        {"/usr/bin/head -c 20000 /dev/zero", EX_CONFIG, "more than 16384 bytes"},
        {"/nowhere/at/all", EX_CONFIG, "/nowhere/at/all: cannot be run: No such file"},
        {"/etc/passwd", EX_CONFIG, "is no program"},
        {"/", EX_CONFIG, "is no program"},
        {"echo x", EX_CONFIG, "must start with the absolute path"},
        {"'' x", EX_CONFIG, "must start with the absolute path"},
        {"", EX_CONFIG, "must start with the absolute path"},
        {"/bin/echo 'x", EX_CONFIG, "quote without its end"},
        {"/bin/echo 1 2 3 4 5 6 7 8 9 1 2 3 4 5 6 7 8 9 1 2 3 4 5 6 7 8 9 1 2 3 4 5 6 7 8 9 1 2 3 "
         "4 5 6 7 8 9 1 2 3 4 5 6 7 8 9 1 2 3 4 5 6 7 8 9 1",
         EX_CONFIG, "more than 64 words"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_false(load_command(rows[i].command));
        assert_int_equal(error.exit_code, rows[i].exit_code);
        assert_non_null(strstr(error.sentence, rows[i].words));
        assert_memory_equal(error.sentence, "password_command: ", 18);
        assert_null(strstr(error.sentence, "secret"));
        assert_int_equal(secret.length, 0);
        assert_null(secret.bytes);
    }
}

static void test_command_that_hangs(void **state)
{
    (void)state;
    assert_false(secret_run("/bin/sleep 60", 100, &secret, &error));
    assert_int_equal(error.exit_code, EX_TEMPFAIL);
    assert_string_equal(error.sentence, "password_command: /bin/sleep: gave nothing within 100 ms; "
                                        "it has no terminal to ask on");
    assert_false(secret_run("/bin/sh -c 'echo waiting for a card >&2; exec sleep 60'", 300, &secret,
                            &error));
    assert_non_null(strstr(error.sentence, "; it says: waiting for a card"));
}

static void test_command_that_is_interrupted(void **state)
{
    (void)state;
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        bool held = interrupt_hold(&error);
        raise(SIGTERM);
        bool refused = held && !secret_run("/bin/sleep 60", 60000, &secret, &error);
        _exit(refused && strcmp(error.sentence, "password_command: /bin/sleep: interrupted by "
                                                "SIGTERM; nothing was sent") == 0
                  ? 0
                  : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

/* Much more on standard error than a pipe holds must neither block the command nor us. */
static void test_command_that_talks(void **state)
{
    (void)state;
    assert_true(load_command("/bin/sh -c 'head -c 1000000 /dev/zero >&2; echo secret'"));
    assert_string_equal(secret.bytes, "secret");
}

static void test_roots_command(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    write_file(slice_of("#!/bin/sh\necho secret\n"), 0755);
    assert_true(load_command(path));
    assert_string_equal(secret.bytes, "secret");
    chmod(path, 0775);
    assert_false(load_command(path));
    assert_non_null(strstr(error.sentence, "not run as root"));
    chmod(path, 0755);
    assert_int_equal(chown(path, 65534, 65534), 0);
    assert_false(load_command(path));
    assert_int_equal(error.exit_code, EX_CONFIG);
    /* Whoever may change a directory above it can put another program in its place. */
    assert_int_equal(chown(path, 0, 0), 0);
    assert_int_equal(chown(directory, 65534, 65534), 0);
    assert_false(load_command(path));
    assert_non_null(strstr(error.sentence, directory));
    assert_int_equal(chown(directory, 0, 0), 0);
    chmod(directory, 0770);
    assert_false(load_command(path));
    chmod(directory, 01777);
    assert_true(load_command(path));
    chmod(directory, 0700);
}

static void test_not_with_a_privilege(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    assert_int_equal(setresgid((gid_t)-1, 65534, (gid_t)-1), 0);
    bool done = load_command("/bin/echo secret");
    assert_int_equal(setresgid((gid_t)-1, getgid(), (gid_t)-1), 0);
    assert_false(done);
    assert_int_equal(error.exit_code, EX_NOPERM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_none_and_password),
        cmocka_unit_test(test_file_content),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_nothing_else_is_kept),
        cmocka_unit_test(test_renewal),
        cmocka_unit_test(test_credentials_access),
        cmocka_unit_test(test_credential_of_root),
        cmocka_unit_test(test_file_fails),
        cmocka_unit_test(test_unreadable_file),
        cmocka_unit_test(test_credentials_directory),
        cmocka_unit_test(test_command_output),
        cmocka_unit_test(test_command_descriptors),
        cmocka_unit_test(test_command_environment),
        cmocka_unit_test(test_command_fails),
        cmocka_unit_test(test_command_that_hangs),
        cmocka_unit_test(test_command_that_is_interrupted),
        cmocka_unit_test(test_command_that_talks),
        cmocka_unit_test(test_roots_command),
        cmocka_unit_test(test_not_with_a_privilege),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

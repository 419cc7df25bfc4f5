/* Goal: a site's TLS policy in openssl.cnf is kept, never lowered, and one that cannot be read is
 * an error and not passed over. Each case needs an OpenSSL that has not started: a process each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fnmatch.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/child.h"
#include "base/clock.h"
#include "tls/tls.h"

enum { TIMEOUT = 20000, LIMIT = 8192 };

#define SYSTEM_DEFAULT                                                                             \
    "openssl_conf = start\n[start]\nssl_conf = ssl\n[ssl]\nsystem_default = policy\n[policy]\n"

struct policy {
    const char *path, *text; /* text NULL: the file is missing */
};

/* Sends the ClientHello, or else the error, to `output`. */
static int try_policy(void *argument, int output)
{
    const struct policy *policy = argument;
    struct tls_options options = {.ca_file = NULL};
    struct error error = {0};
    struct stream stream;
    struct tls *tls;
    char hello[2048];
    int ends[2];

    setenv("OPENSSL_CONF", policy->path, 1);
    tls = tls_create(&options, &error);
    if (tls == NULL) {
        dprintf(output, "%d %s", error.exit_code, error.sentence);
        return 0;
    }
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) != 0)
        return 1;
    stream_init(&stream, ends[0], TIMEOUT);
    if (!tls_start(tls, &stream, "mail.example", false, &error) ||
        tls_handshake_step(&stream, &error) != STREAM_WANT_READ)
        return 1;
    return write(output, hello, (size_t)recv(ends[1], hello, sizeof(hello), 0)) > 0 ? 0 : 1;
}

static void run_policy(const char *text, struct buffer *output)
{
    char path[] = "/tmp/policy_test.XXXXXX";
    struct policy policy = {.path = path, .text = text};
    int fd = mkstemp(path);
    struct child child;
    struct error error;
    int status;

    assert_true(fd >= 0);
    if (text != NULL)
        assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    else
        unlink(path);
    assert_true(child_start(&child, try_policy, &policy, &error));
    assert_true(child_finish(&child, clock_deadline(TIMEOUT), LIMIT, output, &status, &error));
    assert_int_equal(status, 0);
    close(fd);
    unlink(path);
}

static bool holds(const struct buffer *buffer, const char *bytes, size_t length)
{
    return memmem(buffer->bytes, buffer->length, bytes, length) != NULL;
}

static void test_versions_offered(void **state)
{
    static const struct {
        const char *text;
        bool tls_1_2;
    } rows[] = {
        {NULL, true},
        {"# nothing\n", true},
        {SYSTEM_DEFAULT "MinProtocol = TLSv1\nCipherString = DEFAULT@SECLEVEL=0\n", true},
        {SYSTEM_DEFAULT "MinProtocol = TLSv1.3\n", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buffer output = {0};

        run_policy(rows[i].text, &output);
        /* supported_versions (RFC 8446 section 4.2.1) with both, or with the newer alone. */
        assert_int_equal(holds(&output, "\x00\x2b\x00\x05\x04\x03\x04\x03\x03", 9),
                         rows[i].tls_1_2);
        assert_int_equal(holds(&output, "\x00\x2b\x00\x03\x02\x03\x04", 7), !rows[i].tls_1_2);
        buffer_free(&output);
    }
}

static void test_broken_policy(void **state)
{
    static const struct {
        const char *text, *sentence;
    } rows[] = {
        {"openssl_conf = start\n[start\n", "78 TLS: the system's openssl.cnf: * (*line 2*)"},
        {"openssl_conf = start\n", "78 TLS: the system's openssl.cnf: *"},
        {SYSTEM_DEFAULT "MinProtocol = TLSv9\n",
         "78 TLS: the TLS policy of the system's openssl.cnf cannot be kept"},
        {SYSTEM_DEFAULT "CipherString = NONSENSE\n",
         "78 TLS: the TLS policy of the system's openssl.cnf cannot be kept: no cipher match"},
        {SYSTEM_DEFAULT "NoSuchCommand = 1\n",
         "78 TLS: the TLS policy of the system's openssl.cnf cannot be kept"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buffer output = {0};

        run_policy(rows[i].text, &output);
        assert_true(buffer_add_byte(&output, '\0'));
        if (fnmatch(rows[i].sentence, output.bytes, 0) != 0)
            fail_msg("row %zu: %s", i, output.bytes);
        buffer_free(&output);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_versions_offered),
        cmocka_unit_test(test_broken_policy),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Goal: a socket's own address is the literal that EHLO wants, an IPv4 one also when mapped. */
#include "net/endpoint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

/* A UDP socket bound to `address` on any port; -1 where this machine has no such address. */
static int bound(int family, const char *address)
{
    struct sockaddr_storage storage = {.ss_family = (sa_family_t)family};
    void *octets = family == AF_INET ? (void *)&((struct sockaddr_in *)&storage)->sin_addr
                                     : (void *)&((struct sockaddr_in6 *)&storage)->sin6_addr;
    int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    assert_int_equal(inet_pton(family, address, octets), 1);
    if (bind(fd, (struct sockaddr *)&storage, sizeof storage) == 0)
        return fd;
    close(fd);
    return -1;
}

static void test_literals(void **state)
{
    (void)state;
    static const struct {
        int family;
        const char *address, *literal;
    } rows[] = {
        {AF_INET, "127.0.0.1", "[127.0.0.1]"},
        {AF_INET6, "::1", "[IPv6:::1]"},
        {AF_INET6, "::ffff:127.0.0.1", "[127.0.0.1]"},
    };
    size_t checked = 0;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char buffer[64];
        struct text text;
        int fd = bound(rows[i].family, rows[i].address);
        if (fd < 0)
            continue; /* no IPv6 here */
        text_init(&text, buffer, sizeof buffer);
        assert_true(endpoint_literal(fd, &text));
        assert_string_equal(buffer, rows[i].literal);
        close(fd);
        checked++;
    }
    assert_true(checked > 0);
}

static void test_none(void **state)
{
    (void)state;
    char buffer[64];
    struct text text;
    int pair[2];
    text_init(&text, buffer, sizeof buffer);
    assert_false(endpoint_literal(-1, &text));
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_false(endpoint_literal(pair[0], &text));
    close(pair[0]);
    close(pair[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_literals),
        cmocka_unit_test(test_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

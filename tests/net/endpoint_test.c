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

/* A UDP socket with `address` as its own, or as that of its peer; -1 where that cannot be here. */
static int attached(bool as_peer, int family, const char *address)
{
    struct sockaddr_storage storage = {.ss_family = (sa_family_t)family};
    void *octets = family == AF_INET ? (void *)&((struct sockaddr_in *)&storage)->sin_addr
                                     : (void *)&((struct sockaddr_in6 *)&storage)->sin6_addr;
    int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    assert_int_equal(inet_pton(family, address, octets), 1);
    /* The port is at the same place in both families. */
    ((struct sockaddr_in *)&storage)->sin_port = htons(as_peer ? 9 : 0);
    const struct sockaddr *there = (const struct sockaddr *)&storage;
    if ((as_peer ? connect(fd, there, sizeof storage) : bind(fd, there, sizeof storage)) == 0)
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
        int fd = attached(false, rows[i].family, rows[i].address);
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

static void test_loopback(void **state)
{
    (void)state;
    static const struct {
        int family;
        const char *address;
        bool loopback;
    } rows[] = {
        {AF_INET, "127.0.0.1", true},
        {AF_INET, "127.255.0.9", true},
        {AF_INET, "128.0.0.1", false},
        {AF_INET, "192.0.2.127", false},
        {AF_INET6, "::1", true},
        {AF_INET6, "::ffff:127.0.0.1", true},
        {AF_INET6, "::ffff:192.0.2.127", false},
        {AF_INET6, "2001:db8::1", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int fd = attached(true, rows[i].family, rows[i].address);
        if (fd < 0)
            continue; /* no way there from here */
        assert_int_equal(endpoint_is_loopback(fd), rows[i].loopback);
        close(fd);
    }
    assert_false(endpoint_is_loopback(-1));
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
        cmocka_unit_test(test_loopback),
        cmocka_unit_test(test_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Goal: a packet arrives as it was sent, with its descriptor, or is no packet; and no descriptor
 * that came with what is none stays open. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/packet.h"

enum { SIZE = 8 };

/* `length` octets with as many descriptors of /dev/null. */
static void send_it(int socket, size_t length, size_t descriptors)
{
    char bytes[2 * SIZE] = "12345678";
    int fds[2] = {open("/dev/null", O_RDONLY | O_CLOEXEC), open("/dev/null", O_RDONLY | O_CLOEXEC)};
    struct iovec part = {.iov_base = bytes, .iov_len = length};
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof fds)];
    } control;
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    memset(&control, 0, sizeof control);
    control.header = (struct cmsghdr){.cmsg_len = CMSG_LEN(descriptors * sizeof(int)),
                                      .cmsg_level = SOL_SOCKET,
                                      .cmsg_type = SCM_RIGHTS};
    memcpy(CMSG_DATA(&control.header), fds, sizeof fds);
    if (descriptors > 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE(descriptors * sizeof(int));
    }
    assert_int_equal(sendmsg(socket, &message, MSG_NOSIGNAL), length);
    close(fds[0]);
    close(fds[1]);
}

static int next_descriptor(void)
{
    int fd = dup(STDERR_FILENO);
    close(fd);
    return fd;
}

static void a_packet_or_nothing_of_it(void **state)
{
    static const struct {
        size_t length, descriptors;
        enum packet_end end;
    } rows[] = {
        {SIZE, 0, PACKET_RECEIVED},  {SIZE, 1, PACKET_RECEIVED},  {SIZE, 2, PACKET_WRONG},
        {SIZE - 1, 0, PACKET_WRONG}, {SIZE - 1, 1, PACKET_WRONG}, {SIZE + 1, 0, PACKET_WRONG},
        {SIZE + 1, 1, PACKET_WRONG}, {0, 0, PACKET_CLOSED},       {0, 1, PACKET_CLOSED},
        {0, 2, PACKET_CLOSED},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char bytes[SIZE];
        int ends[2], descriptor = 77;
        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
        send_it(ends[0], rows[i].length, rows[i].descriptors);
        int before = next_descriptor();
        assert_int_equal(packet_receive(ends[1], bytes, sizeof bytes, &descriptor), rows[i].end);
        bool received = rows[i].end == PACKET_RECEIVED;
        assert_int_equal(descriptor >= 0, received && rows[i].descriptors == 1);
        if (received)
            assert_memory_equal(bytes, "12345678", SIZE);
        if (descriptor >= 0) {
            assert_true((fcntl(descriptor, F_GETFD) & FD_CLOEXEC) != 0);
            close(descriptor);
        }
        if (next_descriptor() != before)
            fail_msg("row %zu: a descriptor is left", i);
        close(ends[0]);
        close(ends[1]);
    }
}

static void the_end_is_no_packet(void **state)
{
    char bytes[SIZE];
    int ends[2], descriptor = 77;
    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    assert_true(packet_send(ends[0], "abcdefgh", SIZE, STDERR_FILENO));
    close(ends[0]);
    assert_int_equal(packet_receive(ends[1], bytes, sizeof bytes, &descriptor), PACKET_RECEIVED);
    assert_memory_equal(bytes, "abcdefgh", SIZE);
    assert_true(descriptor >= 0);
    close(descriptor);
    assert_int_equal(packet_receive(ends[1], bytes, sizeof bytes, &descriptor), PACKET_CLOSED);
    assert_int_equal(descriptor, -1);
    assert_false(packet_send(ends[1], "abcdefgh", SIZE, -1));
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_packet_or_nothing_of_it),
        cmocka_unit_test(the_end_is_no_packet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

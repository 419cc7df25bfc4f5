/* Packets with descriptors (unix(7), SCM_RIGHTS). Invariant: no descriptor that came is ever left
 * open unless the caller has it. */
#include "base/packet.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Aligned as the kernel's header wants it, with room for one descriptor. */
union control {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int))];
};

bool packet_send(int socket, const void *bytes, size_t size, int descriptor)
{
    union {
        const void *given;
        void *wanted; /* by struct iovec, for those who receive */
    } content = {.given = bytes};
    struct iovec part = {.iov_base = content.wanted, .iov_len = size};
    union control control;
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    memset(&control, 0, sizeof control);
    if (descriptor >= 0) {
        control.header = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof descriptor),
                                          .cmsg_level = SOL_SOCKET,
                                          .cmsg_type = SCM_RIGHTS};
        memcpy(CMSG_DATA(&control.header), &descriptor, sizeof descriptor);
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof control.bytes;
    }
    ssize_t count;
    do {
        count = sendmsg(socket, &message, MSG_NOSIGNAL);
    } while (count < 0 && errno == EINTR);
    return count == (ssize_t)size;
}

enum packet_end packet_receive(int socket, void *bytes, size_t size, int *descriptor)
{
    union control control;
    struct iovec part = {.iov_base = bytes, .iov_len = size};
    struct msghdr message;
    ssize_t count;
    *descriptor = -1;
    memset(&control, 0, sizeof control);
    do {
        /* CMSG_LEN: the padding of CMSG_SPACE would be room for a second descriptor. */
        message = (struct msghdr){.msg_iov = &part,
                                  .msg_iovlen = 1,
                                  .msg_control = control.bytes,
                                  .msg_controllen = CMSG_LEN(sizeof *descriptor)};
        count = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    } while (count < 0 && errno == EINTR);
    const struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    /* A packet may be empty and bring one all the same. */
    if (count >= 0 && header != NULL && header->cmsg_level == SOL_SOCKET &&
        header->cmsg_type == SCM_RIGHTS && header->cmsg_len == CMSG_LEN(sizeof *descriptor))
        memcpy(descriptor, CMSG_DATA(header), sizeof *descriptor);
    if (count == (ssize_t)size && (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0)
        return PACKET_RECEIVED;
    if (*descriptor >= 0)
        close(*descriptor);
    *descriptor = -1;
    return count <= 0 ? PACKET_CLOSED : PACKET_WRONG;
}

/* Questions to a connected socket. An IPv4 address is one, also when it is mapped into IPv6. */
#include "net/endpoint.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

bool endpoint_literal(int fd, struct text *out)
{
    struct sockaddr_storage address = {0};
    socklen_t length = sizeof address;
    char shown[INET6_ADDRSTRLEN];
    if (getsockname(fd, (struct sockaddr *)&address, &length) != 0)
        return false;

    const char *prefix = "";
    const void *octets = NULL;
    int family = address.ss_family;
    if (family == AF_INET) {
        octets = &((struct sockaddr_in *)&address)->sin_addr;
    } else if (family == AF_INET6) {
        const struct in6_addr *six = &((struct sockaddr_in6 *)&address)->sin6_addr;
        bool mapped = IN6_IS_ADDR_V4MAPPED(six);
        family = mapped ? AF_INET : AF_INET6;
        prefix = mapped ? "" : "IPv6:";
        octets = mapped ? six->s6_addr + 12 : six->s6_addr;
    }
    if (octets == NULL || inet_ntop(family, octets, shown, sizeof shown) == NULL)
        return false;
    text_add_format(out, "[%s%s]", prefix, shown);
    return !out->overflow;
}

bool endpoint_is_loopback(int fd)
{
    struct sockaddr_storage address = {0};
    socklen_t length = sizeof address;
    const struct in6_addr *six = &((struct sockaddr_in6 *)&address)->sin6_addr;
    const struct in_addr *four = &((struct sockaddr_in *)&address)->sin_addr;
    if (getpeername(fd, (struct sockaddr *)&address, &length) != 0)
        return false;
    if (address.ss_family == AF_INET)
        return ntohl(four->s_addr) >> 24 == IN_LOOPBACKNET;
    return address.ss_family == AF_INET6 &&
           (IN6_IS_ADDR_LOOPBACK(six) ||
            (IN6_IS_ADDR_V4MAPPED(six) && six->s6_addr[12] == IN_LOOPBACKNET));
}

/* Names to addresses in a child process with a deadline: getaddrinfo(3) may block for half a minute
 * and may run anybody's NSS module. Address literals need no child. */
#ifndef NET_RESOLVE_H
#define NET_RESOLVE_H

#include <sys/socket.h>

#include "base/child.h"
#include "base/text.h"

enum { RESOLVE_ADDRESSES_MAX = 16 };

struct resolve_address {
    socklen_t length;
    struct sockaddr_storage socket_address; /* port 0 */
};

struct resolve {
    const char *host;
    struct child child;
    struct buffer answer;
    size_t count; /* of addresses, families interleaved (RFC 8305 section 4) */
    struct resolve_address addresses[RESOLVE_ADDRESSES_MAX];
};

/* Starts the look-up of `host` (name, IPv4 or IPv6 literal, brackets allowed), which must outlive
 * it. After true, when child.pid is not 0, poll child.output and call resolve_step. */
bool resolve_start(struct resolve *resolve, const char *host, struct error *error);

/* Call when child.output is readable; `done` becomes true when the addresses are there. EX_NOHOST
 * when the name does not exist or has no address, EX_TEMPFAIL when DNS did not answer. */
bool resolve_step(struct resolve *resolve, bool *done, struct error *error);

/* Kills a look-up under way and frees what it holds. */
void resolve_stop(struct resolve *resolve);

/* "192.0.2.1:587" or "[2001:db8::1]:587" into `out`. */
void resolve_format(const struct resolve_address *address, uint16_t port, struct text *out);

#endif

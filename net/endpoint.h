/* What a connected socket knows of itself and its peer. */
#ifndef NET_ENDPOINT_H
#define NET_ENDPOINT_H

#include "base/text.h"

/* Its own address as an SMTP address literal (RFC 5321 section 4.1.3): "[192.0.2.1]",
 * "[IPv6:2001:db8::1]"; false when it has none. */
bool endpoint_literal(int fd, struct text *out);

/* Whether its peer is this very machine: 127.0.0.0/8, ::1. */
bool endpoint_is_loopback(int fd);

#endif

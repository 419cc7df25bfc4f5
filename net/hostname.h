/* This host's own names. */
#ifndef NET_HOSTNAME_H
#define NET_HOSTNAME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum { HOSTNAME_SIZE = 256, HOSTNAME_OWN_MAX = 4 };

/* The first line of /etc/mailname, if that is a host name. */
bool hostname_from_mailname(char name[HOSTNAME_SIZE]);

/* The fully qualified name: gethostname(2) if it has a dot, else the one /etc/hosts has for it,
 * else what the DNS says within `timeout` milliseconds. False when nobody knows one other than
 * localhost. */
bool hostname_qualified(char name[HOSTNAME_SIZE], int64_t timeout);

/* What gethostname(2) says, or "localhost". */
void hostname_plain(char name[HOSTNAME_SIZE]);

/* The names that mean this host, as far as they are known without the DNS: what gethostname(2)
 * says, its first label, and the qualified name that /etc/hosts, or /etc/mailname if it is one of
 * this host and no domain's, has for it. Returns how many there are; none of them is localhost. */
size_t hostname_own(char names[HOSTNAME_OWN_MAX][HOSTNAME_SIZE]);

/* True for "NAME." and a domain: a qualified name of the host `plain`. */
bool hostname_belongs_to(const char *name, const char *plain);

/* The fully qualified name that `hosts`, the contents of a hosts(5) file, has for `plain`. */
bool hostname_in_hosts(struct slice hosts, const char *plain, char name[HOSTNAME_SIZE]);

#endif

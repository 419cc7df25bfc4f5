/* DNS records that getaddrinfo(3) does not know: SRV (RFC 2782) and TLSA (RFC 6698), asked for in a
 * child process with a deadline. */
#ifndef NET_DNS_H
#define NET_DNS_H

#include <netinet/in.h>
#include <stdint.h>

#include "base/error.h"

enum {
    DNS_NAME_SIZE = 256,
    DNS_RECORDS_MAX = 32, /* of an answer; further ones are left out */
    DNS_TLSA_SIZE = 4096  /* octets of one association; a longer record is left out */
};

struct dns_srv {
    uint16_t priority, weight, port;
    char target[DNS_NAME_SIZE]; /* a host name without a final dot; "" for "." (no service) */
};

struct dns_tlsa {
    uint8_t usage, selector, matching;
    uint16_t length;
    unsigned char data[DNS_TLSA_SIZE];
};

/* What is common to both kinds of answer. */
struct dns_answer {
    bool authenticated; /* the resolver verified it by DNSSEC, and is believed in that: trust-ad in
                           resolv.conf, or every nameserver on this machine (RFC 6840). Also said of
                           an answer that there are no records. */
    size_t count;
    union {
        struct dns_srv *srv;
        struct dns_tlsa *tlsa;
    } records; /* malloc'ed, freed by dns_free */
};

enum dns_type { DNS_SRV, DNS_TLSA };

/* Asks for the records of `name`, within `timeout` milliseconds. True also when there are none, or
 * no such name (count 0). EX_TEMPFAIL when DNS did not answer, or with a failure, as it does for a
 * name whose signatures do not hold. Where no resolver is believed, TLSA records, which are nothing
 * without that, are not asked for: count 0, not authenticated. `server` is asked instead of those
 * of resolv.conf, and counts as one on this machine only when it is loopback; NULL outside tests.
 * The answer is to be freed with dns_free in any case. */
bool dns_look_up(enum dns_type type, const char *name, const struct sockaddr_in *server,
                 int64_t timeout, struct dns_answer *answer, struct error *error);

void dns_free(struct dns_answer *answer);

#endif

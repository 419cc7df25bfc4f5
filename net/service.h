/* Where a domain says its mail is to be handed in: SRV records (RFC 2782, RFC 6186, RFC 8314). */
#ifndef NET_SERVICE_H
#define NET_SERVICE_H

#include "net/dns.h"

enum { SERVICE_TARGETS_MAX = 8 };

#define SERVICE_STARTTLS "_submission._tcp"
#define SERVICE_IMPLICIT "_submissions._tcp"

struct service_query {
    const char *name; /* of the service: SERVICE_STARTTLS, SERVICE_IMPLICIT */
    const char *domain;
    const struct sockaddr_in *server; /* as dns_look_up */
    int64_t timeout;                  /* milliseconds */
};

struct service_target {
    char host[DNS_NAME_SIZE];
    uint16_t port;
};

struct service {
    bool authenticated; /* as of dns_answer */
    size_t count;
    struct service_target targets[SERVICE_TARGETS_MAX]; /* in the order to try them */
};

/* Asks the DNS. True when there is at least one target. EX_NOHOST when there is no record (or no
 * such domain), or the domain says that it has no such service; EX_TEMPFAIL when DNS did not
 * answer. Records with a port of 0, or with a target that is no name of a host, are left out, and
 * those for which there is no room, which are the last. */
bool service_find(const struct service_query *query, struct service *service, struct error *error);

/* Chance. */
struct service_dice {
    /* A number from 0 to `limit`, each as likely as any other. */
    uint32_t (*roll)(void *context, uint32_t limit);
    void *context;
};

/* Brings records into the order of RFC 2782: by priority, and within one by chance, by weight. */
void service_order(struct dns_srv *records, size_t count, const struct service_dice *dice);

/* True when `host` is `domain` or a name under it; letters in any case, a final dot aside. */
bool service_is_within(const char *host, const char *domain);

#endif

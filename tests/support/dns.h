/* A DNS server in a thread, for unit tests: it answers from a table, over UDP on loopback. */
#ifndef TESTS_SUPPORT_DNS_H
#define TESTS_SUPPORT_DNS_H

#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dns_row {
    const char *name; /* NULL: the end of the table */
    int type;         /* ns_t_srv, ns_t_tlsa, ns_t_cname */
    const char *data; /* SRV: "priority weight port target", TLSA: "usage selector matching HEX",
                         CNAME: "target" */
    enum { DNS_ROW_SIGNED = 1, DNS_ROW_FAILS = 2, DNS_ROW_SILENT = 4, DNS_ROW_TORN = 8 } manner;
};

struct dns_server {
    const struct dns_row *rows;
    uint16_t port;              /* where it is to listen; 0: any free one */
    struct sockaddr_in address; /* where it listens */
    int socket;
    pthread_t thread;
    bool denies_signed; /* what is not there is denied with the AD bit */
};

/* Starts it on a free port of 127.0.0.1; fails the test when that cannot be done. */
void dns_server_start(struct dns_server *server, const struct dns_row *rows);

/* The same on that port. */
void dns_server_start_at(struct dns_server *server, uint16_t port, const struct dns_row *rows);

void dns_server_stop(struct dns_server *server);

#endif

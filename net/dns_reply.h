/* A reply of the DNS, octets from anybody, taken apart. For net/dns, in its child process. */
#ifndef NET_DNS_REPLY_H
#define NET_DNS_REPLY_H

#include "net/dns.h"

/* Of struct dns_srv, or struct dns_tlsa. */
size_t dns_reply_record_size(enum dns_type type);

/* Fills `records`, which has room for DNS_RECORDS_MAX of the type, from the answer section; further
 * ones, and those of other types, are passed over. False for a malformed reply. */
bool dns_reply_parse(enum dns_type type, const unsigned char *reply, size_t length, char *records,
                     size_t *count);

#endif

/* `smarthost dns FILE`: a DNS server on port 53 of 127.0.0.1 that answers from FILE. */
#ifndef TESTS_SMARTHOST_ZONE_H
#define TESTS_SMARTHOST_ZONE_H

/* A line of FILE is "NAME TYPE DATA" as in tests/support/dns.h, with TYPE srv, tlsa or cname, and
 * in front of it "signed", "fails" or "silent" where the answer is to be so. Prints "ready" and
 * runs until it is ended. */
int zone_main(const char *file);

#endif

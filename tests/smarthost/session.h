/* One client's connection to the receiving smarthost, from greeting to goodbye. */
#ifndef TESTS_SMARTHOST_SESSION_H
#define TESTS_SMARTHOST_SESSION_H

#include <openssl/ssl.h>

#include "tests/smarthost/fault.h"
#include "tests/smarthost/login.h"

enum session_extension {
    SESSION_PIPELINING = 1,
    SESSION_CHUNKING = 2,
    SESSION_8BITMIME = 4,
    SESSION_SMTPUTF8 = 8,
    SESSION_ALL = 15
};

struct session_options {
    SSL_CTX *tls;               /* NULL: none */
    bool implicit;              /* TLS from the first byte */
    struct login_options login; /* AUTH is demanded; without a user it is not offered */
    unsigned extensions;        /* enum session_extension, those offered */
    uint64_t size;              /* the largest message, 0: no limit told */
    uint64_t recipients_max;    /* in one message, 452 beyond; 0: no limit */
    const char *refused;        /* 550 for recipients that this pattern matches; NULL: for none */
    const char *put_off;        /* 450 likewise */
    const char *cut;            /* the connection is cut likewise */
    uint64_t mails_max;         /* in one connection, 421 beyond; 0: no limit */
    const char *directory;      /* where messages are kept; NULL: counted and thrown away */
    bool quiet;                 /* no events on standard output */
    bool transcript;            /* the conversation on standard error */
    struct fault fault;         /* what is done wrong; zeroed: nothing */
    const char *clear_file;     /* what came before TLS is appended there; NULL: nowhere */
};

/* Serves the accepted socket to its end. Events ("TLS ...", "AUTH ...", "FROM ...", "TO ...",
 * "REFUSED ...", "MESSAGE octets file") go to standard output, a line each. A message kept as
 * NAME.eml is whole when there is a NAME.envelope, which has its FROM and TO lines. */
void session_serve(const struct session_options *options, int fd);

#endif

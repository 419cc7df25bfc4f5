/* Why TLS failed, in words. */
#ifndef TLS_FAILURE_H
#define TLS_FAILURE_H

#include "base/error.h"

struct failure_situation {
    bool answered; /* the server has sent a ServerHello */
    bool upgraded; /* the connection began in clear (STARTTLS) */
};

/* Fills the error from OpenSSL's error queue, and empties that, after TLS failed for another
 * reason than the server's certificate. EX_PROTOCOL, EX_NOPERM or EX_TEMPFAIL. */
bool failure_explain(const struct failure_situation *situation, struct error *error);

/* EX_CONFIG: `what`, and OpenSSL's own words from its error queue, which is emptied. */
bool failure_set_config(struct error *error, const char *what);

#endif

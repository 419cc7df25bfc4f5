/* What is asked of a submission: everything the conversation needs to know of a smarthost, each
 * part in the struct of its consumer. Filled by config/ from one [smarthost] section. */
#ifndef SMTP_SMARTHOST_H
#define SMTP_SMARTHOST_H

#include "net/dial.h"
#include "smtp/sasl/sasl.h"
#include "tls/tls.h"

enum smarthost_tls { SMARTHOST_STARTTLS, SMARTHOST_IMPLICIT, SMARTHOST_CLEAR };

struct smarthost {
    struct dial_options dial;
    enum smarthost_tls tls_mode;
    struct tls_options tls;
    struct sasl_options sasl;
    const char *helo; /* EHLO name; NULL: the connection's own address literal */
    int64_t timeout;  /* milliseconds for each reply and each stretch without progress */
    bool pipelining, chunking;
};

#endif

/* What a server says it can do: the reply to EHLO (RFC 5321 section 4.1.1.1). */
#ifndef SMTP_CAPABILITY_H
#define SMTP_CAPABILITY_H

#include "base/text.h"

enum { CAPABILITY_MECHANISMS_SIZE = 1024 };

struct capability {
    bool pipelining;     /* RFC 2920 */
    bool size;           /* RFC 1870 */
    bool eight_bit;      /* RFC 6152 */
    bool smtputf8;       /* RFC 6531 */
    bool chunking;       /* RFC 3030 */
    bool starttls;       /* RFC 3207 */
    bool dsn;            /* RFC 3461 */
    bool auth;           /* RFC 4954 */
    uint64_t size_limit; /* octets; 0: none known */
    uint64_t rcpt_limit; /* recipients a transaction (RFC 9422); 0: none known */
    uint64_t mail_limit; /* transactions a connection; 0: none known */
    char mechanisms[CAPABILITY_MECHANISMS_SIZE]; /* the words behind AUTH */
};

/* Reads the text of a reply to EHLO, one keyword a line (reply.text). The first line is the
 * server's name. Unknown keywords and values that do not parse are passed over. */
void capability_parse(struct capability *capability, struct slice text);

#endif

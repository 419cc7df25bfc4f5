/* The text of a configuration file for one account: what --configure writes. */
#ifndef CONFIG_DRAFT_H
#define CONFIG_DRAFT_H

#include "base/buffer.h"
#include "base/error.h"
#include "base/text.h"

struct draft {
    const char *host;
    uint16_t port;
    bool implicit;             /* TLS from the first byte, else STARTTLS */
    const char *origin;        /* where host and port come from, in words */
    const char *note;          /* what is to be known of this server; NULL: nothing */
    const char *user;          /* for the login */
    const char *password;      /* just one of these two */
    const char *password_file; /* absolute */
    const char *from;          /* address of the sender */
};

/* Appends `value`, in such quotes as it needs, so that the loader (config/ini.h) reads it as it is.
 * False where there are none: a control character other than a tab, a backslash at its end, a quote
 * of each kind beside a # or ; or at its start, nothing at all. */
bool draft_quote(struct slice value, struct text *out);

/* Appends the whole file, commented. EX_CONFIG naming the key whose value no file can hold, and
 * what to do instead; what is left in `out` then, too, may hold the secret. */
bool draft_write(const struct draft *draft, struct buffer *out, struct error *error);

#endif

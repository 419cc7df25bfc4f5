/* Big providers of mail, and where they take it. */
#ifndef CONFIG_PROVIDERS_H
#define CONFIG_PROVIDERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct providers_row {
    const char *name;
    const char *domains; /* blank-separated: of its addresses, or its own, by which its customers
                            with other domains may call it */
    const char *host;    /* NULL: it takes no mail by SMTP */
    uint16_t port;
    bool implicit;    /* TLS from the first byte, else STARTTLS */
    const char *note; /* what a user must know to log in; NULL: nothing */
};

const struct providers_row *providers_table(size_t *count);

/* The row that has `domain` (letters in any case); NULL when there is none. */
const struct providers_row *providers_find(const char *domain);

#endif

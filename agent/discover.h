/* Where the mail of a domain's users may be handed in: what the DNS says, what is known of big
 * providers, and names that are usual. */
#ifndef AGENT_DISCOVER_H
#define AGENT_DISCOVER_H

#include "base/text.h"
#include "config/providers.h"
#include "net/service.h"

enum { DISCOVER_OFFERS_MAX = 2 * SERVICE_TARGETS_MAX + 8 };

enum discover_origin {
    DISCOVER_RECORD,   /* a SRV record that may be followed: under the domain, or authenticated */
    DISCOVER_PROVIDER, /* the table of providers */
    DISCOVER_STRANGER, /* a SRV record to another domain's name, by DNS alone: a person must agree
                          before a secret goes there */
    DISCOVER_GUESS,    /* smtp.DOMAIN and mail.DOMAIN */
    DISCOVER_PERSON    /* the user said so */
};

struct discover_offer {
    enum discover_origin origin;
    char host[DNS_NAME_SIZE];
    uint16_t port;
    bool implicit;                        /* TLS from the first byte, else STARTTLS */
    bool authenticated;                   /* by DNSSEC */
    const struct providers_row *provider; /* whose server it is; NULL where that is not known */
};

struct discover {
    struct discover_offer offers[DISCOVER_OFFERS_MAX]; /* in the order of their origins */
    size_t count;
    const struct providers_row *closed; /* the provider of the domain takes no mail by SMTP */
    struct error dns;                   /* why it was of no help: EX_TEMPFAIL, else EX_OK */
};

struct discover_question {
    const char *domain;
    const struct sockaddr_in *server; /* as dns_look_up */
    int64_t timeout;                  /* milliseconds for each question to the DNS */
};

/* Asks the DNS, and lists what there is; connects nowhere. */
void discover_find(const struct discover_question *question, struct discover *discover);

/* Adds what a person answers when asked for the server: the name of one (its usual ports are
 * offered), or the domain of a provider in the table. */
void discover_add_answer(const char *answer, struct discover *discover);

/* Where the offer comes from, in words: "SRV records of example.com, not authenticated". */
void discover_describe(const struct discover_offer *offer, const char *domain, struct text *out);

#endif

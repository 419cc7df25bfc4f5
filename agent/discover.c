/* RFC 6186 and RFC 8314 section 5.1, the table, and guesses, in this order, which is that of trust:
 * a record that leads out of the domain without authentication is anybody's word, and stands behind
 * what is known for sure. TLS from the first byte comes before STARTTLS (RFC 8314 section 3). */
#include "agent/discover.h"

#include <stdlib.h>
#include <string.h>

static struct discover_offer *add(struct discover *discover, enum discover_origin origin,
                                  const char *host, uint16_t port, bool implicit)
{
    struct discover_offer offer = {.origin = origin, .port = port, .implicit = implicit};
    if (discover->count == DISCOVER_OFFERS_MAX || !text_copy(offer.host, sizeof offer.host, host))
        return NULL;
    discover->offers[discover->count] = offer;
    return &discover->offers[discover->count++];
}

static void add_service(const struct discover_question *question, bool implicit,
                        struct discover *discover)
{
    struct service_query query = {.name = implicit ? SERVICE_IMPLICIT : SERVICE_STARTTLS,
                                  .domain = question->domain,
                                  .server = question->server,
                                  .timeout = question->timeout};
    struct service service;
    struct error error;
    if (!service_find(&query, &service, &error) && error.exit_code != EX_NOHOST)
        discover->dns = error;
    for (size_t i = 0; i < service.count; i++) {
        const struct service_target *target = &service.targets[i];
        bool good = service.authenticated || service_is_within(target->host, question->domain);
        struct discover_offer *offer = add(discover, good ? DISCOVER_RECORD : DISCOVER_STRANGER,
                                           target->host, target->port, implicit);
        if (offer != NULL)
            offer->authenticated = service.authenticated;
    }
}

static void add_provider(const struct providers_row *row, struct discover *discover)
{
    if (row->host == NULL)
        discover->closed = row;
    else
        add(discover, DISCOVER_PROVIDER, row->host, row->port, row->implicit);
}

static bool has(const struct discover *discover, const char *host, uint16_t port)
{
    for (size_t i = 0; i < discover->count; i++) {
        const struct discover_offer *offer = &discover->offers[i];
        if (offer->port == port && slice_equals_nocase(slice_of(offer->host), slice_of(host)))
            return true;
    }
    return false;
}

/* Where the DNS has not named them already. */
static void add_guesses(const char *domain, struct discover *discover)
{
    static const char *const names[] = {"smtp", "mail"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char host_bytes[DNS_NAME_SIZE];
        struct text host;
        text_init(&host, host_bytes, sizeof host_bytes);
        text_add_format(&host, "%s.%s", names[i], domain);
        if (host.overflow)
            continue;
        if (!has(discover, host.bytes, 465))
            add(discover, DISCOVER_GUESS, host.bytes, 465, true);
        if (!has(discover, host.bytes, 587))
            add(discover, DISCOVER_GUESS, host.bytes, 587, false);
    }
}

static void sort(struct discover *discover)
{
    struct discover sorted = *discover;
    sorted.count = 0;
    for (int origin = DISCOVER_RECORD; origin <= DISCOVER_PERSON; origin++) {
        for (size_t i = 0; i < discover->count; i++) {
            if (discover->offers[i].origin == (enum discover_origin)origin)
                sorted.offers[sorted.count++] = discover->offers[i];
        }
    }
    *discover = sorted;
}

/* The provider is known by the server as well, whoever named that. */
static void recognise(struct discover *discover)
{
    size_t count;
    const struct providers_row *table = providers_table(&count);
    for (size_t i = 0; i < discover->count; i++) {
        struct discover_offer *offer = &discover->offers[i];
        for (size_t j = 0; j < count && offer->provider == NULL; j++) {
            if (table[j].host != NULL &&
                slice_equals_nocase(slice_of(table[j].host), slice_of(offer->host)))
                offer->provider = &table[j];
        }
    }
}

void discover_find(const struct discover_question *question, struct discover *discover)
{
    *discover = (struct discover){.count = 0};
    add_service(question, true, discover);
    /* A DNS that is down is not waited for twice. */
    if (discover->dns.exit_code == EX_OK)
        add_service(question, false, discover);
    const struct providers_row *provider = providers_find(question->domain);
    if (provider != NULL)
        add_provider(provider, discover);
    else
        add_guesses(question->domain, discover);
    sort(discover);
    recognise(discover);
}

void discover_add_answer(const char *answer, struct discover *discover)
{
    const struct providers_row *row = providers_find(answer);
    if (row != NULL) {
        add_provider(row, discover);
    } else {
        add(discover, DISCOVER_PERSON, answer, 465, true);
        add(discover, DISCOVER_PERSON, answer, 587, false);
    }
    recognise(discover);
}

void discover_describe(const struct discover_offer *offer, const char *domain, struct text *out)
{
    switch (offer->origin) {
    case DISCOVER_RECORD:
    case DISCOVER_STRANGER:
        text_add_format(out, "SRV record of %s, %s", domain,
                        offer->authenticated ? "authenticated by DNSSEC" : "not authenticated");
        return;
    case DISCOVER_PROVIDER:
        text_add(out, "known of this provider");
        break;
    case DISCOVER_GUESS:
        text_add(out, "a usual name, tried");
        break;
    case DISCOVER_PERSON:
        text_add(out, "as you said");
        break;
    }
}

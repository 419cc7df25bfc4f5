/* From the list of hosts to the places of the race (RFC 6186 section 4, RFC 8314 section 5.1). What
 * cannot be used keeps its place and says why, so that the error at the end names it. */
#include "net/places.h"

#include <string.h>

#include "base/clock.h"
#include "base/text.h"

static const char prefix[] = "srv:";

const char *places_domain(const char *host)
{
    size_t length = sizeof prefix - 1;
    return strncmp(host, prefix, length) == 0 ? host + length : NULL;
}

static bool add(struct places *places, const struct place *place)
{
    if (places->count < PLACES_MAX)
        places->places[places->count++] = *place;
    return true;
}

/* A place that is there only to say why it is none. */
static bool add_reason(struct places *places, const char *host, const struct error *reason,
                       struct arena *arena, struct error *error)
{
    struct error *copy = arena_allocate(arena, sizeof *copy);
    if (copy == NULL)
        return error_set_memory(error);
    *copy = *reason;
    return add(places, &(struct place){.host = host, .reason = copy});
}

static bool refuse_target(const char *target, const char *domain, struct error *reason)
{
    struct text_shown host, asked;
    text_show(&host, slice_of(target));
    error_set(reason, EX_NOPERM,
              "resolve: not believed: the DNS names %s for %s, without authentication and not "
              "under that domain",
              host.bytes, text_show(&asked, slice_of(domain)));
    return error_add_advice(reason, "if that is the right server, set tls_name = %s", host.bytes);
}

static bool add_target(struct places *places, const struct service_target *target,
                       const struct place *facts, struct arena *arena, struct error *error)
{
    struct place place = *facts;
    uint16_t *ports = arena_allocate(arena, 2 * sizeof *ports);
    place.host = arena_copy(arena, slice_of(target->host));
    if (ports == NULL || place.host == NULL)
        return error_set_memory(error);
    ports[0] = target->port;
    place.ports = ports;
    return add(places, &place);
}

static bool add_targets(struct places *places, const struct service *service, const char *domain,
                        bool any_target, struct arena *arena, struct error *error)
{
    struct place facts = {.hearsay = !service->authenticated};
    for (size_t i = 0; i < service->count; i++) {
        const struct service_target *target = &service->targets[i];
        struct error reason;
        bool good = service->authenticated || any_target ||
                    service_is_within(target->host, domain) ||
                    refuse_target(target->host, domain, &reason);
        if (!(good ? add_target(places, target, &facts, arena, error)
                   : add_reason(places, domain, &reason, arena, error)))
            return false;
    }
    return true;
}

/* Where the domain has the service in its other form only: which key would use that. */
static void advise(const struct service_query *query, struct error *reason)
{
    struct service_query other = *query;
    struct service service;
    struct error ignored;
    bool implicit = strcmp(query->name, SERVICE_IMPLICIT) == 0;
    other.name = implicit ? SERVICE_STARTTLS : SERVICE_IMPLICIT;
    if (reason->exit_code != EX_NOHOST)
        return;
    if (service_find(&other, &service, &ignored))
        error_add_advice(reason, "it has %s: set tls = %s", other.name,
                         implicit ? "starttls" : "implicit");
    else
        error_add_advice(reason, "name the servers themselves in host");
}

static bool add_service(struct places *places, const struct dial_options *options,
                        const struct service_query *query, struct arena *arena, struct error *error)
{
    struct service service;
    struct error reason;
    if (service_find(query, &service, &reason))
        return add_targets(places, &service, query->domain, options->any_target, arena, error);
    advise(query, &reason);
    return add_reason(places, query->domain, &reason, arena, error);
}

/* The time for the first of `hosts`, of what is left for all of them. */
static int64_t share_of_time(const char *const *hosts, int64_t deadline)
{
    int64_t count = 1;
    while (hosts[count] != NULL)
        count++;
    return clock_remaining(deadline) / count;
}

bool places_find(const struct dial_options *options, int64_t deadline, struct arena *arena,
                 struct places *places, struct error *error)
{
    places->count = 0;
    for (const char *const *host = options->hosts; *host != NULL; host++) {
        struct service_query query = {.name = options->service,
                                      .domain = places_domain(*host),
                                      .server = options->dns_server,
                                      .timeout = share_of_time(host, deadline)};
        if (query.domain == NULL)
            add(places, &(struct place){
                            .host = *host, .ports = options->ports, .hearsay = options->hearsay});
        else if (!add_service(places, options, &query, arena, error))
            return false;
    }
    return true;
}

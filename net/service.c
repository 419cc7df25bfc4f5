/* From SRV records to hosts and ports. Invariant: what is handed out as a host is a name of one,
 * whatever octets the DNS carried. */
#include "net/service.h"

#include <stdlib.h>
#include <string.h>

#include "base/ascii.h"
#include "base/random.h"
#include "base/text.h"

static struct slice without_final_dot(const char *name)
{
    struct slice slice = slice_of(name);
    if (slice.length > 0 && name[slice.length - 1] == '.')
        slice.length--;
    return slice;
}

bool service_is_within(const char *host, const char *domain)
{
    struct slice name = without_final_dot(host), above = without_final_dot(domain);
    if (above.length == 0 || name.length < above.length)
        return false;
    size_t before = name.length - above.length;
    return slice_equals_nocase(slice_from(name, before), above) &&
           (before == 0 || (before > 1 && name.bytes[before - 1] == '.'));
}

/* By priority; within one, those of weight 0 first, as RFC 2782 asks. */
static int compare(const void *one, const void *other)
{
    const struct dns_srv *a = one, *b = other;
    if (a->priority != b->priority)
        return a->priority < b->priority ? -1 : 1;
    return (a->weight != 0) - (b->weight != 0);
}

static void swap_to_front(struct dns_srv *records, size_t chosen)
{
    struct dns_srv record = records[chosen];
    memmove(records + 1, records, chosen * sizeof *records);
    records[0] = record;
}

/* Draws one of the `count` records, which have one priority, for the first place. */
static void draw(struct dns_srv *records, size_t count, const struct service_dice *dice)
{
    uint32_t sum = 0, running = 0;
    for (size_t i = 0; i < count; i++)
        sum += records[i].weight;
    uint32_t number = dice->roll(dice->context, sum);
    for (size_t i = 0; i < count; i++) {
        running += records[i].weight;
        if (running >= number) {
            swap_to_front(records, i);
            return;
        }
    }
}

void service_order(struct dns_srv *records, size_t count, const struct service_dice *dice)
{
    if (count == 0)
        return;
    qsort(records, count, sizeof *records, compare);
    for (size_t first = 0; first < count; first++) {
        size_t end = first + 1;
        while (end < count && records[end].priority == records[first].priority)
            end++;
        draw(records + first, end - first, dice);
    }
}

static uint32_t roll(void *context, uint32_t limit)
{
    (void)context;
    return (uint32_t)(random_number() % ((uint64_t)limit + 1));
}

static bool is_host_name(const char *name)
{
    for (const char *byte = name; *byte != '\0'; byte++) {
        char lower = ascii_lower(*byte);
        bool plain = (lower >= 'a' && lower <= 'z') || (lower >= '0' && lower <= '9');
        if (!plain && strchr("-_.", lower) == NULL)
            return false;
    }
    return name[0] != '\0' && name[0] != '-' && name[0] != '.';
}

static void take_targets(const struct dns_answer *answer, struct service *service)
{
    for (size_t i = 0; i < answer->count && service->count < SERVICE_TARGETS_MAX; i++) {
        const struct dns_srv *record = &answer->records.srv[i];
        struct service_target *target = &service->targets[service->count];
        if (record->port == 0 || !is_host_name(record->target))
            continue;
        memcpy(target->host, record->target, sizeof target->host);
        target->port = record->port;
        service->count++;
    }
}

/* RFC 2782: a sole record with the target "." */
static bool is_denied(const struct dns_answer *answer)
{
    return answer->count == 1 && answer->records.srv[0].target[0] == '\0';
}

static bool judge(const struct service_query *query, const struct dns_answer *answer,
                  const struct service *service, struct error *error)
{
    struct text_shown shown;
    text_show(&shown, slice_of(query->domain));
    if (service->count > 0)
        return true;
    if (is_denied(answer))
        return error_set(error, EX_NOHOST, "resolve: %s says that it has no service %s (SRV)",
                         shown.bytes, query->name);
    if (answer->count > 0)
        return error_set(error, EX_NOHOST, "resolve: the SRV records %s of %s name no host",
                         query->name, shown.bytes);
    return error_set(error, EX_NOHOST, "resolve: %s has no SRV record %s", shown.bytes,
                     query->name);
}

bool service_find(const struct service_query *query, struct service *service, struct error *error)
{
    static const struct service_dice dice = {.roll = roll};
    char name_bytes[DNS_NAME_SIZE];
    struct dns_answer answer;
    struct text name;
    *service = (struct service){0};
    text_init(&name, name_bytes, sizeof name_bytes);
    text_add_format(&name, "%s.%s", query->name, query->domain);
    if (name.overflow)
        return error_set(error, EX_NOHOST, "resolve: %.64s...: too long a name", query->domain);
    bool found = dns_look_up(DNS_SRV, name.bytes, query->server, query->timeout, &answer, error);
    if (found) {
        service_order(answer.records.srv, answer.count, &dice);
        service->authenticated = answer.authenticated;
        take_targets(&answer, service);
        found = judge(query, &answer, service, error);
    }
    dns_free(&answer);
    return found;
}

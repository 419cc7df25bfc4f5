/* What dial asks of its candidates, and how they are told. */
#include "net/candidate.h"

#include <string.h>

bool candidate_make(struct candidate_host *host, struct arena *arena, struct error *error)
{
    size_t addresses = host->resolve.count;
    size_t count = host->lane_count * addresses;
    struct candidate *candidates = arena_allocate(arena, count * sizeof(*candidates));
    if (candidates == NULL)
        return error_set_memory(error);
    for (size_t i = 0; i < count; i++) {
        candidates[i].port = host->place->ports[i / addresses];
        candidates[i].address = &host->resolve.addresses[i % addresses];
        candidates[i].host = host;
        candidates[i].stream.fd = -1;
    }
    host->candidates = candidates;
    host->known = true;
    return true;
}

size_t candidate_count(const struct candidate_host *host)
{
    return host->known ? host->lane_count * host->resolve.count : 0;
}

struct candidate *candidate_lane(const struct candidate_host *host, size_t lane)
{
    return host->candidates + lane * host->resolve.count;
}

bool candidate_is_racing(const struct candidate *candidate)
{
    return candidate->state == CANDIDATE_CONNECTING || candidate->state == CANDIDATE_SILENT;
}

bool candidate_lane_is_lost(const struct candidate_host *host, size_t lane)
{
    for (size_t i = 0; i < host->resolve.count; i++)
        if (candidate_lane(host, lane)[i].state != CANDIDATE_LOST)
            return false;
    return true;
}

bool candidate_host_is_lost(const struct candidate_host *host)
{
    if (!host->known)
        return host->state == CANDIDATE_HOST_NAMELESS;
    for (size_t lane = 0; lane < host->lane_count; lane++)
        if (!candidate_lane_is_lost(host, lane))
            return false;
    return true;
}

const char *candidate_show(const struct candidate *candidate, struct text *whose)
{
    text_add_escaped(whose, slice_of(candidate->host->name), TEXT_SHOWN_LIMIT);
    text_add(whose, " (");
    resolve_format(candidate->address, candidate->port, whose);
    text_add_byte(whose, ')');
    return whose->bytes;
}

void candidate_tell(const struct dial_greeter *greeter, const struct candidate *candidate,
                    const char *news)
{
    char whose_bytes[CANDIDATE_SHOWN_SIZE];
    struct text whose;
    struct error sentence;
    if (greeter->tell == NULL)
        return;
    text_init(&whose, whose_bytes, sizeof(whose_bytes));
    error_set(&sentence, EX_OK, "%s: %s", candidate_show(candidate, &whose), news);
    greeter->tell(greeter->context, sentence.sentence);
}

void candidate_report(const struct dial_greeter *greeter, const struct candidate *candidate,
                      const struct error *reason)
{
    const struct dial_watcher *watcher = greeter->watcher;
    struct dial_news news = {.host = candidate->host->name,
                             .started = candidate->started,
                             .connected = candidate->connected,
                             .reason = reason};
    struct text address;
    if (watcher == NULL)
        return;
    text_init(&address, news.address, sizeof(news.address));
    resolve_format(candidate->address, candidate->port, &address);
    watcher->take(watcher->context, &news);
}

void candidate_report_host(const struct dial_greeter *greeter, const struct candidate_host *host)
{
    const struct dial_watcher *watcher = greeter->watcher;
    struct dial_news news = {.host = host->name,
                             .found = host->known ? &host->resolve : NULL,
                             .started = host->started == CANDIDATE_NEVER ? 0 : host->started,
                             .reason = host->known ? NULL : &host->reason};
    if (watcher != NULL)
        watcher->take(watcher->context, &news);
}

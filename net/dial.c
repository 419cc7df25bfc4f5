/* The race for a greeting (RFC 8305). When each may start, net/schedule.c says: no timer is kept,
 * the times are asked anew at each turn of the loop. All that started stay in the race until one
 * has won.
 * Invariant: a candidate has an open stream just while it is CONNECTING or SILENT. */
#include "net/dial.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/interrupt.h"
#include "net/endpoint.h"
#include "net/schedule.h"

enum { WHOSE_SIZE = TEXT_SHOWN_LIMIT + DIAL_ADDRESS_SIZE + 8 };
enum { CANDIDATES_MAX = DIAL_HOSTS_MAX * DIAL_PORTS_MAX * RESOLVE_ADDRESSES_MAX };
_Static_assert((int)SERVICE_TARGETS_MAX <= (int)DIAL_PORTS_MAX,
               "a host has as many candidates as srv: has");

struct dial {
    const struct dial_options *options;
    const struct dial_greeter *greeter;
    int64_t timeout; /* of the streams */
    int64_t budget;  /* what is left of connect_timeout */
    struct places places;
    struct host hosts[PLACES_MAX];
    size_t host_count;
    bool begun;               /* the places are known */
    struct candidate *winner; /* the last one */
    struct arena arena;       /* of places and candidates */
    struct pollfd polled[PLACES_MAX + CANDIDATES_MAX + 1];
};

struct dial *dial_create(const struct dial_options *options, const struct dial_greeter *greeter,
                         int64_t timeout, struct error *error)
{
    struct dial *dial = calloc(1, sizeof(*dial));
    if (dial == NULL) {
        error_set_memory(error);
        return NULL;
    }
    dial->options = options;
    dial->greeter = greeter;
    dial->timeout = timeout;
    dial->budget = options->connect_timeout;
    return dial;
}

static bool all_are_lost(const struct dial *dial)
{
    for (size_t i = 0; i < dial->host_count; i++)
        if (!schedule_is_lost(&dial->hosts[i]))
            return false;
    return true;
}

/* "mail.example (192.0.2.1:587)" */
static const char *show_candidate(const struct candidate *candidate, struct text *whose)
{
    text_add_escaped(whose, slice_of(candidate->host->name), TEXT_SHOWN_LIMIT);
    text_add(whose, " (");
    resolve_format(candidate->address, candidate->port, whose);
    text_add_byte(whose, ')');
    return whose->bytes;
}

static void tell(const struct dial *dial, const struct candidate *candidate, const char *news)
{
    const struct dial_greeter *greeter = dial->greeter;
    char whose_bytes[WHOSE_SIZE];
    struct text whose;
    struct error sentence;
    if (greeter->tell == NULL)
        return;
    text_init(&whose, whose_bytes, sizeof(whose_bytes));
    error_set(&sentence, EX_OK, "%s: %s", show_candidate(candidate, &whose), news);
    greeter->tell(greeter->context, sentence.sentence);
}

/* `reason` NULL: it greeted. */
static void report_candidate(const struct dial *dial, const struct candidate *candidate,
                             const struct error *reason)
{
    const struct dial_watcher *watcher = dial->greeter->watcher;
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

static void report_host(const struct dial *dial, const struct host *host)
{
    const struct dial_watcher *watcher = dial->greeter->watcher;
    struct dial_news news = {.host = host->name,
                             .found = host->known ? &host->resolve : NULL,
                             .started = host->started == SCHEDULE_NEVER ? 0 : host->started,
                             .reason = host->known ? NULL : &host->reason};

    if (watcher != NULL)
        watcher->take(watcher->context, &news);
}

static void lose(const struct dial *dial, struct candidate *candidate, enum reasons_kind kind)
{
    stream_close(&candidate->stream);
    candidate->state = LOST;
    candidate->kind = kind;
    tell(dial, candidate, candidate->reason.sentence);
    report_candidate(dial, candidate, &candidate->reason);
}

static void lose_connecting(const struct dial *dial, struct candidate *candidate, int reason)
{
    lose(dial, candidate, reasons_connect(reason, &candidate->reason));
}

static void take_connection(struct dial *dial, struct candidate *candidate)
{
    const struct dial_greeter *greeter = dial->greeter;
    candidate->state = SILENT;
    candidate->connected = clock_now();
    stream_init(&candidate->stream, candidate->stream.fd, dial->timeout);
    if (!greeter->begin(greeter->context, &candidate->stream, candidate->host->name,
                        &candidate->reason))
        lose(dial, candidate, REASONS_FAILED);
}

static bool is_racing(const struct candidate *candidate)
{
    return candidate->state == CONNECTING || candidate->state == SILENT;
}

/* Whether a descriptor is going to be free again, where now there is none. */
static bool must_wait_for_descriptor(const struct dial *dial, int reason)
{
    bool somebody_races = false;
    for (size_t i = 0; i < dial->host_count; i++)
        for (size_t j = 0; j < schedule_count(&dial->hosts[i]); j++)
            somebody_races |= is_racing(&dial->hosts[i].candidates[j]);
    return somebody_races && (reason == EMFILE || reason == ENFILE);
}

static void start_candidate(struct dial *dial, struct candidate *candidate)
{
    struct sockaddr_storage address = candidate->address->socket_address;
    int on = 1;
    /* The port is at the same place in both families. */
    ((struct sockaddr_in *)&address)->sin_port = htons(candidate->port);
    candidate->stream.fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (candidate->stream.fd < 0 && must_wait_for_descriptor(dial, errno))
        return;
    int reason = errno;
    candidate->state = CONNECTING;
    candidate->started = clock_now();
    tell(dial, candidate, "connecting");
    if (candidate->stream.fd < 0) {
        lose_connecting(dial, candidate, reason);
        return;
    }
    setsockopt(candidate->stream.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (connect(candidate->stream.fd, (struct sockaddr *)&address, candidate->address->length) == 0)
        take_connection(dial, candidate);
    else if (errno != EINPROGRESS && errno != EINTR)
        lose_connecting(dial, candidate, errno);
}

static bool make_candidates(struct dial *dial, struct host *host, struct error *error)
{
    size_t addresses = host->resolve.count;
    size_t count = host->lane_count * addresses;
    struct candidate *candidates = arena_allocate(&dial->arena, count * sizeof(*candidates));
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

/* The look-up came to its end: with addresses, or with the host's reason. */
static void take_addresses(struct dial *dial, struct host *host, bool found)
{
    host->resolve_ms = clock_now() - host->started;
    if (found && make_candidates(dial, host, &host->reason))
        host->state = RESOLVED;
    else
        host->state = NAMELESS;
    report_host(dial, host);
}

static void start_host(struct dial *dial, struct host *host)
{
    host->started = clock_now();
    if (host->known) {
        host->state = RESOLVED;
    } else if (!resolve_start(&host->resolve, host->name, &host->reason)) {
        take_addresses(dial, host, false);
    } else {
        host->state = RESOLVING;
        if (host->resolve.child.pid == 0)
            take_addresses(dial, host, true);
    }
}

/* Starts what is due in one host; the time when the next one is. */
static int64_t start_candidates(struct dial *dial, struct host *host)
{
    int64_t next = SCHEDULE_NEVER;
    for (size_t lane = 0; lane < host->lane_count; lane++) {
        for (size_t i = 0; i < host->resolve.count; i++) {
            struct candidate *candidate = &schedule_lane(host, lane)[i];
            int64_t due = schedule_candidate(dial->options, host, lane, i);
            if (candidate->state != WAITING)
                continue;
            if (due > clock_now()) {
                next = due < next ? due : next;
                break;
            }
            if (host->lane_started[lane] == SCHEDULE_NEVER)
                host->lane_started[lane] = clock_now();
            start_candidate(dial, candidate);
        }
    }
    return next;
}

static int64_t advance_host(struct dial *dial, size_t index)
{
    struct host *host = &dial->hosts[index];
    if (host->state == UNSTARTED) {
        int64_t due = schedule_host(dial->options, dial->hosts, dial->host_count, index);
        if (due > clock_now())
            return due;
        start_host(dial, host);
    }
    return host->state == RESOLVED ? start_candidates(dial, host) : SCHEDULE_NEVER;
}

/* Starts what is due; the time when the next one is. One pass is enough: what may start depends on
 * what stands before it only. */
static int64_t advance(struct dial *dial)
{
    int64_t next = SCHEDULE_NEVER;
    for (size_t i = 0; i < dial->host_count; i++) {
        int64_t due = advance_host(dial, i);
        next = due < next ? due : next;
    }
    return next;
}

static size_t enlist(struct dial *dial, size_t *count, int fd, short events)
{
    dial->polled[*count] = (struct pollfd){.fd = fd, .events = events};
    return (*count)++;
}

static void wait_for_news(struct dial *dial, int64_t deadline)
{
    size_t count = 0;
    for (size_t i = 0; i < dial->host_count; i++) {
        struct host *host = &dial->hosts[i];
        if (host->state == RESOLVING)
            host->slot = enlist(dial, &count, host->resolve.child.output, POLLIN);
        for (size_t j = 0; j < schedule_count(host); j++) {
            struct candidate *candidate = &host->candidates[j];
            if (is_racing(candidate))
                candidate->slot = enlist(dial, &count, candidate->stream.fd,
                                         candidate->state == SILENT ? POLLIN : POLLOUT);
        }
    }
    enlist(dial, &count, interrupt_fd(), POLLIN);
    if (poll(dial->polled, count, clock_remaining(deadline)) <= 0)
        for (size_t i = 0; i < count; i++)
            dial->polled[i].revents = 0;
}

static void follow_look_up(struct dial *dial, struct host *host)
{
    bool done = false;
    bool sound = resolve_step(&host->resolve, &done, &host->reason);
    if (done || !sound)
        take_addresses(dial, host, sound);
}

/* True when it has won. */
static bool follow_candidate(struct dial *dial, struct candidate *candidate)
{
    const struct dial_greeter *greeter = dial->greeter;
    enum dial_verdict verdict = DIAL_WAIT;
    int reason = 0;
    socklen_t size = sizeof(reason);
    if (candidate->state == SILENT) {
        verdict = greeter->judge(greeter->context, &candidate->stream, &candidate->reason);
        if (verdict == DIAL_LOST)
            lose(dial, candidate, REASONS_FAILED);
        return verdict == DIAL_WON;
    }
    if (getsockopt(candidate->stream.fd, SOL_SOCKET, SO_ERROR, &reason, &size) != 0)
        reason = errno;
    if (reason != 0)
        lose_connecting(dial, candidate, reason);
    else
        take_connection(dial, candidate);
    return false;
}

/* Looks at what poll(2) found; the first that has won, or NULL. */
static struct candidate *take_news(struct dial *dial)
{
    for (size_t i = 0; i < dial->host_count; i++) {
        struct host *host = &dial->hosts[i];
        if (host->state == RESOLVING && dial->polled[host->slot].revents != 0) {
            follow_look_up(dial, host);
            continue;
        }
        for (size_t j = 0; j < schedule_count(host); j++) {
            struct candidate *candidate = &host->candidates[j];
            if (is_racing(candidate) && dial->polled[candidate->slot].revents != 0 &&
                follow_candidate(dial, candidate))
                return candidate;
        }
    }
    return NULL;
}

/* Finds the hosts, the first time. */
static bool set_out(struct dial *dial, int64_t deadline, struct error *error)
{
    if (dial->begun)
        return true;
    int64_t started = clock_now();
    if (!places_find(dial->options, deadline, &dial->arena, &dial->places, error))
        return false;
    for (size_t i = 0; i < dial->places.count; i++) {
        struct host *host = &dial->hosts[i];
        host->place = &dial->places.places[i];
        host->name = host->place->host;
        if (host->place->reason != NULL) {
            host->state = NAMELESS;
            host->reason = *host->place->reason;
            host->started = started;
            report_host(dial, host);
            continue;
        }
        while (host->place->ports[host->lane_count] != 0)
            host->lane_count++;
    }
    dial->host_count = dial->places.count;
    return dial->begun = true;
}

/* Nothing is under way any more; what has not lost may start again. */
static void rewind_race(struct dial *dial)
{
    for (size_t i = 0; i < dial->host_count; i++) {
        struct host *host = &dial->hosts[i];
        if (host->state != NAMELESS)
            host->state = UNSTARTED;
        if (!host->known)
            resolve_stop(&host->resolve);
        host->started = SCHEDULE_NEVER;
        for (size_t lane = 0; lane < DIAL_PORTS_MAX; lane++)
            host->lane_started[lane] = SCHEDULE_NEVER;
        for (size_t j = 0; j < schedule_count(host); j++) {
            stream_close(&host->candidates[j].stream);
            if (host->candidates[j].state == LOST)
                continue;
            host->candidates[j].state = WAITING;
            host->candidates[j].started = host->candidates[j].connected = 0;
        }
    }
}

static void hand_over(struct candidate *winner, struct stream *stream, struct dial_peer *peer)
{
    struct text address;
    *peer = (struct dial_peer){
        .hearsay = winner->host->place->hearsay,
        .port = winner->port,
        .loopback = endpoint_is_loopback(winner->stream.fd),
        .resolve_ms = winner->host->resolve_ms,
        .connect_ms = winner->connected - winner->started,
        .greeting_ms = clock_now() - winner->connected,
    };
    text_copy(peer->host, sizeof(peer->host), winner->host->name);
    text_init(&address, peer->address, sizeof(peer->address));
    resolve_format(winner->address, winner->port, &address);
    *stream = winner->stream;
    winner->stream = (struct stream){.fd = -1};
    winner->state = LOST;
    winner->kind = REASONS_FAILED;
    error_set(&winner->reason, EX_TEMPFAIL, "greeted, and was given up");
}

static void expire_candidate(const struct dial *dial, struct candidate *candidate)
{
    enum reasons_kind kind = REASONS_FAILED;
    if (candidate->state == CONNECTING) {
        stream_too_late("no answer", candidate->started, &candidate->reason);
        kind = REASONS_UNANSWERED;
    } else if (candidate->state == SILENT) {
        stream_too_late("connected, but no greeting", candidate->connected, &candidate->reason);
        kind = REASONS_MUTE;
    } else {
        error_set(&candidate->reason, EX_TEMPFAIL, "not tried, the time was up");
    }
    lose(dial, candidate, kind);
}

/* The time is up: whatever has not lost yet has lost now, each for its own reason. */
static void expire(struct dial *dial)
{
    struct text_shown shown;
    for (size_t i = 0; i < dial->host_count; i++) {
        struct host *host = &dial->hosts[i];
        for (size_t j = 0; j < schedule_count(host); j++)
            if (host->candidates[j].state != LOST)
                expire_candidate(dial, &host->candidates[j]);
        if (host->known || host->state == NAMELESS)
            continue;
        text_show(&shown, slice_of(host->name));
        if (host->state == RESOLVING)
            error_set(&host->reason, EX_TEMPFAIL, "resolve: DNS gave no answer for %s in time",
                      shown.bytes);
        else
            error_set(&host->reason, EX_TEMPFAIL, "%s not tried, the time was up", shown.bytes);
        resolve_stop(&host->resolve);
        host->state = NAMELESS;
        report_host(dial, host);
    }
}

static bool report(const struct dial *dial, struct error *error)
{
    struct reasons reasons;
    char bytes[WHOSE_SIZE];
    struct text whose;
    reasons_init(&reasons);
    for (size_t i = 0; i < dial->host_count; i++) {
        const struct host *host = &dial->hosts[i];
        if (host->state == NAMELESS)
            reasons_add(&reasons, REASONS_NAMELESS, NULL, &host->reason);
        for (size_t j = 0; j < schedule_count(host); j++) {
            const struct candidate *candidate = &host->candidates[j];
            text_init(&whose, bytes, sizeof(bytes));
            show_candidate(candidate, &whose);
            reasons_add(&reasons, candidate->kind,
                        candidate->kind == REASONS_REJECTED ? NULL : bytes, &candidate->reason);
        }
    }
    return reasons_report(&reasons, dial->greeter->silence_advice, error);
}

/* An interrupt ended the race. Where it came to the last winner, that knows at which step. */
static bool break_off(const struct dial *dial, const struct candidate *last, struct error *error)
{
    struct text_shown shown;
    if (last != NULL && last->kind == REASONS_REJECTED && last->reason.exit_code == EX_TEMPFAIL) {
        *error = last->reason;
        return false;
    }
    interrupt_came(error);
    return error_add_context(error, "connect: %s",
                             text_show(&shown, slice_of(dial->options->hosts[0])));
}

bool dial_next(struct dial *dial, struct stream *stream, struct dial_peer *peer,
               struct error *error)
{
    int64_t deadline = clock_deadline(dial->budget);
    struct candidate *winner = NULL;
    if (interrupt_came(NULL))
        return break_off(dial, dial->winner, error);
    if (!set_out(dial, deadline, error))
        return false;
    rewind_race(dial);
    while (winner == NULL && !all_are_lost(dial) && clock_remaining(deadline) > 0 &&
           !interrupt_came(NULL)) {
        int64_t due = advance(dial);

        if (all_are_lost(dial))
            break;
        wait_for_news(dial, due < deadline ? due : deadline);
        winner = take_news(dial);
    }
    dial->budget = clock_remaining(deadline);
    dial->winner = winner;
    if (winner == NULL && interrupt_came(NULL))
        return break_off(dial, NULL, error);
    if (winner == NULL) {
        expire(dial);
        return report(dial, error);
    }
    report_candidate(dial, winner, NULL);
    hand_over(winner, stream, peer);
    rewind_race(dial);
    return true;
}

void dial_reject(struct dial *dial, const struct error *reason)
{
    if (dial->winner == NULL)
        return;
    dial->winner->reason = *reason;
    dial->winner->kind = REASONS_REJECTED;
}

void dial_hurry(struct dial *dial, int64_t milliseconds)
{
    if (dial->budget > milliseconds)
        dial->budget = milliseconds;
}

void dial_free(struct dial *dial)
{
    if (dial == NULL)
        return;
    rewind_race(dial);
    for (size_t i = 0; i < dial->host_count; i++)
        resolve_stop(&dial->hosts[i].resolve);
    arena_free(&dial->arena);
    free(dial);
}

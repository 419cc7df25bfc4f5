/* Reaching a host: all addresses and ports raced (RFC 8305 for addresses; the next port joins after
 * a stretch of silence), and the first that greets wins, not the first that connects: a port that
 * accepts and stays silent is no better than one that drops. */
#ifndef NET_DIAL_H
#define NET_DIAL_H

#include <netinet/in.h>

#include "net/resolve.h"
#include "net/stream.h"

enum { DIAL_HOSTS_MAX = 8, DIAL_PORTS_MAX = 8, DIAL_ADDRESS_SIZE = 64, DIAL_HOST_SIZE = 256 };

/* An entry "srv:DOMAIN" stands for the hosts that SRV records of the service `service` in DOMAIN
 * name, each with the port of its record. They are asked for when the race begins; where they
 * cannot be used, what else is in the list still can. A target is used only when it is DOMAIN or a
 * name under it, when the answer was authenticated, or with any_target; otherwise whoever answers
 * for the DNS would choose the name that the server has to prove: EX_NOPERM. */
struct dial_options {
    const char *hosts[DIAL_HOSTS_MAX + 1]; /* in order of preference, NULL at the end */
    uint16_t ports[DIAL_PORTS_MAX + 1];    /* in order of preference, 0 at the end */
    int64_t connect_timeout;               /* milliseconds, over every address and port */
    int64_t fallback_delay;                /* milliseconds of silence until the next port joins */
    const char *service;                   /* "_submission._tcp"; NULL where there is no srv: */
    bool any_target; /* the server has to prove something else than the target's name */
    bool hearsay;    /* the hosts stem from an answer that was not authenticated */
    const struct sockaddr_in *dns_server; /* as dns_look_up */
};

enum dial_verdict { DIAL_WAIT, DIAL_WON, DIAL_LOST };

/* What became of looking up a host, or of one of its addresses on one port. Times are of
 * clock_now(). */
struct dial_news {
    const char *host;
    const struct resolve *found;     /* what a look-up found; NULL where it failed, and else */
    char address[DIAL_ADDRESS_SIZE]; /* with port; "" for a look-up */
    int64_t started, connected;      /* 0: it never was */
    const struct error *reason;      /* why it failed; NULL: it greeted, or was found */
};

/* For who wants to show them all. A candidate that another one left behind is no news until it runs
 * again. */
struct dial_watcher {
    void (*take)(void *context, const struct dial_news *news);
    void *context;
};

/* What a good greeting is, the caller knows. */
struct dial_greeter {
    /* Connected: may attach a transport and send first bytes. False: this candidate lost. The
     * stream moves in memory later: a transport may keep its descriptor, not its address. */
    bool (*begin)(void *context, struct stream *stream, const char *host, struct error *error);
    /* Something is readable, and must be read here (stream_try_fill, tls_handshake_step); the end
     * of the stream is DIAL_LOST. That fills the error with the reason; DIAL_WON leaves the
     * greeting unconsumed in the stream. */
    enum dial_verdict (*judge)(void *context, struct stream *stream, struct error *error);
    /* For the transcript: whom we try, and who lost why, a printable sentence each; may be NULL. */
    void (*tell)(void *context, const char *sentence);
    /* What to do where a server was connected and stayed silent; may be NULL. */
    const char *silence_advice;
    void *context;
    const struct dial_watcher *watcher; /* NULL: nobody watches */
};

struct dial_peer {
    char host[DIAL_HOST_SIZE]; /* as configured, or as a SRV record has it */
    bool hearsay;              /* neither configured nor from an authenticated answer */
    uint16_t port;
    char address[DIAL_ADDRESS_SIZE]; /* "192.0.2.1:587", "[2001:db8::1]:587" */
    bool loopback;                   /* decided by getpeername after connect */
    int64_t resolve_ms, connect_ms,
        greeting_ms; /* how long each took; greeting_ms from connected to greeted */
};

struct dial;

/* `options` and `greeter` must outlive the dial. NULL when memory ran out. */
struct dial *dial_create(const struct dial_options *options, const struct dial_greeter *greeter,
                         int64_t timeout, struct error *error);

/* Waits for the next winner and hands its stream over. Candidates that lost stay lost; those still
 * in the race when another won can win at the next call. False when none is left or
 * connect_timeout (counted over all calls, while inside them) has passed: the error lists each
 * host, address and port with its own reason; EX_NOHOST when no name existed, else EX_TEMPFAIL
 * (EX_PROTOCOL, EX_UNAVAILABLE if all greeted so; EX_NOPERM if this machine forbade all, or no
 * target of srv: may be used). Where
 * there was one candidate and it was rejected the error is that reason.
 *
 * An interrupt (base/interrupt.h) ends the race at once: "connect: HOST: interrupted by ...", or
 * the reason that the last winner was rejected for, if it came before this call. */
bool dial_next(struct dial *dial, struct stream *stream, struct dial_peer *peer,
               struct error *error);

/* Files the reason why the last winner turned out to be none (cut or 4xx before MAIL), so that it
 * shows in the list of dial_next's error. The reason names host and address. */
void dial_reject(struct dial *dial, const struct error *reason);

/* From now on at most `milliseconds` are waited in all, where it was more. */
void dial_hurry(struct dial *dial, int64_t milliseconds);

void dial_free(struct dial *dial);

#endif

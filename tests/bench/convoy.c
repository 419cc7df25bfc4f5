/* How many messages a second one connection carries.
 * usage: convoy PORT MESSAGES DEPTH [OCTETS [CA_FILE]]: to 127.0.0.1, logged in as alice, secret;
 * without CA_FILE in clear. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "smtp/convoy.h"

enum { WINDOW = 1024 };

struct bench {
    unsigned long left;
    unsigned long handed, delivered;
    struct message message;
    struct envelope envelopes[WINDOW];
    struct submit_report reports[WINDOW];
    struct convoy_item items[WINDOW];
    const struct smarthost *smarthost;
};

static struct convoy_item *next(void *context)
{
    struct bench *bench = context;
    if (bench->left == 0)
        return NULL;
    bench->left--;
    unsigned long place = bench->handed++ % WINDOW;
    struct envelope *envelope = &bench->envelopes[place];
    struct error error;
    *envelope = (struct envelope){.sender = "alice@example.com"};
    submit_begin_report(&bench->reports[place], bench->smarthost);
    if (!envelope_add(envelope, "bob@example.com", &error))
        return NULL;
    bench->items[place] = (struct convoy_item){
        .message = &bench->message, .envelope = envelope, .report = &bench->reports[place]};
    return &bench->items[place];
}

static bool done(void *context, struct convoy_item *item, const struct error *ending)
{
    struct bench *bench = context;
    bench->delivered += envelope_count(item->envelope, RECIPIENT_ACCEPTED);
    if (ending->exit_code != EX_OK)
        fprintf(stderr, "%s\n", ending->sentence);
    envelope_free(item->envelope);
    return true;
}

static void fill(struct message *message, size_t octets)
{
    static const char header[] = "From: alice@example.com\r\nSubject: bench\r\n";
    static const char line[] = "0123456789012345678901234567890123456789012345678901234567\r\n";
    struct error error;
    message_init(message, NULL);
    store_append(&message->store, slice_of(header), &error);
    message->header = (struct extent){0, strlen(header)};
    message->body.offset = strlen(header);
    for (; message->body.length < octets; message->body.length += strlen(line))
        store_append(&message->store, slice_of(line), &error);
}

int main(int argc, char **argv)
{
    static struct bench bench;
    struct sasl_secret secret = {.bytes = "secret", .length = 6};
    struct error error;
    if (argc < 4)
        return 64;
    struct smarthost smarthost = {
        .dial = {.hosts = {"127.0.0.1"},
                 .ports = {(uint16_t)strtoul(argv[1], NULL, 10)},
                 .connect_timeout = 20000,
                 .fallback_delay = 20000},
        .tls_mode = argc > 5 ? SMARTHOST_STARTTLS : SMARTHOST_CLEAR,
        .tls = {.ca_file = argc > 5 ? argv[5] : NULL},
        .sasl = {.mechanism = argc > 5 ? "auto" : "plain", .user = "alice", .secret = &secret},
        .helo = "client.example",
        .timeout = 20000,
        .pipelining = true,
        .chunking = true,
    };
    static const struct trace silent;
    if (argc <= 5)
        smarthost.sasl = (struct sasl_options){.mechanism = "auto"};
    bench.smarthost = &smarthost;
    bench.left = strtoul(argv[2], NULL, 10);
    fill(&bench.message, argc > 4 ? strtoul(argv[4], NULL, 10) : 2000);
    struct convoy convoy = {.context = &bench,
                            .depth = (unsigned)strtoul(argv[3], NULL, 10),
                            .next = next,
                            .done = done};
    struct submission *submission = submission_create(&smarthost, &silent, &error);
    int64_t started = clock_now();
    bool good = submission != NULL && convoy_run(submission, &convoy, &error);
    int64_t elapsed = clock_now() - started;
    submission_free(submission);
    if (!good)
        fprintf(stderr, "%s\n", error.sentence);
    printf("%lu of %lu in %" PRId64 " ms: %.0f a second\n", bench.delivered, bench.handed, elapsed,
           (double)bench.delivered * 1000 / (double)(elapsed > 0 ? elapsed : 1));
    message_free(&bench.message);
    return good ? 0 : 1;
}

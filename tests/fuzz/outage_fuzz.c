/* Property: whatever the file `state` holds, what is believed of it is bounded, printable where it
 * is shown, there once, and the same when it is written and read again; and no time in it makes a
 * sum overflow or a smarthost wait longer than the cap. */
#include "tests/fuzz/fuzz.h"

#include <fcntl.h>
#include <stdio.h>

#include "queue/outage.h"

enum { PATH_SIZE = 200 };

static char directory[PATH_SIZE];
static struct spool spool;
static const struct spool_options options = {.directory = directory};
static const struct backoff_options backoff = {
    .first = 300 * 1000, .cap = 14400 * 1000, .lifetime = 432000 * 1000};

static void remove_directory(void)
{
    char path[PATH_SIZE + 32];
    spool_close(&spool);
    const char *const folders[] = {"/state", "/failed", "/damaged", "/tmp", ""};
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        snprintf(path, sizeof path, "%s%s", directory, folders[i]);
        remove(path);
    }
}

static void open_spool(void)
{
    struct error error;
    if (directory[0] != '\0')
        return;
    fuzz_directory(directory, sizeof directory);
    demand(spool_open(&spool, &options, false, NULL, &error));
    atexit(remove_directory);
}

static void check(const struct outages *outages)
{
    demand(outages->count <= OUTAGE_MAX);
    for (size_t i = 0; i < outages->count; i++) {
        const struct outage *outage = &outages->list[i];
        demand(outage->smarthost[0] != '\0' && strlen(outage->smarthost) <= 4096);
        demand(strlen(outage->reason) <= 1024 && outage->failures >= 1);
        fuzz_check_printable(outage->reason);
        demand(outages_find(outages, outage->smarthost) == outage);
        demand(outage_tries_since(outage, 0, 1795435200) <= BACKOFF_TRIES_MIN);
    }
}

static void check_same(const struct outages *first, const struct outages *second)
{
    demand(first->count == second->count);
    for (size_t i = 0; i < first->count; i++) {
        const struct outage *a = &first->list[i], *b = &second->list[i];
        demand(strcmp(a->smarthost, b->smarthost) == 0 && strcmp(a->reason, b->reason) == 0);
        demand(a->failures == b->failures && a->next == b->next);
        demand(memcmp(a->last, b->last, sizeof a->last) == 0);
    }
}

/* One more failure of each that is known, and one of a stranger. */
static void fail_all(struct outages *outages)
{
    const int64_t now = 1795435200;
    for (size_t i = 0; i < outages->count; i++) {
        const struct outage *outage = &outages->list[i];
        demand(backoff_is_due(&backoff, outage->next, INT64_MAX) || outage->next > now);
        outages_failed(outages, outage->smarthost, &backoff, now, (uint32_t)i * 977, "no\nway");
        demand(outage->next > now && outage->next <= now + backoff.cap / 1000);
        demand(strcmp(outage->reason, "no\\nway") == 0);
    }
    outages_failed(outages, "stranger", &backoff, now, 0, "none");
    demand(outages_find(outages, "stranger") != NULL);
    check(outages);
    while (outages->count > 0)
        outages_mended(outages, outages->list[0].smarthost);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static struct outages outages, again;
    struct error error;
    open_spool();
    demand(spool_write_state(&spool, slice_make((const char *)bytes, size), &error));
    outages_read(&outages, &spool);
    check(&outages);
    demand(outages_write(&outages, &spool, &error));
    outages_read(&again, &spool);
    check_same(&outages, &again);
    fail_all(&outages);
    outages_free(&outages);
    outages_free(&again);
    return 0;
}

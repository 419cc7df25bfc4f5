/* Walks through the spool and opens one entry after the other, without claiming any: whoever looks
 * at the queue keeps nothing from being sent. */
#include "agent/mailq.h"

#include <errno.h>
#include <sys/file.h>
#include <unistd.h>

#include "agent/mailq_json.h"
#include "agent/mailq_text.h"
#include "base/clock.h"

struct listing {
    struct spool *spool;
    const struct mailq_options *options;
    FILE *stream;
    struct buffer out; /* of one entry */
    struct mailq_totals totals;
    bool headed; /* the line above the entries was written */
};

static bool flush(struct listing *listing, struct error *error)
{
    struct buffer *out = &listing->out;
    if (out->failed)
        return error_set_memory(error);
    bool whole =
        out->length == 0 || fwrite(out->bytes, 1, out->length, listing->stream) == out->length;
    buffer_clear(out);
    return whole || error_set_errno(error, EX_IOERR, "standard output");
}

/* Whoever tries an entry has locked it. This lock lasts for no time at all, and is a shared one, so
 * that two who look do not see each other. */
static bool is_in_hand(const struct entry *entry)
{
    if (entry->fd < 0)
        return false;
    if (flock(entry->fd, LOCK_SH | LOCK_NB) != 0)
        return errno == EWOULDBLOCK;
    flock(entry->fd, LOCK_UN);
    return false;
}

struct mailq_item mailq_describe(const struct entry *entry, const struct mailq_options *options)
{
    struct mailq_item item = {.id = entry->id,
                              .owner = entry->owner,
                              .size = entry->size,
                              .now = options->now,
                              .entry = entry};
    const struct backoff_options *backoff = &options->queue->backoff;
    item.next = backoff_is_due(backoff, entry->next_try, options->now) ? 0 : entry->next_try;
    if (entry->folder == SPOOL_FAILED)
        item.state = MAILQ_FAILED;
    else if (is_in_hand(entry))
        item.state = MAILQ_IN_HAND;
    else if (entry->held)
        item.state = MAILQ_HELD;
    return item;
}

static bool write_item(struct listing *listing, const struct mailq_item *item, struct error *error)
{
    if (listing->options->json) {
        mailq_json_write(item, &listing->out);
        return flush(listing, error);
    }
    if (!listing->headed)
        mailq_text_write_heading(&listing->out);
    listing->headed = true;
    mailq_text_write(item, &listing->out);
    return flush(listing, error);
}

static void count(struct mailq_totals *totals, const struct mailq_item *item)
{
    if (item->state == MAILQ_FAILED) {
        totals->failed++;
        return;
    }
    totals->waiting++;
    totals->octets += item->size;
}

/* What disappeared meanwhile was sent. */
static bool list_name(struct listing *listing, enum spool_folder folder,
                      const struct spool_name *name, struct error *error)
{
    struct entry entry;
    struct mailq_item item = {.state = MAILQ_DAMAGED,
                              .id = name->id,
                              .owner = name->owner,
                              .size = name->size,
                              .problem = error->sentence};
    bool done;
    switch (entry_open(listing->spool, folder, name->id, false, &entry, error)) {
    case SPOOL_OPENED:
        item = mailq_describe(&entry, listing->options);
        count(&listing->totals, &item);
        done = write_item(listing, &item, error);
        entry_close(&entry);
        return done;
    case SPOOL_FOREIGN:
        done = write_item(listing, &item, error);
        if (done)
            *error = (struct error){.exit_code = EX_OK};
        return done;
    case SPOOL_FAILURE:
        return false;
    default:
        *error = (struct error){.exit_code = EX_OK};
        return true;
    }
}

static bool list_folder(struct listing *listing, enum spool_folder folder, struct error *error)
{
    struct spool_name name;
    bool done = true;
    *error = (struct error){.exit_code = EX_OK};
    struct spool_walk *walk = spool_walk_open(listing->spool, folder, error);
    if (walk == NULL)
        return false;
    while (done && spool_walk_next(walk, &name, error))
        done = list_name(listing, folder, &name, error);
    spool_walk_close(walk);
    return error->exit_code == EX_OK;
}

static bool count_folder(struct spool *spool, enum spool_folder folder, uint64_t *number,
                         struct error *error)
{
    struct spool_name name;
    *number = 0;
    *error = (struct error){.exit_code = EX_OK};
    struct spool_walk *walk = spool_walk_open(spool, folder, error);
    if (walk == NULL)
        return false;
    while (spool_walk_next(walk, &name, error))
        (*number)++;
    spool_walk_close(walk);
    return error->exit_code == EX_OK;
}

bool mailq_count(struct spool *spool, uint64_t *number, struct error *error)
{
    return count_folder(spool, SPOOL_QUEUE, number, error);
}

static void write_outages(struct listing *listing)
{
    struct outages outages;
    outages_read(&outages, listing->spool);
    for (size_t i = 0; i < outages.count; i++)
        mailq_text_write_outage(&outages.list[i], listing->options->now, &listing->out);
    outages_free(&outages);
}

/* What was set aside is the runner's to look at, who is root where the spool is the system's. */
static bool write_end(struct listing *listing, struct error *error)
{
    if (spool_is_kept_by_us(listing->spool) &&
        !count_folder(listing->spool, SPOOL_DAMAGED, &listing->totals.damaged, error))
        return false;
    if (listing->totals.waiting > 0)
        write_outages(listing);
    mailq_text_write_end(&listing->totals, listing->spool->options->directory, &listing->out);
    return flush(listing, error);
}

bool mailq_list(struct spool *spool, const struct mailq_options *options, FILE *stream,
                struct error *error)
{
    struct listing listing = {.spool = spool, .options = options, .stream = stream};
    bool done = list_folder(&listing, SPOOL_QUEUE, error) &&
                list_folder(&listing, SPOOL_FAILED, error) &&
                (options->json || write_end(&listing, error));
    buffer_free(&listing.out);
    return done;
}

bool mailq_open_spool(struct call *call, bool *found, struct error *error)
{
    *found = false;
    if (!call_load(call, error)) {
        bool missing = call->unconfigured;
        if (missing)
            *error = (struct error){.exit_code = EX_OK};
        return missing;
    }
    const char *directory = call->settings.queue.spool.directory;
    if (directory == NULL || (access(directory, F_OK) != 0 && errno == ENOENT))
        return call_leave_directory(error);
    *found = call_leave_directory(error) && call_open_spool(call, error);
    return *found;
}

static bool print_count(struct spool *spool, struct error *error)
{
    uint64_t number = 0;
    if (spool != NULL && !mailq_count(spool, &number, error))
        return false;
    printf("Total requests: %llu\n", (unsigned long long)number);
    return true;
}

bool mailq_run(struct call *call, struct error *error)
{
    bool found;
    struct mailq_options options = {
        .queue = &call->settings.queue, .json = call->options.json, .now = clock_wall()};
    if (!mailq_open_spool(call, &found, error))
        return false;
    if (call->options.mode == OPTIONS_COUNT)
        return print_count(found ? &call->spool : NULL, error);
    if (found)
        return mailq_list(&call->spool, &options, stdout, error);
    if (!options.json)
        puts("Mail queue is empty");
    return true;
}

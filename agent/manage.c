/* What changes an entry claims it first, without waiting, as a runner does: nobody loses an entry
 * that he has in hand. */
#include "agent/manage.h"

#include <syslog.h>
#include <unistd.h>

#include "agent/mailq_json.h"
#include "agent/mailq_text.h"
#include "base/ascii.h"
#include "base/clock.h"
#include "base/log.h"

enum { PIECE = 4096 };

static const char removable[] = "--remove takes it out";

static bool fail_gone(const char *id, struct error *error)
{
    return error_set(error, EX_NOINPUT, "queue: there is no message %s%s", id,
                     geteuid() == 0 ? "" : " of yours");
}

/* Why an entry could not be had; `advice` is for what is none. */
static bool fail_opening(enum spool_opened how, const char *id, const char *advice,
                         struct error *error)
{
    switch (how) {
    case SPOOL_BUSY:
        return error_set(error, EX_TEMPFAIL,
                         "queue: %s is being tried just now; try again in a moment", id);
    case SPOOL_GONE:
        return fail_gone(id, error);
    case SPOOL_FOREIGN:
        error->exit_code = EX_DATAERR;
        return error_add_advice(error, "%s", advice);
    default:
        return false;
    }
}

/* --- showing --------------------------------------------------------------------------------- */

/* With the line ends of this system. */
static bool print_octets(struct slice octets, bool escape, FILE *stream)
{
    for (size_t i = 0; i < octets.length; i++) {
        char byte = octets.bytes[i];
        bool plain = byte == '\n' || byte == '\t' ||
                     (!ascii_is_control(byte) && ((unsigned char)byte & 0x80) == 0);
        if (byte == '\r')
            continue;
        if (escape && !plain)
            fprintf(stream, "\\x%02x", (unsigned)(unsigned char)byte);
        else
            putc(byte, stream);
    }
    return !ferror(stream);
}

static bool print_stretch(struct message *message, struct extent left, bool escape, FILE *stream,
                          struct error *error)
{
    char bytes[PIECE];
    struct slice octets;
    while (left.length > 0) {
        if (!store_read_next(&message->store, &left, bytes, sizeof bytes, &octets, error))
            return false;
        if (!print_octets(octets, escape, stream))
            return error_set_errno(error, EX_IOERR, "standard output");
    }
    return true;
}

static bool print_message(struct entry *entry, bool escape, FILE *stream, struct error *error)
{
    struct message message;
    message_init(&message, NULL);
    bool done = entry_read_message(entry, &message, error) &&
                print_octets(slice_of("\n"), escape, stream) &&
                print_stretch(&message, message.header, escape, stream, error) &&
                print_octets(slice_of("\n"), escape, stream) &&
                print_stretch(&message, message.body, escape, stream, error);
    message_free(&message);
    return done;
}

static bool print_entry(struct entry *entry, const struct mailq_options *options, FILE *stream,
                        struct error *error)
{
    struct buffer out = {0};
    struct mailq_item item = mailq_describe(entry, options);
    if (options->json)
        mailq_json_write(&item, &out);
    else
        mailq_text_write_details(&item, &out);
    bool done = !out.failed || error_set_memory(error);
    if (done && fwrite(out.bytes, 1, out.length, stream) != out.length)
        done = error_set_errno(error, EX_IOERR, "standard output");
    buffer_free(&out);
    return done;
}

/* Also one that failed for good. */
static enum spool_opened find(struct spool *spool, const char *id, struct entry *entry,
                              struct error *error)
{
    enum spool_opened how = entry_open(spool, SPOOL_QUEUE, id, false, entry, error);
    if (how != SPOOL_GONE)
        return how;
    *error = (struct error){.exit_code = EX_OK};
    return entry_open(spool, SPOOL_FAILED, id, false, entry, error);
}

bool manage_show(struct spool *spool, const char *id, const struct mailq_options *options,
                 bool escape, FILE *stream, struct error *error)
{
    struct entry entry;
    enum spool_opened how = find(spool, id, &entry, error);
    if (how != SPOOL_OPENED)
        return fail_opening(how, id, removable, error);
    bool done = print_entry(&entry, options, stream, error) &&
                (options->json || print_message(&entry, escape, stream, error));
    entry_close(&entry);
    return done;
}

/* --- changing -------------------------------------------------------------------------------- */

/* One that failed is no longer tried, so that there is nothing to hold. */
static bool fail_marking(struct spool *spool, const char *id, struct error *error)
{
    int fd;
    struct stat status;
    if (spool_open_entry(spool, SPOOL_FAILED, id, false, &fd, &status, error) != SPOOL_OPENED)
        return fail_gone(id, error);
    close(fd);
    return error_set(error, EX_NOINPUT,
                     "queue: %s failed for good and is not tried any more; --show and --remove "
                     "take it",
                     id);
}

bool manage_mark(struct spool *spool, const char *id, enum record_kind kind, struct error *error)
{
    struct entry entry;
    enum spool_opened how = entry_open(spool, SPOOL_QUEUE, id, true, &entry, error);
    if (how == SPOOL_GONE)
        return fail_marking(spool, id, error);
    if (how != SPOOL_OPENED)
        return fail_opening(how, id, removable, error);
    bool done = entry.held == (kind == RECORD_HOLD) || entry_record_mark(&entry, kind, error);
    entry_close(&entry);
    return done;
}

/* The content is not looked at: a damaged entry may go as well. */
static enum spool_opened remove_from(struct spool *spool, enum spool_folder folder, const char *id,
                                     bool *removed, struct error *error)
{
    int fd;
    struct stat status;
    enum spool_opened how = spool_open_entry(spool, folder, id, true, &fd, &status, error);
    if (how != SPOOL_OPENED)
        return how;
    *removed = spool_remove(spool, folder, id, error) && spool_settle(spool, error);
    close(fd);
    return how;
}

bool manage_remove(struct spool *spool, const char *id, struct error *error)
{
    bool removed = false;
    enum spool_opened how = remove_from(spool, SPOOL_QUEUE, id, &removed, error);
    if (how == SPOOL_GONE) {
        *error = (struct error){.exit_code = EX_OK};
        how = remove_from(spool, SPOOL_FAILED, id, &removed, error);
    }
    return how == SPOOL_OPENED ? removed
                               : fail_opening(how, id, "a run of the queue sets it aside", error);
}

/* --- what was asked for ---------------------------------------------------------------------- */

static void log_change(const char *status, const char *id)
{
    char buffer[LOG_LINE_SIZE];
    struct text line;
    struct error ignored;
    text_init(&line, buffer, sizeof buffer);
    log_add(&line, "status", slice_of(status));
    log_add(&line, "queue", slice_of(id));
    log_add_number(&line, "uid", (int64_t)getuid());
    log_line(LOG_NOTICE, buffer, &ignored);
}

static bool change(struct spool *spool, enum options_mode mode, const char *id, struct error *error)
{
    bool hold = mode == OPTIONS_HOLD;
    if (mode == OPTIONS_REMOVE) {
        if (!manage_remove(spool, id, error))
            return false;
        log_change("removed", id);
        return true;
    }
    if (!manage_mark(spool, id, hold ? RECORD_HOLD : RECORD_RELEASE, error))
        return false;
    log_change(hold ? "held" : "released", id);
    return true;
}

bool manage_run(struct call *call, struct error *error)
{
    bool found;
    const struct options *asked = &call->options;
    if (!mailq_open_spool(call, &found, error))
        return false;
    if (!found)
        return fail_gone(asked->entry_id, error);
    if (asked->mode != OPTIONS_SHOW)
        return change(&call->spool, asked->mode, asked->entry_id, error);
    struct mailq_options options = {
        .queue = &call->settings.queue, .json = asked->json, .now = clock_wall()};
    return manage_show(&call->spool, asked->entry_id, &options, isatty(STDOUT_FILENO) != 0, stdout,
                       error);
}

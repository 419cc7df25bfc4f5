/* Reports (RFC 3464) are entries of the queue themselves, with the null sender, so that nothing
 * tells of their failure. A storm of failures makes no storm of reports: beyond ten in a pass, each
 * who is to be told gets the rest in one message. Invariant: an entry counts as told only when what
 * tells of it is in the queue. */
#include "agent/notice.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "message/address.h"
#include "message/input.h"
#include "net/hostname.h"
#include "queue/bounce.h"

enum { NOTICE_LINE_SIZE = 1024, NOTICE_NAMED_MAX = 5 };

/* --- who is told ----------------------------------------------------------------------------- */

static bool is_anybody(const struct notice *notice, const struct entry *entry)
{
    return !entry->about.report && entry->envelope.sender[0] != '\0' &&
           strcmp(notice->call->settings.queue.bounce_to, "nobody") != 0;
}

static const char *addressee(const struct notice *notice, const struct entry *entry)
{
    const char *to = notice->call->settings.queue.bounce_to;
    return strcmp(to, "sender") == 0 ? entry->envelope.sender : to;
}

/* Local names lead where mail for them goes; where the aliases fail, it is tried as it is. */
static bool add_targets(struct notice *notice, const char *to, struct envelope *envelope,
                        struct error *error)
{
    struct slice rest = slice_of(to);
    struct address_mailbox mailbox;
    struct local_targets targets = {0};
    bool found = false;
    bool resolved = address_next(&rest, &mailbox, &found, error) && found &&
                    local_resolve(&notice->call->settings.local, &mailbox, &targets, error);
    bool added = resolved ? envelope_add_targets(envelope, &targets, NULL, 0, error)
                          : envelope_add(envelope, to, error);
    local_targets_free(&targets);
    return added;
}

/* Queues what was written in `message`, for `to`, by way of the account `name`. */
static bool queue(struct notice *notice, struct message *message, const char *to, const char *name,
                  struct error *error)
{
    struct envelope envelope = {0};
    struct record_envelope about = {.created = clock_wall(),
                                    .report = true,
                                    .account = name,
                                    .reason = "it tells of a failure"};
    struct spool *spool = &notice->call->spool;
    spool->reporting = true;
    bool queued = envelope_set_sender(&envelope, "", error) &&
                  add_targets(notice, to, &envelope, error) &&
                  entry_add(spool, message, &envelope, &about, notice->last, error);
    spool->reporting = false;
    notice->full = notice->full || (!queued && error->exit_code == EX_TEMPFAIL);
    envelope_free(&envelope);
    return queued;
}

/* --- one report ------------------------------------------------------------------------------ */

/* It takes the same way as the mail that it tells of. */
static const struct account *account_of(const struct notice *notice, const struct load *load)
{
    return load->account != NULL ? load->account : &notice->call->settings.accounts[0];
}

static bool find_from(struct notice *notice, const struct account *account, struct text *from,
                      struct error *error)
{
    return account_default_sender(account, &notice->call->settings, "MAILER-DAEMON", from, error);
}

/* False with EX_OK where nobody is to be told of. */
static bool write_report(struct notice *notice, struct load *load, bool expired,
                         struct message *message, struct error *error)
{
    char host[HOSTNAME_SIZE], from_bytes[ADDRESS_SIZE];
    const struct submit_report *report = &load->mail.report;
    struct text from;
    text_init(&from, from_bytes, sizeof from_bytes);
    hostname_plain(host);
    struct bounce_options options = {.host = host,
                                     .from = from_bytes,
                                     .to = addressee(notice, &load->entry),
                                     .remote = report->address[0] != '\0' ? report->host : NULL,
                                     .now = clock_wall(),
                                     .expired = expired};
    return find_from(notice, account_of(notice, load), &from, error) &&
           bounce_write(&load->entry, &load->mail.message, &options, message, error);
}

static bool read_original(struct load *load, struct error *error)
{
    struct message *original = &load->mail.message;
    return store_size(&original->store) > 0 || entry_read_message(&load->entry, original, error);
}

static enum notice_end report(struct notice *notice, struct load *load, bool expired,
                              struct error *error)
{
    struct message message;
    if (!read_original(load, error))
        return error->exit_code == EX_DATAERR ? NOTICE_DAMAGED : NOTICE_FAILED;
    message_init(&message, &notice->call->spool.place);
    *error = (struct error){.exit_code = EX_OK};
    bool written = write_report(notice, load, expired, &message, error);
    bool queued = written && queue(notice, &message, addressee(notice, &load->entry),
                                   account_shown_name(account_of(notice, load)), error);
    message_free(&message);
    if (queued)
        notice->reports++;
    if (queued)
        return NOTICE_QUEUED;
    return !written && error->exit_code == EX_OK ? NOTICE_NOBODY : NOTICE_FAILED;
}

void notice_take_back(struct notice *notice)
{
    struct error ignored;
    if (spool_remove(&notice->call->spool, SPOOL_QUEUE, notice->last, &ignored))
        notice->reports--;
}

/* --- what comes into a summary --------------------------------------------------------------- */

/* "ID: <bob@example.net>: 550 no such user; <eve@example.net>: ..."; false where nobody is. */
static bool describe(const struct entry *entry, struct text *line)
{
    size_t named = 0;
    text_add_format(line, "%s:", entry->id);
    for (size_t i = 0; i < entry->envelope.count; i++) {
        const struct recipient *who = &entry->envelope.recipients[i];
        if (!bounce_tells_of(entry, i) || named++ >= NOTICE_NAMED_MAX)
            continue;
        text_add(line, named > 1 ? "; <" : " <");
        text_add_escaped(line, slice_of(who->address), TEXT_SHOWN_LIMIT);
        text_add(line, ">: ");
        text_add_escaped(line, slice_of(who->reply != NULL ? who->reply : "refused"),
                         TEXT_SHOWN_LIMIT);
    }
    if (named > NOTICE_NAMED_MAX)
        text_add_format(line, " and %zu more", named - NOTICE_NAMED_MAX);
    return named > 0;
}

static enum notice_end put_off(struct notice *notice, const struct load *load, struct error *error)
{
    char buffer[NOTICE_LINE_SIZE];
    struct text line;
    text_init(&line, buffer, sizeof buffer);
    if (!describe(&load->entry, &line))
        return NOTICE_NOBODY;
    if (notice->count == NOTICE_SUMMARY_MAX)
        return NOTICE_LATER;
    if (notice->items == NULL)
        notice->items = calloc(NOTICE_SUMMARY_MAX, sizeof *notice->items);
    struct notice_item item = {
        .to = arena_copy(&notice->arena, slice_of(addressee(notice, &load->entry))),
        .account =
            arena_copy(&notice->arena, slice_of(account_shown_name(account_of(notice, load)))),
        .line = arena_copy(&notice->arena, text_slice(&line)),
    };
    if (notice->items == NULL || item.to == NULL || item.account == NULL || item.line == NULL) {
        error_set_memory(error);
        return NOTICE_FAILED;
    }
    memcpy(item.id, load->entry.id, sizeof item.id);
    notice->items[notice->count++] = item;
    return NOTICE_LATER;
}

enum notice_end notice_send(struct notice *notice, struct load *load, bool expired,
                            struct error *error)
{
    if (!is_anybody(notice, &load->entry))
        return NOTICE_NOBODY;
    if (notice->full)
        return NOTICE_LATER;
    if (!load_find_sender(load, error))
        return NOTICE_FAILED;
    if (notice->reports < NOTICE_REPORTS_MAX)
        return report(notice, load, expired, error);
    return put_off(notice, load, error);
}

/* --- the summaries --------------------------------------------------------------------------- */

static bool is_same(const struct notice_item *a, const struct notice_item *b)
{
    return strcmp(a->to, b->to) == 0 && strcmp(a->account, b->account) == 0;
}

static const struct account *account_named(const struct notice *notice, const char *name)
{
    const struct settings *settings = &notice->call->settings;
    for (size_t i = 0; i < settings->account_count; i++)
        if (strcmp(account_shown_name(&settings->accounts[i]), name) == 0)
            return &settings->accounts[i];
    return &settings->accounts[0];
}

static size_t count_like(const struct notice *notice, size_t first)
{
    size_t count = 0;
    for (size_t i = first; i < notice->count; i++)
        count += is_same(&notice->items[i], &notice->items[first]);
    return count;
}

static void write_text(const struct notice *notice, size_t first, const char *from,
                       struct buffer *out)
{
    const struct notice_item *item = &notice->items[first];
    char head[4 * ADDRESS_SIZE];
    struct text text;
    size_t count = count_like(notice, first);
    text_init(&text, head, sizeof head);
    text_add_format(&text,
                    "From: <%s>\nTo: <%s>\nSubject: %zu more message%s could not be delivered\n"
                    "Auto-Submitted: auto-replied\n\n"
                    "Besides those that reports of their own tell of, these could not be "
                    "delivered\nand are given up. sendmail --show ID shows each of them.\n\n",
                    from, item->to, count, count == 1 ? "" : "s");
    buffer_add(out, text_slice(&text));
    for (size_t i = first; i < notice->count; i++) {
        if (!is_same(&notice->items[i], item))
            continue;
        buffer_add_string(out, notice->items[i].line);
        buffer_add_byte(out, '\n');
    }
}

static bool write_summary(struct notice *notice, size_t first, struct message *message,
                          struct error *error)
{
    static const struct input_options options;
    char from_bytes[ADDRESS_SIZE];
    struct text from;
    struct buffer bytes = {0};
    text_init(&from, from_bytes, sizeof from_bytes);
    if (!find_from(notice, account_named(notice, notice->items[first].account), &from, error))
        return false;
    write_text(notice, first, from_bytes, &bytes);
    struct input *input = input_open(message, &options, error);
    if (input == NULL || bytes.failed) {
        input_abandon(input);
        buffer_free(&bytes);
        return error_set_memory(error);
    }
    input_add(input, buffer_slice(&bytes), error);
    buffer_free(&bytes);
    return input_end(input, error);
}

static bool summarise(struct notice *notice, size_t first, struct error *error)
{
    struct notice_item *item = &notice->items[first];
    struct message message;
    message_init(&message, NULL);
    bool queued = write_summary(notice, first, &message, error) &&
                  queue(notice, &message, item->to, item->account, error);
    message_free(&message);
    for (size_t i = notice->count; queued && i-- > first;)
        notice->items[i].told = notice->items[i].told || is_same(&notice->items[i], item);
    return queued;
}

bool notice_summarise(struct notice *notice, struct error *error)
{
    for (size_t i = 0; i < notice->count && notice->summaries < NOTICE_SUMMARIES_MAX; i++) {
        if (notice->items[i].told)
            continue;
        if (!summarise(notice, i, error))
            return false;
        notice->summaries++;
    }
    return true;
}

void notice_free(struct notice *notice)
{
    free(notice->items);
    arena_free(&notice->arena);
    notice->items = NULL;
    notice->count = 0;
}

/* Columns as Postfix has them: programs that watch a queue look for its last line, people for the
 * id, the age and the reason. Invariant: what an entry says is escaped and bounded. */
#include "agent/mailq_text.h"

#include <time.h>

#include "base/text.h"

enum {
    LINE_SIZE = 1024, /* two values, each at most TEXT_SHOWN_LIMIT, and words */
    REASON_INDENT = 18,
    RECIPIENT_INDENT = 48,
    NAME_WIDTH = 10
};

static void add_line(struct buffer *out, int indent, const struct text *line)
{
    for (int i = 0; i < indent; i++)
        buffer_add_byte(out, ' ');
    buffer_add(out, text_slice(line));
    buffer_add_byte(out, '\n');
}

/* A sentence that was escaped when it was written down stays as it is. */
static void add_sentence(struct text *text, const char *sentence, size_t limit)
{
    struct slice rest = slice_of(sentence);
    if (!slice_is_printable(rest)) {
        text_add_escaped(text, rest, limit);
        return;
    }
    text_add_slice(text, slice_to(rest, limit));
    if (rest.length > limit)
        text_add(text, "...");
}

/* The two largest units: "2d3h", "12m", "40s". */
static void add_duration(struct text *text, int64_t seconds)
{
    static const struct {
        char letter;
        int64_t seconds;
    } units[] = {{'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}};
    size_t first = 0;
    if (seconds < 0)
        seconds = 0;
    while (first < 3 && seconds < units[first].seconds)
        first++;
    text_add_format(text, "%lld%c", (long long)(seconds / units[first].seconds),
                    units[first].letter);
    int64_t rest = seconds % units[first].seconds;
    if (first < 2 && rest >= units[first + 1].seconds)
        text_add_format(text, "%lld%c", (long long)(rest / units[first + 1].seconds),
                        units[first + 1].letter);
}

/* In columns, and without the year; or in the form of a Date field. */
static void add_time(struct text *text, int64_t seconds, bool whole)
{
    char words[64] = "";
    struct tm parts;
    time_t wall = (time_t)seconds;
    if (localtime_r(&wall, &parts) == NULL)
        return;
    if (whole)
        strftime(words, sizeof words, "%a, %d %b %Y %H:%M:%S %z", &parts);
    else
        strftime(words, sizeof words, "%a %b %e %H:%M:%S", &parts);
    text_add(text, words);
}

static const char *show_sender(struct text_shown *shown, const struct entry *entry)
{
    const char *sender = entry->envelope.sender;
    return sender == NULL || sender[0] == '\0' ? "<>" : text_show(shown, slice_of(sender));
}

/* When it is tried again, or why not. */
static void add_prospect(struct text *text, const struct mailq_item *item)
{
    switch (item->state) {
    case MAILQ_WAITING:
        if (item->next <= item->now) {
            text_add(text, "due");
            return;
        }
        text_add(text, "next try in ");
        add_duration(text, item->next - item->now);
        return;
    case MAILQ_IN_HAND:
        text_add(text, "tried just now");
        return;
    case MAILQ_HELD:
        text_add(text, "held");
        return;
    case MAILQ_FAILED:
        text_add(text, "failed for good");
        return;
    case MAILQ_DAMAGED: /* that is the reason */
        return;
    }
}

/* "(the reason; 3 tries in 2h10m, next try in 4m)" */
static void write_reason(const struct mailq_item *item, struct buffer *out)
{
    char bytes[LINE_SIZE];
    struct text line;
    const struct entry *entry = item->entry;
    text_init(&line, bytes, sizeof bytes);
    text_add_byte(&line, '(');
    const char *reason = entry != NULL ? entry->reason : item->problem;
    if (reason != NULL)
        add_sentence(&line, reason, TEXT_SHOWN_LIMIT);
    if (reason != NULL && item->state != MAILQ_DAMAGED)
        text_add(&line, "; ");
    if (entry != NULL && entry->tries > 0) {
        text_add_format(&line, "%u %s in ", entry->tries, entry->tries == 1 ? "try" : "tries");
        add_duration(&line, item->now - entry->about.created);
        text_add(&line, ", ");
    }
    add_prospect(&line, item);
    text_add_byte(&line, ')');
    add_line(out, REASON_INDENT, &line);
}

/* Those who have it are counted only. */
static void write_recipients(const struct envelope *envelope, struct buffer *out)
{
    char bytes[LINE_SIZE];
    struct text line;
    size_t accepted = envelope_count(envelope, RECIPIENT_ACCEPTED);
    for (size_t i = 0; i < envelope->count; i++) {
        const struct recipient *recipient = &envelope->recipients[i];
        if (recipient->state == RECIPIENT_ACCEPTED)
            continue;
        text_init(&line, bytes, sizeof bytes);
        text_add_escaped(&line, slice_of(recipient->address), TEXT_SHOWN_LIMIT);
        add_line(out, RECIPIENT_INDENT, &line);
        if (recipient->reply == NULL || recipient->reply[0] == '\0')
            continue;
        text_init(&line, bytes, sizeof bytes);
        text_add_byte(&line, '(');
        add_sentence(&line, recipient->reply, TEXT_SHOWN_LIMIT);
        text_add_byte(&line, ')');
        add_line(out, REASON_INDENT, &line);
    }
    if (accepted == 0)
        return;
    text_init(&line, bytes, sizeof bytes);
    text_add_format(&line, "(%zu more got it)", accepted);
    add_line(out, RECIPIENT_INDENT, &line);
}

void mailq_text_write_heading(struct buffer *out)
{
    buffer_add_string(
        out, "-Id-------------- ----Size ----Arrived--------- -Sender, recipients----------\n");
}

void mailq_text_write(const struct mailq_item *item, struct buffer *out)
{
    static const char marks[] = {[MAILQ_WAITING] = ' ',
                                 [MAILQ_IN_HAND] = '*',
                                 [MAILQ_HELD] = '!',
                                 [MAILQ_FAILED] = '#',
                                 [MAILQ_DAMAGED] = '?'};
    char bytes[LINE_SIZE];
    struct text line;
    struct text_shown sender;
    text_init(&line, bytes, sizeof bytes);
    text_add_format(&line, "%s%c %8llu ", item->id, marks[item->state],
                    (unsigned long long)item->size);
    if (item->entry != NULL) {
        add_time(&line, item->entry->about.created, false);
        text_add_format(&line, "  %s", show_sender(&sender, item->entry));
    } else
        text_add_format(&line, "uid %u", (unsigned)item->owner);
    add_line(out, 0, &line);
    write_reason(item, out);
    if (item->entry != NULL)
        write_recipients(&item->entry->envelope, out);
    buffer_add_byte(out, '\n');
}

void mailq_text_write_outage(const struct outage *outage, int64_t now, struct buffer *out)
{
    char bytes[LINE_SIZE];
    struct text line;
    text_init(&line, bytes, sizeof bytes);
    text_add(&line, "No connection to ");
    text_add_escaped(&line, slice_of(outage->smarthost), TEXT_SHOWN_LIMIT);
    text_add_format(&line, ", %u %s; ", outage->failures, outage->failures == 1 ? "try" : "tries");
    if (outage->next > now) {
        text_add(&line, "next try in ");
        add_duration(&line, outage->next - now);
    } else
        text_add(&line, "due");
    if (outage->reason != NULL) {
        text_add(&line, ": ");
        add_sentence(&line, outage->reason, TEXT_SHOWN_LIMIT);
    }
    add_line(out, 0, &line);
}

void mailq_text_write_end(const struct mailq_totals *totals, const char *directory,
                          struct buffer *out)
{
    char bytes[LINE_SIZE];
    struct text line;
    struct text_shown shown;
    uint64_t kbytes = totals->octets / 1024 + (totals->octets % 1024 > 0 ? 1 : 0);
    text_init(&line, bytes, sizeof bytes);
    if (totals->failed > 0)
        text_add_format(&line, "%llu failed for good, marked #.\n",
                        (unsigned long long)totals->failed);
    if (totals->damaged > 0)
        text_add_format(&line, "%llu damaged, set aside in %s/damaged.\n",
                        (unsigned long long)totals->damaged,
                        text_show(&shown, slice_of(directory)));
    if (totals->waiting == 0)
        text_add(&line, "Mail queue is empty");
    else
        text_add_format(&line, "-- %llu Kbytes in %llu Request%s.", (unsigned long long)kbytes,
                        (unsigned long long)totals->waiting, totals->waiting == 1 ? "" : "s");
    add_line(out, 0, &line);
}

/* --- one entry ------------------------------------------------------------------------------- */

static void write_fact(struct buffer *out, const char *name, const char *value)
{
    char bytes[LINE_SIZE];
    struct text line;
    text_init(&line, bytes, sizeof bytes);
    text_add_format(&line, "%-*s", NAME_WIDTH, name);
    add_sentence(&line, value, LINE_SIZE - NAME_WIDTH - sizeof "...");
    add_line(out, 0, &line);
}

static void write_time(struct buffer *out, const char *name, int64_t seconds)
{
    char bytes[64];
    struct text words;
    if (seconds == 0)
        return;
    text_init(&words, bytes, sizeof bytes);
    add_time(&words, seconds, true);
    write_fact(out, name, bytes);
}

static void write_number(struct buffer *out, const char *name, uint64_t number)
{
    char bytes[32];
    struct text words;
    text_init(&words, bytes, sizeof bytes);
    text_add_format(&words, "%llu", (unsigned long long)number);
    write_fact(out, name, bytes);
}

static void write_recipient(const struct recipient *recipient, struct buffer *out)
{
    static const char *const states[] = {
        [RECIPIENT_PENDING] = "waiting",  [RECIPIENT_ACCEPTED] = "sent",
        [RECIPIENT_DEFERRED] = "put off", [RECIPIENT_REFUSED] = "refused",
        [RECIPIENT_OFFERED] = "waiting",  [RECIPIENT_QUEUED] = "waiting"};
    char bytes[LINE_SIZE];
    struct text line;
    struct text_shown address;
    text_init(&line, bytes, sizeof bytes);
    text_add_format(&line, "%-*s%s, %s", NAME_WIDTH, "to",
                    text_show(&address, slice_of(recipient->address)), states[recipient->state]);
    if (recipient->reply != NULL && recipient->reply[0] != '\0') {
        text_add(&line, ": ");
        add_sentence(&line, recipient->reply, TEXT_SHOWN_LIMIT);
    }
    add_line(out, 0, &line);
}

void mailq_text_write_details(const struct mailq_item *item, struct buffer *out)
{
    const struct entry *entry = item->entry;
    char bytes[64];
    struct text words;
    struct text_shown sender;
    text_init(&words, bytes, sizeof bytes);
    add_prospect(&words, item);
    write_fact(out, "id", item->id);
    write_fact(out, "state", bytes);
    write_number(out, "uid", item->owner);
    write_number(out, "size", item->size);
    write_time(out, "arrived", entry->about.created);
    write_number(out, "tries", entry->tries);
    write_time(out, "last try", entry->last_try);
    if (item->state == MAILQ_WAITING)
        write_time(out, "next try", item->next);
    if (entry->about.account != NULL)
        write_fact(out, "account", entry->about.account);
    if (entry->reason != NULL)
        write_fact(out, "reason", entry->reason);
    write_fact(out, "from", show_sender(&sender, entry));
    for (size_t i = 0; i < entry->envelope.count; i++)
        write_recipient(&entry->envelope.recipients[i], out);
}

/* An object an entry and a line an object, so that neither we nor who reads it must hold them all.
 */
#include "agent/mailq_json.h"

#include <time.h>

#include "base/json.h"

/* RFC 3339, in UTC; 0 is null. */
static void write_time(struct json *json, const char *key, int64_t seconds)
{
    char words[40] = "";
    struct tm parts;
    time_t wall = (time_t)seconds;
    if (seconds != 0 && gmtime_r(&wall, &parts) != NULL)
        strftime(words, sizeof words, "%Y-%m-%dT%H:%M:%SZ", &parts);
    json_known(json, key, words);
}

static void write_recipients(struct json *json, const struct envelope *envelope)
{
    static const char *const states[] = {
        [RECIPIENT_PENDING] = "pending",   [RECIPIENT_ACCEPTED] = "accepted",
        [RECIPIENT_DEFERRED] = "deferred", [RECIPIENT_REFUSED] = "refused",
        [RECIPIENT_OFFERED] = "pending",   [RECIPIENT_QUEUED] = "pending"};
    json_open(json, "recipients", '[');
    for (size_t i = 0; i < envelope->count; i++) {
        const struct recipient *recipient = &envelope->recipients[i];
        json_open(json, NULL, '{');
        json_string(json, "address", recipient->address);
        json_string(json, "state", states[recipient->state]);
        json_string(json, "reply", recipient->reply);
        json_close(json, '}');
    }
    json_close(json, ']');
}

static void write_entry(struct json *json, const struct mailq_item *item)
{
    const struct entry *entry = item->entry;
    write_time(json, "arrived", entry->about.created);
    json_string(json, "sender", entry->envelope.sender);
    json_string(json, "account", entry->about.account);
    json_truth(json, "report", entry->about.report);
    json_truth(json, "held", entry->held);
    json_number(json, "tries", entry->tries);
    write_time(json, "last_try", entry->last_try);
    write_time(json, "next_try", item->next);
    json_string(json, "reason", entry->reason);
    write_recipients(json, &entry->envelope);
}

void mailq_json_write(const struct mailq_item *item, struct buffer *out)
{
    static const char *const states[] = {[MAILQ_WAITING] = "waiting",
                                         [MAILQ_IN_HAND] = "in hand",
                                         [MAILQ_HELD] = "held",
                                         [MAILQ_FAILED] = "failed",
                                         [MAILQ_DAMAGED] = "damaged"};
    struct json json = {.out = out};
    json_open(&json, NULL, '{');
    json_string(&json, "id", item->id);
    json_string(&json, "state", states[item->state]);
    json_number(&json, "uid", (int64_t)item->owner);
    json_number(&json, "size", item->size <= INT64_MAX ? (int64_t)item->size : INT64_MAX);
    if (item->entry != NULL)
        write_entry(&json, item);
    else
        json_string(&json, "problem", item->problem);
    json_close(&json, '}');
    buffer_add_byte(out, '\n');
}

/* The envelope: sender and recipients (RFC 5321 section 2.3.1; -t: RFC 5322 sections 3.6.3 and
 * 3.6.6). A recipient is found in constant time and costs some 60 bytes beside its address. */
#include "message/envelope.h"

#include <stdlib.h>
#include <string.h>

#include "message/address.h"
#include "message/header.h"

enum { FIRST_CAPACITY = 16, RECIPIENT_LIMIT = 1 << 30 };

/* Makes room for one recipient more. */
static bool grow(struct envelope *envelope, struct error *error)
{
    size_t capacity = envelope->capacity > 0 ? 2 * envelope->capacity : FIRST_CAPACITY;
    if (capacity > RECIPIENT_LIMIT)
        return error_set_memory(error);
    struct recipient *recipients =
        realloc(envelope->recipients, capacity * sizeof *envelope->recipients);
    if (recipients == NULL)
        return error_set_memory(error);
    envelope->recipients = recipients;
    envelope->capacity = capacity;
    return true;
}

/* The targets of one alias come in a row and share their original. */
static const char *copy_original(struct envelope *envelope, const char *original)
{
    const struct recipient *recipients = envelope->recipients;
    const char *last = envelope->count > 0 ? recipients[envelope->count - 1].original : NULL;
    if (last != NULL && strcmp(last, original) == 0)
        return last;
    return arena_copy(&envelope->arena, slice_of(original));
}

/* Adds a copy of `recipient`. */
static bool add(struct envelope *envelope, struct recipient recipient, struct error *error)
{
    uint32_t place;
    if (table_find(&envelope->table, recipient.address, &place))
        return true;
    if (envelope->count == envelope->capacity && !grow(envelope, error))
        return false;
    /* A canonical domain is ASCII: octets beyond are the local part's. */
    envelope->needs_utf8 = envelope->needs_utf8 || slice_has_8bit(slice_of(recipient.address));
    recipient.address = arena_copy(&envelope->arena, slice_of(recipient.address));
    if (recipient.original != NULL) {
        recipient.original = copy_original(envelope, recipient.original);
        if (recipient.original == NULL)
            return error_set_memory(error);
    }
    if (recipient.address == NULL ||
        !table_add(&envelope->table, recipient.address, (uint32_t)envelope->count))
        return error_set_memory(error);
    envelope->recipients[envelope->count++] = recipient;
    return true;
}

bool envelope_add(struct envelope *envelope, const char *address, struct error *error)
{
    return add(envelope, (struct recipient){.address = address}, error);
}

bool envelope_add_targets(struct envelope *envelope, const struct local_targets *targets,
                          const char *original, unsigned char notify, struct error *error)
{
    char written_bytes[DSN_ORIGINAL_LIMIT + 1];
    struct text written;
    text_init(&written, written_bytes, sizeof written_bytes);
    if (targets->is_local)
        dsn_add_original(&written, targets->written);
    for (size_t i = 0; i < targets->count; i++) {
        const char *address = targets->targets[i].address;
        struct recipient recipient = {.address = address, .original = original, .notify = notify};
        bool replaced = targets->is_local && strcmp(address, targets->written) != 0;
        /* One that is too long for an ORCPT is better left out than cut. */
        if (original == NULL && replaced && !written.overflow)
            recipient.original = written_bytes;
        if (!add(envelope, recipient, error))
            return false;
    }
    return true;
}

bool envelope_set_sender(struct envelope *envelope, const char *address, struct error *error)
{
    /* A canonical domain is ASCII: octets beyond are the local part's. */
    envelope->needs_utf8 = envelope->needs_utf8 || slice_has_8bit(slice_of(address));
    envelope->sender = arena_copy(&envelope->arena, slice_of(address));
    return envelope->sender != NULL || error_set_memory(error);
}

/* Adds what the mailboxes of `list` lead to; `found` becomes true when there was one. */
static bool add_list(struct envelope *envelope, struct slice list, struct local *local, bool *found,
                     struct error *error)
{
    struct local_targets targets = {0};
    struct address_mailbox mailbox;
    bool good, another;
    while ((good = address_next(&list, &mailbox, &another, error)) && another) {
        *found = true;
        good = local_resolve(local, &mailbox, &targets, error) &&
               envelope_add_targets(envelope, &targets, NULL, 0, error);
        if (!good)
            break;
    }
    local_targets_free(&targets);
    return good;
}

bool envelope_add_argument(struct envelope *envelope, struct slice argument, struct local *local,
                           struct error *error)
{
    struct text_shown shown;
    bool found = false;
    if (!address_check_controls(argument, error) ||
        !add_list(envelope, argument, local, &found, error))
        return error_add_context(error, "recipient");
    if (!found)
        return error_set_permanent(error, EX_USAGE, "recipient: there is no address in \"%s\"",
                                   text_show(&shown, argument));
    return true;
}

static bool names_recipients(enum field_id id)
{
    return id == FIELD_TO || id == FIELD_CC || id == FIELD_BCC || id == FIELD_RESENT_TO ||
           id == FIELD_RESENT_CC || id == FIELD_RESENT_BCC;
}

/* Whether the message says anything of recipients under their Resent- names. */
static bool find_resent(struct message *message, bool *is_resent, struct error *error)
{
    struct header_scanner scanner;
    struct header_field field;
    bool ok, found;
    *is_resent = false;
    header_open(&scanner, message);
    while ((ok = header_next(&scanner, &field, &found, error)) && found && !*is_resent)
        *is_resent =
            names_recipients(field.id) && field_is_resent(field.id) && !header_says_nothing(&field);
    header_close(&scanner);
    return ok;
}

bool envelope_add_header(struct envelope *envelope, struct message *message, struct local *local,
                         struct error *error)
{
    struct header_scanner scanner;
    struct header_field field;
    bool ok, found, is_resent, ignored;
    if (!find_resent(message, &is_resent, error))
        return false;
    header_open(&scanner, message);
    while ((ok = header_next(&scanner, &field, &found, error)) && found) {
        if (!names_recipients(field.id) || field_is_resent(field.id) != is_resent)
            continue;
        ok = add_list(envelope, field.value, local, &ignored, error);
        if (!ok) {
            error_add_context(error, "recipient in %s", field_name(field.id));
            break;
        }
    }
    header_close(&scanner);
    return ok;
}

void envelope_forget(struct envelope *envelope, size_t count)
{
    while (envelope->count > count)
        table_remove(&envelope->table, envelope->recipients[--envelope->count].address);
}

bool envelope_set_id(struct envelope *envelope, const char *id, struct error *error)
{
    envelope->id = id == NULL ? NULL : arena_copy(&envelope->arena, slice_of(id));
    return id == NULL || envelope->id != NULL || error_set_memory(error);
}

bool envelope_set_outcome(struct envelope *envelope, size_t recipient, enum recipient_state state,
                          int reply_code, struct slice reply, struct error *error)
{
    struct recipient *target = &envelope->recipients[recipient];
    struct text_shown shown;
    text_show(&shown, reply);
    target->state = (unsigned char)state;
    target->reply_code = (short)reply_code;
    target->reply = NULL;
    if (reply.length == 0)
        return true;
    if (envelope->last_reply == NULL || strcmp(envelope->last_reply, shown.bytes) != 0) {
        const char *copy = arena_copy(&envelope->arena, slice_of(shown.bytes));
        if (copy == NULL)
            return error_set_memory(error);
        envelope->last_reply = copy;
    }
    target->reply = envelope->last_reply;
    return true;
}

size_t envelope_count(const struct envelope *envelope, enum recipient_state state)
{
    size_t count = 0;
    for (size_t i = 0; i < envelope->count; i++)
        count += envelope->recipients[i].state == state;
    return count;
}

void envelope_free(struct envelope *envelope)
{
    free(envelope->recipients);
    table_free(&envelope->table);
    arena_free(&envelope->arena);
    *envelope = (struct envelope){0};
}

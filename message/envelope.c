/* The envelope: sender and recipients (RFC 5321 section 2.3.1; -t: RFC 5322 sections 3.6.3 and
 * 3.6.6).
 *
 * `index` is an open hash table of places in `recipients`, counted from 1 (0: free), at most half
 * full, so that a recipient is found in constant time and costs some 40 bytes beside its address.
 */
#include "message/envelope.h"

#include <stdlib.h>
#include <string.h>

#include "message/address.h"
#include "message/header.h"

enum { FIRST_CAPACITY = 16, RECIPIENT_LIMIT = 1 << 30 };

/* FNV-1a with its high bits folded in. */
static size_t hash(const char *address)
{
    uint64_t value = 0xcbf29ce484222325u;
    for (; *address != '\0'; address++)
        value = (value ^ (unsigned char)*address) * 0x100000001b3u;
    return (size_t)(value ^ value >> 32);
}

/* The place of `address` in the index, or the free one where it belongs. */
static uint32_t *find(const struct envelope *envelope, const char *address)
{
    size_t mask = envelope->index_size - 1;
    size_t place = hash(address) & mask;
    while (envelope->index[place] != 0 &&
           strcmp(envelope->recipients[envelope->index[place] - 1].address, address) != 0)
        place = (place + 1) & mask;
    return &envelope->index[place];
}

/* Doubles both tables. */
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
    uint32_t *index = calloc(2 * capacity, sizeof *index);
    if (index == NULL)
        return error_set_memory(error);
    free(envelope->index);
    envelope->index = index;
    envelope->index_size = 2 * capacity;
    envelope->capacity = capacity;
    for (size_t i = 0; i < envelope->count; i++)
        *find(envelope, recipients[i].address) = (uint32_t)i + 1;
    return true;
}

bool envelope_add(struct envelope *envelope, const char *address, struct error *error)
{
    if (envelope->count == envelope->capacity && !grow(envelope, error))
        return false;
    uint32_t *place = find(envelope, address);
    if (*place != 0)
        return true;
    char *copy = arena_copy(&envelope->arena, slice_of(address));
    if (copy == NULL)
        return error_set_memory(error);
    envelope->recipients[envelope->count++] = (struct recipient){.address = copy};
    *place = (uint32_t)envelope->count;
    return true;
}

bool envelope_set_sender(struct envelope *envelope, const char *address, struct error *error)
{
    /* A canonical domain is ASCII: octets beyond are the local part's. */
    envelope->needs_utf8 = envelope->needs_utf8 || slice_has_8bit(slice_of(address));
    envelope->sender = arena_copy(&envelope->arena, slice_of(address));
    return envelope->sender != NULL || error_set_memory(error);
}

/* Adds every mailbox of `list`; `found` (NULL: nobody asks) becomes true when there was one. */
static bool add_list(struct envelope *envelope, struct slice list, const char *default_domain,
                     bool *found, struct error *error)
{
    char bytes[ADDRESS_SIZE];
    for (;;) {
        struct address_mailbox mailbox;
        struct text address;
        bool found_next;
        if (!address_next(&list, &mailbox, &found_next, error))
            return false;
        if (!found_next)
            return true;
        if (found != NULL)
            *found = true;
        text_init(&address, bytes, sizeof bytes);
        if (!address_canonical(&mailbox, default_domain, &address, &envelope->needs_utf8, error) ||
            !envelope_add(envelope, bytes, error))
            return false;
    }
}

bool envelope_add_argument(struct envelope *envelope, struct slice argument,
                           const char *default_domain, struct error *error)
{
    struct text_shown shown;
    bool found = false;
    if (!address_check_controls(argument, error) ||
        !add_list(envelope, argument, default_domain, &found, error))
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

bool envelope_add_header(struct envelope *envelope, struct message *message,
                         const char *default_domain, struct error *error)
{
    struct header_scanner scanner;
    struct header_field field;
    bool ok, found, is_resent;
    if (!find_resent(message, &is_resent, error))
        return false;
    header_open(&scanner, message);
    while ((ok = header_next(&scanner, &field, &found, error)) && found) {
        if (!names_recipients(field.id) || field_is_resent(field.id) != is_resent)
            continue;
        ok = add_list(envelope, field.value, default_domain, NULL, error);
        if (!ok) {
            error_add_context(error, "recipient in %s", field_name(field.id));
            break;
        }
    }
    header_close(&scanner);
    return ok;
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
    free(envelope->index);
    arena_free(&envelope->arena);
    *envelope = (struct envelope){0};
}

/* The author (RFC 5322 section 3.6.2), and of a resent message who resends it (section 3.6.6): the
 * newest of such blocks stands first. One walk over the header; only the first field of each kind
 * counts, as for those who read the message. */
#include "message/author.h"

#include "message/address.h"
#include "message/header.h"

/* An author as far as it was found. */
struct author {
    bool seen; /* a field that says something; a second one does not count */
    char bytes[ADDRESS_SIZE];
};

static void read_author(struct author *author, const struct header_field *field, const char *domain)
{
    struct address_mailbox mailbox;
    struct text address;
    struct slice rest = field->value;
    struct error ignored;
    bool found, needs_utf8 = false;
    if (author->seen)
        return;
    author->seen = true;
    text_init(&address, author->bytes, sizeof author->bytes);
    if (!address_next(&rest, &mailbox, &found, &ignored) || !found ||
        !address_canonical(&mailbox, domain, &address, &needs_utf8, &ignored))
        author->bytes[0] = '\0';
}

bool author_find(struct message *message, const char *domain, struct text *address,
                 struct error *error)
{
    struct header_scanner scanner;
    struct header_field field;
    struct author from = {0}, resent_from = {0};
    bool done, found = true, is_resent = false;
    header_open(&scanner, message);
    while ((done = header_next(&scanner, &field, &found, error)) && found) {
        if (header_says_nothing(&field))
            continue;
        is_resent = is_resent || field_is_resent(field.id);
        if (field.id == FIELD_FROM)
            read_author(&from, &field, domain);
        if (field.id == FIELD_RESENT_FROM)
            read_author(&resent_from, &field, domain);
    }
    header_close(&scanner);
    text_add(address, is_resent ? resent_from.bytes : from.bytes);
    return done;
}

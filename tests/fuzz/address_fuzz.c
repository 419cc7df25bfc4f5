/* Property: the tokens cover the list without gap, and an address once canonical stays what it is.
 */
#include "tests/fuzz/fuzz.h"

#include "message/address.h"

static void check_tokens(struct slice list)
{
    struct slice rest = list;
    size_t covered = 0;
    for (;;) {
        struct address_token token = address_next_token(&rest);
        if (token.kind == ADDRESS_END)
            break;
        demand(token.span.length > 0 && token.span.bytes == list.bytes + covered);
        covered += token.span.length;
    }
    demand(covered == list.length);
}

static void check_canonical(const struct address_mailbox *mailbox)
{
    struct error error;
    bool utf8 = false;
    char first[ADDRESS_SIZE];
    char second[ADDRESS_SIZE];
    struct text text;
    text_init(&text, first, sizeof first);
    if (!address_canonical(mailbox, "example.com", &text, &utf8, &error))
        return;
    demand(!text.overflow && strpbrk(first, "\r\n") == NULL && strlen(first) == text.length);
    text_init(&text, second, sizeof second);
    demand(address_parse_one(slice_of(first), NULL, &text, &utf8, &error));
    demand(strcmp(first, second) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct slice list = slice_make((const char *)bytes, size);
    struct slice rest = list;
    struct error error;
    struct address_mailbox mailbox;
    bool found = true;
    check_tokens(list);
    while (found) {
        bool good = address_next(&rest, &mailbox, &found, &error);
        if (good && found)
            check_canonical(&mailbox);
        found = found || !good; /* the list goes on behind what is no address */
    }
    return 0;
}

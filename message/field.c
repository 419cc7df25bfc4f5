/* The table of header fields (RFC 5322 section 3.6, RFC 2045, RFC 6376). One row a field_id: what
 * is known of a field stands here and nowhere else. */
#include "message/field.h"

struct row {
    struct slice name;
    enum field_kind kind;
    bool resent;
};

#define NAME(literal)                                                                              \
    {                                                                                              \
        literal, sizeof literal - 1                                                                \
    }

static const struct row table[FIELD_COUNT] = {
    [FIELD_OTHER] = {NAME(""), FIELD_UNSTRUCTURED, false},
    [FIELD_GARBAGE] = {NAME(""), FIELD_UNSTRUCTURED, false},
    [FIELD_FROM] = {NAME("From"), FIELD_ADDRESSES, false},
    [FIELD_SENDER] = {NAME("Sender"), FIELD_ADDRESSES, false},
    [FIELD_REPLY_TO] = {NAME("Reply-To"), FIELD_ADDRESSES, false},
    [FIELD_TO] = {NAME("To"), FIELD_ADDRESSES, false},
    [FIELD_CC] = {NAME("Cc"), FIELD_ADDRESSES, false},
    [FIELD_BCC] = {NAME("Bcc"), FIELD_ADDRESSES, false},
    [FIELD_DATE] = {NAME("Date"), FIELD_STRUCTURED, false},
    [FIELD_MESSAGE_ID] = {NAME("Message-ID"), FIELD_STRUCTURED, false},
    [FIELD_SUBJECT] = {NAME("Subject"), FIELD_UNSTRUCTURED, false},
    [FIELD_RESENT_FROM] = {NAME("Resent-From"), FIELD_ADDRESSES, true},
    [FIELD_RESENT_SENDER] = {NAME("Resent-Sender"), FIELD_ADDRESSES, true},
    [FIELD_RESENT_TO] = {NAME("Resent-To"), FIELD_ADDRESSES, true},
    [FIELD_RESENT_CC] = {NAME("Resent-Cc"), FIELD_ADDRESSES, true},
    [FIELD_RESENT_BCC] = {NAME("Resent-Bcc"), FIELD_ADDRESSES, true},
    [FIELD_RESENT_DATE] = {NAME("Resent-Date"), FIELD_STRUCTURED, true},
    [FIELD_RESENT_MESSAGE_ID] = {NAME("Resent-Message-ID"), FIELD_STRUCTURED, true},
    [FIELD_RETURN_PATH] = {NAME("Return-Path"), FIELD_STRUCTURED, false},
    [FIELD_MIME_VERSION] = {NAME("MIME-Version"), FIELD_STRUCTURED, false},
    [FIELD_CONTENT_TYPE] = {NAME("Content-Type"), FIELD_STRUCTURED, false},
    [FIELD_CONTENT_TRANSFER_ENCODING] = {NAME("Content-Transfer-Encoding"), FIELD_STRUCTURED,
                                         false},
    [FIELD_DKIM_SIGNATURE] = {NAME("DKIM-Signature"), FIELD_STRUCTURED, false},
};

bool field_split(struct slice field, struct slice *name, struct slice *value)
{
    struct slice start = slice_to(field, FIELD_NAME_LIMIT + 1);
    size_t length = 0, colon;

    while (length < start.length && start.bytes[length] > ' ' && start.bytes[length] < 0x7f &&
           start.bytes[length] != ':')
        length++;
    colon = length;
    while (colon < start.length &&
           (start.bytes[colon] == ' ' || start.bytes[colon] == '\t' || start.bytes[colon] == '\r'))
        colon++;
    if (length == 0 || colon == start.length || start.bytes[colon] != ':')
        return false;
    *name = slice_to(field, length);
    *value = slice_from(field, colon + 1);
    return true;
}

enum field_id field_find(struct slice name)
{
    for (enum field_id id = FIELD_GARBAGE + 1; id < FIELD_COUNT; id++)
        if (table[id].name.length == name.length && slice_equals_nocase(table[id].name, name))
            return id;
    return FIELD_OTHER;
}

enum field_kind field_kind(enum field_id id)
{
    return table[id].kind;
}

const char *field_name(enum field_id id)
{
    return table[id].name.bytes;
}

bool field_is_resent(enum field_id id)
{
    return table[id].resent;
}

/* The table of header fields (RFC 5322 section 3.6, RFC 2045, RFC 6376). One row a field_id: what
 * is known of a field stands here and nowhere else. */
#include "message/field.h"

struct row {
    const char *name;
    enum field_kind kind;
    bool resent;
};

static const struct row table[FIELD_COUNT] = {
    [FIELD_OTHER] = {"", FIELD_UNSTRUCTURED, false},
    [FIELD_GARBAGE] = {"", FIELD_UNSTRUCTURED, false},
    [FIELD_FROM] = {"From", FIELD_ADDRESSES, false},
    [FIELD_SENDER] = {"Sender", FIELD_ADDRESSES, false},
    [FIELD_REPLY_TO] = {"Reply-To", FIELD_ADDRESSES, false},
    [FIELD_TO] = {"To", FIELD_ADDRESSES, false},
    [FIELD_CC] = {"Cc", FIELD_ADDRESSES, false},
    [FIELD_BCC] = {"Bcc", FIELD_ADDRESSES, false},
    [FIELD_DATE] = {"Date", FIELD_STRUCTURED, false},
    [FIELD_MESSAGE_ID] = {"Message-ID", FIELD_STRUCTURED, false},
    [FIELD_SUBJECT] = {"Subject", FIELD_UNSTRUCTURED, false},
    [FIELD_RESENT_FROM] = {"Resent-From", FIELD_ADDRESSES, true},
    [FIELD_RESENT_SENDER] = {"Resent-Sender", FIELD_ADDRESSES, true},
    [FIELD_RESENT_TO] = {"Resent-To", FIELD_ADDRESSES, true},
    [FIELD_RESENT_CC] = {"Resent-Cc", FIELD_ADDRESSES, true},
    [FIELD_RESENT_BCC] = {"Resent-Bcc", FIELD_ADDRESSES, true},
    [FIELD_RESENT_DATE] = {"Resent-Date", FIELD_STRUCTURED, true},
    [FIELD_RESENT_MESSAGE_ID] = {"Resent-Message-ID", FIELD_STRUCTURED, true},
    [FIELD_RETURN_PATH] = {"Return-Path", FIELD_STRUCTURED, false},
    [FIELD_MIME_VERSION] = {"MIME-Version", FIELD_STRUCTURED, false},
    [FIELD_CONTENT_TYPE] = {"Content-Type", FIELD_STRUCTURED, false},
    [FIELD_CONTENT_TRANSFER_ENCODING] = {"Content-Transfer-Encoding", FIELD_STRUCTURED, false},
    [FIELD_DKIM_SIGNATURE] = {"DKIM-Signature", FIELD_STRUCTURED, false},
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
        if (slice_equals_nocase(slice_of(table[id].name), name))
            return id;
    return FIELD_OTHER;
}

enum field_kind field_kind(enum field_id id)
{
    return table[id].kind;
}

const char *field_name(enum field_id id)
{
    return table[id].name;
}

bool field_is_resent(enum field_id id)
{
    return table[id].resent;
}

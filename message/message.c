/* One message: a header and a body in one store. On the wire a blank line always stands between
 * the two, also where one of them is empty (RFC 5322 section 2.1). */
#include "message/message.h"

#include <stdio.h>

enum { MEBIBYTE = 1024 * 1024 };

void message_init(struct message *message, const struct store_place *place)
{
    *message = (struct message){.message_id = ""};
    store_init(&message->store, NULL);
    message->store.place = place;
}

uint64_t message_size(const struct message *message)
{
    enum { BLANK_LINE = 2 };

    return message->header.length + BLANK_LINE + message->body.length;
}

bool message_check_size(uint64_t size, uint64_t max_size, struct error *error)
{
    if (max_size == 0 || size <= max_size)
        return true;
    char mebibytes[40] = "";
    if (max_size >= MEBIBYTE)
        snprintf(mebibytes, sizeof mebibytes, " (%.1f MiB)", (double)max_size / MEBIBYTE);
    return error_set_permanent(error, EX_DATAERR,
                               "message: larger than the %llu octets%s that max_size allows",
                               (unsigned long long)max_size, mebibytes);
}

void message_free(struct message *message)
{
    const struct store_place *place = message->store.place;

    store_free(&message->store);
    message_init(message, place);
}

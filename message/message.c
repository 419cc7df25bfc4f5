/* One message: a header and a body in one store. On the wire a blank line always stands between
 * the two, also where one of them is empty (RFC 5322 section 2.1). */
#include "message/message.h"

void message_init(struct message *message, const char *directory)
{
    *message = (struct message){.message_id = ""};
    store_init(&message->store, directory);
}

uint64_t message_size(const struct message *message)
{
    enum { BLANK_LINE = 2 };

    return message->header.length + BLANK_LINE + message->body.length;
}

void message_free(struct message *message)
{
    const char *directory = message->store.directory;

    store_free(&message->store);
    message_init(message, directory);
}

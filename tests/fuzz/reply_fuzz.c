/* Property: however a reply is cut into pieces, it parses to the same, and what is shown of it is
 * printable and bounded. */
#include "tests/fuzz/fuzz.h"

#include "smtp/capability.h"
#include "smtp/reply.h"

static void check_shown(const struct reply *reply)
{
    struct text_shown shown;
    struct capability capability;
    const char *words = reply_show(reply, &shown);
    demand(strlen(words) < sizeof shown.bytes);
    for (; *words != '\0'; words++)
        demand(*words >= 0x20 && *words < 0x7f);
    capability_parse(&capability, slice_make(reply->text, reply->length));
}

/* Feeds `input` with `first` octets first; `used` is what was taken in all. */
static enum reply_status parse(struct reply *reply, struct slice input, size_t first, size_t *used)
{
    static struct mask mask;
    struct error error;
    enum reply_status status;
    size_t more = 0;
    reply_start(reply);
    status = reply_take(reply, slice_to(input, first), &mask, used, &error);
    demand(*used <= first);
    if (status != REPLY_MORE)
        return status;
    status = reply_take(reply, slice_from(input, *used), &mask, &more, &error);
    *used += more;
    demand(*used <= input.length);
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static struct reply whole, parts;
    struct slice input = slice_make((const char *)bytes, size);
    size_t used_whole = 0, used_parts = 0;
    enum reply_status status = parse(&whole, input, size, &used_whole);
    if (status != REPLY_BROKEN)
        check_shown(&whole);
    for (size_t first = 0; first < size && first < 64; first++) {
        demand(parse(&parts, input, first, &used_parts) == status);
        if (status != REPLY_COMPLETE)
            continue;
        demand(used_parts == used_whole && parts.code == whole.code);
        demand(parts.length == whole.length && memcmp(parts.text, whole.text, whole.length) == 0);
    }
    return 0;
}

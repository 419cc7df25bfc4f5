/* Property: however a reply is cut into pieces, it parses to the same, and what is shown of it is
 * printable and bounded. */
#include "tests/fuzz/fuzz.h"

#include "smtp/capability.h"
#include "smtp/reply.h"

/* Cut everywhere up to CUTS octets, and at as many places beyond. */
enum { CUTS = 512, SLOW_MOST = 1024 };

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

/* One octet more each time. */
static enum reply_status parse_slowly(struct reply *reply, struct slice input, size_t *used)
{
    static struct mask mask;
    struct error error;
    enum reply_status status = REPLY_MORE;
    *used = 0;
    reply_start(reply);
    for (size_t end = 0; end <= input.length && status == REPLY_MORE; end++) {
        size_t more = 0;
        status = reply_take(reply, slice_from(slice_to(input, end), *used), &mask, &more, &error);
        *used += more;
    }
    return status;
}

static void check_same(const struct reply *a, const struct reply *b)
{
    demand(a->code == b->code && a->lines == b->lines && a->octets == b->octets);
    demand(a->length == b->length && memcmp(a->text, b->text, a->length) == 0);
    demand(strcmp(a->enhanced, b->enhanced) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static struct reply whole, parts;
    struct slice input = slice_make((const char *)bytes, size);
    size_t used_whole = 0, used_parts = 0;
    enum reply_status status = parse(&whole, input, size, &used_whole);
    if (status != REPLY_BROKEN)
        check_shown(&whole);
    for (size_t first = 0; first < size; first += 1 + size / CUTS) {
        demand(parse(&parts, input, first, &used_parts) == status);
        demand(status == REPLY_BROKEN || used_parts == used_whole);
        if (status != REPLY_BROKEN)
            check_same(&parts, &whole);
    }
    if (size > SLOW_MOST)
        return 0;
    demand(parse_slowly(&parts, input, &used_parts) == status);
    demand(status == REPLY_BROKEN || used_parts == used_whole);
    if (status != REPLY_BROKEN)
        check_same(&parts, &whole);
    return 0;
}

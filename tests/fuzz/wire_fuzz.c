/* Property: wherever in a message the borders fall at which it is read from the store, what goes
 * out behind DATA is for a strict receiver, and for the one of -bs in pieces cut anywhere, exactly
 * that one message and nothing behind it; and what goes out behind BDAT is as long as was said, and
 * the same.
 *
 * The input, made canonical, is the end of the header and the body, divided at the first blank
 * line. It is moved over the border of a block octet by octet. */
#include "tests/fuzz/fuzz.h"

#include "message/wire.h"
#include "smtp/framing.h"

enum { BLOCK = 64 * 1024, INPUT_MOST = 64 };

static const struct slice filler = {.bytes = "X-Filler: ", .length = 10};

static void make_canonical(struct slice input, struct buffer *header, struct buffer *body)
{
    struct slice line;
    struct buffer *out = header;
    while (input.length > 0) {
        bool ended = slice_cut(&input, '\n', &line);
        demand(ended);
        if (out == header && line.length == 0) {
            out = body;
            continue;
        }
        for (size_t i = 0; i < line.length; i++)
            if (line.bytes[i] != '\r')
                buffer_add_byte(out, line.bytes[i]);
        if (out == body || (out->length > 0 && out->bytes[out->length - 1] != '\n'))
            buffer_add_string(out, "\r\n");
    }
}

/* What goes out but for the first `skipped` octets, which are filler. */
static void collect(struct message *message, bool dots, size_t skipped, struct buffer *out)
{
    struct error error;
    struct wire wire;
    struct slice octets;
    size_t count = 0;
    wire_open(&wire, message, dots);
    do {
        bool last = count > 0 && wire_is_last(&wire);
        demand(wire_next(&wire, &octets, &error));
        demand(last == (octets.length == 0));
        demand(buffer_add(out, slice_from(octets, skipped > count ? skipped - count : 0)));
        count += octets.length;
    } while (octets.length > 0);
    demand(dots || count == message_size(message));
    wire_close(&wire);
}

/* RFC 5321 section 4.5.2, to the letter; the octets start a line. False where no lone dot ends
 * them, or something stands behind it. */
static bool receive(struct slice sent, struct buffer *out)
{
    bool line_start = true;
    for (size_t i = 0; i < sent.length; i++) {
        if (line_start && sent.bytes[i] == '.') {
            struct slice rest = slice_from(sent, i);
            if (slice_equals(slice_to(rest, 3), slice_of(".\r\n")))
                return rest.length == 3;
            demand(rest.length > 1 && rest.bytes[1] == '.');
            i++;
        }
        buffer_add_byte(out, sent.bytes[i]);
        line_start = sent.bytes[i] == '\n';
    }
    return false;
}

/* The same by the receiver of -bs, in two pieces. */
static void receive_in_pieces(struct slice sent, size_t first, struct slice expected)
{
    struct framing framing = {.line_feed_only = false};
    struct slice pieces[] = {slice_to(sent, first), slice_from(sent, first)}, octets;
    struct buffer out = {0};
    for (size_t i = 0; i < 2; i++)
        while ((octets = framing_next(&framing, &pieces[i])).length > 0)
            buffer_add(&out, octets);
    demand(framing.ended && !framing.mixed && pieces[1].length == 0);
    demand(slice_equals(buffer_slice(&out), expected));
    buffer_free(&out);
}

/* What is sent behind DATA, which no border changes. */
static void check_sent(struct slice sent, struct slice expected)
{
    struct buffer received = {0};
    demand(receive(sent, &received));
    demand(slice_equals(buffer_slice(&received), expected));
    for (size_t first = 0; first < sent.length; first++)
        receive_in_pieces(sent, first, expected);
    buffer_free(&received);
}

static void check(struct message *message, size_t skipped, struct slice expected,
                  struct buffer *sent)
{
    struct buffer plain = {0}, dotted = {0};
    struct framing framing = {.line_feed_only = false};
    collect(message, false, skipped, &plain);
    demand(slice_equals(buffer_slice(&plain), expected));
    framing_look(&framing, buffer_slice(&plain));
    framing_look_last(&framing);
    demand(!framing.mixed);

    collect(message, true, skipped, &dotted);
    if (sent->length == 0) {
        buffer_add(sent, buffer_slice(&dotted));
        check_sent(buffer_slice(&dotted), expected);
    }
    demand(slice_equals(buffer_slice(&dotted), buffer_slice(sent)));
    buffer_free(&plain);
    buffer_free(&dotted);
}

/* The message with a field in front, so that `over` of its own octets lie behind the border. */
static void build(struct message *message, size_t filling, struct slice header, struct slice body)
{
    static char spaces[BLOCK];
    struct error error;
    if (spaces[0] == '\0')
        memset(spaces, 'x', sizeof spaces);
    message_init(message, NULL);
    demand(store_append(&message->store, filler, &error) &&
           store_append(&message->store, slice_make(spaces, filling - filler.length - 2), &error) &&
           store_append(&message->store, slice_of("\r\n"), &error) &&
           store_append(&message->store, header, &error) &&
           store_append(&message->store, body, &error));
    message->header = (struct extent){0, filling + header.length};
    message->body = (struct extent){filling + header.length, body.length};
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct buffer header = {0}, body = {0}, expected = {0}, sent = {0};
    struct message message;
    if (size > INPUT_MOST)
        return 0;
    make_canonical(slice_make((const char *)bytes, size), &header, &body);
    buffer_add(&expected, buffer_slice(&header));
    buffer_add_string(&expected, "\r\n");
    buffer_add(&expected, buffer_slice(&body));
    for (size_t over = 0; over <= expected.length; over++) {
        size_t filling = BLOCK - expected.length + over;
        build(&message, filling, buffer_slice(&header), buffer_slice(&body));
        check(&message, filling, buffer_slice(&expected), &sent);
        message_free(&message);
    }
    buffer_free(&header);
    buffer_free(&body);
    buffer_free(&expected);
    buffer_free(&sent);
    return 0;
}

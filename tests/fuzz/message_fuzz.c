/* Property: whatever comes in, what would go out is a valid message: CRLF only, no NUL, no line
 * over 998 octets, header in ASCII, Bcc gone; and a strict receiver of DATA gets it back octet by
 * octet. */
#include "tests/fuzz/fuzz.h"

#include "message/fix.h"
#include "message/header.h"
#include "message/input.h"
#include "message/mime.h"
#include "message/wire.h"

static void check_lines(struct slice octets, bool ascii, bool any)
{
    size_t start = 0;
    for (size_t i = 0; i < octets.length; i++) {
        demand((any || octets.bytes[i] != '\0') && octets.bytes[i] != '\n');
        demand(!ascii || !((unsigned char)octets.bytes[i] & 0x80));
        if (octets.bytes[i] != '\r')
            continue;
        demand(i + 1 < octets.length && octets.bytes[i + 1] == '\n');
        demand(any || i - start <= 998);
        start = ++i + 1;
    }
    demand(start == octets.length);
}

static void collect(struct message *message, bool dots, struct buffer *out)
{
    struct error error;
    struct wire wire;
    struct slice octets = {0};
    wire_open(&wire, message, dots);
    do {
        demand(wire_next(&wire, &octets, &error));
        demand(buffer_add(out, octets));
    } while (octets.length > 0);
    wire_close(&wire);
}

/* What a receiver strict about RFC 5321 section 4.5.2 makes of the octets behind DATA. */
static void receive(struct slice sent, struct buffer *out)
{
    bool line_start = true;
    for (size_t i = 0; i < sent.length; i++) {
        if (line_start && sent.bytes[i] == '.') {
            bool ends = sent.length - i == 3 && memcmp(sent.bytes + i, ".\r\n", 3) == 0;
            if (ends)
                return;
            demand(sent.length - i > 3 && memcmp(sent.bytes + i, ".\r\n", 3) != 0);
            i++;
        }
        demand(buffer_add_byte(out, sent.bytes[i]));
        line_start = i > 0 && sent.bytes[i] == '\n' && sent.bytes[i - 1] == '\r';
    }
    abort(); /* no final dot */
}

static void check_no_bcc(struct message *message)
{
    struct error error;
    struct header_scanner scanner;
    struct header_field field;
    bool found = true;
    header_open(&scanner, message);
    while (found) {
        demand(header_next(&scanner, &field, &found, &error));
        demand(!found || (field.id != FIELD_BCC && field.id != FIELD_RESENT_BCC &&
                          field.id != FIELD_GARBAGE));
    }
    header_close(&scanner);
}

static void check_message(struct message *message, bool stays)
{
    struct buffer plain = {0};
    struct buffer dotted = {0};
    struct buffer received = {0};
    check_no_bcc(message);
    collect(message, false, &plain);
    collect(message, true, &dotted);
    receive(buffer_slice(&dotted), &received);
    demand(slice_equals(buffer_slice(&plain), buffer_slice(&received)));
    demand(plain.length == message_size(message));
    check_lines(slice_to(buffer_slice(&plain), message->header.length), true, false);
    check_lines(buffer_slice(&plain), !message->body_8bit, stays);
    demand(stays || !message->body_8bit);
    buffer_free(&plain);
    buffer_free(&dotted);
    buffer_free(&received);
}

/* A body that may go out unfit: signed, of a type that may not be encoded, in an encoding that is
 * not known, or with parts, each of which may be so (mime_fuzz looks at each). */
static bool stays_as_it_is(const struct mime_facts *facts)
{
    return facts->is_signed || facts->top.kind != ENTITY_LEAF ||
           facts->top.encoding == ENTITY_UNKNOWN;
}

static void convert(struct message *message)
{
    struct error error;
    struct mime_facts facts;
    char note_bytes[MIME_NOTE_SIZE];
    struct text note;
    text_init(&note, note_bytes, sizeof note_bytes);
    demand(mime_label(message, &facts, NULL, &error));
    demand(mime_fit(message, &facts, false, &note, &error));
    check_message(message, stays_as_it_is(&facts));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (size < 1)
        return 0;
    struct error error;
    struct message message;
    struct input_options how = {.drop_last_dot = bytes[0] & 1, .dot_ends = bytes[0] & 2};
    struct fix_options fix = {.from_header = bytes[0] & 4 ? FIX_FROM_REPLACE : FIX_FROM_ADD,
                              .add_date = true,
                              .add_message_id = true,
                              .remove_bcc = true,
                              .domain = "example.com",
                              .from = "cron@example.com",
                              .full_name = bytes[0] & 8 ? "J\xc3\xb6rg \"J\" O'Neil" : NULL};
    int fd = memfd_create("input", MFD_CLOEXEC);
    demand(fd >= 0 && write(fd, bytes + 1, size - 1) == (ssize_t)size - 1);
    demand(lseek(fd, 0, SEEK_SET) == 0);

    message_init(&message, NULL);
    demand(input_read(&message, fd, &how, &error));
    demand(fix_header(&message, &fix, &error));
    convert(&message);
    message_free(&message);
    close(fd);
    return 0;
}

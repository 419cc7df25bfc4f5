/* The report of RFC 3464 in the multipart/report of RFC 6522, marked as RFC 3834 wants it.
 *
 * Invariant: every octet of it is printable ASCII, a tab or a line end that was put on purpose,
 * whatever the replies, addresses and header of the original say (but for an international address
 * that it is for, see put_mailboxes), and no line is over 998 octets. No line begins like a
 * boundary: words from outside stand behind a field's name or blanks, fields of the original that
 * begin with a hyphen are left out, and in quoted-printable a hyphen at the start of a line is
 * encoded. RET=FULL brings back the header alone as well: the whole is kept in failed/. */
#include "queue/bounce.h"

#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "message/address.h"
#include "message/encoder.h"
#include "message/header.h"
#include "message/stamp.h"
#include "queue/status.h"

enum {
    BOUNDARY_LENGTH = 24,
    HEADER_LIMIT = 64 * 1024, /* octets of the original's header, */
    FIELD_LIMIT = 16 * 1024,  /* of one of its fields */
    LISTED_MAX = 50           /* recipients that are named to people; all are in the fields */
};

struct report {
    const struct entry *entry;
    const struct bounce_options *options;
    struct sheet sheet;
    char boundary[BOUNDARY_LENGTH + 3];
    size_t told; /* recipients that it is about */
};

/* --- who is told of --------------------------------------------------------------------------- */

bool bounce_tells_of(const struct entry *entry, size_t index)
{
    const struct recipient *recipient = &entry->envelope.recipients[index];
    bool wanted = recipient->notify == 0 || (recipient->notify & DSN_FAILURE) != 0;

    return recipient->state == RECIPIENT_REFUSED && wanted && !entry_is_told(entry, index);
}

static size_t count_told(const struct entry *entry)
{
    size_t count = 0;
    for (size_t i = 0; i < entry->envelope.count; i++)
        count += bounce_tells_of(entry, i);
    return count;
}

/* --- words for people ------------------------------------------------------------------------- */

/* What can be done, by what the status starts with; the first that fits. */
static const char *find_advice(const char *status)
{
    static const struct {
        const char *start, *advice;
    } rows[] = {
        {"5.1.8", "The address that it was sent from is not taken: correct it, and send it again."},
        {"5.1.7", "The address that it was sent from is not taken: correct it, and send it again."},
        {"5.1.", "Check the address, and send the message again to the right one."},
        {"5.2.1", "The mailbox is not in use: ask for another address."},
        {"5.2.2", "The mailbox is full: send it again later, or reach the person another way."},
        {"5.2.3", "The message is too large: send less, or in pieces."},
        {"5.3.4", "The message is too large: send less, or in pieces."},
        {"5.7.", "The server does not permit it: its words say why; ask who runs it."},
        {"4.2.2", "The mailbox stayed full: reach the person another way."},
        {"4.",
         "It was tried for as long as this machine is told to: ask who runs the server what is "
         "wrong, and send it again when that is mended."},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (slice_starts_nocase(slice_of(status), rows[i].start))
            return rows[i].advice;
    return "The words above say why. When that is mended, send the message again.";
}

static const char *find_words(const struct report *report, const struct recipient *recipient)
{
    if (recipient->reply != NULL)
        return recipient->reply;
    return report->entry->reason != NULL ? report->entry->reason : "nothing more is known";
}

static void put_recipient_words(struct report *report, const struct recipient *recipient)
{
    static const char indent[] = "      ";
    char status[STATUS_SIZE], said[SHEET_LINE_LIMIT + 1];
    struct sheet_plain shown;
    const char *remote = report->options->remote;

    sheet_line(&report->sheet, "  <%s>", sheet_plain(&shown, recipient->address));
    text_copy(said, sizeof said, "      What happened:");
    if (recipient->reply_code != 0 && remote != NULL && strlen(remote) < SHEET_WIDTH)
        snprintf(said, sizeof said, "      The server %s said:", sheet_plain(&shown, remote));
    else if (recipient->reply_code != 0)
        text_copy(said, sizeof said, "      The server said:");
    sheet_wrapped(&report->sheet, said, indent, slice_of(find_words(report, recipient)));
    status_find(recipient, report->options->expired, status);
    sheet_wrapped(&report->sheet, "      What you can do:", indent, slice_of(find_advice(status)));
    sheet_blank(&report->sheet);
}

static void put_recipients_words(struct report *report)
{
    size_t listed = 0;

    for (size_t i = 0; i < report->entry->envelope.count && listed < LISTED_MAX; i++) {
        if (!bounce_tells_of(report->entry, i))
            continue;
        put_recipient_words(report, &report->entry->envelope.recipients[i]);
        listed++;
    }
    if (listed < report->told) {
        sheet_line(&report->sheet, "  and %zu more, which are in the report that follows.",
                   report->told - listed);
        sheet_blank(&report->sheet);
    }
}

static void put_whereabouts(struct report *report)
{
    const struct entry *entry = report->entry;
    struct sheet_plain shown;

    if (entry_is_unfinished(entry)) {
        sheet_line(&report->sheet,
                   "For its other recipients it is still in the queue there, as %s.", entry->id);
        return;
    }
    sheet_line(&report->sheet, "The whole message is kept in the queue of %s,",
               sheet_plain(&shown, report->options->host));
    sheet_line(&report->sheet, "as failed/%s. Its owner and root can look at it there with",
               entry->id);
    sheet_blank(&report->sheet);
    sheet_line(&report->sheet, "    sendmail --show %s", entry->id);
    sheet_blank(&report->sheet);
    sheet_line(&report->sheet, "and throw it away with");
    sheet_blank(&report->sheet);
    sheet_line(&report->sheet, "    sendmail --remove %s", entry->id);
}

static void put_words(struct report *report)
{
    struct sheet_plain shown;

    sheet_line(&report->sheet, "This is the mail system of %s.",
               sheet_plain(&shown, report->options->host));
    sheet_blank(&report->sheet);
    sheet_line(&report->sheet, "Your message could not be delivered to");
    sheet_blank(&report->sheet);
    put_recipients_words(report);
    sheet_line(&report->sheet, "It will not be tried again for %s.",
               report->told == 1 ? "this address" : "these addresses");
    sheet_date(&report->sheet, "In the queue since", report->entry->about.created);
    if (report->entry->last_try != 0)
        sheet_date(&report->sheet, "Tried last", report->entry->last_try);
    sheet_blank(&report->sheet);
    put_whereabouts(report);
}

/* --- fields for programs ---------------------------------------------------------------------- */

static void put_fields(struct report *report)
{
    const struct entry *entry = report->entry;
    const struct status what = {.host = report->options->host,
                                .remote = report->options->remote,
                                .id = entry->envelope.id,
                                .created = entry->about.created,
                                .last_try = entry->last_try,
                                .expired = report->options->expired};

    status_put_message(&report->sheet, &what);
    for (size_t i = 0; i < entry->envelope.count; i++)
        if (bounce_tells_of(entry, i))
            status_put_recipient(&report->sheet, &what, &entry->envelope.recipients[i]);
}

/* --- the header of the original --------------------------------------------------------------- */

/* What is no field, and what could be taken for a boundary, is nothing that anybody misses. */
static bool is_shown(const struct header_field *field, size_t used)
{
    return !field->continued && field->id != FIELD_GARBAGE && field->name.bytes[0] != '-' &&
           field->raw.length <= FIELD_LIMIT && field->raw.length <= HEADER_LIMIT - used;
}

/* Fields that do not fit are passed over. */
static bool read_header(struct message *original, struct buffer *header, struct error *error)
{
    struct header_scanner scanner;
    struct header_field field;
    bool found = true, good = true;

    header_open(&scanner, original);
    scanner.in_pieces = true;
    while (good && (good = header_next(&scanner, &field, &found, error)) && found)
        if (is_shown(&field, header->length) && !buffer_add(header, field.raw))
            good = error_set_memory(error);
    header_close(&scanner);
    return good;
}

/* Can it stand there as it is? */
static bool is_seven_bit(struct slice header)
{
    size_t column = 0;

    for (size_t i = 0; i < header.length; i++) {
        char octet = header.bytes[i];
        bool printable = (octet >= ' ' && octet <= '~') || octet == '\t';
        column = octet == '\n' ? 0 : column + 1;
        if ((!printable && octet != '\r' && octet != '\n') || column > SHEET_LINE_LIMIT + 1)
            return false;
    }
    return true;
}

static void put_encoded(struct report *report, struct slice header)
{
    struct encoder encoder;

    if (report->sheet.failed)
        return;
    encoder_open(&encoder, ENCODER_QUOTED_PRINTABLE, &report->sheet.message->store);
    encoder.guarded = true;
    report->sheet.failed = !encoder_add(&encoder, header, report->sheet.error) ||
                           !encoder_end(&encoder, report->sheet.error);
    encoder_close(&encoder);
}

/* RFC 6522 section 4 lets text/rfc822-headers be encoded where it is not 7-bit; message/
 * global-headers would have to be UTF-8, which an old header need not be, and is shown by few. */
static void put_header(struct report *report, struct slice header)
{
    sheet_line(&report->sheet, "Content-Type: text/rfc822-headers");
    sheet_line(&report->sheet, "Content-Description: Header of the message");
    if (is_seven_bit(header)) {
        sheet_blank(&report->sheet);
        sheet_add(&report->sheet, header);
        return;
    }
    sheet_line(&report->sheet, "Content-Transfer-Encoding: quoted-printable");
    sheet_blank(&report->sheet);
    put_encoded(report, header);
}

/* --- all of it -------------------------------------------------------------------------------- */

/* A Message-ID that stands in ours is one of the usual form. */
static void put_reference(struct report *report, const char *id)
{
    size_t length = strlen(id);

    if (length < 3 || id[0] != '<' || id[length - 1] != '>' || !sheet_is_word(slice_of(id)))
        return;
    sheet_line(&report->sheet, "In-Reply-To: %s", id);
    sheet_line(&report->sheet, "References: %s", id);
}

/* One with letters beyond ASCII, and nothing worse, stays as it is: whom it belongs to has a
 * mailbox of that name, and SMTPUTF8 is asked for. */
static bool is_international(const char *address)
{
    bool high = false;

    for (size_t i = 0; address[i] != '\0'; i++) {
        unsigned char octet = (unsigned char)address[i];
        if (octet < ' ' || octet == 0x7f || i >= ADDRESS_SIZE)
            return false;
        high = high || octet >= 0x80;
    }
    return high && utf8_is_valid(slice_of(address));
}

static void put_mailboxes(struct report *report)
{
    const struct bounce_options *options = report->options;
    struct sheet_plain from, to;
    bool international = is_international(options->to);

    sheet_line(&report->sheet, "From: Mail Delivery System <%s>",
               sheet_plain(&from, options->from));
    sheet_line(&report->sheet, "To: <%s>",
               international ? options->to : sheet_plain(&to, options->to));
    report->sheet.message->header_8bit = international;
}

static void put_subject(struct report *report)
{
    char bytes[SHEET_LINE_LIMIT + 1];
    struct text words;
    size_t first = 0;

    while (!bounce_tells_of(report->entry, first))
        first++;
    text_init(&words, bytes, sizeof bytes);
    sheet_add_plain(&words, slice_of(report->entry->envelope.recipients[first].address));
    if (report->told > 1)
        text_add_format(&words, " and %zu more", report->told - 1);
    sheet_wrapped(&report->sheet, "Subject: Not delivered:", " ", text_slice(&words));
}

static void put_own_header(struct report *report, const char *original_id)
{
    sheet_date(&report->sheet, "Date", report->options->now);
    put_mailboxes(report);
    put_subject(report);
    sheet_line(&report->sheet, "Message-ID: %s", report->sheet.message->message_id);
    put_reference(report, original_id);
    sheet_line(&report->sheet, "Auto-Submitted: auto-replied");
    sheet_line(&report->sheet, "MIME-Version: 1.0");
    sheet_line(&report->sheet, "Content-Type: multipart/report; report-type=delivery-status;");
    sheet_line(&report->sheet, " boundary=\"%s\"", report->boundary);
}

static void put_body(struct report *report, struct slice header)
{
    sheet_line(&report->sheet, "This is a report in MIME format.");
    sheet_blank(&report->sheet);
    sheet_line(&report->sheet, "--%s", report->boundary);
    sheet_line(&report->sheet, "Content-Type: text/plain; charset=us-ascii");
    sheet_blank(&report->sheet);
    put_words(report);
    sheet_blank(&report->sheet);
    sheet_line(&report->sheet, "--%s", report->boundary);
    sheet_line(&report->sheet, "Content-Type: message/delivery-status");
    sheet_line(&report->sheet, "Content-Description: Delivery report");
    sheet_blank(&report->sheet);
    put_fields(report);
    sheet_blank(&report->sheet);
    sheet_line(&report->sheet, "--%s", report->boundary);
    put_header(report, header);
    sheet_blank(&report->sheet);
    sheet_line(&report->sheet, "--%s--", report->boundary);
}

/* Message-ID and boundary, from the same source of chance. */
static bool choose_names(struct report *report)
{
    char bytes[MESSAGE_ID_SIZE];
    struct text id;
    struct sheet_plain host;

    text_init(&id, report->sheet.message->message_id, sizeof report->sheet.message->message_id);
    if (!stamp_message_id(&id, sheet_plain(&host, report->options->host), report->sheet.error))
        return false;
    text_init(&id, bytes, sizeof bytes);
    if (!stamp_message_id(&id, "boundary", report->sheet.error))
        return false;
    snprintf(report->boundary, sizeof report->boundary, "=_%.*s", BOUNDARY_LENGTH, bytes + 1);
    return true;
}

static bool write_report(struct report *report, struct message *original, struct slice header)
{
    struct message *message = report->sheet.message;

    message->header.offset = store_size(&message->store);
    put_own_header(report, original->message_id);
    message->header.length = store_size(&message->store) - message->header.offset;
    message->body.offset = store_size(&message->store);
    put_body(report, header);
    message->body.length = store_size(&message->store) - message->body.offset;
    message->body_longest_line = report->sheet.longest;
    return !report->sheet.failed;
}

bool bounce_write(const struct entry *entry, struct message *original,
                  const struct bounce_options *options, struct message *message,
                  struct error *error)
{
    struct report report = {
        .entry = entry, .options = options, .sheet = {.message = message, .error = error}};
    struct buffer header = {0};

    *error = (struct error){.exit_code = EX_OK};
    report.told = count_told(entry);
    if (report.told == 0 || entry->about.report || entry->envelope.sender[0] == '\0' ||
        options->to[0] == '\0')
        return false;
    bool written = choose_names(&report) && read_header(original, &header, error) &&
                   write_report(&report, original, buffer_slice(&header));
    buffer_free(&header);
    return written;
}

/* Goal: a report says what happened in words and in fields that programs read, about those who are
 * to be told of and nobody else, and nothing that a server, an address or a header says can become
 * a field, a part or an octet that is not ASCII. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "queue/bounce.h"

#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])

static const struct bounce_options usual = {.host = "client.example",
                                            .from = "MAILER-DAEMON@client.example",
                                            .to = "alice@example.com",
                                            .remote = "smtp.example.net",
                                            .now = 1795435200};

/* --- one report ------------------------------------------------------------------------------- */

struct trial {
    struct entry entry;
    struct message original, message;
    struct buffer text;    /* the report as it stands on the wire */
    struct slice parts[3]; /* each behind its boundary's line, without the CRLF before the next */
    char boundary[128];
    struct error error;
};

static void begin(struct trial *trial, struct slice header)
{
    *trial = (struct trial){.entry = {.fd = -1}};
    memcpy(trial->entry.id, "0123456789abcDEF", SPOOL_ID_SIZE);
    trial->entry.about.created = 1795000000;
    trial->entry.last_try = 1795435100;
    assert_true(envelope_set_sender(&trial->entry.envelope, "alice@example.com", &trial->error));
    message_init(&trial->original, NULL);
    message_init(&trial->message, NULL);
    assert_true(store_append(&trial->original.store, header, &trial->error));
    trial->original.header = (struct extent){0, header.length};
    trial->original.body = (struct extent){header.length, 0};
}

static struct recipient *add(struct trial *trial, const char *address, int code, const char *reply)
{
    struct envelope *envelope = &trial->entry.envelope;
    assert_true(envelope_add(envelope, address, &trial->error));
    struct recipient *recipient = &envelope->recipients[envelope->count - 1];
    recipient->state = RECIPIENT_REFUSED;
    recipient->reply_code = (short)code;
    recipient->reply = reply;
    return recipient;
}

static void end(struct trial *trial)
{
    message_free(&trial->original);
    message_free(&trial->message);
    envelope_free(&trial->entry.envelope);
    buffer_free(&trial->text);
}

/* What every report must be, whatever it is about. */
static void check_lines(const struct trial *trial)
{
    struct slice rest = buffer_slice(&trial->text), line;
    size_t longest = 0;
    while (slice_cut(&rest, '\n', &line)) {
        assert_true(line.length >= 1 && line.bytes[line.length - 1] == '\r');
        line.length--;
        for (size_t i = 0; i < line.length; i++)
            assert_true((line.bytes[i] >= ' ' && line.bytes[i] <= '~') || line.bytes[i] == '\t');
        longest = line.length > longest ? line.length : longest;
    }
    assert_in_range(longest, 1, 998);
    assert_in_range(trial->message.body_longest_line, 1, 998);
    assert_false(trial->message.header_8bit);
    assert_false(trial->message.body_8bit);
}

static struct slice find(struct slice in, const char *what)
{
    const char *place = memmem(in.bytes, in.length, what, strlen(what));
    return place == NULL ? (struct slice){0} : slice_from(in, (size_t)(place - in.bytes));
}

static void split(struct trial *trial)
{
    char line[140];
    struct slice rest = find(buffer_slice(&trial->text), " boundary=\"");
    assert_true(rest.length > 0);
    struct slice name = slice_from(rest, 11);
    snprintf(trial->boundary, sizeof trial->boundary, "%.*s", (int)slice_find(name, '"'),
             name.bytes);
    assert_int_equal(strlen(trial->boundary), 26);
    snprintf(line, sizeof line, "\r\n--%s", trial->boundary);
    for (size_t i = 0; i < 4; i++) {
        struct slice next = find(rest, line);
        assert_true(next.length > 0);
        if (i > 0)
            trial->parts[i - 1] = slice_to(rest, (size_t)(next.bytes - rest.bytes));
        rest = slice_from(next, strlen(line) + (i < 3 ? 2 : 0));
    }
    assert_true(slice_equals(rest, slice_of("--\r\n")));
}

static void write_it(struct trial *trial, const struct bounce_options *options)
{
    struct message *message = &trial->message;
    if (!bounce_write(&trial->entry, &trial->original, options, message, &trial->error))
        fail_msg("not written: %d %s", trial->error.exit_code, trial->error.sentence);
    uint64_t header = message->header.length, body = message->body.length;
    assert_true(buffer_reserve(&trial->text, header + body + 2));
    char *bytes = trial->text.bytes;
    assert_true(store_read(&message->store, message->header.offset, bytes, header, &trial->error));
    memcpy(bytes + header, "\r\n", 2);
    assert_true(
        store_read(&message->store, message->body.offset, bytes + header + 2, body, &trial->error));
    trial->text.length = header + body + 2;
    split(trial);
}

/* `text` with LF for CRLF, and what is chosen by chance as X. */
static void normalize(struct trial *trial, struct buffer *out)
{
    struct slice rest = buffer_slice(&trial->text), line;
    while (slice_cut(&rest, '\n', &line)) {
        struct slice chance = find(line, trial->boundary);
        if (find(line, "@client.example>\r").length > 0 && line.bytes[0] == 'M')
            chance = slice_to(slice_from(line, 13), 24);
        else
            chance = slice_to(chance, 26);
        line.length--;
        for (size_t i = 0; i < line.length; i++)
            if (chance.length == 0 || line.bytes + i < chance.bytes ||
                line.bytes + i >= chance.bytes + chance.length)
                buffer_add_byte(out, line.bytes[i]);
            else if (line.bytes + i == chance.bytes)
                buffer_add_byte(out, 'X');
        buffer_add_byte(out, '\n');
    }
    buffer_add_byte(out, '\0');
}

/* The value of a field's first line in `part`, or "". */
static const char *field(struct slice part, const char *name, char value[1000])
{
    struct slice line;
    value[0] = '\0';
    while (slice_cut(&part, '\n', &line))
        if (slice_starts_nocase(line, name) && line.length > strlen(name) &&
            line.bytes[strlen(name)] == ':') {
            line = slice_trim(slice_from(line, strlen(name) + 1));
            snprintf(value, 1000, "%.*s", (int)line.length, line.bytes);
            break;
        }
    return value;
}

static const char header[] = "From: alice@example.com\r\n"
                             "To: bob@example.net\r\n"
                             "Subject: lunch\r\n"
                             "Message-ID: <1@example.com>\r\n";

#define HEADER slice_make(header, sizeof header - 1)

/* --- what it looks like ----------------------------------------------------------------------- */

static void a_report_as_a_whole(void **state)
{
    static const char expected[] =
        "Date: Mon, 23 Nov 2026 12:00:00 +0000\n"
        "From: Mail Delivery System <MAILER-DAEMON@client.example>\n"
        "To: <alice@example.com>\n"
        "Subject: Not delivered: bob@example.net and 1 more\n"
        "Message-ID: <X@client.example>\n"
        "In-Reply-To: <1@example.com>\n"
        "References: <1@example.com>\n"
        "Auto-Submitted: auto-replied\n"
        "MIME-Version: 1.0\n"
        "Content-Type: multipart/report; report-type=delivery-status;\n"
        " boundary=\"X\"\n"
        "\n"
        "This is a report in MIME format.\n"
        "\n"
        "--X\n"
        "Content-Type: text/plain; charset=us-ascii\n"
        "\n"
        "This is the mail system of client.example.\n"
        "\n"
        "Your message could not be delivered to\n"
        "\n"
        "  <bob@example.net>\n"
        "      The server smtp.example.net said: 550 5.1.1 <bob@example.net>: there\n"
        "      is nobody of that name, and there never was one as far as we know\n"
        "      What you can do: Check the address, and send the message again to the\n"
        "      right one.\n"
        "\n"
        "  <eve@example.net>\n"
        "      The server smtp.example.net said: 554 no\n"
        "      What you can do: The words above say why. When that is mended, send\n"
        "      the message again.\n"
        "\n"
        "It will not be tried again for these addresses.\n"
        "In the queue since: Wed, 18 Nov 2026 11:06:40 +0000\n"
        "Tried last: Mon, 23 Nov 2026 11:58:20 +0000\n"
        "\n"
        "The whole message is kept in the queue of client.example,\n"
        "as failed/0123456789abcDEF. Its owner and root can look at it there with\n"
        "\n"
        "    sendmail --show 0123456789abcDEF\n"
        "\n"
        "and throw it away with\n"
        "\n"
        "    sendmail --remove 0123456789abcDEF\n"
        "\n"
        "--X\n"
        "Content-Type: message/delivery-status\n"
        "Content-Description: Delivery report\n"
        "\n"
        "Reporting-MTA: dns; client.example\n"
        "Original-Envelope-Id: QQ=314\n"
        "Arrival-Date: Wed, 18 Nov 2026 11:06:40 +0000\n"
        "\n"
        "Original-Recipient: rfc822;bobby@example.com\n"
        "Final-Recipient: rfc822;bob@example.net\n"
        "Action: failed\n"
        "Status: 5.1.1\n"
        "Remote-MTA: dns; smtp.example.net\n"
        "Diagnostic-Code: smtp; 550 5.1.1 <bob@example.net>: there is nobody of that\n"
        "    name, and there never was one as far as we know\n"
        "Last-Attempt-Date: Mon, 23 Nov 2026 11:58:20 +0000\n"
        "\n"
        "Final-Recipient: rfc822;eve@example.net\n"
        "Action: failed\n"
        "Status: 5.0.0\n"
        "Remote-MTA: dns; smtp.example.net\n"
        "Diagnostic-Code: smtp; 554 no\n"
        "Last-Attempt-Date: Mon, 23 Nov 2026 11:58:20 +0000\n"
        "\n"
        "--X\n"
        "Content-Type: text/rfc822-headers\n"
        "Content-Description: Header of the message\n"
        "\n"
        "From: alice@example.com\n"
        "To: bob@example.net\n"
        "Subject: lunch\n"
        "Message-ID: <1@example.com>\n"
        "\n"
        "--X--\n";
    struct trial trial;
    struct buffer out = {0};
    (void)state;
    begin(&trial, HEADER);
    text_copy(trial.original.message_id, sizeof trial.original.message_id, "<1@example.com>");
    add(&trial, "bob@example.net", 550,
        "550 5.1.1 <bob@example.net>: there is nobody of that name, and there never was one as far "
        "as we know")
        ->original = "rfc822;bobby@example.com";
    add(&trial, "carol@example.net", 250, "250 ok")->state = RECIPIENT_ACCEPTED;
    add(&trial, "eve@example.net", 554, "554 no");
    trial.entry.envelope.id = "QQ+3D314";
    write_it(&trial, &usual);
    check_lines(&trial);
    normalize(&trial, &out);
    assert_string_equal(out.bytes, expected);
    buffer_free(&out);
    end(&trial);
}

static void two_reports_have_nothing_of_chance_in_common(void **state)
{
    struct trial one, other;
    (void)state;
    begin(&one, HEADER);
    begin(&other, HEADER);
    add(&one, "bob@example.net", 550, "550 no");
    add(&other, "bob@example.net", 550, "550 no");
    write_it(&one, &usual);
    write_it(&other, &usual);
    assert_string_not_equal(one.boundary, other.boundary);
    assert_string_not_equal(one.message.message_id, other.message.message_id);
    end(&one);
    end(&other);
}

/* --- one recipient ---------------------------------------------------------------------------- */

static void fields_of_a_recipient(void **state)
{
    static const struct {
        const char *address, *original;
        int code;
        const char *reply;
        bool expired;
        const char *status, *to, *from, *diagnostic;
    } rows[] = {
        {"b@x.example", NULL, 550, "550 5.7.1 no", false, "5.7.1", "rfc822;b@x.example", "",
         "smtp; 550 5.7.1 no"},
        {"b@x.example", NULL, 550, "550 5.7.1", false, "5.7.1", "rfc822;b@x.example", "",
         "smtp; 550 5.7.1"},
        {"b@x.example", NULL, 550, "550 4.7.1 no", false, "5.0.0", "rfc822;b@x.example", "",
         "smtp; 550 4.7.1 no"},
        {"b@x.example", NULL, 550, "550 5.7.1234 no", false, "5.0.0", "rfc822;b@x.example", "",
         "smtp; 550 5.7.1234 no"},
        {"b@x.example", NULL, 550, "550 5..1 no", false, "5.0.0", "rfc822;b@x.example", "",
         "smtp; 550 5..1 no"},
        {"b@x.example", NULL, 550, "550 5.7.1x no", false, "5.0.0", "rfc822;b@x.example", "",
         "smtp; 550 5.7.1x no"},
        {"b@x.example", NULL, 550, "550", false, "5.0.0", "rfc822;b@x.example", "", "smtp; 550"},
        {"b@x.example", NULL, 550, "550 ", false, "5.0.0", "rfc822;b@x.example", "", "smtp; 550"},
        {"b@x.example", NULL, 550, "5", false, "5.0.0", "rfc822;b@x.example", "", "smtp; 5"},
        {"b@x.example", NULL, 550, "550 5.123.456 no", false, "5.123.456", "rfc822;b@x.example", "",
         "smtp; 550 5.123.456 no"},
        /* Given up because of its age, or refused at last. */
        {"b@x.example", NULL, 452, "452 4.2.2 full", true, "4.2.2", "rfc822;b@x.example", "",
         "smtp; 452 4.2.2 full"},
        {"b@x.example", NULL, 452, "452 full", true, "4.4.7", "rfc822;b@x.example", "",
         "smtp; 452 full"},
        {"b@x.example", NULL, 0, NULL, true, "4.4.7", "rfc822;b@x.example", "", ""},
        {"b@x.example", NULL, 550, "550 no", true, "5.0.0", "rfc822;b@x.example", "",
         "smtp; 550 no"},
        {"b@x.example", NULL, 0, "5.1.1 our own words", false, "5.0.0", "rfc822;b@x.example", "",
         ""},
        {"b@x.example", NULL, 0, NULL, false, "5.0.0", "rfc822;b@x.example", "", ""},
        /* Addresses. */
        {"b\xc3\xbc\\+=@x.example", NULL, 550, "550 no", false, "5.0.0",
         "utf-8;b\\x{FC}\\x{5C}\\x{2B}\\x{3D}@x.example", "", "smtp; 550 no"},
        {"b\xf0\x9f\x90\x9f@x.example", NULL, 550, "550 no", false, "5.0.0",
         "utf-8;b\\x{1F41F}@x.example", "", "smtp; 550 no"},
        {"b\xff@x.example", NULL, 550, "550 no", false, "5.0.0", "rfc822;b?@x.example", "",
         "smtp; 550 no"},
        {"b@x.example", "rfc822;a+2Bb@y.example", 550, "550 no", false, "5.0.0",
         "rfc822;b@x.example", "rfc822;a+b@y.example", "smtp; 550 no"},
        {"b@x.example", "rfc822;a+2@y.example", 550, "550 no", false, "5.0.0", "rfc822;b@x.example",
         "rfc822;a+2@y.example", "smtp; 550 no"},
        {"b@x.example", "X.400;+2FG=x", 550, "550 no", false, "5.0.0", "rfc822;b@x.example",
         "X.400;/G=x", "smtp; 550 no"},
        {"b@x.example", "utf-8;b\\x{FC}@x.example", 550, "550 no", false, "5.0.0",
         "rfc822;b@x.example", "utf-8;b\\x{FC}@x.example", "smtp; 550 no"},
        {"b@x.example", "utf-8;b\xc3\xbc@x.example", 550, "550 no", false, "5.0.0",
         "rfc822;b@x.example", "utf-8;b\\x{FC}@x.example", "smtp; 550 no"},
        {"b@x.example", "rfc822;+22a+20b+22@y.example", 550, "550 no", false, "5.0.0",
         "rfc822;b@x.example", "utf-8;\"a\\x{20}b\"@y.example", "smtp; 550 no"},
        {"b@x.example", "rfc822", 550, "550 no", false, "5.0.0", "rfc822;b@x.example", "",
         "smtp; 550 no"},
        {"b@x.example", "rfc822;", 550, "550 no", false, "5.0.0", "rfc822;b@x.example", "",
         "smtp; 550 no"},
        {"b@x.example", ";b", 550, "550 no", false, "5.0.0", "rfc822;b@x.example", "",
         "smtp; 550 no"},
        {"b@x.example", "rfc822;a\r\nStatus: 2.0.0", 550, "550 no", false, "5.0.0",
         "rfc822;b@x.example", "utf-8;a\\x{0D}\\x{0A}Status:\\x{20}2.0.0", "smtp; 550 no"},
        {"b@x.example", "rf\nc822;a@y.example", 550, "550 no", false, "5.0.0", "rfc822;b@x.example",
         "", "smtp; 550 no"},
        /* Replies. */
        {"b@x.example", NULL, 550, "550 a\r\nStatus: 2.0.0\n\n--x \xc3\xbc \x01", false, "5.0.0",
         "rfc822;b@x.example", "",
         "smtp; 550 a?"
         "?Status: 2.0.0?"
         "?--x ?"
         "? ?"},
        {"b@x.example\r\nX: y", NULL, 550, "550 no", false, "5.0.0",
         "utf-8;b@x.example\\x{0D}\\x{0A}X:\\x{20}y", "", "smtp; 550 no"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char value[1000];
        struct trial trial;
        struct bounce_options options = usual;
        options.expired = rows[i].expired;
        begin(&trial, HEADER);
        add(&trial, rows[i].address, rows[i].code, rows[i].reply)->original = rows[i].original;
        write_it(&trial, &options);
        check_lines(&trial);
        assert_string_equal(field(trial.parts[1], "Status", value), rows[i].status);
        assert_string_equal(field(trial.parts[1], "Final-Recipient", value), rows[i].to);
        assert_string_equal(field(trial.parts[1], "Original-Recipient", value), rows[i].from);
        assert_string_equal(field(trial.parts[1], "Diagnostic-Code", value), rows[i].diagnostic);
        assert_string_equal(field(trial.parts[1], "Action", value), "failed");
        assert_string_equal(field(trial.parts[1], "Remote-MTA", value),
                            rows[i].code == 0 ? "" : "dns; smtp.example.net");
        assert_int_equal(find(trial.parts[1], "\r\nX").length, 0);
        end(&trial);
    }
}

/* --- who is told of, and whether anybody is --------------------------------------------------- */

static void only_those_to_be_told_of(void **state)
{
    struct trial trial;
    struct entry_settled settled[6] = {{0}};
    (void)state;
    begin(&trial, HEADER);
    add(&trial, "told@x.example", 550, "550 no");
    add(&trial, "now@x.example", 550, "550 no");
    add(&trial, "never@x.example", 550, "550 no")->notify = DSN_NEVER;
    add(&trial, "success@x.example", 550, "550 no")->notify = DSN_SUCCESS | DSN_DELAY;
    add(&trial, "failure@x.example", 550, "550 no")->notify = DSN_SUCCESS | DSN_FAILURE;
    add(&trial, "waiting@x.example", 450, "450 later")->state = RECIPIENT_DEFERRED;
    settled[0] = (struct entry_settled){.state = RECIPIENT_REFUSED};
    settled[1] = (struct entry_settled){.state = RECIPIENT_REFUSED, .reports = 1};
    trial.entry.settled = settled;
    trial.entry.reports = 1;
    write_it(&trial, &usual);
    check_lines(&trial);
    struct slice all = buffer_slice(&trial.text);
    assert_true(find(all, "rfc822;now@").length > 0 && find(all, "rfc822;failure@").length > 0);
    static const char *const others[] = {"told@", "never@", "success@", "waiting@"};
    for (size_t i = 0; i < COUNT(others); i++)
        assert_int_equal(find(all, others[i]).length, 0);
    assert_true(find(all, "still in the queue there, as 0123456789abcDEF.").length > 0);
    assert_int_equal(find(all, "failed/").length, 0);
    end(&trial);
}

static void nobody_is_told(void **state)
{
    static const struct {
        const char *sender, *to;
        bool report;
        unsigned char state, notify;
    } rows[] = {
        {"alice@example.com", "alice@example.com", false, RECIPIENT_ACCEPTED, 0},
        {"alice@example.com", "alice@example.com", false, RECIPIENT_DEFERRED, 0},
        {"alice@example.com", "alice@example.com", false, RECIPIENT_REFUSED, DSN_NEVER},
        {"alice@example.com", "alice@example.com", false, RECIPIENT_REFUSED, DSN_SUCCESS},
        {"alice@example.com", "alice@example.com", true, RECIPIENT_REFUSED, 0},
        {"", "postmaster@example.com", false, RECIPIENT_REFUSED, 0},
        {"alice@example.com", "", false, RECIPIENT_REFUSED, 0},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct trial trial;
        struct bounce_options options = usual;
        options.to = rows[i].to;
        begin(&trial, HEADER);
        trial.entry.about.report = rows[i].report;
        assert_true(envelope_set_sender(&trial.entry.envelope, rows[i].sender, &trial.error));
        struct recipient *recipient = add(&trial, "b@x.example", 550, "550 no");
        recipient->state = rows[i].state;
        recipient->notify = rows[i].notify;
        trial.error.exit_code = EX_SOFTWARE;
        assert_false(
            bounce_write(&trial.entry, &trial.original, &options, &trial.message, &trial.error));
        assert_int_equal(trial.error.exit_code, EX_OK);
        assert_int_equal(store_size(&trial.message.store), 0);
        end(&trial);
    }
}

static void ten_thousand_recipients(void **state)
{
    static char name[32];
    struct trial trial;
    (void)state;
    begin(&trial, HEADER);
    for (unsigned i = 0; i < 10000; i++) {
        snprintf(name, sizeof name, "r%u@x.example", i);
        add(&trial, name, 550, "550 5.1.1 no such user");
    }
    write_it(&trial, &usual);
    check_lines(&trial);
    assert_true(find(trial.parts[0], "  and 9950 more, which are").length > 0);
    assert_true(trial.parts[0].length < 20000);
    assert_true(find(trial.parts[1], "Final-Recipient: rfc822;r9999@x.example\r\n").length > 0);
    end(&trial);
}

/* --- words from outside in our own header ----------------------------------------------------- */

static void no_field_is_injected(void **state)
{
    static const char *const nasty[] = {
        "a\r\nBcc: eve@example.net",         "a\n\nbody", "\xff\xfe\x80", "a>\r\n", "a\x1b[2J",
        "a\xc3\xbc\r\nBcc: eve@example.net",
    };
    (void)state;
    for (size_t i = 0; i < COUNT(nasty); i++) {
        struct trial trial;
        struct bounce_options options = {
            .host = nasty[i], .from = nasty[i], .to = nasty[i], .remote = nasty[i]};
        begin(&trial, HEADER);
        text_copy(trial.original.message_id, sizeof trial.original.message_id, nasty[i]);
        add(&trial, nasty[i], 550, nasty[i])->original = nasty[i];
        trial.entry.envelope.id = nasty[i];
        trial.entry.reason = nasty[i];
        write_it(&trial, &options);
        check_lines(&trial);
        struct slice all = buffer_slice(&trial.text);
        assert_int_equal(find(all, "\nBcc").length, 0);
        assert_int_equal(find(all, "In-Reply-To").length, 0);
        end(&trial);
    }
}

static void an_address_as_long_as_can_be(void **state)
{
    char address[20000];
    struct trial trial;
    struct bounce_options options = usual;
    (void)state;
    memset(address, 'a', sizeof address);
    memcpy(address + sizeof address - 11, "@x.example", 11);
    options.to = options.from = options.remote = address;
    begin(&trial, HEADER);
    struct recipient *recipient = add(&trial, address, 550, address);
    recipient->original = address;
    write_it(&trial, &options);
    check_lines(&trial);
    end(&trial);
}

static void an_international_mailbox_is_told_by_its_name(void **state)
{
    struct trial trial;
    struct bounce_options options = usual;
    (void)state;
    options.to = "j\xc3\xbcrgen@example.com";
    begin(&trial, HEADER);
    add(&trial, "b@x.example", 550, "550 no");
    write_it(&trial, &options);
    assert_true(trial.message.header_8bit);
    assert_true(find(buffer_slice(&trial.text), "\r\nTo: <j\xc3\xbcrgen@example.com>\r\n").length >
                0);
    end(&trial);
}

/* --- the header of the original --------------------------------------------------------------- */

static int digit_value(char digit)
{
    return digit <= '9' ? digit - '0' : digit - 'A' + 10;
}

/* What a part in quoted-printable says. */
static void decode(struct slice part, struct buffer *out)
{
    struct slice rest = slice_from(find(part, "\r\n\r\n"), 4);
    for (size_t i = 0; i < rest.length; i++) {
        if (rest.bytes[i] != '=') {
            buffer_add_byte(out, rest.bytes[i]);
            continue;
        }
        assert_true(rest.length - i >= 3);
        if (rest.bytes[i + 1] != '\r')
            buffer_add_byte(
                out, (char)(digit_value(rest.bytes[i + 1]) * 16 + digit_value(rest.bytes[i + 2])));
        i += 2;
    }
}

static void any_header_comes_back_in_seven_bits(void **state)
{
    static const struct {
        const char *header, *expected; /* NULL: as it is */
        bool encoded;
    } rows[] = {
        {"Subject: plain\r\n\tfolded = x\r\n", NULL, false},
        {"", NULL, false},
        {"Subject: gr\xc3\xbc\xc3\x9f"
         "e\r\nX: a=b\r\n",
         NULL, true},
        {"Subject: latin \xfc\r\n", NULL, true},
        {"Subject: bell \x07 \r\n", NULL, true},
        {"--boundary: x\r\nTo: a\r\n", "To: a\r\n", false},
        {"-: x\r\nTo: a\r\n", "To: a\r\n", false},
        {"no field\r\nTo: a\r\n", "To: a\r\n", false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct trial trial;
        struct buffer out = {0};
        char value[1000];
        begin(&trial, slice_of(rows[i].header));
        add(&trial, "b@x.example", 550, "550 no");
        write_it(&trial, &usual);
        check_lines(&trial);
        assert_string_equal(field(trial.parts[2], "Content-Type", value), "text/rfc822-headers");
        assert_string_equal(field(trial.parts[2], "Content-Transfer-Encoding", value),
                            rows[i].encoded ? "quoted-printable" : "");
        if (rows[i].encoded)
            decode(trial.parts[2], &out);
        else
            buffer_add(&out, slice_from(find(trial.parts[2], "\r\n\r\n"), 4));
        const char *expected = rows[i].expected != NULL ? rows[i].expected : rows[i].header;
        if (!slice_equals(buffer_slice(&out), slice_of(expected)))
            fail_msg("row %zu: %.*s", i, (int)out.length, out.bytes);
        buffer_free(&out);
        end(&trial);
    }
}

/* A line that begins like the boundary, wherever quoted-printable breaks it. */
static void nothing_looks_like_a_boundary(void **state)
{
    struct buffer original = {0}, out = {0};
    struct trial trial;
    (void)state;
    buffer_add_string(&original, "Subject: \xc3\xbc");
    for (size_t i = 0; i < 3000; i++)
        buffer_add_string(&original, "--=_");
    buffer_add_string(&original, "\r\n");
    begin(&trial, buffer_slice(&original));
    add(&trial, "b@x.example", 550, "550 no");
    write_it(&trial, &usual);
    check_lines(&trial);
    assert_int_equal(find(trial.parts[2], "\n-").length, 0);
    decode(trial.parts[2], &out);
    assert_true(slice_equals(buffer_slice(&out), buffer_slice(&original)));
    buffer_free(&original);
    buffer_free(&out);
    end(&trial);
}

static void a_huge_header_is_bounded(void **state)
{
    static const struct {
        size_t fields, length; /* of each */
        size_t least, most;    /* of the part */
    } rows[] = {
        {2000, 100, 60000, 70000}, {1, 16000, 16000, 17000}, {1, 17000, 0, 200},
        {1, 70000, 0, 200},        {3, 1000000, 0, 200},     {1, 300000, 0, 200},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buffer original = {0};
        struct trial trial;
        for (size_t j = 0; j < rows[i].fields; j++) {
            buffer_add_string(&original, "X: ");
            for (size_t k = 0; k < rows[i].length; k++)
                buffer_add_byte(&original, 'x');
            buffer_add_string(&original, "\r\n");
        }
        buffer_add_string(&original, "S: y\r\n");
        begin(&trial, buffer_slice(&original));
        add(&trial, "b@x.example", 550, "550 no");
        write_it(&trial, &usual);
        check_lines(&trial);
        assert_in_range(trial.parts[2].length, rows[i].least, rows[i].most);
        assert_true(find(trial.parts[2], "S: y\r\n").length > 0 || rows[i].fields > 1000);
        buffer_free(&original);
        end(&trial);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_report_as_a_whole),
        cmocka_unit_test(two_reports_have_nothing_of_chance_in_common),
        cmocka_unit_test(fields_of_a_recipient),
        cmocka_unit_test(only_those_to_be_told_of),
        cmocka_unit_test(nobody_is_told),
        cmocka_unit_test(ten_thousand_recipients),
        cmocka_unit_test(no_field_is_injected),
        cmocka_unit_test(an_address_as_long_as_can_be),
        cmocka_unit_test(an_international_mailbox_is_told_by_its_name),
        cmocka_unit_test(any_header_comes_back_in_seven_bits),
        cmocka_unit_test(nothing_looks_like_a_boundary),
        cmocka_unit_test(a_huge_header_is_bounded),
    };
    setenv("TZ", "UTC0", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

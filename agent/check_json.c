/* The report of --check for machines (RFC 8259). Invariant: whatever came in, what goes out is one
 * object in printable ASCII, also when a terminal is the machine. */
#include "agent/check_json.h"

#include <stdio.h>

#include "base/ascii.h"
#include "base/text.h"
#include "base/utf8.h"

struct writer {
    struct buffer *out;
    bool follows; /* something stands before in this object or array */
};

/* --- values ---------------------------------------------------------------------------------- */

/* By number, as UTF-16 (RFC 8259 section 7). */
static void add_escape(struct buffer *out, uint32_t character)
{
    char escape[16];
    struct text text;
    text_init(&text, escape, sizeof escape);
    if (character >= 0x10000) {
        text_add_format(&text, "\\u%04x", (unsigned)(0xd7c0 + (character >> 10)));
        character = 0xdc00 | (character & 0x3ff);
    }
    text_add_format(&text, "\\u%04x", (unsigned)character);
    buffer_add_string(out, escape);
}

/* What is not UTF-8 is taken for Latin-1. */
static void add_string(struct buffer *out, struct slice string)
{
    bool sound = utf8_is_valid(string);
    buffer_add_byte(out, '"');
    while (string.length > 0) {
        char byte = string.bytes[0];
        uint32_t character = (unsigned char)byte;
        if (sound)
            character = utf8_cut(&string);
        else
            string = slice_from(string, 1);
        if (character >= 0x80 || ascii_is_control(byte)) {
            add_escape(out, character);
            continue;
        }
        if (byte == '"' || byte == '\\')
            buffer_add_byte(out, '\\');
        buffer_add_byte(out, byte);
    }
    buffer_add_byte(out, '"');
}

static void separate(struct writer *writer)
{
    if (writer->follows)
        buffer_add_string(writer->out, ", ");
    writer->follows = true;
}

/* `key` NULL: an element of an array. */
static void begin_value(struct writer *writer, const char *key)
{
    separate(writer);
    if (key == NULL)
        return;
    add_string(writer->out, slice_of(key));
    buffer_add_string(writer->out, ": ");
}

static void open(struct writer *writer, const char *key, char bracket)
{
    begin_value(writer, key);
    buffer_add_byte(writer->out, bracket);
    writer->follows = false;
}

static void shut(struct writer *writer, char bracket)
{
    buffer_add_byte(writer->out, bracket);
    writer->follows = true;
}

static void write_string(struct writer *writer, const char *key, const char *value)
{
    begin_value(writer, key);
    if (value != NULL)
        add_string(writer->out, slice_of(value));
    else
        buffer_add_string(writer->out, "null");
}

/* "" is null. */
static void write_known(struct writer *writer, const char *key, const char *value)
{
    write_string(writer, key, value[0] != '\0' ? value : NULL);
}

static void write_number(struct writer *writer, const char *key, int64_t value)
{
    char digits[24];
    struct text text;
    text_init(&text, digits, sizeof digits);
    text_add_format(&text, "%lld", (long long)value);
    begin_value(writer, key);
    buffer_add_string(writer->out, digits);
}

static void write_truth(struct writer *writer, const char *key, bool value)
{
    begin_value(writer, key);
    buffer_add_string(writer->out, value ? "true" : "false");
}

static void write_nothing(struct writer *writer, const char *key)
{
    begin_value(writer, key);
    buffer_add_string(writer->out, "null");
}

/* Blank-separated words as an array. */
static void write_words(struct writer *writer, const char *key, const char *words)
{
    struct slice rest = slice_of(words), word;
    open(writer, key, '[');
    while (slice_cut_word(&rest, &word)) {
        separate(writer);
        add_string(writer->out, word);
    }
    shut(writer, ']');
}

/* --- the parts ------------------------------------------------------------------------------- */

static void write_account(struct writer *writer, const struct check_report *report)
{
    static const char *const modes[] = {[SMARTHOST_STARTTLS] = "starttls",
                                        [SMARTHOST_IMPLICIT] = "implicit",
                                        [SMARTHOST_CLEAR] = "none"};
    const struct account *account = report->account;
    if (account == NULL) {
        write_nothing(writer, "account");
        return;
    }
    const struct smarthost *smarthost = &account->smarthost;
    open(writer, "account", '{');
    write_string(writer, "name", account->name[0] != '\0' ? account->name : "default");
    open(writer, "hosts", '[');
    for (const char *const *host = smarthost->dial.hosts; *host != NULL; host++)
        write_string(writer, NULL, *host);
    shut(writer, ']');
    open(writer, "ports", '[');
    for (const uint16_t *port = smarthost->dial.ports; *port != 0; port++)
        write_number(writer, NULL, *port);
    shut(writer, ']');
    write_string(writer, "tls", modes[smarthost->tls_mode]);
    write_string(writer, "user", smarthost->sasl.user);
    write_string(writer, "sender", report->envelope->sender);
    shut(writer, '}');
}

static void write_steps(struct writer *writer, const struct probe *probe)
{
    static const char *const statuses[] = {
        [PROBE_GOOD] = "ok", [PROBE_NOTED] = "note", [PROBE_FAILED] = "failed"};
    open(writer, "steps", '[');
    for (size_t i = 0; i < probe->step_count; i++) {
        const struct probe_step *step = &probe->steps[i];
        open(writer, NULL, '{');
        write_string(writer, "name", probe_name(step->kind));
        write_string(writer, "status", statuses[step->status]);
        write_number(writer, "started_ms", step->started_ms);
        write_number(writer, "elapsed_ms", step->elapsed_ms);
        if (step->address[0] != '\0')
            write_string(writer, "address", step->address);
        write_string(writer, "details", step->words);
        shut(writer, '}');
    }
    shut(writer, ']');
}

static void write_server(struct writer *writer, const struct probe *probe)
{
    const struct submit_report *report = &probe->report;
    if (report->address[0] == '\0') {
        write_nothing(writer, "server");
        return;
    }
    open(writer, "server", '{');
    write_string(writer, "host", report->host);
    write_string(writer, "address", report->address);
    write_number(writer, "port", report->port);
    write_known(writer, "tls_protocol", report->tls_protocol);
    write_known(writer, "tls_cipher", report->tls_cipher);
    write_known(writer, "mechanism", report->mechanism);
    shut(writer, '}');
}

static void write_offer(struct writer *writer, const struct probe *probe)
{
    const struct capability *offered = &probe->offered;
    if (!probe->hello) {
        write_nothing(writer, "offered");
        return;
    }
    open(writer, "offered", '{');
    write_truth(writer, "SIZE", offered->size);
    if (offered->size_limit > 0 && offered->size_limit <= INT64_MAX)
        write_number(writer, "size_limit", (int64_t)offered->size_limit);
    write_truth(writer, "8BITMIME", offered->eight_bit);
    write_truth(writer, "PIPELINING", offered->pipelining);
    write_truth(writer, "CHUNKING", offered->chunking);
    write_truth(writer, "DSN", offered->dsn);
    write_truth(writer, "SMTPUTF8", offered->smtputf8);
    write_words(writer, "AUTH", offered->mechanisms);
    shut(writer, '}');
}

static void write_chain(struct writer *writer, const struct probe *probe)
{
    open(writer, "certificates", '[');
    for (size_t i = 0; i < probe->chain_length; i++) {
        const struct tls_certificate *certificate = &probe->chain[i];
        open(writer, NULL, '{');
        write_string(writer, "subject", certificate->subject);
        write_string(writer, "issuer", certificate->issuer);
        write_string(writer, "names", certificate->names);
        write_string(writer, "not_before", certificate->not_before);
        write_string(writer, "not_after", certificate->not_after);
        write_number(writer, "days_left", certificate->days_left);
        write_string(writer, "key", certificate->key);
        write_string(writer, "sha256", certificate->sha256);
        write_string(writer, "spki", certificate->spki);
        shut(writer, '}');
    }
    shut(writer, ']');
}

static void write_hint(struct writer *writer, const struct hint *hint)
{
    if (hint == NULL) {
        write_nothing(writer, "hint");
        return;
    }
    open(writer, "hint", '{');
    write_known(writer, "section", hint->section);
    write_known(writer, "key", hint->key);
    write_string(writer, "advice", hint->advice);
    shut(writer, '}');
}

void check_json_write(const struct check_report *report, struct buffer *out)
{
    struct writer writer = {.out = out};
    const struct probe *probe = report->probe;
    bool good = report->error->exit_code == EX_OK;
    open(&writer, NULL, '{');
    write_truth(&writer, "ok", good);
    write_number(&writer, "exit_code", report->error->exit_code);
    write_string(&writer, "error", good ? NULL : report->error->sentence);
    write_string(&writer, "failed_step", good ? NULL : probe_name(probe->failed));
    write_hint(&writer, good ? NULL : report->hint);
    write_known(&writer, "configuration", report->file);
    write_account(&writer, report);
    write_number(&writer, "total_ms", probe->total_ms);
    write_steps(&writer, probe);
    write_server(&writer, probe);
    write_offer(&writer, probe);
    write_chain(&writer, probe);
    shut(&writer, '}');
    buffer_add_byte(out, '\n');
}

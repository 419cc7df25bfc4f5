/* One line in key=value form a mail, whatever became of it. */
#include "agent/report.h"

#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "message/address.h"

/* Whole addresses only: one that was cut would look like another. */
static void log_recipients(const struct envelope *envelope, struct text *line)
{
    char buffer[ADDRESS_SIZE + sizeof ",..."]; /* the first one always fits */
    struct text all;
    text_init(&all, buffer, sizeof buffer);
    for (size_t i = 0; i < envelope->count; i++) {
        struct slice address = slice_of(envelope->recipients[i].address);
        bool fits = all.length + 1 + address.length + strlen(",...") < sizeof buffer;
        text_add(&all, i > 0 ? "," : "");
        text_add_slice(&all, fits ? address : slice_of("..."));
        if (!fits)
            break;
    }
    log_add_whole(line, "to", text_slice(&all));
    log_add_number(line, "recipients", (int64_t)envelope->count);
    log_add_number(line, "accepted", (int64_t)envelope_count(envelope, RECIPIENT_ACCEPTED));
}

static void write_line(const struct mail *mail, int priority, const char *line)
{
    struct error unwritten;
    if (!log_line(priority, line, &unwritten) && mail->call->options.verbose)
        puts(unwritten.sentence);
}

static const char *status_of(const struct mail *mail, const struct error *outcome)
{
    if (outcome->exit_code != EX_OK)
        return "failed";
    return mail->keep.id[0] != '\0' ? "queued" : "sent";
}

/* As sent; what was queued untried has its size as well. */
static uint64_t size_of(const struct mail *mail)
{
    bool untried = mail->report.size == 0 && mail->keep.id[0] != '\0';
    return untried ? message_size(&mail->message) : mail->report.size;
}

static void describe(const struct mail *mail, const struct report_attempt *attempt,
                     const struct error *outcome, struct text *line)
{
    const struct submit_report *report = &mail->report;
    log_add(line, "status", slice_of(attempt->status));
    log_add_number(line, "exit", outcome->exit_code);
    if (attempt->id[0] != '\0')
        log_add(line, "queue", slice_of(attempt->id));
    if (attempt->age >= 0)
        log_add_number(line, "age", attempt->age);
    log_add(line, "message-id", slice_of(mail->message.message_id));
    log_add_number(line, "uid", (int64_t)attempt->owner);
    log_add(line, "from", slice_of(mail->envelope.sender));
    log_recipients(&mail->envelope, line);
    log_add_number(line, "size", (int64_t)size_of(mail));
    log_add(line, "host", slice_of(report->host));
    log_add(line, "address", slice_of(report->address));
    log_add_number(line, "port", report->port);
    log_add(line, "tls", slice_of(report->tls_protocol));
    log_add(line, "cipher", slice_of(report->tls_cipher));
    log_add(line, "auth", slice_of(report->mechanism));
    log_add_number(line, "connections", report->connections);
    log_add_number(line, "resolve-ms", report->resolve_ms);
    log_add_number(line, "connect-ms", report->connect_ms);
    log_add_number(line, "greeting-ms", report->greeting_ms);
    log_add_number(line, "tls-ms", report->tls_ms);
    log_add_number(line, "login-ms", report->login_ms);
    log_add_number(line, "transfer-ms", report->transfer_ms);
    log_add_number(line, "total-ms", clock_now() - mail->started);
    log_add(line, "reply", slice_of(report->reply));
    if (report->notes[0] != '\0')
        log_add_whole(line, "note", slice_of(report->notes));
}

static void write_attempt(const struct mail *mail, const struct report_attempt *attempt,
                          const struct error *outcome, int priority)
{
    char buffer[LOG_LINE_SIZE];
    struct text line;
    text_init(&line, buffer, sizeof buffer);
    describe(mail, attempt, outcome, &line);
    if (mail->keep.id[0] != '\0')
        log_add_whole(&line, "reason", slice_of(mail->keep.reason));
    if (outcome->exit_code != EX_OK)
        log_add_whole(&line, "error", slice_of(outcome->sentence));
    write_line(mail, priority, buffer);
}

static int priority_of(const struct error *outcome)
{
    return outcome->exit_code == EX_OK ? LOG_INFO : LOG_ERR;
}

void report_mail(const struct mail *mail, const struct error *outcome)
{
    struct report_attempt attempt = {
        .status = status_of(mail, outcome), .id = mail->keep.id, .age = -1, .owner = getuid()};
    write_attempt(mail, &attempt, outcome, priority_of(outcome));
}

void report_attempt(const struct mail *mail, const struct report_attempt *attempt,
                    const struct error *outcome)
{
    bool later = outcome->exit_code != EX_OK && strcmp(attempt->status, "deferred") == 0;
    write_attempt(mail, attempt, outcome, later ? LOG_INFO : priority_of(outcome));
}

void report_recipient(const struct mail *mail, const char *address, const struct error *outcome)
{
    char buffer[LOG_LINE_SIZE];
    struct text line;
    text_init(&line, buffer, sizeof buffer);
    log_add(&line, "status", slice_of("refused"));
    log_add_number(&line, "exit", outcome->exit_code);
    log_add_number(&line, "uid", (int64_t)getuid());
    log_add(&line, "from", slice_of(mail->envelope.sender));
    log_add(&line, "to", slice_of(address));
    log_add(&line, "host", slice_of(mail->report.host));
    log_add(&line, "address", slice_of(mail->report.address));
    log_add_whole(&line, "error", slice_of(outcome->sentence));
    write_line(mail, priority_of(outcome), buffer);
}

void report_event(int priority, const char *status, const char *id, const char *sentence)
{
    char buffer[LOG_LINE_SIZE];
    struct text line;
    struct error ignored;
    text_init(&line, buffer, sizeof buffer);
    log_add(&line, "status", slice_of(status));
    if (id != NULL)
        log_add(&line, "queue", slice_of(id));
    log_add_whole(&line, priority <= LOG_ERR ? "error" : "note", slice_of(sentence));
    log_line(priority, buffer, &ignored);
}

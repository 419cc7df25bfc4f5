/* The report of --check for machines. */
#include "agent/check_json.h"

#include "base/json.h"
#include "config/account.h"

/* --- the parts ------------------------------------------------------------------------------- */

static void write_account(struct json *json, const struct check_report *report)
{
    static const char *const modes[] = {[SMARTHOST_STARTTLS] = "starttls",
                                        [SMARTHOST_IMPLICIT] = "implicit",
                                        [SMARTHOST_CLEAR] = "none"};
    const struct account *account = report->account;
    if (account == NULL) {
        json_null(json, "account");
        return;
    }
    const struct smarthost *smarthost = &account->smarthost;
    json_open(json, "account", '{');
    json_string(json, "name", account_shown_name(account));
    json_open(json, "hosts", '[');
    for (const char *const *host = smarthost->dial.hosts; *host != NULL; host++)
        json_string(json, NULL, *host);
    json_close(json, ']');
    json_open(json, "ports", '[');
    for (const uint16_t *port = smarthost->dial.ports; *port != 0; port++)
        json_number(json, NULL, *port);
    json_close(json, ']');
    json_string(json, "tls", modes[smarthost->tls_mode]);
    json_string(json, "user", smarthost->sasl.user);
    json_string(json, "sender", report->envelope->sender);
    json_close(json, '}');
}

static void write_steps(struct json *json, const struct probe *probe)
{
    static const char *const statuses[] = {
        [PROBE_GOOD] = "ok", [PROBE_NOTED] = "note", [PROBE_FAILED] = "failed"};
    json_open(json, "steps", '[');
    for (size_t i = 0; i < probe->step_count; i++) {
        const struct probe_step *step = &probe->steps[i];
        json_open(json, NULL, '{');
        json_string(json, "name", probe_name(step->kind));
        json_string(json, "status", statuses[step->status]);
        json_number(json, "started_ms", step->started_ms);
        json_number(json, "elapsed_ms", step->elapsed_ms);
        if (step->address[0] != '\0')
            json_string(json, "address", step->address);
        json_string(json, "details", step->words);
        json_close(json, '}');
    }
    json_close(json, ']');
}

static void write_server(struct json *json, const struct probe *probe)
{
    const struct submit_report *report = &probe->report;
    if (report->address[0] == '\0') {
        json_null(json, "server");
        return;
    }
    json_open(json, "server", '{');
    json_string(json, "host", report->host);
    json_string(json, "address", report->address);
    json_number(json, "port", report->port);
    json_known(json, "tls_protocol", report->tls_protocol);
    json_known(json, "tls_cipher", report->tls_cipher);
    json_known(json, "mechanism", report->mechanism);
    json_close(json, '}');
}

static void write_offer(struct json *json, const struct probe *probe)
{
    const struct capability *offered = &probe->offered;
    if (!probe->hello) {
        json_null(json, "offered");
        return;
    }
    json_open(json, "offered", '{');
    json_truth(json, "SIZE", offered->size);
    if (offered->size_limit > 0 && offered->size_limit <= INT64_MAX)
        json_number(json, "size_limit", (int64_t)offered->size_limit);
    json_truth(json, "8BITMIME", offered->eight_bit);
    json_truth(json, "PIPELINING", offered->pipelining);
    json_truth(json, "CHUNKING", offered->chunking);
    json_truth(json, "DSN", offered->dsn);
    json_truth(json, "SMTPUTF8", offered->smtputf8);
    json_words(json, "AUTH", offered->mechanisms);
    json_close(json, '}');
}

static void write_chain(struct json *json, const struct probe *probe)
{
    json_open(json, "certificates", '[');
    for (size_t i = 0; i < probe->chain_length; i++) {
        const struct tls_certificate *certificate = &probe->chain[i];
        json_open(json, NULL, '{');
        json_string(json, "subject", certificate->subject);
        json_string(json, "issuer", certificate->issuer);
        json_string(json, "names", certificate->names);
        json_string(json, "not_before", certificate->not_before);
        json_string(json, "not_after", certificate->not_after);
        json_number(json, "days_left", certificate->days_left);
        json_string(json, "key", certificate->key);
        json_string(json, "sha256", certificate->sha256);
        json_string(json, "spki", certificate->spki);
        json_close(json, '}');
    }
    json_close(json, ']');
}

static void write_hint(struct json *json, const struct hint *hint)
{
    if (hint == NULL) {
        json_null(json, "hint");
        return;
    }
    json_open(json, "hint", '{');
    json_known(json, "section", hint->section);
    json_known(json, "key", hint->key);
    json_string(json, "advice", hint->advice);
    json_close(json, '}');
}

void check_json_write(const struct check_report *report, struct buffer *out)
{
    struct json json = {.out = out};
    const struct probe *probe = report->probe;
    bool good = report->error->exit_code == EX_OK;
    json_open(&json, NULL, '{');
    json_truth(&json, "ok", good);
    json_number(&json, "exit_code", report->error->exit_code);
    json_string(&json, "error", good ? NULL : report->error->sentence);
    json_string(&json, "failed_step", good ? NULL : probe_name(probe->failed));
    write_hint(&json, good ? NULL : report->hint);
    json_known(&json, "configuration", report->file);
    write_account(&json, report);
    json_number(&json, "total_ms", probe->total_ms);
    write_steps(&json, probe);
    write_server(&json, probe);
    write_offer(&json, probe);
    write_chain(&json, probe);
    json_close(&json, '}');
    buffer_add_byte(out, '\n');
}

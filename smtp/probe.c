/* The conversation of a submission without a message (RFC 5321 sections 3.1 to 3.3). Invariants:
 * the only commands are EHLO, STARTTLS, AUTH, MAIL, RCPT, RSET and QUIT; what decides is what a
 * submission would have met; and the words of a step hold nothing that the transcript may not. */
#include "smtp/probe.h"

#include <string.h>

#include "base/clock.h"
#include "base/interrupt.h"
#include "smtp/command.h"
#include "smtp/connector.h"

enum {
    OTHERS_TIME = 4000,     /* milliseconds for the addresses and ports that were not needed */
    QUIT_TIME = 5000,       /* for the reply to QUIT */
    RECIPIENTS_MAX = 32,    /* are tried */
    EXPIRES_SOON = 14,      /* days */
    COMMAND_STEP_SIZE = 320 /* "RCPT TO:<...>" */
};

struct run {
    struct probe *probe;
    const struct probe_request *request;
    struct connector connector;
    struct dial_watcher watcher;
};

void probe_init(struct probe *probe)
{
    *probe = (struct probe){.started = clock_now()};
}

const char *probe_name(enum probe_kind kind)
{
    static const char *const names[PROBE_KINDS] = {
        [PROBE_CONFIGURATION] = "config",
        [PROBE_PASSWORD] = "password",
        [PROBE_RESOLVE] = "resolve",
        [PROBE_CONNECT] = "connect",
        [PROBE_GREETING] = "greeting",
        [PROBE_HELLO] = "EHLO",
        [PROBE_STARTTLS] = "STARTTLS",
        [PROBE_TLS] = "TLS",
        [PROBE_LOGIN] = "login",
        [PROBE_MAIL] = "MAIL FROM",
        [PROBE_RECIPIENT] = "RCPT TO",
        [PROBE_RESET] = "RSET",
        [PROBE_QUIT] = "QUIT",
    };
    return names[kind];
}

/* --- steps ----------------------------------------------------------------------------------- */

struct probe_step *probe_begin(struct probe *probe, enum probe_kind kind)
{
    /* The last place is for whatever finds no other. */
    size_t place = probe->step_count;
    if (place == PROBE_STEPS_MAX) {
        place--;
        probe->left_out++;
    } else {
        probe->step_count++;
    }
    probe->steps[place] =
        (struct probe_step){.kind = kind, .started_ms = clock_now() - probe->started};
    if (probe->tell != NULL)
        probe->tell(probe->context, kind);
    return &probe->steps[place];
}

/* Without "STEP: HOST (ADDRESS): ", which the other columns say. */
static const char *essence(const struct probe *probe, const char *sentence)
{
    char address_bytes[DIAL_ADDRESS_SIZE + 8];
    struct text address;
    text_init(&address, address_bytes, sizeof address_bytes);
    text_add_format(&address, "(%s): ", probe->report.address);
    const char *found = strstr(sentence, address.bytes);
    return probe->report.address[0] == '\0' || found == NULL ? sentence : found + address.length;
}

void probe_end(struct probe *probe, struct probe_step *step, const struct error *reason)
{
    step->elapsed_ms = clock_now() - probe->started - step->started_ms;
    probe->total_ms = clock_now() - probe->started;
    if (reason == NULL)
        return;
    step->status = PROBE_FAILED;
    probe->failed = step->kind;
    text_copy(step->words, sizeof step->words, essence(probe, reason->sentence));
}

/* A step of one command: its words are the server's. */
static bool end_with_reply(struct run *run, struct probe_step *step, bool good,
                           const struct error *error)
{
    struct text_shown shown;
    if (good)
        text_copy(step->words, sizeof step->words,
                  reply_show(&run->connector.client.reply, &shown));
    probe_end(run->probe, step, good ? NULL : error);
    return good;
}

/* --- reaching a server ----------------------------------------------------------------------- */

/* Without a port. */
static void show_address(const struct resolve_address *address, struct text *out)
{
    char bytes[DIAL_ADDRESS_SIZE];
    struct text shown;
    text_init(&shown, bytes, sizeof bytes);
    resolve_format(address, 0, &shown);
    text_add_slice(out, slice_to(text_slice(&shown), shown.length - strlen(":0")));
}

static void describe_host(const struct dial_news *news, struct probe_step *step)
{
    struct text words;
    text_init(&words, step->words, sizeof step->words);
    if (news->found == NULL) {
        text_add(&words, news->reason->sentence);
        return;
    }
    text_add_escaped(&words, slice_of(news->host), TEXT_SHOWN_LIMIT);
    for (size_t i = 0; i < news->found->count; i++) {
        text_add(&words, i == 0 ? ": " : ", ");
        show_address(&news->found->addresses[i], &words);
    }
}

static void describe_candidate(const struct dial_news *news, struct probe_step *step)
{
    struct text words;
    text_init(&words, step->words, sizeof step->words);
    text_copy(step->address, sizeof step->address, news->address);
    if (news->reason != NULL)
        text_add(&words, news->reason->sentence);
    else
        text_add_format(&words, "connected after %lld ms, greeted after %lld ms",
                        (long long)(news->connected - news->started),
                        (long long)(clock_now() - news->started));
}

/* An address needs no look-up. */
static bool is_literal(const struct dial_news *news)
{
    struct slice host = slice_of(news->host);
    return news->found != NULL && (slice_find(host, ':') < host.length ||
                                   strspn(news->host, "0123456789.") == host.length);
}

static void take_news(void *context, const struct dial_news *news)
{
    struct run *run = context;
    struct probe *probe = run->probe;
    bool look_up = news->address[0] == '\0';
    if (look_up && is_literal(news))
        return;
    struct probe_step *step = probe_begin(probe, look_up ? PROBE_RESOLVE : PROBE_CONNECT);
    if (news->started > 0)
        step->started_ms = news->started - probe->started;
    step->status = news->reason == NULL ? PROBE_GOOD : PROBE_FAILED;
    if (look_up)
        describe_host(news, step);
    else
        describe_candidate(news, step);
    probe_end(probe, step, NULL);
}

static bool has_step(const struct probe *probe, enum probe_kind kind, enum probe_status status)
{
    for (size_t i = 0; i < probe->step_count; i++)
        if (probe->steps[i].kind == kind && probe->steps[i].status == status)
            return true;
    return false;
}

/* Nobody lost the race, and nobody won it: it was broken off. */
static void note_broken_race(struct probe *probe, int64_t started, const struct error *reason)
{
    struct probe_step *step = probe_begin(probe, PROBE_CONNECT);
    step->started_ms = started - probe->started;
    probe_end(probe, step, reason);
}

/* The race that a submission would run. Where it has no winner, a server that was given up before
 * stays the one to blame. */
static bool dial(void *context, struct error *error)
{
    struct run *run = context;
    struct probe *probe = run->probe;
    int64_t started = clock_now();
    size_t steps = probe->step_count;
    probe->report.mechanism[0] = '\0'; /* of a server that was given up */
    if (probe->tell != NULL)
        probe->tell(probe->context, PROBE_CONNECT);
    if (connector_dial(&run->connector, error))
        return true;
    probe->total_ms = clock_now() - probe->started;
    if (has_step(probe, PROBE_CONNECT, PROBE_GOOD))
        return false;
    if (probe->step_count == steps)
        note_broken_race(probe, started, error);
    probe->failed = has_step(probe, PROBE_CONNECT, PROBE_FAILED) ? PROBE_CONNECT : PROBE_RESOLVE;
    return false;
}

/* --- up to the login ------------------------------------------------------------------------- */

static void add_word(struct text *out, const char *word)
{
    text_add_format(out, "%s%s", out->length > 0 ? ", " : "", word);
}

void probe_show_offer(const struct capability *offered, struct text *out)
{
    const struct {
        bool is_there;
        const char *word;
    } rows[] = {
        {offered->eight_bit, "8BITMIME"},
        {offered->smtputf8, "SMTPUTF8"},
        {offered->pipelining, "PIPELINING"},
        {offered->chunking, "CHUNKING"},
        {offered->dsn, "DSN"},
        {offered->starttls, "STARTTLS"},
    };
    size_t start = out->length;
    if (offered->size)
        add_word(out, "SIZE");
    if (offered->size_limit > 0)
        text_add_format(out, " %llu", (unsigned long long)offered->size_limit);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].is_there)
            add_word(out, rows[i].word);
    if (offered->auth) {
        add_word(out, "AUTH ");
        text_add_escaped(out, slice_of(offered->mechanisms), TEXT_SHOWN_LIMIT);
    }
    if (out->length == start)
        text_add(out, "nothing but the least");
}

static void describe_tls(struct run *run, struct probe_step *step)
{
    struct probe *probe = run->probe;
    struct submit_report *report = &probe->report;
    const struct stream *stream = &run->connector.client.stream;
    struct text words;
    text_copy(report->tls_protocol, sizeof report->tls_protocol, tls_protocol(stream));
    text_copy(report->tls_cipher, sizeof report->tls_cipher, tls_cipher(stream));
    text_init(&words, step->words, sizeof step->words);
    text_add_format(&words, "%s %s, verified by %s", report->tls_protocol, report->tls_cipher,
                    tls_voucher(stream));
    if (probe->chain_length == 0 || probe->chain[0].days_left >= EXPIRES_SOON)
        return;
    text_add_format(&words, "; its certificate ends on %s", probe->chain[0].not_after);
    step->status = PROBE_NOTED;
}

static bool shake_hands(struct run *run, enum client_step which, struct probe_step *step,
                        struct error *error)
{
    struct probe *probe = run->probe;
    struct client *client = &run->connector.client;
    bool done = client_take_step(client, which, error);
    probe->chain_length = certificate_chain(&client->stream, probe->chain, PROBE_CHAIN_MAX);
    if (done)
        describe_tls(run, step);
    probe_end(probe, step, done ? NULL : error);
    return done;
}

/* A server that another one told our password may offer that. */
static void keep_offer(const struct client *client, struct capability *offered)
{
    struct text mechanisms;
    *offered = client->capability;
    text_init(&mechanisms, offered->mechanisms, sizeof offered->mechanisms);
    mask_write(&client->mask, slice_of(client->capability.mechanisms), &mechanisms);
}

static bool say_hello(struct run *run, enum client_step which, struct probe_step *step,
                      struct error *error)
{
    struct probe *probe = run->probe;
    struct client *client = &run->connector.client;
    struct text words;
    bool done = client_take_step(client, which, error);
    probe->hello = done;
    if (done) {
        keep_offer(client, &probe->offered);
        text_init(&words, step->words, sizeof step->words);
        probe_show_offer(&probe->offered, &words);
    }
    probe_end(probe, step, done ? NULL : error);
    return done;
}

static bool take_step(struct run *run, enum client_step which, struct error *error)
{
    static const enum probe_kind kinds[CLIENT_STEPS] = {
        [CLIENT_HANDSHAKE] = PROBE_TLS, [CLIENT_GREETING] = PROBE_GREETING,
        [CLIENT_HELLO] = PROBE_HELLO,   [CLIENT_STARTTLS] = PROBE_STARTTLS,
        [CLIENT_UPGRADE] = PROBE_TLS,   [CLIENT_HELLO_AGAIN] = PROBE_HELLO,
    };
    struct client *client = &run->connector.client;
    if (!client_has_step(client, which))
        return true;
    struct probe_step *step = probe_begin(run->probe, kinds[which]);
    if (kinds[which] == PROBE_TLS)
        return shake_hands(run, which, step, error);
    if (kinds[which] == PROBE_HELLO)
        return say_hello(run, which, step, error);
    return end_with_reply(run, step, client_take_step(client, which, error), error);
}

static bool begin(void *context, struct error *error)
{
    struct run *run = context;
    for (enum client_step which = 0; which < CLIENT_STEPS; which++)
        if (!take_step(run, which, error))
            return false;
    return true;
}

static bool log_in(void *context, struct error *error)
{
    struct run *run = context;
    struct probe *probe = run->probe;
    const struct sasl_options *sasl = &run->request->smarthost->sasl;
    struct probe_step *step = probe_begin(probe, PROBE_LOGIN);
    struct text words;
    struct text_shown user;
    bool done = connector_log_in(&run->connector, error);
    text_init(&words, step->words, sizeof step->words);
    if (probe->report.mechanism[0] != '\0')
        text_add_format(&words, "%s as %s", probe->report.mechanism,
                        text_show(&user, slice_of(sasl->user)));
    else
        text_add(&words, sasl_is_off(sasl) ? "none: auth = off" : "none: no user is set");
    probe_end(probe, step, done ? NULL : error);
    return done;
}

/* From no connection to one that is ready for MAIL: as a submission does it, so that another server
 * has its turn where that would have one. */
static bool get_ready(struct run *run, struct error *error)
{
    const struct connector_steps steps = {
        .context = run, .dial = dial, .begin = begin, .log_in = log_in};
    return connector_reach(&run->connector, &steps, error);
}

/* --- the envelope ---------------------------------------------------------------------------- */

/* One command of the transaction. `line` NULL: it could not be built, and the error says why. */
static bool ask(struct run *run, const char *line, const char *verb, const char *address,
                struct error *error)
{
    struct client *client = &run->connector.client;
    char name_bytes[COMMAND_STEP_SIZE];
    struct text name;
    text_init(&name, name_bytes, sizeof name_bytes);
    text_add_format(&name, "%s:<", verb);
    text_add_escaped(&name, slice_of(address), TEXT_SHOWN_LIMIT);
    text_add_byte(&name, '>');
    if (line == NULL)
        return client_add_context(client, name_bytes, error);
    if (!client_ask(client, line, name_bytes, error))
        return false;
    return reply_class(&client->reply) == 2 || client_refused(client, name_bytes, true, error);
}

/* Whether SMTPUTF8 is to be said. False: it would have to be, and is not offered. */
static bool decide_utf8(const struct run *run, bool *utf8, struct error *error)
{
    *utf8 = run->request->envelope->needs_utf8;
    return !*utf8 || run->connector.client.capability.smtputf8 ||
           error_set_permanent(error, EX_DATAERR,
                               "an address needs SMTPUTF8, which the server does not offer; only "
                               "an address in ASCII can be reached by it");
}

/* In front of the server's words: whom they are about, and which alias led to him. */
static void name_address(struct probe_step *step, const char *address, const char *original)
{
    char words_bytes[PROBE_WORDS_SIZE];
    struct text words;
    struct slice alias = slice_of(original);
    text_init(&words, words_bytes, sizeof words_bytes);
    text_add_byte(&words, '<');
    text_add_escaped(&words, slice_of(address), TEXT_SHOWN_LIMIT);
    text_add(&words, "> ");
    if (alias.length > 0) {
        text_add(&words, "for ");
        text_add_escaped(&words, slice_from(alias, slice_find(alias, ';') + 1), TEXT_SHOWN_LIMIT);
        text_add(&words, ": ");
    }
    text_add(&words, step->words);
    text_copy(step->words, sizeof step->words, words_bytes);
}

static bool offer_sender(struct run *run, struct error *error)
{
    struct command_mail mail = {.sender = run->request->envelope->sender};
    struct probe_step *step = probe_begin(run->probe, PROBE_MAIL);
    char line_bytes[COMMAND_SIZE];
    struct text line;
    text_init(&line, line_bytes, sizeof line_bytes);
    bool built = decide_utf8(run, &mail.smtputf8, error) && command_mail(&line, &mail, error);
    bool taken = ask(run, built ? line_bytes : NULL, "MAIL FROM", mail.sender, error);
    end_with_reply(run, step, taken, error);
    name_address(step, mail.sender, NULL);
    return taken;
}

static bool offer_recipient(struct run *run, const struct recipient *recipient, struct error *error)
{
    struct command_rcpt rcpt = {.address = recipient->address,
                                .smtputf8 = run->request->envelope->needs_utf8};
    struct probe_step *step = probe_begin(run->probe, PROBE_RECIPIENT);
    char line_bytes[COMMAND_SIZE];
    struct text line;
    text_init(&line, line_bytes, sizeof line_bytes);
    bool built = command_rcpt(&line, &rcpt, error);
    bool taken = ask(run, built ? line_bytes : NULL, "RCPT TO", rcpt.address, error);
    end_with_reply(run, step, taken, error);
    name_address(step, recipient->address, recipient->original);
    return taken;
}

/* Nobody could be asked about the rest. */
static void note_untried(struct run *run, size_t untried)
{
    struct probe_step *step = probe_begin(run->probe, PROBE_RECIPIENT);
    struct text words;
    text_init(&words, step->words, sizeof step->words);
    text_add_format(&words, "%zu more were not tried", untried);
    step->status = PROBE_NOTED;
    probe_end(run->probe, step, NULL);
}

/* The exit code is that of a message to them all; the sentence is about the first who is to blame.
 */
static bool offer_recipients(struct run *run, struct error *error)
{
    const struct envelope *envelope = run->request->envelope;
    const struct client *client = &run->connector.client;
    size_t tried = envelope->count < RECIPIENTS_MAX ? envelope->count : RECIPIENTS_MAX;
    size_t refused = 0, deferred = 0;
    struct error reason, first = {.exit_code = EX_OK};
    for (size_t i = 0; i < tried; i++) {
        if (offer_recipient(run, &envelope->recipients[i], &reason))
            continue;
        bool is_verdict = reason.permanent;
        if ((is_verdict && refused++ == 0) || first.exit_code == EX_OK)
            first = reason;
        deferred += !is_verdict;
        if (client_hung_up(client) || reason.exit_code == EX_NOPERM || reason.reply_code == 0 ||
            reason.reply_code == 421) {
            *error = reason;
            return false;
        }
    }
    if (envelope->count > tried)
        note_untried(run, envelope->count - tried);
    if (refused + deferred == 0)
        return true;
    *error = first;
    if (refused > 0)
        error->exit_code = refused == tried ? EX_NOUSER : EX_UNAVAILABLE;
    return false;
}

/* --- the end --------------------------------------------------------------------------------- */

/* Nothing that goes wrong from here on keeps a mail from being sent. */
static void finish_step(struct run *run, enum probe_kind kind, int64_t timeout)
{
    const char *verb = probe_name(kind);
    struct client *client = &run->connector.client;
    struct probe *probe = run->probe;
    struct error error;
    enum probe_kind failed = probe->failed;
    struct probe_step *step = probe_begin(probe, kind);
    bool done = client_send(client, verb, &error) && client_read(client, verb, timeout, &error) &&
                (reply_class(&client->reply) == 2 || client_refused(client, verb, false, &error));
    end_with_reply(run, step, done, &error);
    if (!done)
        step->status = PROBE_NOTED;
    probe->failed = failed;
}

static void say_goodbye(struct run *run)
{
    struct client *client = &run->connector.client;
    int64_t timeout = client->smarthost->timeout;
    if (!client_hung_up(client))
        finish_step(run, PROBE_RESET, timeout);
    if (!client_hung_up(client))
        finish_step(run, PROBE_QUIT, timeout < QUIT_TIME ? timeout : QUIT_TIME);
    client->quit_sent = true;
    connector_disconnect(&run->connector, false);
}

/* The addresses and ports that were behind in the race. */
static void try_others(struct run *run)
{
    struct connector *connector = &run->connector;
    struct submit_report report = {0};
    struct error ignored;
    if (connector->dial == NULL || interrupt_came(NULL))
        return;
    dial_hurry(connector->dial, OTHERS_TIME);
    connector_report_to(connector, &report);
    while (connector_dial(connector, &ignored)) {
        /* It is there already, and makes the goodbye a polite one. */
        if (connector->smarthost->tls_mode != SMARTHOST_IMPLICIT)
            client_take_step(&connector->client, CLIENT_GREETING, &ignored);
        connector_disconnect(connector, true);
    }
}

/* What failed and did not matter is a note. */
static void soften(struct probe *probe, bool good)
{
    bool reached = has_step(probe, PROBE_CONNECT, PROBE_GOOD);
    for (size_t i = 0; i < probe->step_count; i++) {
        struct probe_step *step = &probe->steps[i];
        bool on_the_way = step->kind == PROBE_CONNECT || step->kind == PROBE_RESOLVE;
        if (step->status == PROBE_FAILED && (good || (reached && on_the_way)))
            step->status = PROBE_NOTED;
    }
}

static bool open_run(struct run *run, struct error *error)
{
    struct probe *probe = run->probe;
    const struct probe_request *request = run->request;
    submit_begin_report(&probe->report, request->smarthost);
    if (!connector_init(&run->connector, request->smarthost, request->trace, error)) {
        probe_end(probe, probe_begin(probe, PROBE_TLS), error);
        return false;
    }
    run->watcher = (struct dial_watcher){.take = take_news, .context = run};
    run->connector.greeter.watcher = &run->watcher;
    run->connector.client.plain = true; /* step by step */
    connector_report_to(&run->connector, &probe->report);
    return true;
}

bool probe_run(struct probe *probe, const struct probe_request *request, struct error *error)
{
    struct run run = {.probe = probe, .request = request};
    bool good = open_run(&run, error);
    if (good) {
        good = get_ready(&run, error) && offer_sender(&run, error) && offer_recipients(&run, error);
        if (good)
            say_goodbye(&run);
        connector_disconnect(&run.connector, true);
        try_others(&run);
    }
    soften(probe, good);
    if (good)
        *error = (struct error){.exit_code = EX_OK}; /* of a server that was given up on the way */
    connector_close(&run.connector);
    return good;
}

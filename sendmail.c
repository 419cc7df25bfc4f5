/* sendmail: hands one message to the configured smarthost. This file tells the story of one mail,
 * and is the only one that prints and exits. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/process.h"
#include "config/account.h"
#include "config/keys.h"
#include "config/options.h"
#include "config/secret.h"
#include "message/address.h"
#include "message/input.h"
#include "message/mime.h"
#include "message/wire.h"
#include "smtp/outcome.h"

#define VERSION "0.1"

/* One mail on its way, and all that it needs. */
struct mail {
    struct options options;
    struct settings settings;
    struct account_person person;
    struct account account; /* the chosen one, with its secret */
    struct sasl_secret secret;
    struct message message;
    struct envelope envelope;
    struct submit_report report;
    int input;        /* where the message is read from */
    bool input_taken; /* by input_read, which drains what it leaves */
    int64_t started;
    struct arena arena;
};

static void print_line(const char *line)
{
    puts(line);
}

/* A line of the conversation appears when it is said, not when all is over. */
static void print_now(void *context, const char *line)
{
    (void)context;
    puts(line);
    fflush(stdout);
}

/* --- what the user asked for ----------------------------------------------------------------- */

static bool load_settings(struct mail *mail, struct error *error)
{
    struct paths paths;
    struct paths_choice choice;
    if (!paths_find(&paths, &mail->arena, error) ||
        !paths_choose(&paths, mail->options.config_file, &choice, error) ||
        !settings_load(&mail->settings, &choice, error))
        return false;
    log_open(&mail->settings.log);
    return account_find_person(&mail->person, &mail->arena, error);
}

static bool open_input(struct mail *mail, struct error *error)
{
    const char *path = mail->options.input_file;
    if (path != NULL) {
        struct text_shown shown;
        mail->input = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        if (mail->input < 0)
            return error_set_errno(error, EX_NOINPUT, "--file: %s",
                                   text_show(&shown, slice_of(path)));
    }
    return true;
}

/* Nothing relative is left to be opened; the caller's directory may be unmounted. */
static bool leave_directory(struct error *error)
{
    return chdir("/") == 0 || error_set_errno(error, EX_OSERR, "chdir: /");
}

/* --- the message and its envelope ------------------------------------------------------------ */

static bool read_message(struct mail *mail, struct error *error)
{
    bool interactive = isatty(mail->input);
    struct input_options how = {
        .dot_ends = interactive && !mail->options.ignore_dots,
        .drop_last_dot = !interactive && !mail->options.ignore_dots,
        .max_size = mail->settings.max_size,
    };
    mail->input_taken = true;
    return input_read(&mail->message, mail->input, &how, error);
}

/* Puts -f, where it was given, into the request; `sender` holds its canonical form. */
static bool request_sender(const struct mail *mail, struct account_request *request,
                           struct text *sender, struct error *error)
{
    const char *written = mail->options.sender;
    const char *domain = mail->settings.local_domain;
    bool needs_utf8 = false;
    if (written == NULL)
        return true;
    request->sender = sender->bytes;
    return address_parse_one(slice_of(written), domain, sender, &needs_utf8, error) ||
           error_add_context(error, "sender");
}

static bool choose_account(struct mail *mail, struct error *error)
{
    const struct settings *settings = &mail->settings;
    struct account_request request = {.login = mail->person.login, .name = mail->options.account};
    const struct account *account;
    char requested_bytes[ADDRESS_SIZE], sender_bytes[ADDRESS_SIZE];
    struct text requested, sender;
    text_init(&requested, requested_bytes, sizeof requested_bytes);
    text_init(&sender, sender_bytes, sizeof sender_bytes);
    if (!request_sender(mail, &request, &requested, error) ||
        !account_choose(settings, &request, &account, error) ||
        !account_sender(account, settings, &request, &sender, error) ||
        !envelope_set_sender(&mail->envelope, sender.bytes, error))
        return false;
    mail->account = *account;
    mail->account.smarthost.sasl.secret = &mail->secret;
    return true;
}

static bool add_recipients(struct mail *mail, struct error *error)
{
    const struct options *options = &mail->options;
    const char *domain = mail->settings.local_domain;
    for (size_t i = 0; i < options->recipient_count; i++)
        if (!envelope_add_argument(&mail->envelope, slice_of(options->recipients[i]), domain,
                                   error))
            return false;
    if (options->from_header &&
        !envelope_add_header(&mail->envelope, &mail->message, domain, error))
        return false;
    if (mail->envelope.count > 0)
        return true;
    return error_set_permanent(error, EX_USAGE, "recipients: there are none; %s",
                               options->from_header
                                   ? "the header names nobody"
                                   : "give addresses as arguments, or -t to take the header's");
}

/* Delivery reports: what the options say is said for everybody. */
static void request_reports(struct mail *mail)
{
    struct envelope *envelope = &mail->envelope;
    envelope->id = mail->options.envelope_id;
    envelope->returned = mail->options.returned;
    for (size_t i = 0; i < envelope->count; i++)
        envelope->recipients[i].notify = mail->options.notify;
}

static void print_note(void *context, const char *sentence)
{
    (void)context;
    printf("changed: %s\n", sentence);
}

static bool mend_header(struct mail *mail, struct error *error)
{
    const struct settings *settings = &mail->settings;
    char buffer[ADDRESS_SIZE];
    struct text from;
    text_init(&from, buffer, sizeof buffer);
    text_add(&from, mail->envelope.sender);
    if (from.length == 0 &&
        !account_default_sender(&mail->account, settings, mail->person.login, &from, error))
        return false;
    bool named = mail->options.full_name != NULL;
    bool dry = mail->options.mode == OPTIONS_DRY_RUN;
    struct fix_options fix = {
        .from_header = settings->from_header,
        .add_date = settings->add_date,
        .add_message_id = settings->add_message_id,
        .remove_bcc = settings->remove_bcc,
        .domain = settings->local_domain,
        .from = from.bytes,
        .full_name = named ? mail->options.full_name : mail->person.full_name,
        .now = clock_wall(),
        .utf8 = mail->envelope.needs_utf8,
        .note = dry ? print_note : NULL,
    };
    return fix_header(&mail->message, &fix, error) &&
           message_check_size(message_size(&mail->message), settings->max_size, error);
}

/* --- the two ways it can go ------------------------------------------------------------------ */

static void print_words(const char *label, const char *const *words)
{
    fputs(label, stdout);
    for (; *words != NULL; words++)
        printf(" %s", *words);
    putchar('\n');
}

static void print_account(const struct mail *mail)
{
    const struct account *account = &mail->account;
    const struct smarthost *smarthost = &account->smarthost;
    static const char *const modes[] = {[SMARTHOST_STARTTLS] = "STARTTLS",
                                        [SMARTHOST_IMPLICIT] = "implicit TLS",
                                        [SMARTHOST_CLEAR] = "no TLS"};
    printf("configuration: %s\naccount: %s\n", mail->settings.ini.path,
           account->name[0] != '\0' ? account->name : "default");
    print_words("smarthost:", smarthost->dial.hosts);
    fputs("ports:", stdout);
    for (const uint16_t *port = smarthost->dial.ports; *port != 0; port++)
        printf(" %u", (unsigned)*port);
    printf(", %s\nlogin: %s\n", modes[smarthost->tls_mode],
           smarthost->sasl.user ? smarthost->sasl.user : "none");
}

/* Files without which the mail would fail. A command is not run for a rehearsal. */
static void note_files(struct mail *mail)
{
    const struct account *account = &mail->account;
    const char *ca_file = account->smarthost.tls.ca_file;
    struct text_shown shown;
    struct error error;
    if (ca_file != NULL && access(ca_file, R_OK) != 0) {
        error_set_errno(&error, EX_CONFIG, "tls_ca_file: %s", text_show(&shown, slice_of(ca_file)));
        printf("note: %s\n", error.sentence);
    }
    if (account->password_file != NULL && !secret_load(account, &mail->secret, &error))
        printf("note: %s\n", error.sentence);
    sasl_wipe(&mail->secret);
}

/* Where the sender is another one than was asked for, or one that servers hardly take. */
static void note_sender(const struct mail *mail)
{
    const char *sender = mail->envelope.sender, *at = strrchr(sender, '@');
    char buffer[ADDRESS_SIZE];
    struct account_request request = {.login = mail->person.login};
    struct text requested;
    struct error ignored;
    text_init(&requested, buffer, sizeof buffer);
    if (request_sender(mail, &request, &requested, &ignored) && request.sender != NULL &&
        strcmp(request.sender, sender) != 0)
        printf("sender: %s instead of %s (allow_from_override)\n", sender, request.sender);
    if (at != NULL && at[1] != '[' && strchr(at, '.') == NULL)
        printf("note: sender %s has no real domain; set from, or [local] domain\n", sender);
}

static void print_envelope(const struct mail *mail)
{
    const struct message *message = &mail->message;
    bool eight_bit = message->body_8bit || message->header_8bit;
    printf("MAIL FROM:<%s> SIZE=%llu%s%s\n", mail->envelope.sender,
           (unsigned long long)message_size(message), eight_bit ? " BODY=8BITMIME" : "",
           mail->envelope.needs_utf8 ? " SMTPUTF8" : "");
    for (size_t i = 0; i < mail->envelope.count; i++)
        printf("RCPT TO:<%s>\n", mail->envelope.recipients[i].address);
}

/* --dry-run: the octets that a server with 8BITMIME would get, with the line ends of this system.
 */
static bool show_message(struct mail *mail, struct error *error)
{
    struct wire wire;
    struct slice octets = {0};
    bool good;
    print_line("message, as a server that offers 8BITMIME gets it:\n");
    wire_open(&wire, &mail->message, false);
    while ((good = wire_next(&wire, &octets, error)) && octets.length > 0)
        for (size_t i = 0; i < octets.length; i++)
            if (octets.bytes[i] != '\r')
                putchar(octets.bytes[i]);
    wire_close(&wire);
    return good;
}

/* What is left to the conversation, done as for a server that offers 8BITMIME. */
static bool encode_body(struct mail *mail, struct error *error)
{
    struct mime_facts facts;
    char added_bytes[MIME_NOTE_SIZE], encoded_bytes[MIME_NOTE_SIZE];
    struct text added, encoded;
    text_init(&added, added_bytes, sizeof added_bytes);
    text_init(&encoded, encoded_bytes, sizeof encoded_bytes);
    if (!mime_label(&mail->message, &facts, &added, error) ||
        !mime_fit(&mail->message, &facts, true, &encoded, error))
        return false;
    if (added.length > 0)
        print_note(NULL, added.bytes);
    if (encoded.length > 0)
        print_line(encoded.bytes);
    return true;
}

static bool rehearse(struct mail *mail, struct error *error)
{
    if (!encode_body(mail, error))
        return false;
    print_account(mail);
    note_files(mail);
    note_sender(mail);
    print_envelope(mail);
    return show_message(mail, error);
}

static bool submit(struct mail *mail, struct error *error)
{
    struct error ending = {.exit_code = EX_OK};
    struct trace trace = {.line = mail->options.verbose ? print_now : NULL, .started = clock_now()};
    if (!secret_load(&mail->account, &mail->secret, error))
        return false;
    request_reports(mail);
    submit_message(&mail->account.smarthost, &mail->message, &mail->envelope, &trace, &mail->report,
                   &ending);
    sasl_wipe(&mail->secret);
    return outcome_judge(&mail->envelope, &ending, &mail->report, error);
}

/* --- the story ------------------------------------------------------------------------------- */

static bool send_mail(struct mail *mail, struct error *error)
{
    if (!load_settings(mail, error) || !open_input(mail, error) || !leave_directory(error) ||
        !read_message(mail, error) || !choose_account(mail, error) ||
        !add_recipients(mail, error) || !mend_header(mail, error))
        return false;
    if (mail->options.mode == OPTIONS_DRY_RUN)
        return rehearse(mail, error);
    return submit(mail, error);
}

static bool run(struct mail *mail, int argc, char **argv, struct error *error)
{
    if (!process_start(error) || !options_parse(&mail->options, argc, argv, &mail->arena, error))
        return false;
    switch (mail->options.mode) {
    case OPTIONS_HELP:
        options_write_help(print_line);
        return true;
    case OPTIONS_HELP_CONFIG:
        keys_write_help(print_line);
        return true;
    case OPTIONS_VERSION:
        print_line("sendmail " VERSION);
        return true;
    default:
        return send_mail(mail, error);
    }
}

/* Whether all that was asked for could be shown. What was sent is sent, whoever hears of it. */
static bool finish_output(const struct mail *mail, struct error *error)
{
    errno = EIO;
    if (mail->options.mode == OPTIONS_SEND || (fflush(stdout) == 0 && !ferror(stdout)))
        return true;
    return error_set_errno(error, EX_IOERR, "standard output");
}

/* --- what is left behind ---------------------------------------------------------------------- */

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

/* The one log line of a submission. */
static void log_submission(const struct mail *mail, const struct error *outcome)
{
    const struct submit_report *report = &mail->report;
    char buffer[LOG_LINE_SIZE];
    struct text line;
    text_init(&line, buffer, sizeof buffer);
    log_add(&line, "status", slice_of(outcome->exit_code == EX_OK ? "sent" : "failed"));
    log_add_number(&line, "exit", outcome->exit_code);
    log_add(&line, "message-id", slice_of(mail->message.message_id));
    log_add_number(&line, "uid", (int64_t)getuid());
    log_add(&line, "from", slice_of(mail->envelope.sender));
    log_recipients(&mail->envelope, &line);
    log_add_number(&line, "size", (int64_t)report->size);
    log_add(&line, "host", slice_of(report->host));
    log_add(&line, "address", slice_of(report->address));
    log_add_number(&line, "port", report->port);
    log_add(&line, "tls", slice_of(report->tls_protocol));
    log_add(&line, "cipher", slice_of(report->tls_cipher));
    log_add(&line, "auth", slice_of(report->mechanism));
    log_add_number(&line, "connections", report->connections);
    log_add_number(&line, "resolve-ms", report->resolve_ms);
    log_add_number(&line, "connect-ms", report->connect_ms);
    log_add_number(&line, "greeting-ms", report->greeting_ms);
    log_add_number(&line, "tls-ms", report->tls_ms);
    log_add_number(&line, "login-ms", report->login_ms);
    log_add_number(&line, "transfer-ms", report->transfer_ms);
    log_add_number(&line, "total-ms", clock_now() - mail->started);
    log_add(&line, "reply", slice_of(report->reply));
    if (report->notes[0] != '\0')
        log_add_whole(&line, "note", slice_of(report->notes));
    if (outcome->exit_code != EX_OK)
        log_add_whole(&line, "error", slice_of(outcome->sentence));
    struct error unwritten;
    if (!log_line(outcome->exit_code == EX_OK ? LOG_INFO : LOG_ERR, buffer, &unwritten) &&
        mail->options.verbose)
        print_now(NULL, unwritten.sentence);
}

static void release(struct mail *mail)
{
    sasl_wipe(&mail->secret);
    message_free(&mail->message);
    envelope_free(&mail->envelope);
    settings_free(&mail->settings);
    arena_free(&mail->arena);
}

int main(int argc, char **argv)
{
    struct mail mail = {.input = STDIN_FILENO, .started = clock_now()};
    struct error error = {.exit_code = EX_OK};
    static const struct log_options until_configured = {.facility = LOG_MAIL};
    log_open(&until_configured);
    message_init(&mail.message, NULL);
    if (!run(&mail, argc, argv, &error) || !finish_output(&mail, &error)) {
        if (mail.options.reads_input && mail.options.input_file == NULL && !mail.input_taken)
            process_drain(STDIN_FILENO);
        fprintf(stderr, "sendmail: %s\n", error.sentence);
    }
    if (mail.options.mode == OPTIONS_SEND)
        log_submission(&mail, &error);
    release(&mail);
    return error.exit_code;
}

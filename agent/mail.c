/* The story of one mail, step by step. Nothing is sent before the last one. */
#include "agent/mail.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/interrupt.h"
#include "config/secret.h"
#include "message/address.h"
#include "message/author.h"
#include "message/input.h"
#include "smtp/outcome.h"

void mail_init(struct mail *mail, struct call *call)
{
    *mail = (struct mail){.call = call, .person = &call->person, .started = clock_now()};
    message_init(&mail->message, NULL);
}

void mail_prepare(struct mail *mail)
{
    struct call *call = mail->call;
    keep_prepare(&mail->keep, call);
    if (call->spool_open && mail->keep.way != KEEP_NOTHING)
        mail->message.store.place = &call->spool.place;
}

bool mail_read(struct mail *mail, int fd, struct error *error)
{
    bool interactive = isatty(fd), ignore_dots = mail->call->options.ignore_dots;
    struct input_options how = {
        .dot_ends = interactive && !ignore_dots,
        .drop_last_dot = !interactive && !ignore_dots,
        .max_size = mail->call->settings.max_size,
    };
    return input_read(&mail->message, fd, &how, error);
}

bool mail_parse_sender(const struct mail *mail, const char *written, struct text *sender,
                       struct error *error)
{
    const char *domain = mail->call->settings.local_domain;
    bool needs_utf8 = false;
    return address_parse_one(slice_of(written), domain, sender, &needs_utf8, error) ||
           error_add_context(error, "sender");
}

bool mail_choose_account(struct mail *mail, const char *sender, struct error *error)
{
    const struct call *call = mail->call;
    struct account_request request = {.login = mail->person->login, .name = call->options.account};
    const struct account *account;
    char requested_bytes[ADDRESS_SIZE], author_bytes[ADDRESS_SIZE], chosen_bytes[ADDRESS_SIZE];
    struct text requested, author, chosen;
    text_init(&requested, requested_bytes, sizeof requested_bytes);
    text_init(&author, author_bytes, sizeof author_bytes);
    text_init(&chosen, chosen_bytes, sizeof chosen_bytes);
    if (sender != NULL) {
        request.sender = requested.bytes;
        if (!mail_parse_sender(mail, sender, &requested, error))
            return false;
    }
    request.author = author_bytes;
    if (!author_find(&mail->message, call->settings.local_domain, &author, error) ||
        !account_choose(&call->settings, &request, &account, error) ||
        !account_sender(account, &call->settings, &request, &chosen, error) ||
        !envelope_set_sender(&mail->envelope, chosen.bytes, error))
        return false;
    mail->account = *account;
    mail->account.smarthost.sasl.secret = &mail->secret;
    return true;
}

/* Delivery reports: what the options say is said for everybody. */
static void request_reports(struct mail *mail)
{
    const struct options *options = &mail->call->options;
    struct envelope *envelope = &mail->envelope;
    envelope->id = options->envelope_id;
    envelope->returned = options->returned;
    for (size_t i = 0; i < envelope->count; i++)
        envelope->recipients[i].notify = options->notify;
}

bool mail_add_recipients(struct mail *mail, struct error *error)
{
    const struct options *options = &mail->call->options;
    struct local *local = &mail->call->settings.local;
    for (size_t i = 0; i < options->recipient_count; i++)
        if (!envelope_add_argument(&mail->envelope, slice_of(options->recipients[i]), local, error))
            return false;
    if (options->from_header && !envelope_add_header(&mail->envelope, &mail->message, local, error))
        return false;
    request_reports(mail);
    if (mail->envelope.count > 0)
        return true;
    return error_set_permanent(error, EX_USAGE, "recipients: there are none; %s",
                               options->from_header
                                   ? "the header names nobody"
                                   : "give addresses as arguments, or -t to take the header's");
}

bool mail_add_recipient(struct mail *mail, const char *address, const char *original,
                        unsigned char notify, struct error *error)
{
    struct slice rest = slice_of(address);
    struct address_mailbox mailbox, further;
    struct local_targets targets = {0};
    bool found = false, another = false;
    if (!address_next(&rest, &mailbox, &found, error) ||
        (found && !address_next(&rest, &further, &another, error)))
        return false;
    if (!found || another)
        return error_set_permanent(error, EX_USAGE, "recipient: one address is wanted");
    bool added = local_resolve(&mail->call->settings.local, &mailbox, &targets, error) &&
                 envelope_add_targets(&mail->envelope, &targets, original, notify, error);
    local_targets_free(&targets);
    return added;
}

bool mail_mend_header(struct mail *mail, struct error *error)
{
    const struct call *call = mail->call;
    const struct settings *settings = &call->settings;
    const char *full_name = call->options.full_name;
    char buffer[ADDRESS_SIZE];
    struct text from;
    text_init(&from, buffer, sizeof buffer);
    text_add(&from, mail->envelope.sender);
    if (from.length == 0 &&
        !account_default_sender(&mail->account, settings, mail->person->login, &from, error))
        return false;
    struct fix_options fix = {
        .from_header = settings->from_header,
        .add_date = settings->add_date,
        .add_message_id = settings->add_message_id,
        .remove_bcc = settings->remove_bcc,
        .domain = settings->local_domain,
        .from = from.bytes,
        .full_name = full_name != NULL ? full_name : mail->person->full_name,
        .now = clock_wall(),
        .utf8 = mail->envelope.needs_utf8,
        .note = mail->note,
    };
    return fix_header(&mail->message, &fix, error) &&
           message_check_size(message_size(&mail->message), settings->max_size, error);
}

/* A line of the conversation appears when it is said, not when all is over. */
static void print_now(void *context, const char *line)
{
    (void)context;
    puts(line);
    fflush(stdout);
}

struct trace mail_trace(const struct call *call)
{
    return (struct trace){.line = call->options.verbose ? print_now : NULL, .started = clock_now()};
}

/* --- sending and keeping --------------------------------------------------------------------- */

static void close_submission(struct mail *mail)
{
    submission_free(mail->submission);
    mail->submission = NULL;
    sasl_wipe(&mail->secret);
}

/* Opens what the way to the smarthost takes; false where that alone cannot be had. */
static bool prepare_attempt(struct mail *mail, struct error *error)
{
    mail->trace = mail_trace(mail->call);
    submit_begin_report(&mail->report, &mail->account.smarthost);
    if (!secret_load(&mail->account, &mail->secret, error))
        return false;
    mail->submission = submission_create(&mail->account.smarthost, &mail->trace, error);
    return mail->submission != NULL && call_drop_rights(error);
}

/* The connection stays where something that is due in the queue may go the same way. */
static void make_attempt(struct mail *mail, struct error *ending)
{
    bool more = mail->call->spool_open && spool_has_entries(&mail->call->spool);
    bool delivered = (more ? submission_deliver : submission_deliver_last)(
        mail->submission, &mail->message, &mail->envelope, &mail->report, ending);
    if (!delivered || !more)
        close_submission(mail);
}

/* The caller's mail could not be queued: `error` is why it had to be. */
static bool fail_to_keep(const struct mail *mail, bool tried, const struct error *failure,
                         struct error *error)
{
    if (keep_is_untried(&mail->keep)) {
        *error = *failure;
        return false;
    }
    error_add_advice(error, "not queued: %s", failure->sentence);
    if (!tried)
        error->exit_code = failure->exit_code;
    return false;
}

/* The mail itself was put off, and not just its way to the smarthost. */
static bool is_put_off(const struct mail *mail, const struct error *ending)
{
    return envelope_count(&mail->envelope, RECIPIENT_DEFERRED) > 0 ||
           (ending->reply_code / 100 == 4 && ending->reply_code != 421);
}

/* Why it is queued. That a user may not read the system's secret is no fault to be mended: root's
 * run sends his mail. */
static const char *find_reason(const struct mail *mail, bool tried, const struct error *ending,
                               struct error *reason)
{
    const char *file = mail->account.password_file;
    struct text_shown shown;
    if (!tried && ending->exit_code == EX_NOPERM && mail->call->settings.queue.shared &&
        file != NULL && geteuid() != 0)
        error_set(reason, EX_NOPERM, "waits for root to run the queue: uid %u may not read %s",
                  (unsigned)geteuid(), text_show(&shown, slice_of(file)));
    return reason->sentence;
}

bool mail_settle(struct mail *mail, bool tried, const struct error *ending, struct error *error)
{
    struct envelope *envelope = &mail->envelope;
    struct error failure, reason;
    if (outcome_judge(envelope, ending, &mail->report, error))
        return true;
    if (envelope_count(envelope, RECIPIENT_PENDING) +
            envelope_count(envelope, RECIPIENT_DEFERRED) ==
        0)
        return false;
    if (!keep_wants(&mail->keep, ending)) {
        if (keep_is_for_later(ending))
            keep_advise(&mail->keep, tried, error);
        return false;
    }
    mail->keep.put_off = is_put_off(mail, ending);
    reason = *error;
    if (!keep_add(&mail->keep, &mail->message, envelope, find_reason(mail, tried, ending, &reason),
                  &failure))
        return fail_to_keep(mail, tried, &failure, error);
    return outcome_judge(envelope, ending, &mail->report, error);
}

static void tell_of_entry(const struct mail *mail)
{
    const struct keep *keep = &mail->keep;
    if (keep->id[0] == '\0' || !mail->call->options.verbose)
        return;
    printf("queued as %s: %s\n", keep->id, keep->reason);
    fflush(stdout);
}

bool mail_submit(struct mail *mail, struct error *error)
{
    struct error ending = {.exit_code = EX_OK};
    bool tried = false;
    if (!keep_is_untried(&mail->keep))
        tried = prepare_attempt(mail, &ending);
    else if (interrupt_came(error))
        return false;
    else
        keep_explain(&mail->keep, &ending);
    if (tried)
        make_attempt(mail, &ending);
    bool settled = mail_settle(mail, tried, &ending, error);
    tell_of_entry(mail);
    if (!settled)
        close_submission(mail);
    return settled;
}

void mail_free(struct mail *mail)
{
    close_submission(mail);
    message_free(&mail->message);
    envelope_free(&mail->envelope);
}

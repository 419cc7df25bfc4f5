/* What the SMTP server of -bs calls back. Invariant: the envelope holds those recipients whom the
 * caller was told we take, and the smarthost's transaction, while one is open, nobody else. */
#include "agent/session.h"

#include <string.h>
#include <unistd.h>

#include "agent/mail.h"
#include "agent/report.h"
#include "base/interrupt.h"
#include "config/secret.h"
#include "net/hostname.h"
#include "smtp/outcome.h"
#include "smtp/server.h"
#include "smtp/submission.h"

struct session {
    struct call *call;
    struct mail mail; /* the one under way, or an empty one */
    struct submission_promise promise;
    struct trace trace;            /* writes nothing */
    struct account account;        /* the connection's */
    struct sasl_secret secret;     /* likewise */
    struct submission *submission; /* NULL before the first message */
};

static bool open_session(void *context, uint64_t *max_size, struct error *error)
{
    struct session *session = context;
    *max_size = 0;
    if (!call_load(session->call, error) || !call_leave_directory(error))
        return false;
    *max_size = session->call->settings.max_size;
    return true;
}

/* --- the envelope ---------------------------------------------------------------------------- */

static void close_connection(struct session *session)
{
    submission_free(session->submission);
    session->submission = NULL;
    sasl_wipe(&session->secret);
}

/* A connection belongs to an account, and another sender may mean another account. */
static bool use_account(struct session *session, struct error *error)
{
    const struct account *wanted = &session->mail.account;
    if (session->submission != NULL && strcmp(session->account.name, wanted->name) == 0)
        return true;
    close_connection(session);
    session->account = *wanted;
    session->account.smarthost.sasl.secret = &session->secret;
    if (!secret_load(&session->account, &session->secret, error))
        return false;
    session->submission = submission_create(&session->account.smarthost, &session->trace, error);
    return session->submission != NULL;
}

static bool take_mail(void *context, const struct server_mail *given, struct error *error)
{
    struct session *session = context;
    struct mail *mail = &session->mail;
    session->promise =
        (struct submission_promise){.size = given->size, .smtputf8 = given->smtputf8};
    if (!mail_choose_account(mail, given->sender, error) ||
        !envelope_set_id(&mail->envelope, given->id, error) || !use_account(session, error))
        return false;
    mail->envelope.returned = given->returned;
    submit_begin_report(&mail->report, &session->account.smarthost);
    return true;
}

/* A recipient's reply is the caller's, word for word; a 552 that means "later" becomes 452. */
static bool refuse_recipient(const struct recipient *recipient, struct error *error)
{
    bool refused = recipient->state == RECIPIENT_REFUSED;
    bool later = !refused && recipient->reply_code >= 500;
    error_set(error, refused ? EX_NOUSER : EX_TEMPFAIL, "%s",
              recipient->reply != NULL ? recipient->reply : "not now");
    error->permanent = refused;
    error->reply_code = later ? 452 : recipient->reply_code;
    return false;
}

/* The smarthost's word on the recipients from `first` on. One address of the caller's may stand for
 * several, and is taken when all of them are. */
static bool judge_targets(const struct envelope *envelope, size_t first, struct text *words,
                          struct error *error)
{
    for (size_t i = first; i < envelope->count; i++) {
        const struct recipient *recipient = &envelope->recipients[i];
        if (recipient->state != RECIPIENT_OFFERED)
            return refuse_recipient(recipient, error);
        if (i == first && recipient->reply != NULL)
            text_add(words, recipient->reply);
    }
    return true;
}

/* What the caller was told no for must not stay: neither with us nor with the smarthost, which may
 * have taken another target of the same alias. */
static void forget_targets(struct session *session, size_t first)
{
    struct envelope *envelope = &session->mail.envelope;
    bool offered = false;
    for (size_t i = first; i < envelope->count; i++)
        offered = offered || envelope->recipients[i].state == RECIPIENT_OFFERED;
    envelope_forget(envelope, first);
    if (!offered)
        return;
    submission_reset(session->submission);
    for (size_t i = 0; i < envelope->count; i++)
        envelope->recipients[i].state = RECIPIENT_PENDING;
}

static bool take_rcpt(void *context, const struct server_rcpt *given, struct text *words,
                      struct error *error)
{
    struct session *session = context;
    struct envelope *envelope = &session->mail.envelope;
    size_t first = envelope->count;
    bool taken =
        mail_add_recipient(&session->mail, given->address, given->original, given->notify, error) &&
        submission_offer(session->submission, envelope, &session->promise, &session->mail.report,
                         error) &&
        judge_targets(envelope, first, words, error);
    if (!taken) {
        report_recipient(&session->mail, given->address, error);
        forget_targets(session, first);
    }
    return taken;
}

/* --- the message ----------------------------------------------------------------------------- */

/* Whom the smarthost took, it may have refused since, where the connection was lost in between. One
 * reply is for all of them, so that nobody gets what the caller will send to all of them again. */
static bool check_taken(const struct envelope *envelope, struct error *error)
{
    struct text_shown shown;
    for (size_t i = 0; i < envelope->count; i++) {
        const struct recipient *recipient = &envelope->recipients[i];
        if (recipient->state == RECIPIENT_REFUSED || recipient->state == RECIPIENT_DEFERRED)
            return error_set(error, EX_TEMPFAIL,
                             "RCPT TO: <%s> was taken, and on a new connection is not: %s; nothing "
                             "was sent",
                             text_show(&shown, slice_of(recipient->address)),
                             recipient->reply != NULL ? recipient->reply : "not now");
    }
    return true;
}

static struct message *open_message(void *context, struct error *error)
{
    struct session *session = context;
    if (check_taken(&session->mail.envelope, error))
        return &session->mail.message;
    report_mail(&session->mail, error);
    return NULL;
}

/* From here until the caller has his reply an interrupt is obeyed in an orderly way, lest he sends
 * again what was taken; before and after it ends us. */
static bool hand_on(struct session *session, struct error *error)
{
    struct mail *mail = &session->mail;
    struct error ending = {.exit_code = EX_OK};
    if (!mail_mend_header(mail, error) || !interrupt_hold(error))
        return false;
    submission_deliver(session->submission, &mail->message, &mail->envelope, &mail->report,
                       &ending);
    return outcome_judge(&mail->envelope, &ending, &mail->report, error);
}

static bool deliver(void *context, struct message *message, struct text *words, struct error *error)
{
    struct session *session = context;
    (void)message;
    *error = (struct error){.exit_code = EX_OK};
    bool delivered = hand_on(session, error);
    report_mail(&session->mail, error);
    text_add(words, session->mail.report.reply);
    return delivered;
}

/* --- between messages ------------------------------------------------------------------------ */

static void reset(void *context)
{
    struct session *session = context;
    if (session->submission != NULL)
        submission_reset(session->submission);
    mail_free(&session->mail);
    mail_init(&session->mail, session->call);
    interrupt_release();
}

static void rest(void *context)
{
    struct session *session = context;
    if (session->submission != NULL)
        submission_rest(session->submission);
}

bool session_run(struct call *call, const char *version, struct error *error)
{
    char host[HOSTNAME_SIZE];
    struct session session = {.call = call};
    struct server_options options = {
        .input = STDIN_FILENO, .output = STDOUT_FILENO, .host = host, .version = version};
    struct server_callbacks callbacks = {
        .context = &session,
        .open = open_session,
        .mail = take_mail,
        .rcpt = take_rcpt,
        .message = open_message,
        .deliver = deliver,
        .reset = reset,
        .rest = rest,
    };
    call->options.verbose = false; /* standard output is the caller's SMTP */
    hostname_plain(host);
    mail_init(&session.mail, call);
    bool done = server_run(&options, &callbacks, error);
    close_connection(&session);
    mail_free(&session.mail);
    return done;
}

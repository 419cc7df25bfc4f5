/* What the SMTP server of -bs calls back. Invariants: the envelope holds those recipients whom the
 * caller was told we take, and the smarthost's transaction, while one is open, nobody else. Since
 * there is one reply for all recipients, no is said only while nobody has the message. */
#include "agent/session.h"

#include <string.h>
#include <unistd.h>

#include "agent/mail.h"
#include "agent/report.h"
#include "agent/runner.h"
#include "base/clock.h"
#include "base/interrupt.h"
#include "config/secret.h"
#include "net/hostname.h"
#include "smtp/outcome.h"
#include "smtp/server.h"
#include "smtp/submission.h"

enum { ABSENCE = 60 * 1000 }; /* milliseconds for which a smarthost that is away is left alone */

struct session {
    struct call *call;
    struct mail mail; /* the one under way, or an empty one */
    struct submission_promise promise;
    struct trace trace;            /* writes nothing */
    struct account account;        /* the connection's */
    struct sasl_secret secret;     /* likewise */
    struct submission *submission; /* NULL before the first message */
    bool delivered;                /* something went over the connection */

    /* With a queue. */
    struct error away;    /* why the smarthost is not asked about this mail; EX_OK: it is */
    struct error absence; /* why none of the connection's account is worth asking until then */
    int64_t absent_until;
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
    session->absent_until = 0;
    session->account = *wanted;
    session->account.smarthost.sasl.secret = &session->secret;
    if (!secret_load(&session->account, &session->secret, error))
        return false;
    session->submission = submission_create(&session->account.smarthost, &session->trace, error);
    return session->submission != NULL && call_drop_rights(error);
}

/* The smarthost has no word on this mail for now, for the reason in `error`: where there is a queue
 * to keep it, that is no failure. */
static bool do_without(struct session *session, struct error *error)
{
    bool unreached = error->reply_code == 0 || error->reply_code == 421;
    if (!keep_wants(&session->mail.keep, error)) {
        if (keep_is_for_later(error))
            keep_advise(&session->mail.keep, session->submission != NULL, error);
        return false;
    }
    session->away = *error;
    if (unreached) {
        session->absence = *error;
        session->absent_until = clock_deadline(ABSENCE);
    }
    return true;
}

/* Finds out whom to ask about the recipients. */
static bool find_smarthost(struct session *session, struct error *error)
{
    const struct keep *keep = &session->mail.keep;
    if (keep_is_untried(keep)) {
        keep_explain(keep, &session->away);
        return true;
    }
    if (!use_account(session, error))
        return do_without(session, error);
    if (keep->way == KEEP_FAILED && clock_now() < session->absent_until)
        session->away = session->absence;
    return true;
}

static bool take_mail(void *context, const struct server_mail *given, struct error *error)
{
    struct session *session = context;
    struct mail *mail = &session->mail;
    session->promise =
        (struct submission_promise){.size = given->size, .smtputf8 = given->smtputf8};
    session->away = (struct error){.exit_code = EX_OK};
    mail_prepare(mail);
    if (!mail_choose_account(mail, given->sender, error) ||
        !envelope_set_id(&mail->envelope, given->id, error) || !find_smarthost(session, error))
        return false;
    mail->envelope.returned = given->returned;
    submit_begin_report(&mail->report, &mail->account.smarthost);
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

/* Whoever was put off, or could not be asked for, is the queue's where there is one. */
static bool is_taken(const struct session *session, const struct recipient *recipient)
{
    bool waits = recipient->state == RECIPIENT_PENDING || recipient->state == RECIPIENT_DEFERRED;
    return recipient->state == RECIPIENT_OFFERED ||
           (waits && session->mail.keep.way != KEEP_NOTHING);
}

/* The smarthost's word on the recipients from `first` on. One address of the caller's may stand for
 * several, and is taken when all of them are. */
static bool judge_targets(const struct session *session, size_t first, struct text *words,
                          struct error *error)
{
    const struct envelope *envelope = &session->mail.envelope;
    for (size_t i = first; i < envelope->count; i++) {
        const struct recipient *recipient = &envelope->recipients[i];
        if (!is_taken(session, recipient))
            return refuse_recipient(recipient, error);
        if (i == first && recipient->state == RECIPIENT_OFFERED && recipient->reply != NULL)
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

static bool offer(struct session *session, struct error *error)
{
    struct mail *mail = &session->mail;
    return session->away.exit_code != EX_OK ||
           submission_offer(session->submission, &mail->envelope, &session->promise, &mail->report,
                            error) ||
           do_without(session, error);
}

static bool take_rcpt(void *context, const struct server_rcpt *given, struct text *words,
                      struct error *error)
{
    struct session *session = context;
    size_t first = session->mail.envelope.count;
    bool taken =
        mail_add_recipient(&session->mail, given->address, given->original, given->notify, error) &&
        offer(session, error) && judge_targets(session, first, words, error);
    if (!taken) {
        report_recipient(&session->mail, given->address, error);
        forget_targets(session, first);
    }
    return taken;
}

/* --- the message ----------------------------------------------------------------------------- */

/* Whom the smarthost took, it may have refused since, where the connection was lost in between. One
 * reply is for all of them, so that nobody gets what the caller will send to all of them again. */
static bool check_taken(const struct session *session, struct error *error)
{
    const struct envelope *envelope = &session->mail.envelope;
    struct text_shown shown;
    for (size_t i = 0; i < envelope->count; i++) {
        const struct recipient *recipient = &envelope->recipients[i];
        bool lost = recipient->state == RECIPIENT_REFUSED || recipient->state == RECIPIENT_DEFERRED;
        if (lost && !is_taken(session, recipient))
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
    if (check_taken(session, error))
        return &session->mail.message;
    report_mail(&session->mail, error);
    return NULL;
}

/* Sends it to whom the smarthost took; `ending` is why the others have to wait. */
static void hand_over(struct session *session, struct error *ending)
{
    struct mail *mail = &session->mail;
    bool offered = envelope_count(&mail->envelope, RECIPIENT_OFFERED) > 0;
    if (offered || session->away.exit_code == EX_OK)
        submission_deliver(session->submission, &mail->message, &mail->envelope, &mail->report,
                           ending);
    if (ending->exit_code == EX_OK)
        *ending = session->away;
}

/* Somebody has the message, so that it cannot be refused any more: who was refused since he was
 * taken is told of by a report, as whoever runs the queue writes it. */
static void make_good(struct mail *mail)
{
    struct envelope *envelope = &mail->envelope;
    size_t accepted = envelope_count(envelope, RECIPIENT_ACCEPTED);
    mail->keep.owed = mail->keep.way != KEEP_NOTHING && accepted > 0;
    for (size_t i = 0; mail->keep.owed && i < envelope->count; i++)
        if (envelope->recipients[i].state == RECIPIENT_REFUSED)
            envelope->recipients[i].state = RECIPIENT_DEFERRED;
}

/* From here until the caller has his reply an interrupt is obeyed in an orderly way, lest he sends
 * again what was taken; before and after it ends us. */
static bool hand_on(struct session *session, struct error *error)
{
    struct mail *mail = &session->mail;
    struct error ending = {.exit_code = EX_OK};
    bool tried = session->submission != NULL;
    if (!mail_mend_header(mail, error) || !interrupt_hold(error))
        return false;
    hand_over(session, &ending);
    make_good(mail);
    return mail_settle(mail, tried, &ending, error);
}

static bool deliver(void *context, struct message *message, struct text *words, struct error *error)
{
    struct session *session = context;
    const struct mail *mail = &session->mail;
    (void)message;
    *error = (struct error){.exit_code = EX_OK};
    bool delivered = hand_on(session, error);
    report_mail(mail, error);
    if (mail->keep.id[0] != '\0')
        text_add_format(words, "250 2.0.0 queued as %s", mail->keep.id);
    else
        text_add(words, mail->report.reply);
    session->delivered = session->delivered || envelope_count(&mail->envelope, RECIPIENT_ACCEPTED);
    return delivered;
}

/* --- between messages ------------------------------------------------------------------------ */

static void reset(void *context)
{
    struct session *session = context;
    if (session->submission != NULL)
        submission_reset(session->submission);
    runner_go_on(&session->mail);
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

/* The caller has gone; what is due in the queue goes over the connection that he leaves. */
static void take_along(struct session *session)
{
    struct call *call = session->call;
    struct error ignored;
    if (session->submission != NULL && session->delivered && clock_now() >= session->absent_until &&
        call->spool_open && spool_has_entries(&call->spool) && interrupt_hold(&ignored))
        runner_take_along(call, &session->account, session->submission);
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
    if (done)
        take_along(&session);
    close_connection(&session);
    mail_free(&session.mail);
    return done;
}

/* One attempt: a submission of one message. */
#include "smtp/submit.h"

#include "smtp/submission.h"

void submit_begin_report(struct submit_report *report, const struct smarthost *smarthost)
{
    const char *host = smarthost->dial.hosts[0];
    *report = (struct submit_report){.port = smarthost->dial.ports[0]};
    text_copy(report->host, sizeof report->host, host != NULL ? host : "");
}

bool submit_message(const struct smarthost *smarthost, struct message *message,
                    struct envelope *envelope, const struct trace *trace,
                    struct submit_report *report, struct error *error)
{
    submit_begin_report(report, smarthost);
    struct submission *submission = submission_create(smarthost, trace, error);
    bool delivered =
        submission != NULL && submission_deliver_last(submission, message, envelope, report, error);
    submission_free(submission);
    return delivered;
}

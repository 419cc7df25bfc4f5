/* One connection, in the steps of a submission (smtp/connector.h). Invariant: nothing secret goes
 * out but by the login's own way, behind a verified certificate. */
#include "agent/trial.h"

#include "smtp/connector.h"

/* A server that offers no login is none for submission, whatever else it offers. */
static bool begin(void *context, struct error *error)
{
    struct connector *connector = context;
    if (!connector_begin(connector, error))
        return false;
    if (connector->client.capability.auth)
        return true;
    error_set(error, EX_PROTOCOL, "the server offers no login");
    return client_add_context(&connector->client, "EHLO", error);
}

bool trial_run(const struct smarthost *smarthost, const struct trace *trace,
               struct submit_report *report, struct error *error)
{
    /* A login that rode along with a transaction would not be answered without one. */
    struct smarthost stepwise = *smarthost;
    struct connector connector;
    const struct connector_steps steps = {.context = &connector, .begin = begin};
    stepwise.pipelining = false;
    submit_begin_report(report, smarthost);
    bool done = connector_init(&connector, &stepwise, trace, error);
    if (done) {
        connector_report_to(&connector, report);
        done = connector_reach(&connector, &steps, error);
    }
    connector_close(&connector);
    return done;
}

/* One connection, in the steps of a submission (smtp/connector.h). Invariant: nothing secret goes
 * out but by the login's own way, behind a verified certificate. */
#include "agent/trial.h"

#include "smtp/connector.h"

static bool check_login_offered(const struct client *client, struct error *error)
{
    if (client->capability.auth)
        return true;
    error_set(error, EX_PROTOCOL, "the server offers no login");
    return client_add_context(client, "EHLO", error);
}

static bool converse(struct connector *connector, struct error *error)
{
    do {
        if (!connector_dial(connector, error))
            return false;
        if (connector_begin(connector, error) && check_login_offered(&connector->client, error) &&
            connector_log_in(connector, error))
            return true;
    } while (connector_give_up(connector, error));
    return false;
}

bool trial_run(const struct smarthost *smarthost, const struct trace *trace,
               struct submit_report *report, struct error *error)
{
    /* A login that rode along with a transaction would not be answered without one. */
    struct smarthost stepwise = *smarthost;
    struct connector connector;
    stepwise.pipelining = false;
    submit_begin_report(report, smarthost);
    bool done = connector_init(&connector, &stepwise, trace, error);
    if (done) {
        connector_report_to(&connector, report);
        done = converse(&connector, error);
    }
    connector_close(&connector);
    return done;
}

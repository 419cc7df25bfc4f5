/* The beginning of a report; smtp/connector.c and smtp/parcel.c go on with it. */
#include "smtp/submit.h"

void submit_begin_report(struct submit_report *report, const struct smarthost *smarthost)
{
    const char *host = smarthost->dial.hosts[0];
    *report = (struct submit_report){.port = smarthost->dial.ports[0]};
    text_copy(report->host, sizeof report->host, host != NULL ? host : "");
}

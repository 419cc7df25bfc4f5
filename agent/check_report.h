/* What --check found, to be shown in one form or another. */
#ifndef AGENT_CHECK_REPORT_H
#define AGENT_CHECK_REPORT_H

#include "agent/hint.h"
#include "message/envelope.h"

struct check_report {
    const struct probe *probe;
    const char *file;              /* the configuration; "" where none was found */
    const struct account *account; /* NULL where none was chosen */
    const struct envelope *envelope;
    const struct error *error; /* exit_code EX_OK: mail can be sent */
    const struct hint *hint;   /* NULL where there is none */
};

#endif

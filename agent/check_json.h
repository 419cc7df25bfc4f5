/* The report of --check for machines. */
#ifndef AGENT_CHECK_JSON_H
#define AGENT_CHECK_JSON_H

#include "agent/check_report.h"
#include "base/buffer.h"

/* Appends one JSON object (RFC 8259) and a line end. */
void check_json_write(const struct check_report *report, struct buffer *out);

#endif

/* The queue for machines. */
#ifndef AGENT_MAILQ_JSON_H
#define AGENT_MAILQ_JSON_H

#include "agent/mailq_report.h"

/* Appends one JSON object (RFC 8259) in one line, with its end. */
void mailq_json_write(const struct mailq_item *item, struct buffer *out);

#endif

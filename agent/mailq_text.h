/* The queue for people, in the form that monitoring knows. All is printable ASCII, whatever the
 * entries say. */
#ifndef AGENT_MAILQ_TEXT_H
#define AGENT_MAILQ_TEXT_H

#include "agent/mailq_report.h"
#include "queue/outage.h"

/* How many waited, and what their messages are together. */
struct mailq_totals {
    uint64_t waiting, octets;
    uint64_t failed;
    uint64_t damaged; /* set aside; 0 as well where nobody looked */
};

/* Append the line above the entries, one entry, why nothing goes to some smarthost, and the end,
 * whose last line is "Mail queue is empty" or "-- N Kbytes in M Requests.", of what waits. */
void mailq_text_write_heading(struct buffer *out);
void mailq_text_write(const struct mailq_item *item, struct buffer *out);
void mailq_text_write_outage(const struct outage *outage, int64_t now, struct buffer *out);
void mailq_text_write_end(const struct mailq_totals *totals, const char *directory,
                          struct buffer *out);

/* Appends the entry as --show has it: a line a fact, and one a recipient. */
void mailq_text_write_details(const struct mailq_item *item, struct buffer *out);

#endif

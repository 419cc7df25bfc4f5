/* The report of --check for people: a line a step, with its milliseconds and, on a terminal, a bar
 * on one time axis; the server's certificate with its pins; whether mail can be sent, and what to
 * change if not. */
#ifndef AGENT_CHECK_TEXT_H
#define AGENT_CHECK_TEXT_H

#include "agent/check_report.h"
#include "base/buffer.h"

struct check_style {
    size_t width; /* columns of the terminal; 0: it is none, and nothing is drawn or wrapped */
    bool color;
    bool utf8; /* it can show more than ASCII */
};

/* Appends it. All is printable ASCII but for what `style` permits. */
void check_text_write(const struct check_report *report, const struct check_style *style,
                      struct buffer *out);

#endif

/* What --check found, in the two forms in which it is shown. */
#ifndef AGENT_CHECK_REPORT_H
#define AGENT_CHECK_REPORT_H

#include "agent/hint.h"
#include "base/buffer.h"
#include "message/envelope.h"

struct check_report {
    const struct probe *probe;
    const char *file;              /* the configuration; "" where none was found */
    const struct account *account; /* NULL where none was chosen */
    const struct envelope *envelope;
    const struct error *error; /* exit_code EX_OK: mail can be sent */
    const struct hint *hint;   /* NULL where there is none */
};

struct check_style {
    size_t width; /* columns of the terminal; 0: it is none, and nothing is drawn or wrapped */
    bool color;
    bool utf8;
};

/* A line a step, with its milliseconds and, on a terminal, a bar on one time axis; the server's
 * certificate with its pins; and the sentence that says whether mail can be sent. All in printable
 * ASCII but for what `style` permits. */
void check_text_write(const struct check_report *report, const struct check_style *style,
                      struct buffer *out);

/* One JSON object (RFC 8259) and a line end. */
void check_json_write(const struct check_report *report, struct buffer *out);

#endif

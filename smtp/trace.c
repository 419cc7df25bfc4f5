/* The transcript for -v. Invariant: every line is printable. */
#include "smtp/trace.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/text.h"

enum { TRACE_LINE_LIMIT = 1024 };

static void add_time(const struct trace *trace, struct text *text)
{
    text_add_format(text, "%6lld ms ", (long long)(clock_now() - trace->started));
}

static void write_line(const struct trace *trace, const char *mark, struct slice line)
{
    char shown[TRACE_LINE_LIMIT + 64];
    struct text text;
    text_init(&text, shown, sizeof shown);
    add_time(trace, &text);
    text_add(&text, mark);
    text_add_escaped(&text, line, TRACE_LINE_LIMIT);
    trace->line(trace->context, shown);
}

void trace_sent(const struct trace *trace, struct slice line)
{
    if (trace->line != NULL)
        write_line(trace, ">>> ", line);
}

void trace_received(const struct trace *trace, struct slice line)
{
    if (trace->line != NULL)
        write_line(trace, "<<< ", line);
}

void trace_note(const struct trace *trace, const char *format, ...)
{
    char note[TRACE_LINE_LIMIT], shown[TRACE_LINE_LIMIT + 64];
    struct text text;
    if (trace->line == NULL)
        return;
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(note, sizeof note, format, arguments);
    va_end(arguments);
    if (length < 0)
        return;
    text_init(&text, shown, sizeof shown);
    add_time(trace, &text);
    text_add_format(&text, "*** %s", note);
    trace->line(trace->context, shown);
}

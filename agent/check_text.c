/* The report of --check for people. Invariants: every octet is printable ASCII, or one of the
 * few characters and colours that the style permits; no line on a terminal is wider than it. */
#include "agent/check_text.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

enum {
    NAME_WIDTH = 9, /* "MAIL FROM" */
    TIME_WIDTH = 9, /* "123456 ms" */
    BAR_LEAST = 10,
    BAR_MOST = 30,
    WORDS_LEAST = 24, /* a terminal with less room for words gets no bars */
    WIDTH_LEAST = 40, /* and below this nothing is wrapped */
    LINE_SIZE = 4096,
    EIGHTHS = 8
};

enum paint { PAINT_NONE, PAINT_GOOD, PAINT_NOTED, PAINT_FAILED, PAINT_STRONG };

struct page {
    const struct check_report *report;
    const struct check_style *style;
    struct buffer *out;
    size_t bar; /* columns of the time axis; 0: none is drawn */
};

static void add(const struct page *page, const char *string)
{
    buffer_add_string(page->out, string);
}

static void paint(const struct page *page, enum paint which)
{
    static const char *const codes[] = {"\033[0m", "\033[32m", "\033[33m", "\033[31m", "\033[1m"};
    if (page->style->color)
        add(page, codes[which]);
}

static void add_blanks(const struct page *page, size_t count)
{
    for (size_t i = 0; i < count; i++)
        buffer_add_byte(page->out, ' ');
}

/* `words`, wrapped at blanks where this is a terminal; the cursor stands at `indent`, and so do
 * the lines that follow. A word that is too long is not cut, and behind the edge nothing is. */
static void add_wrapped(const struct page *page, const char *words, size_t indent)
{
    struct slice rest = slice_of(words), word;
    size_t width = page->style->width, column = indent;
    if (width < WIDTH_LEAST || indent >= width) {
        add(page, words);
        add(page, "\n");
        return;
    }
    while (slice_cut_word(&rest, &word)) {
        if (column > indent && column + 1 + word.length > width) {
            add(page, "\n");
            add_blanks(page, indent);
            column = indent;
        } else if (column > indent) {
            add(page, " ");
            column++;
        }
        buffer_add(page->out, word);
        column += word.length;
    }
    add(page, "\n");
}

/* --- a line a step --------------------------------------------------------------------------- */

static enum paint paint_of(enum probe_status status)
{
    return status == PROBE_GOOD ? PAINT_GOOD : status == PROBE_NOTED ? PAINT_NOTED : PAINT_FAILED;
}

static const char *mark(const struct page *page, enum probe_status status)
{
    static const char *const words[] = {"ok  ", "note", "FAIL"};
    static const char *const signs[] = {"\xe2\x9c\x93", "!", "\xe2\x9c\x97"}; /* check, ballot x */
    return page->style->utf8 ? signs[status] : words[status];
}

static size_t mark_width(const struct page *page)
{
    return page->style->utf8 ? 1 : 4;
}

/* Where the words begin. */
static size_t words_column(const struct page *page)
{
    size_t bar = page->bar > 0 ? page->bar + 2 : 0;
    return mark_width(page) + 1 + NAME_WIDTH + 1 + TIME_WIDTH + 2 + bar;
}

static void choose_bar(struct page *page)
{
    size_t width = page->style->width;
    size_t bar = width / 4 - 5 > BAR_MOST ? BAR_MOST : width / 4 - 5;
    if (width / 4 < BAR_LEAST + 5)
        bar = BAR_LEAST;
    page->bar = 0;
    if (width >= words_column(page) + bar + 2 + WORDS_LEAST)
        page->bar = bar;
}

/* `eighths` of a cell, from its left side. */
static void add_cell(const struct page *page, size_t eighths)
{
    char cell[4] = {'\xe2', '\x96', (char)(0x88 + EIGHTHS - eighths), '\0'}; /* U+2588 .. U+258F */
    add(page, page->style->utf8 ? cell : "#");
}

/* The step's share on the axis: it begins in the cell where it begins, and is seen however short.
 */
static void add_bar(const struct page *page, const struct probe_step *step)
{
    size_t total = (size_t)(page->report->probe->total_ms > 0 ? page->report->probe->total_ms : 1);
    size_t scale = page->bar * EIGHTHS;
    size_t start = (size_t)step->started_ms * page->bar / total;
    size_t length = ((size_t)step->elapsed_ms * scale + total - 1) / total;
    if (start >= page->bar)
        start = page->bar - 1;
    if (length == 0)
        length = 1;
    if (length > (page->bar - start) * EIGHTHS)
        length = (page->bar - start) * EIGHTHS;
    size_t cells = (length + EIGHTHS - 1) / EIGHTHS;
    add_blanks(page, start);
    paint(page, paint_of(step->status));
    for (size_t i = 0; i < cells; i++)
        add_cell(page, i + 1 < cells ? EIGHTHS : length - i * EIGHTHS);
    paint(page, PAINT_NONE);
    add_blanks(page, page->bar - start - cells + 2);
}

static void add_step(const struct page *page, const struct probe_step *step)
{
    char head[64], words[LINE_SIZE];
    struct text text;
    text_init(&text, head, sizeof head);
    text_add_format(&text, " %-*s %*lld ms  ", NAME_WIDTH, probe_name(step->kind), TIME_WIDTH - 3,
                    (long long)step->elapsed_ms);
    paint(page, paint_of(step->status));
    add(page, mark(page, step->status));
    paint(page, PAINT_NONE);
    add(page, head);
    if (page->bar > 0)
        add_bar(page, step);
    text_init(&text, words, sizeof words);
    text_add_format(&text, "%s%s%s", step->address, step->address[0] != '\0' ? " " : "",
                    step->words);
    add_wrapped(page, words, words_column(page));
}

static void add_total(const struct page *page)
{
    char line[128];
    struct text text;
    text_init(&text, line, sizeof line);
    text_add_format(&text, "%-*s %-*s %*lld ms\n", (int)mark_width(page), "", NAME_WIDTH, "total",
                    TIME_WIDTH - 3, (long long)page->report->probe->total_ms);
    add(page, line);
    if (page->report->probe->left_out == 0)
        return;
    text_init(&text, line, sizeof line);
    text_add_format(&text, "%zu further steps found no room here\n", page->report->probe->left_out);
    add(page, line);
}

/* --- the certificate ------------------------------------------------------------------------- */

/* `value` is printable. One `to_paste` is not wrapped. */
static void add_fact(const struct page *page, const char *name, const char *value, bool to_paste)
{
    enum { FACT_COLUMN = 12 };
    char head[FACT_COLUMN + 1];
    struct text text;
    if (value[0] == '\0')
        return;
    text_init(&text, head, sizeof head);
    text_add_format(&text, "  %-*s", FACT_COLUMN - 2, name);
    add(page, head);
    add_wrapped(page, value, to_paste ? SIZE_MAX : FACT_COLUMN);
}

static void show_days(int64_t days, struct text *out)
{
    if (days < 0)
        text_add_format(out, "expired %lld day%s ago", (long long)-days, days == -1 ? "" : "s");
    else
        text_add_format(out, "%lld day%s left", (long long)days, days == 1 ? "" : "s");
}

static void add_leaf(const struct page *page, const struct tls_certificate *leaf)
{
    char line[256];
    struct text text;
    add(page, "\n");
    paint(page, PAINT_STRONG);
    add(page, "certificate of the server");
    paint(page, PAINT_NONE);
    add(page, "\n");
    add_fact(page, "subject", leaf->subject, false);
    add_fact(page, "names", leaf->names, false);
    add_fact(page, "issuer", leaf->issuer, false);
    text_init(&text, line, sizeof line);
    text_add_format(&text, "%s to %s, ", leaf->not_before, leaf->not_after);
    show_days(leaf->days_left, &text);
    add_fact(page, "valid", line, false);
    add_fact(page, "key", leaf->key, false);
    text_init(&text, line, sizeof line);
    text_add_format(&text, "tls_fingerprint = %s", leaf->sha256);
    add_fact(page, "pin", line, true);
    text_init(&text, line, sizeof line);
    text_add_format(&text, "tls_fingerprint = %s", leaf->spki);
    add_fact(page, "or pin", line, true);
}

static void add_chain(const struct page *page)
{
    const struct probe *probe = page->report->probe;
    char line[512];
    struct text text;
    if (probe->chain_length > 0)
        add_leaf(page, &probe->chain[0]);
    for (size_t i = 1; i < probe->chain_length; i++) {
        text_init(&text, line, sizeof line);
        text_add_format(&text, "%s, until %s, ", probe->chain[i].subject,
                        probe->chain[i].not_after);
        show_days(probe->chain[i].days_left, &text);
        add_fact(page, i == 1 ? "sent with" : "", line, false);
    }
}

/* --- what it comes to ------------------------------------------------------------------------ */

static void show_sender(const struct envelope *envelope, struct text *out)
{
    text_add_byte(out, '<');
    text_add_escaped(out, slice_of(envelope->sender), TEXT_SHOWN_LIMIT);
    text_add_byte(out, '>');
}

static void add_success(const struct page *page)
{
    const struct check_report *report = page->report;
    const struct submit_report *reached = &report->probe->report;
    char words[LINE_SIZE];
    struct text text;
    struct text_shown host;
    text_init(&text, words, sizeof words);
    text_add_format(&text, "%s (%s) takes mail from ", text_show(&host, slice_of(reached->host)),
                    reached->address);
    show_sender(report->envelope, &text);
    if (report->envelope->count > 0)
        text_add_format(&text, " to %s",
                        report->envelope->count == 1 ? "the recipient" : "the recipients");
    text_add(&text, "; nothing was sent.");
    paint(page, PAINT_GOOD);
    add(page, "Mail can be sent: ");
    paint(page, PAINT_NONE);
    add_wrapped(page, words, strlen("Mail can be sent: "));
}

static void show_hint(const struct check_report *report, struct text *out)
{
    const struct hint *hint = report->hint;
    struct text_shown section, file;
    if (hint->key[0] != '\0')
        text_add_format(out, "[%s] %s in %s: ", text_show(&section, slice_of(hint->section)),
                        hint->key, text_show(&file, slice_of(report->file)));
    text_add(out, hint->advice);
}

static void add_failure(const struct page *page)
{
    enum { COLUMN = 11 };
    const struct check_report *report = page->report;
    char words[LINE_SIZE];
    struct text text;
    paint(page, PAINT_FAILED);
    add(page, "Mail cannot be sent.\n");
    paint(page, PAINT_NONE);
    add(page, "  wrong    ");
    add_wrapped(page, report->error->sentence, COLUMN);
    if (report->hint != NULL) {
        text_init(&text, words, sizeof words);
        show_hint(report, &text);
        add(page, report->hint->key[0] != '\0' ? "  change   " : "  to do    ");
        add_wrapped(page, words, COLUMN);
    }
    text_init(&text, words, sizeof words);
    text_add_format(&text, "  exit     %d\n", report->error->exit_code);
    add(page, words);
}

void check_text_write(const struct check_report *report, const struct check_style *style,
                      struct buffer *out)
{
    struct page page = {.report = report, .style = style, .out = out};
    choose_bar(&page);
    for (size_t i = 0; i < report->probe->step_count; i++)
        add_step(&page, &report->probe->steps[i]);
    add_total(&page);
    add_chain(&page);
    add(&page, "\n");
    if (report->error->exit_code == EX_OK)
        add_success(&page);
    else
        add_failure(&page);
}

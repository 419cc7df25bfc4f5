/* Labelling and encoding bodies (RFC 2045, RFC 6152). Invariant: the stretches of the store that
 * message->header and message->body point at are complete at all times; new ones are written behind
 * them and pointed at when they are whole. */
#include "message/mime.h"

#include "message/part.h"

static bool inspect(struct message *message, struct mime_facts *facts, struct error *error)
{
    if (!entity_inspect(&facts->top, message, message->header, false, error))
        return false;
    facts->is_signed = facts->top.kind == ENTITY_SEALED || facts->top.has_dkim;
    return true;
}

static bool has_parts(const struct mime_facts *facts)
{
    return facts->top.kind != ENTITY_LEAF && facts->top.kind != ENTITY_SEALED;
}

/* Points the message at a header with these labels. What it says of the body is asked of the header
 * again. */
static bool write_header(struct message *message, struct mime_facts *facts,
                         struct entity_labels *labels, struct error *error)
{
    uint64_t start = store_size(&message->store);
    labels->version = !facts->top.has_version;
    labels->eight_bit = message->header_8bit;
    if (!entity_write(message, message->header, labels, error))
        return false;
    message->header = (struct extent){start, store_size(&message->store) - start};
    return inspect(message, facts, error);
}

static void note_labels(const struct entity_labels *labels, struct text *note)
{
    bool both = labels->type != NULL && labels->encoding != NULL;
    if (labels->type != NULL || labels->encoding != NULL)
        text_add_format(note,
                        "%s%s%s added: the body has 8-bit text or NUL octets and no such label",
                        labels->type != NULL ? "Content-Type" : "", both ? " and " : "",
                        labels->encoding != NULL ? "Content-Transfer-Encoding" : "");
    if (labels->charset != NULL)
        text_add_format(note, "%scharset=%s set in Content-Type: the body is no US-ASCII",
                        labels->encoding != NULL ? "; " : "", labels->charset);
}

bool mime_label(struct message *message, struct mime_facts *facts, struct text *note,
                struct error *error)
{
    struct survey survey = {0};
    struct entity_labels labels = {0};
    if (!inspect(message, facts, error))
        return false;
    const struct entity *top = &facts->top;
    bool untyped = !top->has_type && (message->body_8bit || message->body_nul);
    bool mistyped = top->charset != ENTITY_CHARSET_GOOD && message->body_8bit;

    if (facts->is_signed || entity_is_encoded(top))
        return true;
    if ((untyped || mistyped) && !survey_extent(&survey, &message->store, message->body, error))
        return false;
    if (untyped)
        labels.type = entity_find_type(&survey);
    labels.charset = entity_find_charset(top, &survey);
    if (message->body_8bit && top->encoding == ENTITY_SEVEN_BIT && !has_parts(facts))
        labels.encoding = "8bit";
    if (labels.type == NULL && labels.charset == NULL && labels.encoding == NULL)
        return true;
    if (note != NULL)
        note_labels(&labels, note);
    return write_header(message, facts, &labels, error);
}

static bool convert(struct message *message, struct mime_facts *facts, struct error *error)
{
    struct survey survey = {0};
    struct entity_labels labels = {0};
    if (!survey_extent(&survey, &message->store, message->body, error))
        return false;
    enum encoder_kind kind = entity_choose(&facts->top, &survey, &labels);
    uint64_t start = store_size(&message->store);
    if (!encoder_encode(&message->store, message->body, kind, false, error))
        return false;
    message->body = (struct extent){start, store_size(&message->store) - start};
    message->body_8bit = message->body_nul = false;
    message->body_longest_line = ENCODER_LINE_LIMIT;
    bool unchanged = labels.encoding == NULL && facts->top.has_version;
    return unchanged || write_header(message, facts, &labels, error);
}

/* --- what is said of it ----------------------------------------------------------------------- */

/* What keeps the body from going as it stands, in words; nothing where nothing does. */
static void find_reasons(const struct message *message, bool eight_bit, struct text *out)
{
    const struct {
        bool found;
        const char *words;
    } reasons[] = {
        {message->body_nul, "NUL octets"},
        {message->body_longest_line > SURVEY_LINE_LIMIT, "lines over 998 octets"},
        {message->body_8bit && !eight_bit, "8-bit octets, which the server does not take"},
    };
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        if (reasons[i].found)
            text_add_format(out, "%s%s", out->length > 0 ? " and " : "", reasons[i].words);
}

static const char *const obstacles[PART_OBSTACLES] = {
    [PART_IS_SEALED] = "a signature would break",
    [PART_IS_STATUS] = "its type forbids it",
    [PART_IS_UNKNOWN] = "its encoding is not known here",
    [PART_HAS_NO_BOUNDARY] = "it has no boundary that can be found",
    [PART_IS_TOO_DEEP] = "it lies too deep",
};

/* One clause of a note. */
static void note_count(struct text *note, size_t count, const char *what, const char *done)
{
    if (count == 0)
        return;
    text_add_format(note, "%s%zu %s%s %s", note->length > 0 ? "; " : "", count, what,
                    count > 1 ? "s" : "", done);
}

static void note_parts(const struct part_report *report, const char *reasons, struct text *note)
{
    bool said = report->encoded > 0;
    note_count(note, report->encoded, "part", "encoded: the body has ");
    text_add(note, said ? reasons : "");
    for (size_t i = 0; i < PART_OBSTACLES; i++) {
        if (report->left[i] == 0)
            continue;
        note_count(note, report->left[i], "part", "not encoded");
        if (!said)
            text_add_format(note, ", though the body has %s", reasons);
        text_add_format(note, ": %s", obstacles[i]);
        said = true;
    }
    note_count(note, report->headers, "header", "of parts made fit for the wire");
    note_count(note, report->around, "gap", "between parts made fit for the wire");
}

/* --- the whole -------------------------------------------------------------------------------- */

static bool fit_parts(struct message *message, struct mime_facts *facts, bool eight_bit,
                      struct part_report *report, struct error *error)
{
    struct entity_labels labels = {0};
    if (!part_fit(message, &facts->top, eight_bit, report, error))
        return false;
    if (facts->top.encoding == ENTITY_EIGHT_BIT && !message->body_8bit)
        labels.encoding = "7bit";
    bool new_version = report->encoded > 0 && !facts->top.has_version;
    if (labels.encoding == NULL && !new_version)
        return true;
    return write_header(message, facts, &labels, error);
}

bool mime_fit(struct message *message, struct mime_facts *facts, bool eight_bit, struct text *note,
              struct error *error)
{
    char reasons_bytes[MIME_NOTE_SIZE];
    struct text reasons;
    struct part_report report = {0};
    enum part_obstacle obstacle =
        facts->is_signed ? PART_IS_SEALED : part_find_obstacle(&facts->top);

    text_init(&reasons, reasons_bytes, sizeof reasons_bytes);
    find_reasons(message, eight_bit, &reasons);
    if (reasons.length == 0)
        return true;
    if (obstacle != PART_ENCODABLE) {
        text_add_format(note, "body not encoded, though it has %s: %s", reasons_bytes,
                        obstacles[obstacle]);
        return true;
    }
    if (!has_parts(facts)) {
        text_add_format(note, "body encoded%s: it has %s",
                        entity_is_encoded(&facts->top) ? " anew" : "", reasons_bytes);
        return convert(message, facts, error);
    }
    if (!fit_parts(message, facts, eight_bit, &report, error))
        return false;
    note_parts(&report, reasons_bytes, note);
    return true;
}

/* From the outcomes of the recipients to one exit code and one sentence. A recipient that was
 * refused for good outweighs everything else: the caller must learn of it now or never. */
#include "smtp/outcome.h"

#include <string.h>

enum { OUTCOME_NAMED_MAX = 5 }; /* recipients named in a sentence, the rest are counted */

static int exit_code_of(const struct envelope *envelope, const struct error *ending)
{
    size_t refused = envelope_count(envelope, RECIPIENT_REFUSED);
    size_t taken =
        envelope_count(envelope, RECIPIENT_ACCEPTED) + envelope_count(envelope, RECIPIENT_QUEUED);
    if (refused > 0)
        return refused == envelope->count ? EX_NOUSER : EX_UNAVAILABLE;
    if (taken == envelope->count)
        return EX_OK;
    if (ending->exit_code != EX_OK && taken == 0)
        return ending->exit_code;
    return ending->permanent ? EX_UNAVAILABLE : EX_TEMPFAIL;
}

/* "<a@example.com> (550 5.1.1 no such user), <b@example.com> (...) and 7 more" */
static void name_recipients(const struct envelope *envelope, enum recipient_state state,
                            struct text *out)
{
    size_t named = 0;
    size_t total = envelope_count(envelope, state);
    for (size_t i = 0; i < envelope->count && named < OUTCOME_NAMED_MAX; i++) {
        const struct recipient *recipient = &envelope->recipients[i];
        if (recipient->state != state)
            continue;
        text_add(out, named++ > 0 ? ", <" : "<");
        text_add_escaped(out, slice_of(recipient->address), TEXT_SHOWN_LIMIT);
        text_add_byte(out, '>');
        if (recipient->reply && state != RECIPIENT_ACCEPTED && state != RECIPIENT_QUEUED)
            text_add_format(out, " (%s)", recipient->reply);
    }
    if (total > named)
        text_add_format(out, " and %zu more", total - named);
}

/* Appends SEPARATOR "WORDS <a@example.com>, ..." when a recipient is in `state`. */
static void add_group(const struct envelope *envelope, enum recipient_state state,
                      const char *words, const char **separator, struct text *out)
{
    if (envelope_count(envelope, state) == 0)
        return;
    text_add_format(out, "%s%s ", *separator, words);
    name_recipients(envelope, state, out);
    *separator = "; ";
}

static void describe(const struct envelope *envelope, const struct error *ending,
                     const struct submit_report *report, struct text *out)
{
    bool broke_off = ending->exit_code != EX_OK;
    const char *separator = broke_off ? "; " : " ";
    struct text_shown host;
    if (broke_off)
        text_add(out, ending->sentence);
    else
        text_add_format(out, "RCPT TO: %s (%s)", text_show(&host, slice_of(report->host)),
                        report->address);
    add_group(envelope, RECIPIENT_REFUSED, "refused", &separator, out);
    add_group(envelope, RECIPIENT_DEFERRED, "put off", &separator, out);
    if (broke_off && envelope_count(envelope, RECIPIENT_PENDING) < envelope->count)
        add_group(envelope, RECIPIENT_PENDING, "did not get to", &separator, out);
    add_group(envelope, RECIPIENT_QUEUED, "queued for", &separator, out);
    add_group(envelope, RECIPIENT_ACCEPTED, "took the message for", &separator, out);
}

bool outcome_judge(const struct envelope *envelope, const struct error *ending,
                   const struct submit_report *report, struct error *error)
{
    char sentence_bytes[ERROR_SENTENCE_SIZE];
    struct text sentence;
    int exit_code = exit_code_of(envelope, ending);
    *error = (struct error){.exit_code = EX_OK};
    if (exit_code == EX_OK)
        return true;
    text_init(&sentence, sentence_bytes, sizeof sentence_bytes);
    describe(envelope, ending, report, &sentence);
    error_set(error, exit_code, "%s", sentence_bytes);
    if (report->doubtful)
        error_add_advice(error, "an earlier try may have been taken after all: possible duplicate");
    error->permanent = ending->permanent || envelope_count(envelope, RECIPIENT_REFUSED) > 0;
    error->reply_code = ending->reply_code;
    memcpy(error->enhanced, ending->enhanced, sizeof error->enhanced);
    return false;
}

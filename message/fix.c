/* The header as servers take it (RFC 5322 section 3.6, RFC 6409 section 8).
 *
 * A first walk over the fields counts them, a second one writes each to the end of the store.
 * Invariant: one field is in memory at a time, the order of the fields stays, and everything
 * written passes struct fold, which keeps line ends and octets clean. */
#include "message/fix.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "message/address.h"
#include "message/fold.h"
#include "message/header.h"
#include "message/idna.h"
#include "message/rewrite.h"
#include "message/stamp.h"

enum { NOTE_LIMIT = 100, NOTE_SIZE = 1024, STAMP_SIZE = 512 };

struct fixer {
    struct message *message;
    const struct fix_options *options;
    struct error *error;
    struct fold fold;
    struct rewrite rewrite;
    struct buffer clean;       /* a value without its NUL bytes */
    size_t seen[FIELD_COUNT];  /* fields that say something, by the first walk */
    bool written[FIELD_COUNT]; /* by the second */
    bool resent;               /* there is a block of Resent- fields */
    bool lost_recipients;      /* an empty To or Cc, or a Bcc, was taken out */
    size_t notes;
    char domain[ADDRESS_SIZE];
};

static void note(struct fixer *fixer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void note(struct fixer *fixer, const char *format, ...)
{
    char sentence[NOTE_SIZE];
    va_list arguments;

    if (fixer->options->note == NULL || fixer->notes > NOTE_LIMIT)
        return;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    if (fixer->notes++ == NOTE_LIMIT)
        snprintf(sentence, sizeof sentence, "Further changes are not listed");
    fixer->options->note(fixer->options->note_context, sentence);
}

static bool survey(struct fixer *fixer)
{
    struct header_scanner scanner;
    struct header_field field;
    bool found = true, done = true;

    header_open(&scanner, fixer->message);
    while ((done = header_next(&scanner, &field, &found, fixer->error)) && found) {
        if (header_says_nothing(&field))
            continue;
        fixer->seen[field.id]++;
        fixer->resent = fixer->resent || field_is_resent(field.id);
    }
    header_close(&scanner);
    return done;
}

/* The value with a blank for each NUL; valid until the next call. Struct fold would do
 * the same too late: an encoded word can hide a NUL from it. */
static struct slice clean_value(struct fixer *fixer, const struct header_field *field)
{
    if (slice_find(field->value, '\0') == field->value.length)
        return field->value;
    buffer_clear(&fixer->clean);
    if (!buffer_add(&fixer->clean, field->value)) {
        error_set_memory(fixer->error);
        fixer->fold.failed = true;
    }
    for (size_t i = 0; i < fixer->clean.length; i++) {
        if (fixer->clean.bytes[i] == '\0')
            fixer->clean.bytes[i] = ' ';
    }
    return buffer_slice(&fixer->clean);
}

static void write_value(struct fixer *fixer, const struct header_field *field, struct slice value)
{
    if (!rewrite_value(&fixer->rewrite, field->id, field->name, value))
        note(fixer, "%s left as it is: no address list", field_name(field->id));
}

static void begin_field(struct fixer *fixer, struct slice name, enum field_kind kind)
{
    fixer->rewrite.completed = fixer->rewrite.encoded = false;
    fold_begin(&fixer->fold, name, kind);
}

static void end_field(struct fixer *fixer, struct slice name)
{
    struct text_shown shown;
    fold_end(&fixer->fold);
    text_show(&shown, name);
    if (fixer->rewrite.completed)
        note(fixer, "%s completed: an address had no domain, or one not in ASCII", shown.bytes);
    if (fixer->rewrite.encoded)
        note(fixer, "%s encoded: it had raw 8-bit text or an overlong word", shown.bytes);
    if (fixer->fold.cut)
        note(fixer, "%s folded: a line was longer than 998 octets", shown.bytes);
}

static void write_field(struct fixer *fixer, const struct header_field *field)
{
    begin_field(fixer, field->name, rewrite_kind(field->id, field->name));
    write_value(fixer, field, clean_value(fixer, field));
    end_field(fixer, field->name);
}

/* A list that another one can follow behind a comma. */
static struct slice trim_list(struct slice list)
{
    while (list.length > 0 && strchr(" \t\r\n,", list.bytes[list.length - 1]) != NULL)
        list.length--;
    return list;
}

/* Writes the lists of all fields like `first` as one, in a walk of its own. */
static bool write_merged(struct fixer *fixer, const struct header_field *first)
{
    struct header_scanner scanner;
    struct header_field field;
    bool found = true, done = true, started = false;

    begin_field(fixer, first->name, FIELD_ADDRESSES);
    header_open(&scanner, fixer->message);
    while ((done = header_next(&scanner, &field, &found, fixer->error)) && found) {
        if (field.id != first->id || header_says_nothing(&field))
            continue;
        struct slice value = trim_list(clean_value(fixer, &field));
        if (started)
            fold_add(&fixer->fold, slice_of(",\r\n "));
        write_value(fixer, &field, started ? slice_trim(value) : value);
        started = true;
    }
    header_close(&scanner);
    end_field(fixer, first->name);
    note(fixer, "%s merged: there were %zu of it", field_name(first->id), fixer->seen[first->id]);
    return done;
}

static void write_new(struct fixer *fixer, enum field_id id, const char *value)
{
    fold_begin(&fixer->fold, slice_of(field_name(id)), field_kind(id));
    fold_add(&fixer->fold, slice_of(" "));
    fold_add(&fixer->fold, slice_of(value));
    fold_end(&fixer->fold);
}

static void write_new_from(struct fixer *fixer, enum field_id id)
{
    begin_field(fixer, slice_of(field_name(id)), FIELD_ADDRESSES);
    rewrite_mailbox(&fixer->rewrite, fixer->options->full_name, fixer->options->from);
    fold_end(&fixer->fold);
}

static bool is_own_address(struct fixer *fixer, struct slice value)
{
    char storage[ADDRESS_SIZE];
    struct text address;
    struct address_mailbox mailbox, another;
    struct error ignored;
    bool needs_utf8 = false, found = false, more = false;

    text_init(&address, storage, sizeof storage);
    return address_next(&value, &mailbox, &found, &ignored) && found &&
           address_next(&value, &another, &more, &ignored) && !more &&
           address_canonical(&mailbox, fixer->domain, &address, &needs_utf8, &ignored) &&
           slice_equals_nocase(text_slice(&address), slice_of(fixer->options->from));
}

/* The original goes to Reply-To only where it can be answered. */
static void replace_from(struct fixer *fixer, const struct header_field *field)
{
    struct slice value = clean_value(fixer, field);
    const char *from = fixer->options->from;
    struct text_shown shown;

    if (is_own_address(fixer, value)) {
        write_field(fixer, field);
        return;
    }
    begin_field(fixer, field->name, FIELD_ADDRESSES);
    bool replaced = rewrite_first(&fixer->rewrite, value, from, fixer->options->full_name);
    if (!replaced)
        rewrite_mailbox(&fixer->rewrite, fixer->options->full_name, from);
    end_field(fixer, field->name);
    note(fixer, "From replaced by %s: from_header = replace", text_show(&shown, slice_of(from)));
    if (!replaced || fixer->seen[FIELD_REPLY_TO] > 0)
        return;
    begin_field(fixer, slice_of(field_name(FIELD_REPLY_TO)), FIELD_ADDRESSES);
    write_value(fixer, field, value);
    end_field(fixer, slice_of(field_name(FIELD_REPLY_TO)));
    note(fixer, "Reply-To added: it keeps the original From");
}

static void keep_message_id(struct fixer *fixer, struct slice value)
{
    struct text id;
    text_init(&id, fixer->message->message_id, sizeof fixer->message->message_id);
    text_add_slice(&id, slice_trim(value));
}

enum fate { FATE_WRITE, FATE_MERGE, FATE_DROP };

static enum fate drop(struct fixer *fixer, const struct header_field *field, const char *reason)
{
    note(fixer, "%s removed: %s", field_name(field->id), reason);
    return FATE_DROP;
}

/* Of what RFC 5322 section 3.6 allows once. */
static enum fate judge_repeated(struct fixer *fixer, const struct header_field *field)
{
    bool again = fixer->written[field->id];
    fixer->written[field->id] = true;
    if (field->id == FIELD_TO || field->id == FIELD_CC || field->id == FIELD_REPLY_TO) {
        if (again)
            return FATE_DROP;
        return fixer->seen[field->id] > 1 ? FATE_MERGE : FATE_WRITE;
    }
    return again ? drop(fixer, field, "it is there more than once, the first stays") : FATE_WRITE;
}

static enum fate judge_empty(struct fixer *fixer, const struct header_field *field)
{
    if (field->id == FIELD_TO || field->id == FIELD_CC)
        fixer->lost_recipients = true;
    return drop(fixer, field, "it was empty");
}

static enum fate judge(struct fixer *fixer, const struct header_field *field)
{
    switch (field->id) {
    case FIELD_GARBAGE:
        note(fixer, "A line removed: it was no header field");
        return FATE_DROP;
    case FIELD_RETURN_PATH:
        return drop(fixer, field, "it is for the last server to add");
    case FIELD_BCC:
    case FIELD_RESENT_BCC:
        fixer->lost_recipients = fixer->lost_recipients || fixer->options->remove_bcc;
        return fixer->options->remove_bcc ? drop(fixer, field, "nobody else is to see it")
                                          : FATE_WRITE;
    case FIELD_RESENT_FROM:
    case FIELD_RESENT_SENDER:
    case FIELD_RESENT_TO:
    case FIELD_RESENT_CC:
    case FIELD_RESENT_DATE:
    case FIELD_RESENT_MESSAGE_ID:
        /* Each forwarding has a block of its own: they repeat. */
        return header_says_nothing(field) ? judge_empty(fixer, field) : FATE_WRITE;
    case FIELD_FROM:
    case FIELD_SENDER:
    case FIELD_REPLY_TO:
    case FIELD_TO:
    case FIELD_CC:
    case FIELD_DATE:
    case FIELD_MESSAGE_ID:
        return header_says_nothing(field) ? judge_empty(fixer, field)
                                          : judge_repeated(fixer, field);
    case FIELD_SUBJECT:
        return judge_repeated(fixer, field);
    default:
        return FATE_WRITE;
    }
}

static bool fix_field(struct fixer *fixer, const struct header_field *field)
{
    enum fate fate = judge(fixer, field);
    if (fate == FATE_MERGE)
        return write_merged(fixer, field);
    if (fate == FATE_DROP)
        return true;
    if (field->id == FIELD_MESSAGE_ID)
        keep_message_id(fixer, field->value);
    if (field->id == FIELD_FROM && fixer->options->from_header == FIX_FROM_REPLACE)
        replace_from(fixer, field);
    else
        write_field(fixer, field);
    return !fixer->fold.failed;
}

static bool fix_fields(struct fixer *fixer)
{
    struct header_scanner scanner;
    struct header_field field;
    bool found = true, done = true;

    header_open(&scanner, fixer->message);
    while (done && (done = header_next(&scanner, &field, &found, fixer->error)) && found)
        done = fix_field(fixer, &field);
    header_close(&scanner);
    return done;
}

static void add_from(struct fixer *fixer, enum field_id id)
{
    if (fixer->seen[id] > 0 || fixer->options->from_header == FIX_FROM_KEEP)
        return;
    write_new_from(fixer, id);
    note(fixer, "%s added: the message had none", field_name(id));
}

static void add_date(struct fixer *fixer, enum field_id id)
{
    char storage[STAMP_SIZE];
    struct text date;
    if (fixer->seen[id] > 0 || !fixer->options->add_date)
        return;
    text_init(&date, storage, sizeof storage);
    stamp_date(&date, fixer->options->now);
    write_new(fixer, id, storage);
    note(fixer, "%s added: the message had none", field_name(id));
}

static bool add_message_id(struct fixer *fixer, enum field_id id)
{
    char storage[STAMP_SIZE];
    struct text value;
    if (fixer->seen[id] > 0 || !fixer->options->add_message_id)
        return true;
    text_init(&value, storage, sizeof storage);
    if (!stamp_message_id(&value, fixer->domain, fixer->error))
        return false;
    write_new(fixer, id, storage);
    if (id == FIELD_MESSAGE_ID)
        keep_message_id(fixer, text_slice(&value));
    note(fixer, "%s added: the message had none", field_name(id));
    return true;
}

/* The newest block of Resent- fields stands first (RFC 5322 section 3.6.6). */
static bool add_resent(struct fixer *fixer)
{
    if (!fixer->resent)
        return true;
    add_from(fixer, FIELD_RESENT_FROM);
    add_date(fixer, FIELD_RESENT_DATE);
    return add_message_id(fixer, FIELD_RESENT_MESSAGE_ID);
}

static bool add_missing(struct fixer *fixer)
{
    size_t visible = fixer->seen[FIELD_TO] + fixer->seen[FIELD_CC];
    if (!fixer->options->remove_bcc)
        visible += fixer->seen[FIELD_BCC];
    add_from(fixer, FIELD_FROM);
    add_date(fixer, FIELD_DATE);
    if (fixer->lost_recipients && visible == 0) {
        write_new(fixer, FIELD_TO, "undisclosed-recipients:;");
        note(fixer, "To added: nobody is named in To or Cc");
    }
    return add_message_id(fixer, FIELD_MESSAGE_ID);
}

static void choose_domain(struct fixer *fixer)
{
    struct slice domain = slice_of(fixer->options->domain);
    struct error ignored;
    struct text ascii;
    text_init(&ascii, fixer->domain, sizeof fixer->domain);
    if (idna_to_ascii(domain, &ascii, &ignored) && !ascii.overflow)
        return;
    text_init(&ascii, fixer->domain, sizeof fixer->domain);
    text_add_slice(&ascii, domain);
}

bool fix_header(struct message *message, const struct fix_options *options, struct error *error)
{
    struct fixer fixer = {.message = message, .options = options, .error = error};
    uint64_t start = store_size(&message->store);

    choose_domain(&fixer);
    fold_open(&fixer.fold, &message->store, options->utf8, error);
    fixer.rewrite =
        (struct rewrite){.fold = &fixer.fold, .domain = fixer.domain, .utf8 = options->utf8};
    message->message_id[0] = '\0';
    bool done = survey(&fixer) && add_resent(&fixer) && fix_fields(&fixer) && add_missing(&fixer);
    bool written = fold_close(&fixer.fold);
    rewrite_free(&fixer.rewrite);
    buffer_free(&fixer.clean);
    if (!done || !written)
        return false;
    message->header = (struct extent){start, store_size(&message->store) - start};
    message->header_8bit = fixer.fold.wrote_8bit;
    return true;
}

/* MAIL, RCPT and BDAT as local libraries write them. Invariant: a path ends where RFC 5321 says it
 * does, whatever its quoted string holds, and no parameter is passed over. */
#include "smtp/server_command.h"

#include <string.h>

#include "base/ascii.h"
#include "base/utf8.h"
#include "smtp/answer.h"

bool server_command_is_text(struct slice line)
{
    for (size_t i = 0; i < line.length; i++)
        if (ascii_is_control(line.bytes[i]) && line.bytes[i] != '\t')
            return false;
    return true;
}

struct slice server_command_cut_verb(struct slice *line)
{
    struct slice verb = slice_make(line->bytes, 0);
    *line = slice_trim(*line);
    slice_cut_word(line, &verb);
    *line = slice_trim(*line);
    return verb;
}

/* --- paths ----------------------------------------------------------------------------------- */

/* How much of `text` stands before the first of `ends` outside quoted strings. */
static size_t find_outside_quotes(struct slice text, const char *ends)
{
    bool quoted = false;
    for (size_t i = 0; i < text.length; i++) {
        char byte = text.bytes[i];
        if (quoted && byte == '\\')
            i++;
        else if (byte == '"')
            quoted = !quoted;
        else if (!quoted && strchr(ends, byte) != NULL)
            return i;
    }
    return text.length;
}

/* Cuts "<path>", or a path without brackets, off `rest`. */
static bool cut_path(struct slice *rest, struct slice *path, struct error *error)
{
    bool bracketed = rest->length > 0 && rest->bytes[0] == '<';
    if (!bracketed) {
        size_t end = find_outside_quotes(*rest, " \t<>");
        *path = slice_to(*rest, end);
        *rest = slice_from(*rest, end);
        if (end > 0 && (rest->length == 0 || ascii_is_blank(rest->bytes[0])))
            return true;
        return answer_refuse(error, 501, "5.5.4", "an address in <> belongs here");
    }
    *rest = slice_from(*rest, 1);
    size_t end = find_outside_quotes(*rest, "<>");
    *path = slice_trim(slice_to(*rest, end));
    bool closed = end < rest->length && rest->bytes[end] == '>';
    *rest = slice_from(*rest, end + 1);
    if (closed && (rest->length == 0 || ascii_is_blank(rest->bytes[0])))
        return true;
    return answer_refuse(error, 501, "5.5.4", "an address and its closing > belong here");
}

/* "@a,@b:user@c" is user@c (RFC 5321 appendix C). */
static bool drop_route(struct slice *path, struct error *error)
{
    if (path->length == 0 || path->bytes[0] != '@')
        return true;
    size_t end = find_outside_quotes(*path, ":");
    *path = slice_trim(slice_from(*path, end + 1));
    return path->length > 0 ||
           answer_refuse(error, 501, "5.5.4", "an address without a local part");
}

/* Takes "WORD:<path>" off `rest`. */
static bool take_path(const char *word, struct slice *rest, struct slice *path, struct error *error)
{
    bool named = slice_starts_nocase(*rest, word);
    struct slice behind = slice_trim(slice_from(*rest, strlen(word)));
    if (!named || behind.length == 0 || behind.bytes[0] != ':')
        return answer_refuse(error, 501, "5.5.4", "%s:<address> belongs here", word);
    *rest = slice_trim(slice_from(behind, 1));
    return cut_path(rest, path, error) && drop_route(path, error);
}

static bool check_path(struct slice path, bool smtputf8, struct error *error)
{
    if (!slice_has_8bit(path) || (smtputf8 && utf8_is_valid(path)))
        return true;
    return answer_refuse(error, 553, "5.6.7",
                         smtputf8 ? "the address is no UTF-8"
                                  : "the address is not ASCII, and MAIL had no SMTPUTF8");
}

/* --- parameters ------------------------------------------------------------------------------ */

struct command {
    struct text *kept; /* where strings go */
    struct server_mail *mail;
    struct server_rcpt *rcpt;
    bool smtputf8; /* RCPT: MAIL had it */
};

/* A copy with NUL; both parts of a line always fit in its size. */
static const char *keep(struct text *kept, struct slice value)
{
    const char *start = kept->bytes + kept->length;
    text_add_slice(kept, value);
    text_add_byte(kept, '\0');
    return start;
}

static bool take_size(struct command *command, struct slice value, struct error *error)
{
    command->mail->has_size = true;
    return slice_parse_number(value, UINT64_MAX, &command->mail->size) ||
           error_set(error, EX_USAGE, "takes a number of octets");
}

static bool take_body(struct command *command, struct slice value, struct error *error)
{
    command->mail->eight_bit = slice_equals_nocase(value, slice_of("8BITMIME"));
    return command->mail->eight_bit || slice_equals_nocase(value, slice_of("7BIT")) ||
           error_set(error, EX_USAGE, "takes 7BIT or 8BITMIME");
}

static bool take_smtputf8(struct command *command, struct slice value, struct error *error)
{
    (void)value;
    (void)error;
    command->mail->smtputf8 = true;
    return true;
}

static bool take_return(struct command *command, struct slice value, struct error *error)
{
    return dsn_parse_return(value, &command->mail->returned, error);
}

static bool take_id(struct command *command, struct slice value, struct error *error)
{
    command->mail->id = keep(command->kept, value);
    return dsn_check_id(value, error);
}

/* RFC 4954 section 5: who sent it, which we have no use for. */
static bool take_auth(struct command *command, struct slice value, struct error *error)
{
    (void)command;
    return value.length > 0 || error_set(error, EX_USAGE, "takes an address or <>");
}

static bool take_notify(struct command *command, struct slice value, struct error *error)
{
    return dsn_parse_notify(value, &command->rcpt->notify, error);
}

static bool take_original(struct command *command, struct slice value, struct error *error)
{
    command->rcpt->original = keep(command->kept, value);
    return dsn_check_original(value, command->smtputf8, error);
}

struct parameter {
    const char *name;
    bool alone; /* without a value */
    bool (*take)(struct command *command, struct slice value, struct error *error);
};

static const struct parameter of_mail[] = {
    {"SIZE", false, take_size},  {"BODY", false, take_body}, {"SMTPUTF8", true, take_smtputf8},
    {"RET", false, take_return}, {"ENVID", false, take_id},  {"AUTH", false, take_auth},
    {NULL, false, NULL},
};

static const struct parameter of_rcpt[] = {
    {"NOTIFY", false, take_notify},
    {"ORCPT", false, take_original},
    {NULL, false, NULL},
};

/* `seen` has a bit for each parameter of the table. */
static bool take_parameter(const struct parameter *table, struct command *command,
                           struct slice word, unsigned *seen, struct error *error)
{
    size_t equals = slice_find(word, '='), i = 0;
    struct slice name = slice_to(word, equals), value = slice_from(word, equals + 1);
    struct text_shown shown;
    while (table[i].name != NULL && !slice_equals_nocase(name, slice_of(table[i].name)))
        i++;
    if (table[i].name == NULL)
        return answer_refuse(error, 555, "5.5.4", "parameter %s is not known",
                             text_show(&shown, name));
    if ((*seen & 1U << i) != 0)
        return answer_refuse(error, 501, "5.5.4", "%s is given twice", table[i].name);
    *seen |= 1U << i;
    if (table[i].alone != (equals == word.length))
        return answer_refuse(error, 501, "5.5.4", "%s takes %s value", table[i].name,
                             table[i].alone ? "no" : "a");
    struct error reason;
    return table[i].take(command, value, &reason) ||
           answer_refuse(error, 501, "5.5.4", "%s %s", table[i].name, reason.sentence);
}

static bool take_parameters(const struct parameter *table, struct command *command,
                            struct slice rest, struct error *error)
{
    struct slice word;
    unsigned seen = 0;
    while (slice_cut_word(&rest, &word))
        if (!take_parameter(table, command, word, &seen, error))
            return false;
    return true;
}

bool server_command_parse_mail(struct slice argument, struct server_mail *mail, struct error *error)
{
    struct slice path = {0};
    struct text kept;
    struct command command = {.kept = &kept, .mail = mail};
    *mail = (struct server_mail){.sender = ""};
    text_init(&kept, mail->kept, sizeof mail->kept);
    if (!take_path("FROM", &argument, &path, error))
        return false;
    mail->sender = keep(&kept, path);
    return take_parameters(of_mail, &command, argument, error) &&
           check_path(path, mail->smtputf8, error);
}

bool server_command_parse_rcpt(struct slice argument, bool smtputf8, struct server_rcpt *rcpt,
                               struct error *error)
{
    struct slice path = {0};
    struct text kept;
    struct command command = {.kept = &kept, .rcpt = rcpt, .smtputf8 = smtputf8};
    *rcpt = (struct server_rcpt){.address = ""};
    text_init(&kept, rcpt->kept, sizeof rcpt->kept);
    if (!take_path("TO", &argument, &path, error))
        return false;
    if (path.length == 0)
        return answer_refuse(error, 501, "5.1.3", "a recipient cannot be empty");
    rcpt->address = keep(&kept, path);
    return take_parameters(of_rcpt, &command, argument, error) && check_path(path, smtputf8, error);
}

bool server_command_parse_bdat(struct slice argument, struct server_chunk *chunk,
                               struct error *error)
{
    struct slice size = {0}, last;
    *chunk = (struct server_chunk){0};
    slice_cut_word(&argument, &size);
    /* More than can ever come is as good as no count. */
    chunk->counted = slice_parse_number(size, INT64_MAX, &chunk->size);
    bool alone = !slice_cut_word(&argument, &last);
    bool good = alone || slice_equals_nocase(last, slice_of("LAST"));
    chunk->last = !alone;
    if (chunk->counted && good && slice_trim(argument).length == 0)
        return true;
    chunk->last = false;
    return answer_refuse(error, 501, "5.5.4", "BDAT takes a number of octets, and LAST or nothing");
}

/* What a person would write who had read sendmail.ini(5). Invariant: a line is written only when
 * the loader reads it back as what was meant (tests/config/draft_test.c goes the way round). */
#include "config/draft.h"

#include <string.h>

#include "base/ascii.h"
#include "config/ini.h"

static bool has(struct slice value, char byte)
{
    return slice_find(value, byte) < value.length;
}

static bool add_between(struct slice value, const char *quote, struct text *out)
{
    text_add(out, quote);
    text_add_slice(out, value);
    text_add(out, quote);
    return !out->overflow;
}

/* What nobody would put in quotes: names, addresses, paths. */
static bool is_plain(struct slice value)
{
    for (size_t i = 0; i < value.length; i++) {
        char lower = ascii_lower(value.bytes[i]);
        bool word = (lower >= 'a' && lower <= 'z') || (lower >= '0' && lower <= '9');
        if (!word && strchr("@._+-/", lower) == NULL)
            return false;
    }
    return true;
}

bool draft_quote(struct slice value, struct text *out)
{
    if (value.length == 0 || value.bytes[value.length - 1] == '\\')
        return false;
    for (size_t i = 0; i < value.length; i++) {
        if (ascii_is_control(value.bytes[i]) && value.bytes[i] != '\t')
            return false;
    }
    if (is_plain(value))
        return add_between(value, "", out);
    if (!has(value, '"'))
        return add_between(value, "\"", out);
    if (!has(value, '\''))
        return add_between(value, "'", out);
    bool bare = !has(value, '#') && !has(value, ';') && strchr("\"'", value.bytes[0]) == NULL &&
                slice_trim(value).length == value.length;
    return bare && add_between(value, "", out);
}

static void add_comment(struct buffer *out, const char *words)
{
    buffer_add_string(out, "# ");
    buffer_add_string(out, words);
    buffer_add_byte(out, '\n');
}

static bool add_line(struct buffer *out, const char *key, const char *value, struct error *error)
{
    char line_bytes[INI_LINE_LIMIT + 1];
    struct text line;
    text_init(&line, line_bytes, sizeof line_bytes);
    text_add_format(&line, "%s = ", key);
    bool done = draft_quote(slice_of(value), &line) && !line.overflow;
    if (done) {
        buffer_add(out, text_slice(&line));
        buffer_add_byte(out, '\n');
    }
    explicit_bzero(line_bytes, sizeof line_bytes);
    if (done)
        return true;
    error_set(error, EX_CONFIG, "configure: this %s cannot stand in a configuration file", key);
    return strcmp(key, "password") != 0
               ? false
               : error_add_advice(error, "write it into a file that you alone can read, and name "
                                         "that with --password-file");
}

/* Where mail for users of this machine goes. */
static bool add_default_to(struct buffer *out, const char *from, struct error *error)
{
    buffer_add_string(out, "\n[local]\n");
    add_comment(out, "Mail for local users, such as cron's for root, goes to you:");
    return add_line(out, "default_to", from, error);
}

static void add_place(const struct draft *draft, struct buffer *out)
{
    char port_bytes[32];
    struct text port;
    text_init(&port, port_bytes, sizeof port_bytes);
    text_add_format(&port, "port = %u\n", (unsigned)draft->port);
    buffer_add_string(out, port_bytes);
    add_comment(out, draft->implicit ? "TLS from the first byte; starttls belongs to port 587."
                                     : "STARTTLS, mandatory; implicit belongs to port 465.");
    buffer_add_string(out, draft->implicit ? "tls = implicit\n" : "tls = starttls\n");
}

static bool add_login(const struct draft *draft, struct buffer *out, struct error *error)
{
    bool file = draft->password_file != NULL;
    if (draft->note != NULL)
        add_comment(out, draft->note);
    if (!add_line(out, "user", draft->user, error))
        return false;
    add_comment(out, file ? "The file that holds the password, in one line."
                          : "Instead of it: password_file, or password_command.");
    return add_line(out, file ? "password_file" : "password",
                    file ? draft->password_file : draft->password, error);
}

bool draft_write(const struct draft *draft, struct buffer *out, struct error *error)
{
    add_comment(out, "Written by sendmail --configure. All keys: sendmail.ini(5).");
    buffer_add_string(out, "\n[smarthost]\n");
    add_comment(out, draft->origin);
    if (!add_line(out, "host", draft->host, error))
        return false;
    add_place(draft, out);
    if (!add_login(draft, out, error))
        return false;
    add_comment(out, "The sender of what is sent without -f.");
    if (!add_line(out, "from", draft->from, error))
        return false;
    add_comment(out, "For a server that takes no other sender, whatever -f says:");
    buffer_add_string(out, ";allow_from_override = no\n");
    if (!add_default_to(out, draft->from, error))
        return false;
    buffer_add_string(out, "\n[message]\n");
    add_comment(out, "For a server that takes no other From: than yours, too:");
    buffer_add_string(out, ";from_header = replace\n");
    return !out->failed || error_set_memory(error);
}

/* The language of session files: a directive a line, "NAME: value"; a block's lines begin with '|'.
 * Every directive is a row of one table. */
#include "tests/smarthost/script.h"

#include <signal.h>
#include <string.h>

#include "base/text.h"

struct parser;

struct directive {
    const char *name;
    bool (*take)(struct parser *parser, struct slice value);
    enum event_kind kind; /* of the event it stands for */
    const char *ending;   /* of its text */
    size_t list;          /* of the script, by offset, that it adds an item to */
};

struct parser {
    const struct directive *row; /* being taken */
    struct script *script;
    struct error *error;
    int line;
    struct buffer *block; /* where '|' lines go; NULL: they are lines of the client, or nothing */
    bool lines, chunk;    /* '|' lines are lines of the client; they are a chunk */
};

static bool fault(struct parser *parser, const char *what)
{
    return error_set(parser->error, EX_USAGE, "line %d: %s", parser->line, what);
}

static bool add_item(struct parser *parser, struct script_list *list, struct slice item)
{
    char *copy = arena_copy(&parser->script->arena, item);

    if (list->count == SCRIPT_LIST_MAX || copy == NULL)
        return fault(parser, "too many of these");
    list->items[list->count++] = slice_make(copy, item.length);
    return true;
}

static struct event *add_event(struct parser *parser, enum event_kind kind)
{
    struct script *script = parser->script;
    struct event *event = &script->events[script->event_count];

    if (script->event_count == SCRIPT_EVENTS_MAX) {
        fault(parser, "too many events");
        return NULL;
    }
    script->event_count++;
    *event = (struct event){.kind = kind, .line = parser->line, .repeat = 1};
    return event;
}

static int hex_digit(char c)
{
    const char *digits = "0123456789abcdef";
    const char *found = c ? strchr(digits, c | 0x20) : NULL;

    return found ? (int)(found - digits) : -1;
}

static bool unescape(struct parser *parser, struct slice value, struct buffer *out, bool *joined);

/* "\{5000:text}": the text so many times. */
static bool unescape_run(struct parser *parser, struct slice *rest, struct buffer *out)
{
    struct slice number, raw;
    struct buffer text = {0};
    uint64_t count;
    bool good, joined;

    if (!slice_cut(rest, ':', &number) || !slice_parse_number(number, 1 << 28, &count) ||
        !slice_cut(rest, '}', &raw))
        return fault(parser, "a run is written \\{NUMBER:TEXT}");
    good = unescape(parser, raw, &text, &joined);
    while (good && count-- > 0)
        buffer_add(out, buffer_slice(&text));
    buffer_free(&text);
    return good;
}

/* What follows a backslash. */
static bool unescape_one(struct parser *parser, struct slice *rest, struct buffer *out)
{
    static const char names[] = "rnt0\\\"", values[] = "\r\n\t\0\\\"";
    char c = rest->length ? rest->bytes[0] : 0;
    const char *found = c ? strchr(names, c) : NULL;

    *rest = slice_from(*rest, 1);
    if (c == '{')
        return unescape_run(parser, rest, out);
    if (c == 'x' && rest->length >= 2 && hex_digit(rest->bytes[0]) >= 0 &&
        hex_digit(rest->bytes[1]) >= 0) {
        buffer_add_byte(out, (char)(hex_digit(rest->bytes[0]) << 4 | hex_digit(rest->bytes[1])));
        *rest = slice_from(*rest, 2);
        return true;
    }
    if (found == NULL)
        return fault(parser, "unknown escape");
    buffer_add_byte(out, values[found - names]);
    return true;
}

/* A backslash at the very end is no escape: `joined` says that no line end follows. */
static bool unescape(struct parser *parser, struct slice value, struct buffer *out, bool *joined)
{
    *joined = false;
    while (value.length > 0) {
        size_t plain = slice_find(value, '\\');

        buffer_add(out, slice_to(value, plain));
        *joined = plain + 1 == value.length;
        value = slice_from(value, plain + 1);
        if (value.length > 0 && !unescape_one(parser, &value, out))
            return false;
    }
    return true;
}

static bool take_text(struct parser *parser, struct slice value, const char *ending,
                      struct slice *text)
{
    struct buffer out = {0};
    bool joined;
    bool good = unescape(parser, value, &out, &joined);

    buffer_add_string(&out, ending);
    *text = slice_make(arena_copy(&parser->script->arena, buffer_slice(&out)), out.length);
    good = good && text->bytes != NULL && !out.failed;
    buffer_free(&out);
    return good;
}

static bool parse_port(struct parser *parser, struct slice word, uint64_t *number)
{
    if (!slice_equals(word, slice_of("first")) && !slice_equals(word, slice_of("second")))
        return fault(parser, "a port is called \"first\" or \"second\"");
    *number = word.bytes[0] == 's';
    parser->script->second_port |= *number == 1;
    return true;
}

static bool parse_milliseconds(struct parser *parser, struct slice value, uint64_t *milliseconds)
{
    uint64_t unit = 1000;

    if (value.length > 2 && slice_equals(slice_from(value, value.length - 2), slice_of("ms"))) {
        unit = 1;
        value = slice_to(value, value.length - 2);
    } else if (value.length > 1 && value.bytes[value.length - 1] == 's') {
        value = slice_to(value, value.length - 1);
    }
    if (!slice_parse_number(value, 1000000, milliseconds))
        return fault(parser, "a time is written 100ms or 2s");
    *milliseconds *= unit;
    return true;
}

static struct slice unquoted(struct slice value)
{
    if (value.length >= 2 && value.bytes[0] == '"')
        return slice_make(value.bytes + 1, value.length - 2);
    return value;
}

/* A password is a secret without being told so. */
static bool on_config(struct parser *parser, struct slice value)
{
    struct script *script = parser->script;
    struct script_setting *setting = &script->settings[script->setting_count];
    struct slice rest = value;

    if (script->setting_count == SCRIPT_LIST_MAX || value.length == 0 || value.bytes[0] != '[' ||
        !slice_cut(&rest, ']', &setting->section) || !slice_cut(&rest, '=', &setting->key))
        return fault(parser, "written \"config: [section] key = value\"");
    setting->section = slice_from(setting->section, 1);
    setting->key = slice_trim(setting->key);
    setting->value = slice_trim(rest);
    script->setting_count++;
    if (!slice_equals(setting->key, slice_of("password")))
        return true;
    return add_item(parser, &script->secrets, unquoted(setting->value));
}

static bool begin_file(struct parser *parser, const char *name, unsigned mode)
{
    struct script *script = parser->script;

    if (script->file_count == SCRIPT_FILES_MAX || name == NULL)
        return fault(parser, "too many files");
    script->files[script->file_count].name = name;
    script->files[script->file_count].mode = mode;
    parser->block = &script->files[script->file_count++].content;
    return true;
}

static bool on_config_file(struct parser *parser, struct slice value)
{
    (void)value;
    parser->script->has_config = true;
    return begin_file(parser, "sendmail/config.ini", 0600);
}

/* "file: NAME" or "file: NAME 644". */
static bool on_file(struct parser *parser, struct slice value)
{
    struct slice name, mode;
    unsigned bits = 0600;

    if (!slice_cut_word(&value, &name))
        return fault(parser, "a file needs a name");
    if (slice_cut_word(&value, &mode))
        for (bits = 0; mode.length > 0; mode = slice_from(mode, 1))
            bits = bits * 8 + (unsigned)(mode.bytes[0] - '0');
    return begin_file(parser, arena_copy(&parser->script->arena, name), bits);
}

/* One word of a command: quotes as in a shell, escapes outside single quotes. */
static bool take_word(struct parser *parser, struct slice *rest, struct buffer *out)
{
    char quote = 0;

    while (rest->length > 0 && (quote != 0 || rest->bytes[0] != ' ')) {
        char c = rest->bytes[0];

        *rest = slice_from(*rest, 1);
        if (c == '\\' && quote != '\'') {
            if (!unescape_one(parser, rest, out))
                return false;
        } else if (c == quote || (quote == 0 && (c == '"' || c == '\''))) {
            quote = quote ? 0 : c;
        } else {
            buffer_add_byte(out, c);
        }
    }
    return quote == 0 || fault(parser, "a quote is left open");
}

static bool on_run(struct parser *parser, struct slice value)
{
    bool good = true;

    while (good && value.length > 0) {
        struct buffer word = {0};

        good = take_word(parser, &value, &word) &&
               add_item(parser, &parser->script->command, buffer_slice(&word));
        buffer_free(&word);
        while (value.length > 0 && value.bytes[0] == ' ')
            value = slice_from(value, 1);
    }
    return good;
}

static bool on_input(struct parser *parser, struct slice value)
{
    (void)value;
    parser->block = &parser->script->input;
    return true;
}

/* "port first: silent": the value is what stands behind "port ". */
static bool on_port(struct parser *parser, struct slice value)
{
    struct slice word, manner;
    uint64_t number;

    if (!slice_cut(&value, ':', &word) || !parse_port(parser, slice_trim(word), &number))
        return fault(parser, "written \"port first: silent\"");
    manner = slice_trim(value);
    if (slice_equals(manner, slice_of("silent")))
        parser->script->ports[number] = PORT_SILENT;
    else if (slice_equals(manner, slice_of("refused")))
        parser->script->ports[number] = PORT_REFUSED;
    else
        return fault(parser, "a port is silent or refused");
    return true;
}

static bool on_connection(struct parser *parser, struct slice value)
{
    struct event *event = add_event(parser, EVENT_CONNECTION);

    return event != NULL && parse_port(parser, value, &event->number);
}

/* The event of the directive's row, without a value. */
static bool on_event(struct parser *parser, struct slice value)
{
    if (slice_trim(value).length > 0)
        return fault(parser, "this directive takes no value");
    return add_event(parser, parser->row->kind) != NULL;
}

static bool add_text_event(struct parser *parser, enum event_kind kind, struct slice text,
                           const char *ending)
{
    struct event *event = add_event(parser, kind);

    return event != NULL && take_text(parser, text, ending ? ending : "", &event->text);
}

/* The event of the directive's row, with the value as its text. */
static bool on_text(struct parser *parser, struct slice value)
{
    return add_text_event(parser, parser->row->kind, value, parser->row->ending);
}

static bool on_interruption(struct parser *parser, struct slice value)
{
    struct event *event = &parser->script->events[parser->script->event_count];

    if (!on_text(parser, value))
        return false;
    event->number = 1;
    return true;
}

/* "hello: PIPELINING, SIZE 1000": everything up to the EHLO reply under TLS, which has these lines.
 */
static bool on_hello(struct parser *parser, struct slice value)
{
    static const struct {
        enum event_kind kind;
        const char *text, *ending;
    } steps[] = {
        {EVENT_SERVER, "220 smarthost.example ESMTP", "\r\n"},
        {EVENT_CLIENT, "EHLO client.example", ""},
        {EVENT_SERVER, "250-smarthost.example", "\r\n"},
        {EVENT_SERVER, "250 STARTTLS", "\r\n"},
        {EVENT_CLIENT, "STARTTLS", ""},
        {EVENT_SERVER, "220 2.0.0 go ahead", "\r\n"},
        {EVENT_TLS, "", ""},
        {EVENT_CLIENT, "EHLO client.example", ""},
        {EVENT_SERVER, "250-smarthost.example", "\r\n"},
    };
    struct slice word;
    bool good = true;

    for (size_t i = 0; good && i < sizeof steps / sizeof steps[0]; i++)
        good = add_text_event(parser, steps[i].kind, slice_of(steps[i].text), steps[i].ending);
    while (good && slice_cut(&value, ',', &word)) {
        char room[256];
        struct text line;

        text_init(&line, room, sizeof room);
        text_add(&line, "250-");
        text_add_slice(&line, slice_trim(word));
        good = add_text_event(parser, EVENT_SERVER, text_slice(&line), "\r\n");
    }
    return good &&
           add_text_event(parser, EVENT_SERVER, slice_of("250 ENHANCEDSTATUSCODES"), "\r\n");
}

static bool on_client_lines(struct parser *parser, struct slice value)
{
    (void)value;
    parser->lines = true;
    return true;
}

static bool on_client_chunk(struct parser *parser, struct slice value)
{
    parser->lines = parser->chunk = true;
    return on_event(parser, value);
}

static bool on_delay(struct parser *parser, struct slice value)
{
    struct event *event = add_event(parser, EVENT_DELAY);

    return event != NULL && parse_milliseconds(parser, value, &event->number);
}

static bool on_signal(struct parser *parser, struct slice value)
{
    static const struct {
        const char *name;
        int number;
    } signals[] = {{"INT", SIGINT}, {"TERM", SIGTERM}, {"HUP", SIGHUP}};
    struct event *event = add_event(parser, EVENT_SIGNAL);

    for (size_t i = 0; event != NULL && i < sizeof signals / sizeof signals[0]; i++)
        if (slice_equals(value, slice_of(signals[i].name)))
            event->number = (uint64_t)signals[i].number;
    return event != NULL && (event->number != 0 || fault(parser, "a signal is INT, TERM or HUP"));
}

static bool on_exit_code(struct parser *parser, struct slice value)
{
    uint64_t code;

    if (!slice_parse_number(value, 255, &code))
        return fault(parser, "an exit code is a number");
    parser->script->exit_code = (int)code;
    return true;
}

static bool on_behind(struct parser *parser, struct slice value)
{
    (void)value;
    parser->script->behind = true;
    return true;
}

static bool on_queued(struct parser *parser, struct slice value)
{
    return slice_parse_number(value, 1000, &parser->script->queued) ||
           fault(parser, "a number of entries is wanted");
}

/* The list of the directive's row gets one item more. */
static bool on_item(struct parser *parser, struct slice value)
{
    char *list = (char *)parser->script + parser->row->list;

    return add_item(parser, (struct script_list *)(void *)list, value);
}

static bool on_limit(struct parser *parser, struct slice value)
{
    uint64_t milliseconds;

    if (!parse_milliseconds(parser, value, &milliseconds))
        return false;
    parser->script->limit = (int64_t)milliseconds;
    return true;
}

static const struct directive directives[] = {
    {"config:", on_config, 0, NULL, 0},
    {"config-file:", on_config_file, 0, NULL, 0},
    {"file:", on_file, 0, NULL, 0},
    {"run:", on_run, 0, NULL, 0},
    {"env:", on_item, 0, NULL, offsetof(struct script, environment)},
    {"input:", on_input, 0, NULL, 0},
    {"port ", on_port, 0, NULL, 0},
    {"connection:", on_connection, 0, NULL, 0},
    {"hello:", on_hello, 0, NULL, 0},
    {"S:", on_text, EVENT_SERVER, "\r\n", 0},
    {"S-raw:", on_text, EVENT_SERVER, NULL, 0},
    {"S-interrupts:", on_interruption, EVENT_SERVER, "\r\n", 0},
    {"S-delay:", on_delay, 0, NULL, 0},
    {"S-silent", on_event, EVENT_SILENT, NULL, 0},
    {"S-close", on_event, EVENT_CLOSE, NULL, 0},
    {"S-cut", on_event, EVENT_CUT, NULL, 0},
    {"S-reset", on_event, EVENT_RESET, NULL, 0},
    {"signal:", on_signal, 0, NULL, 0},
    {"C:", on_text, EVENT_CLIENT, NULL, 0},
    {"C-data:", on_client_lines, 0, NULL, 0},
    {"C-bdat:", on_client_chunk, EVENT_CHUNK_BEGIN, NULL, 0},
    {"C-close", on_event, EVENT_CLIENT_CLOSE, NULL, 0},
    {"flight:", on_event, EVENT_FLIGHT, NULL, 0},
    {"TLS-refused", on_text, EVENT_TLS_REFUSED, NULL, 0},
    {"TLS", on_text, EVENT_TLS, NULL, 0},
    {"exit:", on_exit_code, 0, NULL, 0},
    {"behind", on_behind, 0, NULL, 0},
    {"queued:", on_queued, 0, NULL, 0},
    {"stderr:", on_item, 0, NULL, offsetof(struct script, errors)},
    {"stdout:", on_item, 0, NULL, offsetof(struct script, output)},
    {"log:", on_item, 0, NULL, offsetof(struct script, log)},
    {"secret:", on_item, 0, NULL, offsetof(struct script, secrets)},
    {"limit:", on_limit, 0, NULL, 0},
};

/* "| text", "|" for an empty line, "|200* text" for the line 200 times, "|..." for any lines. */
static bool parse_block_line(struct parser *parser, struct slice line)
{
    struct slice rest = slice_from(line, 1), number;
    uint64_t repeat = 1;
    struct event *event;
    bool joined;

    if (slice_equals(rest, slice_of("...")) && parser->lines)
        return add_event(parser, EVENT_SKIP) != NULL;
    if (rest.length > 0 && rest.bytes[0] != ' ') {
        if (!slice_cut(&rest, '*', &number) || !slice_parse_number(number, 1 << 24, &repeat))
            return fault(parser, "a block's line begins \"| \" or \"|NUMBER* \"");
    }
    rest = slice_from(rest, 1);
    if (parser->lines) {
        event = add_event(parser, EVENT_CLIENT);
        if (event == NULL)
            return false;
        event->repeat = repeat;
        return take_text(parser, rest, "", &event->text);
    }
    if (parser->block == NULL)
        return fault(parser, "this line belongs to no block");
    while (repeat-- > 0) {
        if (!unescape(parser, rest, parser->block, &joined))
            return false;
        if (!joined)
            buffer_add_string(parser->block, "\n");
    }
    return true;
}

static bool end_block(struct parser *parser)
{
    bool chunk = parser->chunk;

    parser->block = NULL;
    parser->lines = parser->chunk = false;
    return !chunk || add_event(parser, EVENT_CHUNK_END) != NULL;
}

static bool parse_line(struct parser *parser, struct slice line)
{
    size_t rows = sizeof directives / sizeof directives[0];

    if (line.length > 0 && line.bytes[0] == '|')
        return parse_block_line(parser, line);
    if (!end_block(parser))
        return false;
    if (slice_trim(line).length == 0 || line.bytes[0] == '#')
        return true;
    for (size_t i = 0; i < rows; i++) {
        size_t length = strlen(directives[i].name);

        if (line.length >= length && memcmp(line.bytes, directives[i].name, length) == 0) {
            struct slice value = slice_from(line, length);

            if (value.length > 0 && value.bytes[0] == ' ')
                value = slice_from(value, 1);
            parser->row = &directives[i];
            return directives[i].take(parser, value);
        }
    }
    return fault(parser, "unknown directive");
}

bool script_parse(struct script *script, struct slice text, struct error *error)
{
    struct parser parser = {.script = script, .error = error};
    struct slice line;

    memset(script, 0, sizeof *script);
    script->limit = 15000;
    while (text.length > 0) {
        size_t length = slice_find(text, '\n');

        line = slice_to(text, length);
        text = slice_from(text, length + 1);
        parser.line++;
        if (!parse_line(&parser, line))
            return false;
    }
    if (script->command.count == 0)
        return fault(&parser, "nothing is run");
    return end_block(&parser);
}

void script_free(struct script *script)
{
    for (size_t i = 0; i < script->file_count; i++)
        buffer_free(&script->files[i].content);
    buffer_free(&script->input);
    arena_free(&script->arena);
}

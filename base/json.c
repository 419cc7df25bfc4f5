/* JSON (RFC 8259). Invariant: whatever comes in, what goes out is printable ASCII, so that a
 * terminal may be the machine that reads it. */
#include "base/json.h"

#include "base/ascii.h"
#include "base/text.h"
#include "base/utf8.h"

/* By number, as UTF-16 (RFC 8259 section 7). */
static void add_escape(struct buffer *out, uint32_t character)
{
    char escape[16];
    struct text text;
    text_init(&text, escape, sizeof escape);
    if (character >= 0x10000) {
        text_add_format(&text, "\\u%04x", (unsigned)(0xd7c0 + (character >> 10)));
        character = 0xdc00 | (character & 0x3ff);
    }
    text_add_format(&text, "\\u%04x", (unsigned)character);
    buffer_add_string(out, escape);
}

/* What is not UTF-8 is taken for Latin-1. */
static void add_string(struct buffer *out, struct slice string)
{
    bool sound = utf8_is_valid(string);
    buffer_add_byte(out, '"');
    while (string.length > 0) {
        char byte = string.bytes[0];
        uint32_t character = (unsigned char)byte;
        if (sound)
            character = utf8_cut(&string);
        else
            string = slice_from(string, 1);
        if (character >= 0x80 || ascii_is_control(byte)) {
            add_escape(out, character);
            continue;
        }
        if (byte == '"' || byte == '\\')
            buffer_add_byte(out, '\\');
        buffer_add_byte(out, byte);
    }
    buffer_add_byte(out, '"');
}

static void separate(struct json *json)
{
    if (json->follows)
        buffer_add_string(json->out, ", ");
    json->follows = true;
}

static void begin_value(struct json *json, const char *key)
{
    separate(json);
    if (key == NULL)
        return;
    add_string(json->out, slice_of(key));
    buffer_add_string(json->out, ": ");
}

void json_open(struct json *json, const char *key, char bracket)
{
    begin_value(json, key);
    buffer_add_byte(json->out, bracket);
    json->follows = false;
}

void json_close(struct json *json, char bracket)
{
    buffer_add_byte(json->out, bracket);
    json->follows = true;
}

void json_string(struct json *json, const char *key, const char *value)
{
    begin_value(json, key);
    if (value != NULL)
        add_string(json->out, slice_of(value));
    else
        buffer_add_string(json->out, "null");
}

void json_known(struct json *json, const char *key, const char *value)
{
    json_string(json, key, value[0] != '\0' ? value : NULL);
}

void json_number(struct json *json, const char *key, int64_t value)
{
    char digits[24];
    struct text text;
    text_init(&text, digits, sizeof digits);
    text_add_format(&text, "%lld", (long long)value);
    begin_value(json, key);
    buffer_add_string(json->out, digits);
}

void json_truth(struct json *json, const char *key, bool value)
{
    begin_value(json, key);
    buffer_add_string(json->out, value ? "true" : "false");
}

void json_null(struct json *json, const char *key)
{
    begin_value(json, key);
    buffer_add_string(json->out, "null");
}

void json_words(struct json *json, const char *key, const char *words)
{
    struct slice rest = slice_of(words), word;
    json_open(json, key, '[');
    while (slice_cut_word(&rest, &word)) {
        separate(json);
        add_string(json->out, word);
    }
    json_close(json, ']');
}

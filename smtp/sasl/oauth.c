/* OAuth tokens: OAUTHBEARER (RFC 7628) and XOAUTH2, its elder. A server that refuses the token says
 * why in JSON (RFC 7628 section 3.2.2), as a challenge; after a response that means nothing it
 * refuses the login. Invariant: what the JSON holds is shown escaped and cut short, never obeyed.
 */
#include "smtp/sasl/sasl.h"

#include <stdlib.h>
#include <string.h>

#include "base/ascii.h"

enum { VALUE_SIZE = 512, VALUE_SHOWN = 80, WORDS_SIZE = 512 };

struct refusal {
    char words[WORDS_SIZE]; /* printable */
};

/* --- the server's reasons -------------------------------------------------------------------- */

static void skip_blanks(struct slice *rest)
{
    while (rest->length > 0 && ascii_is_space(rest->bytes[0]))
        *rest = slice_from(*rest, 1);
}

/* Cuts `byte` and the blanks before it off `rest`; false when something else stands there. */
static bool cut_byte(struct slice *rest, char byte)
{
    skip_blanks(rest);
    if (rest->length == 0 || rest->bytes[0] != byte)
        return false;
    *rest = slice_from(*rest, 1);
    return true;
}

/* What stands behind a backslash. An escape by number stays as it is: it is only to be shown. */
static void add_escape(struct text *value, char escaped)
{
    static const char letters[] = "bfnrt", meanings[] = "\b\f\n\r\t";
    const char *letter = escaped == '\0' ? NULL : strchr(letters, escaped);
    if (escaped == 'u')
        text_add(value, "\\u");
    else
        text_add_byte(value, letter == NULL ? escaped : meanings[letter - letters]);
}

/* Cuts a string with its quotes off `rest`; what does not fit into `value` is left out. */
static bool cut_string(struct slice *rest, struct text *value)
{
    if (!cut_byte(rest, '"'))
        return false;
    for (size_t i = 0; i < rest->length; i++) {
        char byte = rest->bytes[i];
        if (byte == '"') {
            *rest = slice_from(*rest, i + 1);
            return true;
        }
        if (byte == '\\' && i + 1 < rest->length)
            add_escape(value, rest->bytes[++i]);
        else
            text_add_byte(value, byte);
    }
    return false;
}

/* A number or a word. */
static bool cut_literal(struct slice *rest, struct text *value)
{
    size_t length = 0;
    skip_blanks(rest);
    while (length < rest->length && !ascii_is_space(rest->bytes[length]) &&
           strchr(",}[]{\"", rest->bytes[length]) == NULL)
        length++;
    text_add_slice(value, slice_to(*rest, length));
    *rest = slice_from(*rest, length);
    return length > 0;
}

static bool is_telling(struct slice key)
{
    static const char *const keys[] = {"status", "error", "error_description", "scope", "schemes"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (slice_equals(key, slice_of(keys[i])))
            return true;
    return false;
}

/* Cuts one `"key": value` off; adds it to the words when it is one that tells something. */
static bool cut_member(const struct sasl_channel *channel, struct slice *rest, struct text *words)
{
    char key_bytes[VALUE_SIZE], value_bytes[VALUE_SIZE];
    struct text key, value;
    text_init(&key, key_bytes, sizeof key_bytes);
    text_init(&value, value_bytes, sizeof value_bytes);
    if (!cut_string(rest, &key) || !cut_byte(rest, ':'))
        return false;
    skip_blanks(rest);
    bool is_string = rest->length > 0 && rest->bytes[0] == '"';
    if (!(is_string ? cut_string(rest, &value) : cut_literal(rest, &value)))
        return false;
    if (is_telling(text_slice(&key)) && value.length > 0) {
        text_add_format(words, "%s%s ", words->length > 0 ? ", " : "", key.bytes);
        sasl_add_said(channel, text_slice(&value), VALUE_SHOWN, words);
    }
    return true;
}

/* {"status":"401","schemes":"bearer"}: members up to the first that is no plain value. What is no
 * such object is shown as it is. */
static void read_reasons(const struct sasl_channel *channel, struct slice json, struct text *words)
{
    struct slice rest = json;
    if (cut_byte(&rest, '{'))
        while (cut_member(channel, &rest, words) && cut_byte(&rest, ','))
            continue;
    if (words->length == 0)
        sasl_add_said(channel, json, VALUE_SHOWN, words);
}

/* --- the exchange ---------------------------------------------------------------------------- */

/* A token is printable and without blanks (RFC 6750 section 2.1); anything else could end its
 * field. */
static bool check_token(struct slice token, struct error *error)
{
    bool good = token.length > 0;
    for (size_t i = 0; i < token.length; i++)
        good = good && token.bytes[i] > ' ' && token.bytes[i] < 0x7f;
    return good || error_set(error, EX_CONFIG,
                             "the password is no OAuth token: one has no blanks, control or 8-bit "
                             "characters; see auth");
}

static bool remember_refusal(struct sasl_exchange *exchange, struct slice challenge,
                             struct error *error)
{
    struct refusal *refusal = calloc(1, sizeof *refusal);
    struct text words;
    if (refusal == NULL)
        return error_set_memory(error);
    exchange->state = refusal;
    text_init(&words, refusal->words, sizeof refusal->words);
    read_reasons(&exchange->channel, challenge, &words);
    return true;
}

/* A response in the first round, nothing of meaning behind a refusal, and no more. */
static bool respond_as(struct sasl_exchange *exchange, struct slice challenge, const char *nothing,
                       struct text *response, struct error *error)
{
    const char *name = exchange->mechanism->name;
    if (exchange->round > 1)
        return error_set(error, EX_PROTOCOL, "the server asks for more than %s has", name);
    text_add(response, nothing);
    return remember_refusal(exchange, challenge, error);
}

static bool respond_bearer(struct sasl_exchange *exchange, struct slice challenge,
                           struct text *response, struct error *error)
{
    const struct sasl_options *options = exchange->options;
    const struct sasl_channel *channel = &exchange->channel;
    struct slice token = slice_make(options->secret->bytes, options->secret->length);
    if (exchange->round > 0)
        return respond_as(exchange, challenge, "\1", response, error);
    text_add(response, "n,a=");
    sasl_add_name(response, options->user);
    text_add_format(response, ",\1host=%s\1port=%u\1auth=Bearer ", channel->host,
                    (unsigned)channel->port);
    text_add_slice(response, token);
    text_add(response, "\1\1");
    return check_token(token, error);
}

static bool respond_xoauth2(struct sasl_exchange *exchange, struct slice challenge,
                            struct text *response, struct error *error)
{
    const struct sasl_options *options = exchange->options;
    struct slice token = slice_make(options->secret->bytes, options->secret->length);
    if (exchange->round > 0)
        return respond_as(exchange, challenge, "", response, error);
    text_add_format(response, "user=%s\1auth=Bearer ", options->user);
    text_add_slice(response, token);
    text_add(response, "\1\1");
    return check_token(token, error);
}

static void explain(const struct sasl_exchange *exchange, struct slice words, struct error *error)
{
    const struct refusal *refusal = exchange->state;
    (void)words;
    if (refusal != NULL && refusal->words[0] != '\0')
        error_add_advice(error, "its reasons: %s", refusal->words);
}

static void end(struct sasl_exchange *exchange)
{
    free(exchange->state);
    exchange->state = NULL;
}

const struct sasl_mechanism sasl_oauthbearer = {
    .name = "OAUTHBEARER",
    .reusable_secret = true,
    .client_first = true,
    .token = true,
    .respond = respond_bearer,
    .explain = explain,
    .end = end,
};

const struct sasl_mechanism sasl_xoauth2 = {
    .name = "XOAUTH2",
    .reusable_secret = true,
    .client_first = true,
    .token = true,
    .respond = respond_xoauth2,
    .explain = explain,
    .end = end,
};

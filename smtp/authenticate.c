/* AUTH (RFC 4954 section 4). Invariant: what carries a secret is masked in everything the server
 * says from then on, never traced, and outside of vaults only in the output until it is sent. */
#include "smtp/authenticate.h"

#include <string.h>

#include "base/clock.h"
#include "base/codec.h"
#include "base/vault.h"

enum {
    INITIAL_LINE_LIMIT = 512, /* octets with CRLF: what every server takes (RFC 5321) */
    ROUNDS_LIMIT = 8,
    BASE64_SIZE = (SASL_RESPONSE_SIZE + 2) / 3 * 4 + 1,
    LINE_SIZE = BASE64_SIZE + 64,
    STEP_SIZE = 64
};

/* "AUTH PLAIN" */
static const char *step_name(char *step, const struct sasl_mechanism *mechanism)
{
    struct text text;
    text_init(&text, step, STEP_SIZE);
    text_add_format(&text, "AUTH %s", mechanism->name);
    return step;
}

static struct sasl_channel channel_of(const struct client *client)
{
    return (struct sasl_channel){
        .encrypted = client->encrypted,
        .loopback = client->peer.loopback,
        .privileged_port = client->peer.port < 1024,
        .client_certificate = client->smarthost->tls.cert != NULL,
        .stream = &client->stream,
        .host = client->peer.host,
        .port = client->peer.port,
        .offered = slice_of(client->capability.mechanisms),
        .mask = &client->mask,
    };
}

static void begin(struct sasl_exchange *exchange, const struct client *client,
                  const struct sasl_mechanism *mechanism)
{
    struct sasl_channel channel = channel_of(client);
    sasl_begin(exchange, mechanism, &client->smarthost->sasl, &channel);
}

bool authenticate_choose(const struct client *client, const struct sasl_mechanism **mechanism,
                         struct error *error)
{
    const struct sasl_options *options = &client->smarthost->sasl;
    struct sasl_channel channel = channel_of(client);
    *mechanism = NULL;
    if (!sasl_is_asked(options))
        return true;
    if (options->secret == NULL)
        return error_set(error, EX_CONFIG,
                         "AUTH: user is set but no password, password_file or password_command");
    if (!client->capability.auth) {
        error_set(error, EX_NOPERM, "no login is offered; unset user, or see tls and port");
        return client_add_context(client, "AUTH", error);
    }
    *mechanism = sasl_choose(options, &channel, error);
    return *mechanism != NULL || client_add_context(client, "AUTH", error);
}

/* A text for what carries a secret; its bytes are given to vault_free. */
static bool open_text(struct text *text, size_t size, struct error *error)
{
    *text = (struct text){.bytes = vault_allocate(size), .size = size};
    return text->bytes != NULL || error_set_memory(error);
}

static bool hide(struct client *client, struct slice secret, struct error *error)
{
    return mask_add(&client->mask, secret) || error_set_memory(error);
}

/* What an exchange says, to be hidden from then on; it is no secret where a certificate is. */
static bool hide_response(struct client *client, const struct sasl_exchange *exchange,
                          struct slice response, struct error *error)
{
    return exchange->mechanism->certificate || hide(client, response, error);
}

/* What the secret is in base64 behind `before` octets of something else, as far as it does not
 * depend on what stands around it. A piece too short to mean something is not hidden. */
static bool hide_encoded(struct client *client, size_t before, struct error *error)
{
    const struct sasl_secret *secret = client->smarthost->sasl.secret;
    struct text raw, encoded;
    if (!open_text(&raw, SASL_RESPONSE_SIZE, error))
        return false;
    if (!open_text(&encoded, BASE64_SIZE, error)) {
        vault_free(raw.bytes);
        return false;
    }
    text_add_slice(&raw, slice_make("  ", before));
    text_add_slice(&raw, slice_make(secret->bytes, secret->length));
    codec_base64_encode(&encoded, text_slice(&raw));
    struct slice piece = text_slice(&encoded);
    if (before > 0)
        piece = slice_from(slice_to(piece, raw.length * 8 / 6), before + 1);
    bool means_something = before == 0 || piece.length >= MASK_PIECE_LENGTH;
    bool hidden = !means_something || hide(client, piece, error);
    vault_free(raw.bytes);
    vault_free(encoded.bytes);
    return hidden;
}

/* The secret itself, raw and in base64: some servers repeat what they could not make sense of, or
 * give it back among the reasons in a challenge. */
static bool hide_secret(struct client *client, struct error *error)
{
    const struct sasl_secret *secret = client->smarthost->sasl.secret;
    return hide(client, slice_make(secret->bytes, secret->length), error) &&
           hide_encoded(client, 0, error) && hide_encoded(client, 1, error) &&
           hide_encoded(client, 2, error);
}

/* The mechanism's next response as base64 into `encoded`. */
static bool respond(struct sasl_exchange *exchange, struct slice challenge, struct text *encoded,
                    struct error *error)
{
    struct text raw;
    if (!open_text(&raw, SASL_RESPONSE_SIZE, error))
        return false;
    bool responded = sasl_respond(exchange, challenge, &raw, error);
    if (responded)
        codec_base64_encode(encoded, text_slice(&raw));
    vault_free(raw.bytes);
    return responded;
}

/* "AUTH PLAIN AGEAYg==", with the initial response if there is one and the line stays short. */
static bool first_line(struct sasl_exchange *exchange, struct text *line, bool *with_response,
                       struct error *error)
{
    struct text encoded;
    text_add_format(line, "AUTH %s", exchange->mechanism->name);
    *with_response = false;
    if (!exchange->mechanism->client_first)
        return true;
    if (!open_text(&encoded, BASE64_SIZE, error))
        return false;

    bool responded = respond(exchange, slice_of(""), &encoded, error);
    size_t length = line->length + encoded.length + strlen(" \r\n");
    if (responded && length <= INITIAL_LINE_LIMIT) {
        text_add_byte(line, ' ');
        text_add(line, encoded.length > 0 ? encoded.bytes : "=");
        *with_response = true;
    } else {
        exchange->round = 0; /* asked for again, by an empty challenge */
    }
    vault_free(encoded.bytes);
    return responded;
}

bool authenticate_can_ride(const struct client *client, const struct sasl_mechanism *mechanism)
{
    struct text line;
    struct sasl_exchange exchange;
    struct error ignored;
    bool with_response = false;
    if (!mechanism->one_trip || !open_text(&line, LINE_SIZE, &ignored))
        return false;
    begin(&exchange, client, mechanism);
    first_line(&exchange, &line, &with_response, &ignored);
    sasl_end(&exchange);
    vault_free(line.bytes);
    return with_response;
}

/* Sends the line that opens the exchange. */
static bool send_first(struct client *client, struct sasl_exchange *exchange, struct error *error)
{
    char shown_bytes[STEP_SIZE];
    struct text line, shown;
    bool with_response = false;
    if (!open_text(&line, LINE_SIZE, error))
        return false;
    text_init(&shown, shown_bytes, sizeof shown_bytes);
    bool sent = first_line(exchange, &line, &with_response, error) && hide_secret(client, error);
    text_add_format(&shown, "AUTH %s%s", exchange->mechanism->name, with_response ? " ***" : "");
    if (sent && with_response)
        sent = hide_response(client, exchange,
                             slice_from(text_slice(&line), shown.length - strlen("***")), error);
    sent = sent && client_send_secret(client, shown_bytes, text_slice(&line), error);
    vault_free(line.bytes);
    return sent;
}

bool authenticate_ride(struct client *client, const struct sasl_mechanism *mechanism,
                       struct error *error)
{
    struct sasl_exchange exchange;
    char step[STEP_SIZE];
    begin(&exchange, client, mechanism);
    bool sent = send_first(client, &exchange, error);
    sasl_end(&exchange);
    return sent || client_add_context(client, step_name(step, mechanism), error);
}

/* What to look at when the server does not want us. */
static const char *credentials(const struct sasl_mechanism *mechanism)
{
    if (mechanism->certificate)
        return "check tls_cert and user";
    return mechanism->token ? "check user and its token, which may have expired"
                            : "check user and its password";
}

bool authenticate_read(struct client *client, const struct sasl_mechanism *mechanism,
                       struct error *error)
{
    char step[STEP_SIZE];
    if (client_read(client, step_name(step, mechanism), client->smarthost->timeout, error))
        return true;
    if (client_hung_up(client) && error->exit_code == EX_TEMPFAIL)
        error_add_advice(error, "some servers do so on wrong credentials: %s",
                         credentials(mechanism));
    return false;
}

/* The first row that fits says what the user can do. */
static bool advise(const struct reply *reply, const struct sasl_mechanism *mechanism,
                   struct error *error)
{
    const struct {
        int code;
        const char *detail; /* of the enhanced status, "" for any */
        const char *advice;
    } rows[] = {
        {534, ".7.9", "make an app password at the provider and use it as the password"},
        {535, ".7.139", "the provider has switched off password login (SMTP AUTH)"},
        {535, "", credentials(mechanism)},
        {534, "", "the server wants another mechanism; see auth"},
        {504, "", "the server wants another mechanism; see auth"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (reply->code == rows[i].code &&
            (rows[i].detail[0] == '\0' || reply_has_detail(reply, rows[i].detail)))
            return error_add_advice(error, "%s", rows[i].advice);
    return false;
}

bool authenticate_judge(struct client *client, const struct sasl_mechanism *mechanism,
                        struct error *error)
{
    char step[STEP_SIZE];
    client->logged_in = client->reply.code == 235;
    if (client->logged_in)
        return true;
    client_refused(client, step_name(step, mechanism), false, error);
    if (reply_class(&client->reply) == 5)
        error->exit_code = EX_NOPERM;
    return advise(&client->reply, mechanism, error);
}

bool authenticate_may_renew(const struct client *client, const struct sasl_mechanism *mechanism)
{
    return mechanism->token && client->reply.code == 535;
}

/* What the server said behind code and status. */
static struct slice reply_text(const struct client *client)
{
    const struct reply *reply = &client->reply;
    struct slice text = slice_make(reply->text, reply->length);
    return slice_trim(slice_from(text, strlen(reply->enhanced)));
}

/* Answers the 334 in client->reply. */
static bool answer_challenge(struct client *client, struct sasl_exchange *exchange,
                             struct error *error)
{
    char challenge_bytes[REPLY_LINE_LIMIT];
    struct text challenge, encoded;
    struct slice words = reply_text(client);
    text_init(&challenge, challenge_bytes, sizeof challenge_bytes);
    /* What stands where an empty challenge is due means nothing: some servers write words there. */
    bool due_empty = exchange->mechanism->client_first && exchange->round == 0;
    if (due_empty || exchange->mechanism->ignores_challenges)
        words = slice_of("");
    if (!codec_base64_decode(&challenge, words))
        return error_set(error, EX_PROTOCOL, "the challenge is not base64");
    if (exchange->round >= ROUNDS_LIMIT)
        return error_set(error, EX_PROTOCOL, "the exchange does not end");
    if (!open_text(&encoded, BASE64_SIZE, error))
        return false;

    exchange->deadline = clock_deadline(client->smarthost->timeout);
    bool sent = respond(exchange, text_slice(&challenge), &encoded, error) &&
                hide_response(client, exchange, text_slice(&encoded), error) &&
                client_send_secret(client, "***", text_slice(&encoded), error);
    vault_free(encoded.bytes);
    return sent;
}

/* Takes the exchange back (RFC 4954 section 4); what the server says to it changes nothing. */
static bool cancel(struct client *client, const char *step, struct error *error)
{
    struct error ignored;
    if (!client_hung_up(client))
        client_ask(client, "*", step, &ignored);
    return client_add_context(client, step, error);
}

/* The server says 235. One that is not who it ought to be gets no mail. */
static bool conclude(struct client *client, struct sasl_exchange *exchange, const char *step,
                     struct error *error)
{
    client->logged_in = sasl_conclude(exchange, reply_text(client), error);
    return client->logged_in || client_add_context(client, step, error);
}

static bool exchange_steps(struct client *client, struct sasl_exchange *exchange, const char *step,
                           struct error *error)
{
    if (!send_first(client, exchange, error))
        return client_add_context(client, step, error);
    for (;;) {
        if (!authenticate_read(client, exchange->mechanism, error)) {
            sasl_explain(exchange, slice_of(""), error);
            return false;
        }
        if (client->reply.code != 334)
            break;
        if (!answer_challenge(client, exchange, error))
            return cancel(client, step, error);
    }
    if (authenticate_judge(client, exchange->mechanism, error))
        return conclude(client, exchange, step, error);
    if (reply_class(&client->reply) == 5)
        sasl_explain(exchange, reply_text(client), error);
    return false;
}

/* One exchange; `refused_bindings` tells it what the server does not know, and learns more. */
static bool run_once(struct client *client, const struct sasl_mechanism *mechanism,
                     unsigned *refused_bindings, struct error *error)
{
    struct sasl_exchange exchange;
    char step[STEP_SIZE];
    begin(&exchange, client, mechanism);
    exchange.refused_bindings = *refused_bindings;
    bool done = exchange_steps(client, &exchange, step_name(step, mechanism), error);
    bool again = !done && exchange.refused_bindings != *refused_bindings &&
                 sasl_find_binding(&exchange, &(enum channel_type){0});
    *refused_bindings = again ? exchange.refused_bindings : 0;
    sasl_end(&exchange);
    return done;
}

bool authenticate_run(struct client *client, const struct sasl_mechanism *mechanism,
                      struct error *error)
{
    unsigned refused_bindings = 0;
    if (!hide_secret(client, error))
        return false;
    size_t hidden = client->mask.count;
    bool done = run_once(client, mechanism, &refused_bindings, error);
    while (!done && refused_bindings != 0 && !client_hung_up(client))
        done = run_once(client, mechanism, &refused_bindings, error);
    if (!mechanism->reusable_secret)
        mask_forget(&client->mask, hidden);
    return done;
}

/* Choosing and running a mechanism. Invariant: a secret that can be used again goes only through
 * TLS, or to a privileged port of this machine when the configuration names the mechanism; a token
 * goes only through TLS. */
#include "smtp/sasl/sasl.h"

#include <string.h>

#include "base/vault.h"

/* In the order in which "auto" prefers them. */
static const struct sasl_mechanism *const mechanisms[] = {
    &sasl_scram_sha_512_plus,
    &sasl_scram_sha_256_plus,
    &sasl_scram_sha_1_plus,
    &sasl_scram_sha_512,
    &sasl_scram_sha_256,
    &sasl_scram_sha_1,
    &sasl_plain,
    &sasl_login,
    &sasl_cram_md5,
    &sasl_external,
    &sasl_oauthbearer,
    &sasl_xoauth2,
};

enum { MECHANISM_COUNT = sizeof mechanisms / sizeof mechanisms[0] };

/* The mechanism of this name in any case, NULL when there is none (yet). */
static const struct sasl_mechanism *find(struct slice name)
{
    for (size_t i = 0; i < MECHANISM_COUNT; i++)
        if (slice_equals_nocase(name, slice_of(mechanisms[i]->name)))
            return mechanisms[i];
    return NULL;
}

static bool is_offered(const struct sasl_mechanism *mechanism, struct slice offered)
{
    struct slice word;
    while (slice_cut_word(&offered, &word))
        if (slice_equals_nocase(word, slice_of(mechanism->name)))
            return true;
    return false;
}

bool sasl_offers_binding(const struct sasl_channel *channel)
{
    for (size_t i = 0; i < MECHANISM_COUNT; i++)
        if (mechanisms[i]->binds && is_offered(mechanisms[i], channel->offered))
            return true;
    return false;
}

bool sasl_find_binding(const struct sasl_exchange *exchange, enum channel_type *type)
{
    const struct sasl_channel *channel = &exchange->channel;
    for (*type = 0; *type < CHANNEL_TYPES; (*type)++)
        if (channel->encrypted && (exchange->refused_bindings & 1u << *type) == 0 &&
            channel_has(channel->stream, *type))
            return true;
    return false;
}

static bool can_bind(const struct sasl_channel *channel)
{
    const struct sasl_exchange untried = {.channel = *channel};
    enum channel_type type;
    return sasl_find_binding(&untried, &type);
}

/* In clear what does not prove the server to us, or can be used again, goes only where the user
 * says so by name. */
static bool is_permitted(const struct sasl_mechanism *mechanism, bool forced,
                         const struct sasl_channel *channel)
{
    if (channel->encrypted)
        return true;
    if (!channel->loopback || mechanism->token || mechanism->certificate)
        return false;
    if (mechanism->reusable_secret)
        return forced && channel->privileged_port;
    return forced || mechanism->conclude != NULL;
}

static bool refuse_in_clear(const struct sasl_mechanism *mechanism, struct error *error)
{
    if (mechanism->token || mechanism->certificate)
        return error_set(error, EX_NOPERM, "%s is only for connections with TLS; see tls",
                         mechanism->name);
    if (!mechanism->reusable_secret)
        return error_set(error, EX_NOPERM, "in clear %s is used only when auth names it",
                         mechanism->name);
    return error_set(
        error, EX_NOPERM,
        "the password would cross the connection in clear; without TLS it is sent only "
        "to this machine, on a port below 1024, with auth = plain or auth = login");
}

static const struct sasl_mechanism *choose_forced(const struct sasl_options *options,
                                                  const struct sasl_channel *channel,
                                                  struct error *error)
{
    const struct sasl_mechanism *mechanism = find(slice_of(options->mechanism));
    struct text_shown shown;
    if (mechanism == NULL)
        error_set(error, EX_CONFIG, "auth = %s: not available in this version",
                  text_show(&shown, slice_of(options->mechanism)));
    else if (mechanism->certificate && !channel->client_certificate)
        error_set(error, EX_CONFIG, "auth = external needs tls_cert and tls_key");
    else if (!is_offered(mechanism, channel->offered))
        error_set(error, EX_NOPERM, "%s is not offered by the server, which offers %s; see auth",
                  mechanism->name, sasl_show_said(channel, channel->offered, &shown));
    else if (!is_permitted(mechanism, true, channel))
        refuse_in_clear(mechanism, error);
    else if (mechanism->binds && !can_bind(channel))
        error_set(error, EX_NOPERM, "%s cannot be bound to this connection; see auth",
                  mechanism->name);
    else
        return mechanism;
    return NULL;
}

bool sasl_is_off(const struct sasl_options *options)
{
    return options->mechanism != NULL && strcmp(options->mechanism, "off") == 0;
}

bool sasl_is_asked(const struct sasl_options *options)
{
    bool named = options->user != NULL && options->user[0] != '\0';
    bool certified = options->mechanism != NULL && strcmp(options->mechanism, "external") == 0;
    return (named || certified) && !sasl_is_off(options);
}

/* Whether auto may consider it at all. */
static bool is_automatic(const struct sasl_mechanism *mechanism, const struct sasl_options *options,
                         const struct sasl_channel *channel)
{
    bool no_secret = options->secret != NULL && options->secret->length == 0;
    if (mechanism->token || !is_offered(mechanism, channel->offered))
        return false;
    if (mechanism->certificate)
        return channel->client_certificate;
    if (no_secret && channel->client_certificate)
        return false;
    return !mechanism->binds || can_bind(channel);
}

static bool suits(const struct sasl_mechanism *mechanism, const struct sasl_options *options)
{
    return mechanism->suits == NULL || mechanism->suits(options);
}

/* Nothing that is offered can be taken unasked. */
static bool refuse_offer(const struct sasl_channel *channel, struct error *error)
{
    struct text_shown shown;
    sasl_show_said(channel, channel->offered, &shown);
    for (size_t i = 0; i < MECHANISM_COUNT; i++) {
        const struct sasl_mechanism *mechanism = mechanisms[i];
        if (!is_offered(mechanism, channel->offered))
            continue;
        if (mechanism->token)
            return error_set(error, EX_NOPERM,
                             "the server offers only %s; an OAuth token is used when auth names "
                             "the mechanism",
                             shown.bytes);
        if (mechanism->certificate)
            return error_set(error, EX_NOPERM,
                             "the server offers only %s; set tls_cert and tls_key", shown.bytes);
    }
    return error_set(error, EX_NOPERM, "the server offers no mechanism of ours, only %s; see auth",
                     shown.bytes);
}

const struct sasl_mechanism *sasl_choose(const struct sasl_options *options,
                                         const struct sasl_channel *channel, struct error *error)
{
    const struct sasl_mechanism *refused = NULL, *unsuited = NULL;
    if (strcmp(options->mechanism, "auto") != 0)
        return choose_forced(options, channel, error);
    for (size_t i = 0; i < MECHANISM_COUNT; i++) {
        if (!is_automatic(mechanisms[i], options, channel))
            continue;
        bool permitted = is_permitted(mechanisms[i], false, channel);
        if (permitted && suits(mechanisms[i], options))
            return mechanisms[i];
        if (!permitted && refused == NULL)
            refused = mechanisms[i];
        if (permitted && unsuited == NULL)
            unsuited = mechanisms[i];
    }
    if (refused != NULL)
        refuse_in_clear(refused, error);
    else if (unsuited == NULL)
        refuse_offer(channel, error);
    /* One that does not suit says itself why it does not. */
    return refused == NULL ? unsuited : NULL;
}

void sasl_begin(struct sasl_exchange *exchange, const struct sasl_mechanism *mechanism,
                const struct sasl_options *options, const struct sasl_channel *channel)
{
    *exchange = (struct sasl_exchange){
        .mechanism = mechanism, .options = options, .channel = *channel, .deadline = INT64_MAX};
}

bool sasl_respond(struct sasl_exchange *exchange, struct slice challenge, struct text *response,
                  struct error *error)
{
    if (!exchange->mechanism->respond(exchange, challenge, response, error))
        return false;
    exchange->round++;
    return !response->overflow || error_set(error, EX_CONFIG, "user or password too long for %s",
                                            exchange->mechanism->name);
}

bool sasl_conclude(struct sasl_exchange *exchange, struct slice words, struct error *error)
{
    return exchange->mechanism->conclude == NULL ||
           exchange->mechanism->conclude(exchange, words, error);
}

void sasl_explain(const struct sasl_exchange *exchange, struct slice words, struct error *error)
{
    if (exchange->mechanism->explain != NULL)
        exchange->mechanism->explain(exchange, words, error);
}

void sasl_add_name(struct text *out, const char *name)
{
    for (; *name != '\0'; name++) {
        if (*name == ',')
            text_add(out, "=2C");
        else if (*name == '=')
            text_add(out, "=3D");
        else
            text_add_byte(out, *name);
    }
}

void sasl_add_said(const struct sasl_channel *channel, struct slice said, size_t limit,
                   struct text *out)
{
    static const struct mask nothing;
    char bytes[2 * TEXT_SHOWN_LIMIT];
    struct text masked;
    text_init(&masked, bytes, sizeof bytes);
    mask_write(channel->mask != NULL ? channel->mask : &nothing, said, &masked);
    text_add_escaped(out, text_slice(&masked), limit);
}

const char *sasl_show_said(const struct sasl_channel *channel, struct slice said,
                           struct text_shown *shown)
{
    struct text text;
    text_init(&text, shown->bytes, sizeof shown->bytes);
    sasl_add_said(channel, said, TEXT_SHOWN_LIMIT, &text);
    return shown->bytes;
}

void sasl_end(struct sasl_exchange *exchange)
{
    if (exchange->mechanism != NULL && exchange->mechanism->end != NULL)
        exchange->mechanism->end(exchange);
    exchange->mechanism = NULL;
}

void sasl_wipe(struct sasl_secret *secret)
{
    vault_free(secret->bytes);
    *secret = (struct sasl_secret){0};
}

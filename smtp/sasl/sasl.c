/* Choosing and running a mechanism. Invariant: a secret that can be used again goes only through
 * TLS, or to a privileged port of this machine when the configuration names the mechanism. */
#include "smtp/sasl/sasl.h"

#include <string.h>

/* In the order in which "auto" prefers them. */
static const struct sasl_mechanism *const mechanisms[] = {&sasl_plain, &sasl_login};

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

static bool is_permitted(const struct sasl_mechanism *mechanism, bool forced,
                         const struct sasl_channel *channel)
{
    if (!mechanism->reusable_secret || channel->encrypted)
        return true;
    return forced && channel->loopback && channel->privileged_port;
}

static bool refuse_in_clear(struct error *error)
{
    return error_set(
        error, EX_NOPERM,
        "the password would cross the connection in clear; without TLS it is sent only "
        "to this machine, on a port below 1024, with auth = plain or auth = login");
}

static const struct sasl_mechanism *choose_forced(const struct sasl_options *options,
                                                  struct slice offered,
                                                  const struct sasl_channel *channel,
                                                  struct error *error)
{
    const struct sasl_mechanism *mechanism = find(slice_of(options->mechanism));
    struct text_shown shown;
    if (mechanism == NULL)
        error_set(error, EX_CONFIG, "auth = %s: not available in this version",
                  text_show(&shown, slice_of(options->mechanism)));
    else if (!is_offered(mechanism, offered))
        error_set(error, EX_NOPERM, "%s is not offered by the server, which offers %s; see auth",
                  mechanism->name, text_show(&shown, offered));
    else if (!is_permitted(mechanism, true, channel))
        refuse_in_clear(error);
    else
        return mechanism;
    return NULL;
}

bool sasl_is_off(const struct sasl_options *options)
{
    return options->mechanism != NULL && strcmp(options->mechanism, "off") == 0;
}

const struct sasl_mechanism *sasl_choose(const struct sasl_options *options, struct slice offered,
                                         const struct sasl_channel *channel, struct error *error)
{
    bool refused = false;
    struct text_shown shown;
    if (strcmp(options->mechanism, "auto") != 0)
        return choose_forced(options, offered, channel, error);
    for (size_t i = 0; i < MECHANISM_COUNT; i++) {
        if (mechanisms[i]->token || !is_offered(mechanisms[i], offered))
            continue;
        if (is_permitted(mechanisms[i], false, channel))
            return mechanisms[i];
        refused = true;
    }
    if (refused)
        refuse_in_clear(error);
    else
        error_set(error, EX_NOPERM, "the server offers no mechanism of ours, only %s; see auth",
                  text_show(&shown, offered));
    return NULL;
}

void sasl_begin(struct sasl_exchange *exchange, const struct sasl_mechanism *mechanism,
                const struct sasl_options *options, const struct sasl_channel *channel)
{
    *exchange =
        (struct sasl_exchange){.mechanism = mechanism, .options = options, .channel = *channel};
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

bool sasl_conclude(struct sasl_exchange *exchange, struct error *error)
{
    return exchange->mechanism->conclude == NULL || exchange->mechanism->conclude(exchange, error);
}

void sasl_end(struct sasl_exchange *exchange)
{
    if (exchange->mechanism != NULL && exchange->mechanism->end != NULL)
        exchange->mechanism->end(exchange);
    exchange->mechanism = NULL;
}

void sasl_wipe(struct sasl_secret *secret)
{
    explicit_bzero(secret, sizeof *secret);
}

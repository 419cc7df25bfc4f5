/* PLAIN (RFC 4616): NUL user NUL password, in one response that is the whole exchange. */
#include "smtp/sasl/sasl.h"

static bool respond(struct sasl_exchange *exchange, struct slice challenge, struct text *response,
                    struct error *error)
{
    const struct sasl_options *options = exchange->options;
    (void)challenge;
    if (exchange->round > 0)
        return error_set(error, EX_PROTOCOL, "the server asks for more than PLAIN has");
    text_add_byte(response, '\0');
    text_add(response, options->user);
    text_add_byte(response, '\0');
    text_add_slice(response, slice_make(options->secret->bytes, options->secret->length));
    return true;
}

const struct sasl_mechanism sasl_plain = {
    .name = "PLAIN",
    .reusable_secret = true,
    .client_first = true,
    .one_trip = true,
    .respond = respond,
};

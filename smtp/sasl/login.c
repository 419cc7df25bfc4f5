/* LOGIN (draft-murchison-sasl-login-00): the server asks for the user, then for the password. What
 * it writes in the challenges is not to be relied on, their order is. */
#include "smtp/sasl/sasl.h"

static bool respond(struct sasl_exchange *exchange, struct slice challenge, struct text *response,
                    struct error *error)
{
    const struct sasl_options *options = exchange->options;
    (void)challenge;
    switch (exchange->round) {
    case 0:
        text_add(response, options->user);
        return true;
    case 1:
        text_add_slice(response, slice_make(options->secret->bytes, options->secret->length));
        return true;
    default:
        return error_set(error, EX_PROTOCOL, "the server asks for more than LOGIN has");
    }
}

const struct sasl_mechanism sasl_login = {
    .name = "LOGIN",
    .reusable_secret = true,
    .ignores_challenges = true,
    .respond = respond,
};

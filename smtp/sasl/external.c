/* EXTERNAL (RFC 4422 appendix A): the certificate that was shown in the TLS handshake is the login;
 * what is said is only whom to be, and nothing where the certificate tells that as well. */
#include "smtp/sasl/sasl.h"

static bool respond(struct sasl_exchange *exchange, struct slice challenge, struct text *response,
                    struct error *error)
{
    const char *user = exchange->options->user;
    (void)challenge;
    if (exchange->round > 0)
        return error_set(error, EX_PROTOCOL, "the server asks for more than EXTERNAL has");
    text_add(response, user == NULL ? "" : user);
    return true;
}

const struct sasl_mechanism sasl_external = {
    .name = "EXTERNAL",
    .client_first = true,
    .one_trip = true,
    .certificate = true,
    .respond = respond,
};

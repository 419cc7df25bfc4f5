/* CRAM-MD5 (RFC 2195): the user and the challenge's HMAC under the password. */
#include "smtp/sasl/sasl.h"

/* One that is empty can be answered by anybody who has seen it answered once. */
static bool check_challenge(const struct sasl_exchange *exchange, struct slice challenge,
                            struct error *error)
{
    if (exchange->round > 0)
        return error_set(error, EX_PROTOCOL, "the server asks for more than CRAM-MD5 has");
    return challenge.length > 0 || error_set(error, EX_PROTOCOL, "the challenge is empty");
}

static bool respond(struct sasl_exchange *exchange, struct slice challenge, struct text *response,
                    struct error *error)
{
    const struct sasl_options *options = exchange->options;
    struct slice secret = slice_make(options->secret->bytes, options->secret->length);
    struct digest digest;
    if (!check_challenge(exchange, challenge, error) ||
        !digest_hmac(DIGEST_MD5, secret, challenge, &digest, error))
        return false;
    text_add(response, options->user);
    text_add_byte(response, ' ');
    for (size_t i = 0; i < digest.length; i++)
        text_add_format(response, "%02x", (unsigned)(unsigned char)digest.bytes[i]);
    digest_wipe(&digest, sizeof digest);
    return true;
}

const struct sasl_mechanism sasl_cram_md5 = {
    .name = "CRAM-MD5",
    .respond = respond,
};

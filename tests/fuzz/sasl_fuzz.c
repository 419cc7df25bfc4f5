/* Property: whatever a server says, each mechanism answers or refuses, and what an error shows of
 * it is printable; no server is believed that did not know the password. The first octet chooses
 * the mechanism and what can be bound to; challenges are divided by line ends, and "@" stands for
 * our nonce. */
#include "tests/fuzz/fuzz.h"

#include "base/buffer.h"
#include "base/clock.h"
#include "smtp/sasl/sasl.h"
#include "tests/smtp/sasl/binding.h"

#define NONCE "fyko+d2lbbFgONRv9qkxdawL"

static const struct sasl_mechanism *const mechanisms[] = {
    &sasl_plain,
    &sasl_login,
    &sasl_cram_md5,
    &sasl_external,
    &sasl_oauthbearer,
    &sasl_xoauth2,
    &sasl_scram_sha_1,
    &sasl_scram_sha_256,
    &sasl_scram_sha_512,
    &sasl_scram_sha_256_plus,
    &sasl_scram_sha_1_plus,
    &sasl_scram_sha_512_plus,
};

enum { MECHANISM_COUNT = sizeof mechanisms / sizeof mechanisms[0], MOST = 4096 };

static void check_shown(struct sasl_exchange *exchange, struct slice words, struct error *error)
{
    sasl_explain(exchange, words, error);
    for (const char *shown = error->sentence; *shown != '\0'; shown++)
        demand(*shown >= 0x20 && *shown < 0x7f);
}

/* The next challenge; false when there is none. */
static bool next(struct slice *input, struct buffer *challenge)
{
    struct slice line, piece;
    buffer_clear(challenge);
    if (!slice_cut(input, '\n', &line))
        return false;
    while (line.length > 0) {
        size_t at = slice_find(line, '@');
        piece = slice_to(line, at);
        buffer_add(challenge, piece);
        if (at < line.length)
            buffer_add_string(challenge, NONCE);
        line = slice_from(line, at + 1);
    }
    return challenge->length < MOST;
}

static void converse(struct sasl_exchange *exchange, struct slice input)
{
    static char bytes[SASL_RESPONSE_SIZE];
    struct buffer challenge = {0};
    struct text response;
    struct error error = {.exit_code = EX_OK};
    bool going = true;
    if (exchange->mechanism->client_first) {
        text_init(&response, bytes, sizeof bytes);
        going = sasl_respond(exchange, slice_of(""), &response, &error);
    }
    while (going && next(&input, &challenge)) {
        text_init(&response, bytes, sizeof bytes);
        exchange->deadline = clock_deadline(1);
        going = sasl_respond(exchange, buffer_slice(&challenge), &response, &error);
    }
    demand(going || error.exit_code != EX_OK);
    if (!sasl_conclude(exchange, buffer_slice(&challenge), &error))
        demand(error.exit_code != EX_OK);
    else
        demand(exchange->mechanism->conclude == NULL);
    error_set(&error, EX_NOPERM, "AUTH");
    check_shown(exchange, buffer_slice(&challenge), &error);
    buffer_free(&challenge);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static struct sasl_secret secret = {.bytes = "not it", .length = 6};
    static const struct sasl_options options = {.user = "user", .secret = &secret};
    const struct sasl_channel channel = {
        .encrypted = true, .host = "mail.example", .port = 587, .offered = slice_of("")};
    struct sasl_exchange exchange;
    if (size == 0)
        return 0;
    bindings_available = bytes[0] / MECHANISM_COUNT % 4;
    sasl_begin(&exchange, mechanisms[bytes[0] % MECHANISM_COUNT], &options, &channel);
    exchange.nonce = NONCE;
    converse(&exchange, slice_make((const char *)bytes + 1, size - 1));
    sasl_end(&exchange);
    return 0;
}

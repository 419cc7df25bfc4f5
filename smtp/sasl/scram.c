/* SCRAM (RFC 5802, RFC 7677) with three hashes, bound to the TLS session or not. Invariants: the
 * server has to prove that it knows the password, too; how long the password is stretched is within
 * bounds of ours, whatever the server wants; nothing derived from the password outlives the
 * exchange. */
#include "smtp/sasl/sasl.h"

#include <stdlib.h>
#include <string.h>

#include "base/ascii.h"
#include "base/codec.h"
#include "smtp/sasl/prepare.h"

enum {
    NONCE_OCTETS = 18,
    NONCE_SIZE = 64,
    ITERATIONS_LEAST = 4096,   /* RFC 7677 section 4 */
    ITERATIONS_MOST = 1000000, /* about a second */
    FIRST_SIZE = 2048,         /* of our first message */
    MESSAGE_SIZE = 4096,       /* of what can come in one line */
    BINDING_SIZE = 256,        /* "p=tls-exporter,," and the binding in base64 */
    EXCHANGE_SIZE = 3 * MESSAGE_SIZE
};

struct scram {
    char header[32]; /* "p=tls-exporter,,": to what the login is bound */
    struct channel_binding binding;
    enum channel_type type;
    char nonce[NONCE_SIZE];
    char first[FIRST_SIZE];  /* our first message without the header */
    struct digest signature; /* what the server has to say */
    bool proved;             /* and has said */
};

/* --- messages -------------------------------------------------------------------------------- */

struct server_first {
    struct slice nonce, salt;
    uint32_t iterations;
};

static bool has_text(struct slice value)
{
    return value.length > 0 && memchr(value.bytes, '\0', value.length) == NULL;
}

/* Cuts "NAME=value" and the comma behind it off `rest`. */
static bool cut_attribute(struct slice *rest, char name, struct slice *value)
{
    struct slice piece;
    if (!slice_cut(rest, ',', &piece) || piece.length < 2 || piece.bytes[0] != name ||
        piece.bytes[1] != '=')
        return false;
    *value = slice_from(piece, 2);
    return has_text(*value);
}

/* Attributes that nobody has to know; all in the form that attributes have. */
static bool are_extensions(struct slice rest)
{
    struct slice value;
    while (rest.length > 0) {
        char letter = ascii_lower(rest.bytes[0]);
        if (letter < 'a' || letter > 'z' || !cut_attribute(&rest, rest.bytes[0], &value))
            return false;
    }
    return true;
}

static bool ends_in_comma(struct slice message)
{
    return message.length > 0 && message.bytes[message.length - 1] == ',';
}

static bool is_printable(struct slice nonce)
{
    for (size_t i = 0; i < nonce.length; i++)
        if (nonce.bytes[i] <= ' ' || nonce.bytes[i] > '~')
            return false;
    return true;
}

/* What the server gives as its reason (RFC 5802 section 7). */
static bool refuse(const struct sasl_exchange *exchange, struct slice reason, struct error *error)
{
    static const struct {
        const char *reason, *words;
        int exit_code;
    } rows[] = {
        {"invalid-proof", "check user and its password", EX_NOPERM},
        {"unknown-user", "check user", EX_NOPERM},
        {"channel-bindings-dont-match",
         "the server sees another TLS session than we do: somebody may stand in between",
         EX_NOPERM},
        {"server-does-support-channel-binding",
         "the server offers channel binding, but no -PLUS was in its list here: somebody may have "
         "taken it out on the way",
         EX_NOPERM},
        {"channel-binding-not-supported", "the server cannot do what it offers; see auth",
         EX_NOPERM},
        {"unsupported-channel-binding-type",
         "the server knows no channel binding of ours; choose another mechanism by auth",
         EX_NOPERM},
        {"no-resources", "try again later", EX_TEMPFAIL},
    };
    struct text_shown shown;
    sasl_show_said(&exchange->channel, slice_to(reason, slice_find(reason, ',')), &shown);
    error_set(error, EX_NOPERM, "refused by the server: %s", shown.bytes);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(shown.bytes, rows[i].reason) != 0)
            continue;
        error->exit_code = rows[i].exit_code;
        error_add_advice(error, "%s", rows[i].words);
    }
    return false;
}

static bool is_refusal(struct slice message)
{
    return slice_equals(slice_to(message, 2), slice_of("e="));
}

static bool is_about_type(struct slice message)
{
    return slice_equals(message, slice_of("e=unsupported-channel-binding-type"));
}

/* "r=NONCE,s=SALT,i=4096"; the salt still in base64. */
static bool parse_first(struct slice message, const char *ours, struct server_first *first,
                        struct error *error)
{
    struct slice rest = message, count;
    uint64_t iterations = 0;
    size_t own = strlen(ours);
    if (slice_equals(slice_to(message, 2), slice_of("m=")))
        return error_set(error, EX_PROTOCOL,
                         "the server demands an extension of SCRAM that is not known here");
    if (ends_in_comma(message) || !cut_attribute(&rest, 'r', &first->nonce) ||
        !cut_attribute(&rest, 's', &first->salt) || !cut_attribute(&rest, 'i', &count) ||
        count.bytes[0] == '0' || !slice_parse_number(count, UINT64_MAX, &iterations) ||
        !are_extensions(rest))
        return error_set(error, EX_PROTOCOL, "the server's first message is not SCRAM");
    if (first->nonce.length <= own || !slice_equals(slice_to(first->nonce, own), slice_of(ours)) ||
        !is_printable(first->nonce))
        return error_set(error, EX_PROTOCOL, "the server's nonce does not continue ours");
    if (iterations < ITERATIONS_LEAST || iterations > ITERATIONS_MOST)
        return error_set(error, EX_NOPERM,
                         "the server's iteration count is %llu, and only %d to %d are accepted; "
                         "see auth",
                         (unsigned long long)iterations, ITERATIONS_LEAST, ITERATIONS_MOST);
    first->iterations = (uint32_t)iterations;
    return true;
}

/* --- our first message ----------------------------------------------------------------------- */

static bool suits(const struct sasl_options *options)
{
    const struct sasl_secret *secret = options->secret;
    return prepare_keeps(slice_of(options->user)) &&
           (secret == NULL || prepare_keeps(slice_make(secret->bytes, secret->length)));
}

static bool check_suits(const struct sasl_options *options, struct error *error)
{
    const char *key = prepare_keeps(slice_of(options->user)) ? "the password" : "user";
    return suits(options) ||
           error_set(error, EX_CONFIG,
                     "%s holds characters that SCRAM would have to normalise (RFC 4013), which is "
                     "not done here; auth = plain takes them as they are",
                     key);
}

static bool make_nonce(struct scram *scram, const char *given, struct error *error)
{
    char octets[NONCE_OCTETS];
    struct text nonce;
    text_init(&nonce, scram->nonce, sizeof scram->nonce);
    if (given != NULL) {
        text_add(&nonce, given);
        return true;
    }
    if (!digest_random(octets, sizeof octets, error))
        return false;
    codec_base64_encode(&nonce, slice_make(octets, sizeof octets));
    return true;
}

/* The header that says whether and to what the login is bound (RFC 5801 section 4). */
static bool make_header(const struct sasl_exchange *exchange, struct scram *scram,
                        struct error *error)
{
    struct text header;
    text_init(&header, scram->header, sizeof scram->header);
    bool can_bind = sasl_find_binding(exchange, &scram->type);
    scram->binding.length = 0;
    if (exchange->mechanism->binds) {
        if (!can_bind)
            return error_set(error, EX_NOPERM, "there is nothing to bind the login to; see auth");
        text_add_format(&header, "p=%s,,", channel_name(scram->type));
        return channel_bind(exchange->channel.stream, scram->type, &scram->binding, error);
    }
    /* "y": we could, and the server seems not to. One that can knows then that its list was cut. */
    text_add(&header, can_bind && !sasl_offers_binding(&exchange->channel) ? "y,," : "n,,");
    return true;
}

static struct scram *state_of(struct sasl_exchange *exchange)
{
    if (exchange->state == NULL)
        exchange->state = calloc(1, sizeof(struct scram));
    return exchange->state;
}

static bool say_first(struct sasl_exchange *exchange, struct text *response, struct error *error)
{
    struct scram *scram = state_of(exchange);
    struct text first;
    if (scram == NULL)
        return error_set_memory(error);
    if (!check_suits(exchange->options, error) || !make_header(exchange, scram, error) ||
        !make_nonce(scram, exchange->nonce, error))
        return false;
    text_init(&first, scram->first, sizeof scram->first);
    text_add(&first, "n=");
    sasl_add_name(&first, exchange->options->user);
    text_add_format(&first, ",r=%s", scram->nonce);
    if (first.overflow)
        return error_set(error, EX_CONFIG, "user is too long for SCRAM");
    text_add(response, scram->header);
    text_add_slice(response, text_slice(&first));
    return true;
}

/* --- our final message ----------------------------------------------------------------------- */

/* "c=biws,r=NONCE": the final message without the proof. */
static void write_final(const struct scram *scram, struct slice nonce, struct text *final)
{
    char binding_bytes[BINDING_SIZE];
    struct text binding;
    text_init(&binding, binding_bytes, sizeof binding_bytes);
    text_add(&binding, scram->header);
    text_add_slice(&binding, slice_make(scram->binding.bytes, scram->binding.length));
    text_add(final, "c=");
    codec_base64_encode(final, text_slice(&binding));
    text_add(final, ",r=");
    text_add_slice(final, nonce);
}

/* The proof from the salted password, and the signature that the server has to answer with
 * (RFC 5802 section 3). */
static bool prove(struct sasl_exchange *exchange, const struct digest *salted,
                  struct slice exchanged, struct digest *proof, struct error *error)
{
    enum digest_hash hash = exchange->mechanism->hash;
    struct scram *scram = exchange->state;
    struct digest client, stored, server, mine;
    bool done = digest_hmac(hash, digest_slice(salted), slice_of("Client Key"), &client, error) &&
                digest_of(hash, digest_slice(&client), &stored, error) &&
                digest_hmac(hash, digest_slice(&stored), exchanged, &mine, error) &&
                digest_hmac(hash, digest_slice(salted), slice_of("Server Key"), &server, error) &&
                digest_hmac(hash, digest_slice(&server), exchanged, &scram->signature, error);
    if (done) {
        *proof = client;
        for (size_t i = 0; i < proof->length; i++)
            proof->bytes[i] = (char)(client.bytes[i] ^ mine.bytes[i]);
    }
    digest_wipe(&client, sizeof client);
    digest_wipe(&stored, sizeof stored);
    digest_wipe(&server, sizeof server);
    digest_wipe(&mine, sizeof mine);
    return done;
}

static bool salt_password(const struct sasl_exchange *exchange, const struct server_first *first,
                          struct digest *salted, struct error *error)
{
    const struct sasl_secret *secret = exchange->options->secret;
    char salt_bytes[MESSAGE_SIZE];
    struct text salt;
    text_init(&salt, salt_bytes, sizeof salt_bytes);
    if (!codec_base64_decode(&salt, first->salt))
        return error_set(error, EX_PROTOCOL, "the server's salt is not base64");
    struct digest_stretch how = {
        .hash = exchange->mechanism->hash,
        .salt = text_slice(&salt),
        .iterations = first->iterations,
        .deadline = exchange->deadline,
    };
    return digest_stretch(&how, slice_make(secret->bytes, secret->length), salted, error);
}

static bool say_final(struct sasl_exchange *exchange, struct slice challenge, struct text *response,
                      struct error *error)
{
    struct scram *scram = exchange->state;
    char exchanged_bytes[EXCHANGE_SIZE];
    struct text exchanged;
    struct server_first first = {0};
    struct digest salted, proof;
    if (!parse_first(challenge, scram->nonce, &first, error) ||
        !salt_password(exchange, &first, &salted, error))
        return false;
    text_init(&exchanged, exchanged_bytes, sizeof exchanged_bytes);
    text_add_format(&exchanged, "%s,", scram->first);
    text_add_slice(&exchanged, challenge);
    text_add_byte(&exchanged, ',');
    size_t final = exchanged.length;
    write_final(scram, first.nonce, &exchanged);

    bool proved = prove(exchange, &salted, text_slice(&exchanged), &proof, error);
    digest_wipe(&salted, sizeof salted);
    if (!proved)
        return false;
    text_add_slice(response, slice_from(text_slice(&exchanged), final));
    text_add(response, ",p=");
    codec_base64_encode(response, digest_slice(&proof));
    digest_wipe(&proof, sizeof proof);
    return !exchanged.overflow || error_set(error, EX_PROTOCOL, "the server's message is too long");
}

/* --- the server's final message -------------------------------------------------------------- */

static bool check_final(struct sasl_exchange *exchange, struct slice message, struct error *error)
{
    struct scram *scram = exchange->state;
    char bytes[MESSAGE_SIZE];
    struct text signature;
    struct slice rest = message, value;
    text_init(&signature, bytes, sizeof bytes);
    if (ends_in_comma(message) || !cut_attribute(&rest, 'v', &value) || !are_extensions(rest) ||
        !codec_base64_decode(&signature, value))
        return error_set(error, EX_PROTOCOL, "the server's final message is not SCRAM");
    scram->proved = digest_equals(text_slice(&signature), digest_slice(&scram->signature));
    return scram->proved ||
           error_set(error, EX_NOPERM,
                     "the server could not prove that it knows the password: it may not be yours");
}

static bool respond(struct sasl_exchange *exchange, struct slice challenge, struct text *response,
                    struct error *error)
{
    if (exchange->round == 0)
        return say_first(exchange, response, error);
    const struct scram *scram = exchange->state;
    if (is_refusal(challenge)) {
        if (exchange->mechanism->binds && is_about_type(challenge))
            exchange->refused_bindings |= 1u << scram->type;
        return refuse(exchange, slice_from(challenge, strlen("e=")), error);
    }
    if (exchange->round == 1)
        return say_final(exchange, challenge, response, error);
    return exchange->round == 2
               ? check_final(exchange, challenge, error)
               : error_set(error, EX_PROTOCOL, "the server asks for more than SCRAM has");
}

/* Some servers put their final message behind the 235. */
static bool conclude(struct sasl_exchange *exchange, struct slice words, struct error *error)
{
    const struct scram *scram = exchange->state;
    char bytes[MESSAGE_SIZE];
    struct text message;
    if (scram != NULL && scram->proved)
        return true;
    text_init(&message, bytes, sizeof bytes);
    bool has_message =
        scram != NULL && exchange->round == 2 && codec_base64_decode(&message, words);
    if (has_message && message.length > 0)
        return check_final(exchange, text_slice(&message), error);
    return error_set(error, EX_NOPERM,
                     "the server says yes and does not prove that it knows the password: it may "
                     "not be yours");
}

/* The reason can stand behind the 535 as well, in base64. */
static void explain(const struct sasl_exchange *exchange, struct slice words, struct error *error)
{
    char bytes[MESSAGE_SIZE];
    struct text message;
    struct error reason;
    text_init(&message, bytes, sizeof bytes);
    if (!codec_base64_decode(&message, words) || !is_refusal(text_slice(&message)))
        return;
    refuse(exchange, slice_from(text_slice(&message), strlen("e=")), &reason);
    error_add_advice(error, "%s", reason.sentence);
}

static void end(struct sasl_exchange *exchange)
{
    if (exchange->state != NULL)
        digest_wipe(exchange->state, sizeof(struct scram));
    free(exchange->state);
    exchange->state = NULL;
}

#define SCRAM(identifier, words, its_hash, plus)                                                   \
    const struct sasl_mechanism identifier = {                                                     \
        .name = (words),                                                                           \
        .client_first = true,                                                                      \
        .binds = (plus),                                                                           \
        .hash = (its_hash),                                                                        \
        .suits = suits,                                                                            \
        .respond = respond,                                                                        \
        .conclude = conclude,                                                                      \
        .explain = explain,                                                                        \
        .end = end,                                                                                \
    }

SCRAM(sasl_scram_sha_1, "SCRAM-SHA-1", DIGEST_SHA1, false);
SCRAM(sasl_scram_sha_1_plus, "SCRAM-SHA-1-PLUS", DIGEST_SHA1, true);
SCRAM(sasl_scram_sha_256, "SCRAM-SHA-256", DIGEST_SHA256, false);
SCRAM(sasl_scram_sha_256_plus, "SCRAM-SHA-256-PLUS", DIGEST_SHA256, true);
SCRAM(sasl_scram_sha_512, "SCRAM-SHA-512", DIGEST_SHA512, false);
SCRAM(sasl_scram_sha_512_plus, "SCRAM-SHA-512-PLUS", DIGEST_SHA512, true);

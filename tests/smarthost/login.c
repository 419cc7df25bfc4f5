/* SASL from the server's side: RFC 4616, 2195, 5802, 7628, 4422. SCRAM checks the client's proof
 * against the stored key, as a server does that does not know the password. */
#include "tests/smarthost/login.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/codec.h"
#include "base/text.h"

enum { ROOM = 16 * 1024, KEY = 64 };

struct login {
    const struct login_options *options;
    const struct login_talk *talk;
    struct slice initial; /* base64, or nothing */
    bool *accepted;
    bool bound; /* -PLUS */
};

static bool say(const struct login *login, const char *line)
{
    return login->talk->say(login->talk->context, line);
}

static bool conclude(const struct login *login, bool accepted)
{
    *login->accepted = accepted;
    return say(login, accepted ? "235 2.7.0 welcome" : "535 5.7.8 bad user name or password");
}

/* Says `challenge` and takes the decoded answer. False: gone, cancelled or not base64. */
static bool ask(const struct login *login, struct slice challenge, struct text *answer)
{
    static char line_bytes[ROOM];
    struct text line;
    struct slice heard;

    text_init(&line, line_bytes, sizeof line_bytes);
    text_add(&line, "334 ");
    codec_base64_encode(&line, challenge);
    if (!say(login, line.bytes) || !login->talk->hear(login->talk->context, &heard))
        return false;
    answer->length = 0;
    if (codec_base64_decode(answer, heard))
        return true;
    say(login, "501 5.5.2 cancelled, or not base64");
    return false;
}

/* The initial response, or the answer to an empty challenge. */
static bool take_first(const struct login *login, struct text *answer)
{
    if (login->initial.length == 0)
        return ask(login, slice_of(""), answer);
    if (slice_equals(login->initial, slice_of("=")))
        return true;
    return codec_base64_decode(answer, login->initial);
}

static bool run_plain(struct login *login)
{
    static char bytes[ROOM];
    struct text answer;
    struct slice identity = {0}, user = {0}, rest;

    text_init(&answer, bytes, sizeof bytes);
    if (!take_first(login, &answer))
        return false;
    rest = text_slice(&answer);
    return conclude(login, slice_cut(&rest, 0, &identity) && slice_cut(&rest, 0, &user) &&
                               slice_equals(user, slice_of(login->options->user)) &&
                               slice_equals(rest, slice_of(login->options->password)));
}

static bool run_login(struct login *login)
{
    static char first[ROOM], second[ROOM];
    struct text user, password;

    text_init(&user, first, sizeof first);
    text_init(&password, second, sizeof second);
    return ask(login, slice_of("Username:"), &user) &&
           ask(login, slice_of("Password:"), &password) &&
           conclude(login,
                    slice_equals(text_slice(&user), slice_of(login->options->user)) &&
                        slice_equals(text_slice(&password), slice_of(login->options->password)));
}

static bool run_cram_md5(struct login *login)
{
    static char bytes[ROOM];
    unsigned char noise[8], digest[EVP_MAX_MD_SIZE];
    char challenge[64], expected[ROOM];
    unsigned length = 0;
    struct text answer, line;

    RAND_bytes(noise, sizeof noise);
    snprintf(challenge, sizeof challenge, "<%02x%02x%02x%02x.%02x%02x@smarthost.example>", noise[0],
             noise[1], noise[2], noise[3], noise[4], noise[5]);
    text_init(&answer, bytes, sizeof bytes);
    if (!ask(login, slice_of(challenge), &answer))
        return false;
    HMAC(EVP_md5(), login->options->password, (int)strlen(login->options->password),
         (const unsigned char *)challenge, strlen(challenge), digest, &length);
    text_init(&line, expected, sizeof expected);
    text_add_format(&line, "%s ", login->options->user);
    for (unsigned i = 0; i < length; i++)
        text_add_format(&line, "%02x", digest[i]);
    return conclude(login, slice_equals(text_slice(&answer), text_slice(&line)));
}

/* --- SCRAM ----------------------------------------------------------------------------------- */

struct scram {
    const EVP_MD *hash;
    unsigned size;
    char first[ROOM]; /* the client's first message */
    char header[64];  /* of it */
    const char *bare; /* its rest */
    char server_first[1024];
    char bound_bytes[256]; /* what c= must decode to */
    struct text bound;
    unsigned char stored[KEY], server[KEY];
};

static void keyed(const struct scram *scram, const unsigned char *key, const char *message,
                  unsigned char *out)
{
    HMAC(scram->hash, key, (int)scram->size, (const unsigned char *)message, strlen(message), out,
         NULL);
}

static void store_keys(struct scram *scram, const char *password, const unsigned char *salt,
                       int iterations)
{
    unsigned char salted[KEY], client[KEY];

    PKCS5_PBKDF2_HMAC(password, (int)strlen(password), salt, 16, iterations, scram->hash,
                      (int)scram->size, salted);
    keyed(scram, salted, "Client Key", client);
    EVP_Digest(client, scram->size, scram->stored, NULL, scram->hash, NULL);
    keyed(scram, salted, "Server Key", scram->server);
}

/* What this end knows of the connection; false for a binding that is not known. */
static bool add_binding(const struct login *login, struct slice type, struct text *bound)
{
    const struct login_options *options = login->options;
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned length = 32;
    SSL *tls = login->talk->tls;

    if (tls == NULL ||
        (options->binding != NULL && !slice_equals(type, slice_of(options->binding))))
        return false;
    if (slice_equals(type, slice_of("tls-exporter")))
        SSL_export_keying_material(tls, bytes, 32, "EXPORTER-Channel-Binding", 24, bytes, 0, 1);
    else if (slice_equals(type, slice_of("tls-server-end-point")))
        X509_digest(SSL_get_certificate(tls), EVP_sha256(), bytes,
                    &length); /* ours are of SHA-256 */
    else
        return false;
    text_add_slice(bound, slice_make((const char *)bytes, length));
    return true;
}

/* Judges "p=tls-exporter,," and the like; returns an error of RFC 5802 or NULL. */
static const char *judge_header(const struct login *login, struct scram *scram)
{
    struct slice header = slice_of(scram->header);
    bool knows = login->options->stripped || strstr(login->options->mechanisms, "-PLUS") != NULL;

    text_init(&scram->bound, scram->bound_bytes, sizeof scram->bound_bytes);
    text_add_slice(&scram->bound, header);
    if (login->bound != (header.bytes[0] == 'p'))
        return "channel-binding-not-supported";
    if (header.bytes[0] == 'y' && knows)
        return "server-does-support-channel-binding";
    if (login->bound &&
        !add_binding(login, slice_make(header.bytes + 2, header.length - 4), &scram->bound))
        return "unsupported-channel-binding-type";
    return NULL;
}

static bool fail(const struct login *login, const char *reason)
{
    static char bytes[ROOM];
    char message[128];
    struct text answer;

    snprintf(message, sizeof message, "e=%s", reason);
    text_init(&answer, bytes, sizeof bytes);
    return ask(login, slice_of(message), &answer) ? conclude(login, false) : true;
}

/* Splits "n,,n=user,r=nonce". */
static bool take_client_first(const struct login *login, struct scram *scram, char *nonce,
                              size_t size)
{
    struct text answer;
    char expected[512];
    const char *comma;

    text_init(&answer, scram->first, sizeof scram->first);
    if (!take_first(login, &answer))
        return false;
    comma = strchr(scram->first, ',');
    if (comma == NULL || comma[1] != ',' ||
        (size_t)(comma + 2 - scram->first) >= sizeof scram->header)
        return false;
    scram->bare = comma + 2;
    snprintf(scram->header, sizeof scram->header, "%.*s", (int)(scram->bare - scram->first),
             scram->first);
    snprintf(expected, sizeof expected, "n=%s,r=", login->options->user);
    if (strncmp(scram->bare, expected, strlen(expected)) != 0)
        return false;
    snprintf(nonce, size, "%s", scram->bare + strlen(expected));
    return strlen(nonce) >= 16;
}

/* "c=BINDING,r=NONCE,p=PROOF" */
static bool proof_is_good(struct scram *scram, const char *final, const char *nonce,
                          unsigned char *signature)
{
    static char exchanged[2 * ROOM];
    char binding[512], without[1024], raw[KEY + 1];
    unsigned char proof[KEY], mine[KEY], key[KEY], stored[KEY];
    struct text text;
    const char *tail = strstr(final, ",p=");

    text_init(&text, binding, sizeof binding);
    codec_base64_encode(&text, text_slice(&scram->bound));
    snprintf(without, sizeof without, "c=%.500s,r=%.500s", binding, nonce);
    if (tail == NULL || (size_t)(tail - final) != strlen(without) ||
        strncmp(final, without, strlen(without)) != 0)
        return false;
    text_init(&text, raw, sizeof raw);
    if (!codec_base64_decode(&text, slice_of(tail + 3)) || text.length != scram->size)
        return false;
    memcpy(proof, raw, scram->size);
    snprintf(exchanged, sizeof exchanged, "%s,%s,%s", scram->bare, scram->server_first, without);
    keyed(scram, scram->stored, exchanged, mine);
    for (unsigned i = 0; i < scram->size; i++)
        key[i] = proof[i] ^ mine[i];
    EVP_Digest(key, scram->size, stored, NULL, scram->hash, NULL);
    keyed(scram, scram->server, exchanged, signature);
    return memcmp(stored, scram->stored, scram->size) == 0;
}

/* Proves ourselves, in the way that is asked for. */
static bool sign(const struct login *login, const struct scram *scram, unsigned char *signature)
{
    static char bytes[ROOM];
    char message_bytes[256], line_bytes[512];
    struct text answer, message, line;

    signature[0] ^= login->options->signature == LOGIN_LIES;
    text_init(&answer, bytes, sizeof bytes);
    text_init(&message, message_bytes, sizeof message_bytes);
    text_init(&line, line_bytes, sizeof line_bytes);
    text_add(&message, "v=");
    codec_base64_encode(&message, slice_make((const char *)signature, scram->size));
    if (login->options->signature == LOGIN_IN_235) {
        *login->accepted = true;
        text_add(&line, "235 2.7.0 ");
        codec_base64_encode(&line, text_slice(&message));
        return say(login, line.bytes);
    }
    if (login->options->signature == LOGIN_KEEPS_QUIET)
        return conclude(login, true);
    if (!ask(login, text_slice(&message), &answer))
        return true;
    return conclude(login, answer.length == 0);
}

static bool run_scram(struct login *login, const EVP_MD *hash)
{
    static struct scram scram;
    static char final_bytes[ROOM];
    char nonce[256], both[320], salt_bytes[64], own_bytes[64];
    unsigned char salt[16], own[12], signature[KEY];
    struct text text, final;
    const char *reason;

    memset(&scram, 0, sizeof scram);
    scram.hash = hash;
    scram.size = (unsigned)EVP_MD_get_size(hash);
    if (!take_client_first(login, &scram, nonce, sizeof nonce))
        return say(login, "501 5.5.2 that is not SCRAM");
    if ((reason = judge_header(login, &scram)) != NULL)
        return fail(login, reason);
    RAND_bytes(salt, sizeof salt);
    RAND_bytes(own, sizeof own);
    text_init(&text, own_bytes, sizeof own_bytes);
    codec_base64_encode(&text, slice_make((const char *)own, sizeof own));
    snprintf(both, sizeof both, "%s%s", nonce, own_bytes);
    text_init(&text, salt_bytes, sizeof salt_bytes);
    codec_base64_encode(&text, slice_make((const char *)salt, sizeof salt));
    snprintf(scram.server_first, sizeof scram.server_first, "r=%s,s=%s,i=%d", both, salt_bytes,
             login->options->iterations);
    text_init(&final, final_bytes, sizeof final_bytes);
    if (!ask(login, slice_of(scram.server_first), &final))
        return true;
    store_keys(&scram, login->options->password, salt, login->options->iterations);
    if (!proof_is_good(&scram, final.bytes, both, signature))
        return conclude(login, false);
    return sign(login, &scram, signature);
}

static bool run_scram_sha_1(struct login *login)
{
    return run_scram(login, EVP_sha1());
}

static bool run_scram_sha_256(struct login *login)
{
    return run_scram(login, EVP_sha256());
}

static bool run_scram_sha_512(struct login *login)
{
    return run_scram(login, EVP_sha512());
}

/* --- tokens and certificates ----------------------------------------------------------------- */

static bool judge_token(struct login *login, struct slice answer, struct slice expected)
{
    static char bytes[ROOM];
    struct text nothing;

    if (slice_equals(answer, expected))
        return conclude(login, true);
    text_init(&nothing, bytes, sizeof bytes);
    if (!ask(login,
             slice_of("{\"status\":\"invalid_token\",\"scope\":\"https:\\/\\/mail.example/\"}"),
             &nothing))
        return true;
    return conclude(login, false);
}

static bool run_oauthbearer(struct login *login)
{
    static char bytes[ROOM], expected_bytes[ROOM];
    struct text answer, expected;
    struct slice host;

    text_init(&answer, bytes, sizeof bytes);
    text_init(&expected, expected_bytes, sizeof expected_bytes);
    if (!take_first(login, &answer))
        return false;
    /* Host and port are those that the client was told, which this end does not know. */
    text_add_format(&expected, "n,a=%s,\1host=", login->options->user);
    host = slice_from(text_slice(&answer), expected.length);
    text_add_slice(&expected, slice_to(host, slice_find(host, '\1')));
    text_add(&expected, "\1port=");
    host = slice_from(text_slice(&answer), expected.length);
    text_add_slice(&expected, slice_to(host, slice_find(host, '\1')));
    text_add_format(&expected, "\1auth=Bearer %s\1\1", login->options->password);
    return judge_token(login, text_slice(&answer), text_slice(&expected));
}

static bool run_xoauth2(struct login *login)
{
    static char bytes[ROOM], expected_bytes[ROOM];
    struct text answer, expected;

    text_init(&answer, bytes, sizeof bytes);
    text_init(&expected, expected_bytes, sizeof expected_bytes);
    if (!take_first(login, &answer))
        return false;
    text_add_format(&expected, "user=%s\1auth=Bearer %s\1\1", login->options->user,
                    login->options->password);
    return judge_token(login, text_slice(&answer), text_slice(&expected));
}

/* Whoever has the certificate of the user. */
static bool run_external(struct login *login)
{
    static char bytes[ROOM];
    char name[128] = "";
    struct text answer;
    X509 *certificate = login->talk->tls ? SSL_get0_peer_certificate(login->talk->tls) : NULL;

    text_init(&answer, bytes, sizeof bytes);
    if (!take_first(login, &answer))
        return false;
    if (certificate != NULL)
        X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name,
                                  sizeof name);
    return conclude(login,
                    strcmp(name, login->options->user) == 0 &&
                        (answer.length == 0 || slice_equals(text_slice(&answer), slice_of(name))));
}

static bool is_offered(const struct login_options *options, struct slice name)
{
    struct slice rest = slice_of(options->mechanisms), word;

    while (slice_cut_word(&rest, &word))
        if (slice_equals_nocase(word, name))
            return true;
    return false;
}

bool login_run(const struct login_options *options, const struct login_talk *talk,
               struct slice command, char *mechanism, bool *accepted)
{
    static const struct {
        const char *name;
        bool (*run)(struct login *login);
        bool bound;
    } rows[] = {
        {"PLAIN", run_plain, false},
        {"LOGIN", run_login, false},
        {"CRAM-MD5", run_cram_md5, false},
        {"SCRAM-SHA-1", run_scram_sha_1, false},
        {"SCRAM-SHA-256", run_scram_sha_256, false},
        {"SCRAM-SHA-512", run_scram_sha_512, false},
        {"SCRAM-SHA-1-PLUS", run_scram_sha_1, true},
        {"SCRAM-SHA-256-PLUS", run_scram_sha_256, true},
        {"SCRAM-SHA-512-PLUS", run_scram_sha_512, true},
        {"OAUTHBEARER", run_oauthbearer, false},
        {"XOAUTH2", run_xoauth2, false},
        {"EXTERNAL", run_external, false},
    };
    struct slice name = {0};

    mechanism[0] = '\0';
    *accepted = false;
    slice_cut_word(&command, &name);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct login login = {options, talk, slice_trim(command), accepted, rows[i].bound};

        if (!slice_equals_nocase(name, slice_of(rows[i].name)) || !is_offered(options, name))
            continue;
        snprintf(mechanism, 32, "%s", rows[i].name);
        return rows[i].run(&login);
    }
    return talk->say(talk->context, "504 5.5.4 unknown mechanism");
}

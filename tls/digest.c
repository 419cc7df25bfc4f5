/* Hash, HMAC (RFC 2104) and PBKDF2 (RFC 8018) by OpenSSL. Invariant: what is derived from a secret
 * stays nowhere but where the caller asked for it. */
#include "tls/digest.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "base/clock.h"
#include "tls/reserve.h"

enum { ITERATIONS_BETWEEN_LOOKS = 4096 }; /* at the clock */

static const char *name_of(enum digest_hash hash)
{
    static const char *const names[] = {
        [DIGEST_MD5] = "MD5",
        [DIGEST_SHA1] = "SHA1",
        [DIGEST_SHA256] = "SHA2-256",
        [DIGEST_SHA512] = "SHA2-512",
    };

    return names[hash];
}

static bool refuse(enum digest_hash hash, struct error *error)
{
    ERR_clear_error();
    if (reserve_was_used())
        return error_set_memory(error);
    return error_set(error, EX_OSERR, "OpenSSL has no %s here", name_of(hash));
}

static const unsigned char *octets(struct slice slice)
{
    return (const unsigned char *)(slice.bytes != NULL ? slice.bytes : "");
}

struct slice digest_slice(const struct digest *digest)
{
    return slice_make(digest->bytes, digest->length);
}

bool digest_of(enum digest_hash hash, struct slice in, struct digest *out, struct error *error)
{
    reserve_set_up();
    return EVP_Q_digest(NULL, name_of(hash), NULL, octets(in), in.length,
                        (unsigned char *)out->bytes, &out->length) == 1 ||
           refuse(hash, error);
}

/* A context with the key in it; NULL when there is none to be had. */
static EVP_MAC_CTX *begin_hmac(enum digest_hash hash, struct slice key)
{
    EVP_MAC *hmac;
    EVP_MAC_CTX *context;
    char name[16];
    OSSL_PARAM parameters[2];

    reserve_set_up();
    hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    context = EVP_MAC_CTX_new(hmac);
    EVP_MAC_free(hmac);
    OPENSSL_strlcpy(name, name_of(hash), sizeof(name));
    parameters[0] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0);
    parameters[1] = OSSL_PARAM_construct_end();
    if (context != NULL && EVP_MAC_init(context, octets(key), key.length, parameters) == 1)
        return context;
    EVP_MAC_CTX_free(context);
    return NULL;
}

static bool end_hmac(EVP_MAC_CTX *context, struct digest *out)
{
    return EVP_MAC_final(context, (unsigned char *)out->bytes, &out->length, DIGEST_SIZE) == 1;
}

bool digest_hmac(enum digest_hash hash, struct slice key, struct slice in, struct digest *out,
                 struct error *error)
{
    EVP_MAC_CTX *context = begin_hmac(hash, key);
    bool done = context != NULL && EVP_MAC_update(context, octets(in), in.length) == 1 &&
                end_hmac(context, out);

    EVP_MAC_CTX_free(context);
    return done || refuse(hash, error);
}

/* HMAC of `block`, in place. */
static bool repeat(EVP_MAC_CTX *context, struct digest *block)
{
    return EVP_MAC_init(context, NULL, 0, NULL) == 1 &&
           EVP_MAC_update(context, octets(digest_slice(block)), block->length) == 1 &&
           end_hmac(context, block);
}

static bool iterate(EVP_MAC_CTX *context, const struct digest_stretch *how, struct digest *block,
                    struct digest *out, struct error *error)
{
    for (uint32_t i = 1; i < how->iterations; i++) {
        if (i % ITERATIONS_BETWEEN_LOOKS == 0 && clock_remaining(how->deadline) == 0)
            return error_set(error, EX_TEMPFAIL,
                             "%u iterations of %s take longer than timeout permits",
                             (unsigned)how->iterations, name_of(how->hash));
        if (!repeat(context, block))
            return refuse(how->hash, error);
        for (size_t j = 0; j < block->length; j++)
            out->bytes[j] = (char)(out->bytes[j] ^ block->bytes[j]);
    }
    return true;
}

bool digest_stretch(const struct digest_stretch *how, struct slice password, struct digest *out,
                    struct error *error)
{
    static const unsigned char first_block[4] = {0, 0, 0, 1};
    EVP_MAC_CTX *context = begin_hmac(how->hash, password);
    struct digest block;
    bool done =
        context != NULL && EVP_MAC_update(context, octets(how->salt), how->salt.length) == 1 &&
        EVP_MAC_update(context, first_block, sizeof(first_block)) == 1 && end_hmac(context, &block);

    if (!done) {
        refuse(how->hash, error);
    } else {
        *out = block;
        done = iterate(context, how, &block, out, error);
    }
    EVP_MAC_CTX_free(context);
    OPENSSL_cleanse(&block, sizeof(block));
    if (!done)
        OPENSSL_cleanse(out, sizeof(*out));
    return done;
}

bool digest_random(char *bytes, size_t length, struct error *error)
{
    reserve_set_up();
    if (RAND_bytes((unsigned char *)bytes, (int)length) == 1)
        return true;
    ERR_clear_error();
    if (reserve_was_used())
        return error_set_memory(error);
    return error_set(error, EX_OSERR, "OpenSSL has no random numbers");
}

bool digest_equals(struct slice a, struct slice b)
{
    return a.length == b.length && CRYPTO_memcmp(octets(a), octets(b), a.length) == 0;
}

void digest_wipe(void *bytes, size_t length)
{
    OPENSSL_cleanse(bytes, length);
}

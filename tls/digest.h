/* Digests, keys from passwords, randomness. Each function here asks OpenSSL for its algorithms by
 * itself, so that nobody pays for them who does not call it. Lengths are in octets. */
#ifndef TLS_DIGEST_H
#define TLS_DIGEST_H

#include "base/error.h"
#include "base/slice.h"

enum digest_hash { DIGEST_MD5, DIGEST_SHA1, DIGEST_SHA256, DIGEST_SHA512 };

enum { DIGEST_SIZE = 64 };

struct digest {
    char bytes[DIGEST_SIZE];
    size_t length;
};

struct slice digest_slice(const struct digest *digest);

/* EX_OSERR where OpenSSL does not have the algorithm, as MD5 in a FIPS configuration. */
bool digest_of(enum digest_hash hash, struct slice in, struct digest *out, struct error *error);

/* HMAC (RFC 2104). The same error. */
bool digest_hmac(enum digest_hash hash, struct slice key, struct slice in, struct digest *out,
                 struct error *error);

/* How a password is made a key: PBKDF2 (RFC 8018 section 5.2) with HMAC, the first block. */
struct digest_stretch {
    enum digest_hash hash;
    struct slice salt;
    uint32_t iterations; /* at least 1 */
    int64_t deadline;    /* of base/clock.h */
};

/* The same errors; EX_TEMPFAIL when the deadline passes. */
bool digest_stretch(const struct digest_stretch *how, struct slice password, struct digest *out,
                    struct error *error);

/* Octets that nobody can foretell. EX_OSERR. */
bool digest_random(char *bytes, size_t length, struct error *error);

/* Takes the same time wherever they differ. */
bool digest_equals(struct slice a, struct slice b);

/* Overwrites it so that the compiler cannot leave it out. */
void digest_wipe(void *bytes, size_t length);

#endif

/* Why a certificate was not believed, in words. */
#ifndef TLS_VERIFY_H
#define TLS_VERIFY_H

#include <openssl/x509_vfy.h>

#include "base/error.h"

/* Fills the error (EX_NOPERM) from a verification that failed: the certificate, what is wrong with
 * it, and the keys that would accept it knowingly. `name` is what was connected to. */
bool verify_explain(X509_STORE_CTX *verification, const char *name, struct error *error);

/* The same for a certificate that has none of the fingerprints asked for; the one it has is shown
 * (of its key where `by_key`). */
bool verify_refuse_stranger(X509 *certificate, const char *name, bool by_key, struct error *error);

#endif

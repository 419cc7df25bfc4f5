/* Why a certificate was not believed, in words. */
#ifndef TLS_VERIFY_H
#define TLS_VERIFY_H

#include <openssl/x509_vfy.h>

#include "base/error.h"

/* Fills the error (EX_NOPERM) from a verification that failed. `name` is what was connected to. */
bool verify_explain(X509_STORE_CTX *verification, const char *name, struct error *error);

#endif

/* The server's side of AUTH (RFC 4954), every mechanism computed here on its own and none of the
 * code under test. */
#ifndef TESTS_SMARTHOST_LOGIN_H
#define TESTS_SMARTHOST_LOGIN_H

#include <openssl/ssl.h>

#include "base/slice.h"

struct login_options {
    const char *user, *password; /* or the token */
    const char *mechanisms;      /* offered, blank-separated */
    const char *binding;         /* the one channel binding known; NULL: both */
    bool stripped;               /* -PLUS is known, though the list may not say so */
    int iterations;              /* SCRAM's */
    enum { LOGIN_CHALLENGES, LOGIN_IN_235, LOGIN_KEEPS_QUIET, LOGIN_LIES } signature;
};

/* How it talks: a line out (false: gone), a line in (valid until the next). */
struct login_talk {
    bool (*say)(void *context, const char *line);
    bool (*hear)(void *context, struct slice *line);
    void *context;
    SSL *tls; /* NULL in clear */
};

/* Runs the exchange that "AUTH `command`" begins, to the last reply. False: the client is gone.
 * `mechanism` (of 32 bytes) is its name, "" where it is none of those offered. */
bool login_run(const struct login_options *options, const struct login_talk *talk,
               struct slice command, char *mechanism, bool *accepted);

#endif

/* Fetching the secret of an account: from its configuration, a file, or a command. */
#ifndef CONFIG_SECRET_H
#define CONFIG_SECRET_H

#include "base/error.h"
#include "smtp/sasl/sasl.h"

struct account;

/* True for a password_file that starts with "$CREDENTIALS_DIRECTORY/": systemd's directory of
 * credentials, which is known only when the secret is loaded. */
bool secret_is_credential(const char *path);

/* Fills `secret`, whatever it held, to be wiped with sasl_wipe (which is done here on a failure);
 * one of password_command can be renewed, as long as the account's strings live. An account with
 * none of the three keys gives an empty secret. EX_CONFIG for a file or a program that is not as it
 * must be, EX_NOPERM for one that may not be read or run, EX_TEMPFAIL when the command fails, which
 * it may not do the next time. */
bool secret_load(const struct account *account, struct sasl_secret *secret, struct error *error);

/* The same for a password_command, which may take `timeout` milliseconds. */
bool secret_run(const char *command, int64_t timeout, struct sasl_secret *secret,
                struct error *error);

#endif

/* --configure: finds the server for an address, proves that it takes the login, and writes the
 * configuration. */
#ifndef AGENT_CONFIGURE_H
#define AGENT_CONFIGURE_H

#include "agent/call.h"

/* Does it as call->options say. Talks on standard output and, without --yes, asks on the terminal
 * that standard input is. Nothing is written before the login has succeeded with just what is
 * written. EX_USAGE for no address or no terminal; EX_CANTCREAT where a configuration is there
 * already that may not be replaced, or none can be written; EX_NOHOST where no server was found;
 * EX_NOPERM where the login or the certificate was refused, or only a name that the DNS alone
 * vouches for is left and nobody can be asked; else as the step that failed. */
bool configure_run(struct call *call, struct error *error);

#endif

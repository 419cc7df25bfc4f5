/* AUTH (RFC 4954): the mechanism's exchange on one connection, in steps of its own or as part of a
 * pipelined flight. */
#ifndef SMTP_AUTHENTICATE_H
#define SMTP_AUTHENTICATE_H

#include "smtp/client.h"

/* The mechanism to log in with, NULL where no login is asked for. EX_NOPERM: nothing suitable is
 * offered; EX_CONFIG: there is no secret. */
bool authenticate_choose(const struct client *client, const struct sasl_mechanism **mechanism,
                         struct error *error);

/* True when AUTH and its initial response fit one line of a pipelined flight. */
bool authenticate_can_ride(const struct client *client, const struct sasl_mechanism *mechanism);

/* Appends that line to the output. */
bool authenticate_ride(struct client *client, const struct sasl_mechanism *mechanism,
                       struct error *error);

/* Reads the answer to a step of the login; where the server closes instead, the error says what
 * that may mean. */
bool authenticate_read(struct client *client, const struct sasl_mechanism *mechanism,
                       struct error *error);

/* Judges client->reply as the last word on a login: 235 sets logged_in. Any 5xx is EX_NOPERM, never
 * permanent; 4xx EX_TEMPFAIL. */
bool authenticate_judge(struct client *client, const struct sasl_mechanism *mechanism,
                        struct error *error);

/* After a login failed: true when it was an OAuth token that the server refused (535). A caller
 * that can get a newer token puts it into the secret and runs the login once more, on the same
 * connection where that still stands; the second verdict is final. */
bool authenticate_may_renew(const struct client *client, const struct sasl_mechanism *mechanism);

/* Logs in, step by step. False also where the server says 235 and could not prove who it is. */
bool authenticate_run(struct client *client, const struct sasl_mechanism *mechanism,
                      struct error *error);

#endif

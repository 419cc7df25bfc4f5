/* The parameters of delivery reports (RFC 3461 section 4), as options and -bs take them. */
#ifndef MESSAGE_DSN_H
#define MESSAGE_DSN_H

#include "base/error.h"
#include "base/text.h"

enum { DSN_ID_LIMIT = 100, DSN_ORIGINAL_LIMIT = 500 }; /* characters of an ENVID, of an ORCPT */

/* RET: how much of the message a report is to bring back. */
enum dsn_return { DSN_RETURN_UNSET, DSN_RETURN_FULL, DSN_RETURN_HEADERS };

/* NOTIFY: a set of these; 0 where nothing was asked for. NEVER stands alone. */
enum { DSN_NEVER = 1, DSN_SUCCESS = 2, DSN_FAILURE = 4, DSN_DELAY = 8 };

/* "success,failure", "never", in any case of letters. EX_USAGE: "takes never, or some of ...". */
bool dsn_parse_notify(struct slice value, unsigned char *notify, struct error *error);

/* "full" or "hdrs", in any case of letters. EX_USAGE. */
bool dsn_parse_return(struct slice value, enum dsn_return *what, struct error *error);

/* An envelope id: xtext of 1 to DSN_ID_LIMIT characters, which stands for no control character.
 * EX_USAGE. */
bool dsn_check_id(struct slice value, struct error *error);

/* An original recipient: "rfc822;user@example.com", its part behind the semicolon such xtext (or,
 * where `utf8`, the utf-8-addr-xtext of RFC 6533). EX_USAGE. */
bool dsn_check_original(struct slice value, bool utf8, struct error *error);

/* "SUCCESS,FAILURE": the value of NOTIFY for a set that is not empty. */
void dsn_add_notify(struct text *out, unsigned char notify);

/* "rfc822;" and `address` as xtext: an ORCPT. */
void dsn_add_original(struct text *out, const char *address);

#endif

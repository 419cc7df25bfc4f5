/* Commands (RFC 5321 section 4.1), built so that nothing can be injected into them. Lines are
 * without CRLF. */
#ifndef SMTP_COMMAND_H
#define SMTP_COMMAND_H

#include "message/dsn.h"

enum { COMMAND_SIZE = 1280 }; /* the longest address with the longest parameters */

struct command_mail {
    const char *sender; /* "" is the null sender */
    bool has_size;      /* SIZE= is to be declared */
    uint64_t size;
    bool eight_bit, smtputf8;
    enum dsn_return returned; /* RET= (RFC 3461 section 4.3), unless unset */
    const char *id;           /* ENVID= (section 4.4), xtext; NULL: none */
};

struct command_rcpt {
    const char *address;
    bool smtputf8;
    unsigned char notify; /* NOTIFY= (RFC 3461 section 4.1), a set of DSN_*; 0: none */
    const char *original; /* ORCPT= (section 4.2) in its form on the wire; NULL: none */
};

/* Each writes one line into `line`, which is emptied first. EX_USAGE for an address that could end
 * the path or the line, for a parameter's value that could end the value, for 8-bit octets without
 * SMTPUTF8, and for a line that is too long. */
bool command_mail(struct text *line, const struct command_mail *mail, struct error *error);
bool command_rcpt(struct text *line, const struct command_rcpt *rcpt, struct error *error);

/* "EHLO name"; `verb` is EHLO or HELO. `name` must have passed command_is_hello_name. */
bool command_hello(struct text *line, const char *verb, const char *name, struct error *error);

/* True for a host name or an address literal that can stand behind EHLO. */
bool command_is_hello_name(const char *name);

/* "BDAT 86 LAST" (RFC 3030) */
void command_bdat(struct text *line, uint64_t size);

/* The last look at a line, whoever built it: printable ASCII, or UTF-8 where `utf8`. EX_SOFTWARE.
 */
bool command_check(struct slice line, bool utf8, struct error *error);

#endif

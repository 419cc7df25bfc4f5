/* The commands of a local caller that have arguments worth parsing (RFC 5321 section 4.1.1, 1870,
 * 3030, 3461, 4954, 6152, 6531). Lines are without line end. Blanks are tolerated where libraries
 * put them: behind the colon, inside the brackets, at the end; so is a path without brackets. A
 * source route is dropped. A refusal is answer_refuse's. */
#ifndef SMTP_SERVER_COMMAND_H
#define SMTP_SERVER_COMMAND_H

#include "message/dsn.h"
#include "smtp/caller.h"

struct server_mail {
    const char *sender; /* as written, without brackets; "" is the null sender */
    bool has_size;
    uint64_t size; /* as declared */
    bool eight_bit, smtputf8;
    enum dsn_return returned;
    const char *id;               /* ENVID; NULL where none was given */
    char kept[CALLER_LINE_LIMIT]; /* the strings above */
};

struct server_rcpt {
    const char *address;  /* as written, without brackets; never "" */
    unsigned char notify; /* DSN_* */
    const char *original; /* ORCPT; NULL where none was given */
    char kept[CALLER_LINE_LIMIT];
};

/* True when `line` is printable ASCII, blanks and 8-bit octets. */
bool server_command_is_text(struct slice line);

/* Cuts the verb off `line`; what is left is the argument without blanks at its ends. */
struct slice server_command_cut_verb(struct slice *line);

/* "FROM:<path> parameters" and "TO:<path> parameters"; at most CALLER_LINE_LIMIT - 2 octets. 501
 * for what is malformed, 555 for an unknown parameter, 553 5.6.7 for 8-bit octets without
 * SMTPUTF8 (`smtputf8`: MAIL had it). */
bool server_command_parse_mail(struct slice argument, struct server_mail *mail,
                               struct error *error);
bool server_command_parse_rcpt(struct slice argument, bool smtputf8, struct server_rcpt *rcpt,
                               struct error *error);

/* "123" or "123 LAST". `counted` is false when it is not known how many octets follow. */
struct server_chunk {
    bool counted, last;
    uint64_t size;
};
bool server_command_parse_bdat(struct slice argument, struct server_chunk *chunk,
                               struct error *error);

#endif

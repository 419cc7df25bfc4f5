/* Addresses: the lists of RFC 5322 sections 3.4 and 4.4 as people really write them, and the strict
 * form that goes into the envelope (RFC 5321 section 4.1.2, RFC 6531). */
#ifndef MESSAGE_ADDRESS_H
#define MESSAGE_ADDRESS_H

#include "base/arena.h"
#include "base/error.h"
#include "base/text.h"

enum { ADDRESS_SIZE = 512 }; /* the longest address taken, with NUL */

/* The tokens of an address list in order; together their spans cover the value without gap. */
enum address_token_kind {
    ADDRESS_END,
    ADDRESS_BLANK,   /* white space and folds */
    ADDRESS_COMMENT, /* "(...)", nested, with both brackets */
    ADDRESS_ATOM,    /* also dots, and 8-bit text */
    ADDRESS_QUOTED,  /* a quoted string with its quotes */
    ADDRESS_LITERAL, /* [192.0.2.1] with its brackets */
    ADDRESS_SPECIAL  /* one of < > , ; : @ or a stray character */
};

struct address_token {
    enum address_token_kind kind;
    struct slice span;
    bool unterminated; /* a comment or string that the value's end cut off */
};

/* The next token of `rest`, cut off it. Unterminated comments and strings end with the value. No
 * recursion: nesting costs a counter. */
struct address_token address_next_token(struct slice *rest);

/* One mailbox of a list. */
struct address_mailbox {
    struct slice local;  /* as written: blanks and comments may stand around its dots */
    struct slice domain; /* the same; empty for a bare local part */
    struct slice whole; /* all between the commas without blanks at its ends, display name included;
                           set on failure too */
};

/* The next mailbox of `rest` (groups opened, routes and display names skipped, empty elements
 * passed over); `found` is false at the end. EX_USAGE with the position for what is no address;
 * `rest` is then behind it. A semicolon divides like a comma. Time is linear in the list. */
bool address_next(struct slice *rest, struct address_mailbox *mailbox, bool *found,
                  struct error *error);

/* The envelope form of a mailbox into `out` (ADDRESS_SIZE bytes): comments and blanks gone, quotes
 * only where needed, `default_domain` appended to a bare local part (NULL: left bare), the domain's
 * ASCII lower-cased and its non-ASCII labels as A-labels, address literals checked. `needs_utf8` is
 * set (never cleared) for a local part that needs SMTPUTF8. EX_USAGE names the character and its
 * position: control characters and NUL; a leading '-', '|' or '/' where the mailbox had no domain;
 * an empty local part or label; too long. */
bool address_canonical(const struct address_mailbox *mailbox, const char *default_domain,
                       struct text *out, bool *needs_utf8, struct error *error);

/* `string` must be exactly one mailbox ("a@b", "Name <a@b>", "a"); "" and "<>" give the null sender
 * "". For -f and configured addresses. */
bool address_parse_one(struct slice string, const char *default_domain, struct text *out,
                       bool *needs_utf8, struct error *error);

/* False (EX_USAGE, with the position) when `string` has a control character other than a tab: an
 * address from the command line has no folds, as one in a header may. */
bool address_check_controls(struct slice string, struct error *error);

/* True when `address` matches one of the blank-separated `patterns`, in which '*' stands for any
 * run of characters; the domain without regard to case. */
bool address_matches(struct slice address, const char *patterns);

#endif

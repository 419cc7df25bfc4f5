/* What a stretch of octets is like: what keeps it from the wire, and how it is best encoded. */
#ifndef MESSAGE_SURVEY_H
#define MESSAGE_SURVEY_H

#include "base/utf8.h"
#include "message/store.h"

enum { SURVEY_LINE_LIMIT = 998 }; /* RFC 5322 section 2.1.1, without CRLF */

/* A zeroed struct stands before the first octet. */
struct survey {
    struct utf8 utf8;
    uint64_t length;
    uint64_t to_quote;             /* octets that quoted-printable cannot show as they are */
    uint64_t line, longest;        /* the line under way; the longest one ended, without CRLF */
    bool has_8bit, has_nul, carry; /* carry: the last octet was a CR */
};

void survey_add(struct survey *survey, struct slice octets);

/* The longest line so far, also one without an end. */
uint64_t survey_longest(const struct survey *survey);

/* Whether a server takes it as it is (`eight_bit`: it offers 8BITMIME). */
bool survey_fits(const struct survey *survey, bool eight_bit);

/* Whether base64 suits it better than quoted-printable: a third of it would have to be quoted, or
 * it has NULs. */
bool survey_is_dense(const struct survey *survey);

/* What a server takes of a line without CRLF, in `bytes`: its first octets, with '?' for NUL and,
 * unless `eight_bit`, for 8-bit octets. */
struct slice survey_cut_line(struct slice line, bool eight_bit, char bytes[SURVEY_LINE_LIMIT]);

/* Surveys a stretch of `store`. EX_IOERR, EX_OSERR. */
bool survey_extent(struct survey *survey, struct store *store, struct extent extent,
                   struct error *error);

#endif

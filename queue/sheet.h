/* A message written line by line, of printable ASCII alone whatever goes into it: what
 * queue/bounce.c and queue/status.c write on. */
#ifndef QUEUE_SHEET_H
#define QUEUE_SHEET_H

#include "base/text.h"
#include "message/message.h"

enum {
    SHEET_LINE_LIMIT = 998,
    SHEET_WIDTH = 76,       /* where words are wrapped */
    SHEET_WORDS_LIMIT = 900 /* octets of anything from outside; what is longer ends in dots */
};

struct sheet {
    struct message *message; /* its store grows */
    struct error *error;     /* filled at the first failure, after which nothing is written */
    bool failed;
    size_t column, longest; /* of the line under way, and of all; octets without CRLF */
};

/* Octets as they are, whole lines. */
void sheet_add(struct sheet *sheet, struct slice octets);

/* One line, cut at SHEET_LINE_LIMIT. What the format brings in from outside must be plain. */
void sheet_line(struct sheet *sheet, const char *format, ...) __attribute__((format(printf, 2, 3)));

void sheet_blank(struct sheet *sheet);

/* `first`, then words, made plain and filled into lines of SHEET_WIDTH of which all others begin
 * with `next`. */
void sheet_wrapped(struct sheet *sheet, const char *first, const char *next, struct slice words);

/* "NAME: DATE" */
void sheet_date(struct sheet *sheet, const char *name, int64_t when);

/* Appends words with '?' for all that is not printable ASCII. */
void sheet_add_plain(struct text *out, struct slice words);

/* The same for use inside a format's arguments: returns the bytes. */
struct sheet_plain {
    char bytes[SHEET_WORDS_LIMIT + 4];
};
const char *sheet_plain(struct sheet_plain *plain, const char *words);

/* True for one word of nothing but printable ASCII. */
bool sheet_is_word(struct slice text);

#endif

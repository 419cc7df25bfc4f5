/* Encoded words (RFC 2047): raw 8-bit text in a header as ASCII that every reader shows right. What
 * is written goes to the field under way in a fold. Memory does not grow with the text. */
#ifndef MESSAGE_WORD_H
#define MESSAGE_WORD_H

#include "message/fold.h"

enum word_place { WORD_IN_TEXT, WORD_IN_PHRASE, WORD_IN_COMMENT };
enum { WORD_STRETCH = 4096 };

/* True when `text` may stand raw in a header: ASCII, or UTF-8 where `utf8` allows it. */
bool word_is_safe(struct slice text, bool utf8);

/* True for an encoded word that stands already, or what looks like one: no blanks around. */
bool word_is_encoded(struct slice word);

/* A run of encoded words of at most 75 characters, joined by CRLF SP folds; a character is never
 * split. A stretch of WORD_STRETCH octets is looked at as a whole: charset utf-8 if it is valid
 * UTF-8, else unknown-8bit; Q, or B where most octets are 8-bit. Where little room is left on the
 * line, a blank before the run becomes a fold. */
struct word_run {
    struct fold *fold;
    enum word_place place;
    bool begun; /* a word has been written */
    size_t length;
    char text[WORD_STRETCH]; /* not yet written */
};

void word_begin(struct word_run *run, struct fold *fold, enum word_place place);
void word_add(struct word_run *run, char octet);
void word_end(struct word_run *run);

/* Writes `text` as one run. */
void word_encode(struct fold *fold, struct slice text, enum word_place place);

/* Writes unstructured `text`: from the first to the last word that cannot stand as it is (8-bit
 * unless `utf8` allows it, or too long for any line) as encoded words, what is around as written.
 * Encoded words already there stay. True when anything was encoded. */
bool word_add_text(struct fold *fold, struct slice text, bool utf8);

#endif

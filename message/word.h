/* Encoded words (RFC 2047): raw 8-bit text in a header as ASCII that every reader shows right. */
#ifndef MESSAGE_WORD_H
#define MESSAGE_WORD_H

#include "base/buffer.h"

enum word_place { WORD_IN_TEXT, WORD_IN_PHRASE, WORD_IN_COMMENT };

/* True when `text` may stand raw in a header: ASCII, or UTF-8 where `utf8` allows it. */
bool word_is_safe(struct slice text, bool utf8);

/* Appends `text` as one or more encoded words of at most 75 characters, joined by CRLF SP folds (a
 * character is never split), charset utf-8 if the text is valid UTF-8, else unknown-8bit; Q,
 * or B where most octets are 8-bit. `column` is where the line stands at the start of `out`; where
 * little room is left, a blank at the end of `out` becomes a fold. */
void word_encode(struct buffer *out, struct slice text, enum word_place place, size_t column);

/* Appends unstructured `text`: from the first to the last word that cannot stand as it is (8-bit
 * unless `utf8` allows it, or too long for any line) as encoded words, what is around as written.
 * Encoded words already there stay. */
void word_add_text(struct buffer *out, struct slice text, bool utf8, size_t column);

#endif

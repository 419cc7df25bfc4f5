/* Encoded words (RFC 2047): raw 8-bit text in a header as ASCII that every reader shows right. */
#ifndef MESSAGE_WORD_H
#define MESSAGE_WORD_H

#include "base/buffer.h"

enum word_place { WORD_IN_TEXT, WORD_IN_PHRASE, WORD_IN_COMMENT };

/* Appends `text` as one or more encoded words of at most 75 characters, joined by CRLF SP folds (a
 * character is never split), charset utf-8 if the text is valid UTF-8, else unknown-8bit; Q or B,
 * whichever is shorter. `column` is where the line stands before, for the first fold, and where it
 * stands afterwards. */
void word_encode(struct buffer *out, struct slice text, enum word_place place, size_t *column);

#endif

/* Text forms of bytes. */
#ifndef BASE_CODEC_H
#define BASE_CODEC_H

#include "base/text.h"

/* Base64 of RFC 4648 section 4, padded, without line breaks, appended to `out`. */
void codec_base64_encode(struct text *out, struct slice in);

/* True for a character of the alphabet, and for '=', the padding. */
bool codec_is_base64(char character);

/* Strict decoder: no blanks, right padding, no stray bits. False for anything else or when `out`
 * overflows; what was appended is then worthless. */
bool codec_base64_decode(struct text *out, struct slice in);

#endif

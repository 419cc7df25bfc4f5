/* Domains in Unicode to the ASCII the DNS knows (RFC 5891 A-labels by RFC 3492 Punycode). ASCII
 * letters are lower-cased; no other mapping is done. */
#ifndef MESSAGE_IDNA_H
#define MESSAGE_IDNA_H

#include "base/error.h"
#include "base/text.h"

/* Appends the ASCII form of `domain` (UTF-8; the full stops of RFC 3490 section 3.1 divide labels).
 * EX_USAGE for what is not UTF-8, for an empty label (a final dot is dropped), a label over 63
 * octets, a name over 253, or an ASCII character no host name has (underscore is let through). */
bool idna_to_ascii(struct slice domain, struct text *out, struct error *error);

#endif

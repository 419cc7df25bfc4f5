/* SASLprep (RFC 4013): how user and password become the same octets at both ends. */
#ifndef SMTP_SASL_PREPARE_H
#define SMTP_SASL_PREPARE_H

#include "base/slice.h"

/* True when SASLprep leaves the string as it is, for certain: printable ASCII, and letters and
 * signs of many scripts, each in one piece. False for what it would change or prohibit, for what is
 * not UTF-8, and for all that can be told only with Unicode's whole tables (scripts written from
 * right to left, combining marks). */
bool prepare_keeps(struct slice string);

#endif

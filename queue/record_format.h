/* What the two halves of the format share (queue/record.c writes, queue/record_decode.c reads);
 * nobody else's business. */
#ifndef QUEUE_RECORD_FORMAT_H
#define QUEUE_RECORD_FORMAT_H

#include <stdbool.h>
#include <stdint.h>

#include "queue/record.h"

#define RECORD_MAGIC    "sendmail queue\r\n"
#define RECORD_END_MARK "end\377"
#define RECORD_TIME_MAX (INT64_C(1) << 48)

enum {
    RECORD_VERSION = 1,
    RECORD_VERSION_AT = sizeof RECORD_MAGIC - 1, /* here in every version, as is the magic, */
    RECORD_SUM_AT = RECORD_VERSION_AT + 4,
    RECORD_LENGTH_AT = RECORD_SUM_AT + 4,
    RECORD_OWN_SUM_AT = RECORD_PREAMBLE - 4, /* and this, of all before it */

    RECORD_STRING_MAX = 1024,
    RECORD_SENTENCE_MAX = 2048,
    RECORD_SAME = 0xffff /* instead of a length: the string of the recipient before */
};

#endif

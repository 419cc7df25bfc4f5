/* Date and Message-ID, in no locale. */
#ifndef MESSAGE_STAMP_H
#define MESSAGE_STAMP_H

#include <time.h>

#include "base/error.h"
#include "base/text.h"

/* "Mon, 23 Nov 2026 12:00:00 +0000" (RFC 5322 section 3.3), in the local time zone. */
void stamp_date(struct text *out, time_t now);

/* "<RANDOM@domain>" with 24 random characters of [0-9A-Za-z], 142 bits (RFC 5322 section 3.6.4);
 * says nothing of host, time or process. EX_OSERR when the system has no random bytes. */
bool stamp_message_id(struct text *out, const char *domain, struct error *error);

#endif

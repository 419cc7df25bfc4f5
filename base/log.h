/* The log: one line in key=value form a submission, to syslog and optionally to a file. Failing to
 * log never fails the mail. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/error.h"
#include "base/text.h"

enum { LOG_LINE_SIZE = 8192 }; /* a longer line is cut */

struct log_options {
    int facility;       /* LOG_MAIL ...; -1 is off */
    const char *file;   /* NULL for none */
    const char *socket; /* where the syslog daemon listens; NULL: /dev/log */
};

/* Remembers where to log; this and the tag are mutable globals of the program, as what
 * base/interrupt.h holds is. `options` must outlive it. */
void log_open(const struct log_options *options);

/* The name that syslog shows in place of "sendmail", and that lines in the file then carry in front
 * as tag=NAME; printable ASCII without blanks, and to outlive the log. NULL: as at the start. */
void log_set_tag(const char *tag);

/* Opens the file now, for a process that is about to give up the right to: it is used where the
 * file cannot be opened any more when a line is written. */
void log_hold(void);

/* Writes one line. `priority` is LOG_ERR, LOG_WARNING, LOG_INFO ... Syslog gets one datagram, and
 * nobody learns of a daemon that is not there or does not read. The file is opened with
 * O_APPEND|O_NOFOLLOW, created 0600 when missing, must be regular with one link, and gets one
 * write(2) a line, with the time in front; where a line before was cut by a full disk, it is ended
 * first. False when the file could not get it, with a sentence
 * that syslog was told as well (EX_CANTCREAT). */
bool log_line(int priority, const char *line, struct error *error);

/* Appends " key=value" (no blank in front of the first); a value that is empty or has anything but
 * printable ASCII, or a space, quote, backslash or '=', is quoted and escaped, and bounded to
 * TEXT_SHOWN_LIMIT. */
void log_add(struct text *line, const char *key, struct slice value);

/* The same without the bound: for sentences and lists of our own making, which are short enough by
 * themselves. */
void log_add_whole(struct text *line, const char *key, struct slice value);

void log_add_number(struct text *line, const char *key, int64_t value);

#endif

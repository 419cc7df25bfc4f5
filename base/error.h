/* The one error type: caller-owned, no allocation, one printable sentence.
 *
 * A function that can fail returns bool (or a pointer) and takes `struct error *` last. It fills it
 * once, at the place that knows; callers add context in front and never replace. Every function
 * here that fills an error returns false, so that a failure reads `return error_set(error, ...)`.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <stdbool.h>
#include <sysexits.h>

enum { ERROR_SENTENCE_SIZE = 2048, ERROR_ENHANCED_SIZE = 12 };

struct error {
    int exit_code;                      /* EX_* of <sysexits.h>; EX_OK while nothing failed */
    bool permanent;                     /* a checked 5xx on this mail, or bad data: may bounce */
    int reply_code;                     /* the server's reply code, 0 where there was none */
    char enhanced[ERROR_ENHANCED_SIZE]; /* its enhanced status ("5.1.1"), or ours; or "" */
    char sentence[ERROR_SENTENCE_SIZE]; /* printable, no newline: "STEP: what happened" */
};

/* Fills `error` with a failure that a later attempt may not meet (permanent = false). What the
 * format brings in from outside must have been escaped (text_add_escaped); a sentence too long for
 * its buffer is cut. */
bool error_set(struct error *error, int exit_code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same for a verdict on this very mail: trying again would not help. */
bool error_set_permanent(struct error *error, int exit_code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same as error_set, with ": " and the words for errno as it was on entry at the end. */
bool error_set_errno(struct error *error, int exit_code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Memory ran out: EX_OSERR (71). */
bool error_set_memory(struct error *error);

/* Puts "CONTEXT: " in front of the sentence. */
bool error_add_context(struct error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Puts "; ADVICE" behind the sentence: what the user can do about it. */
bool error_add_advice(struct error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif

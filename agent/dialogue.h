/* Questions to the person at the terminal that is standard input and output. All functions fail
 * with EX_NOINPUT when that says no more, and with EX_TEMPFAIL when an interrupt comes, which must
 * be held (base/interrupt.h). */
#ifndef AGENT_DIALOGUE_H
#define AGENT_DIALOGUE_H

#include "base/error.h"
#include "base/text.h"

/* True when standard input and output are terminals. */
bool dialogue_is_possible(void);

/* "QUESTION [FALLBACK]: "; the answer without blanks at its ends, `fallback` (NULL: none) where
 * there was none. One too long for `answer` is asked for again. */
bool dialogue_ask(const char *question, const char *fallback, struct text *answer,
                  struct error *error);

/* "QUESTION [Y/n] "; `yes` holds the answer of just Enter, and gets the one given. */
bool dialogue_confirm(const char *question, bool *yes, struct error *error);

/* "QUESTION: " for what is not to be seen: the terminal does not echo, and is as before afterwards,
 * also after an interrupt. The answer as it was typed; the caller wipes it. */
bool dialogue_ask_secret(const char *question, struct text *answer, struct error *error);

#endif
